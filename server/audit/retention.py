"""Audit records whose time is over go (ASSENT_AUDIT_DAYS; 45 CFR 164.316(b)(2)(i) asks for six years), and the rest still proves itself.

First an event tells of it, in each trail that loses something; then a signed statement says what goes, with the hash that the rest
follows; then the batches go, and with them what they were found by. Killed anywhere in between, the next run goes on. The last
batch of a trail never goes: the event is younger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from server.audit.batches import AT_ONCE
from server.audit.checkpoint import Checkpoint
from server.audit.log import AuditLog
from server.audit.proof import Proof
from server.audit.statements import MICROSECOND, Signed, keep_pruned, statements_of
from server.audit.trail import Trail
from server.store.store import AuditBatch, Commit

DAY: Final = 86_400 * MICROSECOND


@dataclass(slots=True)
class _Going:
    """What goes of one tenant's trail, as the statement before left it."""

    batches: int
    records: int
    chain: str
    batch: int
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """`days` 0: nothing ever goes. `now` gives microseconds since 1970."""

    proof: Proof
    log: AuditLog
    days: int
    now: Callable[[], int]
    new_id: Callable[[], str] = field(repr=False)

    async def apply(self) -> int:
        """Let go what is old enough; how many records that were. Raises StoreUnavailableError, DamagedRecordError."""
        if not self.days:
            return 0
        return await self.prune(self.now() - self.days * DAY)

    async def prune(self, before: int) -> int:
        """All batches up to the first that holds a record made at or after `before` (microseconds)."""
        through, going = await self._old(before)
        if not going:
            return 0
        for tenant, what in going.items():
            if what.lost:
                await self._tell(tenant, what.lost, before)
        for tenant, what in going.items():
            if what.lost:
                await self._state(tenant, what)
        await self._drop(through)
        return sum(what.lost for what in going.values())

    async def _old(self, before: int) -> tuple[int, dict[int, _Going]]:
        """The last batch that goes, and by tenant what goes with it."""
        through, going = 0, dict[int, _Going]()
        while batches := await self.proof.store.audit_batches(through, AT_ONCE):
            for batch in batches:
                if await self.log.newest_in(batch) >= before:
                    return through, going
                if batch.tenant not in going:
                    going[batch.tenant] = await self._standing(batch.tenant)
                _add(going[batch.tenant], batch)
                through = batch.seq
            await asyncio.sleep(0)  # requests come first
        return through, going

    async def _standing(self, tenant: int) -> _Going:
        pruned = (await statements_of(self.proof.store, self.proof.notary, None, tenant)).pruned
        if pruned is None:
            return _Going(0, 0, "", 0)
        told = pruned.checkpoint
        return _Going(told.batches, told.records, told.chain, told.batch)

    async def _tell(self, tenant: int, records: int, before: int) -> None:
        trail = Trail(self.new_id(), interaction="$audit-retention", action="D", actor="assent")
        trail.query = f"records={records}&before={before // MICROSECOND}"
        await self.proof.store.commit(Commit(tenant, audit=[trail.encode(self.now(), 0)]))

    async def _state(self, tenant: int, what: _Going) -> None:
        checkpoint = Checkpoint(
            tenant=tenant,
            batch=what.batch,
            batches=what.batches,
            records=what.records,
            chain=what.chain,
            signed=self.now(),
            pruned=True,
        )
        await keep_pruned(self.proof.store, tenant, Signed(self.proof.notary.sign(checkpoint), checkpoint))

    async def _drop(self, through: int) -> None:
        """A few at a time, oldest first, with what they are found by."""
        await self.log.catch_up()
        while batches := [batch for batch in await self.proof.store.audit_batches(0, AT_ONCE) if batch.seq <= through]:
            entries = [entry for batch in batches for entry in await self.log.entries_of(batch)]
            await self.proof.store.upkeep.drop_audit(entries, batches[-1].seq)


def _add(what: _Going, batch: AuditBatch) -> None:
    """What a run before this one has stated already is only taken away."""
    if batch.seq > what.batch:
        what.batches, what.records, what.lost = what.batches + 1, what.records + batch.count, what.lost + batch.count
        what.chain, what.batch = batch.chain.hex(), batch.seq
