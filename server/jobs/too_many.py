"""How many jobs that somebody asked for may wait or be done at once: of one caller, and of one tenant."""

from __future__ import annotations

from typing import Final

from profiles.outcome import refuse
from server.rest.exchange import Services
from server.seal.keyring import Tenant

_RETRY_SECONDS: Final = 10


async def refuse_too_many(services: Services, tenant: Tenant, owner: bytes) -> None:
    """Raises FhirError (429). Two servers that are asked in the same moment may each let one more in."""
    settings, jobs = services.settings, services.store.jobs
    for whose, most in ((owner, settings.jobs_per_caller), (None, settings.jobs_per_tenant)):
        if await jobs.count_open(tenant.number, whose, most) >= most:
            error = refuse("too-many-jobs", f"{most} requests of {'this caller' if whose else 'this tenant'} wait already.")
            error.headers["Retry-After"] = str(_RETRY_SECONDS)
            raise error
