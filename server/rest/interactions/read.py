"""read and vread (R4 http.html#read, #vread): the stored bytes of a version, as they are."""

from __future__ import annotations

from typing import Final

from profiles import json
from profiles.outcome import refuse
from profiles.text import instant_range
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.rest.interactions.binary_read import answer_read
from server.rest.own_definitions import TYPE as OPERATION_DEFINITION
from server.rest.own_definitions import own_definition
from server.rest.preconditions import not_modified, not_modified_tag
from server.rest.response import Response, resource_response, version_headers, version_response
from server.rest.shape import WHOLE, shape_of, shaped, shown
from server.search.hits import as_version

_ONLY_TAG: Final = 'W/"1"'
"""An AuditEvent is one version, and never changes."""


async def read(exchange: Exchange) -> Response:
    type_, id_ = exchange.request.segments
    if type_ == AUDIT_TYPE:
        return await _read_audit_event(exchange, id_)
    version = await exchange.repository.read(exchange.access, id_)
    if version is None and type_ == OPERATION_DEFINITION:
        return _own_definition(exchange, id_)
    return await _answered(exchange, _present(exchange, version))


async def _answered(exchange: Exchange, version: Version) -> Response:
    """In the shape that is asked for; 304 for who holds it already."""
    request = exchange.request
    shape = shape_of(version.type, request.query) if request.query else WHOLE
    if not_modified(request.headers, version):
        return Response(304, b"", version_headers(version), updated=version.updated)
    if not shape.is_whole:
        return version_response(version, 200, body=shown(version, shape))
    return await answer_read(exchange, version) if version.type == "Binary" else version_response(version, 200)


def _own_definition(exchange: Exchange, id_: str) -> Response:
    """What the server itself offers is nobody's record."""
    found = own_definition(exchange.services.operations, id_, exchange.request.base.url)
    if found is None:
        raise _unknown()
    shape = shape_of(OPERATION_DEFINITION, exchange.request.query)
    return resource_response(found if shape.is_whole else shaped(found, shape))


async def vread(exchange: Exchange) -> Response:
    type_, id_, _, number = exchange.request.segments
    if type_ == AUDIT_TYPE and number == "1":
        return await _read_audit_event(exchange, id_)
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise refuse("not-found", "There is no such version.", "http.url")
    if await exchange.repository.read(exchange.access, id_) is None:
        raise _unknown()
    version = await exchange.repository.read_version(exchange.access, id_, int(number))
    if version is None:
        raise refuse("not-found", "There is no such version.", "http.url")
    return await _answered(exchange, _present(exchange, version))


def _present(exchange: Exchange, version: Version | None) -> Version:
    if version is None:
        raise _unknown()
    exchange.trail.note(f"{version.reference}/_history/{version.version}", version.patients)
    if version.deleted:
        error = refuse("gone", "The resource was deleted; earlier versions are in its history.", "http.url")
        error.headers.update(version_headers(version))
        raise error
    return version


def _unknown() -> Exception:
    return refuse("not-found", "There is no such resource, or you may not see it.", "http.url")


async def _read_audit_event(exchange: Exchange, id_: str) -> Response:
    event = await exchange.services.audit.read(exchange.tenant, id_)
    if event is None or not exchange.access.admits(as_version(event)):
        raise _unknown()
    exchange.trail.note(f"AuditEvent/{id_}")
    recorded = instant_range(event["recorded"])
    updated = recorded[0] if recorded is not None else None
    if not_modified_tag(exchange.request.headers, _ONLY_TAG):
        return Response(304, b"", {"ETag": _ONLY_TAG}, updated=updated)
    shape = shape_of(AUDIT_TYPE, exchange.request.query)
    body = json.dumps(event if shape.is_whole else shaped(event, shape))
    return Response(200, body, {"ETag": _ONLY_TAG}, updated=updated)
