"""What a running server does about its keys: learns of what the command line and other servers did, and seals anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from server.logs import EventLog
from server.seal.keyring import Keyring
from server.seal.rotation import ALONE, BEHIND, QUIET, Pace, is_under_way, switching
from server.store.store import Store, StoreUnavailableError
from server.upkeep.reseal import Reseal

LOOK_SECONDS: Final = 1.0
"""After so long at the latest, a tenant that was made or retired elsewhere is known here, and so is a new key."""

PAUSE_SECONDS: Final = 0.005
"""Between two batches, so that requests come first."""


class KeyKeeper:
    """`run` until it is cancelled."""

    def __init__(self, store: Store, keyring: Keyring, pace: Pace, now: Callable[[], int], log: EventLog) -> None:
        self._store = store
        self._keyring = keyring
        self._told = 0
        self._pace = pace
        self._now = now
        self._log = log
        owner = "alone" if pace == ALONE else str(uuid4())  # the only server goes on at once where one before was killed
        self._reseal = Reseal(store, keyring, pace, owner, now)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except StoreUnavailableError:
                continue

    async def _look(self) -> None:
        """Sealing anew goes on for as long as there is something to do, and looks at the keys in between."""
        while True:
            await self._keyring.refresh()
            if self._keyring.is_behind:
                await self._tell_behind()
                return
            if not is_under_way(self._keyring.entries()):
                return
            await self._keyring.change(switching(self._now(), self._pace))
            if not await self._batches():
                return

    async def _tell_behind(self) -> None:
        """Say, in the store and in the log, that this server needs the new master key; nobody gives out new data keys then."""
        now = self._now()
        if abs(now - self._told) > QUIET // 3:
            self._told = now
            await self._store.put_setting(BEHIND, now.to_bytes(8))
            self._log.event("error", "the master key was changed and is not here")

    async def _batches(self) -> bool:
        """Batches for about as long as it takes until the keys are looked at again; whether there is more to do."""
        end = asyncio.get_running_loop().time() + LOOK_SECONDS
        while asyncio.get_running_loop().time() < end:
            if not await self._reseal.step():
                return False
            await asyncio.sleep(PAUSE_SECONDS)
        return True
