"""The batches of one tenant's trail, one after another in bounded memory, and what is in one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from server.audit.record import AuditRecord, open_batch
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.store.store import AuditBatch, Store

AT_ONCE: Final = 64

POSITION_BITS: Final = 12
"""A record's row number is its batch's sequence number and its position inside, in so many bits."""


class BatchBrokenError(Exception):
    """A batch does not open at its place; the message holds no content."""


@dataclass(frozen=True, slots=True)
class OpenedBatch:
    """`before`: the beginning of the hash that the batch follows (None where it does not say so)."""

    before: bytes | None
    records: list[AuditRecord]


def row_number(seq: int, position: int) -> int:
    return (seq << POSITION_BITS) | position


def audit_binding(tenant: int, seq: int) -> bytes:
    """What the body of a batch is bound to: sealed for one place of one tenant's trail, it opens at no other."""
    return f"audit/{tenant}/{seq}".encode()


def opened(tenant: Tenant, batch: AuditBatch, seq: int | None = None) -> OpenedBatch:
    """Raises BatchBrokenError. `seq`: as if it stood at another place."""
    try:
        plain = tenant.cipher.open(batch.body, audit_binding(tenant.number, batch.seq if seq is None else seq))
        return OpenedBatch(*open_batch(plain))
    except (SealBrokenError, msgspec.DecodeError) as error:
        raise BatchBrokenError(f"Audit batch {batch.seq}: {error}") from error


async def batches_of(store: Store, tenant: int, after: int, through: int | None = None) -> AsyncIterator[AuditBatch]:
    """In their order; others have their turn in between. Raises StoreUnavailableError."""
    while found := await store.audit_batches(after, AT_ONCE):
        for batch in found:
            if through is not None and batch.seq > through:
                return
            if batch.tenant == tenant:
                yield batch
        after = found[-1].seq
        await asyncio.sleep(0)
