"""The search parameters that the server indexes and offers: the R4 table and ours, less the kinds it cannot do yet."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from profiles.search_parameters import SearchParameter, search_parameters

KINDS: Final = frozenset({"string", "token", "reference", "date", "number", "quantity", "uri"})
"""Composite and special parameters are not offered."""

_LEFT_OUT: Final = frozenset({"phonetic"})
"""R4 leaves the algorithm open, and every guess costs a term for each part of a name."""


@cache
def indexed_parameters(type_: str) -> Mapping[str, SearchParameter]:
    """By code, in a fixed order; empty for what is no R4 resource type."""
    return {
        code: parameter
        for code, parameter in sorted(search_parameters(type_).items())
        if parameter.type in KINDS and code not in _LEFT_OUT
    }
