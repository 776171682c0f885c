"""Operations (R4 operations.html): found in the registry, given what they need of the server, their answer passed on."""

from __future__ import annotations

import base64

from operations.input_check import check_input
from operations.ports import Context, KeyTakenError, Operation, OperationInput, OperationOutput, VersionConflictError
from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from server.access.access import Access, nothing
from server.auth.bearer import forbidden
from server.auth.decision import Decision
from server.rest.context import context_for
from server.rest.exchange import Exchange
from server.rest.request import Request, check_content_type, refuse_unknown
from server.rest.response import CONTENT_TYPE, Response


async def operation(exchange: Exchange) -> Response:
    request = exchange.request
    found, type_, id_ = find_operation(exchange)
    if request.method == "GET" and not found.definition.takes_get:
        raise _must_be_posted(found)
    access = authorize_operation(exchange, found, type_)
    exchange.trail.interaction = f"${found.code}"
    if found.streams and request.inside_bundle:
        raise refuse("not-supported", f"${found.code} is not answered inside a Bundle: call it by itself.", "http.url")
    resource = None
    if request.method == "POST" and request.body:
        content = raw_content(request, found) or request.json()
        if not isinstance(content, dict):
            raise refuse("structure", "The body must be a JSON object.", "http.body")
        resource = content
    elif request.body:
        check_content_type(request.headers.get("content-type"))
    query: dict[str, list[str]] = {}
    refuse_unknown(request.query, (each.name for each in found.definition.takes))
    for name, value in request.query:
        query.setdefault(name, []).append(value)
    exchange.trail.query = "&".join(f"{name}={value}" for name, value in request.query)[:4000]
    headers = {name: request.headers[name] for name in found.header_names if name in request.headers}
    if not found.reads_itself and not (found.plain_json and resource is not None and "resourceType" not in resource):
        check_input(found.definition, resource, query)
    given = OperationInput(resource, type_, id_, query, headers)
    if id_ is not None and type_ is not None and await exchange.repository.read(access, id_) is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    output = await _run(found, given, context_for(exchange, access, found))
    if output.stream is not None:
        kind, headers = output.content_type, dict(output.headers)
        return Response(output.status, b"", headers, kind, stream=output.stream, length=None, patience=output.patience)
    body = output.body if isinstance(output.body, bytes) else json.dumps(output.body)
    return Response(output.status, body, dict(output.headers), output.content_type or CONTENT_TYPE)


def raw_content(request: Request, found: Operation) -> Resource | None:
    """A body of a type that the operation takes as it is, as a Binary (R4 binary.html); None for every other body."""
    if request.media_type not in found.content_types:
        return None
    data = base64.b64encode(request.body).decode()
    return {"resourceType": "Binary", "contentType": request.media_type, "data": data}


def authorize_operation(exchange: Exchange, found: Operation, type_: str | None) -> Access:
    """Whether the caller may call it, and within what limits. Raises FhirError (403)."""
    if found.makes_job and not found.roles:
        return _for_job(exchange, found, type_)
    on = found.definition.on
    access = exchange.gate.unrestricted(found.scope, type_ or (on[0] if on and on != ("Resource",) else "*"))
    if found.every_type:
        exchange.gate.unrestricted(found.scope, "*")
    if not found.roles:
        return access
    if not found.roles & exchange.principal.roles:
        raise forbidden(Decision(False, f"${found.code} is for: {', '.join(sorted(found.roles))}."))
    if access.compartment is not None and not found.one_patient:
        raise forbidden(Decision(False, f"${found.code} is not for a token that reaches one patient's record only."))
    return access


def _for_job(exchange: Exchange, found: Operation, type_: str | None) -> Access:
    """Of the type that it is called on; on the system, nothing: its job asks for each type."""
    reaches = exchange.gate.access_if_any(found.scope, "Patient")
    if exchange.principal.patient is not None or (reaches is not None and reaches.compartment is not None):
        raise forbidden(Decision(False, f"${found.code} is not for a token that reaches one patient's record only."))
    return nothing("*") if type_ is None else exchange.authorize(found.scope, type_)


def _must_be_posted(found: Operation) -> FhirError:
    why = "changes state" if found.affects_state else "needs what does not fit into an address"
    error = refuse("method-not-allowed", f"${found.code} {why} and must be POSTed.", "http.method")
    error.headers["Allow"] = "POST"
    return error


async def _run(found: Operation, given: OperationInput, context: Context) -> OperationOutput:
    """Operations read and decide again by themselves after a lost race; one that gives up is told as a conflict."""
    try:
        return await found.run(given, context)
    except (KeyTakenError, VersionConflictError) as error:
        raise refuse("edit-conflict", "Others changed the same records meanwhile; send the request again.") from error


def find_operation(exchange: Exchange) -> tuple[Operation, str | None, str | None]:
    """The operation at the address, and the type and id that it is called on. Raises FhirError (404)."""
    segments = exchange.request.segments
    code = segments[-1][1:]
    type_ = segments[0] if len(segments) > 1 else None
    id_ = segments[1] if len(segments) > 2 else None
    level = "instance" if id_ else "type" if type_ else "system"
    found = exchange.services.operations.get((level, type_ or "", code))
    if found is None:
        offers = sorted(
            {f"${name}" for kind, of, name in exchange.services.operations if kind == level and of == (type_ or "")}
        )
        hint = f" Here are: {', '.join(offers)}." if offers else ""
        raise refuse("unknown-operation", f"There is no such operation at this address.{hint}", "http.url")
    return found, type_, id_
