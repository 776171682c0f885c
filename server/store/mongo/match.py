"""Clauses of the store algebra as conditions of MongoDB.

One clause drives a search: it alone is written so that an index can serve it. The others are written as expressions, which
never choose an index, so that the way a search takes is ours to decide and the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, Interval, NoneOf

Condition = dict[str, Any]

NOTHING: Final[Condition] = {"_id": {"$exists": False}}
FEW: Final = 4
"""Up to so many terms are looked up one by one in a record's terms."""


def any_of(clause: AnyOf) -> Condition:
    """For an index: the terms of a driving clause."""
    return {"t": clause.terms[0] if len(clause.terms) == 1 else {"$in": list(clause.terms)}}


def interval(wanted: Interval) -> Condition:
    """A record has a value that fits. Bounds on the low and on the high end are tight in their indexes."""
    value: Condition = {"c": wanted.column}
    if wanted.column < 0:
        bounds = _between(_most(wanted.low_from, wanted.high_from), _least(wanted.low_to, wanted.high_to))
        return {"p": {"$elemMatch": {**value, "l": bounds} if bounds else value}}
    low = _between(wanted.low_from, wanted.low_to)
    high = _between(wanted.high_from, wanted.high_to)
    if low:
        value["l"] = low
    if high:
        value["h"] = high
    return {"i": {"$elemMatch": value}}


def all_hold(clauses: Sequence[Clause]) -> list[Condition]:
    """The clauses that do not drive, as conditions to be combined with the driving one."""
    conditions: list[Condition] = []
    expressions: list[Condition] = []
    for clause in clauses:
        if isinstance(clause, AnyInterval):
            conditions.append(any_interval(clause))
        elif isinstance(clause, Between):
            if bounds := _between(clause.low, clause.high):
                conditions.append({"o": bounds})
        elif isinstance(clause, Either):
            ways = [all_hold(way) for way in clause.ways]
            if all(ways):  # a way without conditions is met by everything
                conditions.append({"$or": [{"$and": way} for way in ways]} if ways else NOTHING)
        elif isinstance(clause, NoneOf):
            if clause.terms:
                expressions.append({"$not": [_has_any(clause.terms)]})
        elif clause.terms:
            expressions.append(_has_any(clause.terms))
        else:
            conditions.append(NOTHING)
    if expressions:
        conditions.append({"$expr": {"$and": expressions}})
    return conditions


def any_interval(clause: AnyInterval) -> Condition:
    if not clause.intervals:
        return NOTHING
    if len(clause.intervals) == 1:
        return interval(clause.intervals[0])
    return {"$or": [interval(wanted) for wanted in clause.intervals]}


def _has_any(terms: tuple[int, ...]) -> Condition:
    if len(terms) <= FEW:
        return {"$or": [{"$in": [term, "$t"]} for term in terms]}
    return {"$ne": [{"$setIntersection": ["$t", list(terms)]}, []]}


def _most(one: float | None, other: float | None) -> float | None:
    return max((bound for bound in (one, other) if bound is not None), default=None)


def _least(one: float | None, other: float | None) -> float | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)


def _between(least: float | None, most: float | None) -> Condition:
    bounds: Condition = {}
    if least is not None:
        bounds["$gte"] = least
    if most is not None:
        bounds["$lte"] = most
    return bounds
