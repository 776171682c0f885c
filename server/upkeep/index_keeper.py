"""What a running server does about its index: refuses what it could not answer in full, and makes records findable by new rules.

At the start it compares the rules by which the store is indexed with its own. Where they differ it begins to index everything anew,
one server at a time, in small batches between requests; after a kill whoever is next goes on. Searches that need none of the changed
rules are answered meanwhile as ever (docs/decisions, 0026).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from server.logs import EventLog
from server.seal.rotation import ALONE, Pace
from server.search.index_state import IndexState
from server.store.store import Store, StoreUnavailableError
from server.upkeep.index_rules import Writers, begin_empty, doubtful, stored_rules
from server.upkeep.reindex import Reindex

LOOK_SECONDS: Final = 2.0
"""After so long at the latest a server knows of another one that writes by other rules."""

SETTLE_SECONDS: Final = 2 * LOOK_SECONDS
"""A server that writes by other rules than another waits so long before it begins: then the other knows."""

LOGGED_AFTER: Final = 30.0


class IndexKeeper:
    """`start` before the server answers anything, then `run` until it is cancelled."""

    def __init__(
        self,
        store: Store,
        state: IndexState,
        pace: Pace,
        reindex: Callable[[], Reindex],
        now: Callable[[], int],
        log: EventLog,
    ) -> None:
        self._store = store
        self._state = state
        self._alone = pace == ALONE
        self._reindex = reindex
        self._now = now
        self._log = log
        self._writers = Writers(store)
        self._logged = 0.0

    async def start(self) -> None:
        """Raises StoreUnavailableError."""
        await begin_empty(self._store)
        if not self._alone:
            await self._writers.mark(self._now())
            if await self._writers.others(self._now()):
                await asyncio.sleep(SETTLE_SECONDS)
        await self._look()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await self._look():
                    await self._work()
            except StoreUnavailableError:
                continue

    async def _look(self) -> bool:
        """Learn what is doubtful now; whether there is work, and nobody in its way."""
        others = []
        if not self._alone:
            await self._writers.mark(self._now())
            others = await self._writers.others(self._now())
        stored = await stored_rules(self._store)
        self._state.doubt(doubtful([stored, *others]))
        return bool(doubtful([stored])) and not others

    async def _work(self) -> None:
        """Goes on for as long as nobody else begins to write by other rules."""
        loop = asyncio.get_running_loop()
        looked = began = loop.time()
        async for step in self._reindex().run():
            self._tell(step.done, loop.time())
            if loop.time() - looked > LOOK_SECONDS:
                if not await self._look():
                    return
                looked = loop.time()
            await asyncio.sleep(max(loop.time() - began, 0.001))  # as long as the batch took: requests come first
            began = loop.time()
        if not await self._look():
            self._log.event("info", "index is rebuilt")

    def _tell(self, done: int, time: float) -> None:
        if time - self._logged > LOGGED_AFTER:
            self._logged = time
            self._log.event("info", "index is being rebuilt", count=done)
