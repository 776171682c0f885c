"""One lease of a job, as its handler sees it: what is to be done, where to go on, and a way to store under the fence.

Whatever is stored through `Step.services` carries the job's checkpoint in the same commit. So a holder that lost its lease, or
whose job was cancelled, changes nothing (LostLeaseError), and an effect and the note that it took place are one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from profiles import json
from profiles.json import Resource
from server.bindings import job_part_binding
from server.repository import MICROSECOND, Repository
from server.rest.exchange import Keeper, Services, Told
from server.rest.request import Base
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.search.catalogue import use
from server.store.jobs import POSITION, Checkpoint, Closed, Job
from server.store.store import Commit, LostLeaseError, StoreUnavailableError

MAX_PART: Final = 15 * 2**20
"""Bytes of one sealed part: a document of MongoDB has 16 MB."""


PARTS_AT_ONCE: Final = 100


class JobFailedError(Exception):
    """The job cannot be done, however often it is tried. The message is a sentence without PHI, for whoever asked for it."""


@dataclass(slots=True)
class Step(Keeper):
    """`payload` is what was asked for; `done` of `total` are done. Made by `open_step`."""

    job: Job
    tenant: Tenant
    payload: Resource
    services: Services
    done: int = 0
    total: int = 1
    kept: set[int] = field(default_factory=set)
    """Numbers of the results that are in the store, or will be with the next commit."""
    _waiting: dict[int, bytes] = field(default_factory=dict)
    _closed: bool = False

    @property
    def base(self) -> Base:
        return Base(self.tenant.name, self.services.base_url(self.tenant))

    def repository(self) -> Repository:
        """The tenant's records, at its main address."""
        return Repository(self.services.store, self.tenant, self.base.url, self.services.clock)

    # -- storing ---------------------------------------------------------------------------------------------------------

    async def commit(self, commit: Commit, told: Told | None = None) -> None:
        """Store on behalf of the job, with the results that wait. Raises LostLeaseError, and what refuses the commit."""
        await self._store(commit, self.done, dict(self._waiting))

    async def commit_result(self, commit: Commit, number: int, content: bytes, *, complete: bool) -> None:
        """As `commit`, with what the commit comes to; it counts as done when it is complete."""
        done = self.done + (complete and number not in self.kept)
        await self._store(commit, done, {**self._waiting, number: self._sealed(number, content)})
        if complete:
            self.kept.add(number)

    async def _store(self, commit: Commit, done: int, parts: dict[int, bytes], closes: Closed | None = None) -> None:
        if self._closed:
            raise LostLeaseError
        until = self.services.now() + self.services.settings.job_result_ttl * MICROSECOND if closes else 0
        renewed = tuple((number, self._renewed(number, part)) for number, part in parts.items())
        checkpoint = Checkpoint(self.job.id, self.job.fence, done, self.total, renewed, closes, until)
        await self.services.store.commit(replace(commit, checkpoint=checkpoint))
        self.done = done
        self._waiting.clear()
        use(await self.services.own_parameters.of(self.repository()))  # what follows is written by the parameters of then

    def keep(self, number: int, content: bytes) -> None:
        """One more is done, and this is what it came to; stored with the next commit, at the latest with the last."""
        if number in self.kept:
            return
        self.done += 1
        self.kept.add(number)
        self._waiting[number] = self._sealed(number, content)

    def put(self, number: int, content: bytes) -> None:
        """A part of what it comes to, in the place of one that may be there; it is not counted, and stored with the next commit."""
        self._waiting[number] = self._sealed(number, content)

    async def note(self, position: Resource, done: int, total: int | None = None, audit: Sequence[bytes] = ()) -> None:
        """How far it is and where to go on, durably; the counted total may become known on the way. Raises LostLeaseError."""
        self.total = self.total if total is None else total
        place = {POSITION: self._sealed(POSITION, json.dumps(position))}
        await self._store(Commit(self.job.tenant, audit=audit), done, {**self._waiting, **place})

    async def finish(self, audit: Sequence[bytes] = ()) -> None:
        """The job is done, if everything that was counted is. One that somebody asked for is kept with its results.

        Raises JobFailedError, and LostLeaseError.
        """
        if self.done != self.total:
            raise JobFailedError(f"{self.total} parts were counted, and {self.done} of them were done.")
        commit = Commit(self.job.tenant, audit=audit)
        if self.payload.get("asked") is None:
            await self.services.store.commit(replace(commit, finished_job=(self.job.id, self.job.fence)))
        else:
            await self._store(commit, self.done, self._waiting, "done")
        self._closed = True

    # -- reading ---------------------------------------------------------------------------------------------------------

    async def position(self) -> Resource | None:
        """What was noted last, by whoever had the job then."""
        found = await self.services.store.jobs.parts(self.job.id, POSITION, 1)
        if not found or found[0][0] != POSITION:
            return None
        position: Resource = json.loads(self._opened(*found[0]))
        return position

    async def result(self, number: int) -> bytes | None:
        """The content of a result that is in the store."""
        found = await self.services.store.jobs.parts(self.job.id, number, 1)
        return self._opened(*found[0]) if found and found[0][0] == number else None

    async def size_of_results(self) -> int:
        """Bytes of all results that are in the store."""
        size, first = 0, 0
        while found := await self.services.store.jobs.parts(self.job.id, first, PARTS_AT_ONCE):
            size += sum(len(self._opened(*part)) for part in found)
            first = found[-1][0] + 1
        return size

    def _opened(self, number: int, sealed: bytes) -> bytes:
        return self.tenant.cipher.open(sealed, job_part_binding(self.tenant.number, self.job.id, number))

    def _sealed(self, number: int, content: bytes) -> bytes:
        sealed = self.tenant.cipher.seal(content, job_part_binding(self.tenant.number, self.job.id, number))
        if len(sealed) > MAX_PART:
            raise JobFailedError("A result is larger than the store takes in one piece.")
        return sealed

    def _renewed(self, number: int, sealed: bytes) -> bytes:
        """A result may have waited while the tenant's key was changed (`Repository.renewed`)."""
        try:
            return self.tenant.cipher.renewed(sealed, job_part_binding(self.tenant.number, self.job.id, number))
        except SealBrokenError as error:
            raise StoreUnavailableError("The keys were changed while this was done.", "busy") from error


Worker = Callable[[Step], Awaitable[None]]
"""Does one job, from where it stands, and ends with `Step.finish`. It may be run again after a crash, from its last commit."""


def open_step(services: Services, tenant: Tenant, job: Job) -> Step:
    """Raises SealBrokenError when the job's content is not what was stored."""
    repository = Repository(services.store, tenant, services.base_url(tenant), services.clock)
    step = Step(job, tenant, repository.open_job(job.kind, job.body), services, job.done, job.total)
    step.services = replace(services, keeper=step)
    return step
