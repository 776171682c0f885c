"""What a running server does about its keys: learns of what the command line and other servers did, every second."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from server.logs import EventLog
from server.seal.keyring import Keyring, WrongMasterKeyError
from server.store.store import StoreUnavailableError

LOOK_SECONDS: Final = 1.0
"""After so long at the latest, a tenant that was made or retired elsewhere is known here."""


async def keep_keys(keyring: Keyring, log: EventLog) -> None:
    """Runs until it is cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            with suppress(StoreUnavailableError):
                await keyring.refresh()
        except WrongMasterKeyError as error:  # somebody put another store's keys in the place of ours
            log.failure("tenants' keys do not open", error)
            return
