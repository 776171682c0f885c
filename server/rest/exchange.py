"""One interaction under way: the request, who asks, what may be reached, and the audit trail it leaves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import uuid4

from operations.ports import JobHandler, Operation
from operations.terminology.content import StoredContent
from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types
from server.access.access import Access, nothing
from server.access.consents import Consents, check_consents
from server.access.gate import Gate, Judgements
from server.audit.log import AuditLog
from server.audit.proof import Proof
from server.audit.trail import Trail
from server.auth.access_token import TokenVerifier
from server.auth.bearer import unauthenticated
from server.auth.decision import Decision, Letter, decide
from server.auth.principal import Principal
from server.config import Settings
from server.documents.apart import drop_apart, put_apart
from server.documents.attached import DocumentRules, check_documents
from server.logs import EventLog
from server.oauth.revoked import Revoked
from server.outgoing import Outgoing
from server.rates.rates import Rates
from server.repository import Prepared, Repository, Version, microseconds
from server.rest.provenance import provenances, written_by_client
from server.rest.request import Request
from server.rest.response import Response, deleted_response, outcome_response, version_headers, version_response
from server.rest.turns import Turns
from server.rest.unavailable import Outage
from server.seal.keyring import Keyring, Tenant
from server.seal.tenant_entries import TenantError
from server.search.index_state import IndexState
from server.search.own_parameters import OwnParameters
from server.search.own_written import check_search_parameters
from server.store.internal import Keep
from server.store.jobs import NewJob
from server.store.store import Commit, KeyClaim, KeyHeldError, StaleVersionError, Store, StoreUnavailableError
from server.subscriptions.stored import beside

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
AUDIT_TYPE: Final = "AuditEvent"
MAX_DECISIONS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller is told of a commit, known before it. `complete` is False where reads that follow it are missing."""

    response: Response
    complete: bool = True


class Keeper(Protocol):
    """Stores on behalf of a job (server/jobs): each commit also says how far the job is, and is refused without its lease."""

    async def commit(self, commit: Commit, told: Told | None = None) -> None:
        """As Store.commit, and keeps what is told. Raises LostLeaseError as well."""


class Written(Protocol):
    """Looks at what REST is about to store (server/rest/written_check.py)."""

    async def __call__(self, exchange: Exchange, prepared: Sequence[Prepared], places: Sequence[str], /) -> None:
        """Raises FhirError (422) for what is not valid enough for its tenant and type."""


