"""`kill -9` at every numbered point of a change to the store, on both engines: what was acknowledged is there, nothing is torn.

The program is the real one, spoken to over HTTP by several writers, and ends itself with SIGKILL at the point
(tests/durability/dying_server.py). Afterwards the store is checked from inside as it was left, the server is started again, and
every write that any writer asked for is looked for. On the embedded store some deaths are power failures: what was not synced is
forgotten or torn.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from diary import Diary, client_of, verify, write
from forgetful_disk import DISK_POINTS
from mongod import mongodb_url
from nursery import DyingServer, Nursery
from pymongo import MongoClient
from store_facts import UNFINDABLE, facts

from server.commands.opened import now, opened
from server.config import Settings
from server.seal.rotation import announcing, is_under_way
from server.store.fail_points import FAIL_POINTS

WRITERS = 3
ROUNDS = 60
GENEROUS_SECONDS = 60.0
"""No machine is so slow; the aim is 2 s, and what was measured is printed."""

POWER = ("sqlite-11-committed", "sqlite-12-audit-committed", "sqlite-13-acknowledged", *DISK_POINTS)
"""Points at which something is on its way to the disk: here the power fails as well."""

BY_WAITING = ("audit-indexed",)
BY_JOBS = ("jobs-leased", "job-leased", "job-checkpointed", "job-finished", "jobs-finished", "mark-written")
BY_FAILING_JOBS = ("job-released",)
BY_ASKING = ("setting-put",)
BY_NEW_KEYS = ("resealed", "records-resealed", "batch-resealed")
BY_SWEEPING = ("chunks-removed",)
BY_REINDEX = ("reindexing", "reindexed")


AT_LATEST = 4
ENOUGH = 200
"""After so many acknowledged writes the next point gets an empty store, so that looking at everything stays cheap."""


@dataclass
class Site:
    """One server and its data for several points of an engine, and then the next."""

    make: Callable[[int], DyingServer]
    recoveries: dict[str, float] = field(default_factory=dict)
    kept: list[int] = field(default_factory=lambda: [0])
    """Acknowledged writes that were found again, for each server."""
    unexamined: int = 0
    """Deaths since the store was last looked at from inside: nothing that is torn mends itself."""

    def __post_init__(self) -> None:
        self.server = self.make(0)
        self.server.start()

    def examine(self) -> None:
        facts(self.server.environment).check()
        self.unexamined = 0

    def begin_anew_when_full(self) -> None:
        if self.kept[-1] > ENOUGH:
            if self.unexamined:
                self.examine()
            self.server.stop()
            self.server = self.make(len(self.kept))
            self.kept.append(0)
            self.server.start()

    def end(self) -> None:
        if self.unexamined:
            self.examine()
        self.server.stop()
        if self.recoveries:
            times = sorted(self.recoveries.values())
            print(
                f"\n{len(times)} kills, {sum(self.kept)} acknowledged writes kept; from the start of a loaded program to "
                f"the first acknowledged write {times[len(times) // 2]:.2f} s (median), {times[-1]:.2f} s at most"
            )

    def writers(self, point: str, *, most: int = ROUNDS) -> tuple[list[Diary], list[threading.Thread], threading.Event]:
        stop = threading.Event()
        diaries = [Diary(f"{point}-{len(self.recoveries)}-{n}") for n in range(WRITERS)]
        token = self.server.token()
        threads = [
            threading.Thread(target=self._write, args=(token, diary, stop, most, n == 0)) for n, diary in enumerate(diaries)
        ]
        for thread in threads:
            thread.start()
        return diaries, threads, stop

    def _write(self, token: str, diary: Diary, stop: threading.Event, most: int, submits: bool) -> None:
        with client_of(self.server.base, token) as client:
            write(client, diary, stop, most=most, submits=submits)

    def recover(self, point: str) -> httpx.Client:
        """Start again; the clock stops at the first write that is acknowledged."""
        started = time.monotonic()
        self.server.start()
        client = client_of(self.server.base, self.server.token())
        answer = client.post("/Patient", json={"resourceType": "Patient"})
        self.recoveries[point] = time.monotonic() - started
        assert answer.status_code == 201, answer.text
        assert self.recoveries[point] < GENEROUS_SECONDS
        return client


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.end()


def server_on(nursery: Nursery, data: Path, **environment: str) -> DyingServer:
    return DyingServer(
        data, nursery, ASSENT_SAMPLE="0", ASSENT_REVIEW_SECONDS="1", ASSENT_REVIEW_OUTCOME="approve",
        ASSENT_LOG_LEVEL="warning", **environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sqlite(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = Site(lambda number: server_on(nursery, tmp_path_factory.mktemp(f"sqlite-{number}") / "data"))
    yield place
    place.end()


@pytest.fixture(scope="module")
def mongodb(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    urls: list[str] = []

    def make(number: int) -> DyingServer:
        before, _, options = mongodb_url().partition("?")
        urls.append(f"{before.rstrip('/')}/assent_kill_{os.getpid()}_{number}?{options}")
        return server_on(nursery, tmp_path_factory.mktemp(f"mongodb-{number}") / "data", ASSENT_STORE=urls[-1])

    place = Site(make)
    yield place
    place.end()
    for url in urls:
        with MongoClient[dict[str, Any]](url) as client:
            client.drop_database(client.get_default_database())


def kind_of(point: str) -> str:
    """A point's name without engine and number."""
    return point.split("-", 2)[2]


