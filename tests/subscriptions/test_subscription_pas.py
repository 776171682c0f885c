"""Da Vinci PAS 2.2.1 (spec-51 to -62): a request that was pended and is decided later reaches the system that sent it, and no other."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from pas_examples import request
from rest_help import refused
from subscription_help import INNER, Hook, pas_subscription, subscribe
from two_engines import ENGINES, house_on

from profiles.base_validation import validate_resource
from profiles.json import dumps, loads
from server.auth.access_token import issue_token
from server.auth.signing_key import load_or_create
from server.commands.token import grant_from

SENDER = "8189991234"
"""The NPI of the requestor."""


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data", ASSENT_SCENARIOS="on", **INNER) as house:
        yield house


def foreign_client(house: House) -> httpx.AsyncClient:
    """The same person, by another program than the one that sends requests."""
    asked = Namespace(
        role=["staff"], tenant="default", scope=None, patient=None, fhir_user=None, subject=None, purpose=None
    )
    token = issue_token(load_or_create(house.data), replace(grant_from(asked), client_id="another-ehr"), lifetime=3600)
    client = house.client(None)
    client.headers["Authorization"] = f"Bearer {token}"
    return client


async def test_a_pended_request_that_is_decided_is_told_to_the_system_that_sent_it(house: House, hook: Hook) -> None:
    older = f"{house.root}/pas-2.0.1/fhir"
    async with house.client("staff") as client, foreign_client(house) as other:
        told = await subscribe(client, pas_subscription(hook.url, f"org-identifier=other,{SENDER}"))
        await subscribe(client, pas_subscription(hook.url, "orgIdentifier=nobody"))
        await subscribe(other, pas_subscription(hook.url))
        by_content = {}
        for content in ("id-only", "full-resource"):
            answer = await client.post(f"{older}/Subscription", json=pas_subscription(hook.url, content=content))
            assert answer.status_code == 201, answer.text
            by_content[content] = answer.json()["id"]
        await hook.until(lambda: len(hook.of("handshake")) == 5)
        submitted = await client.post("/Claim/$submit", json=request(), headers={"Assent-Scenario": "pend-approve"})
        assert submitted.status_code == 200, submitted.text
        pended = submitted.json()["entry"][0]["resource"]
        await hook.until(lambda: len(hook.events) >= 3)
        stored = await client.get(f"/ClaimResponse/{pended['id']}")
        assert stored.json()["meta"]["versionId"] == "2"
    calls = {call.status["subscription"].rpartition("/")[2]: call for call in hook.of("event-notification")}
    assert calls.keys() == {told, *by_content.values()}
    (event,) = calls[told].status["events"]
    answer = calls[told].bundle["entry"][1]
    assert (event["event-number"], event["focus"]) == ("1", answer["fullUrl"])
    assert answer["resource"]["type"] == "collection"
    response = answer["resource"]["entry"][0]["resource"]
    assert (response["resourceType"], response["id"]) == ("ClaimResponse", pended["id"])
    assert response["item"] != pended["item"]
    assert [each for each in validate_resource(loads(dumps(calls[told].bundle))) if each.severity == "error"] == []
    first, *beside = calls[by_content["full-resource"]].bundle["entry"][1:]
    assert (first["resource"]["id"], len(beside) > 1) == (pended["id"], True)
    assert "resource" not in calls[by_content["id-only"]].bundle["entry"][1]
    assert all(
        call.status["events"][0]["focus"].endswith(f"ClaimResponse/{pended['id']}")
        for id_, call in calls.items()
        if id_ != told
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"channel": {"type": "websocket"}}, "subscription-channel"),
        ({"content": "id-only"}, "subscription-payload"),
        ({"content": "empty"}, "subscription-payload"),
        ({"filter": "patient=Patient/1"}, "subscription-filter"),
        ({"filter": "org-identifier="}, "subscription-filter"),
    ],
    ids=["websocket", "id-only", "empty", "filter", "no-identifier"],
)
async def test_what_the_guide_does_not_know_is_refused(app: House, change: dict[str, Any], code: str) -> None:
    filters = [change["filter"]] if "filter" in change else []
    given = pas_subscription("https://ehr.example.org/hook", *filters, content=change.get("content", "full-resource"))
    given["channel"] |= change.get("channel", {})
    async with app.client("staff") as client:
        refused(await client.post("/Subscription", json=given), 422, code)
