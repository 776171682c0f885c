"""Which clause drives a search: the rarest, told by counting a few index keys of each. What it costs is bounded.

All records carry a term for their type. Whoever asks for more leaves that one out (server/search/hits.py): it is never rarer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.store.algebra import AnyInterval, AnyOf, Clause, Interval
from server.store.mongo.match import Condition, all_hold, any_interval, any_of, interval
from server.store.mongo.rarity import Rarity
from server.store.mongo.schema import COLUMN_END, COLUMN_UP, POINT, TERM

PROBE: Final = 512
"""How many index keys of a clause are counted to tell how rare it is."""

WIDE: Final = 5000
"""Up to so many records of a range are looked at and sorted where no term is rare."""


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
    terms = [one for one in candidates if one.index == TERM]
    open_ones = [one for one in candidates if not rarity.is_common((one.index, one.clause), probe)]
    if len(open_ones) == 1 and open_ones[0].index == TERM and not must_count:
        return _driver(open_ones[0], clauses, probe)
    rows, candidate = await _rarest(rarity, terms, probe)
    if candidate is None or rows >= probe:  # nothing is rare: in the order of the answer, only terms can be walked
        ranges = [one for one in candidates if one.index != TERM]
        found, range_ = await _rarest(rarity, ranges, probe)
        if found >= probe and probe < WIDE:
            found, range_ = await _rarest(rarity, ranges, WIDE)
        if range_ is not None and (candidate is None or found < max(probe, WIDE)):
            return _driver(range_, clauses, found)
    return _driver(candidate or candidates[0], clauses, rows)


async def _rarest(rarity: Rarity, candidates: Sequence[_Candidate], limit: int) -> tuple[int, _Candidate | None]:
    counts = await asyncio.gather(
        *[rarity.count((one.index, one.clause), one.index, one.probe, limit) for one in candidates]
    )
    found = min(zip(counts, candidates, strict=True), key=lambda pair: pair[0], default=None)
    return found if found is not None else (limit, None)


def _driver(candidate: _Candidate, clauses: Sequence[Clause], rows: int) -> Driver:
    others = [clause for clause in clauses if clause is not candidate.clause]
    conditions = [candidate.condition, *all_hold(others)]
    return Driver(candidate.index, {"$and": conditions} if len(conditions) > 1 else conditions[0], rows)


def _candidates(clauses: Sequence[Clause]) -> list[_Candidate]:
    candidates: list[_Candidate] = []
    for term in (clause for clause in clauses if isinstance(clause, AnyOf)):
        condition = any_of(term)
        candidates.append(_Candidate(term, TERM, condition, condition))
    for clause in clauses:
        if isinstance(clause, AnyInterval) and (wanted := _hull(clause)) is not None:
            candidates += _of_interval(clause, wanted)
    return candidates


def _hull(clause: AnyInterval) -> Interval | None:
    """Bounds of one column that all of the intervals keep: what an index can be asked for."""
    if len({interval.column for interval in clause.intervals}) != 1:
        return None
    tight = [interval.tightened() for interval in clause.intervals]
    low_from = [interval.low_from for interval in tight]
    low_to = [interval.low_to for interval in tight]
    high_from = [interval.high_from for interval in tight]
    high_to = [interval.high_to for interval in tight]
    return Interval(
        clause.intervals[0].column,
        _widest(min, low_from),
        _widest(max, low_to),
        _widest(min, high_from),
        _widest(max, high_to),
    )


def _widest(choose_: Callable[[list[float]], float], bounds: list[float | None]) -> float | None:
    """None where one of them is open."""
    given = [bound for bound in bounds if bound is not None]
    return choose_(given) if len(given) == len(bounds) else None


def _of_interval(clause: AnyInterval, wanted: Interval) -> list[_Candidate]:
    """By its low end, by its high end, or both: what is counted is bounded by the index, whatever the other end is."""
    exact = any_interval(clause)
    if wanted.column < 0:
        return [_candidate(clause, POINT, exact, wanted)]
    candidates: list[_Candidate] = []
    if wanted.low_from is not None or wanted.low_to is not None:
        low = Interval(wanted.column, low_from=wanted.low_from, low_to=wanted.low_to)
        candidates.append(_candidate(clause, COLUMN_UP, exact, low))
    if wanted.high_from is not None or wanted.high_to is not None:
        high = Interval(wanted.column, high_from=wanted.high_from, high_to=wanted.high_to)
        candidates.append(_candidate(clause, COLUMN_END, exact, high))
    return candidates


def _candidate(clause: AnyInterval, index: str, exact: Condition, bounds: Interval) -> _Candidate:
    """What is counted is bounded by the index; the exact condition stands beside it where it is another."""
    probe = interval(bounds)
    return _Candidate(clause, index, {"$and": [probe, exact]}, probe)
