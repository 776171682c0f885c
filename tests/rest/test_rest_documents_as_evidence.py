"""Notes that came in as raw content are read as evidence, however large the file, and from the stored Claim's documents as well."""

from __future__ import annotations

import httpx
import pytest
from in_process import House
from rest_help import patient

from operations.evidence.collect import collect_from_resources
from operations.evidence.evidence import Evidence
from operations.pas.stored_packet import packet_from_store
from operations.policy.patient_record import patient_entries
from operations.ports import Context
from server.access.access import everything
from server.access.gate import ServersGate
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.repository import Repository
from server.rest.context import context_for
from server.rest.exchange import Exchange
from server.rest.request import Base, Request
from server.rest.response import Response

SAYS = "HPI: The patient completed 8 weeks of physical therapy for low back pain without relief.\n"
FILLING = "The room was quiet and the window open.\n" * 5000
"""200,000 bytes: more than stays in a record."""


def context_of(house: House) -> Context:
    async def nothing(_: Request) -> Response:
        raise LookupError

    services, tenant = house.services, house.services.keyring.all()[0]
    principal = Principal("default", "x", "x", frozenset({"staff"}), parse_scopes("user/*.cruds"), "t", 0)
    base = Base("default", house.base)
    repository = Repository(services.store, tenant, base.url, services.clock)
    request = Request("GET", base, (), (), {}, b"", "id", "")
    exchange = Exchange(request, services, tenant, principal, repository, Trail("id"), nothing, ServersGate())
    return context_for(exchange, everything("*"))


async def stored(client: httpx.AsyncClient, content: bytes, type_: str) -> str:
    """A document of patient p1 that points at raw content; the content's id."""
    await client.put("/Patient/p1", json=patient("p1"))
    headers = {"Content-Type": type_, "X-Security-Context": "Patient/p1"}
    answer = await client.post("/Binary", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    id_ = str(answer.json()["id"])
    document = {
        "resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "Patient/p1"},
        "date": "2026-11-01T10:00:00Z", "type": {"text": "Progress note"},
        "content": [{"attachment": {"contentType": type_, "url": f"Binary/{id_}"}}],
    }  # fmt: skip
    assert (await client.put("/DocumentReference/d", json=document)).is_success
    return id_


async def evidence_of(house: House) -> Evidence:
    context = context_of(house)
    return collect_from_resources(await patient_entries("p1", context), context.now().date())


def weeks(evidence: Evidence) -> list[object]:
    return [fact.value for fact in evidence.facts if "8" in str(fact.value) and "physical_therapy" in fact.name]


@pytest.mark.parametrize("filling", ["", FILLING])
async def test_a_raw_note_is_read(app: House, client: httpx.AsyncClient, filling: str) -> None:
    id_ = await stored(client, (SAYS + filling).encode(), "text/plain")
    evidence = await evidence_of(app)
    assert weeks(evidence)
    assert any(fact.source.reference.startswith(f"Binary/{id_}") for fact in evidence.facts)


async def test_of_a_very_large_note_the_beginning_is_read_and_that_is_said(app: House, client: httpx.AsyncClient) -> None:
    await stored(client, (SAYS + FILLING * 30).encode(), "text/plain")
    evidence = await evidence_of(app)
    assert weeks(evidence)
    assert [item.reason for item in evidence.unread] == ["Only the first 262144 characters were read."]


async def test_what_is_no_text_is_not_even_fetched(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored(client, b"%PDF-1.7" + bytes(500_000), "application/pdf")

    async def never(*arguments: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(app.services.store.blobs, "read", never)
    evidence = await evidence_of(app)
    assert [item.reason for item in evidence.unread] == ["Content of type application/pdf is not read."]


async def test_the_packet_of_a_stored_claim_has_the_text_too(app: House, client: httpx.AsyncClient) -> None:
    await stored(client, (SAYS + FILLING).encode(), "text/plain")
    claim = {
        "resourceType": "Claim", "id": "c", "patient": {"reference": "Patient/p1"},
        "supportingInfo": [{"sequence": 1, "valueReference": {"reference": "DocumentReference/d"}}],
    }  # fmt: skip
    packet = await packet_from_store(claim, context_of(app))
    (document,) = packet.of_type("DocumentReference")
    assert len(document.resource["content"][0]["attachment"]["data"]) > len(FILLING)