async def unchecked(exchange: Exchange, prepared: Sequence[Prepared], places: Sequence[str]) -> None:
    """Nothing but the structure, which is checked in any case."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the composition root hands to every interaction."""

    settings: Settings
    store: Store
    keyring: Keyring
    verifier: TokenVerifier
    revoked: Revoked
    audit: AuditLog
    proof: Proof
    clock: Callable[[], datetime]
    log: EventLog
    base_url: Callable[[Tenant], str]
    """The FHIR base of a tenant."""
    operations: Mapping[tuple[str, str, str], Operation]
    """By (level, type or "", code)."""
    outgoing: Outgoing
    """For addresses that callers choose."""
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    decisions: dict[tuple[str, str, str], Decision] = field(default_factory=dict)
    judgements: Judgements = field(default_factory=Judgements)
    consents: Consents = field(default_factory=lambda: Consents(lambda tenant: False))
    turns: Turns = field(default_factory=Turns)
    index_state: IndexState = field(default_factory=IndexState)
    own_parameters: OwnParameters = field(default_factory=OwnParameters)
    terminology: StoredContent = field(default_factory=StoredContent)
    rates: Rates = field(default_factory=lambda: Rates({}))
    outage: Outage = field(default_factory=Outage)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server is about to end: what has no end of its own ends."""
    job_stored: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a job was stored that is due at once: this server's runner need not wait for its next look."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when versions were stored here: whoever tells subscribers of them need not wait for the next look."""
    written: Written = unchecked
    keeper: Keeper | None = None
    """The job that the interaction is part of."""

    async def commit(self, commit: Commit, told: Told | None = None) -> None:
        """All that interactions store goes this way. Raises what Store.commit does."""
        try:
            if self.keeper is None:
                await self.store.commit(commit)
            else:
                await self.keeper.commit(commit, told)
            if commit.puts:
                self.changed.set()
            if commit.jobs:
                self.job_stored.set()
        finally:
            if commit.puts or commit.erasures:  # all but reads
                self.consents.changed(commit)
                self.own_parameters.changed(commit)

    def new_id(self) -> str:
        return str(uuid4())

    def now(self) -> int:
        """Microseconds since 1970."""
        return microseconds(self.clock())

    def decide(self, principal: Principal, letter: Letter, type_: str) -> Decision:
        """Whether the caller may do this to every record of the type, or of one patient; remembered as a token's claims never change."""
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
    gate: Gate
    """What the caller may reach."""
    access: Access = field(default_factory=lambda: nothing("*"))
    """What of the route's type may be reached by its letter; nothing where the handler asks for itself."""

    def authorize(self, letter: Letter, type_: str) -> Access:
        """Raises FhirError (403) when the caller may not do this to the type at all."""
        return self.gate.access(letter, type_)

    async def commit(self, prepared: list[Prepared], *, status: int) -> None:
        """Store the versions together with this interaction's audit record. Raises FhirError (409) on a lost race."""
        try:
            await self.store_together(prepared, status, [], [], self.told_of(prepared, status))
        except StaleVersionError as error:
            raise refuse(
                "edit-conflict", "The resource was changed by somebody else meanwhile; read it and try again."
            ) from error

    def told_of(self, prepared: list[Prepared], status: int) -> Told | None:
        """What a write that succeeds will answer, for a job to keep; nobody else needs it so early."""
        if self.services.keeper is None:
            return None
        if status == 204 or len(prepared) != 1:
            return Told(deleted_response(prepared[0].version) if len(prepared) == 1 else Response(status))
        return Told(self.written(prepared[0].version, status))

    def written(self, version: Version, status: int) -> Response:
        """The answer to a write, as `Prefer: return` asks."""
        location = f"{self.request.base.url}/{version.reference}/_history/{version.version}"
        headers = {**version_headers(version), "Location": location}
        if self.request.returns == "minimal":
            return Response(status, b"", headers, updated=version.updated)
        if self.request.returns == "OperationOutcome":
            outcome = outcome_response(status, f"{version.reference} is stored as version {version.version}.")
            return Response(status, outcome.body, headers, updated=version.updated)
        return version_response(version, status, headers, body=version.listed)

    async def store_together(
        self,
        prepared: list[Prepared],
        status: int,
        keys: list[KeyClaim],
        jobs: list[NewJob],
        told: Told | None = None,
        internals: Sequence[Keep] = (),
        places: Sequence[str] = (),
    ) -> None:
        """One commit of versions, their Provenance, keys, jobs, the server's own records and the audit record.

        Raises the store's refusals, and then notes nothing.

        `places`: the entries of a transaction that the versions are of.
        """
        sent = await written_by_client(self, prepared)
        given, prepared = prepared, [*prepared, *(sent or await provenances(self, prepared))]
        self.trail.note_written(
            [(f"{item.version.reference}/_history/{item.version.version}", item.version.patients) for item in prepared]
        )
        record = self.trail.encode(self.repository.now(), status)
        apart = [part for item in prepared for part in item.apart]
        blobs = [blob for item in prepared for blob in item.blobs]
        puts = [item.put for item in prepared]
        try:
            self._check_documents(prepared)
            check_consents(prepared, self.repository.base_url)
            if not self.trail.interaction.startswith("$"):
                check_search_parameters(prepared)
            await self.services.written(self, given, places)
            await self.services.written(self, sent, ())
            also = await beside(self, given)
            await put_apart(self.services.store.blobs, self.tenant.number, self.services.now(), apart)
            own = [*internals, *also.internals]
            commit = Commit(self.tenant.number, puts, keys, [*jobs, *also.jobs], [record], blobs=blobs, internals=own)
            await self.services.commit(self.repository.renewed(commit, [item.version.type for item in prepared]), told)
        except (FhirError, StaleVersionError, KeyHeldError):
            self.trail.forget_written()
            with suppress(StoreUnavailableError):  # then the sweep finds it
                await drop_apart(self.services.store.blobs, apart)
            raise
        self.trail.committed = True

    def _check_documents(self, prepared: list[Prepared]) -> None:
        """What is attached must be what it says, whoever stores it; which types are taken is for callers of REST alone.

        An operation takes what its own guide lets a sender attach.
        """
        settings = self.services.settings
        by_operation = self.trail.interaction.startswith("$")
        rules = DocumentRules(settings.max_document, None if by_operation else settings.document_types)
        for item in prepared:
            content = item.apart[0].plain if item.version.content is not None and item.apart else None
            check_documents(item.version.type, item.version.body, content, rules)


def is_id(text: str) -> bool:
    """Whether it has the form of a FHIR id."""
    return _ID.match(text) is not None


def check_type(type_: str) -> None:
    """Raises FhirError (404) for what is no R4 resource type."""
    if type_ not in resource_types():
        shown = type_ if type_.isascii() and type_.isalnum() and len(type_) <= 40 else "That"
        raise refuse("unknown-type", f"{shown} is not an R4 resource type; names are case-sensitive.", "http.url")
