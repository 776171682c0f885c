"""All parts of a job, however many there are: results, where it goes on, why it failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from server.store.jobs import REASON
from server.store.store import Store

AT_ONCE: Final = 32


async def parts_of(store: Store, job_id: int) -> AsyncIterator[tuple[int, bytes]]:
    """(number, sealed), in order. Raises StoreUnavailableError."""
    first = REASON
    while parts := await store.jobs.parts(job_id, first, AT_ONCE):
        for number, sealed in parts:
            yield number, sealed
        first = parts[-1][0] + 1