def nth_of(point: str, power: bool) -> int:
    """Not always the first: which one depends on the point, and is the same in every run. Some are rare."""
    rare = point in DISK_POINTS[3:] or kind_of(point) in BY_NEW_KEYS
    return 1 if rare else 1 + (sum(point.encode()) + power) % 4


def is_reindex(point: str) -> bool:
    return kind_of(point) in BY_REINDEX


SQLITE = [(point, False) for point in (*FAIL_POINTS, *DISK_POINTS) if point.startswith(("sqlite", "disk"))]
SQLITE += [(point, True) for point in POWER]
MONGODB = [point for point in (*FAIL_POINTS, "wire-01-commit-sent") if not point.startswith("sqlite")]


def test_every_fail_point_is_tried() -> None:
    assert {point for point, _ in SQLITE} | set(MONGODB) == {*FAIL_POINTS, *DISK_POINTS, "wire-01-commit-sent"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "power"), [case for case in SQLITE if not is_reindex(case[0])], ids=lambda value: str(value)
)
def test_sqlite(sqlite: Site, point: str, power: bool, tmp_path: Path) -> None:
    diaries = die(sqlite, point, power=power)
    shutil.copytree(sqlite.server.data, tmp_path / "data")
    look(sqlite, diaries, f"{point} {power}")
    facts({**sqlite.server.environment, "ASSENT_DATA": str(tmp_path / "data")}).check()


@pytest.mark.slow
@pytest.mark.parametrize("point", [point for point in MONGODB if not is_reindex(point)])
def test_mongodb(mongodb: Site, point: str) -> None:
    look(mongodb, die(mongodb, point), point)
    mongodb.unexamined += 1
    if mongodb.unexamined == AT_LATEST:
        mongodb.examine()


def look(place: Site, diaries: list[Diary], label: str) -> None:
    client = place.recover(label)
    with closing(client):
        for diary in diaries:
            verify(client, diary)
            place.kept[-1] += diary.acknowledged()


