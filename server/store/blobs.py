"""The blobs of a store: content too large for a record, in sealed chunks that are put ahead of the commit which makes them current.

A blob is known by a random id that stands, sealed, in the version that the same commit stores; nobody else can name it. Until that
commit it is an upload: `discard` takes it away at once, `sweep` when whoever put it was killed. A commit that names an upload
which is no longer there is refused. What is kept stays as long as the version does, and is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

CHUNKS_AT_MOST: Final = 1 << 20
"""Chunks of one blob are numbered from 0 and below this."""


@dataclass(frozen=True, slots=True)
class NewBlob:
    """An upload that a commit makes current. `size` counts the plain bytes in its `chunks`."""

    id: bytes
    chunks: int
    size: int


@dataclass(frozen=True, slots=True)
class KeptBlob:
    """A blob as the store knows it. `held` is how many chunks there are; an upload's `chunks` and `size` are not known yet."""

    id: bytes
    tenant: int
    chunks: int
    size: int
    held: int
    upload: bool


class BlobGoneError(Exception):
    """A commit names an upload that is not there: never begun, discarded, swept, or current already. Nothing was stored."""


class Blobs(Protocol):
    """All raise StoreUnavailableError."""

    async def begin(self, blob: bytes, tenant: int, now: int) -> None:
        """An upload begins; `now` (microseconds) is what `sweep` goes by."""

    async def put(self, blob: bytes, number: int, chunk: bytes) -> None:
        """One sealed chunk of an upload. It may reach the disk with the commit that makes the blob current."""

    async def read(self, blob: bytes, number: int) -> bytes | None:
        """One sealed chunk, or None where there is none."""

    async def discard(self, blob: bytes) -> bool:
        """Take away an upload; False where there is none. What is current stays."""

    async def sweep(self, before: int, limit: int) -> int:
        """Take away up to `limit` uploads that were begun before that time; how many those were."""

    async def remove(self, blob: bytes) -> None:
        """Take away a blob, also a current one: for whoever made sure that no version says it is there."""

    async def listed(self, after: bytes, limit: int) -> list[KeptBlob]:
        """Uploads and current ones, in the order of their ids."""
