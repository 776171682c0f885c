"""One stream of large commits of what was prepared, in the order of the files; interrupted at any place, it goes on there.

Each commit carries how far its files are, under uniqueness keys, so that nothing is stored twice and nothing is left out: a key
is held by the last resource that came of the file, with the number of lines that are done. What is there already with the same
content stays as it is; with another content it gets a new version.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from profiles import json
from profiles.json import Resource
from profiles.references import parse_reference
from server.access.access import everything
from server.audit.trail import Trail
from server.documents.apart import drop_apart, put_apart
from server.load.files import Source, Unit, units
from server.load.prepare import Fault, Fresh, Task
from server.load.prepare import Prepared as PreparedUnit
from server.load.provenance import Arrival, of_loaded
from server.load.sameness import is_same
from server.load.workers import Workers
from server.repository import Prepared, Repository
from server.seal.keyring import Keyring
from server.seal.tenant_entries import Entry
from server.store.store import Commit, Record, StaleVersionError

LONG_COMMIT: Final = 6.0
"""Seconds: after a commit that took longer, the next carry half as much. A store gives up on a disk after ten."""

SMALLEST: Final = 250
LARGEST_BYTES: Final = 96 * 2**20
"""Of sealed bodies in one commit; they are held in memory."""

_KEY: Final = "load"


@dataclass(slots=True)
class Counts:
    """New resources, those that got a new version, those that were there already, and what was not loaded."""

    stored: int = 0
    changed: int = 0
    same: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Waiting:
    """What the next commit will carry, and how far each source (by digest) is then: lines, and the last resource of it."""

    fresh: dict[bytes, Fresh] = field(default_factory=dict)
    large: list[Resource] = field(default_factory=list)
    ends: dict[str, tuple[int, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """The source of each, by its reference."""
    size: int = 0


class Loader:
    """`told` is given each fault, with its file, as it is found; `moved` is called when a unit is done with.

    `provenance`: whether each commit tells where what it carries comes from (server/load/provenance.py).
    """

    def __init__(
        self,
        repository: Repository,
        keyring: Keyring,
        largest: int,
        told: Callable[[Source, Fault], None],
        moved: Callable[[Unit], None],
        *,
        provenance: bool,
    ) -> None:
        self._repository = repository
        self._store = repository.store
        self._keyring = keyring
        self._size = self._largest = largest
        self._told, self._moved = told, moved
        self._provenance = provenance
        self._held: dict[str, str | None] = {}
        self._entry = keyring.entries()[repository.tenant.name]
        self._untold = 0
        self._waiting = _Waiting()
        self._committing: asyncio.Task[None] | None = None
        self.counts = Counts()

    async def run(self, sources: Sequence[Source], workers: Workers) -> None:
        """Raises StoreUnavailableError, UnreadableFileError, WorkerEndedError: what was committed until then stays."""
        done = {source.digest: await self._done(source) for source in sources}
        left = (unit for source in sources for unit in units(source, done[source.digest]))
        try:
            async for unit, prepared in workers.results(left, self._task):
                await self._add(unit, prepared)
                self._moved(unit)
                await self._refresh(workers.count)
            await self._flush()
            await self._committed()
        finally:  # whatever went wrong, what is being committed is not left in the middle
            if self._committing is not None:
                await asyncio.wait([self._committing])

    async def _done(self, source: Source) -> int:
        """How many lines of it an earlier run has stored."""
        holder = self._held[source.digest] = await self._repository.holder((_KEY, source.digest))
        reference = parse_reference(holder) if holder is not None else None
        return int(reference.fragment) if reference is not None and reference.fragment else 0

    def _task(self, unit: Unit) -> Task:
        """The tasks go round: when the keys have changed, the next round tells each process."""
        entry: Entry | None = self._entry if self._untold else None
        self._untold = max(self._untold - 1, 0)
        return Task(unit.first, unit.lines, unit.source.is_document, entry)

    async def _refresh(self, workers: int) -> None:
        if not self._waiting.fresh:
            await self._keyring.refresh()
            entry = self._keyring.entries()[self._repository.tenant.name]
            if entry != self._entry:
                self._entry, self._untold = entry, workers

    async def _add(self, unit: Unit, prepared: PreparedUnit) -> None:
        for fault in prepared.faults:
            self.counts.refused += 1
            self._told(unit.source, fault)
        for fresh in prepared.fresh:
            if fresh.key in self._waiting.fresh:  # the same resource again: it is to become the next version
                await self._flush()
            self._waiting.fresh[fresh.key] = fresh
            self._waiting.files[fresh.reference] = unit.source.digest
            self._waiting.size += len(fresh.body)
        for line in prepared.large:
            resource = json.loads(line)
            self._waiting.large.append(resource)
            self._waiting.files[f"{resource['resourceType']}/{resource['id']}"] = unit.source.digest
        last = self._last(prepared)
        if last is not None:
            self._waiting.ends[unit.source.digest] = (unit.end, last)
        if len(self._waiting.fresh) >= self._size or self._waiting.size >= LARGEST_BYTES or self._waiting.large:
            await self._flush()

    def _last(self, prepared: PreparedUnit) -> str | None:
        if prepared.fresh:
            return prepared.fresh[-1].reference
        if self._waiting.large:
            return f"{self._waiting.large[-1]['resourceType']}/{self._waiting.large[-1]['id']}"
        return None

    async def _flush(self) -> None:
        """Commit what waits, one commit after another; what comes next is taken in meanwhile."""
        waiting, self._waiting = self._waiting, _Waiting()
        if waiting.fresh or waiting.large:
            await self._committed()
            self._committing = asyncio.create_task(self._store_all(waiting))

    async def _committed(self) -> None:
        if self._committing is not None:
            committing, self._committing = self._committing, None
            await committing

    async def _store_all(self, waiting: _Waiting) -> None:
        fresh = list(waiting.fresh.values())
        started = time.monotonic()
        if waiting.large or not await self._is_committed(fresh, waiting):
            await self._commit_changes(fresh, waiting)
        if time.monotonic() - started > LONG_COMMIT:
            self._size = max(self._size // 2, SMALLEST)
        elif self._size < self._largest:
            self._size = min(self._size + self._size // 8, self._largest)
        await self._store.settle()

    async def _is_committed(self, fresh: list[Fresh], waiting: _Waiting) -> bool:
        """Not when one of them is there already: then nothing was stored."""
        patients = {patient for one in fresh for patient in one.patients}
        try:
            await self._commit(fresh, patients, waiting)
        except StaleVersionError:
            return False
        self.counts.stored += len(fresh)
        return True

    async def _commit_changes(self, fresh: list[Fresh], waiting: _Waiting) -> None:
        """Each beside what is there already; once more when somebody else is faster with one of them."""
        while True:
            new, changes, counts = await self._changes(fresh, waiting.large)
            apart = [part for change in changes for part in change.apart]
            patients = {patient for one in fresh for patient in one.patients}
            patients.update(patient for change in changes for patient in change.version.patients)
            try:
                await put_apart(self._store.blobs, self._repository.tenant.number, self._repository.now(), apart)
                await self._commit(new, patients, waiting, changes)
            except StaleVersionError:
                await drop_apart(self._store.blobs, apart)
                continue
            self.counts.stored += counts.stored
            self.counts.changed += counts.changed
            self.counts.same += counts.same
            return

    async def _changes(self, fresh: list[Fresh], large: list[Resource]) -> tuple[list[Fresh], list[Prepared], Counts]:
        """What is new as it is, what has to be prepared for its place, and how many there are of each."""
        new: list[Fresh] = []
        changes: list[Prepared] = []
        counts = Counts()
        repository = self._repository
        for one in fresh:
            type_, _, id_ = one.reference.partition("/")
            current = await repository.read(everything(type_), id_)
            if current is None:
                new.append(one)
                counts.stored += 1
                continue
            resource = repository.open(Record(0, one.key, 1, one.updated, False, one.body), type_).resource()
            if await is_same(repository, current, resource):
                counts.same += 1
            else:
                changes.append(repository.prepare(resource, id_, current))
                counts.changed += 1
        for resource in large:
            current = await repository.read(everything(resource["resourceType"]), resource["id"])
            if current is not None and await is_same(repository, current, resource):
                counts.same += 1
            else:
                changes.append(repository.prepare(resource, resource["id"], current))
                counts.stored += current is None
                counts.changed += current is not None
        return new, changes, counts

    async def _commit(
        self, new: list[Fresh], patients: set[str], waiting: _Waiting, changes: Sequence[Prepared] = ()
    ) -> None:
        """Raises StaleVersionError."""
        puts = [*(one.put() for one in new), *(change.put for change in changes)]
        if self._provenance:
            puts += [one.put for one in self._origins(new, changes, waiting.files)]
        repository = self._repository
        held = {digest: f"{last}#{lines}" for digest, (lines, last) in waiting.ends.items()}
        keys = [repository.claim((_KEY, digest), holder, self._held[digest]) for digest, holder in held.items()]
        files = "&".join(f"{digest}={lines}" for digest, (lines, _) in waiting.ends.items())
        trail = Trail(str(uuid4()), interaction="$load", action="C", actor="assent-cli", query=files, patients=patients)
        audit = trail.encode(repository.now(), 0)
        blobs = [blob for change in changes for blob in change.blobs]
        await self._store.commit(Commit(repository.tenant.number, puts, keys, audit=[audit], blobs=blobs))
        self._held.update(held)

    def _origins(self, new: list[Fresh], changes: Sequence[Prepared], files: dict[str, str]) -> list[Prepared]:
        stored = [(one.reference, 1, one.patients) for one in new]
        stored += [(each.version.reference, each.version.version, each.version.patients) for each in changes]
        arrivals = [Arrival(*one, files[one[0]]) for one in stored]
        now = datetime.now(UTC)
        return [self._repository.prepare(told, told["id"], None) for told in of_loaded(arrivals, now)]
