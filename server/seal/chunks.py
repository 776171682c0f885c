"""Sealing content that is too large for a record, chunk by chunk, so that neither sealing nor opening holds more than one.

Each blob has a key of its own, which stands in the sealed version that the blob belongs to: whoever changes the tenant's keys seals
that version anew and need not touch the blob, and an upload that never became current can be opened by nobody. Every chunk is
AES-256-GCM with tenant, blob, its number and whether it is the last one bound in: one that is missing, cut, changed, out of its
place or of another blob does not open, and neither does a blob that ends early.

Layout of a chunk: packing (1 byte: 0 as it is, 1 zstd), nonce (12), ciphertext with tag.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from typing import Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.seal.cipher import SealBrokenError

CHUNK: Final = 384 * 1024
"""Plain bytes in a chunk. A multiple of 3, so that chunks become base64 one by one."""

_KEY: Final = 32
_ID: Final = 16
_NONCE: Final = 12
_PLAIN, _ZSTD = b"\0", b"\1"
_NAME: Final = _ID + _KEY + 8 + 4


@dataclass(frozen=True, slots=True)
class BlobName:
    """Where content lies and how it opens: kept inside a sealed version, and nowhere else."""

    id: bytes
    key: bytes
    size: int
    """Plain bytes."""
    chunk: int = CHUNK
    """Plain bytes in every chunk but the last."""

    @property
    def chunks(self) -> int:
        return max(1, -(-self.size // self.chunk))

    def text(self) -> str:
        """For the head of a version: letters, digits, `-` and `_`."""
        packed = self.id + self.key + self.size.to_bytes(8) + self.chunk.to_bytes(4)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def from_text(cls, text: str) -> BlobName:
        """Raises ValueError for what `text` did not make."""
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        size, chunk = int.from_bytes(packed[_ID + _KEY : _ID + _KEY + 8]), int.from_bytes(packed[-4:])
        if len(packed) != _NAME or not chunk:
            raise ValueError("This names no blob.")
        return cls(packed[:_ID], packed[_ID : _ID + _KEY], size, chunk)


def new_blob(size: int = 0) -> BlobName:
    """A name and key that nobody else has. The size is set when it is known."""
    return BlobName(os.urandom(_ID), os.urandom(_KEY), size)


class ChunkCipher:
    """Seals and opens the chunks of one blob of one tenant."""

    def __init__(self, name: BlobName, tenant: int) -> None:
        self._cipher = AESGCM(name.key)
        self._place = f"blob/{tenant}/".encode() + name.id
        self._chunk = name.chunk

    def seal(self, number: int, plain: bytes, last: bool) -> bytes:
        packed = zstandard.ZstdCompressor(level=1).compress(plain)
        packing, content = (_ZSTD, packed) if len(packed) < len(plain) else (_PLAIN, plain)
        nonce = os.urandom(_NONCE)
        return packing + nonce + self._cipher.encrypt(nonce, content, self._binding(packing, number, last))

    def open(self, number: int, sealed: bytes, last: bool) -> bytes:
        """Raises SealBrokenError when the bytes are not exactly what was sealed for this place."""
        packing = sealed[:1]
        try:
            content = self._cipher.decrypt(
                sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], self._binding(packing, number, last)
            )
            if packing == _PLAIN:
                return content
            return zstandard.ZstdDecompressor().decompress(content, max_output_size=self._chunk)
        except (InvalidTag, ValueError, zstandard.ZstdError) as error:
            raise SealBrokenError(f"Chunk {number + 1} was tampered with, moved or truncated.") from error

    def _binding(self, packing: bytes, number: int, last: bool) -> bytes:
        return self._place + packing + number.to_bytes(4) + (b"\1" if last else b"\0")
