"""What a store says of itself when it is looked at from inside: `assent fsck`, and that records and audit trail tell the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from server.audit.batches import audit_binding
from server.audit.record import decode_batch
from server.commands.opened import Opened, bases_of, opened
from server.config import Settings
from server.upkeep.fsck import Fsck
from server.upkeep.record_types import RecordOpener
from server.upkeep.versions import versions_of

AT_ONCE = 200
UNFINDABLE = "is not found by all that it says"


@dataclass(frozen=True)
class Facts:
    """`findings`: what `assent fsck` prints. `silent`: versions without an audit record; `claimed`: what audit records tell and
    is not there; `twice`: versions that were audited more than once."""

    findings: list[str]
    silent: set[str]
    claimed: set[str]
    twice: set[str]
    versions: int

    def check(self) -> None:
        assert (self.findings, self.silent, self.claimed, self.twice) == ([], set(), set(), set())


def facts(environment: Mapping[str, str], *, mend: bool = False) -> Facts:
    return asyncio.run(_facts(Settings.from_environment(environment), mend))


async def _facts(settings: Settings, mend: bool) -> Facts:
    async with opened(settings) as store:
        fsck = Fsck(store.store, store.keyring, bases_of(settings), mend=mend)
        findings = [finding.sentence async for finding in fsck.run(lambda looked_at: None)]
        before = await _audited(store)
        stored = await _stored(store)
        after = await _audited(store)  # jobs may write while we look
    twice = {name for name, count in after.items() if count > 1}
    return Facts(findings, stored - set(after), set(before) - stored, twice, len(stored))


async def _stored(opened: Opened) -> set[str]:
    """Every version of every record, as an audit record names it."""
    names: set[str] = set()
    openers: dict[int, RecordOpener] = {}
    after = 0
    while rows := await opened.store.upkeep.rows(after, AT_ONCE):
        for row in rows:
            opener = openers.setdefault(row.tenant, RecordOpener(opened.keyring.by_number(row.tenant)))
            type_, plain = opener.open(row.record, row.index)
            id_ = plain.partition(b"\n")[0].decode().split(" ")[0]
            versions = await versions_of(opened.store, row.record)
            names.update(f"{row.tenant}/{type_}/{id_}/_history/{record.version}" for record in versions)
        after = rows[-1].record.rid
    return names


async def _audited(opened: Opened) -> Counter[str]:
    """How often a write of each version is told of."""
    told: Counter[str] = Counter()
    after = 0
    while batches := await opened.store.audit_batches(after, AT_ONCE):
        for batch in batches:
            body = opened.keyring.by_number(batch.tenant).cipher.open(batch.body, audit_binding(batch.tenant, batch.seq))
            for record in decode_batch(body):
                if record.action in "CUDE" and not record.refusal:
                    told.update(f"{batch.tenant}/{entity}" for entity in record.entities if "/_history/" in entity)
        after = batches[-1].seq
    return told
