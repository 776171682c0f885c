"""`Observation/$lastn`: the newest observations of each kind (FHIR R4 observation-operation-lastn.html).

Observations are of one kind when their codes share a coding, also by way of a third that shares one with both; those without
coding, when their text is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from operations.definition import Definition, Parameter, needed
from operations.given_values import values, whole
from operations.ports import Context, Found, Operation, OperationInput, OperationOutput
from profiles.json import Resource, dumps
from profiles.outcome import refuse
from profiles.reading import codings

MOST: Final = 1000
"""Observations in one answer."""
_CRITERIA: Final = [
    "patient",
    "subject",
    "category",
    "code",
    "combo-code",
    "component-code",
    "date",
    "status",
    "encounter",
    "performer",
    "specimen",
    "device",
    "value-concept",
    "value-quantity",
    "value-string",
    "identifier",
    "_id",
    "_lastUpdated",
    "_tag",
    "_profile",
]
_NARROWING: Final = frozenset({"patient", "subject", "encounter"})

LASTN: Final = Definition(
    id="Observation-lastn",
    code="lastn",
    title="Read the newest observations",
    text="The newest observations of each kind, by code, among those that the search criteria find; the newest first.",
    levels=("type",),
    on=("Observation",),
    takes=(
        Parameter("max", "positiveInt", "How many of each kind. Default: 1."),
        *(Parameter(name, "string", "As in a search of Observation.", most=None) for name in _CRITERIA),
    ),
    gives=(needed("return", "Bundle", "A searchset."),),
    url="http://hl7.org/fhir/OperationDefinition/Observation-lastn",
    version="4.0.1",
)


async def _run(given: OperationInput, context: Context) -> OperationOutput:
    query = {name: [str(value) for value in found] for name in _CRITERIA if (found := values(given, name))}
    if _NARROWING.isdisjoint(query):
        raise refuse("required-element", "Say whose observations: patient, subject or encounter.", "http.query")
    kinds = await _by_kind(query, whole(given, "max", 1), context)
    kept = sorted((pair for kind in kinds for pair in kind), key=lambda pair: pair[0])
    entries = [
        b'{"fullUrl":%b,"resource":%b,"search":{"mode":"match"}}'
        % (dumps(f"{context.base_url}/Observation/{found.id}"), found.listed)
        for _, found in kept
    ]
    head = dumps({"resourceType": "Bundle", "type": "searchset", "total": len(entries)})
    return OperationOutput(head[:-1] + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}"))


async def _by_kind(query: Mapping[str, Sequence[str]], most: int, context: Context) -> list[list[tuple[int, Found]]]:
    """The newest `most` of each kind, with their places in the order of the search."""
    newest: dict[frozenset[str], list[tuple[int, Found]]] = {}
    place = 0
    async for found in context.records.find("Observation", query):
        names = frozenset(_names(found.resource()))
        same = [kind for kind in newest if not kind.isdisjoint(names)]
        together = sorted((each for kind in same for each in newest.pop(kind)), key=lambda pair: pair[0])
        newest[names.union(*same)] = [*together, (place, found)][:most]
        place += 1
        if sum(map(len, newest.values())) > MOST:
            raise refuse("search-too-costly", f"More than {MOST} observations would be shown: add a criterion.")
    return list(newest.values())


def _names(observation: Resource) -> Iterator[str]:
    """What tells its kind."""
    code = observation.get("code")
    listed = [f"{one.system}|{one.code}" for one in codings(code) if one.code]
    if not listed and isinstance(code, dict):
        listed = [f"text {str(code.get('text', '')).casefold()}"]
    yield from listed


LASTN_OPERATION: Final = Operation(LASTN, _run, "s", discloses=True)
