"""Checking a whole store: records and versions, what they are found by, uniqueness keys, jobs, the audit trail, the engine's files.

Nothing is changed but what a record is found by, and that only when it is asked for: all else is what somebody stored, and a
backup is where it comes from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from profiles.references import parse_reference
from server.audit.batches import BatchBrokenError, opened
from server.audit.checkpoint import Notary, signers
from server.audit.statements import Statements, statements_of
from server.bindings import job_binding, job_part_binding, key_binding
from server.internal import internal_binding
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Keyring, Tenant
from server.search.index_schema import rules_digest
from server.store.audit_chain import chain_after
from server.store.store import AuditBatch, Store
from server.store.upkeep import HeldKey, KeptJob, NewIndex, Row
from server.upkeep.index_rules import stored_rules
from server.upkeep.job_parts import parts_of
from server.upkeep.record_check import Checked, RecordCheck

AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs; `mended` when it does so no more."""

    sentence: str
    mended: bool = False


class Fsck:
    """`run` once, on a store that nobody else writes to. With `mend`, records are made findable anew where that is wrong."""

    def __init__(
        self, store: Store, keyring: Keyring, bases_of: Callable[[Tenant], tuple[str, ...]], *, mend: bool
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._mend = mend
        self._tenants = [keyring.by_number(entry["number"]) for entry in keyring.entries().values()]
        self._checks = {tenant.number: RecordCheck(store, tenant, bases_of(tenant)) for tenant in self._tenants}
        self._by_our_rules = True
        self.looked_at = 0
        self._tell: Callable[[int], None] = lambda looked_at: None

    async def run(self, tell: Callable[[int], None]) -> AsyncIterator[Finding]:
        """What differs, as it is found; `tell` is called with how much was looked at. Raises StoreUnavailableError."""
        self._tell = tell
        for sentence in await self._store.upkeep.damage():
            yield Finding(sentence)
        self._by_our_rules = (await stored_rules(self._store)).digest == rules_digest()
        if not self._by_our_rules:
            yield Finding("Not everything is findable by this program's rules: start the server, or run `assent reindex`.")
        async for finding in self._records():
            yield finding
        async for finding in self._blobs():
            yield finding
        async for finding in self._keys():
            yield finding
        async for finding in self._jobs():
            yield finding
        async for finding in self._internals():
            yield finding
        async for finding in self._audit():
            yield finding

    def _look_at(self, count: int) -> None:
        self.looked_at += count
        self._tell(self.looked_at)

    async def _records(self) -> AsyncIterator[Finding]:
        after = 0
        while rows := await self._store.upkeep.rows(after, AT_ONCE):
            lost = await self._store.upkeep.unfindable(rows)
            for row in rows:
                for finding in await self._record(row, row.record.rid in lost):
                    yield finding
                self._look_at(1)
            after = rows[-1].record.rid

    async def _record(self, row: Row, lost: bool) -> list[Finding]:
        check = self._checks.get(row.tenant)
        if check is None:
            return [Finding(f"The record of row {row.record.rid} is of tenant {row.tenant}, and there is no such tenant.")]
        checked = await check.check(row)
        findings = [Finding(f"{checked.name} {problem}.") for problem in checked.problems]
        if self._by_our_rules:
            findings += await self._index(row, checked, lost)
        return findings

    async def _index(self, row: Row, checked: Checked, lost: bool) -> list[Finding]:
        """What the record and its versions are found by; where the store says that it has other rules, nobody can tell."""
        findings: list[Finding] = []
        if lost or not checked.is_indexed_right:
            mended = self._mend and checked.index is not None
            if self._mend and checked.index is not None:
                await self._store.upkeep.reindex([NewIndex(row.record.rid, row.record.version, checked.index)])
            findings.append(Finding(f"{checked.name} is not found by all that it says, or by something else.", mended))
        unlisted = await self._store.upkeep.unlisted(checked.listings)
        if unlisted and self._mend:
            await self._store.upkeep.list_versions(unlisted)
        findings += [
            Finding(f"{checked.name} version {item.version} is not in the history of its type.", self._mend)
            for item in unlisted
        ]
        return findings

    async def _blobs(self) -> AsyncIterator[Finding]:
        """After the records, which say what is theirs. Uploads that were broken off are no fault: the server takes them away."""
        named = {blob for check in self._checks.values() for blob in check.named_blobs}
        after = b""
        while blobs := await self._store.blobs.listed(after, AT_ONCE):
            for blob in blobs:
                if not blob.upload and blob.id not in named:
                    yield Finding(f"The content {blob.id.hex()} of tenant {blob.tenant} belongs to no version that opens.")
                elif not blob.upload and blob.held != blob.chunks:
                    yield Finding(f"The content {blob.id.hex()} has {blob.held} chunks and should have {blob.chunks}.")
            after = blobs[-1].id
            self._look_at(len(blobs))

    async def _keys(self) -> AsyncIterator[Finding]:
        after = b""
        while keys := await self._store.upkeep.held_keys(after, AT_ONCE):
            for held in keys:
                problem = await self._key(held)
                if problem:
                    yield Finding(f"The uniqueness key {held.key.hex()} {problem}.")
            after = keys[-1].key
            self._look_at(len(keys))

    async def _key(self, held: HeldKey) -> str | None:
        for tenant in self._tenants:
            try:
                holder = tenant.cipher.open(held.holder, key_binding(held.key)).decode()
            except SealBrokenError:
                continue
            reference = parse_reference(holder)
            if reference is None or reference.type is None or reference.id is None:
                return f"of {tenant.name} is held by what is no reference"
            found = await self._store.read(tenant.index.record_key(reference.type, reference.id))
            if found is None or found.version < int(reference.version or 1):
                return f"of {tenant.name} is held by {holder}, which is not there"
            return None
        return "does not open"

    async def _jobs(self) -> AsyncIterator[Finding]:
        after = 0
        while jobs := await self._store.upkeep.jobs(after, AT_ONCE):
            for job in jobs:
                try:
                    self._keyring.by_number(job.tenant).cipher.open(job.body, job_binding(job.tenant, job.kind))
                except (SealBrokenError, KeyError):
                    yield Finding(f"The job {job.id} ({job.kind}) does not open.")
                    continue
                async for finding in self._job_parts(job):
                    yield finding
            after = jobs[-1].id
            self._look_at(len(jobs))

    async def _job_parts(self, job: KeptJob) -> AsyncIterator[Finding]:
        cipher = self._keyring.by_number(job.tenant).cipher
        async for number, sealed in parts_of(self._store, job.id):
            try:
                cipher.open(sealed, job_part_binding(job.tenant, job.id, number))
            except SealBrokenError:
                yield Finding(f"Part {number} of the job {job.id} ({job.kind}) does not open.")

    async def _internals(self) -> AsyncIterator[Finding]:
        after = b""
        while found := await self._store.internals.all(after, AT_ONCE):
            for record in found:
                try:
                    self._keyring.by_number(record.tenant).cipher.open(record.body, internal_binding(record))
                except (SealBrokenError, KeyError):
                    yield Finding(f"The {record.kind} {record.key.hex()} of tenant {record.tenant} does not open.")
            after = found[-1].key
            self._look_at(len(found))

    async def _audit(self) -> AsyncIterator[Finding]:
        """Batches are numbered without gaps, open, hold as many records as they say, and each hash covers the one before."""
        statements = await self._statements()
        pruned = {number: own.pruned.checkpoint for number, own in statements.items() if own.pruned is not None}
        chains = {number: bytes.fromhex(told.chain) for number, told in pruned.items()}
        last = max((told.batch for told in pruned.values()), default=0)
        while batches := await self._store.audit_batches(last, AT_ONCE):
            for batch in batches:
                for problem in self._batch(batch, last, chains):
                    yield Finding(f"Audit batch {batch.seq} {problem}.")
                last = batch.seq
            self._look_at(len(batches))
        async for finding in self._signed(statements):
            yield finding
        indexed, _ = await self._store.audit_watermark()
        if indexed > last:
            yield Finding(
                f"The audit trail ends at batch {last}, and was made findable up to {indexed}: its end is missing."
            )

    async def _statements(self) -> dict[int, Statements]:
        notary = Notary(lambda: signers(self._keyring.entries()))
        numbers = [tenant.number for tenant in self._tenants]
        return {number: await statements_of(self._store, notary, None, number) for number in numbers}

    async def _signed(self, statements: Mapping[int, Statements]) -> AsyncIterator[Finding]:
        for number, own in statements.items():
            name = self._keyring.by_number(number).name
            if own.forged:
                yield Finding(
                    f"{own.forged} statements about the audit trail of {name} bear no signature of this installation."
                )
            for signed in own.checkpoints:
                batch = await self._store.audit_batch(signed.checkpoint.batch)
                if batch is None or batch.tenant != number or batch.chain.hex() != signed.checkpoint.chain:
                    yield Finding(f"The audit trail of {name} is not what was signed: see `assent audit verify`.")
                    break

    def _batch(self, batch: AuditBatch, last: int, chains: dict[int, bytes]) -> list[str]:
        problems = [] if batch.seq == last + 1 else [f"follows batch {last}: what was between is missing"]
        before = chains.get(batch.tenant, b"")
        chains[batch.tenant] = batch.chain
        if chain_after(before, batch.seq, batch.body) != batch.chain:
            problems.append("does not fit the one before it: the chain is broken")
        try:
            tenant = self._keyring.by_number(batch.tenant)
            records = opened(tenant, batch).records
        except (BatchBrokenError, KeyError):
            return [*problems, "does not open"]
        return problems if len(records) == batch.count else [*problems, "holds another number of records than it says"]
