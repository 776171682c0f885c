"""One interaction under way: the request, who asks, what may be reached, and the audit trail it leaves."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import uuid4

from operations.ports import JobHandler, Operation
from profiles.outcome import refuse
from profiles.references import parse_reference
from profiles.structure import resource_types
from server.audit.log import AuditLog
from server.audit.trail import Trail
from server.auth.access_token import TokenVerifier
from server.auth.bearer import forbidden, unauthenticated
from server.auth.decision import Decision, Letter, decide
from server.auth.principal import Principal
from server.config import Settings
from server.logs import EventLog
from server.reach import personal_types
from server.repository import Prepared, Repository, Version, microseconds
from server.rest.request import Request
from server.rest.response import Response
from server.rest.turns import Turns
from server.rest.unavailable import Outage
from server.seal.keyring import Keyring, Tenant
from server.seal.tenant_entries import TenantError
from server.store.jobs import NewJob
from server.store.store import Commit, KeyClaim, KeyHeldError, StaleVersionError, Store

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
AUDIT_TYPE: Final = "AuditEvent"
MAX_DECISIONS: Final = 50_000

UNLIMITED: Final = Decision(True)
"""What routes begin with that decide for themselves who may call."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the composition root hands to every interaction."""

    settings: Settings
    store: Store
    keyring: Keyring
    verifier: TokenVerifier
    audit: AuditLog
    clock: Callable[[], datetime]
    log: EventLog
    base_url: Callable[[Tenant], str]
    """The FHIR base of a tenant."""
    operations: Mapping[tuple[str, str, str], Operation]
    """By (level, type or "", code)."""
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    decisions: dict[tuple[str, str, str], Decision] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    outage: Outage = field(default_factory=Outage)

    def new_id(self) -> str:
        return str(uuid4())

    def now(self) -> int:
        """Microseconds since 1970."""
        return microseconds(self.clock())

    def decide(self, principal: Principal, letter: Letter, type_: str) -> Decision:
        """As server.auth.decision.decide, remembered for each token: a token's claims never change."""
        key = (principal.token_id, letter, type_)
        decision = self.decisions.get(key)
        if decision is None:
            if len(self.decisions) >= MAX_DECISIONS:
                self.decisions.clear()
            decision = self.decisions[key] = decide(principal, letter, type_)
        return decision

    async def close(self) -> None:
        """Let go of connections and of the store, in that order."""
        for close in self.closers:
            await close()

    async def tenant_of(self, principal: Principal) -> Tenant:
        """The caller's tenant. A token of ours that names a new tenant brings it into being (docs/security.md).

        Raises FhirError (401) when the tenant is retired.
        """
        try:
            return self.keyring.get(principal.tenant) or await self.keyring.make(principal.tenant)
        except TenantError as error:
            raise unauthenticated("The token is for a tenant that does not exist.") from error


@dataclass(frozen=True, slots=True)
class Exchange:
    """Handed to a handler once the caller is known and the route is decided."""

    request: Request
    services: Services
    tenant: Tenant
    principal: Principal
    repository: Repository
    trail: Trail
    respond: Callable[[Request], Awaitable[Response]]
    """Answers another request on the caller's behalf, audited by itself: what a batch needs."""
    decision: Decision = UNLIMITED

    def authorize(self, letter: Letter, type_: str) -> Decision:
        """Raises FhirError (403) when the caller may not do this to the type at all."""
        decision = self.services.decide(self.principal, letter, type_)
        if not decision.granted:
            raise forbidden(decision)
        return decision

    def may_see(self, version: Version, decision: Decision) -> bool:
        """Whether the version lies inside the compartment that a decision is limited to."""
        if decision.compartment is None:
            return True
        if version.type not in personal_types():
            return True
        return decision.compartment in version.patients

    def compartment_for(self, type_: str) -> str | None:
        """The patient that a search of the type is limited to; types that belong to no patient are not limited."""
        return self.decision.compartment if type_ in personal_types() else None

    async def visible(self, type_: str, id_: str, decision: Decision) -> Version | None:
        """The current version (also a deletion), or None when there is none or the caller may not know of it."""
        version = await self.repository.read(type_, id_)
        if version is None or self.may_see(version, decision):
            return version
        if (
            type_ == "Binary" and not version.deleted
        ):  # it is as visible as what it was stored for (R4 binary.html#security)
            context = parse_reference(version.resource().get("securityContext", {}).get("reference", ""))
            if context is not None and context.kind == "relative" and context.type and context.id and context.type != type_:
                return version if await self.visible(context.type, context.id, decision) is not None else None
        return None

    async def commit(self, prepared: list[Prepared], *, status: int) -> None:
        """Store the versions together with this interaction's audit record. Raises FhirError (409) on a lost race."""
        try:
            await self.store_together(prepared, status, [], [])
        except StaleVersionError as error:
            raise refuse(
                "edit-conflict", "The resource was changed by somebody else meanwhile; read it and try again."
            ) from error

    async def store_together(self, prepared: list[Prepared], status: int, keys: list[KeyClaim], jobs: list[NewJob]) -> None:
        """One commit of versions, keys, jobs and the audit record. Raises the store's refusals, and then notes nothing."""
        noted = len(self.trail.entities)
        for item in prepared:
            self.trail.note(f"{item.version.reference}/_history/{item.version.version}", item.version.patients)
        record = self.trail.encode(self.repository.now(), status)
        try:
            await self.services.store.commit(
                Commit(self.tenant.number, [item.put for item in prepared], keys, jobs, [record])
            )
        except (StaleVersionError, KeyHeldError):
            del self.trail.entities[noted:]
            raise
        self.trail.committed = True


def is_id(text: str) -> bool:
    """Whether it has the form of a FHIR id."""
    return _ID.match(text) is not None


def check_type(type_: str) -> None:
    """Raises FhirError (404) for what is no R4 resource type."""
    if type_ not in resource_types():
        shown = type_ if type_.isascii() and type_.isalnum() and len(type_) <= 40 else "That"
        raise refuse("unknown-type", f"{shown} is not an R4 resource type; names are case-sensitive.", "http.url")
