"""`server.store.blobs.Blobs` on two tables of the embedded store.

A chunk is one row under (the blob's row, its number), put in a transaction of its own between two groups of commits, on a
connection of its own with a small page cache: neither memory nor the wait of others grows with the size of a blob. Chunks are not
synced; the commit that makes the blob current is, and whatever stands before it in the log with it.
"""

from __future__ import annotations

from typing import Any, Final

import apsw

from server.store import fail_points
from server.store.blobs import CHUNKS_AT_MOST, BlobGoneError, KeptBlob
from server.store.sqlite.faults import unavailable
from server.store.sqlite.files import Files
from server.store.sqlite.group_commit import GroupCommit

REMOVED_AT_ONCE: Final = 64
"""Chunks that one transaction takes away."""


class SqliteBlobs:
    """Writes in the turns of `group`."""

    def __init__(self, files: Files, group: GroupCommit) -> None:
        self._files = files
        self._group = group

    async def begin(self, blob: bytes, tenant: int, now: int) -> None:
        await self._write("INSERT INTO blob (id, tenant, begun) VALUES (?, ?, ?)", blob, tenant, now)

    async def put(self, blob: bytes, number: int, chunk: bytes) -> None:
        if not 0 <= number < CHUNKS_AT_MOST:
            raise ValueError("A blob does not have so many chunks.")
        put = await self._write(
            "INSERT OR REPLACE INTO chunk (place, body) SELECT row * ? + ?, ? FROM blob WHERE id = ? AND state = 0",
            CHUNKS_AT_MOST,
            number,
            chunk,
            blob,
        )
        if not put:
            raise BlobGoneError
        fail_points.reach("sqlite-27-chunk-put")

    async def read(self, blob: bytes, number: int) -> bytes | None:
        found = self._all(
            "SELECT chunk.body FROM blob JOIN chunk ON chunk.place = blob.row * ? + ? WHERE blob.id = ?",
            CHUNKS_AT_MOST,
            number,
            blob,
        )
        return found[0][0] if found else None

    async def discard(self, blob: bytes) -> bool:
        return await self._remove(blob, "state <> 1")

    async def remove(self, blob: bytes) -> None:
        await self._remove(blob, "1")

    async def sweep(self, before: int, limit: int) -> int:
        found = self._all("SELECT id FROM blob WHERE state <> 1 AND begun < ? LIMIT ?", before, limit)
        return sum([await self.discard(blob) for (blob,) in found])

    async def listed(self, after: bytes, limit: int) -> list[KeptBlob]:
        found = self._all(
            "SELECT id, tenant, chunks, size, state, "
            "(SELECT count(*) FROM chunk WHERE place >= row * ? AND place < (row + 1) * ?) "
            "FROM blob WHERE id > ? ORDER BY id LIMIT ?",
            CHUNKS_AT_MOST,
            CHUNKS_AT_MOST,
            after,
            limit,
        )
        return [KeptBlob(id_, tenant, chunks, size, held, state != 1) for id_, tenant, chunks, size, state, held in found]

    async def _remove(self, blob: bytes, condition: str) -> bool:
        """First it is on its way out, so that no commit can make it current; then its chunks go, then itself."""
        if not await self._make_room(f"UPDATE blob SET state = 2 WHERE id = ? AND {condition}", blob):
            return False
        first = self._all("SELECT row FROM blob WHERE id = ?", blob)[0][0] * CHUNKS_AT_MOST
        some = "SELECT place FROM chunk WHERE place >= ? AND place < ? LIMIT ?"
        while await self._make_room(
            f"DELETE FROM chunk WHERE place IN ({some})", first, first + CHUNKS_AT_MOST, REMOVED_AT_ONCE
        ):
            fail_points.reach("sqlite-28-chunks-removed")
        await self._make_room("DELETE FROM blob WHERE id = ?", blob)
        return True

    async def _write(self, sql: str, *values: int | bytes) -> int:
        """One statement in a transaction of its own; how many rows it changed."""
        return await self._group.beside(lambda: self._change(sql, values))

    async def _make_room(self, sql: str, *values: int | bytes) -> int:
        """The same, also when room on the disk is short."""
        return await self._group.beside(lambda: self._change(sql, values), from_reserve=True)

    def _change(self, sql: str, values: tuple[int | bytes, ...]) -> int:
        writer = self._files.blob_writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute(sql, values)
            changed = writer.changes()
            writer.execute("COMMIT")
            return changed
        except apsw.Error as error:
            self._files.distrust(error)
            raise unavailable(error, writer) from error
        finally:
            if writer.in_transaction:
                writer.execute("ROLLBACK")

    def _all(self, sql: str, *values: int | bytes) -> list[tuple[Any, ...]]:
        try:
            return self._files.blob_reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise unavailable(error, self._files.blob_reader) from error
