"""create, update and delete (R4 http.html#create, #update, #delete)."""

from __future__ import annotations

from profiles.base_validation import validate_resource
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from server.repository import Prepared, Version
from server.rest.exchange import AUDIT_TYPE, Exchange, is_id
from server.rest.interactions.cascade import cascades, delete_with_referrers
from server.rest.response import Response, deleted_response, version_headers


async def create(exchange: Exchange) -> Response:
    (type_,) = exchange.request.segments
    resource = checked_body(exchange, type_)
    prepared = exchange.repository.prepare(resource, exchange.services.new_id(), None)
    await require_within(exchange, prepared.version)
    await exchange.commit([prepared], status=201)
    return written(exchange, prepared.version, 201)


async def update(exchange: Exchange) -> Response:
    type_, id_ = exchange.request.segments
    check_id(id_)
    resource = checked_body(exchange, type_)
    if resource.get("id") != id_:
        raise refuse("id-mismatch", "The body's id must be the id in the address.", f"{type_}.id")
    prepared, created = await prepare_update(exchange, resource, id_)
    status = 201 if created else 200
    await exchange.commit([prepared], status=status)
    return written(exchange, prepared.version, status)


async def prepare_update(exchange: Exchange, resource: Resource, id_: str) -> tuple[Prepared, bool]:
    """The next version, and whether the resource is new or back from deletion (update as create). Raises FhirError."""
    current, created = await current_for_update(exchange, id_)
    prepared = exchange.repository.prepare(resource, id_, current)
    await require_within(exchange, prepared.version)
    return prepared, created


async def current_for_update(exchange: Exchange, id_: str) -> tuple[Version | None, bool]:
    """What is to be updated, and whether there is nothing yet, or nothing any more. Raises FhirError where it may not be."""
    current = await exchange.repository.read(exchange.access, id_)
    if current is None and exchange.access.is_limited:
        # Whoever is shown a part only cannot choose ids: a free one and a hidden one would answer differently.
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    check_if_match(exchange, current)
    check_if_none_match(exchange, current)
    created = current is None or current.deleted
    if created:
        exchange.authorize("c", exchange.access.type)
    return current, created


async def delete(exchange: Exchange) -> Response:
    type_, id_ = exchange.request.segments
    refuse_written_by_server(type_)
    current = await exchange.repository.read(exchange.access, id_)
    if current is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    await require_within(exchange, current)
    check_if_match(exchange, current)
    if cascades(exchange) and not current.deleted:
        return await delete_with_referrers(exchange, current)
    if not current.deleted:
        prepared = exchange.repository.prepare_deletion(current)
        await exchange.commit([prepared], status=204)
        current = prepared.version
    return deleted_response(current)


def checked_body(exchange: Exchange, type_: str) -> Resource:
    """The body, valid as base R4 and of the address's type. Raises FhirError with every fault that was found."""
    refuse_written_by_server(type_)
    resource = exchange.request.resource()
    if resource["resourceType"] != type_:
        raise refuse("id-mismatch", f"The body must be a {type_}, as the address says.", "resourceType")
    return check_content(resource)


def check_content(resource: Resource) -> Resource:
    """Raises FhirError (400) when the content is not base R4."""
    issues = validate_resource(resource)
    if any(issue.severity in {"error", "fatal"} for issue in issues):
        raise FhirError(issues, 400)
    return resource


def check_id(id_: str) -> None:
    if not is_id(id_):
        raise refuse("id-format", "An id is 1 to 64 letters, digits, hyphens or dots.", "http.url")


def check_if_match(exchange: Exchange, current: Version | None) -> None:
    wanted = exchange.request.if_match()
    if wanted is not None and (current is None or current.version != wanted):
        error = refuse("version-conflict", "The resource is not at the version that If-Match names.", "http.If-Match")
        if current is not None:
            error.headers.update(version_headers(current))
        raise error


def check_if_none_match(exchange: Exchange, current: Version | None) -> None:
    """`If-None-Match: *` asks for a create only (RFC 9110 13.1.2); other values are for reads and refused here."""
    value = exchange.request.headers.get("if-none-match")
    if value is None:
        return
    if value.strip() != "*":
        raise refuse("not-supported", "For a write, If-None-Match can only be *.", "http.If-None-Match")
    if current is not None and not current.deleted:
        error = refuse("version-conflict", "The resource exists already.", "http.If-None-Match")
        error.headers.update(version_headers(current))
        raise error


def refuse_written_by_server(type_: str) -> None:
    if type_ == AUDIT_TYPE:
        raise refuse(
            "read-only-type", "AuditEvents are written by the server and nobody can change or delete them.", "http.url"
        )


async def require_within(exchange: Exchange, version: Version) -> None:
    """What is written, deleted or written over must lie where the caller may write. Raises FhirError (403)."""
    if await exchange.repository.admits_write(exchange.access, version):
        return
    if exchange.access.compartment is not None and set(version.patients) != {exchange.access.compartment}:
        raise refuse("forbidden", "The token allows writing inside one patient's record only.")
    raise refuse(
        "forbidden", "The token's scopes allow writing only what matches their search parameters, before and after."
    )


def written(exchange: Exchange, version: Version, status: int) -> Response:
    """The answer to a write, as `Prefer: return` asks."""
    return exchange.written(version, status)
