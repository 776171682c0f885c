"""Shorthand for tests that speak FHIR."""

from __future__ import annotations

from typing import Any

import httpx

from profiles import json

FHIR = {"Content-Type": "application/fhir+json"}
AS_RESOURCE = {"Accept": "application/fhir+json"}
"""Without it, a Binary is answered as what it holds."""


def code_of(answer: httpx.Response) -> str:
    """Our code of the first issue of a refusal."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    code: str = outcome["issue"][0]["details"]["coding"][0]["code"]
    return code


def refused(answer: httpx.Response, status: int, code: str, expression: str | None = None) -> None:
    """The answer is a refusal as we make them: status, our code, a sentence, and where it lies."""
    assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    issue = answer.json()["issue"][0]
    assert issue["severity"] in {"error", "fatal"}
    assert issue["code"]
    assert issue["details"]["text"].endswith((".", "?"))
    assert answer.headers["content-type"].startswith("application/fhir+json")
    if expression is not None:
        assert issue.get("expression") == [expression], issue


def exact(answer: httpx.Response) -> Any:
    """The body with exact numbers."""
    return json.loads(answer.content)


def entry(method: str, url: str, resource: Any = None, full_url: str | None = None, **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url is not None:
        made["fullUrl"] = full_url
    return made


def bundle(type_: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, **({"entry": list(entries)} if entries else {})}


def statuses(answer: httpx.Response) -> list[str]:
    return [item["response"]["status"] for item in answer.json().get("entry", [])]


def ids(answer: httpx.Response, mode: str = "match") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [e["resource"]["id"] for e in answer.json().get("entry", []) if e.get("search", {}).get("mode", mode) == mode]


def patient(id_: str | None = None, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **({"id": id_} if id_ else {}), **more}


def observation(id_: str | None = None, subject: str = "Patient/p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        **({"id": id_} if id_ else {}),
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": subject},
        **more,
    }
