"""Where the elements of a resource stand, so that what FHIRPath finds can be changed there.

FHIRPath yields values, not places. So it is asked of a copy in which every element can be told from every other: an object
by its identity, a primitive by that of the object beside it (`_birthDate`), which each one is given in the copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from profiles.fhirpath import Expression, Node
from profiles.json import Json, Resource
from profiles.structure import ElementDefinition, primitive_types, resource_types, type_definition

_MARK: Final = "\N{INFORMATION SEPARATOR ONE}"
"""A member that no resource has: an empty object beside a primitive would count as none."""


@dataclass(frozen=True, slots=True)
class Place:
    """An element of a resource: `holder[name]`, or the item `index` of that list. The resource itself has no holder.

    `type` is the R4 type of the element (`Patient.contact`, `code`), `value` its JSON.
    """

    holder: Resource | None
    name: str
    index: int | None
    type: str
    element: ElementDefinition | None
    value: Json

    @property
    def primitive(self) -> bool:
        return self.type in primitive_types()


class Places:
    """All places of a resource as it is now; one that was changed needs new ones. `count`: how many there are."""

    def __init__(self, resource: Resource) -> None:
        self._by_identity: dict[int, Place] = {}
        self._copy = self._object(resource, Place(None, "", None, str(resource.get("resourceType")), None, resource))

    @property
    def count(self) -> int:
        return len(self._by_identity)

    def found(self, path: Expression) -> list[Place] | None:
        """What a path leads to; None if that is anything but elements of the resource. Raises FhirPathError."""
        places: list[Place] = []
        for item in path.evaluate(self._copy):
            mark = None if not isinstance(item, Node) else item.value if isinstance(item.value, dict) else item.extra
            place = self._by_identity.get(id(mark)) if mark is not None else None
            if place is None:
                return None
            places.append(place)
        return places

    def _object(self, value: Resource, place: Place) -> Resource:
        copy: Resource = {}
        definition = type_definition(place.type)
        for name in _names(value):
            known = definition.element(name) if definition is not None else None
            if known is None:
                copy[name] = value[name] if name in value else value["_" + name]
            elif known[1].code in primitive_types():
                self._primitives(value, name, known[0], known[1].code, copy)
            else:
                self._objects(value, name, known[0], known[1].code, copy)
        self._by_identity[id(copy)] = place
        return copy

    def _objects(self, holder: Resource, name: str, element: ElementDefinition, code: str, copy: Resource) -> None:
        content = holder.get(name)
        if isinstance(content, list):
            copy[name] = [
                self._object(item, Place(holder, name, index, _type_of(item, code), element, item))
                for index, item in enumerate(content)
                if isinstance(item, dict)
            ]
        elif isinstance(content, dict):
            copy[name] = self._object(content, Place(holder, name, None, _type_of(content, code), element, content))

    def _primitives(self, holder: Resource, name: str, element: ElementDefinition, code: str, copy: Resource) -> None:
        content, extra = holder.get(name), holder.get("_" + name)
        if not isinstance(content, list) and not isinstance(extra, list):
            copy[name], copy["_" + name] = content, self._marked(extra, Place(holder, name, None, code, element, content))
            return
        copy[name], copy["_" + name] = [], []
        for index, (value, beside) in enumerate(items(holder, name)):
            copy[name].append(value)
            copy["_" + name].append(self._marked(beside, Place(holder, name, index, code, element, value)))

    def _marked(self, extra: Json, place: Place) -> Resource:
        inner = Place(place.holder, place.name, place.index, "Element", place.element, extra)
        copy = self._object(extra, inner) if isinstance(extra, dict) else {}
        copy[_MARK] = True
        self._by_identity[id(copy)] = place
        return copy


def items(holder: Resource, name: str) -> list[tuple[Json, Json]]:
    """A repeating element as (value, what stands beside it under `_name`); both None where there is a gap."""
    content, extra = holder.get(name), holder.get("_" + name)
    both = zip_longest(content if isinstance(content, list) else [], extra if isinstance(extra, list) else [])
    return list(both)


def store(holder: Resource, name: str, pairs: Sequence[tuple[Json, Json]]) -> None:
    """Write a repeating element back, from what `items` gave; without any, it is gone."""
    for side, contents in ((name, [value for value, _ in pairs]), ("_" + name, [beside for _, beside in pairs])):
        if any(content is not None for content in contents):
            holder[side] = contents
        else:
            holder.pop(side, None)


def _names(value: Resource) -> Iterator[str]:
    """The elements of an object: `birthDate` where it has birthDate, _birthDate or both."""
    for name in value:
        if not name.startswith("_"):
            yield name
        elif name[1:] not in value:
            yield name[1:]


def _type_of(value: Json, code: str) -> str:
    """A contained resource has the type that it names."""
    if code not in {"Resource", "DomainResource"} or not isinstance(value, dict):
        return code
    named = value.get("resourceType")
    return named if isinstance(named, str) and named in resource_types() else code
