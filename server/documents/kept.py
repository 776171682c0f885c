"""Content in the store: put there chunk by chunk ahead of a commit, and read from there chunk by chunk, whole or in part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from server.seal.chunks import BlobName, ChunkCipher, new_blob
from server.seal.cipher import SealBrokenError
from server.store.blobs import Blobs, NewBlob


class DamagedContentError(Exception):
    """Content is not what was stored; the message says which chunk and what of it, and nothing of the content."""


class Putting:
    """One upload: `add` pieces of any size, then `finish`; `drop` when it is not to be. Holds one chunk."""

    def __init__(self, blobs: Blobs, tenant: int, now: int) -> None:
        self._blobs = blobs
        self._tenant = tenant
        self._now = now
        self._name = new_blob()
        self._cipher = ChunkCipher(self._name, tenant)
        self._waiting = bytearray()
        self._put = 0
        self._begun = False
        self.size = 0

    async def add(self, piece: bytes) -> None:
        """Raises StoreUnavailableError, BlobGoneError."""
        self._waiting += piece
        self.size += len(piece)
        while len(self._waiting) > self._name.chunk:  # the last chunk is only known to be the last at the end
            chunk = bytes(memoryview(self._waiting)[: self._name.chunk])
            del self._waiting[: self._name.chunk]
            await self._send(chunk, last=False)

    async def finish(self) -> BlobName:
        """Where it lies once a commit has made it current."""
        await self._send(bytes(self._waiting), last=True)
        self._waiting.clear()
        return replace(self._name, size=self.size)

    @property
    def waiting(self) -> bytes:
        """What was not put yet: everything, where that is less than a chunk."""
        return bytes(self._waiting)

    async def _send(self, chunk: bytes, *, last: bool) -> None:
        if not self._begun:
            await self._blobs.begin(self._name.id, self._tenant, self._now)
            self._begun = True
        await self._blobs.put(self._name.id, self._put, self._cipher.seal(self._put, chunk, last))
        self._put += 1

    async def drop(self) -> None:
        """Leave nothing behind. Raises StoreUnavailableError: then the sweep finds it."""
        self._waiting.clear()
        if self._begun:
            await self._blobs.discard(self._name.id)


def new_blob_of(name: BlobName) -> NewBlob:
    """What the commit says that makes it current."""
    return NewBlob(name.id, name.chunks, name.size)


async def put_whole(blobs: Blobs, tenant: int, now: int, name: BlobName, pieces: Iterable[bytes]) -> None:
    """Put what is here already, in chunks, under a name that was made for it. Raises StoreUnavailableError."""
    cipher = ChunkCipher(name, tenant)
    await blobs.begin(name.id, tenant, now)
    for number, piece in enumerate(pieces):
        await blobs.put(name.id, number, cipher.seal(number, piece, number == name.chunks - 1))


async def read_kept(
    blobs: Blobs, tenant: int, name: BlobName, start: int = 0, end: int | None = None
) -> AsyncIterator[bytes]:
    """Bytes from `start` up to (not including) `end`, a chunk at a time. Raises DamagedContentError, StoreUnavailableError."""
    cipher = ChunkCipher(name, tenant)
    end = name.size if end is None else min(end, name.size)
    for number in range(start // name.chunk, -(-end // name.chunk)):
        plain = await _read_chunk(blobs, cipher, name, number)
        first = number * name.chunk
        yield plain[max(0, start - first) : end - first]


async def _read_chunk(blobs: Blobs, cipher: ChunkCipher, name: BlobName, number: int) -> bytes:
    place = f"chunk {number + 1} of {name.chunks}"
    sealed = await blobs.read(name.id, number)
    if sealed is None:
        raise DamagedContentError(f"Its content lacks {place}: it is truncated.")
    last = number == name.chunks - 1
    try:
        plain = cipher.open(number, sealed, last)
    except SealBrokenError as error:
        raise DamagedContentError(
            f"In its content {place} does not open: changed, cut, or moved from another place."
        ) from error
    if len(plain) != (name.size - number * name.chunk if last else name.chunk):
        raise DamagedContentError(f"In its content {place} is not as long as it should be.")
    return plain


async def read_all(blobs: Blobs, tenant: int, name: BlobName, most: int | None = None) -> bytes:
    """The content, or its first `most` bytes. Raises DamagedContentError, StoreUnavailableError."""
    return b"".join([piece async for piece in read_kept(blobs, tenant, name, 0, most)])
