"""What a resource is found by: terms, intervals and its order (`server.store.Index`), made when a version is written.

Every entry is a key that the database keeps (three for an interval on MongoDB), so nothing is entered twice: what several
parameters look at is under the narrowest of them (server/search/overlap.py), and what can be told in another way is not
entered at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from profiles.json import Resource
from profiles.search_parameters import SearchParameter, Value
from profiles.text import instant_range, period_range
from server.seal.blind_index import BlindIndex
from server.search.calendar import calendar_terms
from server.search.catalogue import present
from server.search.known_systems import known_token_terms, systems_of
from server.search.overlap import NOTHING, Shared, narrow_first, shared
from server.search.quantities import numbers
from server.search.strings import bounded, string_terms, strings
from server.search.terms import reference_terms, token_terms
from server.search.timeline_terms import timeline_terms
from server.store.store import Index

INDEX_FORMATS: Final = {
    "date": 4,
    "history": 1,
    "number": 3,
    "quantity": 4,
    "reference": 2,
    "sealed-date": 2,
    "string": 2,
    "token": 2,
    "type": 3,
    "uri": 2,
}
"""By kind of parameter; `type` for the terms of a type and its compartments, `history` for its timeline. Raise a number when
anything here, or in what makes the terms, gives the same values other entries than before: stores are then indexed anew
(server/search/index_schema.py; tests/search/test_index_schema.py notices)."""

TYPE_TERM: Final = "_type"
COMPARTMENT: Final = "_compartment"

OPEN_PAST: Final = -(2.0**62)
OPEN_FUTURE: Final = 2.0**62

SEALED_DATES: Final = frozenset({"birthdate", "death-date"})
"""Date parameters that name people, by code: indexed as calendar terms, never as plain columns."""

NO_TEXTS: Final = frozenset[str]()

PRIMARY_DATES: Final = {
    "Claim": "created",
    "ClaimResponse": "created",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Condition": "recorded-date",
    "Coverage": "_lastUpdated",
    "DiagnosticReport": "date",
    "DocumentReference": "date",
    "Encounter": "date",
    "ImagingStudy": "started",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "Observation": "date",
    "Procedure": "date",
    "QuestionnaireResponse": "authored",
    "RiskAssessment": "date",
    "ServiceRequest": "authored",
    "Task": "authored-on",
    "AuditEvent": "date",
}
"""The date that a type is listed by, newest first: it occurs once in each. Other types are listed by when they were first stored,
and so is what lacks the date; what began at no known time is the oldest."""


def index_resource(
    resource: Resource,
    patients: tuple[str, ...],
    index: BlindIndex,
    created: int,
    base_url: str,
    only: frozenset[str] | None = None,
) -> Index:
    """All entries of one version. `created` is in microseconds; `patients` are the compartments it is in.

    With `only`, entries by these parameters alone: for who asks one question of a resource, and does not store it.
    """
    type_: str = resource["resourceType"]
    term = index.term
    terms = {term(type_, TYPE_TERM, ""), term(type_, "_id", f"c{resource['id']}")}
    terms.update(compartment_term(index, type_, patient) for patient in patients)
    intervals: set[tuple[int, float, float]] = set()
    given: dict[str, set[str]] = {}
    order = created
    primary = PRIMARY_DATES.get(type_)
    meta = resource.get("meta")
    kept = meta if isinstance(meta, dict) else {}
    plan, own = _plan(type_), present().indexed(type_)
    if own:
        plan = (*plan, *((code, parameter, None, NOTHING) for code, parameter in own.items()))
    for code, parameter, of_meta, share in plan:
        if only is not None and code not in only:
            continue
        if of_meta is not None:
            if of_meta not in kept:
                continue
        elif parameter.heads is not None and parameter.heads.isdisjoint(resource):
            continue
        values = parameter.extract(resource)
        if not values:
            continue
        if parameter.type == "date" and code not in SEALED_DATES:
            ranges = [found for value in values if (found := date_range(value)) is not None]
            intervals.update((date_column(index, type_, code), *found) for found in ranges)
            if code == primary:  # one value in every type that has one
                order = int(max((low for low, _ in ranges), default=created))
            continue
        if parameter.type in {"number", "quantity"}:
            intervals.update(_numbers(type_, parameter, values, index))
            continue
        texts = (
            _string_texts(code, values, share.elements)
            if parameter.type == "string"
            else _texts(parameter, values, base_url, type_)
        )
        for part in share.parts:
            texts -= given.get(part.code, NO_TEXTS)
        given[code] = texts
        terms.update([term(type_, code, text) for text in texts])
    return Index(order, tuple(sorted(terms)), tuple(sorted(intervals)), timeline_terms(index, type_, patients))


@cache
def _plan(type_: str) -> tuple[tuple[str, SearchParameter, str | None, Shared], ...]:
    """(code, parameter, the only property of `meta` that it looks at, what it shares), narrow ones first."""
    sharing = shared(type_)
    return tuple(
        (code, parameter, _of_meta(parameter), sharing.get(code, NOTHING)) for code, parameter in narrow_first(type_)
    )


def _of_meta(parameter: SearchParameter) -> str | None:
    start, _, name = parameter.paths[0].partition(".")
    return name if len(parameter.paths) == 1 and start == "meta" and name.isalpha() else None


def compartment_term(index: BlindIndex, type_: str, patient: str) -> int:
    """What is in a patient's compartment; a Patient is in its own alone, so that its id says it."""
    if type_ == "Patient":
        return index.term(type_, "_id", f"c{patient}")
    return index.term(type_, COMPARTMENT, patient)


