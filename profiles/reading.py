"""Reading JSON that nobody has validated yet: every function takes any value and never raises.

R4 shapes: a list where an element repeats, an object for a datatype, a string for a primitive. Whatever is not of the
expected kind counts as absent here; saying so to the caller is the business of validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from profiles.json import Json, Resource


class Coded(NamedTuple):
    """One coding: `system` is empty where the coding names none."""

    system: str
    code: str


def objects(value: Json) -> list[Resource]:
    """The objects of a list; an object alone counts as a list of one."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict)]
    return []


def numbered(value: Json) -> Iterator[tuple[int, Resource]]:
    """The objects of a list with their places in it."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, dict):
                yield index, each


def child(value: Json, *path: str) -> Resource:
    """The object at `path` below `value`, or an empty one."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Json) -> str | None:
    """A non-empty string without the white space around it, else None."""
    if not isinstance(value, str):
        return None
    return value.strip() or None


def whole(value: Json) -> int | None:
    """An integer that is no boolean, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def codings(concept: Json) -> list[Coded]:
    """The codings of a CodeableConcept that carry a code."""
    found = []
    if isinstance(concept, dict):
        for coding in objects(concept.get("coding")):
            code = text(coding.get("code"))
            if code is not None:
                found.append(Coded(text(coding.get("system")) or "", code))
    return found


def has_code(concept: Json, code: str, system: str | None = None) -> bool:
    return any(found.code == code and (system is None or found.system == system) for found in codings(concept))


def extensions(element: Json, url: str, name: str = "extension") -> list[Resource]:
    """The extensions of `element` with this url (`name` may be modifierExtension)."""
    if not isinstance(element, dict):
        return []
    return [each for each in objects(element.get(name)) if each.get("url") == url]


def extension(element: Json, url: str, name: str = "extension") -> Resource:
    """The first extension with this url, or an empty object."""
    found = extensions(element, url, name)
    return found[0] if found else {}


def identifiers(resource: Json) -> list[Coded]:
    """The identifiers of a resource that have a value, as (system, value)."""
    if not isinstance(resource, dict):
        return []
    return [each for each in map(identifier, objects(resource.get("identifier"))) if each is not None]


def identifier(value: Json) -> Coded | None:
    """An Identifier as (system, value), or None where it has no value."""
    if not isinstance(value, dict):
        return None
    held = text(value.get("value"))
    return Coded(text(value.get("system")) or "", held) if held is not None else None
