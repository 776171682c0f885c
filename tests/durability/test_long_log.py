"""The log of the embedded store (SQLite's write-ahead log) does not grow for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from store_back_ends import seal_plainly

from server.store.sqlite import sqlite_store
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Index, Put


def salts(log: Path) -> bytes:
    """They change when the log begins anew (SQLite file format, 4.1)."""
    with log.open("rb") as file:
        return file.read(24)[16:]


async def test_the_log_begins_anew_also_while_somebody_always_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is made beside the writers never comes to the end of the log: without a pause it would grow for ever."""
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_PAGES", 25)
    monkeypatch.setattr(sqlite_store, "LONG_LOG_PAGES", 50)
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_SECONDS", 0.01)
    store = SqliteStore(tmp_path / FILE_NAME, seal_plainly)
    log = tmp_path / (FILE_NAME + "-wal")
    began_anew: set[bytes] = set()

    async def write(writer: int) -> None:
        for number in range(1500):
            key = (writer * 10_000 + number).to_bytes(16)
            await store.commit(Commit(1, [Put(key, 1, 1, bytes(8000), Index(0, (1,)))]))
            began_anew.add(salts(log))
            if len(began_anew) > 5:
                return

    await asyncio.gather(*[write(writer) for writer in range(4)])
    await store.close()
    assert len(began_anew) > 5
