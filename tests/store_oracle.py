"""The store algebra evaluated naively over records in memory: what every back end must agree with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, Interval, NoneOf, Order, Plan
from server.store.store import Index


@dataclass(frozen=True)
class Known:
    """A stored record as the oracle sees it."""

    rid: int
    index: Index


def fits(interval: Interval, low: float, high: float) -> bool:
    return (
        (interval.low_from is None or low >= interval.low_from)
        and (interval.low_to is None or low <= interval.low_to)
        and (interval.high_from is None or high >= interval.high_from)
        and (interval.high_to is None or high <= interval.high_to)
    )


def holds(clause: Clause, index: Index) -> bool:
    if isinstance(clause, AnyOf):
        return bool(set(clause.terms) & set(index.terms))
    if isinstance(clause, NoneOf):
        return not set(clause.terms) & set(index.terms)
    if isinstance(clause, Either):
        return any(all(holds(part, index) for part in way) for way in clause.ways)
    if isinstance(clause, Between):
        return (clause.low is None or index.order >= clause.low) and (clause.high is None or index.order <= clause.high)
    assert isinstance(clause, AnyInterval)
    return any(
        column == interval.column and fits(interval, low, high)
        for interval in clause.intervals
        for column, low, high in index.intervals
    )


def sort_key(order: Order, record: Known) -> tuple[bool, float, int]:
    """Records without a value of the column come last, whatever the direction."""
    sign = -1 if order.descending else 1
    if order.column is None:
        return (False, sign * record.index.order, sign * record.rid)
    lows = [low for column, low, _ in record.index.intervals if column == order.column]
    if not lows:
        return (True, 0, sign * record.rid)
    return (False, sign * (max(lows) if order.descending else min(lows)), sign * record.rid)


def expected(plan: Plan, records: Iterable[Known]) -> list[int]:
    """Every matching record, in order, without regard to the plan's limit and cursor."""
    found = [record for record in records if all(holds(clause, record.index) for clause in plan.clauses)]
    return [record.rid for record in sorted(found, key=lambda record: sort_key(plan.order, record))]


def expected_count(clauses: Sequence[Clause], records: Iterable[Known]) -> int:
    return sum(all(holds(clause, record.index) for clause in clauses) for record in records)
