"""The search parameters that the server offers, and those among them that resources are indexed by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from profiles.search_parameters import SearchParameter, search_parameters

INDEXED: Final = frozenset({"string", "token", "reference", "date", "number", "quantity", "uri"})
"""Types with entries of their own. Composite parameters go by those of their components."""

PHONETIC: Final = "phonetic"
"""Goes by the entries of `name`."""

WORDS: Final = frozenset({"_text", "_content"})

COMMON: Final = WORDS | {"_filter", "_has", "_list"}
"""What every type can be searched by beside its parameters (R4 search 3.1.1.2)."""


@cache
def offered_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """What a type can be searched by, by code, in a fixed order; empty for what is no R4 resource type."""
    return dict(sorted(search_parameters(type_).items()))


@cache
def indexed_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """Those that a type's resources have entries for."""
    return {
        code: parameter
        for code, parameter in offered_parameters(type_).items()
        if parameter.type in INDEXED and code != PHONETIC
    }
