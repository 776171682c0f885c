"""SearchParameters of tenants over `kill -9`, loads, restarts, other servers, and events of subscriptions."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from in_process import House, running_house
from live_server import LiveServer
from test_own_parameters import PATIENCE, RACE_PARAMETER, ids, parameter, patient, put, settled, store

from server.repository import Repository
from server.store.store import Commit
from server.upkeep.fsck import Fsck
from server.upkeep.own_index import KIND

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import mongodb_environment  # the folder of another area

MANY = 300


async def wrong(house: House) -> list[Any]:
    """What is found by something else than it says, if anything."""
    services = house.services
    check = Fsck(services.store, services.keyring, lambda tenant: (services.base_url(tenant),), mend=False)
    return [finding async for finding in check.run(lambda looked_at: None)]


async def one_more_job(house: House) -> None:
    """For which nothing is left to do: it ends without a word."""
    services, tenant = house.services, house.services.keyring.get("default")
    assert tenant is not None
    repository = Repository(services.store, tenant, house.base, services.clock)
    await services.commit(Commit(tenant.number, jobs=[repository.seal_job(KIND, services.clock(), {})]))
    async with asyncio.timeout(PATIENCE):
        while True:
            if not await services.store.jobs.listed(0, 100):
                break
            await asyncio.sleep(0.05)
    assert not any(b"job failed" in line for line in house.log)


def load(data: Path, *resources: dict[str, Any]) -> None:
    file = data.parent / "loaded.ndjson"
    file.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
    subprocess.run(
        [sys.executable, "-m", "server.cli", "load", str(file)],
        env={**kept, "ASSENT_DATA": str(data)},
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.slow
async def test_the_work_goes_on_after_kills_and_loads_bring_parameters(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    client = server.client()
    entries = [{"resource": patient(n), "request": {"method": "PUT", "url": f"Patient/p{n}"}} for n in range(MANY)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert client.post("/", json=bundle).status_code == 200
    assert client.post("/SearchParameter", json=RACE_PARAMETER).status_code == 201
    server.kill()
    births = parameter("births", "number", "Patient.multipleBirth.ofType(integer)")
    load(tmp_path / "data", patient(MANY + 1), {**births, "id": "births"})
    async with running_house(tmp_path / "data") as house, house.client() as again:
        assert await ids(again, f"Patient?births=gt{MANY}&race=odd") == [f"p{MANY + 1}"]
        found = await settled(house, again)
        assert found.by_type["Patient"].keys() == {"births", "race"}
        assert len(await ids(again, f"Patient?race=even&births=lt{MANY}&_count=1000")) == MANY / 2
        assert await wrong(house) == []


@pytest.mark.slow
async def test_two_servers_on_one_database(tmp_path: Path) -> None:
    with mongodb_environment() as environment:
        async with (
            running_house(tmp_path / "data", **environment) as one,
            running_house(tmp_path / "data", **environment) as other,
            one.client() as here,
            other.client() as there,
        ):
            await put(here, patient(1))
            assert (await there.get("/Patient?race=odd")).status_code == 400
            await store(here, RACE_PARAMETER)
            async with asyncio.timeout(PATIENCE):
                while True:
                    if (await there.get("/Patient?race=odd")).status_code == 200:
                        break
                    await asyncio.sleep(0.1)
            await put(there, patient(3))
            for house, client in ((one, here), (other, there)):
                await settled(house, client)
                assert await ids(client, "Patient?race=odd&_sort=_id") == ["p1", "p3"]
            assert await wrong(one) == []


async def test_changes_of_all_kinds_leave_nothing_behind(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house, house.client() as client:
        await put(client, patient(1))
        id_ = await store(client, RACE_PARAMETER)
        await settled(house, client)
        await one_more_job(house)
        await put(client, {**RACE_PARAMETER, "id": id_, "description": "said in other words"})
        assert (await settled(house, client)).waiting == frozenset()
        await put(client, {**RACE_PARAMETER, "id": id_, "expression": "Patient.multipleBirth.ofType(integer).toString()"})
        assert await ids(client, "Patient?race=odd") == []
        assert await ids(client, "Patient?race=1") == ["p1"]
        await settled(house, client)
        assert await ids(client, "Patient?race=1") == ["p1"]
        await client.delete(f"/SearchParameter/{id_}")
        await put(client, patient(2))
        await put(client, {**RACE_PARAMETER, "id": id_})
        assert await ids(client, "Patient?race=even") == ["p2"]
        await settled(house, client)
        assert await ids(client, "Patient?race=even") == ["p2"]
        assert await wrong(house) == []
