"""Opens the gate for one request: who asks, what for, what patients' consents leave to them; and notes it when the glass is broken."""

from __future__ import annotations

from server.access.access import Consented
from server.access.asking import asking_of, glass_reason
from server.access.consent_view import ConsentView
from server.access.consents import TYPE as CONSENT
from server.access.disclosure import ConsentedDisclosure
from server.access.gate import CallersGate
from server.access.purposes import EMERGENCY, settled_purpose
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.repository import Repository
from server.rest.exchange import Services
from server.rest.request import Request


async def open_gate(
    services: Services, request: Request, principal: Principal, repository: Repository, trail: Trail
) -> CallersGate:
    """Raises FhirError (400, 403) for a purpose or a break-glass that is not allowed; StoreUnavailableError."""
    purpose = settled_purpose(principal, trail.purpose)
    reason = glass_reason(principal, request.headers)
    services.index_state.check(CONSENT, ())  # one that cannot be found cannot be heeded
    held = await services.consents.held(repository)
    consents: Consented | None = None
    disclosure = None if held.is_silent else ConsentedDisclosure(held, services.now())
    if reason is not None:
        trail.purpose, trail.reason = EMERGENCY, reason
        services.log.event("warning", "glass broken", request_id=request.request_id, tenant=repository.tenant.name)
    elif not held.is_silent:
        consents = ConsentView(held, await asking_of(principal, purpose, held, repository), services.now())
    return CallersGate(principal, repository.tenant.index, repository.base_url, services.judgements, consents, disclosure)
