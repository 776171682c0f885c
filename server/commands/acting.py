"""What commands share that do the tenants' business: a `Context` for it, as a job has, beside a running server or without one.

The parts are put together as the server's are (server/app.py), and nothing of it is run: no requests, no jobs, no upkeep.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from operations.ports import Context
from server.app import open_services
from server.commands.opened import bases_of
from server.config import ConfigurationError, Settings
from server.jobs.business import job_context
from server.logs import stderr_log
from server.repository import Repository
from server.rest.exchange import Services
from server.rest.request import Base
from server.seal.tenant_entries import DEFAULT
from server.search.catalogue import use
from server.store.open import check_is_there
from server.store.store import StoreUnavailableError
from server.store.trouble import in_words

ACTOR: Final = "assent-cli"


class Acting:
    """Gives a context for each thing that is done: each leaves an audit record of its own."""

    def __init__(self, services: Services, repository: Repository) -> None:
        self._services = services
        self._repository = repository

    def context(self, activity: str) -> Context:
        base = Base(self._repository.tenant.name, self._repository.base_url)
        return job_context(self._services, self._repository, base, activity, ACTOR)


@asynccontextmanager
async def acting(settings: Settings, tenant_name: str) -> AsyncIterator[Acting]:
    """Raises ConfigurationError where there is no store or no such tenant, and when the store goes away."""
    check_is_there(settings)
    try:
        _, services = await open_services(settings, stderr_log("warning"))
        try:
            if services.keyring.get(DEFAULT) is None:
                raise ConfigurationError("The store is empty: start the server once before this.")
            tenant = services.keyring.get(tenant_name)
            if tenant is None:
                raise ConfigurationError(f"There is no tenant {tenant_name}: `assent tenant list` shows which there are.")
            repository = Repository(services.store, tenant, bases_of(settings)(tenant)[0], services.clock)
            use(await services.own_parameters.of(repository))
            yield Acting(services, repository)
        finally:
            await services.close()
    except StoreUnavailableError as error:
        raise ConfigurationError(f"The store {in_words(error)}: mend that, or try again in a moment.") from error
