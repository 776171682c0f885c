"""What the operations of a FHIRPath Patch do (FHIR R4 fhirpatch.html).

Where R4's page is silent: deleting what is not there is no error, so that a patch can be sent again; inserting into a list that
does not exist begins it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from profiles.fhirpath import FhirPathError, compile_expression
from profiles.fhirpath_patch.places import Place, Places, items, store
from profiles.fhirpath_patch.read import Operation
from profiles.fhirpath_patch.values import Value, put, set_single, value_for
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.structure import ElementDefinition, type_definition

MAX_LOOKED_AT: Final = 2_000_000
"""Elements that all operations of a patch may look at together."""


def apply_patch(operations: Sequence[Operation], resource: Resource) -> Resource:
    """The resource after all operations. It is the caller's own and is changed; the patch is not.

    Raises FhirError (400, 422) at the first operation that cannot be done.
    """
    looked_at = 0
    for operation in operations:
        places = Places(resource)
        looked_at += places.count
        if looked_at > MAX_LOOKED_AT:
            raise refuse("patch-too-costly", "The patch has too many operations for a resource of this size.", operation.at)
        _DOES[operation.type](operation, places)
    return resource


def _add(operation: Operation, places: Places) -> None:
    place = _one(operation, places)
    element = _element("Element" if place.primitive else place.type, operation)
    put(_object_at(place), element, _value(operation, element), operation.at)


def _insert(operation: Operation, places: Places) -> None:
    found = _found(operation, places)
    index = operation.number("index")
    if index > len(found):
        raise _target(operation, "The index is beyond the end of the list.")
    if not found:
        _begin(operation, places)
        return
    holder, element = _list_of(operation, found)
    value = _value(operation, element)
    everything = items(holder, found[0].name)
    at = _index(found[index]) if index < len(found) else _index(found[-1]) + 1
    store(holder, found[0].name, [*everything[:at], (value.content, value.extra), *everything[at:]])


def _delete(operation: Operation, places: Places) -> None:
    found = _found(operation, places)
    if len(found) > 1:
        raise _target(operation, "The path leads to several elements; one operation deletes one.")
    for place in found:
        holder = _holder(operation, place)
        if place.index is None:
            holder.pop(place.name, None)
            holder.pop("_" + place.name, None)
        else:
            everything = items(holder, place.name)
            store(holder, place.name, everything[: place.index] + everything[place.index + 1 :])


def _replace(operation: Operation, places: Places) -> None:
    place = _one(operation, places)
    holder = _holder(operation, place)
    if place.element is None:
        raise _target(operation, "The path leads to what is no element of the resource.")
    value = _value(operation, place.element)
    if place.index is not None:
        everything = items(holder, place.name)
        everything[place.index] = (value.content, value.extra)
        store(holder, place.name, everything)
        return
    if value.name != place.name:  # another type of a choice
        holder.pop(place.name, None)
        holder.pop("_" + place.name, None)
    set_single(holder, value)


def _move(operation: Operation, places: Places) -> None:
    found = _found(operation, places)
    source, destination = operation.number("source"), operation.number("destination")
    if source >= len(found) or destination >= len(found):
        raise _target(operation, "Source and destination are places in the list that the path leads to.")
    holder, _ = _list_of(operation, found)
    everything = items(holder, found[0].name)
    positions = [_index(place) for place in found]
    moved = [everything[position] for position in positions]
    moved.insert(destination, moved.pop(source))
    for position, item in zip(positions, moved, strict=True):
        everything[position] = item
    store(holder, found[0].name, everything)


_DOES: Final[Mapping[str, Callable[[Operation, Places], None]]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def _begin(operation: Operation, places: Places) -> None:
    """Insert into a list that is not there: only a path that ends with a plain name says which it would be."""
    before, _, name = operation.path.text.rpartition(".")
    try:
        holders = places.found(compile_expression(before)) if before and name.isidentifier() else None
    except FhirPathError:
        holders = None
    if not holders or len(holders) != 1:
        raise _target(operation, "The path leads to no list.")
    element = _element(holders[0].type, operation, name)
    if element.max == 1:
        raise _target(operation, "The path leads to an element that does not repeat.")
    put(_object_at(holders[0]), element, _value(operation, element), operation.at)


def _found(operation: Operation, places: Places) -> list[Place]:
    try:
        found = places.found(operation.path)
    except FhirPathError as error:
        raise _target(operation, f"The path cannot be followed: {error}") from error
    if found is None:
        raise _target(operation, "The path leads to something that is no element of the resource.")
    return found


def _one(operation: Operation, places: Places) -> Place:
    found = _found(operation, places)
    if len(found) != 1:
        raise _target(operation, f"The path leads to {'several elements' if found else 'nothing'}; it must lead to one.")
    return found[0]


def _holder(operation: Operation, place: Place) -> Resource:
    if place.holder is None:
        raise _target(operation, "The resource itself cannot be deleted or replaced by a patch.")
    return place.holder


def _list_of(operation: Operation, found: Sequence[Place]) -> tuple[Resource, ElementDefinition]:
    """The object and element that all of the places are items of. Raises FhirError (422)."""
    first = found[0]
    if (
        first.holder is None
        or first.element is None
        or any(place.index is None or place.holder is not first.holder or place.name != first.name for place in found)
    ):
        raise _target(operation, "The path must lead to the items of one list.")
    return first.holder, first.element


def _index(place: Place) -> int:
    return place.index or 0


def _object_at(place: Place) -> Resource:
    """The object that elements can be added to: for a primitive the one that stands beside it."""
    if not place.primitive:
        return place.value if isinstance(place.value, dict) else {}
    if place.holder is None:
        return {}
    if place.index is None:
        beside: Json = place.holder.setdefault("_" + place.name, {})
        return beside if isinstance(beside, dict) else {}
    everything = items(place.holder, place.name)
    value, extra = everything[place.index]
    made = extra if isinstance(extra, dict) else {}
    everything[place.index] = (value, made)
    store(place.holder, place.name, everything)
    return made


def _element(type_name: str, operation: Operation, name: str = "") -> ElementDefinition:
    definition = type_definition(type_name)
    element = definition.elements.get((name or operation.name).removesuffix("[x]")) if definition is not None else None
    if element is None:
        raise _target(operation, "What the path leads to has no element of this name.")
    return element


def _value(operation: Operation, element: ElementDefinition) -> Value:
    return value_for(operation.value or {}, element, f"{operation.at}.part")


def _target(operation: Operation, text: str) -> FhirError:
    return refuse("patch-target", text, operation.at)
