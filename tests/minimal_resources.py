"""A valid resource of every R4 type with as little in it as may be, made from the structure table."""

from __future__ import annotations

from typing import Any, Final

from profiles.structure import ElementDefinition, TypeRef, primitive_types, type_definition, value_set

_PRIMITIVES: Final[dict[str, Any]] = {
    "boolean": True, "integer": 1, "positiveInt": 1, "unsignedInt": 1, "decimal": 1, "date": "2026-01-01", "dateTime": "2026-01-01",
    "instant": "2026-01-01T00:00:00Z", "time": "10:00:00", "base64Binary": "AAAA", "uri": "urn:x", "url": "urn:x", "canonical": "urn:x",
    "oid": "urn:oid:1.2", "uuid": "urn:uuid:00000000-0000-4000-8000-000000000000", "code": "x", "id": "x",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
}  # fmt: skip


_TAKEN: Final[dict[str, dict[str, Any]]] = {"Subscription": {"status": "off"}}
"""What a server that acts on a resource would not take without."""


def minimal(type_: str, **more: Any) -> dict[str, Any]:
    """`more` goes on top."""
    return {"resourceType": type_, **_members(type_), **_TAKEN.get(type_, {}), **more}


def _members(name: str) -> dict[str, Any]:
    definition = type_definition(name)
    assert definition is not None
    made: dict[str, Any] = {}
    for element in definition.elements.values():
        if element.min > 0:
            property_name, type_ref = next(element.json_names())
            value = _value(element, type_ref)
            made[property_name] = value if element.max == 1 else [value] * element.min
    return made


def _value(element: ElementDefinition, type_ref: TypeRef) -> Any:
    if element.name in {"contentType", "format"} and type_ref.code == "code":
        return "text/plain"
    codes = value_set(element.binding) if element.binding is not None else None
    if type_ref.code in primitive_types():
        if codes:
            return sorted(code for found in codes.values() for code in found)[0]
        return _PRIMITIVES.get(type_ref.code, "x")
    if type_ref.code == "Reference":
        target = sorted(type_ref.targets)[0] if type_ref.targets and "Resource" not in type_ref.targets else "Basic"
        return {"reference": f"{target}/x"}
    if type_ref.code in {"CodeableConcept", "Coding"} and codes:
        system = sorted(codes)[0]
        coding = {"system": system, "code": sorted(codes[system])[0]}
        return {"coding": [coding]} if type_ref.code == "CodeableConcept" else coding
    if type_ref.code in {"Resource", "DomainResource"}:
        return {"resourceType": "Basic", "code": {"text": "x"}}
    members = _members(type_ref.code)
    return members or {"extension": [{"url": "urn:x", "valueBoolean": True}]}
