"""Shorthand for tests of `$validate` and of validation on write."""

from __future__ import annotations

from typing import Any

import httpx

EXAMPLE = "https://example.org/StructureDefinition"
RULE = "https://assent.example/fhir/StructureDefinition/issue-rule"
FIX = "https://assent.example/fhir/StructureDefinition/issue-suggested-patch"


def profile(name: str, *elements: dict[str, Any], type_: str = "Patient", base: str | None = None, **more: Any) -> Any:
    """A profile `EXAMPLE/name` by a differential, stored under the id `name`."""
    return {
        "resourceType": "StructureDefinition", "id": name, "url": f"{EXAMPLE}/{name}", "name": name.title(), "status": "active",
        "kind": "resource", "abstract": False, "type": type_, "derivation": "constraint",
        "baseDefinition": base or f"http://hl7.org/fhir/StructureDefinition/{type_}",
        **({"differential": {"element": list(elements)}} if elements else {}), **more,
    }  # fmt: skip


def required(path: str) -> dict[str, Any]:
    """A differential that wants one of an element."""
    return {"id": path, "path": path, "min": 1}


def parameters(*parts: tuple[str, Any]) -> dict[str, Any]:
    """Parameters of `$validate`: resources as dicts, `mode` and `profile` as texts."""
    values = {"mode": "valueCode", "profile": "valueCanonical"}
    made = [{"name": name, "resource" if isinstance(value, dict) else values[name]: value} for name, value in parts]
    return {"resourceType": "Parameters", "parameter": made}


def found(outcome: Any, severity: str | None = "error") -> list[tuple[str, str | None]]:
    """(our code, expression) of each issue of that severity, in their order; of all of them without one."""
    assert outcome["resourceType"] == "OperationOutcome", outcome
    return [
        (issue["details"]["coding"][0]["code"], issue.get("expression", [None])[0])
        for issue in outcome["issue"]
        if severity in (None, issue["severity"])
    ]


async def validated(client: httpx.AsyncClient, path: str, body: Any = None, **options: Any) -> Any:
    """The OperationOutcome of a validation that was done."""
    answer = await (client.get(path, **options) if body is None else client.post(path, json=body, **options))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def store(client: httpx.AsyncClient, *resources: Any) -> None:
    for resource in resources:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code in (200, 201), answer.text