def die(place: Site, point: str, *, power: bool = False) -> list[Diary]:
    """Do what leads to the point until the server is dead; what was asked of it."""
    place.begin_anew_when_full()
    kind, server = kind_of(point), place.server
    server.let_jobs_fail(kind in BY_FAILING_JOBS)
    if kind in BY_ASKING:
        server.order(point)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.root}/ready")
        server.expect_death(point)
        return []
    if kind in BY_SWEEPING:
        return die_sweeping(server, point)
    diaries, threads, stop = place.writers(point, most=2 if kind in (*BY_JOBS, *BY_FAILING_JOBS, *BY_WAITING) else ROUNDS)
    if kind in (*BY_JOBS, *BY_FAILING_JOBS, *BY_WAITING):
        server.order(point)
    else:
        time.sleep(0.1)
        if kind in BY_NEW_KEYS:
            rotate(server)
        server.order(point, nth_of(point, power), power=power)
    server.expect_death(point)
    stop.set()
    for thread in threads:
        thread.join()
    server.let_jobs_fail(False)
    return diaries


def die_sweeping(server: DyingServer, point: str) -> list[Diary]:
    """An upload is broken off by a kill; the next server dies while it takes it away."""
    put = next(other for other in FAIL_POINTS if other.startswith(point.partition("-")[0]) and other.endswith("chunk-put"))
    diary = Diary(point)
    server.order(put)
    with client_of(server.base, server.token()) as client:
        write(client, diary, threading.Event(), most=1, submits=False)
    server.expect_death(put)
    server.order(point)
    with server.sweeping_at_once(), suppress(RuntimeError):
        server.start()
    server.expect_death(point)
    return [diary]


def rotate(server: DyingServer) -> None:
    """`assent keys rotate`, once the change before is done."""

    async def ask() -> None:
        async with opened(Settings.from_environment(server.environment)) as store:
            while is_under_way(store.keyring.entries()):
                await asyncio.sleep(0.05)
                await store.keyring.refresh()
            await store.keyring.change(announcing(now()))

    asyncio.run(asyncio.wait_for(ask(), 30))


@pytest.mark.slow
@pytest.mark.parametrize("point", [point for point in FAIL_POINTS if is_reindex(point)])
def test_reindex(request: pytest.FixtureRequest, point: str) -> None:
    """A record is found by what it says or by what it was found by before; the server beside it goes on, and is not disturbed."""
    place: Site = request.getfixturevalue(point.partition("-")[0])
    diaries, threads, _ = place.writers(point, most=3)
    for thread in threads:
        thread.join()
    place.examine()
    lost = forget_terms(place.server)
    place.server.order(point, nth_of(point, power=False))
    place.server.expect_death(point, place.server.run("reindex"))
    with client_of(place.server.base, place.server.token()) as client:
        assert client.post("/Patient", json={"resourceType": "Patient"}).status_code == 201
    left = facts(place.server.environment, mend=True)
    assert len(left.findings) <= lost
    assert [finding for finding in left.findings if UNFINDABLE not in finding] == []
    with client_of(place.server.base, place.server.token()) as client:
        facts(place.server.environment).check()
        for diary in diaries:
            verify(client, diary)
            place.kept[-1] += diary.acknowledged()


def forget_terms(server: DyingServer) -> int:
    """Take some records out of the index, as a fault or an older program might have left them; how many."""
    store = server.environment.get("ASSENT_STORE")
    if store is None:
        connection = apsw.Connection(str(server.data / "assent.db"))
        connection.set_busy_timeout(5000)
        rids = [
            row[0] for row in connection.execute("SELECT rid FROM resource WHERE length(terms) > 0 ORDER BY rid LIMIT 20")
        ]
        for rid in rids:
            connection.execute("DELETE FROM term WHERE rid = ?", (rid,))
        connection.close()
        return len(rids)
    with MongoClient[dict[str, Any]](store) as client:
        records = client.get_default_database()["record"]
        found = [document["_id"] for document in records.find({"k": {"$exists": True}, "t.0": {"$exists": True}}).limit(20)]
        records.update_many({"_id": {"$in": found}}, {"$set": {"t": [], "i": []}})
        return len(found)
