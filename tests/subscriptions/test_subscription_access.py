"""A notification says what its subscriber may read at that moment, and the audit trail says what it said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import observation
from subscription_help import INNER, Hook, subscribe, subscription, until, until_status
from two_engines import ENGINES, house_on

from server.accounts.account import ACCOUNTS, NewAccount, add, deactivated
from server.internal import OwnRecords


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data", **INNER) as house:
        yield house


def own_records(house: House) -> OwnRecords:
    tenant = house.services.keyring.get("default")
    assert tenant is not None
    return OwnRecords(house.services.store, tenant, house.services.now)


async def write(client: httpx.AsyncClient, *resources: dict[str, Any]) -> list[str]:
    made = []
    for resource in resources:
        answer = await client.post(f"/{resource['resourceType']}", json=resource)
        assert answer.status_code == 201, answer.text
        made.append(str(answer.json()["id"]))
    return made


async def test_nobody_is_told_of_what_they_may_not_read(house: House, hook: Hook) -> None:
    """Neither by content nor by a number or a gap."""
    narrow = "user/Subscription.cruds user/Observation.rs?status=final"
    async with house.client() as writer, house.client("staff", subject="narrow", scope=narrow) as subscriber:
        await subscribe(subscriber, subscription(hook.url, "Observation", "Patient"))
        await write(writer, observation(status="preliminary"), {"resourceType": "Patient"})
        (seen,) = await write(writer, observation(status="final"))
        await hook.until(lambda: bool(hook.events))
    (call,) = hook.of("event-notification")
    assert call.status["events-since-subscription-start"] == "1"
    assert call.bundle["entry"][1]["resource"]["id"] == seen


async def test_rights_that_went_meanwhile_leave_a_number_and_nothing_else(house: House, hook: Hook) -> None:
    taking = False
    hook.answer = lambda call: 200 if taking or call.status["type"] != "event-notification" else 503
    narrow = "user/Subscription.cruds user/Observation.rs?status=final"
    async with house.client() as writer, house.client("staff", subject="narrow", scope=narrow) as subscriber:
        await subscribe(subscriber, subscription(hook.url, "Observation"))
        (hidden,) = await write(writer, observation())
        await hook.until(lambda: bool(hook.events))
        changed = await writer.put(f"/Observation/{hidden}", json=observation(hidden, status="preliminary"))
        assert changed.status_code == 200
        taking, seen = True, len(hook.calls)
        await hook.until(lambda: len(hook.calls) > seen)
        refusals = f"/AuditEvent?entity=Observation/{hidden}/_history/1&outcome=4"
        told = await until(writer, refusals, lambda found: bool(found.get("total")))
    (event,) = hook.calls[-1].status["events"]
    assert event["event-number"] == "1"
    assert "focus" not in event
    assert hook.calls[-1].bundle["entry"][1:] == []
    assert told["entry"][0]["resource"]["outcomeDesc"].startswith("403")


async def test_each_notification_is_in_the_audit_trail(house: House, hook: Hook) -> None:
    async with house.client() as client:
        (patient,) = await write(client, {"resourceType": "Patient"})
        await subscribe(client, subscription(hook.url, "Observation", content="id-only"))
        (seen,) = await write(client, observation(subject=f"Patient/{patient}"))
        await hook.until(lambda: bool(hook.events))
        trail = f"/AuditEvent?patient=Patient/{patient}&entity=Observation/{seen}/_history/1&subtype=notify"
        found = await until(client, trail, lambda found: bool(found.get("total")))
        report = (await client.get(f"/Patient/{patient}/$disclosures")).json()
    event = found["entry"][0]["resource"]
    assert event["outcome"] == "0"
    kinds = [part["valueString"] for each in report["parameter"] for part in each.get("part", ()) if part["name"] == "kind"]
    assert "notified" in kinds


async def test_who_was_deactivated_is_told_of_nothing_more(house: House, hook: Hook) -> None:
    own = own_records(house)
    account = await add(own, NewAccount("somebody", ["staff"], password="a long enough word 17"))
    async with house.client() as writer, house.client("staff", subject=account.id) as subscriber:
        id_ = await subscribe(subscriber, subscription(hook.url, "Basic"))
        found = await ACCOUNTS.read(own, account.id)
        assert found is not None
        await own.commit([deactivated(own, found)])
        await writer.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        resource = (await writer.get(f"/Subscription/{id_}")).json()
        assert (await writer.put(f"/Subscription/{id_}", json={**resource, "status": "requested"})).status_code == 200
        failed = await until_status(writer, id_, "error")
    assert failed["error"] == "The subscriber is not let in any more."
    assert [call.status["type"] for call in hook.calls] == ["handshake"]


async def test_tenants_know_nothing_of_each_other(house: House, hook: Hook) -> None:
    async with house.client(tenant="other") as foreign, house.client() as client:
        base = f"{house.root}/t/other/fhir"
        answer = await foreign.post(f"{base}/Subscription", json=subscription(hook.url, "Basic"))
        assert answer.status_code == 201, answer.text
        await hook.until(lambda: len(hook.calls) == 1)
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "ours"}})
        await foreign.post(f"{base}/Basic", json={"resourceType": "Basic", "code": {"text": "theirs"}})
        await hook.until(lambda: bool(hook.events))
    (call,) = hook.of("event-notification")
    assert call.bundle["entry"][1]["resource"]["code"] == {"text": "theirs"}
    assert call.status["subscription"].startswith(base)
