"""Loads the synthetic practice into an empty store, once: resources in one commit, then its requests through `$submit`.

The authorizations are submitted by the real operation, so that their states are decided and not made up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from operations.policy.library.bundled import bundled_libraries
from operations.ports import OperationInput
from profiles.outcome import FhirError
from server.access.access import everything
from server.access.gate import ServersGate
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.http import DEFAULT_TENANT
from server.repository import Repository
from server.rest.context import context_for
from server.rest.exchange import Exchange, Services, unchecked
from server.rest.request import Base, Request
from server.rest.response import Response
from server.sample.practice import practice_requests, practice_resources

_LOADED: Final = "sample-practice"
_SUBJECT: Final = "sample-practice"


async def load_practice(services: Services) -> None:
    """Load the practice unless this store has it already; what an interrupted loading left is kept."""
    if await services.store.get_setting(_LOADED) is not None:
        return
    services = replace(services, written=unchecked)  # it is ours, and a server starts in whatever way it validates
    today = services.clock().date()
    exchange = await _exchange(services, "batch", "C")
    resources = [*bundled_libraries(), *practice_resources(today)]
    prepared = [
        exchange.repository.prepare(resource, resource["id"], None)
        for resource in resources
        if await exchange.repository.read(everything(resource["resourceType"]), resource["id"]) is None
    ]
    await exchange.commit(prepared, status=201)
    submit = services.operations[("type", "Claim", "submit")]
    for request in practice_requests(today):
        exchange = await _exchange(services, "$submit", "E")
        try:
            await submit.run(OperationInput(request, "Claim"), context_for(exchange, everything("*")))
        except FhirError as error:
            if error.issues[0].code != "pas-duplicate-request":  # submitted on another day, before loading was interrupted
                raise
    await services.store.put_setting(_LOADED, today.isoformat().encode())


async def _exchange(services: Services, interaction: str, action: str) -> Exchange:
    tenant = await services.keyring.make(DEFAULT_TENANT)
    base = Base(tenant.name, services.base_url(tenant))
    identity = services.new_id()
    trail = Trail(identity, interaction=interaction, action=action, actor=_SUBJECT)
    principal = Principal(tenant.name, _SUBJECT, _SUBJECT, frozenset({"staff"}), parse_scopes(""), identity, 0)
    request = Request("POST", base, (), (), {}, b"", identity, "")
    repository = Repository(services.store, tenant, base.url, services.clock)
    return Exchange(request, services, tenant, principal, repository, trail, _no_requests, ServersGate())


async def _no_requests(_: Request) -> Response:
    raise LookupError("Loading the practice sends no requests.")
