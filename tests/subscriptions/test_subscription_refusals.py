"""What is no Subscription that can be served, and who may do what with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from in_process import House, running_house
from rest_help import bundle, entry, refused
from subscription_help import INNER, Hook, parameters, subscribe, subscription

from server.subscriptions.names import CHANGED, HEARTBEAT, PAS_TOPIC, TOPIC_CANONICAL

ENDPOINT = "https://192.0.2.1/hook"
"""Nobody's; not asked for where something else is wrong."""

OLD_FILTER = "http://hl7.org/fhir/5.0/subscriptions-backport/StructureDefinition/backport-filter-criteria"


def changed(**change: Any) -> dict[str, Any]:
    given = subscription(ENDPOINT, "Observation?code=1")
    channel = change.pop("channel", {})
    return {**given, **change, "channel": {**given["channel"], **channel}}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (changed(criteria="http://example.org/topic"), "subscription-topic"),
        (
            changed(_criteria={"extension": [{"url": OLD_FILTER, "valueString": "Observation?code=1"}]}),
            "subscription-filter",
        ),
        (subscription(ENDPOINT), "subscription-filter"),
        (subscription(ENDPOINT, "AuditEvent"), "subscription-filter"),
        (subscription(ENDPOINT, "Observation?"), "subscription-filter"),
        (subscription(ENDPOINT, "Observations"), "subscription-filter"),
        (changed(channel={"type": "sms"}), "subscription-channel"),
        (changed(channel={"type": "email", "endpoint": "mailto:a@example.org"}), "subscription-channel"),
        (changed(channel={"type": "email", "endpoint": "mailto:a@example.org,b@example.org"}), "subscription-endpoint"),
        (changed(channel={"header": ["Host: example.org"]}), "subscription-channel"),
        (changed(channel={"header": ["X: a\r\nHost: b"]}), "subscription-channel"),
        (changed(channel={"endpoint": "ftp://192.0.2.1/hook"}), "subscription-endpoint"),
        (changed(channel={"endpoint": "https://me:secret@192.0.2.1/"}), "subscription-endpoint"),
        (changed(channel={"endpoint": "http://192.0.2.1/"}), "subscription-endpoint"),
        (changed(channel={"endpoint": "https://127.0.0.1/"}), "subscription-endpoint"),
        (changed(channel={"endpoint": "https://169.254.169.254/latest"}), "subscription-endpoint"),
        (changed(channel={"payload": "text/plain"}), "subscription-payload"),
        (changed(channel={"_payload": {"extension": [{"url": "urn:x", "valueCode": "empty"}]}}), "subscription-payload"),
        (changed(channel={"extension": [{"url": HEARTBEAT, "valueUnsignedInt": 1}]}), "subscription-channel"),
        (subscription("https://8.8.8.8/hook", "Observation") | {"status": "active"}, "subscription-status"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_served_is_refused(app: House, given: dict[str, Any], code: str) -> None:
    async with app.client() as client:
        refused(await client.post("/Subscription", json=given), 422, code)
        in_transaction = await client.post("", json=bundle("transaction", entry("POST", "Subscription", given)))
        assert in_transaction.status_code == 422
        assert (await client.get("/Subscription")).json()["total"] == 0


@pytest.mark.parametrize(
    "search", ["nonsense=1", "date=never", "patient.name=x", "_count=3", "_has:Provenance:target:agent=x"]
)
async def test_a_filter_is_a_search_of_the_resource_itself(app: House, search: str) -> None:
    async with app.client() as client:
        answer = await client.post("/Subscription", json=subscription(ENDPOINT, f"Observation?{search}"))
        assert answer.status_code in {400, 422}, answer.text
        assert answer.json()["issue"][0]["expression"] == ["Subscription.criteria.extension"]


async def test_there_are_not_too_many(tmp_path: Path, hook: Hook) -> None:
    async with (
        running_house(tmp_path / "data", ASSENT_SUBSCRIPTIONS_PER_CALLER="1", **INNER) as house,
        house.client("doctor") as client,
        house.client("staff", subject="other") as other,
    ):
        first = await subscribe(client, subscription(hook.url, "Basic"))
        refused(await client.post("/Subscription", json=subscription(hook.url, "Basic")), 429, "too-many-subscriptions")
        await subscribe(other, subscription(hook.url, "Basic"))
        asked = subscription(hook.url, "Basic") | {"id": first}
        assert (await client.put(f"/Subscription/{first}", json=asked | {"status": "off"})).status_code == 200
        await subscribe(client, subscription(hook.url, "Basic"))
        refused(await client.put(f"/Subscription/{first}", json=asked), 429, "too-many-subscriptions")


async def test_a_subscription_is_its_owners(tmp_path: Path, hook: Hook) -> None:
    async with (
        running_house(tmp_path / "data", **INNER) as house,
        house.client("staff", subject="owner") as owner,
        house.client("staff", subject="other") as other,
        house.client("administrator", subject="administrator") as administrator,
        house.client("patient", patient="p", subject="p") as patient,
    ):
        given = subscription(hook.url, "Basic", header=["Authorization: Bearer secret"])
        given["meta"] = {"tag": [{"system": "https://assent.example/fhir/CodeSystem/subscriber", "code": "forged"}]}
        id_ = await subscribe(owner, given)
        resource = (await owner.get(f"/Subscription/{id_}")).json()
        assert resource["channel"]["header"] == ["Authorization: Bearer secret"]
        assert [tag["code"] for tag in resource["meta"]["tag"]] != ["forged"]
        for stranger in (other, patient):
            assert (await stranger.get(f"/Subscription/{id_}")).status_code in {403, 404}
            assert (await stranger.get(f"/Subscription/{id_}/_history/1")).status_code in {403, 404}
            assert (await stranger.get(f"/Subscription/{id_}/$status")).status_code in {403, 404}
            assert (await stranger.get(f"/Subscription/{id_}/$events")).status_code in {403, 404}
            assert (await stranger.put(f"/Subscription/{id_}", json={**resource, "status": "off"})).status_code in {
                403,
                404,
            }
            assert (await stranger.delete(f"/Subscription/{id_}")).status_code in {403, 404}
            replay = await stranger.post(f"/Subscription/{id_}/$replay", json=parameters(eventsSinceNumber="1"))
            assert replay.status_code in {403, 404}
        found = (await other.get("/Subscription")).json()
        assert (found["total"], found.get("entry", [])) == (0, [])
        assert (await other.get("/Subscription/$status")).json()["total"] == 0
        assert (await other.get("/Subscription/_history")).json().get("entry", []) == []
        assert (await owner.get("/Subscription")).json()["total"] == 1
        assert (await administrator.get(f"/Subscription/{id_}")).status_code == 200
        answer = await administrator.put(f"/Subscription/{id_}", json={**resource, "status": "off"})
        assert answer.status_code == 200, answer.text
        assert (await owner.get(f"/Subscription/{id_}")).json()["status"] == "off"


async def test_topics_can_be_found_and_read(app: House) -> None:
    async with app.client("staff") as client:
        topics = (await client.get("/Subscription/$topics")).json()
        statement = (await client.get("/metadata")).json()
    (rest,) = statement["rest"]
    (claim,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    urls = {each["valueCanonical"] for each in claim["extension"] if each["url"] == TOPIC_CANONICAL}
    assert {PAS_TOPIC, CHANGED} <= urls
    assert {"status", "events", "get-ws-binding-token"} <= {each["name"] for each in claim["operation"]}
    read = {each["valueUri"] for topic in topics["entry"] for each in topic["resource"]["extension"] if "valueUri" in each}
    assert read == urls


async def test_nobody_begins_what_somebody_else_left_off(app: House) -> None:
    async with app.client("staff") as owner, app.client() as administrator:
        made = (await owner.post("/Subscription", json=changed(status="off", channel={"type": "websocket"}))).json()
        asked = await administrator.put(f"/Subscription/{made['id']}", json=made | {"status": "requested"})
        refused(asked, 422, "subscription-status")
        begun = await owner.put(f"/Subscription/{made['id']}", json=made | {"status": "requested"})
        assert begun.status_code == 200


async def test_what_is_over_is_kept_and_never_begins(app: House) -> None:
    async with app.client("staff") as client:
        made = await client.post("/Subscription", json=changed(end="2020-01-01T00:00:00Z"))
        assert made.status_code == 201
        answer = await client.get(f"/Subscription/{made.json()['id']}/$status")
        assert answer.json()["total"] == 1
        token = await client.get(f"/Subscription/{made.json()['id']}/$get-ws-binding-token")
        refused(token, 422, "subscription-channel")
