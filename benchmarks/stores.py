"""Both stores side by side, without the server on top: `python -m benchmarks.stores [resources]` (10,000 unless told).

Every figure is taken in turn on one store and then on the other, several times; medians are printed, and the ratio. Resources
are as the server makes them: a sealed body, some terms (one for the type, common ones, one of its own), two intervals.
`ASSENT_TEST_MONGODB_URL` names the MongoDB server; without it, one is started from the wheel that the tests use.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.yardsticks import fsync_rate
from server.store.algebra import AnyOf, Order, Plan
from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.schema import prepare
from server.store.sqlite.sqlite_store import SqliteStore
from server.store.store import Commit, Index, Put, Store

TYPE, PATIENT, CATEGORY, STATUS, CODE, UNIQUE = 1, 10_000_000, 100, 200, 300, 20_000_000
DATE, UPDATED = 7, 8
BODY = 700
OTHER_TERMS = 6
BATCH = 500
ROUNDS = 3
AUDIT = bytes(120)

Work = Callable[[Store], Awaitable[None]]


@dataclass(frozen=True)
class Task:
    """One thing to measure: `calls` operations by `callers` at once; each stands for `each` of `unit`."""

    name: str
    operation: Callable[[Store, int], Awaitable[object]]
    calls: int
    callers: int = 1
    each: int = 1


class Load:
    """Makes resources, and remembers how many there are in each store."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._made = 0

    def puts(self, count: int) -> list[Put]:
        return [self._put() for _ in range(count)]

    def _put(self) -> Put:
        number, source = self._made, self._random
        self._made += 1
        date = source.randrange(10**9)
        terms = [
            TYPE, CATEGORY + number % 2, STATUS + source.randrange(4), CODE + source.randrange(100),
            PATIENT + number // 20, UNIQUE + number, *(source.randrange(2**40, 2**62) for _ in range(OTHER_TERMS)),
        ]  # fmt: skip
        index = Index(date, tuple(terms), ((DATE, float(date), float(date + 1)), (UPDATED, float(number), float(number))))
        return Put(key_of(number), 1, number, source.randbytes(BODY), index)


def key_of(number: int) -> bytes:
    return number.to_bytes(16)


async def measure(store: Store, task: Task) -> tuple[float, float]:
    """(operations each second, median milliseconds of a call)."""
    times: list[float] = []
    waiting = iter(range(task.calls))

    async def caller() -> None:
        for number in waiting:
            started = time.perf_counter()
            await task.operation(store, number)
            times.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(task.callers)])
    seconds = time.perf_counter() - started
    return task.calls * task.each / seconds, statistics.median(times) * 1000


async def fill(store: Store, load: Load, resources: int) -> float:
    """Resources each second, in commits of `BATCH`, two at once."""
    batches = iter([load.puts(BATCH) for _ in range(resources // BATCH)])

    async def writer() -> None:
        for batch in batches:
            await store.commit(Commit(1, batch, audit=[AUDIT]))

    started = time.perf_counter()
    await asyncio.gather(writer(), writer())
    return resources / (time.perf_counter() - started)


def tasks(load: Load, resources: int) -> list[Task]:
    source = random.Random(5)
    numbers = [source.randrange(resources) for _ in range(5000)]

    def search(*terms: int, order: Order | None = None) -> Callable[[Store, int], Awaitable[object]]:
        """The last term varies with the call when it names one of many."""

        async def run(store: Store, number: int) -> object:
            asked = [term + numbers[number] if term == UNIQUE else term for term in terms]
            asked = [term + numbers[number] // 20 if term == PATIENT else term for term in asked]
            asked = [term + number % 100 if term == CODE else term for term in asked]
            plan = Plan(tuple(AnyOf((term,)) for term in (TYPE, *asked)), order or Order(), None, 20)
            hits = await store.find(plan)
            assert hits
            return await store.fetch([hit.rid for hit in hits])

        return run

    async def read(store: Store, number: int) -> object:
        record = await store.read(key_of(numbers[number]))
        assert record is not None
        return record

    def create(count: int) -> Callable[[Store, int], Awaitable[object]]:
        async def run(store: Store, _: int) -> object:
            return await store.commit(Commit(1, load.puts(count), audit=[AUDIT]))

        return run

    return [
        Task("read by id, 1 caller", read, 800),
        Task("read by id, 16 callers", read, 1600, 16),
        Task("create, 1 caller", create(1), 100),
        Task("create, 16 callers", create(1), 480, 16),
        Task("10 in one commit, 4 callers (resources)", create(10), 80, 4, 10),
        Task("search, 1 term, one hit", search(UNIQUE), 200),
        Task("search, 1 term, many hits, by date", search(CATEGORY), 100),
        Task("search, patient and category, by date", search(CATEGORY, PATIENT), 100),
        Task("search, 3 terms, by date", search(CATEGORY, STATUS, CODE), 100),
        Task("search, 2 common terms, by date", search(CATEGORY, STATUS), 100),
        Task("search, code, by another column", search(CODE, order=Order(UPDATED)), 50),
    ]


def seal(tenant: int, seq: int, records: Sequence[bytes]) -> bytes:
    return b"".join(records)


def mongodb_url() -> str:
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "store")]
    from mongod import mongodb_url as url

    return url()


async def run(resources: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        client = make_client(mongodb_url())
        database = client[f"assent_bench_{uuid4().hex[:8]}"]
        await prepare(database)
        mongodb: Store = MongoStore(client, database, seal)
        sqlite: Store = SqliteStore(Path(folder) / "bench.db", seal)
        try:
            await compare(sqlite, mongodb, resources)
            await client.admin.command("fsync")
            size = await database.command("dbStats")
        finally:
            await client.drop_database(database)
            await mongodb.close()
            await sqlite.close()
        print(f"\nBytes on disk, embedded: {size_of(folder):,}; MongoDB, data and indexes: {int(size['totalSize']):,}.")


def size_of(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).iterdir())


async def compare(sqlite: Store, mongodb: Store, resources: int) -> None:
    stores = (sqlite, mongodb)
    loads = (Load(1), Load(1))
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {fsync_rate():,.0f} fdatasync/s, {resources:,} resources\n"
    )
    print(
        f"| {'figure':40} | {'embedded /s':>11} | {'ms':>7} | {'MongoDB /s':>11} | {'ms':>7} | {'MongoDB : embedded':>18} |"
    )
    print(f"| {'-' * 40} | {'-' * 10}: | {'-' * 6}: | {'-' * 10}: | {'-' * 6}: | {'-' * 17}: |")
    rates = [await fill(store, load, resources) for store, load in zip(stores, loads, strict=True)]
    _row(f"import, {BATCH} in one commit", (rates[0], 0.0), (rates[1], 0.0))
    for pair in zip(*[tasks(load, resources) for load in loads], strict=True):
        taken: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for _ in range(ROUNDS):
            for store, task, figures in zip(stores, pair, taken, strict=True):
                figures.append(await measure(store, task))
        _row(pair[0].name, _middle(taken[0]), _middle(taken[1]))


def _middle(figures: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(rate for rate, _ in figures), statistics.median(delay for _, delay in figures)


def _row(name: str, one: tuple[float, float], other: tuple[float, float]) -> None:
    delays = [f"{delay:7.2f}" if delay else " " * 7 for _, delay in (one, other)]
    print(
        f"| {name:40} | {one[0]:11,.0f} | {delays[0]} | {other[0]:11,.0f} | {delays[1]} | {other[0] / one[0]:18.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
