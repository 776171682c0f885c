"""A checked query becomes a `Plan` of the store algebra, plus checks for hits that a term may over-match.

What the caller may reach (server/access) comes first after the type; the tenant is in the keys of the terms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.text import instant_range
from server.access.access import Access, Seen
from server.seal.blind_index import BlindIndex
from server.search import calendar
from server.search.compile_terms import Check, compile_terms
from server.search.index_entries import (
    PRIMARY_DATES,
    SEALED_DATES,
    TYPE_TERM,
    date_column,
    number_in_unit,
    same_date,
)
from server.search.order import order_of
from server.search.overlap import asked_codes
from server.search.query import Query
from server.search.registry import indexed_parameters
from server.search.tree import All, Criterion, Node, codes_of
from server.search.values import split_escaped, unescape
from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, Interval, Order

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?\Z")

MAX_TERMS: Final = 2000
"""Terms that one search may ask the store for, all criteria together: more keep the store busy with planning alone."""
_INTERVAL_COST: Final = 4
"""A range costs the store as much as so many terms."""


Link = Callable[[Seen], Awaitable[bool]]
"""Whether a version that was found is linked with other resources as it is asked for."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What to ask the store, and what to ask of each decrypted hit. `codes`: the parameters that this needs the index of.

    `links` ask other resources of each hit.
    `access` is what the clauses limit it to, and what every hit is to be held against once more.
    """

    clauses: tuple[Clause, ...]
    order: Order
    checks: tuple[Check, ...]
    codes: frozenset[str]
    access: Access
    links: tuple[Link, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether the clauses alone tell what matches: then it can be counted unread."""
        return not self.checks and not self.links and self.access.is_exact


@dataclass(frozen=True, slots=True)
class Wanted:
    """What criteria come to, without the type that they are about."""

    clauses: tuple[Clause, ...]
    checks: tuple[Check, ...]


def compile_query(query: Query, index: BlindIndex, base_url: str, access: Access) -> Compiled:
    """Raises FhirError for values of the wrong form."""
    type_clause = AnyOf((index.term(query.type, TYPE_TERM, ""),))
    sort = query.results.sort
    wanted = compile_wanted(query.type, query.where, index, base_url)
    codes = codes_of(query.where) | ({sort.code} if sort is not None else set())
    clauses = (type_clause, *access.clauses(index), *wanted.clauses)
    return Compiled(clauses, order_of(query.type, sort, index), wanted.checks, access.codes | codes, access)


def compile_wanted(type_: str, where: All, index: BlindIndex, base_url: str) -> Wanted:
    """Raises FhirError for values of the wrong form."""
    clauses: list[Clause] = []
    checks: list[Check] = []
    cost = 0
    for node in where.parts:
        criterion = _criterion(node)
        clause, check = _compile(type_, criterion, index, base_url)
        if clause is not None:
            clauses.append(clause)
            cost += _cost(clause)
            if same_date(type_, criterion.code) == PRIMARY_DATES.get(type_) and isinstance(clause, AnyInterval):
                clauses += _span(clause)
        if cost > MAX_TERMS:
            raise refuse("search-too-costly", "The search has too many values in all; ask in several searches.")
        if check is not None:
            checks.append(check)
    return Wanted(tuple(clauses), tuple(checks))


def _cost(clause: Clause) -> int:
    if isinstance(clause, AnyInterval):
        return len(clause.intervals) * _INTERVAL_COST
    if isinstance(clause, Either):
        return sum(_cost(part) for way in clause.ways for part in way)
    return 0 if isinstance(clause, Between) else len(clause.terms)


def _span(clause: AnyInterval) -> list[Between]:
    """The order of a record is the low end of its primary date (index_entries): what is asked of that bounds the order."""
    lows = [interval.low_from for interval in clause.intervals]
    highs = [_least(interval.low_to, interval.high_to) for interval in clause.intervals]
    low = None if None in lows else min((bound for bound in lows if bound is not None), default=None)
    high = None if None in highs else max((bound for bound in highs if bound is not None), default=None)
    return [] if low is None and high is None else [Between(low, high)]


def _least(one: float | None, other: float | None) -> float | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)


def _criterion(node: Node) -> Criterion:
    if isinstance(node, Criterion):
        return node
    raise refuse("not-supported", "Searching by that is not supported.")


