"""Whether the discriminators of a definition's slicings lead to elements that there are (FHIR R4 profiling.html#discriminator).

Only what R4's own types tell is checked: plain names, up to the first function, choice or resource.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.conformance.context import Context
from profiles.conformance.reading import items_in, places_of
from profiles.fhirpath.model import is_primitive
from profiles.json import Resource
from profiles.structure import TypeDefinition, TypeRef, type_definition
from profiles.validation.run import Path

_NAME: Final = re.compile(r"[a-z]\w*")
_OF_PRIMITIVES: Final = frozenset({"id", "extension", "value"})


def check_discriminators(definition: Resource, path: Path, context: Context) -> None:
    """Check the paths of all discriminators of a differential."""
    differential = definition.get("differential")
    for element, where in (
        places_of(differential, "element", (path, "differential", -1)) if isinstance(differential, dict) else ()
    ):
        slicing, at = element.get("slicing"), element.get("path")
        if not isinstance(slicing, dict) or not isinstance(at, str):
            continue
        holders = [TypeRef(str(each.get("code"))) for each in items_in(element, "type")] or _types_at(at)
        for discriminator, place in places_of(slicing, "discriminator", (where, "slicing", -1)):
            text = discriminator.get("path")
            if isinstance(text, str) and holders and not _leads_somewhere(text, holders):
                context.add(
                    "definition-differs",
                    "The discriminator's path names no element of what is sliced.",
                    (place, "path", -1),
                )


def _types_at(path: str) -> list[TypeRef]:
    """The types of the element at a path from a type of R4; empty where R4 alone does not tell."""
    first, *names = path.split(".")
    found = [TypeRef(first)]
    for name in names:
        found = _below(found, name.removesuffix("[x]")) or []
    return found


def _below(holders: list[TypeRef], name: str) -> list[TypeRef] | None:
    """The types of an element of some types; None if none of them has it, empty where that cannot be told."""
    definitions: list[TypeDefinition] = []
    for each in holders:
        definition = type_definition(each.code)
        if is_primitive(each.code):
            if name in _OF_PRIMITIVES:
                return []
        elif definition is None or definition.abstract:
            return []
        else:
            definitions.append(definition)
    found = [type_ for each in definitions if name in each.elements for type_ in each.elements[name].types]
    return found or None


def _leads_somewhere(text: str, holders: list[TypeRef]) -> bool:
    for step in text.split("."):
        if step == "$this":
            continue
        if _NAME.fullmatch(step) is None:
            return True
        below = _below(holders, step)
        if below is None:
            return False
        if not below:
            return True
        holders = below
    return True
