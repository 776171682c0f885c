"""Subscriptions to resources by criteria, over rest-hook: handshake, events, numbers, payloads, retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from in_process import House, running_house
from rest_help import bundle, entry
from subscription_help import (
    INNER,
    AheadOfTime,
    Hook,
    flat_status,
    parameters,
    status_of,
    subscribe,
    subscription,
    until,
    until_status,
    values_of,
)
from two_engines import ENGINES, house_on

from profiles.xml.reading import from_xml
from server.jobs.runner import JobRunner
from server.jobs.workers import BOUNDS, own_workers
from server.subscriptions import payload
from server.subscriptions.feed import SubscriptionFeed
from server.subscriptions.names import HEARTBEAT, MAX_COUNT


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


async def test_numbers_have_no_gaps_and_order_holds_under_many_writers(house: House, hook: Hook) -> None:
    async with house.client() as client:
        await subscribe(client, subscription(hook.url, "Patient", content="id-only"))

        async def write(name: str) -> None:
            made = (await client.post("/Patient", json={"resourceType": "Patient", "name": [{"family": name}]})).json()
            for _ in range(3):
                answer = await client.put(f"/Patient/{made['id']}", json=made)
                assert answer.status_code == 200

        entries = [entry("POST", "Patient", {"resourceType": "Patient"}) for _ in range(20)]
        await asyncio.gather(
            *(write(f"w{number}") for number in range(10)), client.post("", json=bundle("transaction", *entries))
        )
        await hook.until(lambda: len(hook.events) >= 60)
    assert [event["event-number"] for event in hook.events] == [str(number) for number in range(1, 61)]
    by_focus: dict[str, list[str]] = {}
    for call in hook.of("event-notification"):
        (each,) = call.bundle["entry"][1:]
        assert "resource" not in each
        by_focus.setdefault(each["fullUrl"], []).append(each["request"]["method"])
    assert all(methods in (["POST"], ["POST", "PUT", "PUT", "PUT"]) for methods in by_focus.values())


async def test_what_is_not_taken_is_sent_again_in_order(house: House, hook: Hook) -> None:
    refusing = [503]
    hook.answer = lambda call: refusing.pop() if call.status["type"] == "event-notification" and refusing else 200
    async with house.client() as client:
        id_ = await subscribe(client, subscription(hook.url, "Basic", content="empty"))
        for _ in range(3):
            await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        await hook.until(lambda: len(hook.events) >= 2)
        assert values_of((await client.get(f"/Subscription/{id_}/$undelivered")).json())["events"] >= 1
        await hook.until(lambda: [event["event-number"] for event in hook.events][-1] == "3")
    numbers = [event["event-number"] for event in hook.events]
    assert numbers == ["1", "1", "2", "3"]
    assert all(call.bundle["entry"][1:] == [] for call in hook.calls)


async def test_who_fails_for_too_long_is_given_up_and_gets_everything_when_asked_anew(tmp_path: Path, hook: Hook) -> None:
    broken = True
    hook.answer = lambda call: 500 if broken and call.status["type"] == "event-notification" else 200
    async with running_house(tmp_path / "data", ASSENT_SUBSCRIPTION_RETRY="60", **INNER) as house, house.client() as client:
        ahead = AheadOfTime(house)
        id_ = await subscribe(client, subscription(hook.url, "Basic"))
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        await hook.until(lambda: len(hook.events) >= 1)
        failed = await until_status(client, id_, "error", lambda: ahead.by(30))
        assert failed["error"] == "The endpoint answered with 500."
        told = (await client.get(f"/Subscription/{id_}/$status")).json()
        assert flat_status(told["entry"][0]["resource"])["status"] == "error"
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "y"}})
        await until(client, f"/Subscription/{id_}/$undelivered", lambda told: values_of(told)["events"] == 2)
        letters = (await client.get(f"/Subscription/{id_}/$undelivered")).json()
        assert [values_of(each, "part")["number"] for each in letters["parameter"] if each["name"] == "event"] == [1, 2]
        broken, seen = False, len(hook.calls)
        assert (await client.put(f"/Subscription/{id_}", json={**failed, "status": "requested"})).status_code == 200
        await hook.until(
            lambda: len(hook.events) and hook.calls[-1].status["events"][-1:] != [] and len(hook.calls) >= seen + 3
        )
        active = await until_status(client, id_, "active")
        assert "error" not in active
        assert [call.status["type"] for call in hook.calls[seen:]] == ["handshake", *["event-notification"] * 2]
        again = await client.post(
            f"/Subscription/{id_}/$replay", json=parameters(eventsSinceNumber="1", eventsUntilNumber="1")
        )
        assert again.json()["parameter"] == [{"name": "count", "valueDecimal": 1}]
        await hook.until(lambda: len(hook.calls) == seen + 4)
        assert hook.calls[-1].status["events"][0]["event-number"] == "1"
        events = (await client.get(f"/Subscription/{id_}/$events", params={"eventsSinceNumber": "2"})).json()
        assert status_of(events)["type"] == "query-event"
        assert [event["event-number"] for event in status_of(events)["events"]] == ["2"]
        assert events["entry"][1]["resource"]["code"] == {"text": "y"}


async def test_silence_is_told_too(tmp_path: Path, hook: Hook) -> None:
    beats = {"extension": [{"url": HEARTBEAT, "valueUnsignedInt": 10}]}
    async with running_house(tmp_path / "data", **INNER) as house, house.client() as client:
        ahead = AheadOfTime(house)
        await subscribe(client, subscription(hook.url, "Basic", **beats))
        assert not hook.of("heartbeat")
        for number in (1, 2):
            ahead.by(11)
            await hook.until(lambda number=number: len(hook.of("heartbeat")) >= number)
        assert hook.of("heartbeat")[0].status["events-since-subscription-start"] == "0"


async def test_what_has_an_end_ends_then(tmp_path: Path, hook: Hook) -> None:
    """By itself, and its place is free: nothing has to happen for it."""
    beats = {"extension": [{"url": HEARTBEAT, "valueUnsignedInt": 3600}]}
    settings = INNER | {"ASSENT_SUBSCRIPTIONS_PER_CALLER": "1"}
    async with running_house(tmp_path / "data", **settings) as house, house.client() as client:
        ahead = AheadOfTime(house)
        end = (house.services.clock() + timedelta(hours=2)).isoformat()
        id_ = await subscribe(client, subscription(hook.url, "Basic", **beats) | {"end": end})
        ahead.by(3601)
        await hook.until(lambda: len(hook.of("heartbeat")) == 1)
        ahead.by(3600)
        await until_status(client, id_, "off")
        await subscribe(client, subscription(hook.url, "Basic"))
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        await hook.until(lambda: bool(hook.events))
        over = (await client.get(f"/Subscription/{id_}/$status")).json()
    assert len(hook.of("heartbeat")) == 1
    assert flat_status(over["entry"][0]["resource"])["events-since-subscription-start"] == "0"


async def test_what_is_switched_off_or_deleted_is_told_of_nothing_more(house: House, hook: Hook) -> None:
    async with house.client() as client:
        off, gone, kept = [await subscribe(client, subscription(hook.url, "Basic")) for _ in range(3)]
        resource = (await client.get(f"/Subscription/{off}")).json()
        assert (await client.put(f"/Subscription/{off}", json={**resource, "status": "off"})).status_code == 200
        assert (await client.delete(f"/Subscription/{gone}")).status_code == 204
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        await hook.until(lambda: bool(hook.events))
        statuses = (await client.get("/Subscription/$status", params={"status": "active"})).json()
    assert {call.status["subscription"].rpartition("/")[2] for call in hook.of("event-notification")} == {kept}
    assert [flat_status(e["resource"])["subscription"].rpartition("/")[2] for e in statuses["entry"]] == [kept]


async def test_xml_and_several_events_in_one_notification(tmp_path: Path, hook: Hook) -> None:
    async with running_house(tmp_path / "data", **INNER) as house, house.client() as client:
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "before"}})
        many = {"extension": [{"url": MAX_COUNT, "valuePositiveInt": 5}]}
        hook.answer = lambda call: 200
        given = subscription(hook.url, "Basic", payload="application/fhir+xml", **many)
        answer = await client.post("/Subscription", json=given)
        assert answer.status_code == 201
        await hook.until(lambda: bool(hook.calls))
        entries = [entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}) for _ in range(5)]
        await client.post("", json=bundle("transaction", *entries))
        await hook.until(lambda: len(hook.calls) == 2)
    hello, told = (from_xml(call.body) for call in hook.calls)
    assert hook.calls[0].headers["content-type"] == "application/fhir+xml"
    assert flat_status(hello["entry"][0]["resource"])["type"] == "handshake"
    status = status_of(told)
    assert [event["event-number"] for event in status["events"]] == ["1", "2", "3", "4", "5"]
    assert [each["fullUrl"] for each in told["entry"][1:]] == [event["focus"] for event in status["events"]]


async def test_what_is_large_is_sent_in_several_notifications(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "MOST_BYTES", 1500)
    many = {"extension": [{"url": MAX_COUNT, "valuePositiveInt": 10}]}
    large = {"resourceType": "Basic", "code": {"text": "x" * 1000}}
    async with running_house(tmp_path / "data", **INNER) as house, house.client() as client:
        id_ = await subscribe(client, subscription(hook.url, "Basic", **many))
        await client.post("", json=bundle("transaction", *(entry("POST", "Basic", large) for _ in range(5))))
        await hook.until(lambda: len(hook.events) == 5)
        again = (await client.get(f"/Subscription/{id_}/$events")).json()
    sent = [[event["event-number"] for event in call.status["events"]] for call in hook.of("event-notification")]
    assert sent == [["1", "2"], ["3", "4"], ["5"]]
    assert [event["event-number"] for event in status_of(again)["events"]] == ["1", "2"]


async def test_servers_that_look_at_once_number_each_change_once(house: House, hook: Hook) -> None:
    async with house.client() as client:
        await subscribe(client, subscription(hook.url, "Basic", content="id-only"))
        others = [asyncio.create_task(SubscriptionFeed(house.services).run()) for _ in range(3)]
        runners = [
            asyncio.create_task(JobRunner(house.services, house.services.jobs, own_workers(), BOUNDS).run())
            for _ in range(2)
        ]
        made = {"resourceType": "Basic", "code": {"text": "x"}}
        answers = await asyncio.gather(*(client.post("/Basic", json=made) for _ in range(40)))
        wanted = {f"{house.base}/Basic/{answer.json()['id']}" for answer in answers}
        await hook.until(lambda: len(hook.events) >= 40)
        for task in (*others, *runners):
            assert not task.done(), task.exception()
            task.cancel()
    assert [event["event-number"] for event in hook.events] == [str(number) for number in range(1, 41)]
    assert {event["focus"] for event in hook.events} == wanted


async def test_criteria_name_search_parameters_of_the_tenant(house: House, hook: Hook) -> None:
    gender = {
        "resourceType": "SearchParameter", "url": "http://example.org/sex", "name": "Sex", "status": "active", "description": "by sex",
        "code": "sex", "base": ["Patient"], "type": "token", "expression": "Patient.gender",
    }  # fmt: skip
    async with house.client() as client:
        assert (await client.post("/SearchParameter", json=gender)).status_code == 201
        await subscribe(client, subscription(hook.url, "Patient?sex=other"))
        for sex in ("male", "other", "female"):
            assert (await client.post("/Patient", json={"resourceType": "Patient", "gender": sex})).status_code == 201
        await hook.until(lambda: len(hook.events) == 1)
        assert (await client.post("/Patient", json={"resourceType": "Patient", "gender": "other"})).status_code == 201
        await hook.until(lambda: len(hook.events) == 2)
    assert [event["event-number"] for event in hook.events] == ["1", "2"]
