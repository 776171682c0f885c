"""read and vread (R4 http.html#read, #vread): the stored bytes of a version, as they are."""

from __future__ import annotations

from profiles import json
from profiles.outcome import refuse
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.rest.interactions.binary_read import answer_read
from server.rest.own_definitions import TYPE as OPERATION_DEFINITION
from server.rest.own_definitions import own_definition
from server.rest.response import Response, resource_response, version_headers, version_response
from server.search.hits import as_version


async def read(exchange: Exchange) -> Response:
    type_, id_ = exchange.request.segments
    if type_ == AUDIT_TYPE:
        return await _read_audit_event(exchange, id_)
    version = await exchange.repository.read(exchange.access, id_)
    if version is None and type_ == OPERATION_DEFINITION:
        return _own_definition(exchange, id_)
    version = _present(exchange, version)
    if _is_known(exchange.request.headers.get("if-none-match"), version.etag):
        return Response(304, b"", version_headers(version))
    if type_ == "Binary":
        return await answer_read(exchange, version)
    return version_response(version, 200)


def _own_definition(exchange: Exchange, id_: str) -> Response:
    """What the server itself offers is nobody's record."""
    found = own_definition(exchange.services.operations, id_, exchange.request.base.url)
    if found is None:
        raise _unknown()
    return resource_response(found)


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller holds this version already (RFC 9110 13.1.2: a list of ETags, or `*`)."""
    return if_none_match is not None and any(part.strip() in {etag, "*"} for part in if_none_match.split(","))


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
    version = _present(exchange, version)
    return await answer_read(exchange, version) if type_ == "Binary" else version_response(version, 200)


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
    return Response(200, json.dumps(event), {"ETag": 'W/"1"'})
