"""Which clause drives a search: the rarest, told by counting a few index keys of each. What it costs is bounded.

All records carry a term for their type, and nearly all searches ask for more than the type. The type is therefore not counted
when there is another positive clause: it is never rarer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.store.algebra import AnyInterval, AnyOf, Clause, Interval
from server.store.mongo.match import Condition, all_hold, any_of, interval
from server.store.mongo.rarity import Rarity
from server.store.mongo.schema import COLUMN_END, COLUMN_UP, TERM

PROBE: Final = 512
"""How many index keys of a clause are counted to tell how rare it is."""


@dataclass(frozen=True, slots=True)
class Driver:
    """The index to walk, and the condition that finds exactly what the clauses ask for. `rows`: up to the probe's limit."""

    index: str
    condition: Condition
    rows: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    clause: Clause
    index: str
    condition: Condition
    probe: Condition


async def choose(rarity: Rarity, clauses: Sequence[Clause], probe: int = PROBE, *, must_count: bool = False) -> Driver:
    """The driver of a search. Without `must_count` a term without rivals is taken as it is (`rows` is the limit then)."""
    candidates = _candidates(clauses)
    if not candidates:
        raise ValueError("A plan needs a positive clause.")
    open_ones = [one for one in candidates if not rarity.is_common((one.index, one.clause), probe)]
    if len(open_ones) == 1 and open_ones[0].index == TERM and not must_count:
        return _driver(open_ones[0], clauses, probe)
    counts = await asyncio.gather(
        *[rarity.count((one.index, one.clause), one.index, one.probe, probe) for one in candidates]
    )
    rows, candidate = min(zip(counts, candidates, strict=True), key=lambda pair: pair[0])
    if rows >= probe:  # nothing is rare: in the order of the answer, only terms can be walked
        candidate = next((other for other in candidates if other.index == TERM), candidate)
    return _driver(candidate, clauses, rows)


def _driver(candidate: _Candidate, clauses: Sequence[Clause], rows: int) -> Driver:
    others = [clause for clause in clauses if clause is not candidate.clause]
    conditions = [candidate.condition, *all_hold(others)]
    return Driver(candidate.index, {"$and": conditions} if len(conditions) > 1 else conditions[0], rows)


def _candidates(clauses: Sequence[Clause]) -> list[_Candidate]:
    terms = [clause for clause in clauses if isinstance(clause, AnyOf)]
    candidates: list[_Candidate] = []
    for term in terms[1:] or terms:
        condition = any_of(term)
        candidates.append(_Candidate(term, TERM, condition, condition))
    for clause in clauses:
        if isinstance(clause, AnyInterval) and len(clause.intervals) == 1:
            candidates += _of_interval(clause, clause.intervals[0])
    return candidates


def _of_interval(clause: AnyInterval, wanted: Interval) -> list[_Candidate]:
    """By its low end, by its high end, or both: what is counted is bounded by the index, whatever the other end is."""
    exact = interval(wanted)
    candidates: list[_Candidate] = []
    if wanted.low_from is not None or wanted.low_to is not None:
        low = interval(Interval(wanted.column, low_from=wanted.low_from, low_to=wanted.low_to))
        candidates.append(_Candidate(clause, COLUMN_UP, exact, low))
    if wanted.high_from is not None or wanted.high_to is not None:
        high = interval(Interval(wanted.column, high_from=wanted.high_from, high_to=wanted.high_to))
        candidates.append(_Candidate(clause, COLUMN_END, exact, high))
    return candidates
