"""`$meta`, `$meta-add` and `$meta-delete`: the profiles, security labels and tags of resources (FHIR R4 resource-operation-meta.html).

On a type or the system, all that are in use there and that the caller may see. A change makes a new version, so that it is in the
history and others who write notice it; what changes nothing stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from operations.definition import Definition, Parameter
from operations.given_values import values
from operations.policy.fhir_parameters import parameters
from operations.ports import Changes, Context, Operation, OperationInput, OperationOutput, VersionConflictError, Write
from profiles.base_validation import validate_resource
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types

_LISTS: Final = {"profile": "_profile", "security": "_security", "tag": "_tag"}
"""Elements of Meta that are sets, and the search parameters that find them."""
_GIVES: Final = (Parameter("return", "Meta", "Left out where there are none."),)
_META: Final = Parameter("meta", "Meta", "Its profiles, security labels and tags count.", least=1)
_TRIES: Final = 12
_READ_ONLY: Final = "AuditEvent"
_R4: Final = "http://hl7.org/fhir/OperationDefinition/Resource-"

META: Final = Definition(
    id="Resource-meta",
    code="meta",
    title="Read profiles, labels and tags",
    text="The profiles, security labels and tags of a resource, or all that are in use in a type or the whole system.",
    levels=("system", "type", "instance"),
    on=("Resource",),
    gives=_GIVES,
    url=f"{_R4}meta",
    version="4.0.1",
)
META_ADD: Final = Definition(
    id="Resource-meta-add",
    code="meta-add",
    title="Add profiles, labels and tags",
    text="Adds to the resource what it does not have yet, as a new version.",
    levels=("instance",),
    on=("Resource",),
    takes=(_META,),
    gives=_GIVES,
    affects_state=True,
    url=f"{_R4}meta-add",
    version="4.0.1",
)
META_DELETE: Final = Definition(
    id="Resource-meta-delete",
    code="meta-delete",
    title="Take profiles, labels and tags away",
    text="Takes away from the resource what it has of them, as a new version.",
    levels=("instance",),
    on=("Resource",),
    takes=(_META,),
    gives=_GIVES,
    affects_state=True,
    url=f"{_R4}meta-delete",
    version="4.0.1",
)


def meta_operations() -> tuple[Operation, ...]:
    async def add(given: OperationInput, context: Context) -> OperationOutput:
        return await _change(given, context, "add")

    async def delete(given: OperationInput, context: Context) -> OperationOutput:
        return await _change(given, context, "delete")

    return (
        Operation(META, _read, "r", discloses=True),
        Operation(META_ADD, add, "u", discloses=True),
        Operation(META_DELETE, delete, "u", discloses=True),
    )


async def _read(given: OperationInput, context: Context) -> OperationOutput:
    type_ = given.resource_type
    if type_ is not None and given.resource_id is not None:
        context.note_entity(f"{type_}/{given.resource_id}")
        return _answer(_present(await context.records.read(type_, given.resource_id)).get("meta", {}))
    if type_ is not None:
        return _answer(await _in_use((type_,), context))
    types = (each for each in sorted(resource_types()) if each != _READ_ONLY and context.may("s", each))
    return _answer(await _in_use(tuple(types), context))


async def _in_use(types: Sequence[str], context: Context) -> Resource:
    """The union of all sets, in an order of its own. Raises FhirError (400) where too many resources have some."""
    sets: dict[str, list[Json]] = {}
    for type_ in types:
        for name, parameter in _LISTS.items():
            async for found in context.records.find(type_, {f"{parameter}:missing": "false"}):
                known = sets.setdefault(name, [])
                known += [each for each in found.resource()["meta"].get(name, ()) if not _has(name, known, each)]
    return {name: sorted(found, key=_place) for name, found in sets.items()}


def _place(each: Json) -> tuple[str, str]:
    """Sets have no order: one that tells nothing of who came first."""
    return (each, "") if isinstance(each, str) else (str(each.get("system", "")), str(each.get("code", "")))


async def _change(given: OperationInput, context: Context, what: Literal["add", "delete"]) -> OperationOutput:
    type_, id_ = given.resource_type or "", given.resource_id or ""
    if type_ == _READ_ONLY:
        raise refuse("read-only-type", "AuditEvents are written by the server and nobody can change them.", "http.url")
    (wanted,) = values(given, "meta")
    for _ in range(_TRIES):
        resource = _present(await context.records.read(type_, id_))
        meta = resource.get("meta", {})
        changed = _merged(meta, wanted, what)
        if changed == meta:
            context.note_entity(f"{type_}/{id_}")
            return _answer(meta)
        made = {**resource, "meta": changed}
        faults = [issue for issue in validate_resource(made) if issue.severity in ("error", "fatal")]
        if faults:
            raise FhirError(faults, 400)
        try:
            await context.commit(Changes(writes=[Write(made, int(meta["versionId"]))]))
        except VersionConflictError:
            continue
        return _answer(_present(await context.records.read(type_, id_)).get("meta", {}))
    raise VersionConflictError


def _merged(meta: Resource, wanted: Resource, what: Literal["add", "delete"]) -> Resource:
    made = dict(meta)
    for name in _LISTS:
        own, named = list(meta.get(name, ())), _listed(wanted, name)
        if what == "add":
            own += [each for number, each in enumerate(named) if not _has(name, [*own, *named[:number]], each)]
        else:
            own = [each for each in own if not _has(name, named, each)]
        made = {**made, name: own} if own else {key: value for key, value in made.items() if key != name}
    return made


def _listed(meta: Resource, name: str) -> list[Json]:
    found = meta.get(name, [])
    fits = isinstance(found, list) and all(isinstance(each, str if name == "profile" else dict) for each in found)
    if not fits:
        raise refuse("parameter-value", f"meta.{name} is a list of profiles, or of codes.", "Parameters.parameter")
    return list(found)


def _has(name: str, known: Sequence[Json], each: Json) -> bool:
    """Codes are the same when system and code are, whatever their display."""
    if name == "profile":
        return each in known
    return any((one.get("system"), one.get("code")) == (each.get("system"), each.get("code")) for one in known)


def _present(resource: Resource | None) -> Resource:
    if resource is None:
        raise refuse("gone", "The resource was deleted.", "http.url")
    return resource


def _answer(meta: Resource) -> OperationOutput:
    """An empty Meta is no value (R4: no empty objects), and then there is nothing to tell."""
    return OperationOutput(parameters([{"name": "return", "valueMeta": meta}] if meta else []))