def _compile(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> tuple[Clause | None, Check | None]:
    code = criterion.code
    if criterion.type == "date":
        return (_sealed_date if code in SEALED_DATES else _date)(type_, criterion, index), None
    if criterion.type in {"number", "quantity"}:
        return _quantity(type_, criterion, index)
    return compile_terms(type_, criterion, index, base_url)


def split_prefix(value: str) -> tuple[str, str]:
    """(prefix, rest): `eq` where none is given."""
    return (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)


def _bad_date(code: str) -> FhirError:
    return refuse(
        "parameter-value", f"{code} is a date such as 2026-03-16, with an optional prefix such as ge.", f"http.{code}"
    )


def _date(type_: str, criterion: Criterion, index: BlindIndex) -> Clause:
    column = date_column(index, type_, criterion.code)
    intervals: list[Interval] = []
    for value in criterion.values:
        prefix, text = split_prefix(value)
        span = instant_range(text.replace(" ", "+"))
        if span is None:
            raise _bad_date(criterion.code)
        low, high = float(span[0]), float(span[1])
        if prefix == "ap":
            margin = max(86_400_000_000.0, (high - low) * 0.1)
            low, high = low - margin, high + margin
        intervals.extend(_compare(prefix, column, low, high))
    return AnyInterval(tuple(intervals))


def _compare(prefix: str, column: int, low: float, high: float) -> list[Interval]:
    """R4 search 3.1.1.4.2: how a stored [low, high] compares with the asked-for [low, high]."""
    if prefix == "eq":
        return [Interval(column, low_from=low, high_to=high)]
    if prefix == "ne":
        return [Interval(column, low_to=_before(low)), Interval(column, high_from=_after(high))]
    if prefix == "gt":
        return [Interval(column, high_from=_after(high))]
    if prefix == "lt":
        return [Interval(column, low_to=_before(low))]
    if prefix == "ge":
        return [Interval(column, high_from=_after(high)), Interval(column, low_from=low, high_to=high)]
    if prefix == "le":
        return [Interval(column, low_to=_before(low)), Interval(column, low_from=low, high_to=high)]
    if prefix == "sa":
        return [Interval(column, low_from=_after(high))]
    if prefix == "eb":
        return [Interval(column, high_to=_before(low))]
    return [Interval(column, low_to=high, high_from=low)]


def _before(value: float) -> float:
    return math.nextafter(value, -math.inf)


def _after(value: float) -> float:
    return math.nextafter(value, math.inf)


def _sealed_date(type_: str, criterion: Criterion, index: BlindIndex) -> Clause:
    terms: set[str] = set()
    for value in criterion.values:
        prefix, text = split_prefix(value)
        span = calendar.bounds(text)
        if span is None:
            raise _bad_date(criterion.code)
        terms.update(_calendar_terms(criterion.code, prefix, text, *span))
    return AnyOf(tuple(sorted(index.term(type_, criterion.code, term) for term in terms)))


def _calendar_terms(code: str, prefix: str, text: str, first: date, last: date) -> set[str]:
    """As `_compare`, over terms: what lies inside [first, last], reaches above or below it, or lies wholly there."""
    before = (date.min, first - timedelta(days=1)) if first > date.min else (date.max, date.min)
    after = (last + timedelta(days=1), date.max) if last < date.max else (date.max, date.min)
    terms: set[str] = set()
    if prefix in {"eq", "ge", "le"}:
        terms.add(calendar.equal_term(text) or "")
    if prefix in {"gt", "ge", "ne"}:
        terms.update(calendar.range_terms(*after))
    if prefix in {"lt", "le", "ne"}:
        terms.update(calendar.range_terms(*before))
    if prefix in {"sa", "eb"}:
        terms.update(calendar.range_terms(*(after if prefix == "sa" else before), wholly=True))
    if prefix == "ap":
        raise refuse("parameter-value", f"{code} does not take the prefix ap.", f"http.{code}")
    return terms


def _quantity(type_: str, criterion: Criterion, index: BlindIndex) -> tuple[Clause, Check | None]:
    intervals: list[Interval] = []
    asked: list[tuple[str, str, list[Interval]]] = []
    for value in criterion.values:
        prefix, text = split_prefix(value)
        number, *unit = (unescape(part) for part in split_escaped(text, "|"))
        if not _NUMBER.match(number) or len(unit) not in {0, 2}:
            form = "a number" if criterion.type == "number" else "number or number|system|code"
            raise refuse(
                "parameter-value", f"{criterion.code} is {form}, with an optional prefix.", f"http.{criterion.code}"
            )
        system, code = unit or ("", "")
        low, high = precision_range(number, prefix)
        for name in asked_codes(type_, criterion.code):
            intervals += _compare(prefix, index.points(type_, f"{name}|{code}"), low, high)
        asked.append((system, code, _compare(prefix, 0, low, high)))
    clause = AnyInterval(tuple(intervals))
    if not any(system for system, _, _ in asked):
        return clause, None
    extract = indexed_parameters(type_)[criterion.code].extract

    def check(resource: Resource) -> bool:
        return any(
            (found := number_in_unit(value.value, system, code)) is not None
            and any(fits(interval, found, found) for interval in wanted)
            for value in extract(resource)
            for system, code, wanted in asked
        )

    return clause, check


def fits(interval: Interval, low: float, high: float) -> bool:
    """Whether a stored [low, high] lies within the bounds."""
    return (
        (interval.low_from is None or low >= interval.low_from)
        and (interval.low_to is None or low <= interval.low_to)
        and (interval.high_from is None or high >= interval.high_from)
        and (interval.high_to is None or high <= interval.high_to)
    )


def precision_range(text: str, prefix: str) -> tuple[float, float]:
    """The implicit range of a number (R4 search 3.1.1.4.3): 100 is [99.5, 100.5) for eq and ne, itself for the others."""
    try:
        number = Decimal(text)
        half = Decimal((0, (5,), int(number.as_tuple().exponent) - 1))
        if prefix == "ap":
            half = max(half, abs(number) / 10)
        elif prefix not in {"eq", "ne"}:
            return float(number), float(number)
        return float(number - half), _before(float(number + half))
    except (InvalidOperation, OverflowError) as error:
        raise refuse("parameter-value", "The number is out of range.") from error
