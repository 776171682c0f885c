"""`$everything`: a patient's, an encounter's or a group's whole record, page by page (FHIR R4 patient-operation-everything.html and
those of Encounter and Group).

The types of the record come one after another, the newest first within each; behind them on each page stands what its resources
refer to and is in nobody else's record (mode include). AuditEvents are left out: `Patient/[id]/$disclosures` tells what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from operations.definition import Definition, Level, Parameter, needed
from operations.given_values import text, values, whole
from operations.ports import Context, Found, Operation, OperationInput, OperationOutput, Page
from operations.records.care_dates import CareDates, care_dates
from operations.records.referred import referred
from profiles.compartments import compartment_codes, member_types
from profiles.json import Resource, dumps
from profiles.outcome import refuse
from profiles.search_parameters import search_parameters
from profiles.structure import resource_types

USUAL: Final = 100
"""Resources on a page, where nothing else is asked for."""
MOST: Final = 1000
MOST_MEMBERS: Final = 500
"""Patients of a group whose records are looked through at once: beyond that, `$export` is the way."""

MOST_EXAMINED: Final = 5000
"""A page ends, with a next link, when so many were looked at that lie outside of the dates."""

_LEFT_OUT: Final = frozenset({"AuditEvent"})
_BESIDE: Final = frozenset({"Binary", "Contract", "Device", "GuidanceResponse", "Task"})
"""Types that R4's Patient compartment leaves out, and whose resources are part of a record here when they name the patient."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted. `types` none: all."""

    start: str | None
    end: str | None
    since: str | None
    types: tuple[str, ...]
    count: int
    cursor: str

    @property
    def dates(self) -> CareDates:
        return care_dates(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the way through the record: the resources of a type, of these patients or by these criteria."""

    type: str
    criteria: tuple[tuple[str, str], ...] = ()
    patients: frozenset[str] | None = None


_PAGING: Final = (
    Parameter("_since", "instant", "Only what was changed at that time or later."),
    Parameter(
        "_type", "code", "Only resources of these types; several behind commas, or the parameter repeated.", most=None
    ),
    Parameter("_count", "positiveInt", f"Resources on a page: {USUAL} unless said otherwise, {MOST} at most."),
    Parameter("_cursor", "string", "Where a page starts: from the next link of the page before."),
)
_DATES: Final = (
    Parameter("start", "date", "Only care on that day or later; what has no date of care is always in it."),
    Parameter("end", "date", "Only care on that day or earlier."),
)
_GIVES: Final = (needed("return", "Bundle", "A searchset, with a next link while there is more."),)


def _definition(on: str, what: str, levels: tuple[Level, ...], takes: tuple[Parameter, ...]) -> Definition:
    return Definition(
        id=f"{on}-everything",
        code="everything",
        title=f"Read the whole record of {what}",
        text=f"All resources in the record of {what} that the caller may see, and what they refer to, page by page.",
        levels=levels,
        on=(on,),
        takes=takes,
        gives=_GIVES,
        url=f"http://hl7.org/fhir/OperationDefinition/{on}-everything",
        version="4.0.1",
    )


def everything_operations() -> tuple[Operation, ...]:
    return (
        Operation(
            _definition("Patient", "a patient, or of all patients", ("type", "instance"), (*_DATES, *_PAGING)),
            _of_patient,
            "r",
            discloses=True,
        ),
        Operation(_definition("Encounter", "an encounter", ("instance",), _PAGING), _of_encounter, "r", discloses=True),
        Operation(
            _definition("Group", "the patients of a group", ("instance",), (*_DATES, *_PAGING)),
            _of_group,
            "r",
            discloses=True,
        ),
    )


async def _of_patient(given: OperationInput, context: Context) -> OperationOutput:
    asked = _asked(given)
    patients = None if given.resource_id is None else frozenset({given.resource_id})
    if given.resource_id is not None:
        await _present("Patient", given.resource_id, context)
    return await _page(given, asked, list(_legs_of(patients, asked, context)), context)


async def _of_group(given: OperationInput, context: Context) -> OperationOutput:
    asked, id_ = _asked(given), given.resource_id or ""
    group = await _present("Group", id_, context)
    members = frozenset(_members(group))
    if len(members) > MOST_MEMBERS:
        words = f"The group has more than {MOST_MEMBERS} patients: export their records instead (Group/$export)."
        raise refuse("search-too-costly", words, "http.url")
    legs = [Leg("Group", (("_id", id_),))] if _wants(asked, "Group", context) else []
    return await _page(given, asked, [*legs, *(_legs_of(members, asked, context) if members else ())], context)


async def _of_encounter(given: OperationInput, context: Context) -> OperationOutput:
    asked, id_ = _asked(given), given.resource_id or ""
    await _present("Encounter", id_, context)
    legs = [Leg("Encounter", (("_id", id_),))] if _wants(asked, "Encounter", context) else []
    for type_ in sorted(member_types("Encounter") - {"Encounter"}):
        if _wants(asked, type_, context):
            legs += [Leg(type_, ((code, f"Encounter/{id_}"),)) for code in sorted(compartment_codes("Encounter", type_))]
    return await _page(given, asked, legs, context)


async def _present(type_: str, id_: str, context: Context) -> Resource:
    """Raises FhirError (410)."""
    context.note_entity(f"{type_}/{id_}")
    found = await context.records.read(type_, id_)
    if found is None:
        raise refuse("gone", "The resource was deleted; what referred to it is found by a search.", "http.url")
    return found


def _members(group: Resource) -> Iterator[str]:
    for member in group.get("member", ()):
        kind, _, id_ = str(member.get("entity", {}).get("reference", "")).rpartition("/")
        if kind.endswith("Patient") and not member.get("inactive"):
            yield id_


def _legs_of(patients: frozenset[str] | None, asked: Asked, context: Context) -> Iterator[Leg]:
    """The patients themselves first."""
    for type_ in ("Patient", *sorted((member_types() | _BESIDE) - {"Patient"})):
        if _wants(asked, type_, context):
            yield Leg(type_, patients=patients)


def _wants(asked: Asked, type_: str, context: Context) -> bool:
    """Types that the caller may not search are as if they were not here, unless they are asked for: then that is said (403)."""
    if type_ in _LEFT_OUT:
        return False
    return type_ in asked.types if asked.types else context.may("s", type_)


async def _page(given: OperationInput, asked: Asked, legs: Sequence[Leg], context: Context) -> OperationOutput:
    number, place = _start(asked.cursor, legs)
    found: list[Found] = []
    examined = 0
    while number < len(legs) and len(found) < asked.count and examined < MOST_EXAMINED:
        wanted = asked.count - len(found)
        page = await _of_leg(legs[number], asked, place, wanted, context)
        found += [each for each in page.found if _is_new(legs[:number], legs[number], each) and asked.dates.holds(each)]
        examined += len(page.found)
        place = page.after
        number += 0 if place else 1
    following = _cursor(legs, number, place, asked, context) if number < len(legs) else ""
    patients = legs[-1].patients if legs else None
    beside = await referred(found, _owners(found, patients), asked.types, context)
    return OperationOutput(_bundle(given, asked, found, beside, following, context))


def _start(cursor: str, legs: Sequence[Leg]) -> tuple[int, str]:
    """(which leg, the place in it). Raises FhirError (400)."""
    if not cursor:
        return 0, ""
    name, _, place = cursor.partition(".")
    for number in range(len(legs)):
        if place and name == _name(legs, number):
            return number, place
    raise refuse("bad-cursor", "The cursor belongs to another question, or was altered.", "http._cursor")


def _cursor(legs: Sequence[Leg], number: int, place: str, asked: Asked, context: Context) -> str:
    leg = legs[number]
    return f"{_name(legs, number)}.{place or context.records.beginning(leg.type, _query(leg, asked), leg.patients)}"


def _name(legs: Sequence[Leg], number: int) -> str:
    """Of a leg in a cursor: by its type, since who comes with another token may have other legs before it."""
    type_ = legs[number].type
    return f"{type_}-{sum(leg.type == type_ for leg in legs[:number])}"


async def _of_leg(leg: Leg, asked: Asked, place: str, most: int, context: Context) -> Page:
    return await context.records.page(leg.type, _query(leg, asked), place, most, leg.patients)


def _query(leg: Leg, asked: Asked) -> dict[str, str | Sequence[str]]:
    since = {} if asked.since is None else {"_lastUpdated": f"ge{asked.since}"}
    return {**dict(leg.criteria), **since}


def _is_new(before: Sequence[Leg], leg: Leg, found: Found) -> bool:
    """Whether it is part of a record at all, and no leg before has brought it."""
    if leg.patients is None and not leg.criteria and not found.patients:
        return False
    return not any(_brings(other, found) for other in before if other.type == leg.type and other.criteria)


def _brings(leg: Leg, found: Found) -> bool:
    ((code, target),) = leg.criteria
    if code == "_id":
        return found.id == target
    values = search_parameters(leg.type)[code].extract(found.resource())
    texts = (value.value.get("reference") for value in values if isinstance(value.value, dict))
    return any(isinstance(text, str) and text.partition("/_history/")[0].endswith(target) for text in texts)


def _owners(found: Sequence[Found], patients: frozenset[str] | None) -> frozenset[str] | None:
    """Whose records are shown: those asked for, or those of the page."""
    return patients if patients is not None else frozenset(patient for each in found for patient in each.patients)


def _bundle(
    given: OperationInput,
    asked: Asked,
    found: Sequence[Found],
    beside: Sequence[Resource],
    following: str,
    context: Context,
) -> bytes:
    address = "/".join(part for part in (context.base_url, given.resource_type, given.resource_id, "$everything") if part)
    pairs = [("start", asked.start), ("end", asked.end), ("_since", asked.since), ("_type", ",".join(asked.types) or None)]
    query = [(name, value) for name, value in (*pairs, ("_count", str(asked.count))) if value is not None]
    links = [{"relation": "self", "url": f"{address}?{urlencode(query)}"}]
    if following:
        links.append({"relation": "next", "url": f"{address}?{urlencode([*query, ('_cursor', following)])}"})
    head: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
    entries = [_entry(context.base_url, each.listed, f"{each.type}/{each.id}", "match") for each in found]
    entries += [_entry(context.base_url, dumps(each), f"{each['resourceType']}/{each['id']}", "include") for each in beside]
    return dumps(head)[:-1] + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")


def _entry(base_url: str, body: bytes, name: str, mode: str) -> bytes:
    """The stored bytes as they are: a record may be long."""
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (dumps(f"{base_url}/{name}"), body, mode.encode())


def _asked(given: OperationInput) -> Asked:
    """Raises FhirError (400) for types that there are not."""
    types = [name.strip() for each in values(given, "_type") for name in str(each).split(",")]
    unknown = [name for name in types if name not in resource_types()]
    if unknown:
        raise refuse("parameter-value", "_type names R4 resource types, several behind commas.", "http._type")
    return Asked(
        text(given, "start"),
        text(given, "end"),
        text(given, "_since"),
        tuple(dict.fromkeys(types)),
        min(whole(given, "_count", USUAL), MOST),
        text(given, "_cursor") or "",
    )
