"""What an export is to hold, read from the parameters of its kick-off (Bulk Data Access, Query Parameters) and checked at once.

What is wrong is refused before a job is made; with `Prefer: handling=lenient`, what is not supported is left out and told of in the
manifest's `error` files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from operations.given_values import text, values
from operations.ports import Context, Letter, OperationInput
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.references import parse_reference
from profiles.structure import resource_types
from profiles.text import instant_range
from server.reach import personal_types
from server.repository import microseconds
from server.rest.exchange import AUDIT_TYPE
from server.rest.request import parse_pairs
from server.rest.shape import parse_shape
from server.search.query import Query, parse_query
from server.search.results import is_result_parameter

FORMATS: Final = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
MOST_PATIENTS: Final = 10_000
MOST_FILTERS: Final = 100
_READS: Final[tuple[Letter, ...]] = ("r", "s")
_REFUSED: Final = {
    "includeAssociatedData": "Associated data is not exported here.",
    "organizeOutputBy": "Files are organized by type of resource only.",
}
_NEXT_FILTER: Final = re.compile(r",(?=[A-Z][A-Za-z]*\?)")


class Asked(msgspec.Struct, frozen=True):
    """What a job is made for. Times are microseconds since 1970.

    `level` is system, Patient or Group (whose id is in `group`). `moment`: the state of then is exported. `after`: only what was
    changed later. `filters` are (type, criteria), `elements` (type, names) for the types that are not shown whole.
    """

    level: str
    moment: int
    types: tuple[str, ...]
    group: str = ""
    after: int | None = None
    filters: tuple[tuple[str, str], ...] = ()
    elements: tuple[tuple[str, tuple[str, ...]], ...] = ()
    patients: tuple[str, ...] | None = None
    told: tuple[str, ...] = ()
    """What was left out."""

    def to_json(self) -> Resource:
        fields: Resource = msgspec.to_builtins(self)
        return fields


def asked_in(work: Any) -> Asked:
    """What `Asked.to_json` made."""
    return msgspec.convert(work, Asked)


@dataclass(slots=True)
class _Reading:
    given: OperationInput
    context: Context
    lenient: bool
    told: list[str] = field(default_factory=list)

    def unsupported(self, sentence: str, name: str) -> None:
        if not self.lenient:
            raise refuse(
                "not-supported", f"{sentence} With Prefer: handling=lenient this is left out.", f"http.{name}", status=400
            )
        self.told.append(sentence)


def read_asked(given: OperationInput, context: Context, *, lenient: bool) -> Asked:
    """Raises FhirError: 400, 403 for types that the caller may not read."""
    reading = _Reading(given, context, lenient)
    format_ = text(given, "_outputFormat")
    if format_ is not None and format_ not in FORMATS:
        raise refuse("parameter-value", "The output is NDJSON: application/fhir+ndjson.", "http._outputFormat")
    for name, sentence in _REFUSED.items():
        if values(given, name):
            reading.unsupported(sentence, name)
    now = microseconds(context.now())
    after, until = _moment(given, "_since"), _moment(given, "_until")
    types = _types(reading)
    return Asked(
        level=given.resource_type or "system",
        moment=now if until is None else min(until, now),
        types=types,
        group=given.resource_id or "",
        after=after,
        filters=tuple(_filters(reading, types)),
        elements=tuple(_elements(reading, types)),
        patients=_patients(given),
        told=tuple(reading.told),
    )


def _moment(given: OperationInput, name: str) -> int | None:
    """Its first microsecond: where it was told with less precision, what lies behind it is shown twice rather than not at all."""
    value = text(given, name)
    found = instant_range(value) if value is not None else None
    return found[0] if found is not None else None


def _listed(given: OperationInput, name: str) -> tuple[str, ...]:
    found = (part.strip() for value in values(given, name) for part in str(value).split(","))
    return tuple(dict.fromkeys(part for part in found if part))


def _types(reading: _Reading) -> tuple[str, ...]:
    of_patients = reading.given.resource_type is not None
    offered = (personal_types() if of_patients else resource_types()) - {AUDIT_TYPE}
    named: list[str] = []
    for type_ in _listed(reading.given, "_type"):
        if type_ in offered:
            named.append(type_)
        elif type_ in resource_types():
            why = "AuditEvent/$export-trail exports it" if type_ == AUDIT_TYPE else "it is part of no patient's record"
            reading.unsupported(f"{type_} is not exported here: {why}.", "_type")
        else:
            reading.unsupported("A type in _type is not one of R4.", "_type")
    if named:
        return tuple(sorted(type_ for type_ in named if _demanded(reading.context, type_)))
    if values(reading.given, "_type"):
        raise refuse("parameter-value", "None of the types can be exported here.", "http._type")
    found = tuple(sorted(type_ for type_ in offered if _may(reading.context, type_)))
    if not found:
        raise refuse("forbidden", "The token's scopes open no type of resource for reading and searching.")
    return found


def _may(context: Context, type_: str) -> bool:
    return all(context.may(letter, type_) for letter in _READS)


def _demanded(context: Context, type_: str) -> bool:
    if not _may(context, type_):
        raise refuse("forbidden", f"The token's scopes do not open {type_} for reading and searching.", "http._type")
    return True


def _filters(reading: _Reading, types: Sequence[str]) -> Iterable[tuple[str, str]]:
    found = [part for value in values(reading.given, "_typeFilter") for part in _NEXT_FILTER.split(str(value)) if part]
    if len(found) > MOST_FILTERS:
        raise refuse("search-too-costly", f"There may be {MOST_FILTERS} filters.", "http._typeFilter")
    for each in found:
        type_, _, criteria = each.partition("?")
        if type_ not in types:
            raise refuse("parameter-value", "A filter is Type?criteria, of a type that is exported.", "http._typeFilter")
        reading.told += [issue.text for issue in query_of(type_, criteria, lenient=reading.lenient).ignored]
        yield type_, criteria


def query_of(type_: str, criteria: str, *, lenient: bool) -> Query:
    """A filter as a search. Raises FhirError (400)."""
    try:
        pairs = parse_pairs(criteria.encode("ascii", "replace")) if criteria.isascii() else _plain_pairs(criteria)
    except FhirError as error:
        raise refuse("parameter-value", "A filter's criteria are not those of a search.", "http._typeFilter") from error
    if any(is_result_parameter(name) for name, _ in pairs):
        raise refuse("parameter-value", "A filter says what is searched for, and not how it is shown.", "http._typeFilter")
    return parse_query(type_, pairs, lenient=lenient)


def _plain_pairs(criteria: str) -> tuple[tuple[str, str], ...]:
    """Criteria that came unescaped in a body."""
    split = (part.partition("=") for part in criteria.split("&") if part)
    return tuple((name, value) for name, _, value in split)


def _elements(reading: _Reading, types: Sequence[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """For each type the names that are of it: those that begin with it, and those without a type that it has."""
    names = _listed(reading.given, "_elements")
    used: set[str] = set()
    for type_ in types if names else ():
        own: list[str] = []
        for name in names:
            holder, _, element = name.rpartition(".")
            if holder not in {"", type_} or not _has(type_, element):
                continue
            used.add(name)
            own.append(element)
        if own:
            yield type_, tuple(own)
    if set(names) - used:
        reading.unsupported("_elements names what none of the types has.", "_elements")


def _has(type_: str, element: str) -> bool:
    try:
        parse_shape(type_, None, element)
    except FhirError:
        return False
    return True


def _patients(given: OperationInput) -> tuple[str, ...] | None:
    found = values(given, "patient")
    if not found:
        return None
    if len(found) > MOST_PATIENTS:
        raise refuse("parameter-value", f"At most {MOST_PATIENTS} patients may be named.", "http.patient")
    ids = (_patient_id(value) for value in found)
    return tuple(sorted(set(ids)))


def _patient_id(value: Any) -> str:
    reference = value.get("reference") if isinstance(value, dict) else None
    parsed = parse_reference(reference) if isinstance(reference, str) else None
    if parsed is None or parsed.type != "Patient" or parsed.id is None:
        raise refuse(
            "parameter-value", "A patient is a reference such as Patient/1.", "Parameters.parameter.where(name = 'patient')"
        )
    return parsed.id
