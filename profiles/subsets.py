"""A part of a resource: its summary, some of its elements, its text alone, or all but its text (R4 search 3.1.1.5.8, 3.1.1.5.9).

What is left stays a resource of its type: elements that must be there stay, and those that change the meaning of the others.
Nothing here says SUBSETTED; whoever shows the part does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Final

from profiles.json import Json, Resource
from profiles.structure import TypeDefinition, resource_types, type_definition
from profiles.tables import table

_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})


def summary(resource: Resource) -> Resource:
    """The elements that R4 marks as summary, at every depth; a data type of which it marks none is whole."""
    return _summary(resource, resource["resourceType"])


def only_elements(resource: Resource, names: Collection[str]) -> Resource:
    """Elements at the top by their names (`value` or `valueQuantity` for a choice), whole, beside what must be there."""
    kept = _must_stay(resource["resourceType"])
    return _filtered(resource, lambda key, name: name in kept or name in names or key in names)


def only_text(resource: Resource) -> Resource:
    """The narrative, beside what must be there."""
    return only_elements(resource, ("text",))


def without_text(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "text"}


def _filtered(resource: Resource, keeps: Callable[[str, str], bool]) -> Resource:
    definition = type_definition(resource["resourceType"])
    found: Resource = {}
    for property_, value in resource.items():
        key = property_.removeprefix("_")
        element = definition.element(key) if definition is not None else None
        if key in _ALWAYS or element is None or keeps(key, element[0].name):
            found[property_] = value
    return found


def _summary(content: Resource, path: str) -> Resource:
    definition, kept = type_definition(path), _summarized(path)
    if definition is None or kept is None:
        return content
    found: Resource = {}
    for property_, value in content.items():
        key = property_.removeprefix("_")
        element = definition.element(key)
        if key == "resourceType":
            found[property_] = value
        elif element is not None and element[0].name in kept:
            found[property_] = value if key != property_ else _part(value, element[1].code)
    return found


def _part(value: Json, type_: str) -> Json:
    if isinstance(value, list):
        return [_part(item, type_) for item in value]
    if not isinstance(value, dict):
        return value
    inner = value.get("resourceType") if type_ == "Resource" else type_
    if type_ == "Resource" and inner not in resource_types():
        return value
    return _summary(value, str(inner))


@cache
def _summarized(path: str) -> frozenset[str] | None:
    """None for a type of which R4 marks nothing."""
    marked = table("subsets")["summary"].get(path)
    return None if marked is None else frozenset(marked.split()) | _must_stay(path)


@cache
def _must_stay(path: str) -> frozenset[str]:
    definition: TypeDefinition | None = type_definition(path)
    required = (
        {name for name, element in definition.elements.items() if element.min} if definition is not None else set[str]()
    )
    return frozenset(table("subsets")["modifiers"].get(path, "").split()) | required
