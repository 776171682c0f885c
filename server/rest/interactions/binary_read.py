"""A Binary read as what it holds (R4 binary.html, http.html#read): in whole or in part, or as a resource.

Content is never held as a whole. What goes out runs nowhere: it is an attachment, of no other type than it says, in a sandbox.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Final

from profiles.json import Resource
from profiles.outcome import refuse
from server.documents.apart import inline_content
from server.documents.kept import DamagedContentError, read_kept
from server.documents.negotiation import wants_resource
from server.documents.ranges import UnsatisfiableError, asked_range
from server.documents.type_names import extension_of, parse_content_type
from server.repository import DamagedRecordError, Version
from server.rest.exchange import Exchange
from server.rest.formats import wanted_format
from server.rest.request import FHIR_JSON
from server.rest.response import Response, version_headers, version_response
from server.store.blobs import Blobs

_AS_JSON: Final = {"accept": FHIR_JSON}
"""What Accept comes to when the resource is wanted; `_format` may still ask for what cannot be written."""

_SANDBOX: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Accept-Ranges": "bytes",
    "Vary": "Accept",
}


async def answer_read(exchange: Exchange, version: Version) -> Response:
    """The version as a resource or as its content, as the caller wants it. Raises FhirError (406, 416), DamagedRecordError."""
    request, resource = exchange.request, version.resource()
    if request.inside_bundle:
        return version_response(version, 200, body=version.listed)
    if wants_resource(request.headers, request.query, parse_content_type(_type_of(resource)).name):
        wanted_format(_AS_JSON, request.query)
        return await _as_resource(exchange, version)
    asked = asked_part(request.method, request.headers, version)
    return await content_response(exchange.services.store.blobs, exchange.tenant.number, version, resource, asked)


def asked_part(method: str, headers: Mapping[str, str], version: Version) -> str | None:
    """The range that counts: of a GET, and with If-Range of this version only.

    FHIR's ETags are weak, but content of one version never differs: so they are good enough for a part of it.
    """
    condition = headers.get("if-range")
    if condition is not None and condition.strip().removeprefix("W/") != version.etag.removeprefix("W/"):
        return None
    return headers.get("range") if method == "GET" else None


async def content_response(blobs: Blobs, tenant: int, version: Version, resource: Resource, asked: str | None) -> Response:
    """The content, or the range of it that is asked for. Raises FhirError (416), DamagedRecordError."""
    inline = inline_content(resource) or b"" if version.content is None else b""
    size = version.content.size if version.content is not None else len(inline)
    try:
        part = asked_range(asked, size)
    except UnsatisfiableError as error:
        refusal = refuse("range", "The range lies outside of the content.", "http.Range")
        refusal.headers["Content-Range"] = f"bytes */{size}"
        raise refusal from error
    start, end = part or (0, size)
    headers = _headers(version, resource)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status, type_ = 206 if part is not None else 200, _served_type(resource)
    if version.content is None:
        return Response(status, inline[start:end], headers, type_)
    stream = await begun(_pieces(blobs, tenant, version, start, end))
    return Response(status, b"", headers, type_, stream=stream, length=end - start)


def _headers(version: Version, resource: Resource) -> dict[str, str]:
    name = f"{version.id}{extension_of(parse_content_type(_type_of(resource)).name)}"
    headers = {**version_headers(version), **_SANDBOX, "Content-Disposition": f'attachment; filename="{name}"'}
    context = context_of(resource)
    if context is not None and context.isascii() and context.isprintable():
        headers["X-Security-Context"] = context
    return headers


def _type_of(resource: Resource) -> str:
    type_ = resource.get("contentType")
    return type_ if isinstance(type_, str) else ""


def _served_type(resource: Resource) -> str:
    """The content type with nothing but its charset, so that nothing else gets into a header."""
    declared = parse_content_type(_type_of(resource))
    return str(declared) if declared.name else "application/octet-stream"


async def _as_resource(exchange: Exchange, version: Version) -> Response:
    """The Binary in JSON, its data too; in base64 chunk by chunk where it lies apart."""
    headers = {**version_headers(version), "Vary": "Accept"}
    if version.content is None:
        return version_response(version, 200, headers)
    head, tail = version.body[:-1] + b',"data":"', b'"}'
    blobs, tenant = exchange.services.store.blobs, exchange.tenant.number
    content = await begun(_pieces(blobs, tenant, version, 0, version.content.size))

    async def pieces() -> AsyncIterator[bytes]:
        yield head
        async for piece in content:
            yield base64.b64encode(piece)
        yield tail

    length = len(head) + -(-version.content.size // 3) * 4 + len(tail)
    return Response(200, b"", headers, stream=pieces(), length=length)


async def _pieces(blobs: Blobs, tenant: int, version: Version, start: int, end: int) -> AsyncIterator[bytes]:
    if version.content is None:
        return
    try:
        async for piece in read_kept(blobs, tenant, version.content, start, end):
            yield piece
    except DamagedContentError as error:
        raise DamagedRecordError(f"{version.reference} version {version.version}: {error}") from error


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, the first of them read already: what is damaged there, or a store that is away, is still an answer."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_pieces()


def context_of(binary: Resource) -> str | None:
    """What the Binary was stored for, and is as visible as."""
    context = binary.get("securityContext")
    reference = context.get("reference") if isinstance(context, dict) else None
    return reference if isinstance(reference, str) else None
