"""Opaque names for what is searched: keyed BLAKE2b of (tenant's index key; type, parameter, value).

A term is 64 bits: at a million resources of thirty terms, the chance that a look-up meets a stranger's term is about 2e-12.
Record and uniqueness keys are 128 bits, for there a collision would be an error and not only an extra candidate.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final

_SEPARATOR: Final = b"\x1f"


class BlindIndex:
    """The keyed hashes of one tenant."""

    def __init__(self, key: bytes) -> None:
        self._term = blake2b(key=key, digest_size=8, person=b"term")
        self._column = blake2b(key=key, digest_size=8, person=b"column")
        self._record = blake2b(key=key, digest_size=16, person=b"record")
        self._unique = blake2b(key=key, digest_size=16, person=b"unique")
        self.column = lru_cache(maxsize=4096)(self._make_column)
        self.points = lru_cache(maxsize=4096)(self._make_points)
        self.term = lru_cache(maxsize=32_768)(self._make_term)

    def _make_term(self, type_: str, parameter: str, value: str) -> int:
        state = self._term.copy()
        state.update(f"{type_}\x1f{parameter}\x1f{value}".encode(errors="surrogatepass"))
        return int.from_bytes(state.digest(), signed=True)

    def _make_column(self, type_: str, name: str) -> int:
        state = self._column.copy()
        state.update(f"{type_}\x1f{name}".encode(errors="surrogatepass"))
        return int.from_bytes(state.digest()) >> 1

    def _make_points(self, type_: str, name: str) -> int:
        """A column of single values that nothing is sorted by (server/store/algebra.py)."""
        return ~self._make_column(type_, name)

    def record_key(self, type_: str, id_: str) -> bytes:
        state = self._record.copy()
        state.update(f"{type_}/{id_}".encode(errors="surrogatepass"))
        return state.digest()

    def unique_key(self, parts: tuple[str, ...]) -> bytes:
        """Each part is preceded by its length, so that no two tuples share an encoding."""
        state = self._unique.copy()
        for part in parts:
            data = part.encode(errors="surrogatepass")
            state.update(len(data).to_bytes(4) + _SEPARATOR + data)
        return state.digest()
