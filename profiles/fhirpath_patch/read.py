"""The operations of a FHIRPath Patch, read from a Parameters resource (FHIR R4 fhirpatch.html, "Patch Operations")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from profiles.fhirpath import Expression, FhirPathError, compile_expression
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse

MAX_OPERATIONS: Final = 500
MAX_PATH: Final = 2000
"""Characters of a path."""

_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "add": frozenset({"name", "value"}),
    "insert": frozenset({"index", "value"}),
    "delete": frozenset(),
    "replace": frozenset({"value"}),
    "move": frozenset({"source", "destination"}),
}
"""Type of operation -> the parts that it has besides type and path."""
_NUMBERS: Final = frozenset({"index", "source", "destination"})
_PARTS: Final = frozenset({"type", "path", "name", "value"}) | _NUMBERS


@dataclass(frozen=True, slots=True)
class Operation:
    """`at` is its FHIRPath in the patch; `value` the part of that name, as it was sent."""

    at: str
    type: str
    path: Expression
    name: str = ""
    value: Resource | None = None
    numbers: Mapping[str, int] | None = None

    def number(self, name: str) -> int:
        """One of index, source and destination, which reading has made sure of."""
        return (self.numbers or {})[name]


def read_patch(content: Json) -> list[Operation]:
    """The operations of a patch. Raises FhirError (400, 422) for what is none, or is too much."""
    if not isinstance(content, dict) or content.get("resourceType") != "Parameters":
        raise refuse("patch-format", "A FHIRPath Patch is a Parameters resource.", "http.body")
    operations = content.get("parameter", [])
    if not isinstance(operations, list):
        raise refuse("patch-format", "Parameters.parameter is a list.", "Parameters.parameter")
    if len(operations) > MAX_OPERATIONS:
        text = f"A FHIRPath Patch may have at most {MAX_OPERATIONS} operations."
        raise refuse("patch-too-costly", text, "Parameters.parameter")
    return [_operation(item, f"Parameters.parameter[{number}]") for number, item in enumerate(operations)]


def _operation(item: Json, at: str) -> Operation:
    if not isinstance(item, dict) or item.get("name") != "operation" or not isinstance(item.get("part"), list):
        raise refuse("patch-format", "Every parameter of a FHIRPath Patch is named operation and has parts.", at)
    parts = _parts(item["part"], at)
    type_ = _text(parts, "type", at)
    if type_ not in _NEEDS:
        raise refuse("patch-format", "An operation's type is add, insert, delete, replace or move.", f"{at}.part")
    missing = sorted(_NEEDS[type_] - parts.keys())
    if missing:
        raise refuse("patch-format", f"An operation of type {type_} needs a part {missing[0]}.", f"{at}.part")
    return Operation(
        at=at,
        type=type_,
        path=_path(_text(parts, "path", at), at),
        name=_text(parts, "name", at) if "name" in _NEEDS[type_] else "",
        value=parts["value"] if "value" in _NEEDS[type_] else None,
        numbers={name: _number(parts[name], name, at) for name in sorted(_NUMBERS & _NEEDS[type_])},
    )


def _parts(parts: list[Json], at: str) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for number, part in enumerate(parts):
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _PARTS:
            text = "A part of an operation is named type, path, name, value, index, source or destination."
            raise refuse("patch-format", text, f"{at}.part[{number}]")
        if name in found:
            raise refuse("patch-format", f"The operation has two parts {name}.", f"{at}.part[{number}]")
        found[name] = part
    return found


def _text(parts: Mapping[str, Resource], name: str, at: str) -> str:
    """A part of text; clients send a code where others send a string."""
    part = parts.get(name, {})
    value = part.get("valueString", part.get("valueCode"))
    if not isinstance(value, str) or not value:
        raise refuse("patch-format", f"The operation needs a part {name} with a valueString or valueCode.", f"{at}.part")
    return value


def _number(part: Resource, name: str, at: str) -> int:
    value = part.get("valueInteger", part.get("valueUnsignedInt"))
    if type(value) is not int or value < 0:
        raise refuse("patch-format", f"The part {name} has a valueInteger, counted from 0.", f"{at}.part")
    return value


def _path(text: str, at: str) -> Expression:
    if len(text) > MAX_PATH:
        raise _too_long(at)
    try:
        return compile_expression(text)
    except FhirPathError as error:
        raise refuse("patch-format", f"The path cannot be read: {error}", f"{at}.part") from error


def _too_long(at: str) -> FhirError:
    return refuse("patch-too-costly", f"A path may be at most {MAX_PATH} characters long.", f"{at}.part")
