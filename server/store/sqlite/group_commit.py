"""One writer with group commit: callers that come while a commit is being made durable share the next one.

Statements run on the event loop (they are short and hold the interpreter anyway); the durable part, COMMIT with its fsync,
runs in a thread, so that a slow disk never stops reads or health checks (docs/decisions, 0013).

A group that holds nothing but audit records (reads, searches, refusals) is committed without waiting for the disk, and the
disk is told to follow within `SYNC_SECONDS` (docs/decisions, 0020). Killing the server loses none of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from server.store import fail_points
from server.store.sqlite.apply import append_audit, apply, check
from server.store.store import (
    AuditSealer,
    Commit,
    KeyHeldError,
    LostLeaseError,
    StaleVersionError,
    StoreUnavailableError,
)

MAX_GROUP: Final = 256
SYNC_SECONDS: Final = 0.05
"""How long audit records alone may wait for the disk."""

_REFUSALS = (StaleVersionError, KeyHeldError, LostLeaseError)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Unit:
    """One caller's part of a group: what it does in the transaction, its audit records, and who waits for it."""

    work: Callable[[apsw.Connection], Any]
    done: asyncio.Future[Any]
    tenant: int = 0
    audit: Sequence[bytes] = ()
    only_audit: bool = False


class GroupCommit:
    """Owns the only writing connection. `commit` and `run` return when the change is durable.

    `log` is the file of SQLite's write-ahead log.
    """

    def __init__(self, connection: apsw.Connection, seal_audit: AuditSealer, log: Path) -> None:
        self._connection = connection
        self._log = log
        self._waits_for_disk = True
        self._sync: asyncio.TimerHandle | None = None
        self._seal_audit = seal_audit
        self._waiting: list[_Unit] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fsync")
        self._running: asyncio.Task[None] | None = None

    async def commit(self, commit: Commit) -> None:
        """Check and apply a commit. Raises what refuses it, or StoreUnavailableError."""

        def work(connection: apsw.Connection) -> None:
            apply(connection, commit, check(connection, commit))

        only_audit = not (commit.puts or commit.keys or commit.jobs or commit.finished_job)
        await self._submit(_Unit(work, _future(), commit.tenant, commit.audit, only_audit))

    async def run(self, work: Callable[[apsw.Connection], _Result]) -> _Result:
        """Do `work` in a transaction of its own turn. It must not raise after it has written."""
        result: _Result = await self._submit(_Unit(work, _future()))
        return result

    async def _submit(self, unit: _Unit) -> Any:
        self._waiting.append(unit)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await unit.done

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                await self._commit_group(group)
        finally:  # a group that failed by a fault of ours has been answered; the others go on
            self._running = asyncio.create_task(self._run()) if self._waiting else None

    async def _commit_group(self, group: list[_Unit]) -> None:
        failure = "it failed"
        try:
            self._wait_for_disk(not all(unit.only_audit for unit in group))
            fail_points.reach("sqlite-01-before-begin")
            self._connection.execute("BEGIN IMMEDIATE")
            results = self._apply_group(group)
            fail_points.reach("sqlite-10-before-commit")
            if self._waits_for_disk:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, "COMMIT")
                fail_points.reach("sqlite-11-committed")
            else:
                self._connection.execute("COMMIT")
                fail_points.reach("sqlite-12-audit-committed")
                self._sync_soon()
            for unit, result in results:
                if not unit.done.done():
                    unit.done.set_result(result)
            fail_points.reach("sqlite-13-acknowledged")
        except apsw.Error as error:
            failure = type(error).__name__
        finally:  # whatever went wrong, also a fault of ours: nothing is stored by half, and nobody waits for ever
            self._roll_back()
            for unit in group:
                _settle(unit.done, StoreUnavailableError(f"The store could not commit ({failure})."))

    def _wait_for_disk(self, wanted: bool) -> None:
        if wanted != self._waits_for_disk:
            self._connection.pragma("synchronous", "full" if wanted else "normal")
            self._waits_for_disk = wanted

    def _sync_soon(self) -> None:
        if self._sync is None:
            self._sync = asyncio.get_running_loop().call_later(SYNC_SECONDS, self._start_sync)

    def _start_sync(self) -> None:
        self._sync = None
        self._thread.submit(_sync_file, self._log)

    def _apply_group(self, group: list[_Unit]) -> list[tuple[_Unit, Any]]:
        accepted: list[tuple[_Unit, Any]] = []
        audit: dict[int, list[bytes]] = {}
        for unit in group:
            try:
                accepted.append((unit, unit.work(self._connection)))
            except _REFUSALS as refusal:
                _settle(unit.done, refusal)
                continue
            if unit.audit:
                audit.setdefault(unit.tenant, []).extend(unit.audit)
        for tenant, records in audit.items():
            append_audit(self._connection, tenant, records, self._seal_audit)
        return accepted

    def _roll_back(self) -> None:
        with suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    async def close(self) -> None:
        """Wait for what is being committed; nothing may be submitted afterwards."""
        while self._running is not None:
            await asyncio.wait([self._running])
        if self._sync is not None:
            self._sync.cancel()
            self._start_sync()
        self._thread.shutdown()


def _sync_file(path: Path) -> None:
    with suppress(OSError):  # a log that is gone was copied into the file and synced there
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _settle(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
