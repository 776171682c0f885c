"""Runs due jobs. A job is leased with a fence; whoever lost the lease cannot complete it, so that none is done twice.

A handler that fails is tried again with exponential backoff and jitter; after `MAX_ATTEMPTS` the job is set aside as failed
and logged. Handlers find out what an earlier try has already done (operations.ports.JobHandler).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from operations.ports import Context, JobHandler
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.repository import MICROSECOND, Repository
from server.rest.context import context_for
from server.rest.exchange import Exchange, Services
from server.rest.request import Base, Request
from server.rest.response import Response
from server.store.jobs import Job
from server.store.store import Commit, LostLeaseError, StoreUnavailableError

LEASE_SECONDS: Final = 30
POLL_SECONDS: Final = 0.5
MAX_ATTEMPTS: Final = 20
MAX_BACKOFF_SECONDS: Final = 3600
AT_ONCE: Final = 8
RETIRED_PAUSE: Final = 24 * 3600 * MICROSECOND
"""Jobs of a retired tenant stay undone, and are looked at so seldom."""


class JobRunner:
    """Polls the store; `run` ends when it is cancelled, after the jobs under way."""

    def __init__(self, services: Services, handlers: Mapping[str, JobHandler]) -> None:
        self._services = services
        self._handlers = handlers

    async def run(self) -> None:
        while True:
            done = 0
            with suppress(StoreUnavailableError):
                done = await self.run_due()
            if done == 0:
                await asyncio.sleep(POLL_SECONDS)

    async def run_due(self) -> int:
        """Do the jobs that are due now; how many there were."""
        now = self._services.now()
        jobs = await self._services.store.lease_jobs(now, now + LEASE_SECONDS * MICROSECOND, AT_ONCE)
        for job in jobs:
            await self._do(job)
        return len(jobs)

    async def _do(self, job: Job) -> None:
        try:
            await self._handle(job)
        except LostLeaseError:
            return
        except Exception as error:  # a fault in one job must not stop the others
            self._services.log.failure("job failed", error, job=job.id, kind=job.kind, attempt=job.attempts)
            await self._give_back(job)

    async def _handle(self, job: Job) -> None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise LookupError(job.kind)
        tenant = await self._services.keyring.found(job.tenant)
        if self._services.keyring.is_retired(job.tenant):
            await self._services.store.release_job(job.id, job.fence, self._services.now() + RETIRED_PAUSE, False)
            return
        base = Base(tenant.name, self._services.base_url(tenant))
        repository = Repository(self._services.store, tenant, base.url, self._services.clock)
        payload = repository.open_job(job.kind, job.body)
        await handler(payload, job_context(self._services, repository, base, job.kind))
        await self._services.store.commit(Commit(job.tenant, finished_job=(job.id, job.fence)))

    async def _give_back(self, job: Job) -> None:
        delay = min(MAX_BACKOFF_SECONDS, 2 ** min(job.attempts, 12)) * (0.5 + secrets.randbelow(1000) / 1000)
        due = self._services.now() + int(delay * MICROSECOND)
        with suppress(StoreUnavailableError):
            await self._services.store.release_job(job.id, job.fence, due, job.attempts >= MAX_ATTEMPTS)


def job_context(services: Services, repository: Repository, base: Base, kind: str) -> Context:
    """The context of work that no request asked for: the server itself acts, inside one tenant, and says so in the audit."""
    identity = services.new_id()
    trail = Trail(identity, interaction=f"${kind}", actor="assent")
    principal = Principal(repository.tenant.name, "assent", "assent", frozenset({"payer"}), parse_scopes(""), identity, 0)
    request = Request("POST", base, (), (), {}, b"", identity, "")

    async def nothing(_: Request) -> Response:
        raise LookupError("A job sends no requests.")

    exchange = Exchange(request, services, repository.tenant, principal, repository, trail, nothing)
    return context_for(exchange, exchange.decision)
