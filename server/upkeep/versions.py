"""All versions of a record, however many there are."""

from __future__ import annotations

from typing import Final

from server.store.store import Record, Store

AT_ONCE: Final = 100


async def versions_of(store: Store, current: Record) -> list[Record]:
    """Newest first, beginning with `current`; a record is mostly its only version. Raises StoreUnavailableError."""
    versions = [current]
    before = current.version
    while before > 1:
        older = await store.history(current.key, before, AT_ONCE)
        versions += older
        if len(older) < AT_ONCE:
            break
        before = older[-1].version
    return versions
