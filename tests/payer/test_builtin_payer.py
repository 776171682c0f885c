"""The built-in payer on the policies that ship with Assent, and on the practice's own requests (operations/payer/builtin.py)."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import claim_of, concept, fresh
from pas_harness import action_of, actions, extension, notes, of_type, response_of, submit

from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.payer.settings import PayerSettings
from operations.policy.library.bundled import bundled_libraries
from server.sample.practice import practice_requests, practice_resources

TODAY = date(2026, 11, 22)


@pytest.fixture
def practice() -> Memory:
    memory = Memory()
    for resource in (*practice_resources(TODAY), *bundled_libraries()):
        memory.put(resource)
    return memory


def asked_for(code: str) -> dict[str, Any]:
    """The practice's request for a procedure."""
    for bundle in practice_requests(TODAY):
        codings = claim_of(bundle)["item"][0]["productOrService"]["coding"]
        if any(each["code"] == code for each in codings):
            return bundle
    raise AssertionError(f"the practice asks for no {code}")


def without_notes(bundle: dict[str, Any]) -> dict[str, Any]:
    """The same request with empty documents, and without the coded record of what was done."""
    made = fresh(bundle)
    for entry in made["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "DocumentReference":
            resource["content"] = [
                {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"See chart.").decode()}}
            ]
    claim_of(made)["supportingInfo"] = [
        each
        for each in claim_of(made).get("supportingInfo", [])
        if "DocumentReference" in each.get("valueReference", {}).get("reference", "")
    ]
    return made


async def test_every_request_of_the_practice_is_decided_with_reasons(practice: Memory) -> None:
    found = set()
    for bundle in practice_requests(TODAY):
        answer = await submit(practice, bundle)
        found |= set(actions(answer).values())
        assert response_of(answer)["processNote"]
    assert found >= {"A1", "A3", "A4", "A6"}


async def test_an_approval_names_the_policy_and_the_evidence(practice: Memory) -> None:
    answer = await submit(practice, asked_for("72148"))
    assert actions(answer) == {1: "A1"}
    said = notes(answer)
    assert "aurora-health-lumbar-mri version 2026.1" in said
    assert "[diagnosis] Met" in said
    assert "diagnosis M54" in said
    assert "(Claim/" in said
    assert "(DocumentReference/" in said
    assert "https://" not in said
    assert " eq " not in said, "no note speaks the engine's language"
    item = response_of(answer)["item"][0]
    period = extension(item, "itemPreAuthPeriod")["valuePeriod"]
    assert period["start"] == "2026-11-22"
    assert period["end"] > period["start"]


async def test_missing_evidence_is_asked_for_and_denied_when_it_does_not_come(practice: Memory) -> None:
    bundle = without_notes(asked_for("72148"))
    answer = await submit(practice, bundle)
    assert actions(answer) == {1: "A4"}
    assert "Not shown" in notes(answer)
    asked = of_type(answer, "CommunicationRequest")
    assert asked
    assert all(each["payload"][0]["contentString"] for each in asked)
    codes = {each["valueCodeableConcept"]["coding"][0]["code"] for each in of_type(answer, "Task")[0]["input"][1:]}
    assert codes == {each["payload"][0]["contentString"] for each in asked}
    await practice.run_jobs(pas_jobs(PasServices()), timedelta(days=15))
    later = await submit(practice, bundle)
    assert actions(later) == {1: "A3"}
    assert "not received in time" in notes(later)


async def test_documents_that_come_in_time_are_weighed(practice: Memory) -> None:
    """The note is added to the stored Claim while the request is pended; the decision finds it."""
    complete = asked_for("72148")
    answer = await submit(practice, without_notes(complete))
    assert actions(answer) == {1: "A4"}
    claim = next(each for each in practice.all("Claim") if each["identifier"] == claim_of(complete)["identifier"])
    patient = claim["patient"]["reference"].partition("/_history/")[0]
    for place, entry in enumerate(complete["entry"]):
        late = entry["resource"]
        if late["resourceType"] in ("DocumentReference", "Procedure", "Condition", "MedicationStatement"):
            practice.put({**late, "id": f"late-{place}", "subject": {"reference": patient}})
            claim["supportingInfo"].append(
                {
                    "sequence": 100 + place,
                    "category": concept(
                        "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes", "additionalInformation"
                    ),
                    "valueReference": {"reference": f"{late['resourceType']}/late-{place}"},
                }
            )
    practice.put(claim)
    await practice.run_jobs(pas_jobs(PasServices()), timedelta(days=15))
    assert action_of(practice.all("ClaimResponse")[-1]["item"][0]) == "A1"


