"""How much of MongoDB a page of a history looks at, as its own profiler says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mongod import mongodb_url
from store_back_ends import DATABASE, open_mongodb

from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.store import Commit, Index, Put
from server.store.timeline import Moment, Timeline, TimelinePage

TYPES = tuple(range(1, 149))
RECORDS = 3000


async def profiled(store: MongoStore, plan: Timeline) -> tuple[TimelinePage, list[dict[str, Any]]]:
    async with make_client(mongodb_url()) as client:
        database = client[DATABASE]
        await database.command("profile", 0)
        await database["system.profile"].drop()
        await database.command("profile", 2)
        try:
            page = await store.timeline(plan)
        finally:
            await database.command("profile", 0)
        seen = await database["system.profile"].find({"op": "command", "command.aggregate": {"$exists": True}}).to_list()
        await database["system.profile"].drop()
    return page, [entry for entry in seen if entry["command"]["aggregate"] in {"record", "version"}]


async def test_a_page_reads_along_the_index_and_sorts_nothing(tmp_path: Path) -> None:
    """Two versions of each record: the earlier ones lie in another collection."""
    store = open_mongodb(tmp_path)
    for version in (1, 2):
        puts = [
            Put(n.to_bytes(16), version, version * 10_000 + n, b"body", Index(0, (1,), (), (TYPES[n % 148], 1000 + n % 50)))
            for n in range(RECORDS)
        ]
        await store.commit(Commit(1, puts))
    for plan, most in [
        (Timeline((1,), limit=20), 60),
        (Timeline((1,), limit=20, after=Moment(15_000, 0, 0)), 60),
        (Timeline(TYPES, limit=20), 400),
        (Timeline(TYPES, limit=20, descending=False, since=12_000), 400),
        (Timeline((1000, 1001), limit=20, present_only=True), 400),
        (Timeline((1,), limit=20, at=(20_000, 25_000)), 100),
    ]:
        page, seen = await profiled(store, plan)
        assert len(page.listed) == 20
        assert len(seen) == 2
        for entry in seen:
            assert not entry.get("hasSortStage"), plan
            assert "COLLSCAN" not in entry["planSummary"], plan
            assert entry["keysExamined"] <= most, (plan, entry["keysExamined"])
    await store.close()
