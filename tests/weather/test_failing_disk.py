"""A disk that fails to sync: what is acknowledged afterwards outlives a power failure, and nobody has to restart anything.

SQLite itself, on a disk that behaves as Linux does after a failed sync (fickle_disk.py).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import apsw
import pytest
from fickle_disk import FickleDisk, Weather

from server.audit.record import encode_batch
from server.store import line
from server.store.sqlite import faults, files, group_commit
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Index, Put, StoreUnavailableError

A, B, C = (letter * 16 for letter in (b"a", b"b", b"c"))


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def disk(weather: Weather) -> Iterator[FickleDisk]:
    made = FickleDisk(lambda: weather)
    made.install()
    yield made
    made.remove()


@pytest.fixture
async def store(disk: FickleDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(files, "RETRY_SECONDS", 0.0)
    (tmp_path / "data").mkdir()
    opened = SqliteStore(tmp_path / "data" / FILE_NAME, seal_plainly)
    yield opened
    await opened.close()


def seal_plainly(tenant: int, seq: int, before: bytes, records: Sequence[bytes]) -> bytes:
    return encode_batch(list(records))


def put(key: bytes, version: int = 1) -> Put:
    return Put(key, version, version, b"body", Index(version, (1,)))


async def stored(folder: Path, keys: list[bytes]) -> list[int]:
    """The versions that a store opened on a folder has; its audit trail hangs together."""
    opened = SqliteStore(folder / FILE_NAME, seal_plainly)
    try:
        batches = await opened.audit_batches(0, 1000)
        chain = b""
        for number, batch in enumerate(batches, 1):
            chain = hashlib.blake2b(chain + batch.seq.to_bytes(8) + batch.body, digest_size=32).digest()
            assert (batch.seq, batch.chain) == (number, chain)
        assert await opened.upkeep.damage() == []
        return [record.version if (record := await opened.read(key)) else 0 for key in keys]
    finally:
        await opened.close()


async def test_what_is_acknowledged_after_a_failed_sync_outlives_a_power_failure(
    store: SqliteStore, disk: FickleDisk, weather: Weather, tmp_path: Path
) -> None:
    await store.commit(Commit(1, [put(A)], audit=[b"a"]))
    await store.commit(Commit(1, audit=[b"a read, that is not synced yet"]))
    weather.sync_fails = True
    with pytest.raises(StoreUnavailableError) as refused:
        await store.commit(Commit(1, [put(B)], audit=[b"b"]))
    assert refused.value.trouble == "disk"
    weather.sync_fails = False
    await store.commit(Commit(1, [put(A, 2)], audit=[b"a again"]))
    await store.commit(Commit(1, [put(C)], audit=[b"c"]))
    assert (await stored(disk.image(tmp_path / "image", tmp_path / "data"), [A, C])) == [2, 1]


async def test_the_sync_that_nobody_waits_for_counts_as_well(
    store: SqliteStore, disk: FickleDisk, weather: Weather, tmp_path: Path
) -> None:
    """Audit records of reads lie before later changes in the log: without them the log ends there."""
    await store.commit(Commit(1, [put(A)]))
    weather.sync_fails = True
    await store.commit(Commit(1, audit=[b"a read"]))
    for _ in range(2000):
        await asyncio.sleep(0.005)
        if not store._files.is_sound:
            break
    weather.sync_fails = False
    await store.commit(Commit(1, [put(A, 2)]))
    assert (await stored(disk.image(tmp_path / "image", tmp_path / "data"), [A])) == [2]


async def test_a_sync_that_fails_while_a_change_is_committed_takes_the_change_with_it(
    store: SqliteStore, disk: FickleDisk, weather: Weather, tmp_path: Path
) -> None:
    """The change's own sync succeeds; what stands before it in the log is lost all the same."""
    await store.commit(Commit(1, [put(A)]))
    await store.commit(Commit(1, audit=[b"a read"]))
    weather.sync_fails, weather.sync_seconds = True, 0.2
    store._group._start_sync()
    await asyncio.sleep(0.05)
    weather.sync_fails, weather.sync_seconds = False, 0.0
    with pytest.raises(StoreUnavailableError) as refused:
        await store.commit(Commit(1, [put(A, 2)]))
    assert refused.value.trouble == "disk"
    current = await store.read(A)
    assert current is not None
    await store.commit(Commit(1, [put(A, current.version + 1)]))
    assert (await stored(disk.image(tmp_path / "image", tmp_path / "data"), [A])) == [current.version + 1]


