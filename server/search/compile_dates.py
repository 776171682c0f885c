"""Criteria on dates (R4 search 3.1.1.4.7) become intervals over a column; on dates of birth and death, calendar terms.

How a stored value that covers [low, high] compares with an asked-for one is R4 search 3.1.1.4.2. `ap` widens what is asked for
by a tenth of its length, and by a day at least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from profiles.outcome import FhirError, refuse
from profiles.search_parameters import Value
from profiles.text import instant_range
from server.seal.blind_index import BlindIndex
from server.search import calendar
from server.search.index_entries import PRIMARY_DATES, SEALED_DATES, date_column, date_range, last_moment, same_date
from server.search.leaf import Leaf, terms_of
from server.search.tree import Criterion
from server.store.algebra import AnyInterval, Between, Interval

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})

OVERLAPS: Final = "po"
"""The operator of `_filter` for periods that have a moment in common; no prefix of a search parameter."""

_DAY: Final = 86_400_000_000.0


def date_leaf(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """Raises FhirError (400) for what is no date."""
    return (_sealed if criterion.code in SEALED_DATES else _plain)(type_, criterion, index)


def split_prefix(value: str) -> tuple[str, str]:
    """(prefix, rest): `eq` where none is given."""
    return (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)


def _asked(criterion: Criterion, value: str) -> tuple[str, str]:
    return (OVERLAPS, value) if criterion.modifier == OVERLAPS else split_prefix(value)


def _bad_date(code: str) -> FhirError:
    return refuse(
        "parameter-value", f"{code} is a date such as 2026-03-16, with an optional prefix such as ge.", f"http.{code}"
    )


def _plain(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    column = date_column(index, type_, criterion.code)
    intervals: list[Interval] = []
    for value in criterion.values:
        prefix, text = _asked(criterion, value)
        span = instant_range(text.replace(" ", "+"))
        if span is None:
            raise _bad_date(criterion.code)
        low, high = float(span[0]), last_moment(span[1])
        if prefix == "ap":
            margin = max(_DAY, (high - low) * 0.1)
            low, high = low - margin, high + margin
        intervals.extend(compare(prefix, column, low, high))

    def fits(values: Sequence[Value]) -> bool:
        ranges = [found for value in values if (found := date_range(value)) is not None]
        return any(within(interval, *found) for found in ranges for interval in intervals)

    clause = AnyInterval(tuple(intervals))
    is_order = same_date(type_, criterion.code) == PRIMARY_DATES.get(type_)
    return Leaf((clause, *(_span(clause) if is_order else ())), True, fits, frozenset({criterion.code}))


def _span(clause: AnyInterval) -> list[Between]:
    """The order of a record is the low end of its primary date (index_entries): what is asked of that bounds the order."""
    lows = [interval.low_from for interval in clause.intervals]
    highs = [_least(interval.low_to, interval.high_to) for interval in clause.intervals]
    low = None if None in lows else min((bound for bound in lows if bound is not None), default=None)
    high = None if None in highs else max((bound for bound in highs if bound is not None), default=None)
    return [] if low is None and high is None else [Between(low, high)]


def _least(one: float | None, other: float | None) -> float | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)


def compare(prefix: str, column: int, low: float, high: float) -> list[Interval]:
    """R4 search 3.1.1.4.2: how a stored [low, high] compares with the asked-for [low, high]."""
    if prefix == "eq":
        return [Interval(column, low_from=low, high_to=high)]
    if prefix == "ne":
        return [Interval(column, low_to=before(low)), Interval(column, high_from=after(high))]
    if prefix == "gt":
        return [Interval(column, high_from=after(high))]
    if prefix == "lt":
        return [Interval(column, low_to=before(low))]
    if prefix == "ge":
        return [Interval(column, high_from=after(high)), Interval(column, low_from=low, high_to=high)]
    if prefix == "le":
        return [Interval(column, low_to=before(low)), Interval(column, low_from=low, high_to=high)]
    if prefix == "sa":
        return [Interval(column, low_from=after(high))]
    if prefix == "eb":
        return [Interval(column, high_to=before(low))]
    return [Interval(column, low_to=high, high_from=low)]


def before(value: float) -> float:
    return math.nextafter(value, -math.inf)


def after(value: float) -> float:
    return math.nextafter(value, math.inf)


def within(interval: Interval, low: float, high: float) -> bool:
    """Whether a stored [low, high] lies within the bounds."""
    return (
        (interval.low_from is None or low >= interval.low_from)
        and (interval.low_to is None or low <= interval.low_to)
        and (interval.high_from is None or high >= interval.high_from)
        and (interval.high_to is None or high <= interval.high_to)
    )


def _sealed(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    wanted: set[str] = set()
    for value in criterion.values:
        prefix, text = _asked(criterion, value)
        span = calendar.bounds(text)
        if span is None:
            raise _bad_date(criterion.code)
        wanted.update(_calendar_terms(prefix, text, *span))

    def fits(values: Sequence[Value]) -> bool:
        texts = (value.value for value in values if isinstance(value.value, str))
        return any(not wanted.isdisjoint(calendar.calendar_terms(text)) for text in texts)

    code = criterion.code
    return Leaf((terms_of(index, type_, (code,), wanted),), True, fits, frozenset({code}))


def _calendar_terms(prefix: str, text: str, first: date, last: date) -> set[str]:
    """As `compare`, over terms: what lies inside [first, last], reaches above or below it, or lies wholly there."""
    earlier = (date.min, first - timedelta(days=1)) if first > date.min else (date.max, date.min)
    later = (last + timedelta(days=1), date.max) if last < date.max else (date.max, date.min)
    terms: set[str] = set()
    if prefix in {"eq", "ge", "le"}:
        terms.add(calendar.equal_term(text) or "")
    if prefix in {"gt", "ge", "ne"}:
        terms.update(calendar.range_terms(*later))
    if prefix in {"lt", "le", "ne"}:
        terms.update(calendar.range_terms(*earlier))
    if prefix in {"sa", "eb"}:
        terms.update(calendar.range_terms(*(later if prefix == "sa" else earlier), wholly=True))
    if prefix == "ap":
        terms.update(calendar.range_terms(*_widened(first, last)))
    if prefix == OVERLAPS:
        terms.update(calendar.range_terms(first, last))
    return terms


def _widened(first: date, last: date) -> tuple[date, date]:
    margin = timedelta(days=max(1, ((last - first).days + 1) // 10))
    return max(first, date.min + margin) - margin, min(last, date.max - margin) + margin
