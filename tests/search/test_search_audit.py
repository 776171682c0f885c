"""The audit trail is searched like everything else, and knows what was answered a moment before."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from in_process import House


async def events(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/AuditEvent", params={"_count": "1000", **query})
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


async def used(app: House) -> None:
    """A doctor and a nurse do a few things; one of them is refused."""
    async with app.client("doctor", subject="dr-who", fhir_user="Practitioner/who") as doctor:
        for id_ in ("p1", "p2"):
            await doctor.put(f"/Patient/{id_}", json={"resourceType": "Patient", "id": id_})
        await doctor.put(
            "/Observation/o1",
            json={
                "resourceType": "Observation",
                "id": "o1",
                "status": "final",
                "code": {"text": "x"},
                "subject": {"reference": "Patient/p1"},
            },
        )
    async with app.client("staff", subject="nurse") as nurse:
        assert (await nurse.get("/Patient/p1")).status_code == 200
        assert (await nurse.get("/Observation/o1")).status_code == 200
        assert (await nurse.delete("/Patient/p1")).status_code == 403
        assert (await nurse.get("/Patient/missing")).status_code == 404
        assert len((await nurse.get("/Patient")).json()["entry"]) == 2


async def test_what_was_just_done_is_found_by_who_whom_what_and_how(app: House) -> None:
    await used(app)
    async with app.client("auditor", subject="inspector") as auditor:
        assert len(await events(auditor)) == 8
        assert len(await events(auditor, agent="Practitioner/who")) == 3
        assert len(await events(auditor, altid="nurse")) == 5
        assert len(await events(auditor, altid="inspector")) == 3  # the searches above
        assert {event["action"] for event in await events(auditor, patient="Patient/p1")} == {"U", "R", "E", "D"}
        assert len(await events(auditor, patient="Patient/p2")) == 2
        assert [event["action"] for event in await events(auditor, patient="p1", altid="nurse", action="R")] == ["R", "R"]
        assert len(await events(auditor, entity="Observation/o1")) == 2
        assert len(await events(auditor, outcome="4", altid="nurse")) == 2
        assert len(await events(auditor, subtype="read", altid="nurse")) == 3
        assert len(await events(auditor, subtype="http://hl7.org/fhir/restful-interaction|search-type", altid="nurse")) == 1
        assert await events(auditor, altid="nobody") == []


async def test_by_date_and_in_order(app: House) -> None:
    await used(app)
    async with app.client("auditor") as auditor:
        everything = await events(auditor)
        times = [event["recorded"] for event in everything]
        assert times == sorted(times, reverse=True)
        middle = times[4]
        later = await events(auditor, date=f"gt{middle}", altid="nurse,dr-who")
        assert {event["id"] for event in later} == {event["id"] for event in everything[:4]}
        earlier = await events(auditor, date=f"le{middle}")
        assert [event["id"] for event in earlier] == [event["id"] for event in everything[4:]]
        assert await events(auditor, date="lt2020") == []
        assert len(await events(auditor, date="ge2020", altid="dr-who")) == 3
        ascending = await events(auditor, _sort="date", altid="dr-who,nurse")
        assert [event["id"] for event in ascending] == [event["id"] for event in reversed(everything)]


async def test_a_rare_date_range_among_many_events(app: House) -> None:
    """The store then starts from the date and not from the type."""
    async with app.client() as client:
        for _ in range(40):
            await client.get("/Patient/none")
        last = (await events(client, _count="1"))[0]["recorded"]
        found = await events(client, date=f"ge{last}")
        assert 1 <= len(found) <= 2


async def test_pages_and_single_events(app: House) -> None:
    await used(app)
    async with app.client("auditor", subject="inspector") as auditor:
        everything = await events(auditor, altid="nurse,dr-who")
        seen: list[str] = []
        answer = await auditor.get("/AuditEvent?altid=nurse,dr-who&_count=3&_total=accurate")
        assert answer.json()["total"] == 8
        while True:
            bundle = answer.json()
            seen += [entry["resource"]["id"] for entry in bundle["entry"]]
            following = [item["url"] for item in bundle["link"] if item["relation"] == "next"]
            if not following:
                break
            answer = await auditor.get(following[0])
        assert seen == [event["id"] for event in everything]
        for event in everything:
            read = await auditor.get(f"/AuditEvent/{event['id']}")
            assert read.json() == event
            assert (await auditor.get(f"/AuditEvent/{event['id']}/_history/1")).json() == event


@pytest.mark.parametrize("role", ["staff", "doctor", "payer", "patient"])
async def test_who_may_look(app: House, role: str) -> None:
    options = {"patient": "p1"} if role == "patient" else {}
    async with app.client(role, **options) as client:
        answer = await client.get("/AuditEvent")
        assert answer.status_code == (200 if role in {"staff", "doctor"} else 403)


async def test_ids_of_others_made_up_and_malformed_are_not_found(app: House) -> None:
    await used(app)
    async with app.client(tenant="elsewhere") as other, app.client() as own:
        id_ = (await events(own))[0]["id"]
        other.base_url = httpx.URL(f"{app.root}/t/elsewhere/fhir")
        for bad in (id_, "0" * 32, "f" * 32, "x", id_.upper(), id_[:-1], id_ + "0", "-" * 32):
            assert (await other.get(f"/AuditEvent/{bad}")).status_code == 404, bad
        for bad in ("0" * 32, "f" * 32, "x", id_[:-1], id_ + "0"):
            assert (await own.get(f"/AuditEvent/{bad}")).status_code == 404, bad
        assert all(event["entity"] for event in await events(other))
        assert len(await events(other, altid="nurse")) == 0
