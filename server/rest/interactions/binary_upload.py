"""A Binary created or updated from a raw body (R4 binary.html, http.html#create): streamed into the store, checked as it comes in.

The Binary and its content become current in one commit. Until then, and whenever the upload ends otherwise, nothing of it is there.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Final

from profiles.json import Resource
from profiles.outcome import refuse
from profiles.references import parse_reference
from server.documents.apart import INLINE_CONTENT
from server.documents.content_check import ContentCheck, check_type
from server.documents.kept import Putting
from server.documents.type_names import parse_content_type
from server.repository import Version
from server.rest.exchange import Exchange
from server.rest.interactions import write
from server.rest.interactions.binary_read import context_of
from server.rest.response import Response
from server.rest.upload import Upload
from server.seal.chunks import BlobName
from server.store.blobs import BlobGoneError
from server.store.store import StoreUnavailableError

SECURITY_CONTEXT: Final = "x-security-context"


async def receive_content(exchange: Exchange, upload: Upload) -> Response:
    """POST Binary and PUT Binary/[id]. An update is on top of the version that is current when the content begins to come in."""
    if "if-none-exist" in exchange.request.headers:
        text = "Content is stored without conditions; send a Binary in JSON."
        raise refuse("not-supported", text, "http.If-None-Exist")
    if len(exchange.request.segments) == 1:
        return await _store(exchange, upload, exchange.services.new_id(), None, 201)
    id_ = exchange.request.segments[1]
    write.check_id(id_)
    current, created = await write.current_for_update(exchange, id_)
    return await _store(exchange, upload, id_, current, 201 if created else 200)


async def _store(exchange: Exchange, upload: Upload, id_: str, current: Version | None, status: int) -> Response:
    declared = parse_content_type(exchange.request.headers["content-type"])
    check_type(declared, exchange.services.settings.document_types, "http.Content-Type")
    binary: Resource = {"resourceType": "Binary", "contentType": str(declared)}
    context = _given_context(exchange) or (context_of(current.resource()) if current and not current.deleted else None)
    if context is not None:
        binary["securityContext"] = {"reference": context}
    await _require_own_context(exchange, context)
    putting = Putting(exchange.services.store.blobs, exchange.tenant.number, exchange.services.now())
    stored = False
    try:
        content = await _receive(upload, putting, ContentCheck(declared, "http.body"), binary)
        prepared = exchange.repository.prepare(binary, id_, current, content)
        await write.require_within(exchange, prepared.version)
        await exchange.commit([prepared], status=status)
        stored = True
    except BlobGoneError as error:
        raise refuse("unavailable", "The upload took too long; send it again.") from error
    finally:
        if not stored:
            with suppress(StoreUnavailableError):  # then the sweep finds it
                await putting.drop()
    return write.written(exchange, prepared.version, status)


async def _receive(upload: Upload, putting: Putting, check: ContentCheck, binary: Resource) -> BlobName | None:
    """Where the content was put; None when it is small, and stands in the Binary."""
    async for piece in upload.pieces():
        check.add(piece)
        await putting.add(piece)
    if not putting.size:
        raise refuse("body-missing", "A document has at least one byte.", "http.body")
    check.finish()
    if putting.size > INLINE_CONTENT:
        return await putting.finish()
    binary["data"] = base64.b64encode(putting.waiting).decode()
    return None


def _given_context(exchange: Exchange) -> str | None:
    """X-Security-Context as a relative reference. Raises FhirError (400)."""
    given = exchange.request.headers.get(SECURITY_CONTEXT)
    if given is None:
        return None
    reference = parse_reference(given.strip().removeprefix(exchange.repository.base_url + "/"))
    if reference is None or reference.kind != "relative" or reference.type == "Binary":
        raise refuse(
            "reference-format",
            "X-Security-Context names a resource of this server that is no Binary, as in Patient/1.",
            "http.X-Security-Context",
        )
    return reference.url


async def _require_own_context(exchange: Exchange, context: str | None) -> None:
    """Whoever reaches one patient's record only stores what follows something of that record. Raises FhirError (403)."""
    compartment = exchange.access.compartment
    if compartment is None or context == f"Patient/{compartment}":
        return
    reference = parse_reference(context) if context is not None else None
    target = None
    if reference is not None and reference.type and reference.id:
        target = await exchange.repository.read(
            exchange.gate.part(reference.type, compartment, consented=True), reference.id
        )
    if target is None or set(target.patients) != {compartment}:
        sentence = (
            "The token allows writing inside one patient's record only: X-Security-Context has to name something of it."
        )
        raise refuse("forbidden", sentence)
