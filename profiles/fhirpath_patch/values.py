"""The value of an operation, as it is to stand in the resource (FHIR R4 fhirpatch.html).

A value is a `value[x]` of the part, a resource, or, for types that have no name (backbones), parts that name its elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from profiles.fhirpath_patch.places import items, store
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.structure import ElementDefinition, TypeRef, primitive_types, type_definition

_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class Value:
    """JSON for the member `name`, and for `_name` beside it."""

    name: str
    content: Json
    extra: Json = None


def value_for(part: Resource, element: ElementDefinition, at: str, depth: int = 0) -> Value:
    """What a part gives an element. Raises FhirError (400) where it has no value, or one of another type."""
    if depth > _MAX_DEPTH:
        raise refuse("patch-too-costly", f"A value may be nested {_MAX_DEPTH} levels deep.", at)
    if isinstance(part.get("resource"), dict):
        return Value(_name_for(element, "Resource", at), part["resource"])
    code = _code(part)
    if code is not None:
        return Value(_name_for(element, code, at), part.get("value" + code), part.get("_value" + code))
    parts = part.get("part")
    if not isinstance(parts, list) or not parts or element.choice:
        raise refuse(
            "patch-format", "The value is missing: give a value[x] of the element's type, a resource or parts.", at
        )
    return Value(element.name, _composed(parts, element.types[0], at, depth))


def _code(part: Resource) -> str | None:
    """`Identifier` of `valueIdentifier`; the type's name with a capital."""
    for name in part:
        plain = name.removeprefix("_")
        if plain.startswith("value") and plain != "value":
            return plain.removeprefix("value")
    return None


def _name_for(element: ElementDefinition, code: str, at: str) -> str:
    """The JSON name that the element has with a value of this type. Primitives may stand for each other where there is no choice."""
    for json_name, type_ in element.json_names():
        if _capital(type_.code) == code:
            return json_name
    known = element.types[0]
    primitives = {_capital(name) for name in primitive_types()}
    if not element.choice and (_capital(known.code) in primitives) and code in primitives:
        return element.name
    raise refuse("patch-format", f"{element.name} has no value of this type.", at)


def _capital(name: str) -> str:
    return "Resource" if name in {"Resource", "DomainResource"} else name[0].upper() + name[1:]


def _composed(parts: list[Json], type_: TypeRef, at: str, depth: int) -> Resource:
    """An object of a type that has no `value[x]`, from its elements."""
    definition = type_definition(type_.code)
    if definition is None or type_.code in primitive_types():
        raise refuse("patch-format", "A primitive value has no parts.", at)
    made: Resource = {}
    for number, part in enumerate(parts):
        place = f"{at}.part[{number}]"
        element = definition.elements.get(_element_name(part, place))
        if element is None:
            raise refuse("patch-format", "The type of the value has no such element.", place)
        put(made, element, value_for(part, element, place, depth + 1), place)
    return made


def _element_name(part: Json, at: str) -> str:
    name = part.get("name") if isinstance(part, dict) else None
    if not isinstance(name, str):
        raise refuse("patch-format", "Every part has a name.", at)
    return name.removesuffix("[x]")


def put(holder: Resource, element: ElementDefinition, value: Value, at: str) -> None:
    """Add a value to an object: behind those that are there, or where none is. Raises FhirError (422)."""
    if element.max == 1:
        if any(name in holder or "_" + name in holder for name, _ in element.json_names()):
            raise already_there(at)
        set_single(holder, value)
        return
    store(holder, value.name, [*items(holder, value.name), (value.content, value.extra)])


def set_single(holder: Resource, value: Value) -> None:
    """A value of an element that does not repeat, in place of what stands under its name."""
    for name, content in ((value.name, value.content), ("_" + value.name, value.extra)):
        if content is not None:
            holder[name] = content
        else:
            holder.pop(name, None)


def already_there(at: str) -> FhirError:
    text = "The element is there already and does not repeat: replace it, or delete it first."
    return refuse("patch-target", text, at)
