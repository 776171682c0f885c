"""By which rules resources are made findable: a fingerprint of the rules for each parameter of each type.

The rules are the parameter's definition (kind, paths, what it shares with others; profiles/search_parameters.py, overlap.py), the
date that its type is listed by, and the code that makes entries of values, which says its own number for each kind
(`INDEX_FORMATS`). Where a fingerprint is another than that which a store was indexed by, its entries are not those that a search
asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Final

from profiles.own_search_parameters import OWN_SEARCH_PARAMETERS
from profiles.structure import resource_types
from profiles.tables import table
from server.search.index_entries import INDEX_FORMATS, PRIMARY_DATES, SEALED_DATES
from server.search.overlap import NOTHING, shared
from server.search.registry import indexed_parameters

_DIGEST: Final = 16
_SIZE: Final = 8

TYPE_ITSELF: Final = "_type"
"""Stands for what every search of a type needs: the terms of the type and of compartments, and the order of its list."""

HISTORY: Final = "_history"
"""Stands for what the history of a type needs."""


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """A set of rules. `digest` is the same for the same rules; `fingerprints` are of all parameters, and name none of them."""

    digest: str
    fingerprints: frozenset[bytes]

    def encode(self) -> bytes:
        return bytes.fromhex(self.digest) + b"".join(sorted(self.fingerprints))

    @classmethod
    def decode(cls, data: bytes) -> IndexSchema:
        """What `encode` gave; of other bytes no rules of anybody."""
        digest, rest = data[:_DIGEST], data[_DIGEST:]
        return cls(digest.hex(), frozenset(rest[at : at + _SIZE] for at in range(0, len(rest), _SIZE)))

    def lacks(self) -> dict[str, frozenset[str]]:
        """The parameters of this program, by type, for which these are not the rules; of all that is indexed by them."""
        if self.digest == rules_digest():
            return {}
        found = {
            type_: frozenset(
                code for code, fingerprint in fingerprints(type_).items() if fingerprint not in self.fingerprints
            )
            for type_ in resource_types()
        }
        return {type_: codes for type_, codes in found.items() if codes}


@cache
def rules_digest() -> str:
    """Of all that the fingerprints are made from: cheap, and the same whenever they are."""
    sources = (table("search"), OWN_SEARCH_PARAMETERS, INDEX_FORMATS, PRIMARY_DATES, sorted(SEALED_DATES))
    return _hash(sources, _DIGEST).hex()


@cache
def present_schema() -> IndexSchema:
    """The rules of this program. Takes a quarter of a second when it is first asked for."""
    return IndexSchema(
        rules_digest(), frozenset(found for type_ in resource_types() for found in fingerprints(type_).values())
    )


@cache
def fingerprints(type_: str) -> Mapping[str, bytes]:
    """By code, with `TYPE_ITSELF` and `HISTORY` among them."""
    rules = {code: _rules(type_, code) for code in indexed_parameters(type_)}
    primary = PRIMARY_DATES.get(type_)
    rules[TYPE_ITSELF] = (INDEX_FORMATS["type"], primary, rules.get(primary or ""))
    rules[HISTORY] = INDEX_FORMATS["history"]
    return {code: _hash((type_, code, own), _SIZE) for code, own in rules.items()}


def _rules(type_: str, code: str) -> object:
    """A wide parameter is asked for under its parts as well: their rules are its own."""
    parameter, share = indexed_parameters(type_)[code], shared(type_).get(code, NOTHING)
    sealed = code in SEALED_DATES
    kind = "sealed-date" if sealed and parameter.type == "date" else parameter.type
    own = (kind, INDEX_FORMATS[kind], parameter.paths, sorted(parameter.kinds))
    parts = [(part.code, part.target, _rules(type_, part.code)) for part in share.parts]
    return own, parts, sorted(share.elements), share.is_covered


def _hash(content: object, size: int) -> bytes:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=size).digest()
