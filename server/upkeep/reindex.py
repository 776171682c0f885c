"""Making every record findable anew by the present rules, in small batches, beside a running server; goes on after a kill.

What a server writes meanwhile is written by the same rules, and a change takes place only where the version is still current; so
old answers stay right until the new ones are there, record by record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from server.seal.keyring import Keyring, Tenant
from server.store.store import Store
from server.store.upkeep import NewIndex, Row
from server.upkeep.progress import FINISHED, Place, Progress
from server.upkeep.record_check import RecordCheck

SETTING: Final = "reindex"
AT_ONCE: Final = 64
_RECORDS: Final = "records"


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How far it is: records looked at (those before a kill as well), changed by this run, and that did not open."""

    done: int
    changed: int
    damaged: int


class Reindex:
    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        bases_of: Callable[[Tenant], tuple[str, ...]],
        progress: Progress,
    ) -> None:
        self._store = store
        self._progress = progress
        tenants = [keyring.by_number(entry["number"]) for entry in keyring.entries().values()]
        self._checks = {tenant.number: RecordCheck(store, tenant, bases_of(tenant)) for tenant in tenants}
        self._changed = 0
        self._damaged = 0

    async def run(self) -> AsyncIterator[Reindexed]:
        """After each batch. Ends early, without a word, when another is at it. Raises StoreUnavailableError."""
        place = await self._progress.take(Place({}, _RECORDS, 0))
        while place is not None and place.stage != FINISHED:
            rows = await self._store.upkeep.rows(int(place.after), AT_ONCE)
            if rows:
                await self._batch(rows)
                place = msgspec.structs.replace(place, after=rows[-1].record.rid, done=place.done + len(rows))
            else:
                place = msgspec.structs.replace(place, stage=FINISHED)
            place = await self._progress.note(place, at_once=not rows)
            if place is not None:
                yield Reindexed(place.done, self._changed, self._damaged)

    async def _batch(self, rows: list[Row]) -> None:
        lost = await self._store.upkeep.unfindable(rows)
        entries = []
        for row in rows:
            check = self._checks.get(row.tenant)
            index = check.index(row) if check is not None else None
            if index is None:
                self._damaged += 1
            elif index is not row.index or row.record.rid in lost:
                entries.append(NewIndex(row.record.rid, row.record.version, index))
        if entries:
            await self._store.upkeep.reindex(entries)
        self._changed += len(entries)
