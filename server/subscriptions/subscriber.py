"""The subscriber as they are at this moment: what a notification may say is decided anew each time, and not when it was asked for.

Whoever subscribed had a token, with roles, scopes and perhaps one patient. That token has run out long since, and does not matter;
the account or client behind it must still be there and active, and has no more than it has today (docs/subscriptions.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from profiles.outcome import FhirError
from server.access.access import Access
from server.access.gate import CallersGate
from server.accounts.account import find
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import ResourceScope, ScopeSet, parse_scopes
from server.internal import OwnRecords
from server.jobs.asked import principal_in
from server.logs import EventLog
from server.oauth.client import CLIENTS
from server.oauth.grant import GRANTS
from server.repository import Repository, Version
from server.rest.exchange import Services
from server.rest.gates import open_gate
from server.rest.request import Base, Request
from server.seal.keyring import Tenant
from server.store.store import StoreUnavailableError
from server.subscriptions.records import Subscribed


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`gate` says what they may read now."""

    principal: Principal
    repository: Repository
    gate: CallersGate
    trail: Trail
    subscribed: Subscribed
    log: EventLog

    async def reads(self, version: Version) -> bool:
        """Whether a version, and the record as it is now, may be shown to them. A deletion is told to whoever could see what was there."""
        access = self.gate.access_if_any("r", version.type)
        if access is None or not await self.repository.admits(access, version):
            return False
        return await self._reaches_now(access, version)

    async def _reaches_now(self, access: Access, version: Version) -> bool:
        if access.is_whole:
            return True
        current = await self.repository.read(access, version.id)
        return current is not None


async def subscriber_of(services: Services, tenant: Tenant, subscribed: Subscribed) -> Subscriber | None:
    """None where nothing may be sent any more. Raises StoreUnavailableError."""
    own = OwnRecords(services.store, tenant, services.now)
    principal = await _present(own, services, subscribed)
    if principal is None:
        return None
    identity = services.new_id()
    trail = Trail(identity, interaction="$notify", action="R", principal=principal)
    repository = Repository(services.store, tenant, subscribed.base, services.clock)
    request = Request("POST", Base(tenant.name, subscribed.base, subscribed.pas), (), (), {}, b"", identity, "")
    try:
        gate = await open_gate(services, request, principal, repository, trail)
    except FhirError as error:
        if error.status < 500:  # they would not be let in either
            return None
        raise StoreUnavailableError("Nobody can tell now what the subscriber may read.", "busy") from error
    return Subscriber(principal, repository, gate, trail, subscribed, services.log)


async def _present(own: OwnRecords, services: Services, subscribed: Subscribed) -> Principal | None:
    """The principal that asked, with what is left of its rights."""
    asked = principal_in({"asked": subscribed.asked})
    roles, scopes = asked.roles, asked.scopes.resources
    if services.revoked.holds(asked) and not subscribed.account and not subscribed.client:
        return None
    if subscribed.account:
        account = await find(own, asked.subject)
        if account is None or not account.value.active or asked.moment < account.value.signed_out_before:
            return None
        roles &= frozenset(account.value.roles)
    if subscribed.client:
        client = await CLIENTS.read(own, asked.client_id)
        if client is None or asked.moment < client.value.created:  # the one that has the id now is another
            return None
        if not subscribed.account:
            roles &= frozenset(client.value.roles)
        scopes = _still_allowed(scopes, client.value.scope)
        grant = await GRANTS.read(own, asked.token_id.partition(".")[0])
        if grant is not None and grant.value.ended:
            return None
    if not roles or not scopes:
        return None
    # judgements are remembered by token: other rights are another token
    name = f"subscription/{subscribed.id}/{','.join(sorted(roles))}/{scopes}"
    return replace(asked, roles=roles, scopes=ScopeSet(tuple(scopes)), token_id=name)


def _still_allowed(scopes: tuple[ResourceScope, ...], registered: str) -> tuple[ResourceScope, ...]:
    """Those that lie within what the client may have today (empty: anything)."""
    if not registered:
        return scopes
    limits = parse_scopes(registered).resources
    return tuple(
        scope
        for scope in scopes
        if any(
            limit.reach == scope.reach
            and limit.resource_type in {scope.resource_type, "*"}
            and set(scope.letters) <= set(limit.letters)
            and limit.filter in {(), scope.filter}
            for limit in limits
        )
    )