def date_column(index: BlindIndex, type_: str, code: str) -> int:
    """The column of a date parameter; two that always tell the same share one."""
    return index.column(type_, same_date(type_, code))


def same_date(type_: str, code: str) -> str:
    """An audit event is recorded when it is last updated, and never changed."""
    return "date" if type_ == "AuditEvent" and code == "_lastUpdated" else code


def _string_texts(code: str, values: list[Value], without: frozenset[str]) -> set[str]:
    texts: set[str] = set()
    for value in values:
        for text in strings(value, without):
            texts |= _words(code, text)
    return bounded(code, texts)


_words: Final = lru_cache(maxsize=16_384)(string_terms)
"""Names of people and places come again and again."""


def _texts(parameter: SearchParameter, values: list[Value], base_url: str, type_: str) -> set[str]:
    if parameter.type == "token":
        if systems_of(type_, parameter.code):
            return {text for value in values for text in known_token_terms(value)}
        return {text for value in values for text in token_terms(value)}
    if parameter.type == "reference":
        return {text for value in values for text in reference_terms(value, base_url)}
    if parameter.type == "date":
        return {text for value in values if isinstance(value.value, str) for text in calendar_terms(value.value)}
    return {f"u{value.value}" for value in values if isinstance(value.value, str)}


def date_range(value: Value) -> tuple[float, float] | None:
    """The interval of a date, dateTime, instant, Period or Timing, in microseconds; open ends are far away.

    A Period that ends before it begins (R4 forbids it, per-1) is the time between.
    """
    data = value.value
    if isinstance(data, str):
        return _instant(data)
    if not isinstance(data, dict):
        return None
    if value.kind == "Timing":
        return _timing_range(data)
    low, high = period_range(data) or (None, None)
    if low is None and high is None:
        return None
    if low is not None and high is not None and low > high:
        low, high = high, low
    return (OPEN_PAST if low is None else float(low), OPEN_FUTURE if high is None else last_moment(high))


def last_moment(microseconds: int) -> float:
    """As a float, never later: beyond the years 1684 to 2255 not every microsecond is one, and a day must not end in the next."""
    found = float(microseconds)
    return found if found <= microseconds else math.nextafter(found, -math.inf)


def _instant(text: str) -> tuple[float, float] | None:
    """As `instant_range`. Times of our own (server/repository.py) differ in their microseconds alone for a second."""
    if len(text) == 27 and text[19] == "." and text[26] == "Z" and text.isascii() and text[20:26].isdigit():
        second = _remembered_range(f"{text[:19]}Z")
        moment = None if second is None else second[0] + int(text[20:26])
        return None if moment is None else (moment, moment)
    return _remembered_range(text) if len(text) <= 40 else _range(text)


def _range(text: str) -> tuple[float, float] | None:
    found = instant_range(text)
    return (float(found[0]), last_moment(found[1])) if found else None


_remembered_range: Final = lru_cache(maxsize=16_384)(_range)
"""What happens at one visit has its time in common."""


def _timing_range(timing: Resource) -> tuple[float, float] | None:
    events = timing.get("event")
    found = (
        [span for event in events if isinstance(event, str) and (span := instant_range(event))]
        if isinstance(events, list)
        else []
    )
    if found:
        return float(min(low for low, _ in found)), last_moment(max(high for _, high in found))
    repeat = timing.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    return date_range(Value("Period", bounds)) if isinstance(bounds, dict) else None


def _numbers(
    type_: str, parameter: SearchParameter, values: list[Value], index: BlindIndex
) -> Iterator[tuple[int, float, float]]:
    for value in values:
        for name, number in numbers(value.value):
            yield index.points(type_, f"{parameter.code}|{name}"), number, number
