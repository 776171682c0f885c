"""`$submit` sends a payer nothing that the patient's consents withhold from it, and stores nothing of what it refuses."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from access_help import actors, classes, consent, put, refused
from in_process import House

from server.seal.tenant_entries import consenting

sys.path.append(str(Path(__file__).parents[1] / "pas"))
from pas_examples import request as pas_request  # the folder of another area

DISCLOSE = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "disclose"}]}]


def another() -> dict[str, Any]:
    """The same request under another identifier."""
    made = copy.deepcopy(pas_request())
    made["identifier"] = {"system": "urn:test", "value": str(uuid4())}
    made["entry"][0]["resource"]["identifier"] = [{"system": "urn:test", "value": str(uuid4())}]
    return made


async def submit(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/Claim/$submit", json=another())


@pytest.fixture
async def member(app: House) -> str:
    """The id of the patient of a request that was taken."""
    async with app.client() as client:
        answer = await submit(client)
        assert answer.status_code == 200, answer.text
        return str((await client.get("/Patient")).json()["entry"][0]["resource"]["id"])


async def test_what_the_patient_withholds_is_not_sent(app: House, member: str) -> None:
    kinds = [item["resource"]["resourceType"] for item in another()["entry"]]
    async with app.client() as client, app.client("staff") as staff:
        before = (await client.get("/Claim?_summary=count")).json()["total"]
        await put(client, consent("c", member, type="deny", action=DISCLOSE, class_=classes("Coverage")))
        answer = await submit(staff)
        refused(answer, 403, "consent-denied", f"Bundle.entry[{kinds.index('Coverage')}].resource")
        assert (await client.get("/Claim?_summary=count")).json()["total"] == before
        assert (await staff.get(f"/Patient/{member}")).status_code == 200
        await put(client, consent("c", member, type="deny", action=DISCLOSE, actor=actors("Organization/another")))
        assert (await submit(staff)).status_code == 200
        await put(client, consent("c", member, type="deny"))
        told = (await submit(staff)).json()["issue"]
        assert {issue["details"]["coding"][0]["code"] for issue in told} == {"consent-denied"}
        assert len(told) == sum(
            kind not in {"Organization", "Practitioner", "PractitionerRole", "Location"} for kind in kinds
        )
        await put(client, consent("c", member, type="permit"))
        assert (await submit(staff)).status_code == 200


async def test_by_the_payer_s_own_name(app: House, member: str) -> None:
    insurer = next(
        item["resource"]
        for item in pas_request()["entry"]
        if item["resource"]["resourceType"] == "Organization"
        and item["fullUrl"].endswith(pas_request()["entry"][0]["resource"]["insurer"]["reference"].split("/")[-1])
    )
    own = {name: insurer[name] for name in ("resourceType", "identifier", "name") if name in insurer}
    async with app.client() as client:
        await put(
            client,
            {**own, "id": "payer"},
            consent("c", member, type="deny", actor=actors("Organization/payer"), action=DISCLOSE),
        )
        refused(await submit(client), 403, "consent-denied")
        await put(
            client,
            consent("c", member, type="deny", actor=actors("Organization/payer"), action=DISCLOSE, period={"end": "2020"}),
        )
        assert (await submit(client)).status_code == 200


async def test_where_patients_opt_in_a_request_needs_their_word(app: House, member: str) -> None:
    await app.services.keyring.change(consenting("default", "opt-in"))
    async with app.client() as client:
        refused(await submit(client), 403, "consent-denied")
        assert (
            await client.post("/Consent", json={k: v for k, v in consent("c", member, type="permit").items() if k != "id"})
        ).status_code == 201
        assert (await submit(client)).status_code == 200
