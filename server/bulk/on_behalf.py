"""A bulk job's work with the rights of who asked for it: the gate opened anew, with the consents of now."""

from __future__ import annotations

from server.audit.trail import Trail
from server.jobs.asked import request_in
from server.jobs.step import Step
from server.repository import Repository
from server.rest.exchange import Exchange
from server.rest.gates import open_gate
from server.rest.request import Request
from server.rest.response import Response


async def exchange_of(step: Step, interaction: str) -> Exchange:
    """Raises FhirError (400, 403) where the caller may nothing any more; StoreUnavailableError."""
    request = request_in(step.payload)
    if request.principal is None:
        raise LookupError("Nobody asked for this job.")
    services, base = step.services, request.base.url
    repository = Repository(services.store, step.tenant, base, services.clock)
    trail = Trail(request.request_id, request.address, interaction)
    trail.principal = request.principal
    gate = await open_gate(services, request, request.principal, repository, trail)

    async def nothing(_: Request) -> Response:
        raise LookupError("A bulk job sends no requests.")

    return Exchange(request, services, step.tenant, request.principal, repository, trail, nothing, gate)


def part_trail(exchange: Exchange, interaction: str, patients: set[str]) -> Trail:
    """A record of its own for a part of the work, which names whose records it touched."""
    own = exchange.trail
    trail = Trail(own.request_id, own.address, interaction, "R", own.principal, purpose=own.purpose, reason=own.reason)
    trail.patients |= patients
    return trail
