"""Both stores side by side in one run: `python -m benchmarks.stores [--resources 10000] [--only embedded|mongodb]`.

First each loads the same made-up population (benchmarks/population.py) from a file, as `assent load` does: parsed, validated,
indexed and sealed by processes of their own, committed in one stream. Then every task is taken on one store and on the other,
several times in turn; of the rounds' figures the medians are printed. The ratios count: what else the machine does at the time is
said at the top, with how often the disk syncs.

`ASSENT_TEST_MONGODB_URL` names the MongoDB server; without it, one is started from the wheel that the tests use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from benchmarks import population
from benchmarks.store_tasks import (
    BASE,
    Figure,
    Fresh,
    Known,
    Side,
    Task,
    mean_keys,
    measure,
    reads,
    searches,
    writes,
    written_by_round,
)
from benchmarks.yardsticks import fsync_rate
from server.load.files import Unit, find_sources
from server.load.loader import Loader
from server.load.prepare import Recipe
from server.load.workers import Workers
from server.repository import Repository
from server.seal.keyring import open_keyring
from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.schema import prepare
from server.store.sqlite.sqlite_store import SqliteStore
from server.store.store import Store

ROUNDS = 3
LAST = 100_000
"""The rate of so many at the end is held against that of as many at the beginning."""


@dataclass
class Import:
    """When how many resources were done with."""

    seconds: float = 0.0
    marks: list[tuple[int, float]] = field(default_factory=list)

    def rate(self, first: int, last: int) -> float:
        """Resources a second between two counts."""
        (start_count, start), (end_count, end) = self._at(first), self._at(last)
        return (end_count - start_count) / (end - start) if end > start else 0.0

    def _at(self, count: int) -> tuple[int, float]:
        return min(self.marks, key=lambda mark: abs(mark[0] - count))


def seal(tenant: int, seq: int, records: Sequence[bytes]) -> bytes:
    return b"".join(records)


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Side]:
    store = SqliteStore(folder / "bench.db", seal)

    async def size() -> int:
        return await asyncio.to_thread(os.path.getsize, folder / "bench.db")

    try:
        yield await _side("embedded", store, size)
    finally:
        await store.close()


@asynccontextmanager
async def mongodb(_: Path) -> AsyncIterator[Side]:
    client = make_client(_mongodb_url())
    database = client[f"assent_bench_{uuid4().hex[:8]}"]
    await prepare(database)
    store = MongoStore(client, database, seal)

    async def size() -> int:
        await client.admin.command("fsync")
        return int((await database.command("dbStats"))["totalSize"])

    try:
        yield await _side("MongoDB", store, size)
    finally:
        await client.drop_database(database)
        await store.close()


async def _side(name: str, store: Store, size: Callable[[], Awaitable[int]]) -> Side:
    keyring = await open_keyring(store, bytes(32))
    tenant = await keyring.make("default")
    return Side(name, store, keyring, tenant, Repository(store, tenant, BASE, lambda: datetime.now(UTC)), size)


def _mongodb_url() -> str:
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "store")]
    from mongod import mongodb_url

    return mongodb_url()


async def load(side: Side, file: Path) -> Import:
    """As `assent load` does it."""
    entry = side.keyring.entries()["default"]
    recipe = Recipe("default", entry, BASE, 1 << 30, frozenset())
    done = Import(marks=[(0, 0.0)])
    started = time.perf_counter()

    def moved(unit: Unit) -> None:
        done.marks.append((unit.end, time.perf_counter() - started))

    loader = Loader(side.repository, side.keyring, side.store.largest_commit, lambda source, fault: None, moved)
    async with Workers(recipe, os.cpu_count() or 1, side.store.largest_commit) as workers:
        started = time.perf_counter()
        await loader.run(find_sources([file]), workers)
    done.seconds = time.perf_counter() - started
    done.marks[-1] = (done.marks[-1][0], done.seconds)
    assert loader.counts.refused == 0
    return done


def _row(name: str, cells: Sequence[str]) -> None:
    print(f"| {name:45} | " + " | ".join(f"{cell:>11}" for cell in cells) + " |", flush=True)


def _head(sides: Sequence[Side]) -> None:
    cells = [cell for side in sides for cell in (f"{side.name}/s", "p50 ms", "p99 ms")]
    cells += ["ratio"] if len(sides) == 2 else []
    _row("figure", cells)
    _row("---", ["---:"] * len(cells))


def _show(name: str, figures: Sequence[Figure]) -> None:
    cells = [cell for one in figures for cell in (f"{one.rate:,.0f}", f"{one.median:.2f}", f"{one.p99:.2f}")]
    _row(name, cells + ([f"{figures[1].rate / figures[0].rate:.2f}"] if len(figures) == 2 else []))


async def compare(sides: Sequence[Side], tasks: Sequence[Task]) -> None:
    for task in tasks:
        taken: list[list[Figure]] = [[] for _ in sides]
        for _ in range(ROUNDS):
            for side, figures in zip(sides, taken, strict=True):
                figures.append(await measure(side, task))
        _show(task.name, [_middle(figures) for figures in taken])


def _middle(figures: Sequence[Figure]) -> Figure:
    middle = statistics.median
    return Figure(middle(f.rate for f in figures), middle(f.median for f in figures), middle(f.p99 for f in figures))


def _imports(sides: Sequence[Side], done: Sequence[Import], count: int) -> None:
    print()
    for side, one in zip(sides, done, strict=True):
        text = f"{side.name}: {count:,} resources loaded in {one.seconds:,.0f} s, {count / one.seconds:,.0f} a second"
        if count >= 2 * LAST:
            first, last = one.rate(0, LAST), one.rate(count - LAST, count)
            text += f"; the first {LAST:,} at {first:,.0f}, the last at {last:,.0f} a second ({last / first:.2f})"
        print(f"{text}.")
    if len(done) == 2:
        print(f"Import, MongoDB : embedded: {done[0].seconds / done[1].seconds:.2f}.")


async def run(count: int, only: str | None) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} processors; load before: {_load()}; "
          f"{fsync_rate():,.0f} fdatasync/s; {count:,} resources\n", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "population.ndjson"
        population.write(count, file)
        json_bytes = file.stat().st_size / count
        kinds = [kind for kind in (embedded, mongodb) if only in {None, "embedded" if kind is embedded else "mongodb"}]
        async with AsyncExitStack() as stack:
            sides = [await stack.enter_async_context(kind(folder)) for kind in kinds]
            done = [await load(side, file) for side in sides]
            keys = mean_keys(sides[0])
            sizes = [await side.size() for side in sides]
            known = Known(count)
            _head(sides)
            await compare(sides, [*reads(known), *searches(known)])
            fresh = {side.name: Fresh(side, ROUNDS * written_by_round()) for side in sides}
            await compare(sides, writes(fresh))
            _imports(sides, done, count)
        print(f"JSON: {json_bytes:,.0f} bytes a resource. Keys a resource: {keys[0]:.1f} embedded, {keys[1]:.1f} MongoDB.")
        for side, size in zip(sides, sizes, strict=True):
            print(f"{side.name}: {size / count:,.0f} bytes a resource on the disk, all included.")
    print(f"Load after: {_load()}.")


def _load() -> str:
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores")
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--only", choices=("embedded", "mongodb"))
    arguments = parser.parse_args()
    asyncio.run(run(arguments.resources, arguments.only))
