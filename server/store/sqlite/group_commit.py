"""One writer with group commit: callers that come while a commit is being made durable share the next one.

Statements run on the event loop (they are short and hold the interpreter anyway); the durable part, COMMIT with its fsync,
runs in a thread, so that a slow disk never stops reads or health checks (docs/decisions, 0013).

A group that holds nothing but audit records (reads, searches, refusals) is committed without waiting for the disk, and the
disk is told to follow within `SYNC_SECONDS` (docs/decisions, 0020). Killing the server loses none of it.

Nobody waits for ever: what has not begun after `PATIENCE` never does, and when the disk keeps a group waiting for as long, all
who wait are told (docs/decisions, 0028).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import apsw

from server.store import fail_points
from server.store.blobs import BlobGoneError
from server.store.line import check_line
from server.store.sqlite.apply import append_audit, apply, check
from server.store.sqlite.faults import unavailable
from server.store.sqlite.files import Files
from server.store.sqlite.room import Room
from server.store.store import (
    AuditSealer,
    Commit,
    KeyHeldError,
    LostLeaseError,
    StaleVersionError,
    StoreUnavailableError,
    Trouble,
)

MAX_GROUP: Final = 256
SYNC_SECONDS: Final = 0.05
"""How long audit records alone may wait for the disk."""

PATIENCE: Final = 10.0
"""Seconds for which a change may wait for its turn, and then for the disk."""

BUSY_MS: Final = 5000
"""For so long another process may hold the store."""

BUSY_PAUSE: Final = 0.01

_REFUSALS = (StaleVersionError, KeyHeldError, LostLeaseError, BlobGoneError)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Unit:
    """One caller's part of a group: what it does in the transaction, its audit records, and who waits for it."""

    work: Callable[[apsw.Connection], Any]
    done: asyncio.Future[Any]
    tenant: int = 0
    audit: Sequence[bytes] = ()
    only_audit: bool = False
    from_reserve: bool = False
    size: int = 0
    since: float = field(default_factory=time.monotonic)


