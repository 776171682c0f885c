"""zstd, then AES-256-GCM: the one way in which bytes are sealed.

Layout: format (1 byte), dictionary number (1), key number (2, big endian), nonce (12), ciphertext with tag. The caller's
`binding` (tenant, type, id, version, ...) is the associated data, so that a row moved elsewhere no longer opens.
Compression before encryption leaks length only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT: Final = 1
_HEADER: Final = 4
_NONCE: Final = 12
_LEVEL: Final = 3
MAX_PLAIN: Final = 256 * 1024 * 1024


class SealBrokenError(Exception):
    """Sealed bytes do not open: tampered with, moved from another place, truncated, or sealed under another key."""


class Cipher:
    """Seals and opens under one of several data keys. Not for use from more than one thread (zstd contexts are not)."""

    def __init__(self, keys: Mapping[int, bytes], current: int, dictionaries: Mapping[int, bytes]) -> None:
        trained = {number: zstandard.ZstdCompressionDict(data) for number, data in dictionaries.items()}
        self._dictionary = max(trained, default=0)
        self._compress = _compressor(trained.get(self._dictionary))
        self._decompressors = {0: zstandard.ZstdDecompressor()} | {
            number: zstandard.ZstdDecompressor(dict_data=data) for number, data in trained.items()
        }
        self.use(keys, current)

    def use(self, keys: Mapping[int, bytes], current: int) -> None:
        """From now on open what is sealed under any of the keys, and seal under `current`."""
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self._current = current
        self._head = bytes((FORMAT, self._dictionary)) + current.to_bytes(2)

    @property
    def current(self) -> int:
        """The number of the key that seals."""
        return self._current

    def seal(self, plain: bytes, binding: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._ciphers[self._current].encrypt(nonce, self._compress.compress(plain), binding)

    def open(self, sealed: bytes, binding: bytes) -> bytes:
        """Raises SealBrokenError when the bytes are not exactly what was sealed for this binding."""
        if len(sealed) < _HEADER + _NONCE or sealed[0] != FORMAT:
            raise SealBrokenError("The record is truncated or of an unknown format.")
        cipher = self._ciphers.get(int.from_bytes(sealed[2:4]))
        decompressor = self._decompressors.get(sealed[1])
        if cipher is None or decompressor is None:
            raise SealBrokenError("The record was sealed under a key or dictionary that is not here.")
        try:
            packed = cipher.decrypt(sealed[_HEADER : _HEADER + _NONCE], sealed[_HEADER + _NONCE :], binding)
            return decompressor.decompress(packed, max_output_size=MAX_PLAIN)
        except (InvalidTag, zstandard.ZstdError) as error:
            raise SealBrokenError("The record was tampered with, moved or truncated.") from error

    def renewed(self, sealed: bytes, binding: bytes) -> bytes:
        """The same where it is under the current key, and sealed anew where it is not. Raises SealBrokenError."""
        return sealed if key_number(sealed) == self._current else self.seal(self.open(sealed, binding), binding)


def key_number(sealed: bytes) -> int:
    """Under which of its tenant's keys something is sealed."""
    return int.from_bytes(sealed[2:_HEADER])


def _compressor(dictionary: zstandard.ZstdCompressionDict | None) -> zstandard.ZstdCompressor:
    if dictionary is None:
        return zstandard.ZstdCompressor(level=_LEVEL)
    dictionary.precompute_compress(level=_LEVEL)
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary)
