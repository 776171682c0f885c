"""What of a resource is kept apart from its record: the content of a Binary that is not small, and a body that is very large.

MongoDB takes documents of up to 16 MB, and a record is opened each time that it is looked at; so neither may grow with what is
attached. Small content (most notes) stays in the record, and costs one read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from profiles.json import Resource
from server.documents.kept import put_whole
from server.seal.chunks import BlobName, new_blob
from server.store.blobs import Blobs

INLINE_CONTENT: Final = 64 * 1024
"""Bytes of content that stay in a Binary's own record."""

LARGEST_BODY: Final = 4 * 2**20
"""Bytes of JSON that stay in a record."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Where it lies; `plain` is what must be put there still (None: it was put already)."""

    name: BlobName
    plain: bytes | None = None

    def pieces(self) -> Iterable[bytes]:
        view = memoryview(self.plain or b"")
        return (bytes(view[start : start + self.name.chunk]) for start in range(0, max(1, len(view)), self.name.chunk))


def body_apart(body: bytes) -> Apart:
    return Apart(new_blob(len(body)), body)


def content_apart(binary: Resource) -> tuple[Resource, Apart | None]:
    """A Binary without its data, and the data; or as it is, when the data is small, or none."""
    data = binary.get("data")
    if not isinstance(data, str) or len(data) <= INLINE_CONTENT * 4 // 3:
        return binary, None
    content = inline_content(binary)
    if content is None or len(content) <= INLINE_CONTENT:
        return binary, None
    return {name: value for name, value in binary.items() if name != "data"}, Apart(new_blob(len(content)), content)


def inline_content(binary: Resource) -> bytes | None:
    """The data of a Binary (or an Attachment) as bytes; None where there is none, or it is not base64."""
    data = binary.get("data")
    if not isinstance(data, str):
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


async def put_apart(blobs: Blobs, tenant: int, now: int, parts: Iterable[Apart]) -> None:
    """Put what a commit is about to make current. Raises StoreUnavailableError."""
    for part in parts:
        if part.plain is not None:
            await put_whole(blobs, tenant, now, part.name, part.pieces())


async def drop_apart(blobs: Blobs, parts: Iterable[Apart]) -> None:
    """Leave nothing behind of a commit that was refused. Raises StoreUnavailableError: then the sweep finds it."""
    for part in parts:
        await blobs.discard(part.name.id)
