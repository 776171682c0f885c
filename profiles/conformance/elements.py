"""Reaching the elements of a JSON object by their names in definitions (FHIR R4 json.html): choices, lists, `_name` siblings."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from profiles.conformance.context import Item
from profiles.fhirpath.model import is_primitive
from profiles.json import Json, Resource
from profiles.structure import ElementDefinition, type_definition
from profiles.validation.run import Path

_NONE: Final[Resource] = {}


@lru_cache(maxsize=16_384)
def element_of(type_name: str, name: str) -> ElementDefinition | None:
    """R4's own definition of an element of a type (`Claim.item`, `productOrService`); primitives have `extension` and `id`."""
    definition = type_definition("Element" if is_primitive(type_name) else type_name)
    return None if definition is None else definition.elements.get(name)


@lru_cache(maxsize=16_384)
def _names(type_name: str, name: str) -> tuple[tuple[str, str, str], ...]:
    """(JSON name, R4 type, step of a place) of each form that an element can have."""
    element = element_of(type_name, name)
    if element is None:
        return ()
    return tuple(
        (key, type_.code, f"{element.name}.ofType({type_.code})" if element.choice else element.name)
        for key, type_ in element.json_names()
    )


@lru_cache(maxsize=16_384)
def keys_of(type_name: str, name: str) -> tuple[str, ...]:
    """The JSON members in which an element can stand, with their `_name` siblings."""
    return tuple(key for each, _, _ in _names(type_name, name) for key in (each, f"_{each}"))


def keys_absent(value: Json, keys: tuple[str, ...]) -> bool:
    """Whether an object has none of the members."""
    return type(value) is dict and value.keys().isdisjoint(keys)


def items_of(value: Json, extra: Resource | None, type_name: str, name: str, path: Path) -> list[Item]:
    """The elements called `name` of a value: of an object, or of a primitive with the object beside it."""
    if is_primitive(type_name):
        if name == "value" and value is not None:
            return [Item(value, None, type_name, path)]
        value = extra
    if type(value) is not dict:
        return []
    found: list[Item] = []
    for key, code, step in _names(type_name, name):
        if key in value or f"_{key}" in value:
            _collect(value.get(key), value.get(f"_{key}"), code, (path, step), found)
    return found


def _collect(here: Json, beside: Json, code: str, where: tuple[Path, str], found: list[Item]) -> None:
    path, step = where
    if type(here) is list or type(beside) is list:
        values = here if isinstance(here, list) else []
        extras = beside if isinstance(beside, list) else []
        for index in range(max(len(values), len(extras))):
            value = values[index] if index < len(values) else None
            other = extras[index] if index < len(extras) else None
            if value is not None or isinstance(other, dict):
                place = (path, step, index)
                found.append(Item(value, other if isinstance(other, dict) else None, _type(value, code), place))
        return
    if here is not None or isinstance(beside, dict):
        found.append(Item(here, beside if isinstance(beside, dict) else None, _type(here, code), (path, step, -1)))


def _type(value: Json, code: str) -> str:
    """A resource's type is the one that it tells itself."""
    if code != "Resource" or not isinstance(value, dict):
        return code
    named = value.get("resourceType")
    return named if isinstance(named, str) else code
