"""`server.store.portable` on the embedded store: a moment is one read transaction on a connection of its own.

Writers do not wait for it; the log cannot be reset behind it, and grows by what is written meanwhile. What is taken in goes into a
draft, whose index rows are written at the end in the order of their keys: that keeps a large restore from reading pages again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw

from server.durable import sync
from server.store.blobs import CHUNKS_AT_MOST
from server.store.packing import unpack_intervals, unpack_terms
from server.store.portable import Batch, PortableError, Rows, Section, kept_settings
from server.store.sqlite.index_rows import IndexRows
from server.store.sqlite.schema import open_connection, prepare_schema
from server.store.store import Index

_ORDER: Final = {
    "setting": "name",
    "resource": "rid",
    "version": "rid, version",
    "timeline": "term, updated, rid, version",
    "unique_key": "key",
    "job": "id",
    "job_part": "job, number",
    "audit": "seq",
    "internal": "key",
}
_READ: Final = {
    "blob": "SELECT id, tenant, chunks, size FROM blob WHERE state = 1 ORDER BY id",
    "chunk": f"SELECT blob.id, chunk.place % {CHUNKS_AT_MOST}, chunk.body FROM blob JOIN chunk "
    f"ON chunk.place >= blob.row * {CHUNKS_AT_MOST} AND chunk.place < (blob.row + 1) * {CHUNKS_AT_MOST} "
    "WHERE blob.state = 1 ORDER BY blob.id, chunk.place",
}
_WRITE: Final = {
    "blob": "INSERT INTO blob (id, tenant, chunks, size, begun, state) VALUES (?, ?, ?, ?, 0, 1)",
    "chunk": f"INSERT INTO chunk (place, body) SELECT row * {CHUNKS_AT_MOST} + ?2, ?3 FROM blob WHERE id = ?1",
}
"""Where a row is not a row of the table of its section's name."""

_PARTS: Final = 64
"""Terms wait in so many tables, by their first bits: each is sorted in memory."""


class SqliteSource:
    """Close it when done."""

    def __init__(self, path: Path) -> None:
        self._connection = open_connection(path, writable=False)
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT count(*) FROM setting").fetchall()  # from here on nothing that is written is seen

    async def rows(self, section: Section) -> AsyncIterator[Rows]:
        cursor = self._connection.execute(_reading(section))
        while rows := await asyncio.to_thread(self._read, cursor):
            yield kept_settings(rows) if section.name == "setting" else rows

    def _read(self, cursor: Iterator[Any]) -> Rows:
        try:
            batch = Batch()
            for row in cursor:
                batch.add(row)
                if batch.is_full:
                    break
            return batch.rows
        except apsw.Error as error:
            raise PortableError(f"The store could not be read ({type(error).__name__}).") from error

    def close(self) -> None:
        self._connection.close()


class SqliteTarget:
    """Makes `path`, which must not exist, out of a draft on the same disk."""

    def __init__(self, path: Path, draft: Path) -> None:
        self._path = path
        self._draft = draft
        self._scratch = draft.with_name(draft.name + "-terms")
        self._remove()
        os.close(os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._connection = open_connection(self._draft, writable=True)
        prepare_schema(self._connection)
        self._connection.pragma("synchronous", "off")  # synced as a whole, before it gets its name
        self._connection.pragma("journal_mode", "off")
        self._connection.execute("ATTACH ? AS scratch", (str(self._scratch),))
        self._connection.execute("PRAGMA scratch.journal_mode = off")
        for part in range(_PARTS):
            self._connection.execute(f"CREATE TABLE scratch.term_{part} (term INTEGER, ord INTEGER, rid INTEGER)")

    async def take(self, section: Section, rows: Rows) -> None:
        await asyncio.to_thread(_guarded, partial(self._take, section, rows))

    async def finish(self) -> None:
        await asyncio.to_thread(_guarded, self._finish)

    async def abandon(self) -> None:
        self._connection.close()
        self._remove()

    def _take(self, section: Section, rows: Rows) -> None:
        with self._connection:
            self._connection.executemany(_writing(section), rows)
            if section.name == "resource":
                self._index([dict(zip(section.fields, row, strict=True)) for row in rows])

    def _index(self, rows: list[dict[str, Any]]) -> None:
        terms: list[list[tuple[int, int, int]]] = [[] for _ in range(_PARTS)]
        others = IndexRows()
        for row in rows:
            rid, order = row["rid"], row["ord"]
            for term in unpack_terms(row["terms"]):
                terms[_part(term)].append((term, order, rid))
            others.add(rid, Index(order, (), tuple(unpack_intervals(row["intervals"]))))
        others.insert(self._connection)
        for part, entries in enumerate(terms):
            if entries:
                self._connection.executemany(f"INSERT INTO scratch.term_{part} VALUES (?, ?, ?)", entries)

    def _finish(self) -> None:
        for part in range(_PARTS):
            self._connection.execute(
                f"INSERT OR IGNORE INTO main.term SELECT term, ord, rid FROM scratch.term_{part} ORDER BY term, ord, rid"
            )
        self._connection.execute("DETACH scratch")
        self._connection.close()
        self._scratch.unlink()
        sync(self._draft)
        os.link(self._draft, self._path)
        self._draft.unlink()
        sync(self._path.parent)

    def _remove(self) -> None:
        for path in self._draft.parent.glob(f"{self._draft.name}*"):
            path.unlink()


def _reading(section: Section) -> str:
    fields = ", ".join(section.fields)
    return _READ.get(section.name) or f"SELECT {fields} FROM {section.name} ORDER BY {_ORDER[section.name]}"


def _writing(section: Section) -> str:
    fields, marks = ", ".join(section.fields), ", ".join("?" * len(section.fields))
    return _WRITE.get(section.name) or f"INSERT INTO {section.name} ({fields}) VALUES ({marks})"


def _guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except OSError as error:
        raise PortableError(f"The store cannot be written ({os.strerror(error.errno or 0)}).") from error
    except apsw.Error as error:
        raise PortableError(f"The store cannot be written ({type(error).__name__}): is there room on the disk?") from error


def _part(term: int) -> int:
    """In the order of the terms, which are signed."""
    return (term + (1 << 63)) >> 58