async def test_refuted_criteria_are_denied_with_each_reason(practice: Memory) -> None:
    answer = await submit(practice, asked_for("27447"))
    assert actions(answer) == {1: "A3"}
    denied = response_of(answer)["item"][0]
    inner = denied["adjudication"][0]["extension"][0]["extension"]
    (reason,) = [each["valueCodeableConcept"] for each in inner if each["url"] == "reasonCode"]
    assert reason["coding"] == [
        {"system": "https://assent.example/fhir/CodeSystem/decision-reason", "code": "criteria-not-met"}
    ]
    assert "Not met" in notes(answer)
    assert len(denied["noteNumber"]) > 1


async def test_more_than_the_maximum_is_modified(practice: Memory) -> None:
    bundle = asked_for("J1745")
    answer = await submit(practice, bundle)
    assert actions(answer) == {1: "A6"}
    added = response_of(answer)["addItem"][0]
    assert added["quantity"]["value"] < claim_of(bundle)["item"][0]["quantity"]["value"]


@pytest.mark.parametrize(("outcome", "action"), [("approve", "A1"), ("deny", "A3")])
async def test_review_without_a_policy_ends_as_configured_and_says_so(outcome: Any, action: str, practice: Memory) -> None:
    bundle = asked_for("72148")
    claim_of(bundle)["item"][0]["productOrService"] = concept("http://www.ama-assn.org/go/cpt", "00000")
    services = PasServices(PayerSettings(review_outcome=outcome))
    pended = await submit(practice, bundle, services=services)
    assert actions(pended) == {1: "A4"}
    assert extension(response_of(pended), "claimResponseReviewer") is None
    await practice.run_jobs(pas_jobs(services), timedelta(seconds=60))
    ended = await submit(practice, bundle, services=services)
    assert actions(ended) == {1: action}
    reviewer = extension(response_of(ended), "claimResponseReviewer")
    assert reviewer["extension"] == [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]
    assert "simulated review; no person looked at it" in notes(ended)
    (stored,) = practice.all("ClaimResponse")
    assert extension(stored, "claimResponseReviewer") == reviewer


async def test_review_by_a_person_never_ends_by_itself(practice: Memory) -> None:
    bundle = asked_for("72148")
    claim_of(bundle)["item"][0]["productOrService"] = concept("http://www.ama-assn.org/go/cpt", "00000")
    services = PasServices(PayerSettings(review_outcome="person"))
    assert actions(await submit(practice, bundle, services=services)) == {1: "A4"}
    assert practice.jobs == []


async def test_the_same_request_is_decided_the_same_everywhere(practice: Memory) -> None:
    other = Memory()
    for resource in (*practice_resources(TODAY), *bundled_libraries()):
        other.put(resource)
    for bundle in practice_requests(TODAY):
        first, second = response_of(await submit(practice, bundle)), response_of(await submit(other, bundle))
        assert [action_of(each) for each in first["item"]] == [action_of(each) for each in second["item"]]
        assert first["processNote"] == second["processNote"]


async def test_items_are_decided_each_by_its_own_policy(practice: Memory) -> None:
    bundle = asked_for("72148")
    second = fresh(claim_of(bundle)["item"][0])
    second["sequence"] = 7
    second["productOrService"] = concept("http://www.ama-assn.org/go/cpt", "00000")
    claim_of(bundle)["item"].append(second)
    answer = await submit(practice, bundle)
    assert actions(answer) == {1: "A1", 7: "A4"}
    assert response_of(answer)["outcome"] == "partial"
    await practice.run_jobs(pas_jobs(PasServices()), timedelta(seconds=61))
    later = await submit(practice, bundle)
    assert actions(later) == {1: "A1", 7: "A1"}
    said = [each["text"] for each in response_of(later)["processNote"]]
    assert said[0].startswith("Item 1: All criteria are met: ")
    assert "Item 7: Ended by the built-in payer's simulated review; no person looked at it." in said
    assert response_of(later)["item"][0]["adjudication"] == response_of(answer)["item"][0]["adjudication"]


async def test_documents_still_asked_for_stay_asked_for_when_another_item_is_decided(practice: Memory) -> None:
    bundle = without_notes(asked_for("72148"))
    second = fresh(claim_of(bundle)["item"][0])
    second["sequence"] = 2
    second["productOrService"] = concept("http://www.ama-assn.org/go/cpt", "00000")
    claim_of(bundle)["item"].append(second)
    first = await submit(practice, bundle)
    assert actions(first) == {1: "A4", 2: "A4"}
    await practice.run_jobs(pas_jobs(PasServices()), timedelta(seconds=61))
    later = await submit(practice, bundle)
    assert actions(later) == {1: "A4", 2: "A1"}
    assert [each["id"] for each in of_type(later, "CommunicationRequest")] == [
        each["id"] for each in of_type(first, "CommunicationRequest")
    ]
    assert {each["status"] for each in practice.all("CommunicationRequest")} == {"active"}
