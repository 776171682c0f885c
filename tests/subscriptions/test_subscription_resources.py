"""Subscriptions to resources by criteria, over rest-hook: handshake, events, numbers, payloads, retries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from in_process import House
from subscription_help import INNER, Hook, subscribe, subscription
from two_engines import ENGINES, house_on


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data", **INNER) as house:
        yield house


async def test_a_subscriber_is_greeted_and_told_of_what_matches(house: House, hook: Hook) -> None:
    async with house.client() as client:
        id_ = await subscribe(
            client, subscription(hook.url, "Patient?family=Sub", header=["Authorization: Bearer abc", "X-Extra: 1"])
        )
        (hello,) = hook.calls
        assert hello.headers["authorization"] == "Bearer abc"
        assert hello.headers["content-type"] == "application/fhir+json"
        assert hello.bundle["type"] == "history"
        assert (hello.status["type"], hello.status["status"]) == ("handshake", "requested")
        assert hello.status["subscription"] == f"{house.base}/Subscription/{id_}"
        made = await client.post("/Patient", json={"resourceType": "Patient", "name": [{"family": "Sub"}]})
        other = await client.post("/Patient", json={"resourceType": "Patient", "name": [{"family": "Other"}]})
        assert other.status_code == 201
        patient = made.json()
        await client.put(f"/Patient/{patient['id']}", json={**patient, "active": True})
        await client.delete(f"/Patient/{patient['id']}")
        await hook.until(lambda: len(hook.events) == 3)
    assert [event["event-number"] for event in hook.events] == ["1", "2", "3"]
    url = f"{house.base}/Patient/{patient['id']}"
    assert {event["focus"] for event in hook.events} == {url}
    first, second, third = (call.bundle["entry"][1] for call in hook.of("event-notification"))
    assert first["resource"] == patient
    assert second["resource"]["active"] is True
    assert "resource" not in third
    assert [each["request"]["method"] for each in (first, second, third)] == ["POST", "PUT", "DELETE"]
    assert all(each["response"]["status"] for each in (first, second, third))
