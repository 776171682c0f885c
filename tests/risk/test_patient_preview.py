"""`Patient/[id]/$preview-risk`: counting from the record, overrides for what-if, and clear refusals."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.parameters import Parameters
from policy_world import context, insurer, item, policy_document

from operations.policy.library import library_of
from operations.ports import OperationInput
from operations.risk.friction import MEASURES, Figure, friction
from operations.risk.friction_figures import is_chronic, is_denial, is_emergency
from operations.risk.patient_preview_risk import PATIENT_PREVIEW_RISK, preview_patient
from profiles.base_validation import validate_resource
from profiles.json import Resource, dumps
from profiles.outcome import FhirError

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1940-01-01"}
SUBJECT = {"reference": "Patient/p"}
PASSD = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"


def answered(id: str, action: str, created: str) -> Resource:
    coded = {"url": f"{PASSD}/extension-reviewActionCode", "valueCodeableConcept": {"coding": [{"code": action}]}}
    adjudication = {"extension": [{"url": f"{PASSD}/extension-reviewAction", "extension": [coded]}]}
    return {
        "resourceType": "ClaimResponse",
        "id": id,
        "patient": SUBJECT,
        "created": created,
        "item": [{"itemSequence": 1, "adjudication": [adjudication]}],
    }


def condition(id: str, code: str, system: str = "http://hl7.org/fhir/sid/icd-10-cm", **more: Any) -> Resource:
    status = {"coding": [{"code": more.pop("status", "active")}]}
    coded = {"coding": [{"system": system, "code": code}]}
    return {"resourceType": "Condition", "id": id, "subject": SUBJECT, "clinicalStatus": status, "code": coded, **more}


def visit(id: str, start: str, kind: str = "EMER", status: str = "finished") -> Resource:
    return {
        "resourceType": "Encounter",
        "id": id,
        "subject": SUBJECT,
        "status": status,
        "class": {"code": kind},
        "period": {"start": start},
    }


def request(id: str = "c", created: str = "2026-11-20", priority: str = "stat") -> Resource:
    return {
        "resourceType": "Claim",
        "id": id,
        "status": "active",
        "use": "preauthorization",
        "patient": SUBJECT,
        "insurer": {"reference": "Organization/payer"},
        "created": created,
        "priority": {"coding": [{"code": priority}]},
        "item": [item()],
    }


def _spelled(name: str) -> str:
    return name if name.startswith("_") else name.replace("_", "-")


async def preview(*stored: Resource, body: Resource | None = None, **query: str) -> dict[str, dict[str, Any]]:
    given = OperationInput(resource=body, resource_id="p", query={_spelled(name): [value] for name, value in query.items()})
    answer = (await preview_patient(given, context(PATIENT, *stored))).body
    assert isinstance(answer, dict)
    Parameters.model_validate_json(dumps(answer))
    found: dict[str, dict[str, Any]] = {each["name"]: each for each in answer["parameter"] if each["name"] != "component"}
    for each in answer["parameter"]:
        if each["name"] == "component":
            parts = {part["name"]: next(part[key] for key in part if key.startswith("value")) for part in each["part"]}
            found[parts["name"]] = parts
    return found


async def test_figures_are_counted_from_the_record() -> None:
    found = await preview(
        answered("r1", "A3", "2026-10-01T10:00:00Z"),
        answered("r2", "A1", "2026-10-02"),
        answered("r3", "A3", "2025-01-01"),
        condition("d1", "I10"),
        condition("d2", "E11.9"),
        condition("d3", "E11.9"),
        condition("d4", "J06.9"),
        condition("d5", "I25.1", status="resolved"),
        visit("v1", "2026-09-01T10:00:00Z"),
        visit("v2", "2026-01-01"),
        visit("v3", "2026-09-02", kind="AMB"),
        request(),
        insurer(),
        library_of(policy_document()),
    )
    counted = {name: (found[name]["value"], found[name]["origin"]) for name in MEASURES}
    assert counted == {
        "age": (86, "counted"),
        "denials-12-months": (1, "counted"),
        "chronic-conditions": (2, "counted"),
        "emergency-visits-6-months": (1, "counted"),
        "urgency": ("emergency", "counted"),
        "packet-gaps": (4, "counted"),
    }
    assert found["denials-12-months"]["basis"] == {"reference": "ClaimResponse/r1"}
    assert found["score"]["valueInteger"] == sum(found[name]["contribution"] for name in MEASURES)


async def test_an_empty_record_scores_by_age_alone_and_says_what_is_default() -> None:
    found = await preview()
    assert found["score"]["valueInteger"] == 12
    assert found["band"]["valueCode"] == "low"
    assert (found["urgency"]["origin"], found["packet-gaps"]["origin"]) == ("default", "default")
    assert (found["denials-12-months"]["origin"], found["denials-12-months"]["value"]) == ("counted", 0)


async def test_overrides_answer_what_if() -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "age", "valueInteger": 40},
            {"name": "denials-12-months", "valueUnsignedInt": 5},
            {"name": "chronic-conditions", "valueInteger": 6},
            {"name": "emergency-visits-6-months", "valueInteger": 3},
            {"name": "urgency", "valueCode": "emergency"},
            {"name": "packet-gaps", "valueInteger": 4},
        ],
    }
    found = await preview(answered("r1", "A3", "2026-10-01"), body=body)
    assert found["score"]["valueInteger"] == 32 + 18 + 12 + 10 + 16
    assert found["band"]["valueCode"] == "high"
    assert {found[name]["origin"] for name in MEASURES} == {"given"}
    by_query = await preview(age="40", urgency="urgent", _format="json")
    assert (by_query["age"]["value"], by_query["urgency"]["value"], by_query["score"]["valueInteger"]) == (40, "urgent", 6)


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ({"name": "denials", "valueInteger": 1}, "unknown-parameter", "denials-12-months"),
        ({"name": "urgencey", "valueCode": "urgent"}, "unknown-parameter", "Did you mean 'urgency'?"),
        ({"name": "urgency", "valueCode": "emergancy"}, "parameter-value", "Did you mean 'emergency'?"),
        ({"name": "urgency", "valueInteger": 1}, "parameter-value", "routine, urgent, emergency"),
        ({"name": "age", "valueInteger": -1}, "parameter-value", "0 to 130"),
        ({"name": "age", "valueInteger": True}, "parameter-value", "0 to 130"),
        ({"name": "age", "valueString": "old"}, "parameter-value", "0 to 130"),
        ({"name": "age", "valueQuantity": {"value": 3}}, "parameter-value", "0 to 130"),
        ({"name": "age", "valueString": "5"}, "parameter-value", "0 to 130"),
        ({"name": "age", "valueDecimal": 5}, "parameter-value", "0 to 130"),
        ({"name": "urgency", "valueString": "urgent"}, "parameter-value", "a code"),
        ({"name": "age", "valueInteger": None}, "parameter-value", "one value"),
        ({"name": "packet-gaps"}, "parameter-value", "one value"),
        ({"name": "packet-gaps", "valueInteger": 10**30}, "parameter-value", "0 to 1000"),
    ],
)
async def test_wrong_overrides_are_refused_with_their_place(entry: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(FhirError) as error:
        await preview(body={"resourceType": "Parameters", "parameter": [entry]})
    (issue,) = error.value.issues
    assert (error.value.status, issue.code) == (400, code)
    assert words in issue.text
    assert issue.expression is not None
    assert issue.expression.startswith("Parameters.parameter[0]")


@pytest.mark.parametrize(("query", "place"), [({"agge": "4"}, "http.query"), ({"age": "old"}, "http.age")])
async def test_wrong_names_and_values_in_the_query_have_a_place(query: dict[str, str], place: str) -> None:
    with pytest.raises(FhirError) as error:
        await preview(**query)
    (issue,) = error.value.issues
    assert (error.value.status, issue.expression) == (400, place)


async def test_an_unknown_patient_is_not_found() -> None:
    with pytest.raises(FhirError) as error:
        await preview_patient(OperationInput(resource_id="x"), context(PATIENT))
    assert error.value.status == 404


def test_the_weights_add_up_to_a_hundred_and_no_component_exceeds_its_own() -> None:
    assert sum(measure.weight for measure in MEASURES.values()) == 100
    worst = {name: Figure("emergency" if name == "urgency" else 130, "given") for name in MEASURES}
    result = friction(worst)
    assert (result.score, result.band) == (100, "high")
    assert all(0 <= component.contribution <= component.weight for component in result.components)


def test_more_of_anything_never_lowers_the_score() -> None:
    for name in ("denials-12-months", "chronic-conditions", "emergency-visits-6-months", "packet-gaps"):
        scores = [friction({name: Figure(count, "given")}).score for count in range(12)]
        assert scores == sorted(scores)
        assert scores[-1] == MEASURES[name].weight


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [None], {"coding": "x"}, [{"coding": [7]}]])
def test_records_of_any_shape_are_read(odd: Any) -> None:
    today = context().now().date()
    for key in ("item", "addItem", "adjudication"):
        assert is_denial({key: odd}) is False
    for key in ("clinicalStatus", "verificationStatus", "code", "onsetDateTime", "onsetPeriod"):
        assert is_chronic({**condition("d", "J06.9"), key: odd}, today) is False
    assert is_emergency({"status": "finished", "class": odd}) is False
    assert is_emergency({"status": odd, "class": {"code": "EMER"}}) is False


def test_a_long_lasting_condition_counts_as_chronic_in_any_code_system() -> None:
    today = context().now().date()
    snomed = "http://snomed.info/sct"
    assert is_chronic(condition("d", "1", snomed, onsetDateTime="2020-01-01"), today)
    assert not is_chronic(condition("d", "1", snomed, onsetDateTime="2026-10-01"), today)
    assert not is_chronic(condition("d", "1", snomed, onsetDateTime="2020-01-01", abatementDateTime="2021-01-01"), today)
    assert not is_emergency(visit("v", "2026-01-01", status="planned"))


def test_the_definition_is_valid() -> None:
    assert [
        issue.text for issue in validate_resource(PATIENT_PREVIEW_RISK.definition.resource()) if issue.severity == "error"
    ] == []
