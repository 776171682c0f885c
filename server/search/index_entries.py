"""What a resource is found by: terms, intervals and its order (`server.store.Index`), made when a version is written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from profiles.json import Json, Resource
from profiles.search_parameters import SearchParameter, Value
from profiles.text import instant_range, period_range
from server.seal.blind_index import BlindIndex
from server.search.calendar import calendar_terms
from server.search.registry import indexed_parameters
from server.search.terms import reference_terms, string_terms, strings, token_terms
from server.store.store import Index

TYPE_TERM: Final = "_type"
COMPARTMENT: Final = "_compartment"

OPEN_PAST: Final = -(2.0**62)
OPEN_FUTURE: Final = 2.0**62

SEALED_DATES: Final = frozenset({"birthdate", "death-date"})
"""Date parameters that name people, by code: indexed as calendar terms, never as plain columns."""

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
"""The date that a type is listed by, newest first. Other types are listed by when they were first stored."""


def index_resource(resource: Resource, patients: tuple[str, ...], index: BlindIndex, created: int, base_url: str) -> Index:
    """All entries of one version. `created` is in microseconds; `patients` are the compartments it is in."""
    type_: str = resource["resourceType"]
    terms = {index.term(type_, TYPE_TERM, ""), index.term(type_, "_id", f"c{resource['id']}")}
    terms.update(index.term(type_, COMPARTMENT, patient) for patient in patients)
    intervals: set[tuple[int, float, float]] = set()
    order = created
    primary = PRIMARY_DATES.get(type_)
    for code, parameter in indexed_parameters(type_).items():
        values = parameter.extract(resource)
        if not values:
            continue
        if parameter.type == "date" and code not in SEALED_DATES:
            ranges = [found for value in values if (found := date_range(value)) is not None]
            intervals.update((index.column(type_, code), *found) for found in ranges)
            if code == primary:
                order = int(max((low for low, _ in ranges if low > OPEN_PAST), default=created))
        elif parameter.type in {"number", "quantity"}:
            intervals.update(_numbers(type_, parameter, values, index))
        elif parameter.type == "string":
            terms.update(term for value in values for text in strings(value) for term in _string(index, type_, code, text))
        else:
            term = index.term
            terms.update([term(type_, code, text) for value in values for text in _texts(parameter, value, base_url)])
    return Index(order, tuple(sorted(terms)), tuple(sorted(intervals)))


@lru_cache(maxsize=16_384)
def _string(index: BlindIndex, type_: str, code: str, text: str) -> tuple[int, ...]:
    """Terms of one string; names of people and places come again and again."""
    return tuple(index.term(type_, code, term) for term in string_terms(text))


def _texts(parameter: SearchParameter, value: Value, base_url: str) -> Iterator[str]:
    if parameter.type == "token":
        return token_terms(value)
    if parameter.type == "reference":
        return reference_terms(value, base_url)
    if parameter.type == "date":
        return calendar_terms(value.value) if isinstance(value.value, str) else iter(())
    if parameter.type == "uri" and isinstance(value.value, str):
        return iter((f"u{value.value}",))
    return iter(())


def date_range(value: Value) -> tuple[float, float] | None:
    """The interval of a date, dateTime, instant, Period or Timing, in microseconds; open ends are far away."""
    data = value.value
    if isinstance(data, str):
        found = instant_range(data)
        return (float(found[0]), float(found[1])) if found else None
    if not isinstance(data, dict):
        return None
    if value.kind == "Timing":
        return _timing_range(data)
    low, high = period_range(data) or (None, None)
    if low is None and high is None:
        return None
    return (OPEN_PAST if low is None else float(low), OPEN_FUTURE if high is None else float(high))


def _timing_range(timing: Resource) -> tuple[float, float] | None:
    events = timing.get("event")
    found = (
        [span for event in events if isinstance(event, str) and (span := instant_range(event))]
        if isinstance(events, list)
        else []
    )
    if found:
        return float(min(low for low, _ in found)), float(max(high for _, high in found))
    repeat = timing.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    return date_range(Value("Period", bounds)) if isinstance(bounds, dict) else None


def _numbers(
    type_: str, parameter: SearchParameter, values: list[Value], index: BlindIndex
) -> Iterator[tuple[int, float, float]]:
    for value in values:
        data = value.value
        number = _number(data.get("value")) if isinstance(data, dict) else _number(data)
        if number is None:
            continue
        for unit in quantity_units(data) if isinstance(data, dict) else ("",):
            yield index.column(type_, f"{parameter.code}|{unit}"), number, number


def quantity_units(quantity: Resource) -> set[str]:
    """The ways a query may name the unit: not at all, by code, by system and code, by its printed form."""
    code = quantity.get("code") or quantity.get("currency")
    names = {"", *(text for text in (code, quantity.get("unit")) if isinstance(text, str))}
    if isinstance(code, str) and isinstance(quantity.get("system"), str):
        names.add(f"{quantity['system']}|{code}")
    return names


def _number(data: Json) -> float | None:
    if isinstance(data, bool) or not isinstance(data, int | Decimal):
        return None
    try:
        return float(data)
    except (OverflowError, InvalidOperation, ValueError):
        return None
