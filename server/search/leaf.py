"""What one criterion comes to: clauses for the store, and a test of the values that its parameter finds in a resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from profiles.search_parameters import Value
from server.seal.blind_index import BlindIndex
from server.store.algebra import AnyInterval, AnyOf, Clause, Either

Fits = Callable[[Sequence[Value]], bool]

NOTHING: Final = AnyOf(())
"""Met by no record."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`clauses` hold for every record that meets the criterion, and `is_exact` says that they hold for no other.

    `fits` is the whole truth about the values of the parameter. `codes`: the parameters that the clauses need the index of.
    """

    clauses: tuple[Clause, ...]
    is_exact: bool
    fits: Fits
    codes: frozenset[str] = frozenset()


def alternatives(ways: Sequence[tuple[Clause, ...]]) -> tuple[Clause, ...]:
    """What holds where all clauses of one of the ways do, so that something of it can drive a search where that is possible."""
    if not ways:
        return (NOTHING,)
    if not all(ways):  # a way without clauses is met by everything
        return ()
    if len(ways) == 1:
        return ways[0]
    merged = _merged(ways)
    if merged is not None:
        return (merged,)
    return (*_in_common(ways), Either(tuple(ways)))


def _merged(ways: Sequence[tuple[Clause, ...]]) -> Clause | None:
    """One clause that says the same."""
    only = [way[0] for way in ways if len(way) == 1]
    if len(only) < len(ways):
        return None
    terms = [clause for clause in only if isinstance(clause, AnyOf)]
    if len(terms) == len(only):
        return AnyOf(tuple(sorted({term for clause in terms for term in clause.terms})))
    ranges = [clause for clause in only if isinstance(clause, AnyInterval)]
    if len(ranges) == len(only):
        return AnyInterval(tuple(interval for clause in ranges for interval in clause.intervals))
    return None


def _in_common(ways: Sequence[tuple[Clause, ...]]) -> tuple[Clause, ...]:
    """What follows from all ways, and can drive a search: a term of each."""
    terms: set[int] = set()
    for way in ways:
        found = next((clause for clause in way if isinstance(clause, AnyOf)), None)
        if found is None:
            return ()
        terms.update(found.terms)
    return (AnyOf(tuple(sorted(terms))),)


def terms_of(index: BlindIndex, type_: str, codes: Iterable[str], texts: Iterable[str]) -> AnyOf:
    """Records that have one of the texts entered under one of the parameters."""
    texts = list(texts)
    return AnyOf(tuple(sorted({index.term(type_, code, text) for code in codes for text in texts})))
