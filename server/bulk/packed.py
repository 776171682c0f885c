"""Files that come packed with gzip (RFC 1952), as NDJSON is often kept: told by their first bytes, whatever their name and type say."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

MAGIC: Final = b"\x1f\x8b"
PIECE: Final = 2**20
"""Plain bytes that are made at once."""
_GZIP: Final = 16 + zlib.MAX_WBITS


class NotUnpackedError(Exception):
    """It is no whole gzip file, or holds more than it may. The message is a fixed sentence."""


async def unpacked(pieces: AsyncIterator[bytes], largest: int) -> AsyncIterator[bytes]:
    """The plain bytes, `largest` at most where they were packed; of a file that is not packed, its pieces. Raises NotUnpackedError."""
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= len(MAGIC):
            break
    plain = _all(head, pieces)
    if not head.startswith(MAGIC):
        async for piece in plain:
            yield piece
        return
    size = 0
    async for piece in _opened(plain):
        size += len(piece)
        if size > largest:
            raise NotUnpackedError("The file is too large when it is unpacked.")
        yield piece


async def _all(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for piece in rest:
        yield piece


async def _opened(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Member after member: files that were packed one by one may stand behind each other."""
    unpacker = zlib.decompressobj(_GZIP)
    async for piece in pieces:
        packed = piece
        while packed:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            try:
                plain = await asyncio.to_thread(unpacker.decompress, packed, PIECE)
            except zlib.error as error:
                raise NotUnpackedError("The file is no whole gzip file.") from error
            yield plain
            packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise NotUnpackedError("The file is no whole gzip file.")
