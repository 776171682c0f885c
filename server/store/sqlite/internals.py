"""`server.store.internal.Internals` on the embedded store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from server.store.internal import Internal
from server.store.sqlite.faults import unavailable
from server.store.sqlite.files import Files
from server.store.sqlite.group_commit import GroupCommit
from server.store.sqlite.internal_rows import FIELDS


class SqliteInternals:
    """Shares the store's reader and writer."""

    def __init__(self, files: Files, group: GroupCommit) -> None:
        self._files = files
        self._group = group

    async def read(self, key: bytes) -> Internal | None:
        found = self._all(f"SELECT {FIELDS} FROM internal WHERE key = ?", key)
        return found[0] if found else None

    async def listed(self, tenant: int | None, kind: str, since: int, after: bytes, limit: int) -> Sequence[Internal]:
        behind = "kind = ? AND (updated, key) > (?, ?) ORDER BY updated, key LIMIT ?"
        if tenant is None:
            return self._all(f"SELECT {FIELDS} FROM internal WHERE {behind}", kind, since, after, limit)
        return self._all(f"SELECT {FIELDS} FROM internal WHERE tenant = ? AND {behind}", tenant, kind, since, after, limit)

    async def all(self, after: bytes, limit: int) -> Sequence[Internal]:
        return self._all(f"SELECT {FIELDS} FROM internal WHERE key > ? ORDER BY key LIMIT ?", after, limit)

    async def forget(self, before: int, limit: int) -> int:
        def remove(connection: apsw.Connection) -> int:
            connection.execute(
                "DELETE FROM internal WHERE key IN (SELECT key FROM internal WHERE until > 0 AND until < ? LIMIT ?)",
                (before, limit),
            )
            return connection.changes()

        if not self._all(f"SELECT {FIELDS} FROM internal WHERE until > 0 AND until < ? LIMIT 1", before):
            return 0
        return await self._group.run(remove)

    def _all(self, sql: str, *values: int | str | bytes) -> list[Internal]:
        try:
            rows: list[Any] = self._files.reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise unavailable(error, self._files.reader) from error
        return [Internal(*row) for row in rows]
