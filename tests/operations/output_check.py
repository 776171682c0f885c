"""Whether the answer of an operation is what its Definition says: names, how often, and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from operations.definition import Definition, Parameter

_RETURN = "return"


def faults_of(definition: Definition, answer: dict[str, Any]) -> list[str]:
    """What does not fit, in words. A single output called `return` is the body itself (R4 operations.html)."""
    alone = definition.gives[0] if len(definition.gives) == 1 and definition.gives[0].name == _RETURN else None
    if alone is not None and answer.get("resourceType") != "Parameters":
        return (
            []
            if alone.type in ("Resource", answer.get("resourceType"))
            else [f"{answer.get('resourceType')} is no {alone.type}"]
        )
    if answer.get("resourceType") != "Parameters":
        return [f"{answer.get('resourceType')} instead of Parameters"]
    return list(_faults(definition.gives, answer.get("parameter", []), definition.code))


def _faults(known: Sequence[Parameter], entries: Any, at: str) -> Iterable[str]:
    by_name = {each.name: each for each in known}
    seen = Counter(entry["name"] for entry in entries)
    for name in set(seen) - set(by_name):
        yield f"{at}: {name} is not defined"
    for each in known:
        if seen[each.name] < each.least or (each.most is not None and seen[each.name] > each.most):
            yield f"{at}: {each.name} {seen[each.name]} times"
    for entry in entries:
        if entry["name"] in by_name:
            yield from _entry_faults(by_name[entry["name"]], entry, f"{at}.{entry['name']}")


def _entry_faults(parameter: Parameter, entry: dict[str, Any], at: str) -> Iterable[str]:
    if "part" in entry:
        if parameter.parts:
            yield from _faults(parameter.parts, entry["part"], at)
        elif parameter.type not in ("", "Element"):
            yield f"{at}: parts instead of {parameter.type}"
    elif "resource" in entry:
        if parameter.type not in ("Resource", "Element", entry["resource"]["resourceType"]):
            yield f"{at}: {entry['resource']['resourceType']} instead of {parameter.type}"
    else:
        (value,) = [key for key in entry if key.startswith("value")]
        if parameter.type != "Element" and value[5:].lower() != parameter.type.lower():
            yield f"{at}: {value} instead of {parameter.type}"
