"""NDJSON files as results of a job: sealed pieces that go with its checkpoints, so that a kill leaves neither half a line nor two.

A file is a row of job parts (server/store/jobs.py), sealed under the tenant's key and forgotten with the job. What is written
becomes durable with the next note of the position; pieces of a line that was broken off there are replaced by whoever goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from profiles.json import Resource
from server.bindings import job_part_binding
from server.jobs.step import Step
from server.repository import DamagedRecordError
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.store.jobs import Jobs
from server.store.store import Commit

Kind = Literal["output", "deleted", "error", "staged"]
PIECE: Final = 2**20
"""Plain bytes in a part: what is held in memory at once."""


@dataclass(slots=True)
class File:
    """`first` is the number of its first part, `sizes` the plain bytes of each. `sha256` is set when it is whole."""

    name: str
    kind: Kind
    type: str
    first: int
    sizes: list[int]
    count: int = 0
    sha256: str = ""

    @property
    def size(self) -> int:
        return sum(self.sizes)

    def to_json(self) -> Resource:
        return {name: getattr(self, name) for name in ("name", "kind", "type", "first", "sizes", "count", "sha256")}


def file_in(content: Resource) -> File:
    """What `File.to_json` made."""
    return File(**content)


class _Hash(Protocol):
    """One of hashlib's."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> _Hash: ...


@dataclass(frozen=True, slots=True)
class Saved:
    """A writer at one moment."""

    files: list[File]
    next: int
    buffer: bytes
    hash: _Hash


class Writer:
    """Writes the files of one job, one after another; a new one begins when one holds `largest` bytes. `next` is the next part."""

    def __init__(self, step: Step, files: list[File], next_: int, largest: int) -> None:
        self._step = step
        self._largest = largest
        self._buffer = bytearray()
        self._hash: _Hash = hashlib.sha256()
        self.files = files
        self.next = next_

    @classmethod
    async def resumed(cls, step: Step, position: Resource, largest: int) -> Writer:
        """From where `place` was noted. Raises StoreUnavailableError, DamagedRecordError."""
        writer = cls(step, [file_in(each) for each in position["files"]], position["next"], largest)
        if writer.files and not writer.files[-1].sha256:
            last = writer.files[-1]
            async for piece in read_file(step.services.store.jobs, step.tenant, step.job.id, last, 0, last.size):
                writer._hash.update(piece)
        return writer

    def saved(self) -> Saved:
        """Where it stands."""
        return Saved(
            [replace(file, sizes=[*file.sizes]) for file in self.files], self.next, bytes(self._buffer), self._hash.copy()
        )

    def restore(self, saved: Saved) -> None:
        """As if nothing had been written since."""
        self.files = [replace(file, sizes=[*file.sizes]) for file in saved.files]
        self.next, self._buffer, self._hash = saved.next, bytearray(saved.buffer), saved.hash.copy()

    @property
    def waiting(self) -> int:
        """Bytes that are not in a part yet."""
        return len(self._buffer)

    async def write(self, kind: Kind, type_: str, pieces: Iterable[bytes] | AsyncIterator[bytes]) -> None:
        """One line. What is long goes into the store piece by piece, and counts with the next note."""
        file = self._file(kind, type_)
        if isinstance(pieces, AsyncIterator):
            async for piece in pieces:
                await self._add(file, piece)
        else:
            for piece in pieces:
                await self._add(file, piece)
        await self._add(file, b"\n")
        file.count += 1

    async def _add(self, file: File, piece: bytes) -> None:
        self._hash.update(piece)
        self._buffer += piece
        while len(self._buffer) > 2 * PIECE:
            self._put(file, bytes(self._buffer[:PIECE]))
            del self._buffer[:PIECE]
            await self._step.commit(Commit(self._step.job.tenant))

    def _file(self, kind: Kind, type_: str) -> File:
        last = self.files[-1] if self.files else None
        if last is not None and not last.sha256:
            if (last.kind, last.type) == (kind, type_) and last.size + len(self._buffer) < self._largest:
                return last
            self.close()
        made = File(f"{type_}.{len(self.files) + 1}.ndjson", kind, type_, self.next, [])
        self.files.append(made)
        return made

    def close(self) -> None:
        """The last file is whole; nothing happens where it is already."""
        if self.files and not self.files[-1].sha256:
            self._flush()
            self.files[-1].sha256 = self._hash.hexdigest()
            self._hash = hashlib.sha256()

    def place(self) -> Resource:
        """For the position that is noted next: what was written is stored with it."""
        self._flush()
        return {"files": [file.to_json() for file in self.files], "next": self.next}

    def _flush(self) -> None:
        if self._buffer:
            self._put(self.files[-1], bytes(self._buffer))
            self._buffer.clear()

    def _put(self, file: File, content: bytes) -> None:
        self._step.put(self.next, content)
        file.sizes.append(len(content))
        self.next += 1


async def read_file(jobs: Jobs, tenant: Tenant, job: int, file: File, start: int, end: int) -> AsyncIterator[bytes]:
    """Bytes from `start` up to (not including) `end`, a part at a time. Raises StoreUnavailableError, DamagedRecordError."""
    begins = 0
    for number, size in enumerate(file.sizes, file.first):
        if begins < end and begins + size > start:
            content = await read_part(jobs, tenant, job, number)
            yield content[max(0, start - begins) : end - begins]
        begins += size


async def read_part(jobs: Jobs, tenant: Tenant, job: int, number: int) -> bytes:
    """Raises StoreUnavailableError; DamagedRecordError where it is not there, or not what was stored."""
    found = await jobs.parts(job, number, 1)
    try:
        if found and found[0][0] == number:
            return tenant.cipher.open(found[0][1], job_part_binding(tenant.number, job, number))
    except SealBrokenError as error:
        raise DamagedRecordError(f"Part {number} of a file of job {job} does not open.") from error
    raise DamagedRecordError(f"Part {number} of a file of job {job} is missing.")
