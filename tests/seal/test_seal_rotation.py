"""A new data key: announced, current, everything sealed anew while others write, the old one gone; whatever is killed between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import House, running_house

from server.repository import Repository
from server.seal.cipher import key_number
from server.seal.rotation import (
    SHARED,
    Pace,
    announcing,
    dropping,
    is_announced,
    is_under_way,
    old_keys,
    settled,
    switching,
)
from server.seal.tenant_entries import TenantError, adding
from server.store.store import Commit, Store
from server.store.upkeep import NewBody
from server.upkeep.progress import HELD_FOR, Place, Progress, decode
from server.upkeep.reseal import SETTING, Reseal

NOW = 1_000_000_000
SECOND = 1_000_000
AT_ONCE = Pace(0, 0)


# -- the life of a key -----------------------------------------------------------------------------------------------------


def test_a_key_is_announced_then_current_then_alone() -> None:
    entries = adding("b")(adding("a")({}))
    assert not is_under_way(entries)
    announced = announcing(NOW)(entries)
    assert all(is_announced(entry) and entry["current"] == 1 for entry in announced.values())
    assert switching(NOW + 14 * SECOND, SHARED)(announced) == announced
    current = switching(NOW + 15 * SECOND, SHARED)(announced)
    assert [(entry["current"], old_keys(entry)) for entry in current.values()] == [(2, [1])] * 2
    assert switching(NOW + 99 * SECOND, SHARED)(current) == current
    assert settled(current, NOW + 15 * SECOND, SHARED) == {}
    assert settled(current, NOW + 915 * SECOND, SHARED) == {1: 2, 2: 2}
    gone = dropping({1: 2, 2: 2}, {2: [1]})(current)
    assert (list(gone["a"]["data"]), list(gone["b"]["data"])) == (["2"], ["1", "2"])
    assert not is_under_way(gone)
    assert settled(gone, NOW + 9999 * SECOND, SHARED) == {}
    again = announcing(NOW)(gone)
    assert sorted(again["b"]["data"]) == ["1", "2", "3"]


def test_one_change_at_a_time_and_each_done_twice_is_done_once() -> None:
    entries = adding("a")({})
    edit = announcing(NOW)
    announced = edit(entries)
    assert edit(announced) == announced
    with pytest.raises(TenantError, match="already"):
        announcing(NOW)(announced)
    current = switching(NOW, AT_ONCE)(announced)
    with pytest.raises(TenantError, match="already"):
        announcing(NOW)(current)
    dropped = dropping({1: 2}, {})(current)
    assert dropping({1: 2}, {})(dropped) == dropped
    assert dropping({1: 1}, {})(current) == current  # told of an older pass
    next_one = announcing(NOW)(dropped)
    assert dropping({1: 2}, {})(next_one) == next_one


def test_a_late_drop_takes_nothing_from_a_newer_change() -> None:
    current = switching(NOW, AT_ONCE)(announcing(NOW)(adding("a")({})))
    newer = switching(NOW, AT_ONCE)(announcing(NOW)(dropping({1: 2}, {})(current)))
    assert dropping({1: 2}, {})(newer) == newer
    assert sorted(newer["a"]["data"]) == ["2", "3"]


# -- a store ---------------------------------------------------------------------------------------------------------------


async def fill(house: House) -> None:
    async with house.client() as client:
        for n in range(40):
            assert (await client.put(f"/Patient/p{n}", json=patient(n, "First"))).status_code == 201
        for n in range(10):
            assert (await client.put(f"/Patient/p{n}", json=patient(n, "Second"))).status_code == 200
        assert (await client.delete("/Patient/p39")).is_success
    services = house.services
    tenant = services.keyring.by_number(1)
    repository = Repository(services.store, tenant, house.base, services.clock)
    later = datetime(2099, 1, 1, tzinfo=UTC)
    await services.store.commit(
        Commit(1, keys=[repository.claim(("a", "b"), "Patient/p1")], jobs=[repository.seal_job("decide", later, {"a": 1})])
    )


def patient(n: int, family: str) -> dict[str, object]:
    return {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"{family}{n}"}]}


async def key_numbers(store: Store) -> dict[str, set[int]]:
    """Under which keys everything is."""
    rows = await store.upkeep.rows(0, 10_000)
    versions = [record for row in rows for record in await store.history(row.record.key, None, 1000)]
    return {
        "versions": {key_number(record.body) for record in versions},
        "keys": {key_number(held.holder) for held in await store.upkeep.held_keys(b"", 1000)},
        "jobs": {key_number(job.body) for job in await store.upkeep.jobs(0, 1000)},
    }


def reseal(house: House, owner: str = "test") -> Reseal:
    return Reseal(house.services.store, house.services.keyring, AT_ONCE, owner, house.services.now)


async def rotate(house: House) -> None:
    await house.services.keyring.change(announcing(house.services.now()))
    await house.services.keyring.change(switching(house.services.now(), AT_ONCE))


async def test_everything_is_sealed_anew_and_reads_as_before(app: House) -> None:
    await fill(app)
    async with app.client() as client:
        before = [(await client.get(f"/Patient/p{n}/_history")).json()["entry"] for n in range(40)]
        tenant = app.services.keyring.by_number(1)
        await rotate(app)
        work = reseal(app)
        while await work.step():
            pass
        assert await key_numbers(app.services.store) == {"versions": {2}, "keys": {2}, "jobs": {2}}
        entry = app.services.keyring.entries()["default"]
        assert (sorted(entry["data"]), entry["kept"]) == (["1", "2"], [1])  # the audit trail's
        assert app.services.keyring.by_number(1) is tenant
        assert [(await client.get(f"/Patient/p{n}/_history")).json()["entry"] for n in range(40)] == before
        assert (await client.get("/Patient?family=second3")).json()["entry"][0]["resource"]["id"] == "p3"
        assert (await client.get("/AuditEvent?_count=1000")).json()["entry"]
    repository = Repository(app.services.store, tenant, app.base, app.services.clock)
    assert await repository.holder(("a", "b")) == "Patient/p1"
    [job] = await app.services.store.upkeep.jobs(0, 10)
    assert repository.open_job("decide", job.body) == {"a": 1}


async def test_what_is_written_meanwhile_is_not_missed(app: House) -> None:
    await fill(app)
    await rotate(app)
    work, stop = reseal(app), asyncio.Event()

    async def write() -> None:
        n = 0
        async with app.client() as client:
            while not stop.is_set():
                n += 1
                assert (await client.put(f"/Patient/p{n % 30}", json=patient(n % 30, f"Third{n}"))).is_success

    writing = asyncio.create_task(write())
    for _ in range(2000):
        await asyncio.sleep(0.002)
        if not await work.step():
            break
    stop.set()
    await writing
    assert not is_under_way(app.services.keyring.entries())
    assert (await key_numbers(app.services.store))["versions"] == {2}


async def test_a_killed_pass_goes_on_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data) as house:
        await fill(house)
        await rotate(house)
        work = reseal(house)
        assert await work.step()
        noted = decode(await house.services.store.get_setting(SETTING))
        assert noted is not None
    async with running_house(data) as house:
        await until_done(house)
        assert (await key_numbers(house.services.store))["versions"] == {2}
    async with running_house(data) as house, house.client() as client:
        assert (await client.get("/Patient/p0")).json()["name"][0]["family"] == "Second0"


async def until_done(house: House) -> None:
    work = reseal(house)
    for _ in range(2000):
        if not is_under_way(house.services.keyring.entries()):
            return
        await work.step()
    raise AssertionError("never done")


async def test_a_record_that_does_not_open_keeps_its_key(app: House) -> None:
    await fill(app)
    row = (await app.services.store.upkeep.rows(0, 1))[0]
    broken = row.record.body[:-1] + bytes([row.record.body[-1] ^ 1])
    await app.services.store.upkeep.rewrite([NewBody(row.record.rid, row.record.version, row.record.body, broken)])
    await rotate(app)
    work = reseal(app)
    while await work.step():
        pass
    assert not is_under_way(app.services.keyring.entries())
    assert app.services.keyring.entries()["default"]["kept"] == [1]
    noted = decode(await app.services.store.get_setting(SETTING))
    assert noted is not None
    assert noted.damaged == {1: 1}
    assert (await key_numbers(app.services.store))["versions"] == {1, 2}


async def test_only_one_of_two_servers_does_the_work_until_it_falls_silent(app: House) -> None:
    time = NOW
    start = Place({1: 2}, "records", 0)
    one = Progress(app.services.store, "task", "one", lambda: time)
    two = Progress(app.services.store, "task", "two", lambda: time)
    place = await one.take(start)
    assert place is not None
    assert await two.take(start) is None
    time += SECOND
    moved = await one.note(Place({1: 2}, "records", 77, 5))
    assert moved is not None
    time += HELD_FOR + 1
    taken = await two.take(start)
    assert taken is not None
    assert (taken.after, taken.done) == (77, 5)
    assert await one.note(moved, at_once=True) is None
    assert decode(b"nonsense") is None


async def test_no_readable_key_is_in_the_store(app: House) -> None:
    await rotate(app)
    keys = [key for entry in app.services.keyring.entries().values() for key in entry["data"].values()]
    assert len(keys) == 2
    content = b"".join(path.read_bytes() for path in app.data.iterdir() if path.name.startswith("assent.db"))
    assert all(key.encode() not in content for key in keys)
