"""`kill -9` while subscribers are told: every change that was stored is told, in order, under numbers without gaps, and nothing else is.

The real program dies at the points of a commit (tests/durability); the subscriber's endpoint lives on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from mongod import mongodb_url
from nursery import DyingServer, Nursery
from pymongo import MongoClient
from store_facts import facts
from subscription_help import INNER, Hook, subscribe, subscription

POINTS = {
    "sqlite": (
        "sqlite-08-job-finished",
        "sqlite-11-committed",
        "sqlite-14-job-checkpointed",
        "sqlite-16-internal-changed",
    ),
    "mongodb": (
        "mongodb-12-committed",
        "mongodb-14-job-checkpointed",
        "mongodb-16-internals-changed",
    ),
}


@pytest.fixture(params=["sqlite", "mongodb"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, DyingServer]]:
    nursery = Nursery()
    before, _, options = mongodb_url().partition("?") if request.param == "mongodb" else ("", "", "")
    url = f"{before.rstrip('/')}/assent_subscriptions_{os.getpid()}?{options}"
    store = {"ASSENT_STORE": url} if request.param == "mongodb" else {}
    server = DyingServer(
        tmp_path / "data", nursery, ASSENT_SAMPLE="0", ASSENT_LOG_LEVEL="warning", ASSENT_JOB_LEASE="2", **INNER, **store
    )
    server.start()
    yield request.param, server
    server.stop()
    nursery.end()
    if store:
        with MongoClient[dict[str, Any]](url) as client:
            client.drop_database(client.get_default_database())


async def write(client: httpx.AsyncClient, acknowledged: dict[str, int]) -> None:
    """Create and update until nobody answers."""
    with suppress(httpx.TransportError):
        while True:
            made = await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
            if made.status_code == 503:
                continue
            id_ = made.json()["id"]
            acknowledged[id_] = 1
            changed = await client.put(f"/Basic/{id_}", json=made.json())
            if changed.status_code == 200:
                acknowledged[id_] = 2
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_each_change_is_told_over_kills(server: tuple[str, DyingServer], hook: Hook) -> None:
    engine, program = server
    headers = {"Authorization": f"Bearer {program.token()}"}
    acknowledged: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=program.base, headers=headers, timeout=60) as client:
        await subscribe(client, subscription(hook.url, "Basic", content="full-resource"))
        for at, point in enumerate(POINTS[engine]):
            program.order(point, 3 + at % 3)
            writers = [asyncio.create_task(write(client, acknowledged)) for _ in range(2)]
            await asyncio.to_thread(program.expect_death, point)
            await asyncio.gather(*writers)
            await asyncio.to_thread(program.start)
        stored = await stored_versions(client)
        await hook.until(lambda: {told_of(each) for each in hook.of("event-notification")} >= stored)
    told = [told_of(call) for call in hook.of("event-notification")]
    assert set(told) == stored
    assert all((id_, version) in stored for id_, last in acknowledged.items() for version in range(1, last + 1))
    first_times = list(dict.fromkeys(int(event["event-number"]) for event in hook.events))
    assert first_times == list(range(1, len(stored) + 1))
    once = list(dict.fromkeys(told))
    assert all(once.index((id_, 1)) < once.index((id_, 2)) for id_, version in stored if version == 2)
    await asyncio.to_thread(program.stop)
    told_inside = await asyncio.to_thread(facts, program.environment)
    assert (told_inside.findings, told_inside.silent, told_inside.claimed) == ([], set(), set())


async def stored_versions(client: httpx.AsyncClient) -> set[tuple[str, int]]:
    """All that the store has."""
    found: set[tuple[str, int]] = set()
    address = "/Basic/_history?_count=200"
    while address:
        page = (await client.get(address)).json()
        for each in page.get("entry", ()):
            found.add((each["resource"]["id"], int(each["resource"]["meta"]["versionId"])))
        links = {link["relation"]: link["url"] for link in page["link"]}
        address = links.get("next", "")
    return found


def told_of(call: Any) -> tuple[str, int]:
    resource = call.bundle["entry"][1]["resource"]
    return resource["id"], int(resource["meta"]["versionId"])
