"""What a running server does about its keys: learns of what the command line and other servers did, and seals anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from server.logs import EventLog
from server.seal.keyring import Keyring, WrongMasterKeyError
from server.seal.rotation import ALONE, Pace, is_under_way, switching
from server.store.store import Store, StoreUnavailableError
from server.upkeep.reseal import Reseal

LOOK_SECONDS: Final = 1.0
"""After so long at the latest, a tenant that was made or retired elsewhere is known here, and so is a new key."""

PAUSE_SECONDS: Final = 0.005
"""Between two batches, so that requests come first."""


class KeyKeeper:
    """`run` until it is cancelled."""

    def __init__(self, store: Store, keyring: Keyring, pace: Pace, now: Callable[[], int], log: EventLog) -> None:
        self._keyring = keyring
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
            except WrongMasterKeyError as error:  # somebody put another store's keys in the place of ours
                self._log.failure("tenants' keys do not open", error)
                return

    async def _look(self) -> None:
        """Sealing anew goes on for as long as there is something to do, and looks at the keys in between."""
        while True:
            await self._keyring.refresh()
            if not is_under_way(self._keyring.entries()):
                return
            await self._keyring.change(switching(self._now(), self._pace))
            if not await self._batches():
                return

    async def _batches(self) -> bool:
        """Batches for about as long as it takes until the keys are looked at again; whether there is more to do."""
        end = asyncio.get_running_loop().time() + LOOK_SECONDS
        while asyncio.get_running_loop().time() < end:
            if not await self._reseal.step():
                return False
            await asyncio.sleep(PAUSE_SECONDS)
        return True
