"""Making everything findable anew by the present rules, in small batches, beside a running server; goes on after a kill.

What a server writes meanwhile is written by the same rules, and a change takes place only where the version is still current; so
old answers stay right until the new ones are there, record by record. When all is done, the store says by which rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from server.audit.log import AuditLog
from server.seal.keyring import Keyring, Tenant
from server.search.index_schema import HISTORY, rules_digest
from server.store.store import Store
from server.store.upkeep import NewIndex, Row
from server.upkeep.index_rules import follow_present_rules, stored_rules
from server.upkeep.progress import FINISHED, Place, Progress
from server.upkeep.record_check import RecordCheck

SETTING: Final = "reindex"
AT_ONCE: Final = 64
BESIDE_REQUESTS: Final = 16
"""Records that a server looks at between two requests."""

RECORDS: Final = "records"
AUDIT: Final = "audit"
_LAST: Final = 0
"""What the last audit batch to look at is kept under."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How far it is: records and audit batches looked at (those before a kill as well); of the records, how many this run changed,
    and how many did not open."""

    done: int
    changed: int
    damaged: int


class Reindex:
    """`run` once."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        bases_of: Callable[[Tenant], tuple[str, ...]],
        progress: Progress,
        at_once: int = AT_ONCE,
    ) -> None:
        self._store = store
        self._progress = progress
        self._at_once = at_once
        self._keyring = keyring
        self._bases_of = bases_of
        self._checks: dict[int, RecordCheck] = {}
        self._audit = AuditLog(store, keyring, lambda tenant: bases_of(tenant)[0])
        self._lists_versions = False
        self._changed = 0
        self._damaged = 0

    async def run(self) -> AsyncIterator[Reindexed]:
        """After each batch. Ends early, without a word, when another is at it. Raises StoreUnavailableError."""
        lacking = (await stored_rules(self._store)).lacks()
        self._lists_versions = any(HISTORY in codes for codes in lacking.values())
        place = await self._progress.take(Place({0: int(rules_digest()[:15], 16)}, RECORDS, 0))
        while place is not None and place.stage != FINISHED:
            place = await (self._records(place) if place.stage == RECORDS else self._audit_batches(place))
            if place.stage == FINISHED:
                await follow_present_rules(self._store)
            place = await self._progress.note(place, at_once=place.stage == FINISHED)
            if place is not None:
                yield Reindexed(place.done, self._changed, self._damaged)

    async def _records(self, place: Place) -> Place:
        rows = await self._store.upkeep.rows(int(place.after), self._at_once)
        if not rows:
            indexed, _ = await self._store.audit_watermark()
            return msgspec.structs.replace(place, stage=AUDIT, after=0, kept={_LAST: [indexed]})
        await self._batch(rows)
        return msgspec.structs.replace(place, after=rows[-1].record.rid, done=place.done + len(rows))

    async def _batch(self, rows: list[Row]) -> None:
        lost = await self._store.upkeep.unfindable(rows)
        entries = []
        for row in rows:
            check = await self._check(row.tenant)
            index = await check.index(row) if check is not None else None
            if index is None:
                self._damaged += 1
            elif index is not row.index or row.record.rid in lost:
                entries.append(NewIndex(row.record.rid, row.record.version, index))
            if check is not None and self._lists_versions:
                await self._store.upkeep.list_versions(await check.listings(row))
        if entries:
            await self._store.upkeep.reindex(entries)
        self._changed += len(entries)

    async def _check(self, number: int) -> RecordCheck | None:
        """None for a tenant that is not there."""
        if number not in self._checks:
            try:
                tenant = await self._keyring.found(number)
            except KeyError:
                return None
            self._checks[number] = RecordCheck(self._store, tenant, self._bases_of(tenant))
        return self._checks[number]

    async def _audit_batches(self, place: Place) -> Place:
        """Those that were findable when this stage began: what comes later is made findable by the present rules anyway."""
        seq = await self._audit.index_anew(int(place.after), place.kept[_LAST][0], self._at_once)
        if seq is None:
            return msgspec.structs.replace(place, stage=FINISHED)
        return msgspec.structs.replace(place, after=seq, done=place.done + seq - int(place.after))