async def test_a_sync_that_finds_no_room_does_not_say_that_nothing_was_stored(
    store: SqliteStore, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some disks find that out so late. `full` promises that nothing was stored, and the log may hold the change already."""
    await store.commit(Commit(1, [put(A)]))
    monkeypatch.setattr(faults, "_FULL", frozenset(range(200)))  # whatever number the system gives
    weather.sync_fails = True
    with pytest.raises(StoreUnavailableError) as refused:
        await store.commit(Commit(1, [put(B)]))
    weather.sync_fails = False
    assert refused.value.trouble == "disk"
    await store.commit(Commit(1, [put(C)]))
    assert await store.read(B) is not None


async def test_a_checkpoint_that_fails_takes_nothing_with_it(
    store: SqliteStore, disk: FickleDisk, weather: Weather, tmp_path: Path
) -> None:
    for number in range(20):
        await store.commit(Commit(1, [put(number.to_bytes(16))]))
    weather.sync_fails = True
    await store._files.copy_log()
    weather.sync_fails = False
    await store.commit(Commit(1, [put(A)]))
    await store._files.copy_log()
    await store.commit(Commit(1, [put(A, 2)]))
    keys = [number.to_bytes(16) for number in range(20)]
    assert (await stored(disk.image(tmp_path / "image", tmp_path / "data"), [*keys, A])) == [*[1] * 20, 2]


async def test_a_log_that_grew_gives_its_room_back(store: SqliteStore, disk: FickleDisk, tmp_path: Path) -> None:
    store._files.writer.pragma("journal_size_limit", 2**20)
    await store.commit(Commit(1, [Put(A, 1, 1, bytes(5 * 2**20), Index())]))
    assert store._files.log_size() > 5 * 2**20
    await store._files.copy_log()
    await store.commit(Commit(1, [put(B)]))
    assert store._files.log_size() <= 2**20


async def test_a_disk_that_goes_on_failing_takes_no_change_and_is_read_all_the_same(
    store: SqliteStore, weather: Weather
) -> None:
    await store.commit(Commit(1, [put(A)]))
    weather.sync_fails = True
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await store.commit(Commit(1, [put(A, 2)]))
        assert await store.read(A) is not None
    weather.sync_fails = False
    current = await store.read(A)
    assert current is not None
    await store.commit(Commit(1, [put(A, current.version + 1)]))


@pytest.mark.parametrize(("writes", "trouble"), [("read-only", "read-only"), ("full", "full")])
async def test_a_disk_that_takes_no_writes_is_named_and_taken_into_use_again(
    store: SqliteStore, weather: Weather, writes: str, trouble: str
) -> None:
    await store.commit(Commit(1, [put(A)], audit=[b"a"]))
    weather.writes = writes
    for commit in (Commit(1, [put(B)]), Commit(1, audit=[b"a read"])):
        with pytest.raises(StoreUnavailableError) as refused:
            await store.commit(commit)
        assert refused.value.trouble == trouble
    assert await store.read(A) is not None
    weather.writes = "kept"
    await store.commit(Commit(1, [put(B)], audit=[b"b"]))
    assert [batch.count for batch in await store.audit_batches(0, 10)] == [1, 1]


async def test_a_slow_disk_makes_a_bounded_line_wait(
    store: SqliteStore, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused is not stored, who is acknowledged is; and the line is empty afterwards."""
    monkeypatch.setattr(line, "MAX_WAITING", 20)
    weather.sync_seconds = 0.2
    keys = [number.to_bytes(16) for number in range(100)]
    answers = await asyncio.gather(*[store.commit(Commit(1, [put(key)])) for key in keys], return_exceptions=True)
    weather.sync_seconds = 0.0
    refused = [key for key, answer in zip(keys, answers, strict=True) if answer is not None]
    assert len(refused) == 80
    assert {answer.trouble for answer in answers if isinstance(answer, StoreUnavailableError)} == {"busy"}
    assert [await store.read(key) for key in refused] == [None] * 80
    await store.commit(Commit(1, [put(refused[0])]))


async def test_the_line_is_bounded_in_bytes_too(
    store: SqliteStore, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MAX_WAITING_BYTES", 100_000)
    large = [Put(number.to_bytes(16), 1, 1, bytes(60_000), Index()) for number in range(3)]
    answers = await asyncio.gather(*[store.commit(Commit(1, [one])) for one in large], return_exceptions=True)
    assert answers.count(None) == 1
    assert await asyncio.gather(*[store.commit(Commit(1, [one])) for one in large[1:2]]) == [None]


async def test_a_disk_that_does_not_answer_keeps_nobody_waiting_for_ever(
    store: SqliteStore, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 0.1)
    weather.sync_seconds = 1.5
    first = asyncio.create_task(store.commit(Commit(1, [put(A)])))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(store.commit(Commit(1, [put(B)])))
    for waiting in (first, second):
        with pytest.raises(StoreUnavailableError) as refused:
            await waiting
        assert refused.value.trouble == "slow"
    with pytest.raises(StoreUnavailableError):
        await store.commit(Commit(1, [put(C)]))
    monkeypatch.setattr(group_commit, "PATIENCE", 30.0)
    weather.sync_seconds = 0.0
    while True:
        try:
            await store.commit(Commit(1, [put(C)]))
        except StoreUnavailableError:
            await asyncio.sleep(0.02)
        else:
            break
    assert await store.read(A) is not None  # it was under way, and its caller was told that nobody knows
    assert await store.read(B) is None  # it had not begun


async def test_a_store_that_cannot_be_opened_anew_is_opened_later(
    store: SqliteStore, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is gone for a while after it failed: each caller is told so, and it is tried again and again."""
    await store.commit(Commit(1, [put(A)]))
    weather.sync_fails = True
    with pytest.raises(StoreUnavailableError):
        await store.commit(Commit(1, [put(A, 2)]))
    weather.sync_fails = False

    def gone(*_: object, **__: object) -> NoReturn:
        raise apsw.CantOpenError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(files, "open_connection", gone)
        for _ in range(2):
            with pytest.raises(StoreUnavailableError) as refused:
                await store.commit(Commit(1, [put(A, 2)]))
            assert refused.value.trouble == "disk"
            with pytest.raises(StoreUnavailableError) as unread:
                await store.read(A)
            assert unread.value.trouble == "disk"
    await store.commit(Commit(1, [put(B)]))
    assert await store.read(A) is not None
