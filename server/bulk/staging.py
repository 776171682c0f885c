"""A file that is to be imported, taken into the job before its first line is stored: so that its lines stay those that were counted.

An address may answer with something else when it is asked again after a kill, and a Binary may be deleted meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from profiles.outcome import FhirError
from server.bulk.files import File, Writer
from server.bulk.import_asked import Input
from server.bulk.packed import NotUnpackedError, unpacked
from server.documents.apart import inline_content
from server.documents.kept import DamagedContentError, read_kept
from server.jobs.step import Step
from server.outgoing import OutgoingError
from server.repository import DamagedRecordError
from server.rest.exchange import Exchange
from server.seal.chunks import BlobName

LARGEST: Final = 2**34
"""Bytes of one file, as it comes and when it is unpacked."""
_ACCEPT: Final = "application/fhir+ndjson"


class UnreadableInputError(Exception):
    """A file that cannot be had; the message is a sentence without PHI."""


@dataclass(frozen=True, slots=True)
class Staged:
    """`digest`: BLAKE2b (16 bytes) of what the file holds; `lines`: how many there are; `next`: the first free part behind it."""

    file: File
    digest: str
    lines: int
    next: int


async def stage(step: Step, exchange: Exchange, given: Input, next_: int) -> Staged:
    """Raises UnreadableInputError, StoreUnavailableError."""
    digest, lines = hashlib.blake2b(digest_size=16), 0
    writer = Writer(step, [], next_, LARGEST)

    async def counted() -> AsyncIterator[bytes]:
        nonlocal lines
        async for piece in unpacked(_pieces(step, exchange, given), LARGEST):
            digest.update(piece)
            lines += piece.count(b"\n")
            yield piece

    try:
        await writer.write("staged", given.type, counted())
    except (OutgoingError, DamagedRecordError, NotUnpackedError) as error:
        raise UnreadableInputError(f"A file could not be read. {error}") from error
    except FhirError as error:
        raise UnreadableInputError("A file may not be read.") from error
    writer.close()
    return Staged(writer.files[0], digest.hexdigest(), lines + 1, writer.next)


async def drop_upload(step: Step, given: Input) -> None:
    """What came with the request is in the job by now. Raises StoreUnavailableError."""
    if given.upload:
        await step.services.store.blobs.discard(BlobName.from_text(given.upload).id)


async def _pieces(step: Step, exchange: Exchange, given: Input) -> AsyncIterator[bytes]:
    if given.url:
        async for piece in step.services.outgoing.pieces(given.url, LARGEST, _ACCEPT):
            yield piece
        return
    if given.upload:
        async for piece in _kept(
            step, BlobName.from_text(given.upload), "A file that came with the request is not kept any more."
        ):
            yield piece
        return
    version = await exchange.repository.read(exchange.authorize("r", "Binary"), given.binary)
    if version is None or version.deleted:
        raise UnreadableInputError("There is no such Binary.")
    if version.content is None:
        yield inline_content(version.resource()) or b""
        return
    async for piece in _kept(step, version.content, "The content of a Binary is damaged."):
        yield piece


async def _kept(step: Step, name: BlobName, why_not: str) -> AsyncIterator[bytes]:
    try:
        async for piece in read_kept(step.services.store.blobs, step.tenant.number, name):
            yield piece
    except DamagedContentError as error:
        raise UnreadableInputError(why_not) from error