class GroupCommit:
    """The only user of the writing connection. `commit` and `run` return when the change is durable."""

    def __init__(self, files: Files, seal_audit: AuditSealer, room: Room) -> None:
        self._files = files
        self._room = room
        self._waiting_bytes = 0
        self._is_stuck = False
        self._waits_for_disk = True
        self._sync: asyncio.TimerHandle | None = None
        self._syncing: Future[None] | None = None
        self._seal_audit = seal_audit
        self._waiting: list[_Unit] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fsync")
        self._running: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def commit(self, commit: Commit) -> None:
        """Check and apply a commit. Raises what refuses it, or StoreUnavailableError."""

        def work(connection: apsw.Connection) -> None:
            apply(connection, commit, check(connection, commit))

        only_audit = not (
            commit.puts
            or commit.keys
            or commit.jobs
            or commit.finished_job
            or commit.checkpoint
            or commit.blobs
            or commit.erasures
        )
        size = sum(len(put.body) for put in commit.puts)
        own = _nothing if only_audit and not commit.internals else work
        await self._submit(_Unit(own, _future(), commit.tenant, commit.audit, only_audit, only_audit, size))

    async def run(self, work: Callable[[apsw.Connection], _Result], *, from_reserve: bool = False) -> _Result:
        """Do `work` in a transaction of its own turn. It must not raise after it has written.

        With `from_reserve` also when room on the disk is short: for what reads need.
        """
        result: _Result = await self._submit(_Unit(work, _future(), from_reserve=from_reserve))
        return result

    async def beside(self, work: Callable[[], _Result], *, from_reserve: bool = False) -> _Result:
        """Do what writes on a connection of its own, between two groups. It must not leave a transaction open, nor wait.

        With `from_reserve` also when room on the disk is short: for what makes room.
        """
        if self._is_stuck:
            raise StoreUnavailableError("The disk does not answer.", "slow")
        if not from_reserve and self._room.is_short():
            raise StoreUnavailableError("Room is short.", "full")
        try:
            await asyncio.wait_for(self._turn.acquire(), PATIENCE)
        except TimeoutError as error:
            raise StoreUnavailableError("The disk does not answer.", "slow") from error
        try:
            await self._make_sound()
            return await _when_free(work)
        finally:
            self._turn.release()

    async def pause(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do what wants nobody to write meanwhile, between two groups."""
        async with self._turn:
            await work()

    async def _submit(self, unit: _Unit) -> Any:
        if self._is_stuck:
            raise StoreUnavailableError("The disk does not answer.", "slow")
        check_line(len(self._waiting), self._waiting_bytes, unit.size)
        self._waiting_bytes += unit.size
        self._waiting.append(unit)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await unit.done

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)
                async with self._turn:
                    if group := self._take():
                        await self._commit_group(group)
        finally:  # a group that failed by a fault of ours has been answered; the others go on
            self._running = asyncio.create_task(self._run()) if self._waiting else None

    def _take(self) -> list[_Unit]:
        """The next group, without those who have waited too long and those for whom there is no room."""
        group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
        self._waiting_bytes -= sum(unit.size for unit in group)
        oldest = time.monotonic() - PATIENCE
        if group and group[0].since < oldest:
            group = _refuse([unit for unit in group if unit.since < oldest], group, "It waited too long.", "busy")
        if not all(unit.from_reserve for unit in group) and self._room.is_short():
            group = _refuse([unit for unit in group if not unit.from_reserve], group, "Room is short.", "full")
        return group

    async def _commit_group(self, group: list[_Unit]) -> None:
        failure = StoreUnavailableError("The commit failed.")
        try:
            await self._make_sound()
            self._wait_for_disk(not all(unit.only_audit for unit in group))
            fail_points.reach("sqlite-01-before-begin")
            await self._begin()
            results = self._apply_group(group)
            fail_points.reach("sqlite-10-before-commit")
            if self._waits_for_disk:
                await self._commit_durably(group)
                fail_points.reach("sqlite-11-committed")
            else:
                self._files.writer.execute("COMMIT")
                fail_points.reach("sqlite-12-audit-committed")
                self._sync_soon()
            for unit, result in results:
                if not unit.done.done():
                    unit.done.set_result(result)
            fail_points.reach("sqlite-13-acknowledged")
        except StoreUnavailableError as error:
            failure = error
        except apsw.Error as error:
            failure = unavailable(error, self._files.writer)
            self._files.distrust(error)
        finally:  # whatever went wrong, also a fault of ours: nothing is stored by half, and nobody waits for ever
            self._roll_back()
            for unit in group:
                _settle(unit.done, failure)

    async def _make_sound(self) -> None:
        """Nothing is committed on a disk that has lost what it took."""
        if not self._files.is_sound:
            if self._syncing is not None:
                await asyncio.wait([asyncio.wrap_future(self._syncing)])
            await self._files.make_sound()
            self._waits_for_disk = True

    async def _begin(self) -> None:
        """On the event loop; in a thread where another process (a command) is just committing."""
        try:
            self._files.writer.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            await self._in_thread("BEGIN IMMEDIATE", BUSY_MS)

    async def _commit_durably(self, group: list[_Unit]) -> None:
        watch = asyncio.get_running_loop().call_later(PATIENCE, self._give_up, group)
        try:
            await self._in_thread("COMMIT", BUSY_MS)
        finally:
            watch.cancel()
            self._is_stuck = False
        if not self._files.is_sound:  # what stands before it in the log was lost meanwhile, and it with that
            raise StoreUnavailableError("A sync failed while this was committed.", "disk")

    async def _in_thread(self, statement: str, patience_ms: int) -> None:
        writer = self._files.writer

        def execute() -> None:
            writer.set_busy_timeout(patience_ms)
            try:
                writer.execute(statement)
            finally:
                writer.set_busy_timeout(0)

        await asyncio.get_running_loop().run_in_executor(self._thread, execute)

    def _give_up(self, group: list[_Unit]) -> None:
        """The disk does not answer: nobody waits for it any longer, and until it does nobody begins to."""
        self._is_stuck = True
        _refuse([*group, *self._waiting], [], "The disk took too long.", "slow")
        self._waiting, self._waiting_bytes = [], 0

    def _wait_for_disk(self, wanted: bool) -> None:
        if wanted != self._waits_for_disk:
            self._files.writer.pragma("synchronous", "full" if wanted else "normal")
            self._waits_for_disk = wanted

    def _sync_soon(self) -> None:
        if self._sync is None:
            self._sync = asyncio.get_running_loop().call_later(SYNC_SECONDS, self._start_sync)

    def _start_sync(self) -> None:
        self._sync = None
        self._syncing = self._thread.submit(os.fsync, self._files.log)
        self._syncing.add_done_callback(self._synced)

    def _synced(self, sync: Future[None]) -> None:
        """Called in the thread: it only notes."""
        if isinstance(error := sync.exception(), OSError):
            self._files.distrust(error)

    def _apply_group(self, group: list[_Unit]) -> list[tuple[_Unit, Any]]:
        accepted: list[tuple[_Unit, Any]] = []
        audit: dict[int, list[bytes]] = {}
        for unit in group:
            try:
                accepted.append((unit, unit.work(self._files.writer)))
            except _REFUSALS as refusal:
                _settle(unit.done, refusal)
                continue
            if unit.audit:
                audit.setdefault(unit.tenant, []).extend(unit.audit)
        for tenant, records in audit.items():
            append_audit(self._files.writer, tenant, records, self._seal_audit)
        return accepted

    def _roll_back(self) -> None:
        with suppress(apsw.Error):
            if self._files.writer.in_transaction:
                self._files.writer.execute("ROLLBACK")

    async def close(self) -> None:
        """Wait for what is being committed; nothing may be submitted afterwards."""
        while self._running is not None:
            await asyncio.wait([self._running])
        if self._sync is not None:
            self._sync.cancel()
            self._start_sync()
        self._thread.shutdown()


def _nothing(connection: apsw.Connection) -> None:
    """Of a commit that carries audit records alone, which every read does: they are appended for the group."""


async def _when_free(work: Callable[[], _Result]) -> _Result:
    """Again and again while another process (a command) is committing: the event loop does not wait for it."""
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            return work()
        except StoreUnavailableError as error:
            if error.trouble != "busy" or time.monotonic() > end:
                raise
        await asyncio.sleep(BUSY_PAUSE)


def _refuse(units: Sequence[_Unit], group: Sequence[_Unit], why: str, trouble: Trouble) -> list[_Unit]:
    """Tell `units`; what of `group` is left."""
    for unit in units:
        _settle(unit.done, StoreUnavailableError(why, trouble))
    return [unit for unit in group if not unit.done.done()]


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _settle(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
