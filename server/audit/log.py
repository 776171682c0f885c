"""Reading the audit trail: batches are opened, rendered as AuditEvent, and made findable.

Records are stored with the interaction they tell of; their search entries are derived from them later, in idle moments,
and at the latest when somebody searches AuditEvent, so that an answer never lacks what was acknowledged before it
(docs/decisions: audit records are indexed behind the commit).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from profiles.json import Resource
from server.audit.batches import POSITION_BITS, BatchBrokenError, audit_binding, opened, row_number
from server.audit.event import to_audit_event, without_server
from server.audit.record import AuditRecord, encode_batch
from server.repository import DamagedRecordError, instant
from server.seal.keyring import Keyring, Tenant
from server.search.index_entries import index_resource
from server.store.store import AuditBatch, Index, Store

INDEX_BATCHES: Final = 64

_ONE_BLOCK: Final = modes.CBC(bytes(16))
"""A row number is exactly one block and never the same twice, so that no vector is needed."""


def reach_of(patients: tuple[str, ...]) -> tuple[str, ...]:
    """Whose record an event is part of: nobody's when it tells of several people at once."""
    return patients if len(patients) == 1 else ()


def seal_batch(tenant: Tenant, seq: int, before: bytes, records: Sequence[bytes]) -> bytes:
    return tenant.cipher.seal(encode_batch(records, before), audit_binding(tenant.number, seq))


class AuditLog:
    """The trail of all tenants of a store."""

    def __init__(self, store: Store, keyring: Keyring, base_url_of: Callable[[Tenant], str]) -> None:
        self._store = store
        self._keyring = keyring
        self._base_url_of = base_url_of
        self._indexing = asyncio.Lock()

    async def read(self, tenant: Tenant, id_: str) -> Resource | None:
        """The AuditEvent of that id, if it is one of this tenant's."""
        rid = row_of(tenant, id_)
        if rid is None:
            return None
        batch = await self._store.audit_batch(rid >> POSITION_BITS)
        position = rid & ((1 << POSITION_BITS) - 1)
        if batch is None or batch.tenant != tenant.number or position >= batch.count:
            return None
        record = self._open(tenant, batch)[position]
        return self.render(tenant, batch.seq, position, record)

    async def fetch(self, tenant: Tenant, rids: list[int]) -> dict[int, Resource]:
        """AuditEvents by row number; batches are opened once each."""
        found: dict[int, Resource] = {}
        batches: dict[int, list[AuditRecord]] = {}
        for rid in rids:
            seq, position = rid >> POSITION_BITS, rid & ((1 << POSITION_BITS) - 1)
            if seq not in batches:
                batch = await self._store.audit_batch(seq)
                batches[seq] = self._open(tenant, batch) if batch is not None else []
            if position < len(batches[seq]):
                found[rid] = self.render(tenant, seq, position, batches[seq][position])
        return found

    async def backlog(self) -> int:
        """How many batches are not findable yet."""
        indexed, stored = await self._store.audit_watermark()
        return stored - indexed

    async def newest(self) -> datetime:
        """When the last record was made; long ago where there is none, or none that opens."""
        batch = await self._store.audit_batch((await self._store.audit_watermark())[1])
        try:
            records = self._open(await self._tenant(batch), batch) if batch is not None else []
        except DamagedRecordError:  # a search of AuditEvent says so
            records = []
        return datetime.fromtimestamp(0, UTC) + timedelta(
            microseconds=max((record.recorded for record in records), default=0)
        )

    async def catch_up(self, most: int | None = None) -> None:
        """Make stored records findable: all of them, or the next `most` batches."""
        async with self._indexing:
            indexed, stored = await self._store.audit_watermark()
            stop = stored if most is None else min(stored, indexed + most)
            while indexed < stop:
                batches = await self._store.audit_batches(indexed, min(INDEX_BATCHES, stop - indexed))
                if not batches:
                    return
                entries = [entry for batch in batches for entry in self._entries(await self._tenant(batch), batch)]
                indexed = batches[-1].seq
                await self._store.index_audit(entries, indexed)

    async def index_anew(self, after_seq: int, through_seq: int, most: int) -> int | None:
        """Give some of the records that are findable already the entries of the present rules; not those that do not open.

        The number of the last batch that was looked at; None when there was none.
        """
        most = min(most, through_seq - after_seq)
        batches = await self._store.audit_batches(after_seq, most) if most > 0 else []
        entries: list[tuple[int, Index]] = []
        for batch in batches:
            with suppress(DamagedRecordError):  # it keeps no other from being found; whoever comes upon it is told
                entries += self._entries(await self._tenant(batch), batch)
        if entries:
            await self._store.upkeep.index_audit_anew(entries)
        return batches[-1].seq if batches else None

    async def newest_in(self, batch: AuditBatch) -> int:
        """When the last of its records was made. Raises DamagedRecordError."""
        return max((record.recorded for record in self._open(await self._tenant(batch), batch)), default=0)

    async def entries_of(self, batch: AuditBatch) -> list[tuple[int, Index]]:
        """What its records are found by. Raises DamagedRecordError."""
        return self._entries(await self._tenant(batch), batch)

    async def _tenant(self, batch: AuditBatch) -> Tenant:
        return await self._keyring.found(batch.tenant)

    def _entries(self, tenant: Tenant, batch: AuditBatch) -> list[tuple[int, Index]]:
        entries = []
        for position, record in enumerate(self._open(tenant, batch)):
            event = self.render(tenant, batch.seq, position, record)
            index = index_resource(
                without_server(event), reach_of(record.patients), tenant.index, record.recorded, self._base_url_of(tenant)
            )
            entries.append((row_number(batch.seq, position), index))
        return entries

    def _open(self, tenant: Tenant, batch: AuditBatch) -> list[AuditRecord]:
        try:
            return opened(tenant, batch).records
        except BatchBrokenError as error:
            raise DamagedRecordError(str(error)) from error

    def render(self, tenant: Tenant, seq: int, position: int, record: AuditRecord) -> Resource:
        id_ = event_id(tenant, row_number(seq, position))
        return to_audit_event(record, id_, instant(record.recorded), self._base_url_of(tenant))


def event_id(tenant: Tenant, rid: int) -> str:
    """An id that tells nothing of how many events there are, nor of other tenants: the row number under AES."""
    encryptor = Cipher(algorithms.AES(tenant.audit_id_key), _ONE_BLOCK).encryptor()
    return (encryptor.update(rid.to_bytes(16)) + encryptor.finalize()).hex()


def row_of(tenant: Tenant, id_: str) -> int | None:
    """The row number that an id stands for; None for what is no id of ours."""
    try:
        block = bytes.fromhex(id_)
    except ValueError:
        return None
    if len(block) != 16 or id_ != id_.lower():
        return None
    decryptor = Cipher(algorithms.AES(tenant.audit_id_key), _ONE_BLOCK).decryptor()
    rid = int.from_bytes(decryptor.update(block) + decryptor.finalize())
    return rid if rid < 1 << 62 else None
