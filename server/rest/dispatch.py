"""From a parsed request to its answer: tenant, caller, route, permission, handler, audit. Never raises.

Every answer, refusals included, is preceded by a durable audit record: committed with the change that it tells of, or by
itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, partial

from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types
from server.access.access import nothing
from server.audit.purposes import HEADER as PURPOSE
from server.audit.purposes import stated_purpose
from server.audit.trail import Trail
from server.auth.bearer import authenticated
from server.auth.principal import Principal
from server.bulk.import_files import receive_files
from server.content_coding import unpacked
from server.repository import DamagedRecordError, Repository
from server.rest.exchange import AUDIT_TYPE, Exchange, Services, check_type, is_id
from server.rest.formats import read_as_json, wanted_format
from server.rest.gates import open_gate
from server.rest.interactions.asynchronous import accept
from server.rest.interactions.binary_upload import receive_content
from server.rest.interactions.cascade import PARAMETER as CASCADE
from server.rest.interactions.options import allowed_methods, options
from server.rest.provenance import check_header
from server.rest.request import Request, refuse_unknown
from server.rest.response import Response, error_response, internal_error
from server.rest.routes import ROUTES, Route, RouteTable
from server.rest.shape import SHAPE_PARAMETERS
from server.rest.unavailable import unavailable
from server.seal.keyring import Tenant
from server.search.catalogue import use
from server.store.store import Commit, LostLeaseError, StoreUnavailableError
from server.subscriptions.owner import TYPE as SUBSCRIPTION
from server.subscriptions.owner import owner_of

ANONYMOUS_TENANT = "default"
PLAIN_TEMPLATES = frozenset({"{type}/{id}", "{type}/{id}/_history/{version}"})
"""Addresses that take no parameters but those of format, and reads those of how much is shown."""

_OWN_PARAMETERS: Mapping[str, Collection[str]] = {
    "read": SHAPE_PARAMETERS,
    "vread": SHAPE_PARAMETERS,
    "delete": (CASCADE,),
}
"""What these take all the same."""


@cache
def route_table() -> RouteTable:
    return RouteTable(ROUTES)


async def answer(services: Services, request: Request) -> Response:
    """The answer to a request, audited; but for OPTIONS, which tells what everybody may know."""
    if request.method == "OPTIONS":
        return options(route_table().methods(request.template), services.operations, request)
    trail = Trail(request.request_id, request.address)
    tenant = services.keyring.get(request.base.tenant)
    try:
        response = await _respond(services, request, trail)
    except FhirError as error:
        _note_address(request, trail)
        response = error_response(error)
    except StoreUnavailableError as error:
        services.outage.met(services.log, error, request.request_id)
        return unavailable(error)
    except DamagedRecordError as error:
        services.log.failure("damaged record", error, request_id=request.request_id)
        response = internal_error(request.request_id)
    except LostLeaseError:  # the job that this is part of is another's by now
        raise
    except Exception as error:  # the last line of defence: no caller sees a stack trace
        services.log.failure("request failed", error, request_id=request.request_id)
        response = internal_error(request.request_id)
    if trail.committed:
        services.outage.over(services.log)
        return response
    try:
        await _audit(services, tenant, trail, response)
    except StoreUnavailableError as error:
        services.outage.met(services.log, error, request.request_id)
        return unavailable(error)
    services.outage.over(services.log)
    return response


async def _respond(services: Services, request: Request, trail: Trail) -> Response:
    routes = route_table().methods(request.template)
    route = routes.get("GET" if request.method == "HEAD" else request.method)
    if route is not None:
        trail.interaction, trail.action = route.interaction, route.action
    if request.fault is not None and request.fault.status == 401:
        raise request.fault
    principal = _authenticate(services, request, trail)
    if request.fault is not None:
        raise request.fault
    tenant = await services.tenant_of(principal)
    if not _negotiates(services, request):
        wanted_format(request.headers, request.query)
    if not routes:
        raise refuse("unknown-address", "There is nothing at this address.", "http.url")
    if route is None:
        raise _wrong_method(routes)
    type_ = request.segments[0] if route.template.startswith("{type}") else None
    if type_ is not None:
        check_type(type_)
        if type_ == AUDIT_TYPE and not route.read_only_types:
            raise refuse(
                "read-only-type", "AuditEvents are written by the server and nobody can change or delete them.", "http.url"
            )
    if route.template in PLAIN_TEMPLATES or (route.interaction == "create" and request.upload is not None):
        refuse_unknown(request.query, _OWN_PARAMETERS.get(route.interaction, ()))
    check_header(request, route.interaction)
    subscriber = owner_of(tenant.index, principal) if type_ in {None, SUBSCRIPTION} and request.method != "GET" else ""
    repository = Repository(services.store, tenant, request.base.url, services.clock, subscriber)
    own = services.own_parameters
    use(own.kept(tenant.number) or await own.of(repository))
    gate = await open_gate(services, request, principal, repository, trail)
    access = nothing("*") if route.letter is None or type_ is None else gate.access(route.letter, type_)
    request = await read_as_json(await unpacked(request, services.settings.max_body))
    exchange = Exchange(request, services, tenant, principal, repository, trail, partial(answer, services), gate, access)
    return await _handle(exchange, route)


async def _handle(exchange: Exchange, route: Route) -> Response:
    """At once, or later where the caller would rather have it so."""
    if route.later and exchange.request.responds_async:
        accepted = await accept(exchange)
        if accepted is not None:
            return accepted
    upload = exchange.request.upload
    if upload is None:
        return await route.handler(exchange)
    return await (receive_files if route.interaction == "operation" else receive_content)(exchange, upload)


def _negotiates(services: Services, request: Request) -> bool:
    """A Binary can be had as what it holds, whatever that is (server/documents/negotiation.py); a stream is in a form of its own."""
    if request.template == "{type}/${operation}":
        found = services.operations.get(("type", request.segments[0], request.segments[1][1:]))
        return found is not None and found.streams
    if request.template == "_async/{id}/{member}":
        return True
    return request.segments[:1] == ("Binary",) and request.template in PLAIN_TEMPLATES and request.method in {"GET", "HEAD"}


def _authenticate(services: Services, request: Request, trail: Trail) -> Principal:
    """Who asks, and why, noted in the trail. Raises FhirError."""
    if PURPOSE in request.headers:
        trail.purpose = stated_purpose(request.headers)
    if request.principal is not None:
        trail.principal = request.principal
        return request.principal
    principal = request.caller or authenticated(request.headers, services.verifier)
    trail.principal = principal
    if principal.tenant != request.base.tenant:
        raise refuse("login", "The token is for another tenant than this address.")
    return principal


def _note_address(request: Request, trail: Trail) -> None:
    """A refusal is noted with what was asked for, so that attempts on a record are found with it."""
    if trail.entities or not request.template.startswith("{type}/{id}"):
        return
    type_, id_ = request.segments[:2]
    if type_ in resource_types() and is_id(id_):
        trail.note(f"{type_}/{id_}", (id_,) if type_ == "Patient" else ())


def _wrong_method(routes: Mapping[str, Route]) -> FhirError:
    allowed = allowed_methods(routes)
    error = refuse("method-not-allowed", f"This address takes {allowed}.", "http.method")
    error.headers["Allow"] = allowed
    return error


async def _audit(services: Services, tenant: Tenant | None, trail: Trail, response: Response) -> None:
    if tenant is None:  # an address of no tenant: what it names is nobody's record here
        tenant = services.keyring.get(ANONYMOUS_TENANT)
        if tenant is None:
            return
        trail.entities.clear()
        trail.patients.clear()
    record = trail.encode(services.now(), response.status, response.refusal)
    await services.commit(Commit(tenant.number, audit=[record]))
