"""The composition root: opens the store, hands every part what it needs, and gives back an ASGI application.

It alone knows everybody. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from starlette.types import ASGIApp, Receive, Scope, Send

from operations.documents.signed_link import LinkSigner
from operations.pas.services import PasServices
from operations.payer.remote import RemotePayer
from operations.payer.settings import PayerSettings
from operations.ports import Caller
from operations.registry import by_address, job_handlers, operations
from operations.terminology.content import StoredContent
from operations.validation.checker import Checker
from operations.validation.pas_profiles import PasProfiles
from profiles import json
from profiles.library import library
from server.access.consents import Consents, log_damaged
from server.accounts.demo import SignIn
from server.admission import Admission
from server.audit.anchor import Anchor
from server.audit.checkpoint import Notary, signers, trusting
from server.audit.keeper import AuditKeeper
from server.audit.log import AuditLog, seal_batch
from server.audit.operations import audit_operations
from server.audit.proof import Proof
from server.audit.retention import Retention
from server.auth.access_token import TokenVerifier, fhir_bases
from server.auth.signing_key import load_or_create
from server.bulk.import_asked import IMPORT_OPERATION
from server.bulk.kick_off import export_operations
from server.clock import SteadyClock
from server.config import ConfigurationError, Settings
from server.documents.signed_link import PATH as LINK_PATH
from server.documents.signed_link import Link, write_link
from server.http import DEFAULT_TENANT, FhirHttp
from server.jobs.runner import JobRunner
from server.jobs.workers import BOUNDS, own_workers
from server.logs import EventLog, stderr_log
from server.oauth.discovery import oauth_uris
from server.oauth.revoked import Revoked
from server.oauth.running import AuthorizationServer
from server.openapi.document import ADDRESS as OPENAPI
from server.openapi.document import openapi_document
from server.openapi.page import STYLE as DOCS_STYLE
from server.openapi.page import docs_page, docs_style
from server.outgoing import Outgoing, guarded_client, networks, outgoing_client
from server.proxies import Proxies
from server.rates.rates import Rates
from server.readiness import Readiness
from server.repository import DamagedRecordError, Repository, microseconds
from server.rest.admitted import admit
from server.rest.capability import capability_statement
from server.rest.dispatch import answer
from server.rest.exchange import Services
from server.rest.formats import wanted_format
from server.rest.linked import answer_link
from server.rest.request import Base, Request
from server.rest.response import Response
from server.rest.terminology_capabilities import terminology_capabilities
from server.rest.written_check import WrittenCheck
from server.sample.load import load_practice
from server.seal.key_source import read_again
from server.seal.keyring import Keyring, Tenant, WrongMasterKeyError, open_keyring
from server.seal.rotation import ALONE
from server.search.catalogue import NO_PARAMETERS, using
from server.seldom import Seldom
from server.store.open import OpenedStore, open_store
from server.store.store import StoreUnavailableError
from server.store.trouble import in_words
from server.subscriptions.feed import SubscriptionFeed
from server.subscriptions.operations import subscription_operations
from server.subscriptions.socket import Sockets
from server.upkeep.blob_sweep import sweep_uploads
from server.upkeep.index_keeper import IndexKeeper
from server.upkeep.keys import KeyKeeper
from server.upkeep.own_index import OwnIndexKeeper
from server.upkeep.own_status_operation import own_status_operation
from server.upkeep.progress import Progress
from server.upkeep.reindex import BESIDE_REQUESTS, Reindex
from server.upkeep.reindex import SETTING as REINDEX
from server.upkeep.reindex_operation import REINDEX_OPERATION

CANCEL_SECONDS: Final = 3.0

IDLE_SECONDS: Final = 0.25
"""Audit records are made findable when no request came for so long, ..."""

BACKLOG_BATCHES: Final = 20_000
"""... or when so many batches wait."""


class Application:
    """The running server. `services` exists between lifespan startup and shutdown."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings = settings
        self._log = log
        self._http: ASGIApp | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: Sockets | None = None
        self._last_request = 0.0
        self._statements: dict[str, tuple[bytes, bytes]] = {}
        """By address: what it was made by, and it."""
        self._page: Response | None = None
        self._opened: OpenedStore | None = None
        self._readiness: Readiness | None = None
        self._oauth: AuthorizationServer | None = None
        self.demo_accounts: list[SignIn] = []
        self.services: Services | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._http is not None:
            self._last_request = time.monotonic()
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and self._sockets is not None:
            await self._sockets(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Open everything. Raises ConfigurationError with one sentence for the operator."""
        try:
            await self._start()
        except StoreUnavailableError as error:
            raise ConfigurationError(f"The store {in_words(error)}: mend that, and start again.") from error

    async def _start(self) -> None:
        opened, services = await open_services(self._settings, self._log)
        self._opened, self.services, self._readiness = opened, services, Readiness(opened)
        if opened.pace == ALONE:  # whoever had a lease before is no more
            await services.store.jobs.release_all()
        keeper = self._index_keeper(opened, services)
        await keeper.start()
        await services.keyring.make(DEFAULT_TENANT)
        await services.keyring.change(trusting(services.proof.notary.signing_key))
        if self._settings.sample:
            await load_practice(services)
        oauth = self._oauth = AuthorizationServer(services)
        self.demo_accounts = await oauth.demo_accounts() if self._settings.sample else []
        self._sockets = Sockets(services)
        runner = JobRunner(services, services.jobs, own_workers(), BOUNDS)
        self._tasks = [
            asyncio.create_task(runner.run()),
            asyncio.create_task(self._index_audit(services)),
            asyncio.create_task(keeper.run()),
            asyncio.create_task(OwnIndexKeeper(services, self._log, alone=opened.pace == ALONE).run()),
            asyncio.create_task(SubscriptionFeed(services).run()),
            asyncio.create_task(sweep_uploads(services.store.blobs, services.now)),
            asyncio.create_task(self._audit_keeper(services).run()),
            *(asyncio.create_task(work) for work in oauth.work()),
            asyncio.create_task(KeyKeeper(services.store, services.keyring, opened.pace, services.now, self._log).run()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)
        http = FhirHttp(
            self._settings.base_url,
            self._settings.max_body,
            self._settings.max_document,
            lambda *head: admit(services.verifier, services.rates, *head),
            services.rates,
            lambda request: answer(services, request),
            self._metadata,
            {"/health": self._health, "/ready": self._ready, "/": self._root, "/docs": self._docs, DOCS_STYLE: docs_style},
            lambda *request: answer_link(services, *request),
            self._log,
            lambda name: services.keyring.get(name) is not None,
        )
        self._http = self._behind_proxies(Admission(oauth.front(http), self._settings.max_requests, self._log))

    def _behind_proxies(self, application: ASGIApp) -> ASGIApp:
        trusted = self._settings.trusted_proxies
        return Proxies(application, trusted, self._settings.proxy_header) if trusted else application

    def _ended(self, task: asyncio.Task[None]) -> None:
        """No work in the background ends before the server does without a word."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._log.failure("background work ended", error)

    def _audit_keeper(self, services: Services) -> AuditKeeper:
        retention = Retention(services.proof, services.audit, self._settings.audit_days, services.now, services.new_id)
        return AuditKeeper(services.proof, services.keyring, retention, services.now, self._log)

    def _index_keeper(self, opened: OpenedStore, services: Services) -> IndexKeeper:
        def reindex() -> Reindex:
            owner = "alone" if opened.pace == ALONE else str(uuid4())
            progress = Progress(services.store, REINDEX, owner, services.now)
            return Reindex(services.store, services.keyring, self._bases_of, progress, BESIDE_REQUESTS)

        return IndexKeeper(services.store, services.index_state, opened.pace, reindex, services.now, self._log)

    def _bases_of(self, tenant: Tenant) -> tuple[str, ...]:
        return fhir_bases(self._settings.base_url, tenant.name)

    def leave(self) -> None:
        """The server is about to stop: what has no end of its own ends."""
        if self.services is not None:
            self.services.leaving.set()

    async def stop(self) -> None:
        """Finish what is under way, then close the store."""
        for task in self._tasks:
            while not task.done():  # a driver may lose a cancellation: then it is asked again
                task.cancel()
                await asyncio.wait([task], timeout=CANCEL_SECONDS)
        if self._oauth is not None:
            await self._oauth.close()
        if self.services is not None:
            await self.services.close()

    async def _index_audit(self, services: Services) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            try:
                backlog = await services.audit.backlog()
                if backlog and (time.monotonic() - self._last_request > IDLE_SECONDS or backlog > BACKLOG_BATCHES):
                    await services.audit.catch_up(most=4)
            except StoreUnavailableError:
                continue
            except DamagedRecordError as error:  # searches of AuditEvent tell their callers; nothing else is in its way
                self._log.failure("damaged audit record", error)
                return

    async def _metadata(self, request: Request) -> Response:
        if request.segments == (OPENAPI,):
            return self._openapi(request)
        wanted_format(request.headers, request.query)
        url, services = request.base.url, self._running()
        if ("mode", "terminology") in request.query:
            return Response(200, json.dumps(terminology_capabilities(request.base)))
        tenant = services.keyring.get(request.base.tenant)
        own = NO_PARAMETERS
        if tenant is not None:
            repository = Repository(services.store, tenant, url, services.clock)
            own = await services.own_parameters.of(repository)
        if self._statements.get(url, (b"", b""))[0] != own.edition or url not in self._statements:
            endpoints = oauth_uris(services.settings, request.base.tenant)
            conditional_delete = services.settings.conditional_delete
            with using(own):
                statement = capability_statement(request.base, services.operations, endpoints, conditional_delete)
            self._statements[url] = own.edition, json.dumps(statement)
        return Response(200, self._statements[url][1])

    def _openapi(self, request: Request) -> Response:
        address = f"{request.base.url}/{OPENAPI}"
        if address not in self._statements:
            self._statements[address] = b"", json.dumps(openapi_document(request.base, self._running().operations))
        return Response(200, self._statements[address][1], content_type="application/json")

    async def _docs(self) -> Response:
        if self._page is None:
            base = Base(DEFAULT_TENANT, f"{self._settings.base_url}/fhir")
            self._page = docs_page(openapi_document(base, self._running().operations))
        return self._page

    async def _health(self) -> Response:
        return _plain({"status": "ok"})

    async def _ready(self) -> Response:
        """Ready when the store answers a read, takes a write and has its indexes."""
        if self._opened is None or self._readiness is None:
            return _unready({"store": "is being opened"})
        wrong = await self._readiness.look()
        if self._running().keyring.is_behind:
            wrong = {"keys": "the master key was changed: start this server again with the new one", **wrong}
        return _unready(wrong) if wrong else _plain({"status": "ready", "store": self._opened.name})

    async def _root(self) -> Response:
        base = f"{self._settings.base_url}/fhir"
        return _plain(
            {"name": "Assent", "fhir": base, "metadata": f"{base}/metadata", "health": "/health", "ready": "/ready"}
        )

    def _running(self) -> Services:
        if self.services is None:
            raise StoreUnavailableError("The server is starting.")
        return self.services


def create_app(settings: Settings, log: EventLog | None = None) -> Application:
    """An ASGI application; its lifespan opens and closes the store."""
    return Application(settings, log or stderr_log(settings.log_level))


async def open_services(settings: Settings, log: EventLog) -> tuple[OpenedStore, Services]:
    """The store that the settings name, and everything an interaction needs on it. Raises ConfigurationError."""
    keyrings: list[Keyring] = []

    def seal_audit(tenant: int, seq: int, before: bytes, records: Sequence[bytes]) -> bytes:
        return seal_batch(keyrings[0].by_number(tenant), seq, before, records)

    def base_url(tenant: Tenant) -> str:
        prefix = "" if tenant.name == DEFAULT_TENANT else f"/t/{tenant.name}"
        return f"{settings.base_url}{prefix}/fhir"

    opened = await open_store(settings, seal_audit, update=_to_operator)
    store = opened.store
    try:
        keyring = await open_keyring(store, opened.master_key, partial(read_again, settings))
    except WrongMasterKeyError as error:
        await store.close()
        raise ConfigurationError(str(error)) from error
    keyrings.append(keyring)
    key = load_or_create(settings.data)
    proof = Proof(store, Notary(lambda: signers(keyring.entries()), key), Anchor(settings.data))
    audit, clock = AuditLog(store, keyring, base_url), SteadyClock(log)
    clock.has_been(await audit.newest())
    revoked = Revoked(store, keyring, lambda: microseconds(clock()))
    await revoked.look()
    outgoing, hooks = guarded_client(networks(settings.inner_networks)), outgoing_client()
    profiles, checker, terminology = PasProfiles(), Checker(library()), StoredContent()
    pas = PasServices(_payer_settings(settings), remote=RemotePayer(outgoing), profiles=profiles)
    services = Services(
        settings=settings,
        store=store,
        keyring=keyring,
        verifier=TokenVerifier(key, settings.base_url, clock=lambda: clock().timestamp(), is_revoked=revoked.holds),
        revoked=revoked,
        audit=audit,
        proof=proof,
        clock=clock,
        log=log,
        base_url=base_url,
        operations=by_address(
            (
                *operations(pas, _link_signer(settings, keyring), settings.link_seconds, checker, terminology),
                *audit_operations(audit, proof, keyring),
                REINDEX_OPERATION,
                *export_operations(settings.bulk_settle),
                IMPORT_OPERATION,
            )
        ),
        outgoing=Outgoing(hooks, networks(settings.inner_networks)),
        jobs=job_handlers(pas),
        rates=Rates(settings.rate_limits, Seldom(log, "rate limited")),
        terminology=terminology,
        written=WrittenCheck(checker, keyring, settings.validation),
        consents=Consents(
            lambda name: (keyring.entries().get(name, {}).get("consent") or settings.consent) == "opt-in",
            partial(log_damaged, log),
        ),
        closers=(checker.close, profiles.close, outgoing.aclose, hooks.aclose, store.close),
    )
    own = by_address((*subscription_operations(services), own_status_operation(services)))
    return opened, replace(services, operations={**services.operations, **own})


def _link_signer(settings: Settings, keyring: Keyring) -> LinkSigner:
    def sign(tenant: str, id_: str, version: int, expires: datetime, maker: Caller) -> str:
        known = keyring.get(tenant)
        if known is None:
            raise LookupError(tenant)  # who asks was let in as a caller of that tenant
        link = Link(id_, version, int(expires.timestamp()), maker.subject, maker.fhir_user or "")
        return f"{settings.base_url}{LINK_PATH}{write_link(known, link)}"

    return sign


def _payer_settings(settings: Settings) -> PayerSettings:
    return PayerSettings(
        unknown_payer=settings.unknown_payer,
        scenarios=settings.scenarios,
        review_outcome=settings.review_outcome,
        review_for=timedelta(seconds=settings.review_seconds),
    )


def _to_operator(sentence: str) -> None:
    print(f"assent: {sentence}", file=sys.stderr, flush=True)


def _unready(reason: dict[str, str | list[str]]) -> Response:
    body = json.dumps({"status": "unavailable", **reason})
    return Response(503, body, {"Retry-After": "5"}, "application/json")


def _plain(content: dict[str, str]) -> Response:
    return Response(200, json.dumps(content), content_type="application/json")
