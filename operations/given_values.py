"""The values of an operation's input by name, wherever they came: in the address or in Parameters.

For operations whose input was held against their Definition (operations/input_check.py): what is there fits its type.
"""

from __future__ import annotations

from operations.ports import OperationInput
from profiles.json import Json, Resource


def values(given: OperationInput, name: str) -> list[Json]:
    """Every value, in order; those of the address as text."""
    found: list[Json] = list(given.query.get(name, ()))
    return found + [next(v for k, v in entry.items() if k.startswith("value")) for entry in _entries(given, name, "value")]


def text(given: OperationInput, name: str) -> str | None:
    """The first value, where it is text."""
    return next((each for each in values(given, name) if isinstance(each, str)), None)


def flag(given: OperationInput, name: str, usual: bool = False) -> bool:
    for each in values(given, name):
        return each in (True, "true")
    return usual


def whole(given: OperationInput, name: str, usual: int) -> int:
    for each in values(given, name):
        return int(each)
    return usual


def resource(given: OperationInput, name: str) -> Resource | None:
    """The first resource of the name; a body that is no Parameters is the one that it stands for."""
    if given.resource is not None and given.resource.get("resourceType") != "Parameters":
        return given.resource
    found: Resource | None = next((entry["resource"] for entry in _entries(given, name, "resource")), None)
    return found


def _entries(given: OperationInput, name: str, member: str) -> list[Resource]:
    body = given.resource
    if body is None or body.get("resourceType") != "Parameters":
        return []
    named = [entry for entry in body.get("parameter", ()) if entry.get("name") == name]
    return [entry for entry in named if any(key.startswith(member) for key in entry)]
