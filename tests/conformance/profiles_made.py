"""Small profiles for tests, written as differentials."""

from __future__ import annotations

from typing import Any

from profiles.conformance import Definitions, Finding, Options, Validator
from profiles.json import Resource

BASE = "https://example.org/StructureDefinition"


def profile(name: str, type_name: str, *elements: dict[str, Any], base: str | None = None) -> Resource:
    """A profile on a type (or on another profile) with a differential."""
    return {
        "resourceType": "StructureDefinition",
        "url": f"{BASE}/{name}",
        "name": name,
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type_name,
        "baseDefinition": base or f"http://hl7.org/fhir/StructureDefinition/{type_name}",
        "derivation": "constraint",
        "differential": {"element": list(elements)},
    }


def element(id: str, **said: Any) -> dict[str, Any]:
    path = ".".join(segment.partition(":")[0] for segment in id.split("."))
    name = id.rpartition(".")[2].partition(":")[2]
    return {"id": id, "path": path, **({"sliceName": name} if name else {}), **said}


def slicing(kind: str, path: str, **said: Any) -> dict[str, Any]:
    return {"slicing": {"discriminator": [{"type": kind, "path": path}], "rules": "open", **said}}


def errors(resource: Resource, *definitions: Resource, options: Options | None = None) -> list[Finding]:
    """What is wrong with a resource by the first of the definitions."""
    known = Definitions()
    for each in definitions:
        known.add(each)
    found = Validator(known, options=options).validate(resource, profiles=[each["url"] for each in definitions[:1]])
    return [each for each in found if each.severity == "error"]


def codes(resource: Resource, *definitions: Resource) -> list[str]:
    return [each.code for each in errors(resource, *definitions)]
