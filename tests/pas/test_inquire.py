"""`$inquire`: what is found, for whom, and in which shape (operations/pas/claim_inquire.py)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import PAS, claim_of, concept, flagged, fresh, inquiries, item, request, requests, update_of
from pas_harness import action_of, extension, inquire, number_of, response_of, submit

from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from profiles.outcome import FhirError


def asking(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An inquiry about the member of `request`; without items it asks for all."""
    bundle = request(*items, trace="INQ-1", **more)
    claim = claim_of(bundle)
    for name in ("diagnosis", "supportingInfo", "careTeam"):
        if name not in more:
            claim.pop(name, None)
    if not items:
        claim.pop("item")
    bundle["entry"] = [each for each in bundle["entry"] if each["resource"]["resourceType"] != "DocumentReference"]
    return bundle


def like(**more: Any) -> dict[str, Any]:
    """An inquiry item that names only what is given."""
    return {"sequence": 1, "productOrService": concept("http://www.ama-assn.org/go/cpt", "72148"), **more}


def by_number(number: str, name: str = "authorizationNumber") -> dict[str, Any]:
    any_service = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-applicable")
    return like(productOrService=any_service, extension=[{"url": f"{PAS}extension-{name}", "valueString": number}])


def found(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [response_of(each["resource"]) for each in answer.get("parameter", [])]


async def test_before_and_after_the_decision(memory: Memory) -> None:
    await submit(memory, request(), "pend-approve")
    answer = await inquire(memory, asking())
    assert [each["name"] for each in answer["parameter"]] == ["return"]
    assert [action_of(each["item"][0]) for each in found(answer)] == ["A4"]
    await memory.run_jobs(pas_jobs(PasServices()), timedelta(seconds=6))
    answer = await inquire(memory, asking())
    assert [action_of(each["item"][0]) for each in found(answer)] == ["A1"]
    assert memory.commits == 2, "an inquiry stores nothing"


async def test_the_shape(memory: Memory) -> None:
    await submit(memory, request(), "more-information")
    answer = await inquire(memory, asking())
    bundle = answer["parameter"][0]["resource"]
    assert bundle["meta"]["profile"] == [f"{PAS}profile-pas-inquiry-response-bundle"]
    response = response_of(bundle)
    assert response["meta"]["profile"] == [f"{PAS}profile-claiminquiryresponse"]
    assert "communicationRequest" not in response
    kinds = [each["resource"]["resourceType"] for each in bundle["entry"]]
    assert "CommunicationRequest" not in kinds
    assert "Task" in kinds
    assert response["request"]["reference"]


async def test_one_bundle_on_the_older_endpoint(memory: Memory) -> None:
    await submit(memory, request(), "pend-approve", pas_version="2.0.1")
    await submit(memory, request(trace="T-2"), "approve", pas_version="2.0.1")
    answer = await inquire(memory, asking(), pas_version="2.0.1")
    assert answer["resourceType"] == "Bundle"
    outcomes = [
        each["resource"]["outcome"] for each in answer["entry"] if each["resource"]["resourceType"] == "ClaimResponse"
    ]
    assert sorted(outcomes) == ["complete", "queued"]
    urls = [each["fullUrl"] for each in answer["entry"]]
    assert len(set(urls)) == len(urls)
    newer = await inquire(memory, asking())
    assert {each["outcome"] for each in found(newer)} == {"complete"}, "queued is a word of 2.0.1"
    nothing = await inquire(Memory(), asking(), pas_version="2.0.1")
    assert [each["resource"]["resourceType"] for each in nothing["entry"]] == ["OperationOutcome"]


async def test_nothing_matches(memory: Memory) -> None:
    assert await inquire(memory, asking()) == {"resourceType": "Parameters"}
    await submit(memory, request(), "approve")
    other = asking(member=[{"system": "http://payer.example.org/member", "value": "M-0"}])
    assert await inquire(memory, other) == {"resourceType": "Parameters"}
    wrong_system = asking(member=[{"system": "http://elsewhere.example.org", "value": "M-77001"}])
    assert await inquire(memory, wrong_system) == {"resourceType": "Parameters"}


async def test_refusals(memory: Memory) -> None:
    empty = {**asking(), "entry": []}
    unnamed = asking(member=[])
    for entry in unnamed["entry"]:
        if entry["resource"]["resourceType"] in ("Patient", "Coverage"):
            del entry["resource"]["identifier"]
    gone = asking()
    gone["entry"] = [each for each in gone["entry"] if each["resource"]["resourceType"] != "Patient"]
    for body, code in ((empty, "pas-bundle-empty"), (unnamed, "pas-patient-missing"), (gone, "pas-patient-missing")):
        with pytest.raises(FhirError) as caught:
            await inquire(memory, body)
        assert caught.value.status == 400
        assert code in [each.code for each in caught.value.issues]


async def test_by_numbers_also_old_ones(memory: Memory) -> None:
    first = await submit(memory, request(item(1)), "approve")
    pended = await submit(memory, request(item(1, "73721"), trace="T-2"), "pend-approve")
    number = number_of(response_of(first)["item"][0])
    answer = found(await inquire(memory, asking(by_number(number))))
    assert [each["identifier"][0]["value"] for each in answer] == ["T-1001"]
    reference = extension(response_of(pended)["item"][0], "administrationReferenceNumber")["valueString"]
    answer = found(await inquire(memory, asking(by_number(reference, "administrationReferenceNumber"))))
    assert [each["identifier"][0]["value"] for each in answer] == ["T-2"]
    changed = flagged(item(1, quantity={"value": 1, "unit": "visit"}), "changed")
    second = await submit(memory, update_of(request(item(1)), changed, trace="T-3"), "approve")
    assert number_of(response_of(second)["item"][0]) != number
    answer = found(await inquire(memory, asking(by_number(number))))
    assert [each["identifier"][0]["value"] for each in answer] == ["T-3"], "the one in force, by the number it replaced"
    assert await inquire(memory, asking(by_number("AUTH-NONE"))) == {"resourceType": "Parameters"}


async def test_cancelled_and_changed_items_are_all_told(memory: Memory) -> None:
    await submit(memory, request(item(1), item(2)), "approve")
    from pas_examples import cancelled

    await submit(memory, update_of(request(item(1), item(2)), item(1), cancelled(item(2))))
    (only,) = found(await inquire(memory, asking()))
    assert {each["itemSequence"]: action_of(each) for each in only["item"]} == {1: "A1", 2: "C"}


@pytest.mark.parametrize(
    ("more", "hit"),
    [
        (like(), True),
        (like(productOrService=concept("http://www.ama-assn.org/go/cpt", "73721")), False),
        (
            like(
                productOrService=concept("http://www.ama-assn.org/go/cpt", "72146"),
                extension=[
                    {
                        "url": f"{PAS}extension-productOrServiceCodeEnd",
                        "valueCodeableConcept": concept("http://www.ama-assn.org/go/cpt", "72149"),
                    }
                ],
            ),
            True,
        ),
        (like(servicedDate="2026-12-16"), True),
        (like(servicedPeriod={"start": "2026-12-01", "end": "2026-12-31"}), True),
        (like(servicedDate="2026-12-17"), False),
        (
            like(
                extension=[
                    {
                        "url": f"{PAS}extension-reviewActionCode",
                        "valueCodeableConcept": concept("https://codesystem.x12.org/005010/306", "A1"),
                    }
                ]
            ),
            True,
        ),
        (
            like(
                extension=[
                    {
                        "url": f"{PAS}extension-reviewActionCode",
                        "valueCodeableConcept": concept("https://codesystem.x12.org/005010/306", "A3"),
                    }
                ]
            ),
            False,
        ),
        (like(extension=[{"url": f"{PAS}extension-itemCertificationIssueDate", "valueDate": "2026-11-22"}]), True),
        (
            like(
                extension=[
                    {
                        "url": f"{PAS}extension-itemCertificationIssueDate",
                        "valuePeriod": {"start": "2026-01-01", "end": "2026-11-21"},
                    }
                ]
            ),
            False,
        ),
    ],
)
async def test_by_what_an_item_is_like(memory: Memory, more: dict[str, Any], hit: bool) -> None:
    await submit(memory, request(), "approve")
    assert bool(found(await inquire(memory, asking(more)))) is hit


async def test_by_period_and_diagnosis(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    for period, hit in (({"start": "2026-12-01", "end": "2026-12-31"}, True), ({"start": "2027-01-01"}, False)):
        assert bool(found(await inquire(memory, asking(billablePeriod=period)))) is hit
    for code, hit in (("M51.26", True), ("G43.709", False)):
        diagnosis = [{"sequence": 1, "diagnosisCodeableConcept": concept("http://hl7.org/fhir/sid/icd-10-cm", code)}]
        assert bool(found(await inquire(memory, asking(diagnosis=diagnosis)))) is hit


async def test_strangers_need_the_member_and_a_provider(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    nothing = {"resourceType": "Parameters"}
    wrong = asking(npi="1111111111")
    assert await inquire(memory, wrong, client="another") == nothing
    number = number_of(memory.all("ClaimResponse")[0]["item"][0])
    assert await inquire(memory, asking(by_number(number), npi="1111111111"), client="another") == nothing
    ordering = asking(npi="8189991234")
    assert len(found(await inquire(memory, ordering, client="another"))) == 1
    care_team = claim_of(request())["careTeam"]
    rendering = asking(npi="1111111111", careTeam=care_team)
    assert len(found(await inquire(memory, rendering, client="another"))) == 1
    assert await inquire(memory, asking(member=[{"system": "urn:x", "value": "1"}]), client="another") == nothing


async def test_another_payers_inquiry_finds_nothing(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    assert await inquire(memory, asking(insurer=[{"system": "urn:x", "value": "1"}])) == {"resourceType": "Parameters"}


async def test_a_payer_known_by_one_of_several_identifiers(memory: Memory) -> None:
    known = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"}
    await submit(memory, request(insurer=[known, {"system": "urn:tin", "value": "7"}]), "approve")
    other_npi = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "789312"}, {"system": "urn:tin", "value": "7"}]
    assert len(found(await inquire(memory, asking(insurer=other_npi)))) == 1


async def test_errors_are_no_authorizations(memory: Memory) -> None:
    await submit(memory, request(item(1, productOrService={"text": "?"})))
    assert await inquire(memory, asking()) == {"resourceType": "Parameters"}


@pytest.mark.parametrize("bundle", inquiries())
async def test_official_inquiries_are_answered(bundle: Any) -> None:
    memory = Memory()
    assert await inquire(memory, bundle) == {"resourceType": "Parameters"}
    answer = await inquire(memory, bundle, pas_version="2.0.1")
    assert answer["resourceType"] == "Bundle"


@pytest.mark.parametrize("bundle", requests())
async def test_every_official_request_is_found_by_its_own_claim(bundle: Any) -> None:
    memory = Memory()
    first = await submit(memory, bundle)
    asked = fresh(bundle)
    asked["entry"] = [
        each for place, each in enumerate(asked["entry"]) if not place or each["resource"]["resourceType"] != "Claim"
    ]
    claim_of(asked).pop("related", None)
    for element in claim_of(asked)["item"]:
        element["extension"] = [
            each for each in element["extension"] if not each["url"].endswith(("authorizationNumber", "ReferenceNumber"))
        ]
    claim_of(asked).pop("extension", None)
    (only,) = found(await inquire(memory, asked))
    assert only["id"] == response_of(first)["id"]
