"""The search parameters that the server offers, and those among them that resources are indexed by.

R4's and ours are the same for all; a tenant's own come from the catalogue of the work under way (catalogue.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from profiles.search_parameters import SearchParameter, search_parameters
from server.search.catalogue import present

INDEXED: Final = frozenset({"string", "token", "reference", "date", "number", "quantity", "uri"})
"""Types with entries of their own. Composite parameters go by those of their components."""

PHONETIC: Final = "phonetic"
"""Goes by the entries of `name`."""

WORDS: Final = frozenset({"_text", "_content"})

COMMON: Final = WORDS | {"_filter", "_has", "_list"}
"""What every type can be searched by beside its parameters (R4 search 3.1.1.2)."""


def offered_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """What a type can be searched by, by code, in a fixed order; empty for what is no R4 resource type."""
    return present().offered(type_, _built_in(type_))


@cache
def _built_in(type_: str) -> Mapping[str, SearchParameter]:
    return dict(sorted(search_parameters(type_).items()))


@cache
def indexed_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """Those of R4 and of ours that a type's resources have entries for."""
    return {
        code: parameter for code, parameter in _built_in(type_).items() if parameter.type in INDEXED and code != PHONETIC
    }


def followed_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """Those whose values can be sorted by, and references followed: a tenant's own as well."""
    own = present().by_type.get(type_)
    if own is None:
        return indexed_parameters(type_)
    return {**{code: one for code, one in own.items() if one.type in INDEXED}, **indexed_parameters(type_)}
