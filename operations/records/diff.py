"""`$diff`: how two versions of a resource, or two resources of a type, differ, as a FHIRPath Patch (ours; HAPI has one of that name)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter
from operations.given_values import flag, values, whole
from operations.policy.fhir_parameters import parameters
from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.records.difference import difference
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.references import parse_reference

_META: Final = Parameter(
    "includeMeta", "boolean", "Whether profiles, security labels and tags count as well. Default: false."
)
_PARTS: Final = (
    Parameter("type", "code", "add, insert, delete or replace.", least=1),
    Parameter("path", "string", least=1),
    Parameter("name", "string"),
    Parameter("index", "integer"),
    Parameter("value", "Element"),
)
_GIVES: Final = (Parameter("operation", text="One step of the patch.", most=None, parts=_PARTS),)

VERSIONS: Final = Definition(
    id="Resource-diff",
    code="diff",
    title="Compare two versions",
    text="The FHIRPath Patch that makes one version of the resource of another; without versions, what the last change did.",
    levels=("instance",),
    on=("Resource",),
    takes=(
        Parameter("fromVersion", "positiveInt", "The version to begin with. Default: the one before `toVersion`."),
        Parameter("toVersion", "positiveInt", "The version to end with. Default: the current one."),
        _META,
    ),
    gives=_GIVES,
)
RESOURCES: Final = Definition(
    id="system-diff",
    code="diff",
    title="Compare two resources",
    text="The FHIRPath Patch that makes one resource of another of the same type. Either may name a version.",
    levels=("system",),
    takes=(
        Parameter("from", "Reference", "As in Patient/1 or Patient/1/_history/2.", least=1, also=("string",)),
        Parameter("to", "Reference", "As in Patient/2.", least=1, also=("string",)),
        _META,
    ),
    gives=_GIVES,
)


def diff_operations() -> tuple[Operation, Operation]:
    return Operation(VERSIONS, _of_versions, "r", discloses=True), Operation(RESOURCES, _of_resources, "r", discloses=True)


async def _of_versions(given: OperationInput, context: Context) -> OperationOutput:
    type_, id_ = given.resource_type or "", given.resource_id or ""
    context.note_entity(f"{type_}/{id_}")
    first, last = whole(given, "fromVersion", -1), whole(given, "toVersion", 0)
    if not last:
        current = await context.records.read(type_, id_)
        if current is None:
            raise refuse("gone", "The resource was deleted; name two versions.", "http.url")
        last = int(current.get("meta", {}).get("versionId", 1))
    if first < 0:
        first = last - 1
    after = await _version(type_, id_, last, context)
    before = await _version(type_, id_, first, context) if first else {"resourceType": type_}
    return _answer(given, before, after)


async def _of_resources(given: OperationInput, context: Context) -> OperationOutput:
    before, after = [await _named(given, name, context) for name in ("from", "to")]
    if before["resourceType"] != after["resourceType"]:
        raise refuse("parameter-value", "Two resources of the same type can be compared.", "http.to")
    return _answer(given, before, after)


def _answer(given: OperationInput, before: Resource, after: Resource) -> OperationOutput:
    return OperationOutput(parameters(difference(before, after, with_meta=flag(given, "includeMeta"))))


async def _named(given: OperationInput, name: str, context: Context) -> Resource:
    found = parse_reference(_reference(given, name).removeprefix(f"{context.base_url}/"))
    version = found.version if found is not None else None
    if found is None or found.kind != "relative" or not found.type or not found.id:
        raise refuse(
            "reference-format", "This is a reference to a resource of this server, as in Patient/1.", f"http.{name}"
        )
    context.note_entity(f"{found.type}/{found.id}")
    if not context.may("r", found.type):
        raise refuse("forbidden", "The token does not allow reading that type.")
    if version is not None:
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        return await _version(found.type, found.id, number, context)
    current = await context.records.read(found.type, found.id)
    if current is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", f"http.{name}")
    return current


def _reference(given: OperationInput, name: str) -> str:
    for value in values(given, name):
        found = value.get("reference") if isinstance(value, dict) else value
        if isinstance(found, str):
            return found
    raise refuse("parameter-value", "The reference is empty.", f"http.{name}")


async def _version(type_: str, id_: str, number: int, context: Context) -> Resource:
    found = await context.records.read_version(type_, id_, number) if number else None
    if found is None:
        raise refuse("not-found", "There is no such version, it is a deletion, or you may not see it.", "http.url")
    return found
