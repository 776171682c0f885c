"""A checked query becomes a `Plan` of the store algebra, plus checks for hits that a term may over-match.

The access filter (tenant by the keys of the terms, compartment by a term) is the first clause after the type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.text import instant_range, normalize
from server.seal.blind_index import BlindIndex
from server.search import calendar
from server.search.index_entries import COMPARTMENT, PRIMARY_DATES, SEALED_DATES, TYPE_TERM
from server.search.query import Criterion, Query, SortKey, split_escaped, unescape
from server.search.registry import indexed_parameters
from server.search.terms import local_reference, matches_prefix, prefix_term, strings
from server.store.algebra import AnyInterval, AnyOf, Clause, Interval, NoneOf, Order

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?\Z")
_REFERENCE_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")

MAX_TERMS: Final = 2000
"""Terms that one search may ask the store for, all criteria together: more keep the store busy with planning alone."""
_INTERVAL_COST: Final = 4
"""A range costs the store as much as so many terms."""

Check = Callable[[Resource], bool]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What to ask the store, and what to ask of each decrypted hit."""

    clauses: tuple[Clause, ...]
    order: Order
    checks: tuple[Check, ...]


def compile_query(query: Query, index: BlindIndex, base_url: str, compartment: str | None) -> Compiled:
    """Raises FhirError for values of the wrong form."""
    clauses: list[Clause] = [AnyOf((index.term(query.type, TYPE_TERM, ""),))]
    if compartment is not None:
        clauses.append(AnyOf((index.term(query.type, COMPARTMENT, compartment),)))
    checks: list[Check] = []
    cost = 0
    for criterion in query.criteria:
        clause, check = _compile(query.type, criterion, index, base_url)
        clauses.append(clause)
        cost += _cost(clause)
        if cost > MAX_TERMS:
            raise refuse("search-too-costly", "The search has too many values in all; ask in several searches.")
        if check is not None:
            checks.append(check)
    return Compiled(tuple(clauses), _order(query.type, query.sort, index), tuple(checks))


def _cost(clause: Clause) -> int:
    return len(clause.intervals) * _INTERVAL_COST if isinstance(clause, AnyInterval) else len(clause.terms)


def _order(type_: str, sort: SortKey | None, index: BlindIndex) -> Order:
    if sort is None or sort.code == PRIMARY_DATES.get(type_):
        return Order(descending=sort is None or sort.descending)
    parameter = indexed_parameters(type_).get(sort.code)
    if sort.code in SEALED_DATES or (parameter is not None and parameter.type != "date"):
        raise refuse("not-supported", f"Sorting by {sort.code} is not supported; dates and _lastUpdated are.", "http._sort")
    return Order(index.column(type_, sort.code), sort.descending)


def _compile(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> tuple[Clause, Check | None]:
    code = criterion.code
    if criterion.type == "string":
        return _string(type_, criterion, index)
    if criterion.type == "date":
        return (_sealed_date if code in SEALED_DATES else _date)(type_, criterion, index), None
    if criterion.type in {"number", "quantity"}:
        return _quantity(type_, criterion, index), None
    texts: list[str] = []
    for value in criterion.values:
        if criterion.type == "token":
            texts.append(_token(code, value))
        elif criterion.type == "reference":
            texts.extend(_reference(criterion, value, base_url))
        else:
            texts.append(f"u{unescape(value)}")
    terms = tuple(sorted({index.term(type_, code, text) for text in texts}))
    return (NoneOf(terms) if criterion.modifier == "not" else AnyOf(terms)), None


def _token(code: str, value: str) -> str:
    parts = [unescape(part) for part in split_escaped(value, "|")]
    if len(parts) == 1:
        return f"c{parts[0]}"
    if len(parts) == 2 and parts[1]:
        return f"s{parts[0]}|{parts[1]}"
    raise refuse("parameter-value", f"{code} has the form code, system|code or |code.", f"http.{code}")


def _reference(criterion: Criterion, value: str, base_url: str) -> list[str]:
    if criterion.modifier == "identifier":
        parts = [unescape(part) for part in split_escaped(value, "|")]
        return [f"i|{parts[0]}" if len(parts) == 1 else f"i{'|'.join(parts)}"]
    value = unescape(value)
    if "/" in value or ":" in value or "|" in value:
        return [f"r{local_reference(value, base_url)}"]
    if not _REFERENCE_ID.match(value):
        raise refuse("parameter-value", f"{criterion.code} is Type/id, an id or a URL.", f"http.{criterion.code}")
    targets = [criterion.modifier] if criterion.modifier else sorted(criterion.targets)
    return [f"r{target}/{value}" for target in targets] + ([] if targets else [f"r{value}"])


def _string(type_: str, criterion: Criterion, index: BlindIndex) -> tuple[Clause, Check | None]:
    code = criterion.code
    if criterion.modifier == "exact":
        return AnyOf(tuple(index.term(type_, code, f"x{unescape(value)}") for value in criterion.values)), None
    queries = [normalize(unescape(value)) for value in criterion.values]
    if not all(queries):
        raise refuse("parameter-value", f"{code} needs at least one letter or digit.", f"http.{code}")
    found = [prefix_term(query) for query in queries]
    clause = AnyOf(tuple(sorted({index.term(type_, code, term) for term, _ in found})))
    if not any(inexact for _, inexact in found):
        return clause, None
    extract = indexed_parameters(type_)[code].extract

    def check(resource: Resource) -> bool:
        texts = [text for value in extract(resource) for text in strings(value)]
        return any(matches_prefix(query, texts) for query in queries)

    return clause, check


def split_prefix(value: str) -> tuple[str, str]:
    """(prefix, rest): `eq` where none is given."""
    return (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)


def _bad_date(code: str) -> FhirError:
    return refuse(
        "parameter-value", f"{code} is a date such as 2026-03-16, with an optional prefix such as ge.", f"http.{code}"
    )


def _date(type_: str, criterion: Criterion, index: BlindIndex) -> Clause:
    column = index.column(type_, criterion.code)
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


def _quantity(type_: str, criterion: Criterion, index: BlindIndex) -> Clause:
    intervals: list[Interval] = []
    for value in criterion.values:
        prefix, text = split_prefix(value)
        number, *unit = (unescape(part) for part in split_escaped(text, "|"))
        if not _NUMBER.match(number) or len(unit) not in {0, 2}:
            form = "a number" if criterion.type == "number" else "number or number|system|code"
            raise refuse(
                "parameter-value", f"{criterion.code} is {form}, with an optional prefix.", f"http.{criterion.code}"
            )
        named = "|".join(unit) if unit and unit[0] else unit[1] if unit else ""
        low, high = precision_range(number, prefix)
        intervals.extend(_compare(prefix, index.column(type_, f"{criterion.code}|{named}"), low, high))
    return AnyInterval(tuple(intervals))


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
