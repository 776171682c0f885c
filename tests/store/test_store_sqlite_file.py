"""The file of the embedded store: which ones are opened, what a reader may do, and that its log does not grow for ever."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from store_back_ends import seal_plainly

from server.store.packing import pack_intervals, pack_terms, unpack_intervals, unpack_terms
from server.store.sqlite import files, sqlite_store
from server.store.sqlite.schema import SCHEMA_VERSION, SchemaError, open_connection, prepare_schema
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Index, Put


@pytest.mark.parametrize(("version", "word"), [(SCHEMA_VERSION + 1, "newer"), (10**6, "newer"), (1, "unreleased")])
async def test_a_file_of_another_schema_is_refused_in_a_sentence(tmp_path: Path, version: int, word: str) -> None:
    connection = apsw.Connection(str(tmp_path / FILE_NAME))
    connection.pragma("user_version", version)
    connection.close()
    with pytest.raises(SchemaError, match=rf"{word} Assent \(schema {version}"):
        SqliteStore(tmp_path / FILE_NAME, seal_plainly)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"This is a letter to my aunt. " * 100)
    with pytest.raises(SchemaError, match="no store of Assent"):
        SqliteStore(path, seal_plainly)
    assert path.read_bytes() == b"This is a letter to my aunt. " * 100


def test_the_schema_is_made_once_and_a_reader_cannot_write(tmp_path: Path) -> None:
    writer = open_connection(tmp_path / "x.db", writable=True)
    prepare_schema(writer)
    prepare_schema(writer)
    assert writer.pragma("user_version") == SCHEMA_VERSION
    assert writer.pragma("journal_mode") == "wal"
    assert writer.pragma("synchronous") == 2
    reader = open_connection(tmp_path / "x.db", writable=False)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO setting (name, value) VALUES ('a', x'00')")
    with pytest.raises(apsw.CantOpenError):
        open_connection(tmp_path / "missing.db", writable=False)


def test_terms_and_intervals_survive_packing() -> None:
    index = Index(5, (-(2**63), 0, 2**63 - 1), ((2**62, -(2.0**62), 2.0**62), (-1, 0.1, 1e300)))
    assert unpack_terms(pack_terms(index.terms)) == index.terms
    assert tuple(unpack_intervals(pack_intervals(index))) == index.intervals
    assert unpack_terms(b"") == ()


async def test_the_log_is_copied_into_the_file_while_the_store_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_PAGES", 8)
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_SECONDS", 0.05)
    store = SqliteStore(tmp_path / FILE_NAME, seal_plainly)
    log = tmp_path / (FILE_NAME + "-wal")
    sizes: list[int] = []
    for number in range(3000):
        await store.commit(Commit(1, [Put(number.to_bytes(16), 1, 1, bytes(20_000), Index(0, (1,)))]))
        sizes.append(log.stat().st_size)
        if sizes[-2:-1] == sizes[-1:]:  # it has begun anew, for all that stood in it was copied
            break
        await asyncio.sleep(0.02)
    assert sizes[-2] == sizes[-1]
    assert (tmp_path / FILE_NAME).stat().st_size > 20_000 * (len(sizes) - 1)
    await store.close()


async def test_the_log_stays_small_while_readers_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader keeps the log from beginning anew, as a backup does; when it is gone, the log is as small as before."""
    monkeypatch.setattr(files, "LOG_KEPT", 40 * 4096)
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(sqlite_store, "LONG_LOG_PAGES", 40)
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_SECONDS", 0.01)
    path, log = tmp_path / FILE_NAME, tmp_path / (FILE_NAME + "-wal")
    store, written = SqliteStore(path, seal_plainly), 0

    async def write(count: int) -> None:
        nonlocal written
        for _ in range(count):
            written += 1
            await store.commit(Commit(1, [Put(written.to_bytes(16), 1, 1, bytes(20_000), Index(0, (1,)))]))
            await asyncio.sleep(0)

    for _ in range(3):
        with closing(open_connection(path, writable=False)) as reader:
            reader.execute("BEGIN")
            seen = reader.execute("SELECT count(*) FROM resource").fetchall()
            await write(100)
            assert log.stat().st_size > 100 * 20_000
            assert reader.execute("SELECT count(*) FROM resource").fetchall() == seen
        async with asyncio.timeout(60):
            while log.stat().st_size > 80 * 4096:
                await write(1)
                await asyncio.sleep(0.01)
    sizes = []
    for _ in range(100):
        await write(1)
        await asyncio.sleep(0.005)
        sizes.append(log.stat().st_size)
    assert sorted(sizes)[50] < 120 * 4096, "the log grows again"
    assert len(await store.upkeep.rows(0, 10_000)) == written
    await store.close()


async def test_an_upload_that_waits_for_another_process_holds_nobody_else_up(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / FILE_NAME, seal_plainly)
    loop = asyncio.get_running_loop()
    try:
        with closing(open_connection(tmp_path / FILE_NAME, writable=True)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = loop.time()
            upload = asyncio.create_task(store.blobs.begin(b"b" * 16, 1, 1))
            for _ in range(5):
                await asyncio.sleep(0.01)
            assert loop.time() - began < 4  # the upload alone would wait for five seconds
            assert not upload.done()
            other.execute("COMMIT")
        await upload
        assert [blob.upload for blob in await store.blobs.listed(b"", 10)] == [True]
    finally:
        await store.close()
