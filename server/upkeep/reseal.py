"""Sealing anew what is sealed under older keys: records with all their versions, holders of uniqueness keys, jobs.

In small batches while the server works. A batch is looked at again after each change, and left behind when nothing in it is under
an older key any more; so nothing is missed, whatever is written meanwhile. Audit batches stay as they are; the keys that they
need are noted, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from server.bindings import job_binding, job_part_binding, key_binding
from server.internal import internal_binding
from server.seal.cipher import SealBrokenError, key_number
from server.seal.keyring import Keyring, Tenant
from server.seal.rotation import Pace, dropping, settled
from server.store.store import Store
from server.store.upkeep import HeldKey, KeptJob, NewBody, NewHolder, NewInternalBody, NewJobBody, NewJobPart, Rewrite, Row
from server.upkeep.job_parts import parts_of
from server.upkeep.progress import FINISHED, Place, Progress
from server.upkeep.record_types import RecordOpener
from server.upkeep.versions import versions_of

SETTING: Final = "reseal"
STAGES: Final = ("records", "keys", "jobs", "internal", "audit")
ROWS: Final = 32
SMALL: Final = 128
FEW: Final = 8


class Reseal:
    """`step` does the next batch. One of these to a server."""

    def __init__(self, store: Store, keyring: Keyring, pace: Pace, owner: str, now: Callable[[], int]) -> None:
        self._store = store
        self._keyring = keyring
        self._pace = pace
        self._now = now
        self._progress = Progress(store, SETTING, owner, now)
        self._place: Place | None = None
        self._openers: dict[int, RecordOpener] = {}

    async def step(self) -> bool:
        """Whether there is more to do. Raises StoreUnavailableError; the next call goes on all the same."""
        targets = settled(self._keyring.entries(), self._now(), self._pace)
        if not targets:
            self._place = None
            return False
        place = self._place
        if place is None or place.task != targets:
            place = await self._progress.take(Place(targets, STAGES[0], 0))
        if place is not None:
            place = await self._progress.note(await self._batch(place))
        self._place = place
        if place is not None and place.stage == FINISHED:
            await self._finish(place)
        return place is not None

    async def _finish(self, place: Place) -> None:
        """Older keys go, except those of the audit trail, and all of a tenant some of whose records did not open."""
        kept = dict(place.kept)
        for name, entry in self._keyring.entries().items():
            if place.damaged.get(entry["number"]):
                kept[entry["number"]] = [int(number) for number in self._keyring.entries()[name]["data"]]
        await self._progress.note(place, at_once=True)
        await self._keyring.change(dropping(place.task, kept))
        self._place = None

    async def _batch(self, place: Place) -> Place:
        """The place after the next batch."""
        if place.stage == "records":
            return await self._records(place)
        if place.stage == "keys":
            return await self._keys(place)
        if place.stage == "jobs":
            return await self._jobs(place)
        if place.stage == "internal":
            return await self._internals(place)
        return await self._audit(place)

    async def _records(self, place: Place) -> Place:
        while True:
            rows = await self._store.upkeep.rows(int(place.after), ROWS)
            rewrites: list[Rewrite] = []
            damaged = dict(place.damaged)
            for row in rows:
                target = place.task.get(row.tenant)
                if target is not None:
                    await self._record(row, target, rewrites, damaged)
            if not rewrites:
                return _next(place, rows[-1].record.rid if rows else None, len(rows), damaged)
            await self._store.upkeep.rewrite(rewrites)

    async def _record(self, row: Row, target: int, rewrites: list[Rewrite], damaged: dict[int, int]) -> None:
        opener = self._opener(row.tenant)
        type_: str | None = None
        for record in await versions_of(self._store, row.record):
            if key_number(record.body) == target:
                continue
            try:
                type_, plain = opener.open(record, row.index, type_)
            except SealBrokenError:
                damaged[row.tenant] = damaged.get(row.tenant, 0) + 1
                continue
            rewrites.append(NewBody(record.rid, record.version, record.body, opener.seal(type_, record, plain)))

    async def _keys(self, place: Place) -> Place:
        while True:
            keys = await self._store.upkeep.held_keys(bytes.fromhex(str(place.after)), SMALL)
            damaged = dict(place.damaged)
            rewrites = [new for key in keys if (new := self._holder(key, place, damaged)) is not None]
            if not rewrites:
                return _next(place, keys[-1].key.hex() if keys else None, len(keys), damaged)
            await self._store.upkeep.rewrite(rewrites)

    def _holder(self, held: HeldKey, place: Place, damaged: dict[int, int]) -> NewHolder | None:
        """Whose it is, only the seal tells."""
        for tenant in self._tenants():
            target = place.task.get(tenant.number)
            try:
                plain = tenant.cipher.open(held.holder, key_binding(held.key))
            except SealBrokenError:
                continue
            if target is None or key_number(held.holder) == target:
                return None
            return NewHolder(held.key, held.holder, tenant.cipher.seal(plain, key_binding(held.key)))
        for number in place.task:
            damaged[number] = damaged.get(number, 0) + 1
        return None

    async def _jobs(self, place: Place) -> Place:
        while True:
            jobs = await self._store.upkeep.jobs(int(place.after), FEW)
            damaged = dict(place.damaged)
            rewrites: list[Rewrite] = [new for job in jobs if (new := self._job(job, place, damaged)) is not None]
            for job in jobs:
                if job.tenant in place.task:
                    rewrites += await self._parts(job, place.task[job.tenant], damaged)
            if not rewrites:
                return _next(place, jobs[-1].id if jobs else None, len(jobs), damaged)
            await self._store.upkeep.rewrite(rewrites)

    def _job(self, job: KeptJob, place: Place, damaged: dict[int, int]) -> NewJobBody | None:
        target = place.task.get(job.tenant)
        if target is None or key_number(job.body) == target:
            return None
        cipher, binding = self._keyring.by_number(job.tenant).cipher, job_binding(job.tenant, job.kind)
        try:
            return NewJobBody(job.id, job.body, cipher.seal(cipher.open(job.body, binding), binding))
        except SealBrokenError:
            damaged[job.tenant] = damaged.get(job.tenant, 0) + 1
            return None

    async def _parts(self, job: KeptJob, target: int, damaged: dict[int, int]) -> list[NewJobPart]:
        """What came of a job, where it goes on, and why it failed."""
        cipher, rewrites = self._keyring.by_number(job.tenant).cipher, []
        async for number, sealed in parts_of(self._store, job.id):
            if key_number(sealed) != target:
                binding = job_part_binding(job.tenant, job.id, number)
                try:
                    rewrites.append(NewJobPart(job.id, number, sealed, cipher.seal(cipher.open(sealed, binding), binding)))
                except SealBrokenError:
                    damaged[job.tenant] = damaged.get(job.tenant, 0) + 1
        return rewrites

    async def _internals(self, place: Place) -> Place:
        """Accounts, sessions, clients (server/internal.py)."""
        while True:
            found = await self._store.internals.all(bytes.fromhex(str(place.after)), SMALL)
            damaged = dict(place.damaged)
            rewrites: list[Rewrite] = []
            for record in found:
                target = place.task.get(record.tenant)
                if target is None or key_number(record.body) == target:
                    continue
                cipher, binding = self._keyring.by_number(record.tenant).cipher, internal_binding(record)
                try:
                    sealed = cipher.seal(cipher.open(record.body, binding), binding)
                    rewrites.append(NewInternalBody(record.key, record.body, sealed))
                except SealBrokenError:
                    damaged[record.tenant] = damaged.get(record.tenant, 0) + 1
            if not rewrites:
                return _next(place, found[-1].key.hex() if found else None, len(found), damaged)
            await self._store.upkeep.rewrite(rewrites)

    async def _audit(self, place: Place) -> Place:
        batches = await self._store.audit_batches(int(place.after), SMALL)
        kept = {number: set(keys) for number, keys in place.kept.items()}
        for batch in batches:
            target = place.task.get(batch.tenant)
            if target is not None and key_number(batch.body) != target:
                kept.setdefault(batch.tenant, set()).add(key_number(batch.body))
        place = msgspec.structs.replace(place, kept={number: sorted(keys) for number, keys in kept.items()})
        return _next(place, batches[-1].seq if batches else None, len(batches), place.damaged)

    def _opener(self, number: int) -> RecordOpener:
        if number not in self._openers:
            self._openers[number] = RecordOpener(self._keyring.by_number(number))
        return self._openers[number]

    def _tenants(self) -> Sequence[Tenant]:
        return [self._keyring.by_number(entry["number"]) for entry in self._keyring.entries().values()]


def _next(place: Place, after: int | str | None, count: int, damaged: dict[int, int]) -> Place:
    """Behind the batch that was just left, or at the beginning of the next stage when there was none."""
    if after is not None:
        return msgspec.structs.replace(place, after=after, done=place.done + count, damaged=damaged)
    stage = STAGES[STAGES.index(place.stage) + 1] if place.stage != STAGES[-1] else FINISHED
    return msgspec.structs.replace(place, stage=stage, after="" if stage in {"keys", "internal"} else 0)
