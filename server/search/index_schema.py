"""By which rules resources are made findable: a fingerprint of the rules for each parameter of each type.

The rules are the parameter's definition (kind, paths, what it shares with others; profiles/search_parameters.py, overlap.py), the
date that its type is listed by, and the code that makes entries of values, which says its own number for each kind
(`INDEX_FORMATS`). Where a fingerprint is another than that which a store was indexed by, its entries are not those that a search
asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import Final

import msgspec

from profiles.own_search_parameters import OWN_SEARCH_PARAMETERS
from profiles.structure import resource_types
from profiles.tables import table
from server.search.index_entries import INDEX_FORMATS, PRIMARY_DATES, SEALED_DATES
from server.search.overlap import NOTHING, shared
from server.search.registry import indexed_parameters

TYPE_ITSELF: Final = "_type"
"""Stands for what every search of a type needs: the terms of the type and of compartments, and the order of its list."""

HISTORY: Final = "_history"
"""Stands for what the history of a type needs."""


class IndexSchema(msgspec.Struct, frozen=True):
    """`types`: fingerprints by type and code. `digest` is the same for the same rules."""

    digest: str
    types: dict[str, dict[str, str]]

    def differing(self, other: IndexSchema) -> dict[str, frozenset[str]]:
        """Codes by type that the two have other rules for; only one's types and codes count as well."""
        found: dict[str, frozenset[str]] = {}
        for type_ in self.types.keys() | other.types.keys():
            mine, theirs = self.types.get(type_, {}), other.types.get(type_, {})
            codes = frozenset(code for code in mine.keys() | theirs.keys() if mine.get(code) != theirs.get(code))
            if codes:
                found[type_] = codes
        return found


@cache
def rules_digest() -> str:
    """Of all that the fingerprints are made from: cheap, and the same whenever they are."""
    sources = (table("search"), OWN_SEARCH_PARAMETERS, INDEX_FORMATS, PRIMARY_DATES, sorted(SEALED_DATES))
    return _digest(sources, 16)


@cache
def present_schema() -> IndexSchema:
    """The rules of this program. Takes a quarter of a second when it is first asked for."""
    return IndexSchema(rules_digest(), {type_: dict(fingerprints(type_)) for type_ in sorted(resource_types())})


@cache
def fingerprints(type_: str) -> Mapping[str, str]:
    """By code, with `TYPE_ITSELF` and `HISTORY` among them."""
    found = {code: _digest(_rules(type_, code), 4) for code in indexed_parameters(type_)}
    itself = (INDEX_FORMATS["type"], PRIMARY_DATES.get(type_), found.get(PRIMARY_DATES.get(type_, "")))
    return {**found, TYPE_ITSELF: _digest(itself, 4), HISTORY: _digest(INDEX_FORMATS["history"], 4)}


def _rules(type_: str, code: str) -> object:
    """A wide parameter is asked for under its parts as well: their rules are its own."""
    parameter, share = indexed_parameters(type_)[code], shared(type_).get(code, NOTHING)
    sealed = code in SEALED_DATES
    kind = "sealed-date" if sealed and parameter.type == "date" else parameter.type
    own = (kind, INDEX_FORMATS[kind], parameter.paths, sorted(parameter.kinds))
    parts = [(part.code, part.target, _rules(type_, part.code)) for part in share.parts]
    return own, parts, sorted(share.elements), share.is_covered


def _digest(content: object, size: int) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=size).hexdigest()
