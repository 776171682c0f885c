"""`Claim/$preview-risk`: its input in every form, its answer, and that nothing a caller sends breaks it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.parameters import Parameters
from policy_world import BASE, CPT, context, insurer, item, policy_document

from operations.policy.library import library_of
from operations.ports import OperationInput
from operations.risk.claim_preview_risk import CLAIM_PREVIEW_RISK, preview_claim
from profiles.base_validation import validate_resource
from profiles.json import Resource, dumps, loads
from profiles.outcome import FhirError

SHARED = Path(os.environ.get("ASSENT_SHARED", Path(__file__).parents[3] / "shared"))
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}], "gender": "female", "birthDate": "1970-01-01"}
POLICY = library_of(policy_document())


def claim(**changes: Any) -> Resource:
    return {
        "resourceType": "Claim",
        "id": "c",
        "identifier": [{"system": "urn:trace", "value": "1"}],
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "use": "preauthorization",
        "patient": {"reference": "Patient/p"},
        "created": "2026-11-20",
        "insurer": {"reference": "Organization/payer"},
        "provider": {"reference": "Organization/payer"},
        "priority": {"coding": [{"code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/v"}}],
        "item": [item()],
    } | changes


def coverage() -> Resource:
    return {
        "resourceType": "Coverage",
        "id": "v",
        "status": "active",
        "beneficiary": {"reference": "Patient/p"},
        "payor": [{"reference": "Organization/payer"}],
    }


def note(text: str) -> Resource:
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": "n",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "subject": {"reference": "Patient/p"},
        "date": "2026-11-18T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    }


def bundle(first: Resource, *others: Resource) -> Resource:
    resources = [first, PATIENT, insurer(active=True), coverage(), *others]
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:b", "value": "1"},
        "type": "collection",
        "timestamp": "2026-11-20T10:00:00Z",
        "entry": [{"fullUrl": f"{BASE}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources],
    }


async def preview(body: Any, *stored: Resource, **given: Any) -> Resource:
    output = await preview_claim(OperationInput(resource=body, resource_type="Claim", **given), context(*stored))
    assert isinstance(output.body, dict)
    assert output.status == 200
    return output.body


async def refused(body: Any, *stored: Resource, **given: Any) -> tuple[int, str, str | None]:
    with pytest.raises(FhirError) as error:
        await preview(body, *stored, **given)
    issue = error.value.issues[0]
    return error.value.status, issue.code, issue.expression


async def outcome(body: Any, *stored: Resource) -> Resource | int:
    """The answer, or the status of the refusal."""
    try:
        return await preview(body, *stored)
    except FhirError as error:
        return error.status


def is_client_fault(status: int) -> bool:
    return 400 <= status < 500


def named(parts: list[Resource], name: str) -> list[Any]:
    found = []
    for each in parts:
        if each["name"] == name:
            values = [each[key] for key in each if key.startswith("value") or key in ("part", "resource")]
            found.append(values[0])
    return found


STORED = (POLICY, insurer())


async def test_a_bundle_is_previewed_item_by_item() -> None:
    first = claim(
        supportingInfo=[
            {
                "sequence": 1,
                "category": {"coding": [{"code": "additionalInformation"}]},
                "valueReference": {"reference": "DocumentReference/n"},
            }
        ],
        item=[item(), item(code="99999", sequence=2)],
    )
    answer = await preview(bundle(first, note("Low back pain for 8 weeks.")), *STORED)
    one, two = named(answer["parameter"], "item")
    assert named(one, "policy")[0][0]["valueCanonical"] == "https://assent.example/fhir/Library/test-policy|2026.1"
    assert named(one, "expected") == ["deny"]
    assert [named(each, "kind") for each in named(one, "missing-document")] == [["imaging-report"]]
    (gap,) = named(one, "gap")
    facts = [[named(each, "name")[0] for each in named(way, "missing-fact")] for way in named(gap, "way")]
    assert facts == [["red_flags"], ["imaging.xray.done"]], "either would do"
    assert named(gap, "explanation")[0].endswith("infection or fracture) or a plain film")
    criteria = {named(each, "rule-id")[0]: each for each in named(one, "criterion")}
    assert named(criteria["weeks"], "met") == [True]
    (proof,) = named(criteria["weeks"], "evidence")
    assert named(proof, "source") == [{"reference": f"{BASE}/DocumentReference/n"}]
    assert "8 weeks" in named(proof, "quote")[0]
    assert named(two, "without-policy") == ["manual-review"]
    assert named(two, "readiness") == [], "nothing was assessed"
    assert "Nothing was assessed" in named(two, "explanation")[0]
    assert named(answer["parameter"], "readiness")[0] == named(one, "readiness")[0]
    assert named(answer["parameter"], "band")[0] in ("medium", "high")


async def test_the_risk_assessment_carries_drivers_basis_and_mitigation() -> None:
    answer = await preview(bundle(claim(), note("Low back pain for 8 weeks.")), *STORED)
    (one,) = named(answer["parameter"], "item")
    (risk,) = named(one, "risk")
    assert (risk["resourceType"], risk["status"]) == ("RiskAssessment", "preliminary")
    assert risk["subject"] == {"reference": f"{BASE}/Patient/p"}
    (prediction,) = risk["prediction"]
    assert prediction["probabilityDecimal"] == named(one, "probability")[0]
    assert prediction["qualitativeRisk"]["coding"][0]["code"] in ("low", "moderate", "high")
    assert len(prediction["extension"]) == len(named(one, "driver"))
    remedy = named(one, "remedy")[0]
    assert named(remedy, "verified") == [True]
    assert named(named(remedy, "step")[0], "text")[0] in risk["mitigation"]
    assert not [issue for issue in validate_resource(risk) if issue.severity == "error"]


async def test_the_answer_is_valid_r4_and_plain_json() -> None:
    for body in (
        bundle(claim(), note("Red flags: new bowel incontinence.")),
        bundle(claim(item=[item(code="1", quantity=None)])),
    ):
        answer = await preview(body, *STORED)
        Parameters.model_validate_json(dumps(answer))
        assert [issue.text for issue in validate_resource(answer) if issue.severity == "error"] == []
        assert loads(dumps(answer)) == answer


async def test_the_same_request_gives_the_same_answer() -> None:
    body = bundle(claim(), note("Low back pain for 8 weeks."))
    assert dumps(await preview(body, *STORED)) == dumps(await preview(loads(dumps(body)), *STORED))


async def test_parameters_may_wrap_the_request_and_a_claim_may_have_its_references_in_the_store() -> None:
    whole = bundle(claim())
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": whole}]}
    assert dumps(await preview(wrapped, *STORED)) == dumps(await preview(whole, *STORED))
    kept = (*STORED, PATIENT, coverage())
    by_claim = await preview(claim(), *kept)
    by_address = await preview(None, *kept, claim(), resource_id="c")
    assert named(by_claim["parameter"], "probability") == named(by_address["parameter"], "probability")
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": claim()}]}
    assert dumps(await preview(wrapped, *kept)) == dumps(by_claim)
    draft = {key: value for key, value in claim().items() if key not in ("created", "priority", "insurance")}
    assert named((await preview(draft, *kept))["parameter"], "item")


def unread(answer: Resource) -> list[tuple[str, str]]:
    issues = [issue for outcome in named(answer["parameter"], "warnings") for issue in outcome["issue"]]
    found = [issue for issue in issues if issue["details"]["coding"][0]["code"] == "evidence-unread"]
    assert {issue["severity"] for issue in found} <= {"warning"}
    return [(issue["expression"][0], issue["details"]["text"]) for issue in found]


async def test_what_could_not_be_read_is_a_warning() -> None:
    pdf = note("x")
    pdf["content"][0]["attachment"]["contentType"] = "application/pdf"
    answer = await preview(bundle(claim(), pdf), *STORED)
    ((place, words),) = unread(answer)
    assert place.startswith("DocumentReference.content[0].attachment")
    assert "DocumentReference/n" in words
    assert unread(await preview(bundle(claim(), note("Low back pain for 8 weeks.")), *STORED)) == []


async def test_a_document_that_the_caller_cannot_see_is_a_warning() -> None:
    info = {
        "sequence": 1,
        "category": {"coding": [{"code": "additionalInformation"}]},
        "valueReference": {"reference": "DocumentReference/n"},
    }
    kept = (*STORED, PATIENT, coverage(), claim(supportingInfo=[info]))
    seen = await preview(None, *kept, note("Low back pain for 8 weeks."), resource_id="c")
    assert unread(seen) == []
    hidden = await preview(None, *kept, resource_id="c")
    ((place, words),) = unread(hidden)
    assert place == "Claim.supportingInfo[0].valueReference"
    assert "not for this caller to see" in words


async def test_without_a_policy_the_stored_payer_says_what_follows() -> None:
    url = "https://assent.example/fhir/StructureDefinition/default-without-policy"
    generous = insurer(extension=[{"url": url, "valueCode": "no-authorization-required"}])
    (one,) = named((await preview(bundle(claim()), generous))["parameter"], "item")
    assert (named(one, "without-policy"), named(one, "band")) == (["no-authorization-required"], ["low"])
    body = bundle(claim())
    body["entry"][2]["resource"] = generous
    (one,) = named((await preview(body, insurer()))["parameter"], "item")
    assert named(one, "without-policy") == ["manual-review"], "what the sender says of the payer does not count"
    unknown = await preview(body)
    (one,) = named(unknown["parameter"], "item")
    assert "not known here" in named(one, "explanation")[0]
    assert named(unknown["parameter"], "readiness") == [], "nothing was assessed"


async def test_what_cannot_be_previewed_is_refused() -> None:
    kept = (*STORED, PATIENT)
    assert (await refused(None))[:2] == (400, "body-missing")
    assert await refused({"resourceType": "Patient"}) == (400, "structure", "resourceType")
    assert (await refused({"resourceType": "Bundle", "type": "collection"}))[0] == 400
    assert await refused(claim(item=[]), *kept) in (
        (400, "required-element", "Claim.item"),
        (400, "structure", "Claim.item"),
    )
    assert (await refused(claim(item=[7]), *kept))[0] == 400
    assert await refused(claim(patient={"reference": "Patient/gone"}), *kept) == (
        400,
        "reference-unresolved",
        "Claim.patient",
    )
    assert (await refused(claim(patient="x"), *kept))[0] == 400
    assert await refused(claim(insurer={"reference": "Organization/gone"}), *kept) == (
        400,
        "reference-unresolved",
        "Claim.insurer",
    )
    assert await refused(None, resource_id="nobody") == (404, "not-found", None)
    assert (await refused(claim(), claim(), *kept, resource_id="c"))[1] == "structure"
    assert (await refused({"resourceType": "Parameters", "parameter": [{"name": "ressource", "resource": {}}]}))[
        1
    ] == "unknown-parameter"
    assert (await refused({"resourceType": "Parameters", "parameter": "x"}))[1] == "structure"
    assert (await refused({"resourceType": "Parameters", "parameter": [{"name": "resource"}]}))[1] == "parameter-value"
    assert (await refused({"resourceType": "Parameters"}))[1] == "body-missing"


ODD: list[Any] = [None, 7, "x", [], {}, [None], [[]], {"reference": 7}, [{"coding": "x"}], True]


@pytest.mark.parametrize(
    "element", ["patient", "insurer", "item", "diagnosis", "supportingInfo", "billablePeriod", "priority"]
)
async def test_odd_shapes_are_refused_or_answered_and_never_crash(element: str) -> None:
    for odd in ODD:
        for body in (claim(**{element: odd}), bundle(claim(**{element: odd}))):
            answer = await outcome(body, *STORED, PATIENT, coverage())
            if isinstance(answer, int):
                assert is_client_fault(answer)
            else:
                Parameters.model_validate_json(dumps(answer))


@pytest.mark.parametrize(
    "element", ["sequence", "productOrService", "quantity", "servicedDate", "servicedPeriod", "locationCodeableConcept"]
)
async def test_odd_items_are_refused_or_answered_and_never_crash(element: str) -> None:
    for odd in ODD:
        for body in (claim(item=[item(**{element: odd})]), bundle(claim(item=[item(**{element: odd})]))):
            answer = await outcome(body, *STORED, PATIENT, coverage())
            if isinstance(answer, int):
                assert is_client_fault(answer)
            else:
                Parameters.model_validate_json(dumps(answer))


@pytest.mark.parametrize("depth", [50, 300, 480])
async def test_deep_nesting_is_refused_or_answered(depth: int) -> None:
    deep: Any = {"url": "urn:x", "valueString": "x"}
    for _ in range(depth):
        deep = {"url": "urn:x", "extension": [deep]}
    for body in (claim(extension=[deep]), bundle(claim(extension=[deep]))):
        answer = await outcome(body, *STORED, PATIENT, coverage())
        assert isinstance(answer, dict) or is_client_fault(answer)


def examples() -> Iterator[Path]:
    for folder in ("requests", "updates", "pas-2.0.1", "pas-1.1.0", "errors"):
        yield from sorted((SHARED / "data" / "pas-examples" / folder).glob("*.json"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared example data is not here (set ASSENT_SHARED)")
async def test_the_published_requests_are_previewed_or_refused_as_requests() -> None:
    previewed = 0
    for path in examples():
        body = loads(path.read_bytes())
        answer = await outcome(body, *STORED)
        if isinstance(answer, int):
            assert is_client_fault(answer), path.name
        else:
            previewed += 1
            Parameters.model_validate_json(dumps(answer))
            items = named(answer["parameter"], "item")
            assert len(items) == len(body["entry"][0]["resource"]["item"]), path.name
            assert all(named(each, "risk") for each in items)
    assert previewed >= 5


def test_the_definition_is_valid_and_promises_to_store_nothing() -> None:
    definition = CLAIM_PREVIEW_RISK.definition.resource()
    assert CLAIM_PREVIEW_RISK.affects_state is False
    assert definition["affectsState"] is False
    assert [issue.text for issue in validate_resource(definition) if issue.severity == "error"] == []
    assert CPT in str(POLICY)
