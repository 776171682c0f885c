"""The machine's clock is set back by an hour, under way and over a restart: order stays, nothing is lost, jobs are done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from two_engines import ENGINES, mongodb_environment

import server.clock

HOUR = timedelta(hours=1)


class Machine:
    """The machine's clock, moved by tests."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(server.clock, "machine_time", made)
    return made


@pytest.fixture(params=ENGINES)
def environment(request: pytest.FixtureRequest) -> Any:
    if request.param == "sqlite":
        yield {}
        return
    with mongodb_environment() as settings:
        yield settings


@pytest.fixture
async def house(environment: dict[str, str], machine: Machine, tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "data", **environment) as running:
        yield running


def patient(family: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": family}]}


async def create(client: httpx.AsyncClient, family: str) -> dict[str, Any]:
    answer = await client.post("/Patient", json=patient(family))
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def updated(*resources: dict[str, Any]) -> list[str]:
    return [resource["meta"]["lastUpdated"] for resource in resources]


async def check_order(client: httpx.AsyncClient, made: list[dict[str, Any]]) -> None:
    """In the order of their making, by time, in searches and in the history, page by page."""
    assert updated(*made) == sorted(set(updated(*made)))
    names = [resource["id"] for resource in made]
    for address in ("/Patient?_sort=_lastUpdated&_count=2", "/Patient/_history?_count=2"):
        found: list[str] = []
        following: str | None = address
        while following is not None:
            page = (await client.get(following)).json()
            found += [entry["resource"]["id"] for entry in page.get("entry", [])]
            following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert found == (names if "_sort" in address else names[::-1])


async def test_what_is_made_after_it_is_later_than_what_was_made_before(house: House, machine: Machine) -> None:
    async with house.client(lifetime=24 * 3600) as client:
        made = [await create(client, "One"), await create(client, "Two")]
        seen = updated(*made)[-1]
        machine.offset = -HOUR
        made += [await create(client, "Three")]
        changed = (await client.put(f"/Patient/{made[0]['id']}", json={**made[0], "active": True})).json()
        assert updated(changed) > updated(made[-1])
        versions = (await client.get(f"/Patient/{made[0]['id']}/_history")).json()["entry"]
        assert [entry["resource"]["meta"]["versionId"] for entry in versions] == ["2", "1"]
        since = (await client.get("/Patient/_history", params={"_since": seen})).json()["entry"]
        assert {entry["resource"]["id"] for entry in since} >= {made[0]["id"], made[2]["id"]}
        newer = (await client.get("/Patient", params={"_lastUpdated": f"gt{seen}"})).json()["entry"]
        assert {entry["resource"]["id"] for entry in newer} == {made[0]["id"], made[2]["id"]}
        made = [made[1], made[2], changed]
        machine.offset = HOUR
        made.append(await create(client, "Four"))
        machine.offset = timedelta(0)
        made.append(await create(client, "Five"))
        found = (await client.get("/Patient", params={"_sort": "_lastUpdated"})).json()["entry"]
        assert [entry["resource"]["id"] for entry in found] == [resource["id"] for resource in made]
        trail = (await client.get("/AuditEvent", params={"_sort": "-date", "subtype": "create"})).json()["entry"]
        times = [entry["resource"]["recorded"] for entry in trail]
        assert times == sorted(times, reverse=True)
        assert len(times) == 5


async def test_pages_go_on_where_they_were(house: House, machine: Machine) -> None:
    async with house.client() as client:
        made = [await create(client, str(number)) for number in range(3)]
        page = (await client.get("/Patient?_sort=_lastUpdated&_count=2")).json()
        machine.offset = -HOUR
        made.append(await create(client, "late"))
        following = next(link["url"] for link in page["link"] if link["relation"] == "next")
        rest = (await client.get(following)).json()
        ids = [entry["resource"]["id"] for entry in page["entry"] + rest["entry"]]
        assert ids == [resource["id"] for resource in made]
        await check_order(client, made)


async def test_over_a_restart_as_well(environment: dict[str, str], machine: Machine, tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []
    for offset in (timedelta(0), -HOUR, HOUR, timedelta(0)):
        machine.offset = offset
        async with running_house(tmp_path / "data", **environment) as running, running.client() as client:
            made += [await create(client, "One"), await create(client, "Two")]
            await check_order(client, made)


async def test_a_token_that_was_good_is_good(house: House, machine: Machine) -> None:
    """It was issued in what is now the future."""
    token = house.token()
    machine.offset = -HOUR
    headers = {"Authorization": f"Bearer {token}"}
    async with house.client(None) as client:
        assert (await client.get("/Patient", headers=headers)).status_code == 200
        machine.offset = 9 * HOUR
        assert (await client.get("/Patient", headers=headers)).status_code == 401
