"""Callers that come while a group is being committed share the next one. What refuses one of them does not touch the others.

The same idea as in the embedded store; here it saves round trips as well as journal writes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from pymongo.errors import PyMongoError

from server.store import fail_points
from server.store.line import check_line
from server.store.mongo.retry import UNWRITABLE, passes, unavailable
from server.store.mongo.transaction import Transactions
from server.store.store import Commit, StoreUnavailableError

MAX_GROUP: Final = 256
MAX_PUTS: Final = 2000
MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class _Unit:
    commit: Commit
    done: asyncio.Future[None]
    size: int


class GroupCommit:
    """`commit` returns when the change is durable on a majority of the members."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._waiting: list[_Unit] = []
        self._waiting_bytes = 0
        self._running: asyncio.Task[None] | None = None

    async def commit(self, commit: Commit) -> None:
        """Raises what refuses the commit, or StoreUnavailableError."""
        unit = _Unit(commit, asyncio.get_running_loop().create_future(), sum(len(put.body) for put in commit.puts))
        check_line(len(self._waiting), self._waiting_bytes, unit.size)
        self._waiting.append(unit)
        self._waiting_bytes += unit.size
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await unit.done

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)
                await self._commit_group(self._take())
        finally:  # a group that failed by a fault of ours has been answered; the others go on
            self._running = asyncio.create_task(self._run()) if self._waiting else None

    def _take(self) -> list[_Unit]:
        """The next group: as many as fit, at least one."""
        puts, size, count = 0, 0, 0
        for unit in self._waiting[:MAX_GROUP]:
            puts += len(unit.commit.puts)
            size += unit.size
            if count and (puts > MAX_PUTS or size > MAX_BYTES):
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= sum(unit.size for unit in group)
        return group

    async def _commit_group(self, group: list[_Unit]) -> None:
        failure = unavailable(RuntimeError())
        try:
            refusals = await self._transactions.run([unit.commit for unit in group])
            for position, unit in enumerate(group):
                _settle(unit.done, refusals.get(position))
            fail_points.reach("mongodb-13-acknowledged")
        except StoreUnavailableError as error:
            failure = error
        except UNWRITABLE as error:
            failure = unavailable(error)
            await self._one_by_one(group)
        except PyMongoError as error:
            failure = unavailable(error)
            if not (passes(error) or error.timeout):
                await self._one_by_one(group)
        finally:  # whatever went wrong, also a fault of ours: nobody waits for ever
            for unit in group:
                _settle(unit.done, failure)
            if failure.trouble in {"away", "slow"}:
                self._tell_waiting(failure)

    def _tell_waiting(self, failure: StoreUnavailableError) -> None:
        """The database was tried for long enough: whoever came meanwhile does not wait as long again for the same answer."""
        for unit in self._waiting:
            _settle(unit.done, failure)
        self._waiting, self._waiting_bytes = [], 0

    async def _one_by_one(self, group: list[_Unit]) -> None:
        """One of them cannot be written; the others must not suffer for it."""
        if len(group) > 1:
            for unit in group:
                await self._commit_group([unit])

    async def close(self) -> None:
        """Wait for what is being committed; nothing may be submitted afterwards."""
        while self._running is not None:
            await asyncio.wait([self._running])


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
