"""The embedded `Store`: point reads and searches on the event loop, writes through `GroupCommit`.

A point read costs about ten microseconds, a hundredth of what handing it to a thread would (docs/decisions: reads on the loop).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import apsw

from server.store import fail_points
from server.store.algebra import Clause, Hit, Plan
from server.store.blobs import Blobs
from server.store.internal import Internals
from server.store.jobs import Jobs
from server.store.sqlite import find as search
from server.store.sqlite import timeline
from server.store.sqlite.blobs import SqliteBlobs
from server.store.sqlite.faults import unavailable
from server.store.sqlite.files import Files
from server.store.sqlite.group_commit import GroupCommit
from server.store.sqlite.index_rows import IndexRows
from server.store.sqlite.internals import SqliteInternals
from server.store.sqlite.jobs import SqliteJobs
from server.store.sqlite.room import Room
from server.store.sqlite.upkeep import SqliteUpkeep
from server.store.store import AuditBatch, AuditSealer, Commit, Edition, Index, Record, edition_setting
from server.store.timeline import Timeline, TimelinePage
from server.store.upkeep import Upkeep

CHECKPOINT_PAGES: Final = 4000
CHECKPOINT_SECONDS: Final = 2.0
LONG_LOG_PAGES: Final = 2 * CHECKPOINT_PAGES
"""The log begins anew when all of it is copied, and it never is while somebody writes. From this length on, writers wait while
what came since the copy just made is copied as well: some milliseconds."""
FILE_NAME: Final = "assent.db"

LARGEST_COMMIT: Final = 50_000
"""Each page of the index that a commit touches is written once to the log, whole: at a million resources, a commit of a thousand
writes thirteen times as much for each resource as one of fifty thousand."""

_RECORD: Final = "rid, key, version, updated, deleted, body, ord"
_AUDIT: Final = "seq, tenant, count, chain, body"


class SqliteStore:
    """Implements `server.store.store.Store` on one file. `open` it inside a running event loop."""

    def __init__(self, path: Path, seal_audit: AuditSealer, reserve: int = 0) -> None:
        self._files = Files(path)
        self._group = GroupCommit(self._files, seal_audit, Room(path.parent, reserve))
        self.upkeep: Upkeep = SqliteUpkeep(self._files, self._group)
        self.jobs: Jobs = SqliteJobs(self._files, self._group)
        self.blobs: Blobs = SqliteBlobs(self._files, self._group)
        self.internals: Internals = SqliteInternals(self._files, self._group)
        self._closing = asyncio.Event()
        self._checkpointer = asyncio.create_task(self._checkpoint_when_grown())

    async def commit(self, commit: Commit) -> None:
        await self._group.commit(commit)

    @property
    def largest_commit(self) -> int:
        return LARGEST_COMMIT

    async def settle(self) -> None:
        await self._files.copy_log()

    async def read(self, key: bytes) -> Record | None:
        row = self._one(f"SELECT {_RECORD} FROM resource WHERE key = ?", (key,))
        return _record(row) if row else None

    async def read_version(self, key: bytes, version: int) -> Record | None:
        current = await self.read(key)
        if current is None or current.version == version:
            return current
        row = self._one(
            "SELECT version, updated, deleted, body FROM version WHERE rid = ? AND version = ?", (current.rid, version)
        )
        return Record(current.rid, key, row[0], row[1], bool(row[2]), row[3]) if row else None

    async def history(self, key: bytes, before_version: int | None, limit: int) -> list[Record]:
        current = await self.read(key)
        if current is None:
            return []
        before = current.version + 1 if before_version is None else before_version
        records = [current] if current.version < before else []
        rows = self._all(
            "SELECT version, updated, deleted, body FROM version WHERE rid = ? AND version < ? ORDER BY version DESC LIMIT ?",
            (current.rid, before, limit),
        )
        records += [Record(current.rid, key, row[0], row[1], bool(row[2]), row[3]) for row in rows]
        return records[:limit]

    async def timeline(self, plan: Timeline) -> TimelinePage:
        try:
            return timeline.page(self._files.reader, plan)
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error

    async def find(self, plan: Plan) -> list[Hit]:
        try:
            return search.find(self._files.reader, plan)
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error

    async def count(self, clauses: Sequence[Clause], limit: int) -> int:
        try:
            return search.count(self._files.reader, clauses, limit)
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error

    async def fetch(self, rids: Sequence[int]) -> dict[int, Record]:
        records: dict[int, Record] = {}
        for rid in rids:
            row = self._one(f"SELECT {_RECORD} FROM resource WHERE rid = ?", (rid,))
            if row:
                records[rid] = _record(row)
        return records

    async def key_holder(self, key: bytes) -> bytes | None:
        row = self._one("SELECT holder FROM unique_key WHERE key = ?", (key,))
        return row[0] if row else None

    async def edition(self, tenant: int, of: Edition = "definitions") -> bytes:
        return await self.get_setting(edition_setting(tenant, of)) or b""

    async def audit_batches(self, after_seq: int, limit: int) -> list[AuditBatch]:
        rows = self._all(f"SELECT {_AUDIT} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit))
        return [AuditBatch(*row) for row in rows]

    async def audit_batch(self, seq: int) -> AuditBatch | None:
        row = self._one(f"SELECT {_AUDIT} FROM audit WHERE seq = ?", (seq,))
        return AuditBatch(*row) if row else None

    async def index_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        def write(connection: apsw.Connection) -> None:
            rows = IndexRows()
            for rid, index in entries:
                rows.add(rid, index)
            rows.insert(connection)
            fail_points.reach("sqlite-23-audit-indexed")
            connection.execute(
                "INSERT INTO setting (name, value) VALUES ('audit-watermark', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (through_seq.to_bytes(8),),
            )

        await self._group.run(write, from_reserve=True)

    async def audit_watermark(self) -> tuple[int, int]:
        stored = self._one("SELECT coalesce(max(seq), 0) FROM audit", ())
        mark = await self.get_setting("audit-watermark")
        return int.from_bytes(mark or b""), int(stored[0]) if stored else 0

    async def get_setting(self, name: str) -> bytes | None:
        row = self._one("SELECT value FROM setting WHERE name = ?", (name,))
        return row[0] if row else None

    async def put_setting(
        self, name: str, value: bytes, *, only_if_absent: bool = False, replaces: bytes | None = None
    ) -> bytes:
        change = "NOTHING" if only_if_absent else "UPDATE SET value = excluded.value"

        def write(connection: apsw.Connection) -> None:
            if replaces is None:
                connection.execute(
                    f"INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO {change}", (name, value)
                )
            else:
                connection.execute("UPDATE setting SET value = ? WHERE name = ? AND value = ?", (value, name, replaces))
            fail_points.reach("sqlite-24-setting-put")

        await self._group.run(write)
        return await self.get_setting(name) or value

    async def close(self) -> None:
        self._closing.set()
        await self._checkpointer
        await self._group.close()
        self._files.close()

    async def _checkpoint_when_grown(self) -> None:
        """Copy the log into the file off the event loop, on a connection of its own, so that callers hardly wait for it."""
        while not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), CHECKPOINT_SECONDS)
            if self._files.log_size() > CHECKPOINT_PAGES * 4096 and await self._files.copy_log() > LONG_LOG_PAGES:
                await self._group.pause(self._files.copy_log)

    def _one(self, sql: str, values: tuple[int | bytes | str, ...]) -> tuple[Any, ...] | None:
        try:
            return self._files.reader.execute(sql, values).fetchone()
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error

    def _all(self, sql: str, values: tuple[int | bytes | str, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._files.reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error


def _record(row: tuple[Any, ...]) -> Record:
    rid, key, version, updated, deleted, body, order = row
    return Record(rid, key, version, updated, bool(deleted), body, order)
