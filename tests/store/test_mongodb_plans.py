"""How much of the database a search looks at: what the server's own profiler says, and not what we hope."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mongod import mongodb_url
from store_back_ends import DATABASE, open_mongodb
from test_store_search import compare, filled
from test_store_search import random_index as any_index

from server.search.hits import telling
from server.store.algebra import AnyInterval, AnyOf, Clause, Interval, NoneOf, Order, Plan, Position
from server.store.mongo import find as search
from server.store.mongo.connect import make_client
from server.store.mongo.driver import PROBE
from server.store.mongo.mongo_store import MongoStore
from server.store.store import Commit, Index, Put

TYPE, COMMON, HALF, RARE, UNIQUE, DATE, OTHER_DATE = 1, 2, 3, 4, 1000, 70, 80
COUNT = 4000


def index_of(number: int, source: random.Random) -> Index:
    terms = [TYPE, COMMON, UNIQUE + number, *([HALF] if number % 2 else []), *([RARE] if number % 200 == 0 else [])]
    moment = float(source.randrange(10**6))
    return Index(number, tuple(terms), ((DATE, float(number), float(number + 1)), (OTHER_DATE, moment, moment + 9)))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MongoStore]:
    """Four thousand records. The shared database is not the test's own, but nobody else uses it now."""
    opened = open_mongodb(tmp_path)
    source = random.Random(3)
    puts = [Put(n.to_bytes(16), 1, n, b"body", index_of(n, source)) for n in range(COUNT)]
    for start in range(0, COUNT, 500):
        await opened.commit(Commit(1, puts[start : start + 500]))
    yield opened
    await opened.close()


class Seen:
    """What the searches between `start` and `stop` examined."""

    def __init__(self) -> None:
        self.keys = 0
        self.documents = 0
        self.commands: list[dict[str, Any]] = []

    def stages(self) -> set[str]:
        return {stage for command in self.commands for stage in command.get("planSummary", "").split(" ")}


async def examined(store: MongoStore, plan: Plan, hits: int) -> Seen:
    async with make_client(mongodb_url()) as client:
        database = client[DATABASE]
        await database.command("profile", 0)
        await database["system.profile"].drop()
        await database.command("profile", 2)
        try:
            assert len(await store.find(plan)) == hits
        finally:
            await database.command("profile", 0)
        seen = Seen()
        async for entry in database["system.profile"].find({"ns": f"{DATABASE}.record"}):
            seen.commands.append(entry)
            seen.keys += entry.get("keysExamined", 0)
            seen.documents += entry.get("docsExamined", 0)
        await database["system.profile"].drop()
        assert seen.commands
        assert "COLLSCAN" not in seen.stages()
        return seen


def asks(*clauses: Clause, order: Order | None = None, after: Position | None = None) -> Plan:
    """As the server asks."""
    return Plan(telling((AnyOf((TYPE,)), *clauses)), order or Order(), after, 20)


@pytest.mark.parametrize("after", [None, Position(2000.0, 1 << 62)], ids=["first page", "later page"])
async def test_one_term_is_answered_from_the_index_alone(store: MongoStore, after: Position | None) -> None:
    for plan in (Plan((AnyOf((TYPE,)),), limit=20, after=after), asks(AnyOf((COMMON,)), after=after)):
        seen = await examined(store, plan, 20)
        assert seen.keys <= 45 + PROBE
        assert after is not None or "FETCH" not in seen.stages()


async def test_a_rare_term_is_walked_and_a_common_one_only_looked_up(store: MongoStore) -> None:
    for clauses in ((AnyOf((COMMON,)), AnyOf((RARE,))), (AnyOf((RARE,)), AnyOf((COMMON,)), NoneOf((HALF,)))):
        seen = await examined(store, asks(*clauses), 20)
        assert seen.documents <= 2 * COUNT // 200
        assert seen.keys <= 2 * PROBE + 3 * COUNT // 200


async def test_a_unique_term_costs_a_handful_of_keys(store: MongoStore) -> None:
    seen = await examined(store, asks(AnyOf((COMMON,)), AnyOf((UNIQUE + 77,))), 1)
    assert (seen.documents, seen.keys <= PROBE + 5) == (1, True)


async def test_a_page_of_many_hits_is_read_and_no_more(store: MongoStore) -> None:
    seen = await examined(store, asks(AnyOf((COMMON,)), AnyOf((HALF,))), 20)
    assert seen.documents <= 60
    seen = await examined(store, asks(AnyOf((HALF, RARE))), 20)
    assert seen.keys <= 60 + PROBE


@pytest.mark.parametrize(
    "interval",
    [
        Interval(DATE, low_from=3990.0),
        Interval(DATE, low_to=9.0),
        Interval(DATE, high_from=3991.0),
        Interval(DATE, low_to=100_000.0, high_from=3991.0),
        Interval(DATE, low_from=50.0, high_to=60.0),
    ],
    ids=["from", "until", "ends after", "overlaps", "within"],
)
async def test_a_narrow_range_is_read_from_its_column(store: MongoStore, interval: Interval) -> None:
    seen = await examined(store, asks(AnyOf((COMMON,)), AnyInterval((interval,))), 10)
    assert seen.documents <= 2 * PROBE + 40


async def test_a_search_by_another_column_walks_it_or_sorts_few(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await examined(store, asks(AnyOf((RARE,)), order=Order(OTHER_DATE)), 20)
    assert seen.documents <= 2 * COUNT // 200
    monkeypatch.setattr(search, "SORTED_AT_MOST", 100)
    for descending in (True, False):
        for after in (None, Position(500_000.0, 1 << 62)):
            seen = await examined(store, asks(AnyOf((HALF,)), order=Order(OTHER_DATE, descending), after=after), 20)
            assert seen.documents <= 150


async def test_walking_a_column_loses_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the contract's test of the same, in which so few records come into question that they would be sorted."""
    monkeypatch.setattr(search, "SORTED_AT_MOST", 50)
    store = open_mongodb(tmp_path)
    source = random.Random(11)
    known = await filled(store, [any_index(source) for _ in range(400)])
    for clauses in ((), (NoneOf((3,)),), (AnyInterval((Interval(20, low_from=0.0),)),), (AnyOf((2, 3)), NoneOf((4,)))):
        for column in (10, 30, 99):
            for descending in (True, False):
                await compare(store, known, Plan((AnyOf((TYPE,)), *clauses), Order(column, descending)), 37)
    await store.close()
