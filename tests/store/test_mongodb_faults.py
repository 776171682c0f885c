"""What the MongoDB back end does when answers are lost, transactions collide, and the database goes away and comes back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mongod import Mongod, binary, mongodb_url
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, PyMongoError
from store_back_ends import DATABASE, open_mongodb, seal_plainly
from workers import until

from server.store.algebra import AnyOf, Plan
from server.store.mongo import retry
from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.schema import prepare
from server.store.mongo.transaction import Transactions
from server.store.store import Commit, Index, KeyClaim, NewJob, Put, StaleVersionError, Store, StoreUnavailableError

A = b"a" * 16
EVERYTHING = Plan((AnyOf((1,)),), limit=10_000)
needs_fail_points = pytest.mark.skipif(
    "ASSENT_TEST_MONGODB_URL" in os.environ, reason="fail points need the tests' own mongod"
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MongoStore]:
    opened = open_mongodb(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def own_mongod() -> Iterator[Mongod]:
    server = Mongod(binary())
    server.start()
    yield server
    server.remove()


def put(key: bytes, version: int = 1) -> Put:
    return Put(key, version, version, f"body {version}".encode(), Index(version, (1,)))


async def check_audit(store: Store, records: int | None = None) -> None:
    """Without gaps, each tenant's batches chained, and as many records as were acknowledged."""
    batches = await store.audit_batches(0, 100_000)
    assert [batch.seq for batch in batches] == list(range(1, len(batches) + 1))
    chains: dict[int, bytes] = {}
    for batch in batches:
        before = chains.get(batch.tenant, b"")
        assert batch.chain == hashlib.blake2b(before + batch.seq.to_bytes(8) + batch.body, digest_size=32).digest()
        chains[batch.tenant] = batch.chain
    if records is not None:
        assert sum(batch.count for batch in batches) == records


@asynccontextmanager
async def failing(times: int, **what: Any) -> AsyncIterator[None]:
    """The server lets commands fail."""
    async with AsyncMongoClient[dict[str, Any]](mongodb_url()) as client:
        await client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": what})
        try:
            yield
        finally:
            await client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.mark.parametrize("audit", [[b"told"], []], ids=["audited", "not audited"])
@pytest.mark.parametrize("label", ["TransientTransactionError", "UnknownTransactionCommitResult"])
async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, audit: list[bytes], label: str
) -> None:
    """A driver that retried would find its own version in its way and call it stale."""
    really = Transactions._commit
    lost: list[int] = []

    async def and_lose_the_answer(self: Transactions, session: Any, pauses: Any) -> None:
        await really(self, session, pauses)
        if len(lost) < 2:
            lost.append(1)
            raise AutoReconnect("lost", {"errorLabels": [label]})

    monkeypatch.setattr(Transactions, "_commit", and_lose_the_answer)
    await store.commit(Commit(1, [put(A)], [KeyClaim(b"k" * 16, b"h", b"d")], audit=audit))
    await store.commit(Commit(1, [put(A, 2)], audit=audit))
    assert len(lost) == 2
    assert [record.version for record in await store.history(A, None, 10)] == [2, 1]
    await check_audit(store, 2 * len(audit))
    with pytest.raises(StaleVersionError):
        await store.commit(Commit(1, [put(A, 2)], audit=audit))


@pytest.mark.parametrize("audit", [[b"told"], []], ids=["audited", "not audited"])
async def test_a_commit_that_takes_place_after_it_was_looked_for_is_not_done_twice(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, audit: list[bytes]
) -> None:
    """A database that stood still goes on: the look overtakes the request to commit, whose connection is long gone."""
    really, lost = Transactions._commit, list[int]()

    async def and_lose_the_answer(self: Transactions, session: Any, pauses: Any) -> None:
        await really(self, session, pauses)
        if not lost:
            lost.append(1)
            raise AutoReconnect("lost", {"errorLabels": ["UnknownTransactionCommitResult"]})

    async def not_yet(self: Transactions, attempt: object, mark: bytes) -> bool:
        return False

    monkeypatch.setattr(Transactions, "_commit", and_lose_the_answer)
    monkeypatch.setattr(Transactions, "_is_stored", not_yet)
    await store.commit(Commit(1, [put(A)], [KeyClaim(b"k" * 16, b"h", b"d")], audit=audit))
    await store.commit(Commit(1, [put(A, 2)], audit=audit))
    assert [record.version for record in await store.history(A, None, 10)] == [2, 1]
    await check_audit(store, 2 * len(audit))


