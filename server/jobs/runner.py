"""Runs due jobs: several at once, each under a lease that is renewed while its handler works.

A handler that fails is tried again later (server/jobs/backoff.py); one that never comes further is set aside as failed, with its
reason. Whoever loses a lease is stopped, and could not store anything any more (server/jobs/step.py). When the server stops, its
jobs are given back at once; when it is killed, they are free when the lease has run out, and at the next start of an embedded
store, which nobody else uses.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

from operations.ports import JobHandler
from profiles.outcome import FhirError
from server.jobs.backoff import MAX_ATTEMPTS, backoff
from server.jobs.business import worker_of
from server.jobs.reasons import seal_reason
from server.jobs.step import JobFailedError, Worker, open_step
from server.repository import MICROSECOND
from server.rest.exchange import Services
from server.search.catalogue import use
from server.store.jobs import Job
from server.store.store import LostLeaseError, StoreUnavailableError

POLL_SECONDS: Final = 0.5
AT_ONCE: Final = 8
"""Of the business's own jobs: decisions that are due wait for nobody else's work."""

SLOW_AT_ONCE: Final = 4
"""Of those that may take long, beside them."""

SWEEP_SECONDS: Final = 60.0
SWEEP: Final = 100
RETIRED_PAUSE: Final = 24 * 3600 * MICROSECOND
"""Jobs of a retired tenant stay undone, and are looked at so seldom."""


class JobRunner:
    """Polls the store; `run` until it is cancelled. `handlers` are the business's, `workers` the server's own, both by kind.

    `bounds` say how many jobs of some of the server's own kinds may be done at once, beside `SLOW_AT_ONCE` of all others of them.
    Each group has places of its own, so that none waits for another.
    """

    def __init__(
        self,
        services: Services,
        handlers: Mapping[str, JobHandler],
        workers: Mapping[str, Worker] | None = None,
        bounds: Mapping[frozenset[str], int] | None = None,
    ) -> None:
        self._services = services
        self._slow = frozenset(workers or ())
        bounded = dict(bounds or {})
        others = self._slow.difference(*bounded)
        self._bounds = {**bounded, others: SLOW_AT_ONCE} if others else bounded
        self._workers = {kind: worker_of(handler) for kind, handler in handlers.items()} | dict(workers or {})
        self._running: dict[asyncio.Task[None], str] = {}
        self._sweep_at = 0.0

    async def run(self) -> None:
        try:
            while True:
                started = 0
                self._services.job_stored.clear()
                with suppress(StoreUnavailableError):
                    started = await self._start_due()
                    await self._sweep()
                if started:
                    continue
                await self._wait()
        finally:
            tasks = list(self._running)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self) -> None:
        """Until a job ends, or one is stored here that is due, or it is time to look what others stored."""
        stored = asyncio.create_task(self._services.job_stored.wait())
        try:
            await asyncio.wait([stored, *self._running], timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stored.cancel()

    async def run_due(self) -> int:
        """Do the jobs that are due now, and wait for them; how many there were."""
        started = await self._start_due()
        if self._running:
            await asyncio.wait(self._running)
        return started

    async def _start_due(self) -> int:
        now = self._services.now()
        business = sum(kind not in self._slow for kind in self._running.values())
        started = await self._start(now, AT_ONCE - business, self._slow)
        for group, most in self._bounds.items():
            under_way = sum(kind in group for kind in self._running.values())
            started += await self._start(now, most - under_way, self._workers.keys() - group)
        return started

    async def _start(self, now: int, most: int, without: Collection[str]) -> int:
        if most <= 0:
            return 0
        jobs = await self._services.store.jobs.lease(now, self._lease_end(), most, without)
        for job in jobs:
            task = asyncio.create_task(self._do(job))
            self._running[task] = job.kind
            task.add_done_callback(self._running.pop)
        return len(jobs)

    def _lease_end(self) -> int:
        return self._services.now() + self._services.settings.job_lease * MICROSECOND

    async def _do(self, job: Job) -> None:
        work = asyncio.create_task(self._handle(job))
        renewal = asyncio.create_task(self._renew(job, work))
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait([work])
            await self._give_back(job, self._services.now())
            raise
        finally:
            renewal.cancel()
        if work.cancelled():  # the lease was lost
            return
        error = work.exception()
        if error is not None and not isinstance(error, LostLeaseError):
            self._services.log.failure("job failed", error, job=job.id, kind=job.kind, attempt=job.attempts)
            await self._failed(job, error)

    async def _renew(self, job: Job, work: asyncio.Task[None]) -> None:
        """Until the work is done. Whoever lost the lease is stopped: what he would store is refused anyway."""
        while True:
            await asyncio.sleep(self._services.settings.job_lease / 3)
            with suppress(StoreUnavailableError):
                if not await self._services.store.jobs.renew(job.id, job.fence, self._lease_end()):
                    work.cancel()
                    return

    async def _handle(self, job: Job) -> None:
        worker = self._workers.get(job.kind)
        if worker is None:
            raise LookupError(job.kind)
        tenant = await self._services.keyring.found(job.tenant)
        if self._services.keyring.is_retired(job.tenant):
            await self._give_back(job, self._services.now() + RETIRED_PAUSE)
            return
        if job.attempts > MAX_ATTEMPTS:  # nobody came to tell that it failed: the servers ended while they did it
            raise JobFailedError(f"The server ended {MAX_ATTEMPTS} times while it did this.")
        step = open_step(self._services, tenant, job)
        use(await self._services.own_parameters.of(step.repository()))
        await worker(step)

    async def _give_back(self, job: Job, due: int) -> None:
        with suppress(StoreUnavailableError):
            await self._services.store.jobs.release(job.id, job.fence, due, untried=True)

    async def _failed(self, job: Job, error: BaseException) -> None:
        """Tried again later; or set aside: when it cannot be done, or was tried often enough."""
        now = self._services.now()
        final = isinstance(error, JobFailedError) or job.attempts >= MAX_ATTEMPTS
        with suppress(StoreUnavailableError):
            status = await self._services.store.jobs.status(job.id)
            kept = now + self._services.settings.job_result_ttl * MICROSECOND if status is not None and status.owner else 0
            pause = backoff(job.attempts, secrets.randbelow(1000) / 1000)
            await self._services.store.jobs.release(
                job.id,
                job.fence,
                now + int(pause * MICROSECOND),
                reason=seal_reason(self._services.keyring, job, in_words(error), now),
                failed_until=kept if final else None,
            )

    async def _sweep(self) -> None:
        """Forget closed jobs whose time is over."""
        moment = asyncio.get_running_loop().time()
        if moment < self._sweep_at:
            return
        self._sweep_at = moment + SWEEP_SECONDS
        for job_id in await self._services.store.jobs.expired(self._services.now(), SWEEP):
            await self._services.store.jobs.forget(job_id)


def in_words(error: BaseException) -> str:
    """Why it failed, without PHI: a refusal's text may repeat what a remote payer said, so only its codes are told."""
    if isinstance(error, JobFailedError):
        return str(error)
    if isinstance(error, FhirError):
        return f"It was refused ({', '.join(dict.fromkeys(issue.code for issue in error.issues))})."
    return f"The server failed ({type(error).__name__})."
