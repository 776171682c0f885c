"""Takes away uploads that were broken off by a kill: nobody can name them, and nothing would ever make them current."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from server.store.blobs import Blobs
from server.store.store import StoreUnavailableError

ABANDONED_AFTER: Final = 24 * 3600 * 1_000_000
"""Microseconds: no upload takes so long, whatever the clocks of several servers say."""

LOOK_SECONDS: Final = 600.0
AT_ONCE: Final = 16


async def sweep_uploads(blobs: Blobs, now: Callable[[], int]) -> None:
    """Until it is cancelled."""
    while True:
        with suppress(StoreUnavailableError):
            more = True
            while more:
                more = bool(await blobs.sweep(now() - ABANDONED_AFTER, AT_ONCE))
        await asyncio.sleep(LOOK_SECONDS)
