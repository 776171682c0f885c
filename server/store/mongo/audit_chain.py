"""The end of the audit trail, and how batches are put on it inside a transaction.

The end is remembered from one commit to the next. Another server may have gone on meanwhile: then the next sequence number is
taken, the transaction fails, and the end is read again. Sequence numbers have no gaps, because each one is written by a
transaction that has seen the one before, or by the server that wrote the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymongo.asynchronous.client_session import AsyncClientSession

from server.store.audit_chain import chain_after
from server.store.mongo.documents import Document
from server.store.mongo.schema import Database
from server.store.store import AuditBatch, AuditSealer


class AuditChain:
    """`next_batches`, write them, commit; then `moved_to` when that worked and `forget` when it did not."""

    def __init__(self, database: Database, seal: AuditSealer) -> None:
        self._audit = database["audit"]
        self._seal = seal
        self._last: int | None = None
        self._chains: dict[int, bytes] = {}

    async def next_batches(self, records: Mapping[int, Sequence[bytes]], session: AsyncClientSession) -> list[AuditBatch]:
        """One batch for each tenant, numbered and chained."""
        batches: list[AuditBatch] = []
        if self._last is None:
            last = await self._newest({}, session)
            self._last = int(last["_id"]) if last else 0
        for seq, (tenant, own) in enumerate(records.items(), self._last + 1):
            if tenant not in self._chains:
                last = await self._newest({"n": tenant}, session)
                self._chains[tenant] = last["chain"] if last else b""
            before = self._chains[tenant]
            body = self._seal(tenant, seq, before, own)
            batches.append(AuditBatch(seq, tenant, len(own), chain_after(before, seq, body), body))
        return batches

    async def _newest(self, which: Document, session: AsyncClientSession) -> Document | None:
        return await self._audit.find_one(which, {"chain": 1}, sort=[("_id", -1)], session=session)

    def moved_to(self, batches: Sequence[AuditBatch]) -> None:
        for batch in batches:
            self._last = batch.seq
            self._chains[batch.tenant] = batch.chain

    def forget(self) -> None:
        self._last = None
        self._chains.clear()
