"""The packet of a stored Claim (operations/pas/stored_packet.py) and of a Bundle (operations/pas/request.py)."""

from __future__ import annotations

from typing import Any

from memory_context import BASE, Memory
from pas_examples import EHR, claim_of, request, update_of
from pas_harness import submit

from operations.pas.request import packet_from_bundle
from operations.pas.stored_packet import MOST_ENTRIES, packet_from_store


async def stored(memory: Memory) -> dict[str, Any]:
    await submit(memory, request(), "approve")
    return memory.all("Claim")[0]


async def test_everything_that_was_sent_is_found_again(memory: Memory) -> None:
    packet = await packet_from_store(await stored(memory), memory.context())
    assert {each.type for each in packet.entries} == {
        "Claim",
        "Patient",
        "Coverage",
        "Organization",
        "PractitionerRole",
        "Practitioner",
        "DocumentReference",
    }
    assert packet.claim.reference.endswith("/_history/1")
    patient = packet.follow("patient")
    assert patient is not None
    assert patient.resource["birthDate"] == "1970-01-18"
    (document,) = packet.of_type("DocumentReference")
    assert document.resource["content"][0]["attachment"]["data"] == "QmFjayBwYWluIGZvciA4IHdlZWtzLg=="
    subject = packet.resolve(document.resource["subject"]["reference"], document)
    assert subject is patient


async def test_what_was_sent_stays_what_was_sent(memory: Memory) -> None:
    claim = await stored(memory)
    patient = memory.all("Patient")[0]
    memory.put({**patient, "birthDate": "2001-01-01"})
    packet = await packet_from_store(claim, memory.context())
    found = packet.follow("patient")
    assert found is not None
    assert found.resource["birthDate"] == "1970-01-18"


async def test_our_own_absolute_references_and_what_is_gone(memory: Memory) -> None:
    memory.put({"resourceType": "Patient", "id": "p9"})
    claim = {
        "resourceType": "Claim",
        "id": "c9",
        "patient": {"reference": f"{BASE}/Patient/p9"},
        "insurer": {"reference": "Organization/gone"},
        "provider": {"reference": "#org"},
        "contained": [{"resourceType": "Organization", "id": "org"}],
        "related": [{"claim": {"reference": "Claim/other"}}],
    }
    packet = await packet_from_store(claim, memory.context())
    patient, provider = packet.follow("patient"), packet.follow("provider")
    assert patient is not None
    assert patient.reference == "Patient/p9/_history/1"
    assert provider is not None
    assert provider.type == "Organization"
    assert packet.follow("insurer") is None


async def test_references_in_a_circle_and_without_end(memory: Memory) -> None:
    for number in range(MOST_ENTRIES + 50):
        memory.put(
            {
                "resourceType": "Organization",
                "id": f"o{number}",
                "partOf": {"reference": f"Organization/o{number + 1}"},
            }
        )
    claim = {"resourceType": "Claim", "id": "c", "insurer": {"reference": "Organization/o0"}}
    packet = await packet_from_store(claim, memory.context())
    assert len(packet.entries) <= MOST_ENTRIES
    memory.put({"resourceType": "Organization", "id": "o0", "partOf": {"reference": "Organization/o0"}})
    assert len((await packet_from_store(claim, memory.context())).entries) == 2


async def test_the_packet_of_a_bundle_leaves_the_prior_claim_out(memory: Memory) -> None:
    bundle = update_of(request())
    packet = packet_from_bundle(bundle, memory.now)
    assert [each.reference for each in packet.of_type("Claim")] == [f"{EHR}/Claim/c2"]
    assert packet.claim.resource is claim_of(bundle)
    member = packet.of_type("Coverage")[0]
    assert packet.resolve("Patient/p1", member) is packet.follow("patient")


async def test_what_was_only_posted_has_a_name_of_its_own(memory: Memory) -> None:
    claim = {"resourceType": "Claim", "contained": [{"resourceType": "Patient", "id": "p"}], "patient": {"reference": "#p"}}
    notes = [{"resourceType": "DocumentReference", "description": each} for each in ("one", "two")]
    packet = await packet_from_store(claim, memory.context(), notes)
    names = [each.reference for each in packet.entries]
    assert len(set(names)) == 3
    assert all(each.startswith("urn:uuid:") for each in names)
    assert [each.reference for each in (await packet_from_store(claim, memory.context(), notes)).entries] == names
    patient = packet.follow("patient")
    assert patient is not None
    assert patient.reference == f"{names[0]}#p"
    kept = await packet_from_store({**claim, "id": "c1"}, memory.context())
    assert kept.claim.reference == "Claim/c1"
