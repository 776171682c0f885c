"""What a running server does for its audit trail: looks whether it still hangs together, signs how far it is, lets old records go.

Each minute, for each tenant whose trail has moved: the batches since the last checkpoint are followed link by link, and the end is
signed. What does not fit is said in the log at once, and by `AuditEvent/$verify` for as long as it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from server.audit.batches import batches_of
from server.audit.checkpoint import Checkpoint
from server.audit.proof import Proof
from server.audit.retention import Retention
from server.audit.statements import Signed, Statements, keep_checkpoint, statements_of
from server.logs import EventLog
from server.repository import DamagedRecordError
from server.seal.keyring import Keyring, Tenant
from server.store.audit_chain import chain_after
from server.store.store import StoreUnavailableError

CHECKPOINT_SECONDS: Final = 60.0
RETENTION_SECONDS: Final = 3600.0


class AuditKeeper:
    """`run` until it is cancelled. `now` gives microseconds since 1970."""

    def __init__(
        self,
        proof: Proof,
        keyring: Keyring,
        retention: Retention,
        now: Callable[[], int],
        log: EventLog,
    ) -> None:
        self._store, self._notary, self._anchor = proof.store, proof.notary, proof.anchor
        self._keyring = keyring
        self._retention = retention
        self._now = now
        self._log = log
        self._told: set[int] = set()

    async def run(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            try:
                await self.checkpoint()
                if looks % int(RETENTION_SECONDS / CHECKPOINT_SECONDS) == 0:
                    await self._retention.apply()
                looks += 1
            except StoreUnavailableError:
                continue
            except (DamagedRecordError, OSError) as error:
                self._log.failure("audit keeping failed", error)

    async def checkpoint(self) -> None:
        """Sign the end of each trail that has moved. Raises StoreUnavailableError, and OSError where the anchor cannot be kept."""
        await self._keyring.refresh()
        anchors: dict[int, list[str]] = {}
        for entry in self._keyring.entries().values():
            tenant = self._keyring.by_number(entry["number"])
            statements = await statements_of(self._store, self._notary, self._anchor, tenant.number)
            lost = await self._lost(tenant.number, statements)
            signed = await self._sign(tenant, statements, lost)
            if signed is not None:
                await keep_checkpoint(self._store, statements, tenant.number, signed, lost)
                anchors[tenant.number] = [*(gone.statement for gone in lost), signed.statement]
        if anchors:
            self._anchor.keep(anchors)

    async def _sign(self, tenant: Tenant, statements: Statements, lost: Sequence[Signed]) -> Signed | None:
        """A checkpoint of the tenant's last batch; None where nothing has come since the last one."""
        last = _standing(tenant.number, statements, lost)
        seq, batches, records, chain = last.batch, last.batches, last.records, bytes.fromhex(last.chain)
        async for batch in batches_of(self._store, tenant.number, last.batch):
            if chain_after(chain, batch.seq, batch.body) != batch.chain:
                self._tell_broken(tenant.number)
            seq, batches, records, chain = batch.seq, batches + 1, records + batch.count, batch.chain
        if seq == last.batch:
            return None
        checkpoint = Checkpoint(
            tenant=tenant.number, batch=seq, batches=batches, records=records, chain=chain.hex(), signed=self._now()
        )
        return Signed(self._notary.sign(checkpoint), checkpoint)

    async def _lost(self, tenant: int, statements: Statements) -> list[Signed]:
        """What was signed and is not in the trail any more: it stays as a witness.

        Looked at are the newest ones, back to one that is there, and those of the anchor.
        """
        own, lost, seen = set(self._anchor.of(tenant)), [], False
        for signed in reversed(statements.checkpoints):
            if seen and signed.statement not in own:
                continue
            if await self._is_there(signed.checkpoint):
                seen = True
            else:
                lost.append(signed)
        if lost:
            self._tell_broken(tenant)
        return lost[::-1]

    async def _is_there(self, checkpoint: Checkpoint) -> bool:
        batch = await self._store.audit_batch(checkpoint.batch)
        return batch is not None and batch.tenant == checkpoint.tenant and batch.chain.hex() == checkpoint.chain

    def _tell_broken(self, tenant: int) -> None:
        """Once for each tenant: an operator who reads it asks `assent audit verify`."""
        if tenant not in self._told:
            self._told.add(tenant)
            self._log.event("error", "the audit trail is broken", kind="audit", count=tenant)


def _standing(tenant: int, statements: Statements, lost: Sequence[Signed]) -> Checkpoint:
    """The newest statement that the trail still fits."""
    for signed in reversed(statements.checkpoints):
        if signed not in lost:
            return signed.checkpoint
    if statements.pruned is not None:
        return statements.pruned.checkpoint
    return Checkpoint(tenant=tenant, batch=0, batches=0, records=0, chain="", signed=0)
