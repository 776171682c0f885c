"""What a request leaves in the store, and what it finds there again (operations/pas/keeping.py, known_resources.py)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from memory_context import BASE, Memory
from pas_examples import EHR, claim_of, request, requests
from pas_harness import extension, of_type, submit


async def test_everything_that_came_is_stored(memory: Memory) -> None:
    sent = request()
    bundle = await submit(memory, sent, "approve")
    claim = memory.all("Claim")[0]
    patient = memory.all("Patient")[0]
    assert claim["patient"]["reference"] == f"Patient/{patient['id']}/_history/1"
    assert claim["insurer"]["reference"] == "Organization/aurora/_history/1", "the registered payer, not a copy"
    assert claim["careTeam"][0]["provider"]["reference"].startswith("PractitionerRole/")
    document = memory.all("DocumentReference")[0]
    attachment = document["content"][0]["attachment"]
    binary = memory.all("Binary")[0]
    assert attachment == {"contentType": "text/plain", "url": f"Binary/{binary['id']}", "size": 22}
    assert binary["data"] == "QmFjayBwYWluIGZvciA4IHdlZWtzLg=="
    received = next(each for each in memory.all("Bundle") if each["entry"][0]["resource"]["resourceType"] == "Claim")
    assert received["entry"] == sent["entry"], "as received, with the document inside"
    assert received["identifier"] == sent["identifier"]
    response = memory.all("ClaimResponse")[0]
    assert response["patient"]["reference"] == f"Patient/{patient['id']}"
    assert response["request"]["reference"] == f"Claim/{claim['id']}"
    assert response["insurer"]["reference"] == "Organization/aurora"
    provider = extension(response["item"][0], "itemAuthorizedProvider")["extension"][0]["valueReference"]["reference"]
    assert provider.startswith("Practitioner/")
    answered = next(each for each in memory.all("Bundle") if each["id"] == bundle["id"])
    assert {**answered, "meta": None} == {**bundle, "meta": None}
    assert f"ClaimResponse/{response['id']}" in memory.entities
    assert f"Patient/{patient['id']}" in memory.entities


async def test_text_is_kept_to_the_letter(memory: Memory) -> None:
    bundle = await submit(memory, request(), "approve")
    patient = of_type(bundle, "Patient")[0]
    assert patient["name"] == [{"family": "Núñez 🜚", "given": ["Óscar"]}]
    assert patient["address"][0]["postalCode"] == "21201-1234"
    assert memory.all("Patient")[0]["name"] == patient["name"]


async def test_trailing_space_in_an_identifier_is_the_same_member(memory: Memory) -> None:
    await submit(memory, request())
    spaced = request(trace="T-2", member=[{"system": "http://payer.example.org/member", "value": "M-77001 "}])
    await submit(memory, spaced)
    assert len(memory.all("Patient")) == 1


async def test_people_are_found_again_and_never_overwritten(memory: Memory) -> None:
    await submit(memory, request())
    other = request(trace="T-2")
    other["entry"][1]["resource"]["name"][0]["given"] = ["Renamed"]
    await submit(memory, other)
    assert [each["name"][0]["given"] for each in memory.all("Patient")] == [["Óscar"]]
    assert len(memory.all("Coverage")) == 1
    assert len(memory.all("Practitioner")) == 1
    assert len(memory.all("PractitionerRole")) == 1
    assert len(memory.all("DocumentReference")) == 1, "the same document, from the same sender"


async def test_another_birth_date_is_another_person(memory: Memory) -> None:
    await submit(memory, request())
    other = request(trace="T-2")
    other["entry"][1]["resource"]["birthDate"] = "1999-09-09"
    await submit(memory, other)
    assert len(memory.all("Patient")) == 2


async def test_our_own_addresses_are_used_as_they_are(memory: Memory) -> None:
    memory.put({"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-18"})
    memory.put({"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-18", "active": True})
    await submit(memory, request(base=BASE), "approve")
    claim = memory.all("Claim")[0]
    assert claim["patient"]["reference"] == "Patient/p1/_history/2"
    assert len(memory.all("Patient")) == 1


def with_visit(trace: str, npi: str = "8189991234", **encounter: Any) -> dict[str, Any]:
    """A request with an Encounter, and a Procedure that was done at it."""
    bundle = request(trace=trace, npi=npi)
    subject = {"reference": "Patient/p1"}
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "229070002"}]}
    visit = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": subject,
        **encounter,
    }
    done = {
        "resourceType": "Procedure",
        "id": "pr1",
        "status": "completed",
        "code": code,
        "subject": subject,
        "encounter": {"reference": "Encounter/e1"},
    }
    for each in (visit, done):
        address = f"{each['resourceType']}/{each['id']}"
        bundle["entry"].append({"fullUrl": f"{EHR}/{address}", "resource": each})
        information = {**claim_of(bundle)["supportingInfo"][0], "sequence": len(claim_of(bundle)["supportingInfo"]) + 1}
        claim_of(bundle)["supportingInfo"].append({**information, "valueReference": {"reference": address}})
    return bundle


CLINICAL = ("Encounter", "Procedure", "DocumentReference", "Binary")


def counted(memory: Memory) -> list[int]:
    return [len(memory.all(kind)) for kind in CLINICAL]


async def test_what_comes_again_is_stored_once(memory: Memory) -> None:
    await submit(memory, with_visit("T-1"), "approve")
    again = with_visit("T-2", meta={"versionId": "7", "lastUpdated": "2026-11-22T08:00:00Z"})
    await submit(memory, again, "approve")
    assert counted(memory) == [1, 1, 1, 1]
    first, second = memory.all("Claim")
    references = [each["valueReference"]["reference"] for each in first["supportingInfo"]]
    assert [each["valueReference"]["reference"] for each in second["supportingInfo"]] == references
    assert all(each.endswith("/_history/1") for each in references)


async def test_many_requests_at_once_share_what_they_bring(memory: Memory) -> None:
    await asyncio.gather(*(submit(memory, with_visit(f"T-{number}"), "approve") for number in range(20)))
    assert len(memory.all("Claim")) == 20
    assert counted(memory) == [1, 1, 1, 1]


async def test_what_says_something_else_is_another_and_so_is_what_refers_to_it(memory: Memory) -> None:
    await submit(memory, with_visit("T-1"), "approve")
    await submit(memory, with_visit("T-2", status="cancelled"), "approve")
    assert counted(memory) == [2, 2, 1, 1]
    visits = {each["status"]: f"Encounter/{each['id']}" for each in memory.all("Encounter")}
    assert [each["encounter"]["reference"] for each in memory.all("Procedure")] == [visits["finished"], visits["cancelled"]]
    await submit(memory, with_visit("T-3", status="cancelled"), "approve")
    assert counted(memory) == [2, 2, 1, 1]


async def test_what_was_edited_or_deleted_here_since_is_not_taken_for_what_was_sent(memory: Memory) -> None:
    await submit(memory, with_visit("T-1"), "approve")
    memory.put({**memory.all("Encounter")[0], "status": "cancelled"})
    await submit(memory, with_visit("T-2"), "approve")
    assert memory.all("Claim")[1]["supportingInfo"][1]["valueReference"]["reference"].endswith("/_history/1"), "as sent"
    del memory.versions["Encounter", memory.all("Encounter")[0]["id"]]
    await submit(memory, with_visit("T-3"), "approve")
    assert counted(memory) == [1, 2, 1, 1]


async def test_another_sender_brings_its_own(memory: Memory) -> None:
    await submit(memory, with_visit("T-1"), "approve")
    await submit(memory, with_visit("T-1", npi="1111111111"), "approve")
    assert counted(memory) == [2, 2, 2, 2]


@pytest.mark.parametrize("bundle", requests())
async def test_an_official_request_under_another_number_brings_nothing_new(bundle: Any, memory: Memory) -> None:
    await submit(memory, bundle)
    before = {kind: len(memory.all(kind)) for kind, _ in memory.versions}
    again = {**bundle, "entry": [{**each} for each in bundle["entry"]]}
    claim = {**claim_of(bundle), "identifier": [{"system": "urn:trace", "value": "another"}]}
    again["entry"][0]["resource"] = claim
    await submit(memory, again)
    after = {kind: len(memory.all(kind)) for kind, _ in memory.versions}
    grown = {kind for kind in after if after[kind] != before[kind]}
    assert grown <= {"Claim", "ClaimResponse", "Bundle", "CommunicationRequest", "Provenance", "Task"}
