"""Long work on the whole store (reindexing, sealing anew, checking) as a job: one at a time over all servers, and resumable.

How to use it. Register a `Worker` under a kind (`own_workers` in server/jobs/workers.py), and ask for the work with `ask_once`,
from a server at its start or from the command line: the job waits in the store, one server leases it, and goes on where the one
before was killed. In the worker:

    position = await step.position()              # what was noted last, or None: begin
    ...a batch of work...
    await step.note({"after": 4711}, done=4711, total=100_000)      # raises LostLeaseError: another has the job
    ...
    await step.finish()                           # refused unless done == total

A batch that is done and not noted yet is done again after a kill, so it must be harmless to repeat. What is stored by
`step.services.commit(...)` is refused when the lease is lost; what goes past it (`store.upkeep`) is not, and must be harmless even
when two do it for a moment: compare and change, as `Upkeep.rewrite` and `Upkeep.reindex` do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from profiles.json import Resource
from server.repository import Repository
from server.seal.keyring import Tenant
from server.store.jobs import JobStatus, NewJob
from server.store.store import Commit, KeyHeldError, Store


async def ask_once(
    store: Store, tenant: Tenant, clock: Callable[[], datetime], kind: str, payload: Resource, total: int = 1
) -> bool:
    """Store the job `kind` of the tenant, unless it waits, runs or has failed already; whether it was stored.

    `tenant` is whose key its content is sealed under: the default one for work on the whole store. Raises StoreUnavailableError.
    """
    repository = Repository(store, tenant, "", clock)
    sealed = repository.seal_job(kind, clock(), payload)
    job = NewJob(kind, sealed.due, sealed.body, total, _handle(tenant, kind), created=repository.now())
    try:
        await store.commit(Commit(tenant.number, jobs=[job]))
    except KeyHeldError:
        return False
    return True


async def asked_once(store: Store, tenant: Tenant, kind: str) -> JobStatus | None:
    """How it stands; None when it was never asked for, or is done. Raises StoreUnavailableError."""
    return await store.jobs.find(_handle(tenant, kind))


def _handle(tenant: Tenant, kind: str) -> bytes:
    return tenant.index.unique_key(("job-once", kind))
