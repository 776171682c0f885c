"""The StructureDefinitions of R4's own types, made from our tables when they are first asked for (facts only, no prose).

They carry what a profile is built on: ids, paths, cardinalities, types with targets, content references, bindings and
invariants. An element is told by one row; what it is for is not told.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from profiles.json import Resource
from profiles.structure import ElementDefinition, TypeDefinition, primitive_types, type_definition
from profiles.tables import table

_TYPES: Final = "http://hl7.org/fhir/StructureDefinition/"


def base_definition(canonical: str) -> Resource | None:
    """The StructureDefinition of an R4 type by its canonical URL; None for everything else. Treat it as read-only."""
    url = canonical.partition("|")[0]
    return _definition(url[len(_TYPES) :]) if url.startswith(_TYPES) else None


@cache
def _definition(name: str) -> Resource | None:
    if name in primitive_types():
        return _made(
            name, "primitive-type", "Element", [{"id": name, "path": name, "min": 0, "max": "*"}, *_primitive(name)]
        )
    definition = type_definition(name)
    if definition is None or definition.kind == "backbone":
        return None
    elements = [_root(name), *_children(definition, name)]
    return _made(name, definition.kind, definition.base, elements, abstract=definition.abstract)


def _made(name: str, kind: str, base: str | None, elements: list[Resource], *, abstract: bool = False) -> Resource:
    made: Resource = {
        "resourceType": "StructureDefinition",
        "url": f"{_TYPES}{name}",
        "version": "4.0.1",
        "name": name,
        "status": "active",
        "kind": kind,
        "abstract": abstract,
        "type": name,
        "derivation": "specialization",
        "snapshot": {"element": elements},
    }
    return made if base is None else {**made, "baseDefinition": f"{_TYPES}{base}"}


def _root(name: str) -> Resource:
    return {"id": name, "path": name, "min": 0, "max": "*", **_constraints(name)}


def _primitive(name: str) -> list[Resource]:
    return [
        {"id": f"{name}.id", "path": f"{name}.id", "min": 0, "max": "1", "type": [{"code": "string"}]},
        {"id": f"{name}.extension", "path": f"{name}.extension", "min": 0, "max": "*", "type": [{"code": "Extension"}]},
        {"id": f"{name}.value", "path": f"{name}.value", "min": 0, "max": "1", "type": [{"code": name}]},
    ]


def _children(definition: TypeDefinition, path: str) -> list[Resource]:
    """The rows of a type's elements, backbones unfolded in place."""
    rows: list[Resource] = []
    for element in definition.elements.values():
        at = f"{path}.{element.name}{'[x]' if element.choice else ''}"
        rows.append(_row(element, at, origin(definition, element)))
        nested = None if element.content_reference else type_definition(element.types[0].code)
        if nested is not None and nested.kind == "backbone":
            rows += _children(nested, at)
    return rows


def _row(element: ElementDefinition, at: str, path: str) -> Resource:
    row: Resource = {"id": at, "path": at, "min": element.min, "max": "*" if element.max is None else str(element.max)}
    if element.content_reference:
        row["contentReference"] = f"#{element.types[0].code}"
    else:
        row["type"] = [_type(each.code, each.targets) for each in element.types]
    bound = table("constraints")["bindings"].get(path)
    if bound is not None:
        row["binding"] = {"strength": bound[0], "valueSet": bound[1]}
    return {**row, **_constraints(path)}


def _type(code: str, targets: frozenset[str]) -> dict[str, Any]:
    definition = type_definition(code)
    shown = (definition.base or "BackboneElement") if definition is not None and definition.kind == "backbone" else code
    return {"code": shown, "targetProfile": [f"{_TYPES}{each}" for each in sorted(targets)]} if targets else {"code": shown}


def _constraints(path: str) -> dict[str, Any]:
    rows = table("constraints")["invariants"].get(path, [])
    found = [{"key": key, "severity": severity, "expression": text} for key, severity, text in rows]
    return {"constraint": found} if found else {}


def origin(definition: TypeDefinition, element: ElementDefinition) -> str:
    """The path under which the tables speak of an element: that of the type which has it first (`DomainResource.text`)."""
    name = definition.name
    above = type_definition(definition.base) if definition.base is not None else None
    while above is not None and element.name in above.elements and above.elements[element.name] == element:
        name = above.name
        above = type_definition(above.base) if above.base is not None else None
    return f"{name}.{element.name}{'[x]' if element.choice else ''}"
