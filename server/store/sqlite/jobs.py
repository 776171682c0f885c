"""`server.store.jobs.Jobs` on the tables of the embedded store: reads on the event loop, changes through the one writer."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

import apsw

from server.store import fail_points
from server.store.jobs import REASON, Job, JobStatus
from server.store.sqlite.files import Files
from server.store.sqlite.group_commit import GroupCommit
from server.store.sqlite.job_rows import remove_job
from server.store.store import StoreUnavailableError

_STATUS: Final = "id, tenant, kind, closed, total, done, attempts, created, due, lease_until, until, owner"


class SqliteJobs:
    """Shares the store's reader and writer."""

    def __init__(self, files: Files, group: GroupCommit) -> None:
        self._files = files
        self._group = group

    async def lease(self, now: int, lease_until: int, limit: int, without: Collection[str] = ()) -> list[Job]:
        free = "closed IS NULL AND due <= ? AND lease_until <= ? AND kind NOT IN (SELECT value FROM json_each(?))"
        values = (now, now, json.dumps(sorted(without)))

        def lease(connection: apsw.Connection) -> list[Job]:
            rows: list[tuple[Any, ...]] = connection.execute(
                "UPDATE job SET lease_until = ?, fence = fence + 1, attempts = attempts + 1 WHERE id IN "
                f"(SELECT id FROM job WHERE {free} ORDER BY due LIMIT ?) "
                "RETURNING id, tenant, kind, attempts, fence, body, total, done",
                (lease_until, *values, limit),
            ).fetchall()
            fail_points.reach("sqlite-21-jobs-leased")
            return [Job(*row) for row in rows]

        if not self._all(f"SELECT 1 FROM job WHERE {free} LIMIT 1", *values):
            return []
        return await self._group.run(lease)

    async def renew(self, job_id: int, fence: int, lease_until: int) -> bool:
        return await self._changes(
            "UPDATE job SET lease_until = ? WHERE id = ? AND fence = ? AND closed IS NULL", lease_until, job_id, fence
        )

    async def release(
        self,
        job_id: int,
        fence: int,
        due: int,
        *,
        reason: bytes = b"",
        failed_until: int | None = None,
        untried: bool = False,
    ) -> None:
        def release(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE job SET due = ?, lease_until = 0, closed = ?, until = ?, attempts = max(attempts - ?, 0) "
                "WHERE id = ? AND fence = ? AND closed IS NULL",
                (due, None if failed_until is None else "failed", failed_until or 0, int(untried), job_id, fence),
            )
            if reason and connection.changes():
                connection.execute("INSERT OR REPLACE INTO job_part VALUES (?, ?, ?)", (job_id, REASON, reason))
            fail_points.reach("sqlite-22-job-released")

        await self._group.run(release)

    async def release_all(self) -> None:
        await self._changes("UPDATE job SET lease_until = 0, fence = fence + 1 WHERE lease_until > 0")

    async def status(self, job_id: int) -> JobStatus | None:
        return _first(self._statuses("WHERE id = ?", job_id))

    async def find(self, handle: bytes) -> JobStatus | None:
        return _first(self._statuses("WHERE handle = ?", handle))

    async def body(self, job_id: int) -> bytes | None:
        rows = self._all("SELECT body FROM job WHERE id = ?", job_id)
        return rows[0][0] if rows else None

    async def parts(self, job_id: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        found = "SELECT number, body FROM job_part WHERE job = ? AND number >= ? ORDER BY number LIMIT ?"
        return [(number, body) for number, body in self._all(found, job_id, first, limit)]

    async def listed(self, after: int, limit: int) -> list[JobStatus]:
        return self._statuses("WHERE id > ? ORDER BY id LIMIT ?", after, limit)

    async def count_open(self, tenant: int, owner: bytes | None, limit: int) -> int:
        whose, values = ("owner <> x''", ()) if owner is None else ("owner = ?", (owner,))
        asked = f"SELECT count(*) FROM (SELECT 1 FROM job WHERE closed IS NULL AND tenant = ? AND {whose} LIMIT ?)"
        return int(self._all(asked, tenant, *values, limit)[0][0])

    async def cancel(self, job_id: int, until: int) -> bool:
        def cancel(connection: apsw.Connection) -> bool:
            connection.execute(
                "UPDATE job SET closed = 'cancelled', fence = fence + 1, lease_until = 0, until = ? "
                "WHERE id = ? AND closed IS NULL",
                (until, job_id),
            )
            if not connection.changes():
                return False
            connection.execute("DELETE FROM job_part WHERE job = ? AND number >= 0", (job_id,))
            return True

        return await self._group.run(cancel)

    async def retry(self, job_id: int, due: int) -> bool:
        return await self._changes(
            "UPDATE job SET closed = NULL, until = 0, attempts = 0, fence = fence + 1, due = ? "
            "WHERE id = ? AND closed = 'failed'",
            due,
            job_id,
        )

    async def forget(self, job_id: int) -> None:
        def forget(connection: apsw.Connection) -> None:
            if connection.execute("SELECT 1 FROM job WHERE id = ? AND closed IS NOT NULL", (job_id,)).fetchone():
                remove_job(connection, job_id)

        await self._group.run(forget)

    async def expired(self, now: int, limit: int) -> list[int]:
        found = "SELECT id FROM job WHERE until > 0 AND until <= ? AND closed IS NOT NULL LIMIT ?"
        return [row[0] for row in self._all(found, now, limit)]

    async def _changes(self, sql: str, *values: int) -> bool:
        def change(connection: apsw.Connection) -> bool:
            connection.execute(sql, values)
            return connection.changes() > 0

        return await self._group.run(change)

    def _statuses(self, which: str, *values: int | bytes) -> list[JobStatus]:
        return [JobStatus(*row) for row in self._all(f"SELECT {_STATUS} FROM job {which}", *values)]

    def _all(self, sql: str, *values: int | bytes | str) -> list[tuple[Any, ...]]:
        try:
            return self._files.reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise StoreUnavailableError(f"The store could not read ({type(error).__name__}).") from error


def _first(found: list[JobStatus]) -> JobStatus | None:
    return found[0] if found else None
