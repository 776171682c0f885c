"""What a search asks of a store: all-of, any-of and none-of over opaque terms, ranges over plain columns, an order.

Every FHIR search compiles to a `Plan` (server/search); every back end executes one. The access filter is a clause like any
other. Terms and column names are keyed hashes (server/seal/blind_index.py): a store cannot tell what they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The record has at least one of the terms."""

    terms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """The record has none of the terms."""

    terms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """A column value is an interval [low, high]; both ends are compared, each bound is inclusive and may be open.

    The values of a column whose number is negative are points: both ends are the same, and no order is by such a column.
    """

    column: int
    low_from: float | None = None
    low_to: float | None = None
    high_from: float | None = None
    high_to: float | None = None

    def tightened(self) -> Interval:
        """The same, with what follows for one end from the bounds of the other: low is never above high."""
        low_to = min((bound for bound in (self.low_to, self.high_to) if bound is not None), default=None)
        high_from = max((bound for bound in (self.high_from, self.low_from) if bound is not None), default=None)
        return Interval(self.column, self.low_from, low_to, high_from, self.high_to)


@dataclass(frozen=True, slots=True)
class AnyInterval:
    """Some value of some column fits one of the intervals."""

    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The record's own order is not before `low` and not after `high`; either may be open.

    It narrows the way along a term's rows, which lie in that order.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Either:
    """All clauses of at least one of the ways hold: no way at all is met by nothing, a way without clauses by everything.

    It never drives a search; whoever asks puts beside it what its ways have in common.
    """

    ways: tuple[tuple[Clause, ...], ...]


Clause = AnyOf | NoneOf | AnyInterval | Between | Either


@dataclass(frozen=True, slots=True)
class Order:
    """By a column's low end, or (column None) by the record's own order, which is its primary date."""

    column: int | None = None
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a page: where the next page starts."""

    value: float
    rid: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All clauses must hold. At least one is an `AnyOf` (every record carries a term for its type)."""

    clauses: tuple[Clause, ...]
    order: Order = Order()
    after: Position | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Hit:
    rid: int
    value: float
