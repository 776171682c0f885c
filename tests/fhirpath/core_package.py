"""What FHIRPath there is in HL7's R4 package: the expressions of search parameters and invariants, as they were published."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from shared_data import CORE_PACKAGE

from profiles import json
from profiles.structure import primitive_types, type_definition


@cache
def _resources(kind: str) -> tuple[dict[str, Any], ...]:
    with tarfile.open(CORE_PACKAGE) as package:
        files = [package.extractfile(member) for member in package if member.name.startswith(f"package/{kind}-")]
        return tuple(json.loads(file.read()) for file in files if file is not None)


def search_expressions() -> Iterator[tuple[str, str, str]]:
    """(base type, code, expression) of every parameter that has an expression and is no composite."""
    for parameter in _resources("SearchParameter"):
        if "expression" in parameter and parameter["type"] != "composite":
            for base in parameter["base"]:
                yield base, parameter["code"], parameter["expression"]


@cache
def invariants() -> dict[str, frozenset[tuple[str, str]]]:
    """(key, expression) of the invariants of R4's own types, by the path of the element that they are on."""
    found: dict[str, set[tuple[str, str]]] = {}
    for definition in _resources("StructureDefinition"):
        if definition.get("derivation") == "constraint":
            continue
        for element in definition["snapshot"]["element"]:
            for constraint in element.get("constraint", ()):
                if "expression" in constraint:
                    found.setdefault(element["path"], set()).add((constraint["key"], constraint["expression"]))
    return {path: frozenset(rows) for path, rows in found.items()}


def type_at(path: str) -> str | None:
    """The R4 type of the element at a path; None where R4's tables do not have it, `Element` for a choice."""
    kind, *steps = path.split(".")
    for step in steps:
        definition = type_definition(kind)
        element = definition.elements.get(step.removesuffix("[x]")) if definition is not None else None
        if element is None:
            return None
        kind = "Element" if element.choice else element.types[0].code
    return kind if kind in primitive_types() or type_definition(kind) is not None else None


def elements(value: Any, kind: str, path: str, resource: Any) -> Iterator[tuple[Any, str, str, Any]]:
    """(value, type, path in its definition, the resource around it) of a resource and all that is in it."""
    yield value, kind, path, resource
    definition = type_definition(kind)
    if definition is None or not isinstance(value, dict):
        return
    for name, held in value.items():
        known = definition.element(name)
        if known is None:
            continue
        element, type_ = known
        for item in held if isinstance(held, list) else [held]:
            if type_.code == "Resource" and isinstance(item, dict):
                yield from elements(item, item["resourceType"], item["resourceType"], item)
            elif item is not None:
                yield from elements(item, type_.code, f"{kind}.{element.name}", resource)
