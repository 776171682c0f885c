"""Calling the operations as the server does: JSON bytes in, JSON out, every answer held to the rules."""

from __future__ import annotations

from typing import Any

import pytest
from answers_by_profile import profile_faults
from memory_context import Memory

from operations.pas.claim_inquire import claim_inquire
from operations.pas.claim_submit import claim_submit
from operations.pas.response_rules import Expectation, response_faults
from operations.pas.services import PasServices
from operations.ports import Context, OperationInput
from profiles.base_validation import validate_resource
from profiles.json import dumps, loads
from profiles.outcome import FhirError


async def submit_raw(
    memory: Memory, body: Any, scenario: str | None = None, services: PasServices | None = None, **context: Any
) -> bytes:
    headers = {"assent-scenario": scenario} if scenario else {}
    operation = claim_submit(services or PasServices())
    given = OperationInput(loads(dumps(body)), headers=headers)
    made: Context = memory.context(**context)
    output = await operation.run(given, made)
    assert output.status == 200
    assert isinstance(output.body, bytes)
    answer = loads(output.body)
    bundle = body["parameter"][0]["resource"] if body.get("resourceType") == "Parameters" else body
    sequences = [each["sequence"] for each in bundle["entry"][0]["resource"].get("item", [])]
    sent = {each["fullUrl"]: loads(dumps(each["resource"])) for each in bundle["entry"]}
    assert response_faults(answer, Expectation(made.pas_version, "submit", sequences, sent)) == []
    assert [each for each in validate_resource(answer) if each.severity == "error"] == []
    assert profile_faults(answer, bundle, made.pas_version) == []
    for history in memory.versions.values():
        assert [each for each in validate_resource(history[-1]) if each.severity == "error"] == [], history[-1]
    return output.body


async def refused(memory: Memory, body: Any, scenario: str | None = None) -> FhirError:
    """The refusal that a submission must meet."""
    with pytest.raises(FhirError) as caught:
        await submit_raw(memory, body, scenario)
    return caught.value


async def submit(
    memory: Memory, body: Any, scenario: str | None = None, services: PasServices | None = None, **context: Any
) -> dict[str, Any]:
    return loads(await submit_raw(memory, body, scenario, services, **context))


async def inquire(memory: Memory, body: Any, **context: Any) -> dict[str, Any]:
    made = memory.context(**context)
    output = await claim_inquire(PasServices()).run(OperationInput(loads(dumps(body))), made)
    answer = loads(dumps(output.body))
    assert [each for each in validate_resource(answer) if each.severity == "error"] == []
    bundles = [answer] if answer["resourceType"] == "Bundle" else [each["resource"] for each in answer.get("parameter", [])]
    for bundle in bundles:
        if any(each["resource"]["resourceType"] == "ClaimResponse" for each in bundle["entry"]):
            assert response_faults(bundle, Expectation(made.pas_version, "inquire")) == []
    assert profile_faults(answer, body, made.pas_version) == []
    return answer


def response_of(bundle: dict[str, Any]) -> dict[str, Any]:
    return bundle["entry"][0]["resource"]


def actions(bundle: dict[str, Any]) -> dict[int, str]:
    """Review action by item sequence."""
    found = {}
    for item in response_of(bundle).get("item", []):
        found[item["itemSequence"]] = action_of(item)
    return found


def action_of(element: dict[str, Any]) -> str:
    inner = element["adjudication"][0]["extension"][0]["extension"]
    codes = [each for each in inner if each["url"].endswith("extension-reviewActionCode")]
    return codes[0]["valueCodeableConcept"]["coding"][0]["code"]


def number_of(element: dict[str, Any]) -> str | None:
    inner = element["adjudication"][0]["extension"][0]["extension"]
    return next((each["valueString"] for each in inner if each["url"] == "number"), None)


def notes(bundle: dict[str, Any]) -> str:
    return " | ".join(each["text"] for each in response_of(bundle).get("processNote", []))


def extension(element: dict[str, Any], tail: str) -> dict[str, Any] | None:
    return next((each for each in element.get("extension", []) if each["url"].endswith(tail)), None)


def of_type(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind]
