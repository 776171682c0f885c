"""What a request leaves in the store, and what it finds there again (operations/pas/keeping.py, known_resources.py)."""

from __future__ import annotations

from memory_context import BASE, Memory
from pas_examples import request
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
    assert len(memory.all("DocumentReference")) == 2, "each request keeps the documents that it was sent with"


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