async def test_a_commit_that_did_not_take_place_is_done_again(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Transactions._commit
    lost: list[int] = []

    async def not_at_all(self: Transactions, session: Any, pauses: Any) -> None:
        if len(lost) < 3:
            lost.append(1)
            raise AutoReconnect("lost", {"errorLabels": ["TransientTransactionError"]})
        await really(self, session, pauses)

    monkeypatch.setattr(Transactions, "_commit", not_at_all)
    await store.commit(Commit(1, [put(A)], audit=[b"told"]))
    assert await store.read(A) is not None
    await check_audit(store, 1)


@needs_fail_points
@pytest.mark.parametrize(
    "fault",
    [
        {"failCommands": ["commitTransaction"], "closeConnection": True},
        {"failCommands": ["commitTransaction"], "writeConcernError": {"code": 64, "errmsg": "too slow"}},
        {"failCommands": ["insert"], "errorCode": 112, "errorLabels": ["TransientTransactionError"]},
        {"failCommands": ["insert", "find"], "closeConnection": True},
        {"failCommands": ["find"], "errorCode": 11602},
    ],
    ids=["commit cut off", "commit not confirmed", "conflict", "connection lost", "stepping down"],
)
async def test_passing_faults_are_not_seen_by_callers(store: MongoStore, fault: dict[str, Any]) -> None:
    async with failing(3, **fault):
        await asyncio.gather(*[store.commit(Commit(1, [put(n.to_bytes(16))], audit=[b"told"])) for n in range(20)])
        assert await store.read((3).to_bytes(16)) is not None
    assert len(await store.find(EVERYTHING)) == 20
    await check_audit(store, 20)


@needs_fail_points
async def test_a_lasting_fault_is_told_and_forgotten(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "TRY_FOR", 0.2)
    monkeypatch.setattr(retry, "PATIENCE", 0.3)
    async with failing(10_000, failCommands=["insert", "find"], errorCode=11602):
        for attempt in (store.read(A), store.commit(Commit(1, [put(A)])), store.get_setting("x")):
            with pytest.raises(StoreUnavailableError):
                await asyncio.wait_for(attempt, 5)
    await store.commit(Commit(1, [put(A)]))


async def test_one_that_cannot_be_written_does_not_keep_the_others_of_its_group(store: MongoStore) -> None:
    commits = [Commit(1, [put(n.to_bytes(16))], audit=[b"told"]) for n in range(10)]
    commits[4] = Commit(1, [Put((4).to_bytes(16), 1, 2**70, b"", Index())], audit=[b"told"])
    commits[7] = Commit(1, [Put((7).to_bytes(16), 1, 1, bytes(17 * 2**20), Index())], audit=[b"told"])
    results = await asyncio.gather(*[store.commit(commit) for commit in commits], return_exceptions=True)
    assert [n for n, result in enumerate(results) if result is not None] == [4, 7]
    assert {type(results[n]) for n in (4, 7)} == {StoreUnavailableError}
    await check_audit(store, 8)


async def test_two_servers_share_one_database(store: MongoStore, tmp_path: Path) -> None:
    """Every version has one winner over both, and the audit trail is one chain."""
    servers = [store, open_mongodb(tmp_path)]
    for version in range(1, 16):
        commits = [Commit(1 + n % 2, [put(A, version)], audit=[b"told"]) for n in range(16)]
        results = await asyncio.gather(
            *[servers[n % 2].commit(commit) for n, commit in enumerate(commits)], return_exceptions=True
        )
        assert {type(result) for result in results} == {type(None), StaleVersionError}
        assert results.count(None) == 1
    keys = [n.to_bytes(16) for n in range(200)]
    await asyncio.gather(*[servers[n % 2].commit(Commit(1, [put(key)], audit=[b"told"])) for n, key in enumerate(keys)])
    rids = {record.rid for key in keys if (record := await servers[1].read(key)) is not None}
    assert len(rids) == 200
    for server in servers:
        await check_audit(server, 215)
    await servers[1].close()


def more_than(numbers: list[int], count: int) -> bool:
    return len(numbers) > count


async def test_the_database_goes_away_and_comes_back(own_mongod: Mongod) -> None:
    """What was acknowledged is there, what was not is there or not, and nobody has to restart anything."""
    client = make_client(own_mongod.url)
    await prepare(client[DATABASE])
    store = MongoStore(client, client[DATABASE], seal_plainly)
    acknowledged: list[int] = []

    async def write(first: int) -> None:
        for number in range(first, first + 150):
            try:
                await store.commit(Commit(1, [put(number.to_bytes(16))], audit=[str(number).encode()]))
            except StoreUnavailableError:
                continue
            acknowledged.append(number)

    writers = [asyncio.create_task(write(n * 1000)) for n in range(4)]
    for _ in range(2):
        await until(partial(more_than, acknowledged, len(acknowledged) + 50), "they write", 120)
        await asyncio.to_thread(own_mongod.kill)
        await asyncio.to_thread(own_mongod.start)
    await asyncio.gather(*writers)
    assert len(acknowledged) > 300
    stored = [number for number in acknowledged if await store.read(number.to_bytes(16)) is not None]
    assert stored == acknowledged
    batches = await store.audit_batches(0, 100_000)
    assert sum(batch.count for batch in batches) == len(await store.find(EVERYTHING)) >= len(acknowledged)
    await check_audit(store)
    await store.close()


def test_what_passes_is_told_from_what_does_not() -> None:
    assert retry.passes(AutoReconnect("x"))
    assert not retry.passes(PyMongoError("x"))
    told: Callable[[BaseException], StoreUnavailableError] = retry.unavailable
    assert "Villanueva" not in str(told(PyMongoError("Villanueva")))


async def test_a_transaction_that_a_killed_server_left_open_holds_nobody_up(store: MongoStore, tmp_path: Path) -> None:
    """It has the next place in the audit trail, a record and a job; MongoDB alone would keep it for a minute."""
    await store.commit(Commit(1, [put(A)], jobs=[NewJob("kind", 1, b"")], audit=[b"one"]))
    async with make_client(mongodb_url()) as killed:
        session = killed.start_session()
        await session.start_transaction()
        database = killed[DATABASE]
        await database["audit"].insert_one({"_id": 2}, session=session)
        await database["record"].update_one({"k": A}, {"$set": {"v": 7}}, session=session)
        await database["job"].delete_many({}, session=session)
        started = time.monotonic()
        await store.commit(Commit(1, [put(A, 2)], audit=[b"two"]))
        assert len(await store.jobs.lease(10, 1000, 5)) == 1
        assert time.monotonic() - started < 20
        with pytest.raises(PyMongoError):
            await session.commit_transaction()
    assert [record.version for record in await store.history(A, None, 10)] == [2, 1]
    await check_audit(store, 2)
