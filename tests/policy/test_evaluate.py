"""`Library/[id]/$evaluate` in its three forms, and its refusals."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fhir.resources.R4B.parameters import Parameters
from policy_world import context, policy_document

from operations.policy.evaluate import LIBRARY_EVALUATE, evaluate_library
from operations.policy.library import library_of
from operations.ports import OperationInput
from profiles.base_validation import validate_resource
from profiles.json import Resource, dumps, loads
from profiles.outcome import FhirError

LIBRARY = library_of(policy_document()) | {"id": "lib"}
EVIDENCE = {"symptom_duration_weeks": 8, "red_flags": True}
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"}


async def evaluate(body: Any, *stored: Resource, library: str = "lib", **given: Any) -> Any:
    stored = (LIBRARY, PATIENT, *stored)
    return (await evaluate_library(OperationInput(resource=body, resource_id=library, **given), context(*stored))).body


def parameters(*named: tuple[str, dict[str, Any]]) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in named]}


async def test_evidence_json_in_gives_result_json_out() -> None:
    result = await evaluate(EVIDENCE)
    assert "resourceType" not in result
    assert (result["all_criteria_met"], result["total_rules"], result["rules_met"]) == (True, 2, 2)
    assert (await evaluate({}))["rules_failed"] == 2


async def test_parameters_in_give_parameters_out_with_the_same_result() -> None:
    body = parameters(("evidence", {"valueString": json.dumps(EVIDENCE)}))
    answer = await evaluate(body)
    values = {each["name"]: each for each in answer["parameter"]}
    assert loads(values["result"]["valueString"]) == loads(dumps(await evaluate(EVIDENCE)))
    assert values["all-criteria-met"]["valueBoolean"] is True
    assert values["total-rules"]["valueInteger"] == 2
    Parameters.model_validate_json(dumps(answer))
    assert dumps(await evaluate(None, query={"evidence": [json.dumps(EVIDENCE)]})) == dumps(answer)


async def test_a_stored_patient_is_judged_by_the_record() -> None:
    data = base64.b64encode(b"Low back pain for 9 weeks.").decode()
    note = {
        "resourceType": "DocumentReference",
        "id": "n",
        "status": "current",
        "subject": {"reference": "Patient/p"},
        "date": "2026-11-20T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    }
    for value in ({"valueReference": {"reference": "Patient/p"}}, {"valueString": "Patient/p"}):
        answer = await evaluate(parameters(("patient", value)), note)
        result = loads(next(each["valueString"] for each in answer["parameter"] if each["name"] == "result"))
        assert result["results"][0]["met"] is True
        assert result["results"][0]["condition_details"][0]["patient_value"] == 9
        assert result["results"][1]["met"] is False


async def test_criteria_alone_can_be_evaluated() -> None:
    data = base64.b64encode(json.dumps({"criteria": policy_document()["criteria"]}).encode()).decode()
    bare = {"resourceType": "Library", "id": "bare", "content": [{"contentType": "application/json", "data": data}]}
    assert (await evaluate(EVIDENCE, bare, library="bare"))["all_criteria_met"] is True


@pytest.mark.parametrize(
    ("body", "library", "status", "code"),
    [
        (EVIDENCE, "none", 404, "not-found"),
        (None, "lib", 400, "parameter-value"),
        (parameters(), "lib", 400, "parameter-value"),
        ({"resourceType": "Patient"}, "lib", 400, "structure"),
        (parameters(("evidance", {"valueString": "{}"})), "lib", 400, "unknown-parameter"),
        (parameters(("evidence", {"valueString": "{"})), "lib", 400, "parameter-value"),
        (parameters(("evidence", {"valueInteger": 1})), "lib", 400, "parameter-value"),
        (parameters(("evidence", {})), "lib", 400, "parameter-value"),
        (
            parameters(("evidence", {"valueString": "{}"}), ("evidence", {"valueString": "{}"})),
            "lib",
            400,
            "parameter-value",
        ),
        (
            parameters(("evidence", {"valueString": "{}"}), ("patient", {"valueString": "Patient/p"})),
            "lib",
            400,
            "parameter-value",
        ),
        (parameters(("patient", {"valueString": "p"})), "lib", 400, "parameter-value"),
        (parameters(("patient", {"valueReference": {"reference": ["x"]}})), "lib", 400, "parameter-value"),
        (parameters(("patient", {"valueString": "Patient/gone"})), "lib", 404, "not-found"),
        ({"resourceType": "Parameters", "parameter": [7]}, "lib", 400, "structure"),
        ({"resourceType": "Parameters", "parameter": [{"name": 7}]}, "lib", 400, "required-element"),
    ],
)
async def test_refusals(body: Any, library: str, status: int, code: str) -> None:
    with pytest.raises(FhirError) as error:
        await evaluate(body, library=library)
    assert (error.value.status, error.value.issues[0].code) == (status, code)


async def test_an_unknown_operator_in_the_library_is_named() -> None:
    data = base64.b64encode(b'{"criteria": [{"id": "r", "requirement": {"x": {"atleast": 3}}}]}').decode()
    library = {"resourceType": "Library", "id": "odd", "content": [{"contentType": "application/json", "data": data}]}
    with pytest.raises(FhirError) as error:
        await evaluate({}, library, library="odd")
    (issue,) = error.value.issues
    assert (error.value.status, issue.code, issue.expression) == (422, "criteria-operator", "Library.content.data")
    assert "'atleast'" in issue.text
    assert "gte" in issue.text


def test_the_definition_is_valid() -> None:
    assert [
        issue.text for issue in validate_resource(LIBRARY_EVALUATE.definition.resource()) if issue.severity == "error"
    ] == []
