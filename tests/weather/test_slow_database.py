"""MongoDB that does not answer (SIGSTOP): nobody waits for ever, nothing piles up, and it is over when the database goes on.

That it goes away and comes back is in tests/store/test_mongodb_faults.py and test_mongodb_program.py.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer
from mongod import Mongod, binary
from store_back_ends import DATABASE, seal_plainly
from workers import PATIENCE, Worker, eventually

from server.store import line
from server.store.mongo import retry
from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.schema import prepare
from server.store.store import Commit, Index, Put, StoreUnavailableError

A, B = b"a" * 16, b"b" * 16


@pytest.fixture(scope="module")
def mongod() -> Iterator[Mongod]:
    server = Mongod(binary())
    server.start()
    yield server
    server.remove()


@contextmanager
def stopped(mongod: Mongod) -> Iterator[None]:
    mongod.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        mongod.signal(signal.SIGCONT)


@pytest.fixture
async def store(mongod: Mongod) -> AsyncIterator[MongoStore]:
    client = make_client(mongod.url)
    database = client[DATABASE]
    await prepare(database)
    for name in await database.list_collection_names():
        await database[name].delete_many({})
    opened = MongoStore(client, database, seal_plainly)
    yield opened
    await opened.close()


def put(key: bytes, version: int = 1) -> Put:
    return Put(key, version, version, b"body", Index(version, (1,)))


@pytest.mark.slow
async def test_a_database_that_does_not_answer_keeps_nobody_waiting_for_ever(
    mongod: Mongod, store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits behind those who are told is told with them, and does not wait as long again."""
    await store.commit(Commit(1, [put(A)], audit=[b"a"]))
    tasks = len(asyncio.all_tasks())
    monkeypatch.setattr(retry, "PATIENCE", 1.0)
    with stopped(mongod):
        questions: list[Any] = [store.read(bytes([n]) * 16) for n in range(200)]
        questions += [store.commit(Commit(1, [put(bytes([n]) * 16)], audit=[b"x"])) for n in range(200)]
        questions += [store.get_setting("x"), store.audit_batches(0, 10)]
        answers = await asyncio.wait_for(asyncio.gather(*questions, return_exceptions=True), PATIENCE)
    assert {type(answer) for answer in answers} == {StoreUnavailableError}
    assert {answer.trouble for answer in answers} <= {"slow", "away"}
    monkeypatch.undo()
    assert await store.read(A) is not None
    await store.commit(Commit(1, [put(A, 2)], audit=[b"a again"]))
    stored = [n for n in range(200) if await store.read(bytes([n]) * 16) is not None and bytes([n]) * 16 != A]
    batches = await store.audit_batches(0, 1000)
    assert sum(batch.count for batch in batches) == 2 + len(stored)  # those whose end nobody knew: whole, or not at all
    for _ in range(500):
        if len(asyncio.all_tasks()) <= tasks:
            break
        await asyncio.sleep(0.01)
    assert len(asyncio.all_tasks()) <= tasks


async def test_the_line_before_a_slow_database_is_bounded(
    mongod: Mongod, store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MAX_WAITING", 10)
    commits = [store.commit(Commit(1, [put(bytes([n]) * 16)])) for n in range(50)]
    answers = await asyncio.gather(*commits, return_exceptions=True)
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == 40
    assert {answer.trouble for answer in refused if isinstance(answer, StoreUnavailableError)} == {"busy"}
    await store.commit(Commit(1, [put(B)]))


@pytest.mark.slow
def test_the_program_before_a_database_that_does_not_answer(mongod: Mongod, tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_STORE=mongod.url, ASSENT_SAMPLE="0", ASSENT_MAX_REQUESTS="25")
    server.start()
    try:
        client = server.client()
        patient = {"resourceType": "Patient", "name": [{"family": "Villanueva"}]}
        address = f"/Patient/{client.post('/Patient', json=patient).json()['id']}"
        before = resources(server.pid)
        answers: list[httpx.Response] = []

        def ask(number: int) -> None:
            with httpx.Client(base_url=server.base, headers=client.headers, timeout=PATIENCE) as own:
                answers.append(own.post("/Patient", json=patient) if number % 2 else own.get(address))

        with stopped(mongod):
            impatient = httpx.Client(base_url=server.base, headers=client.headers, timeout=0.5)
            with impatient, pytest.raises(httpx.TimeoutException):
                impatient.get(address)
            callers = [Worker(lambda number=number: ask(number)) for number in range(60)]
            assert httpx.get(f"{server.root}/health", timeout=PATIENCE).status_code == 200
            ready = httpx.get(f"{server.root}/ready", timeout=PATIENCE)
            assert (ready.status_code, ready.json()["store"]) == (503, "waits too long for its disk or database")
            for caller in callers:
                caller.join()
        assert [answer.status_code for answer in answers] == [503] * 60
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        codes = [answer.json()["issue"][0]["details"]["coding"][0]["code"] for answer in answers]
        assert codes.count("overloaded") >= 30
        assert codes.count("unavailable") >= 10
        eventually(lambda: client.get(address).status_code == 200, "the database is back")
        assert client.post("/Patient", json=patient).status_code == 201
        eventually(lambda: resources(server.pid) <= before + 10, "threads and connections are given back")
    finally:
        mongod.signal(signal.SIGCONT)
        server.stop()


def resources(pid: int) -> int:
    """Threads and open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/task")) + len(os.listdir(f"/proc/{pid}/fd"))
