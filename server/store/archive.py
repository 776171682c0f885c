"""An archive: everything that a store holds at one moment, in one file that either back end can be made from.

Layout: `MAGIC`; then blocks: length (four bytes, big endian), MessagePack, seal (16 bytes). The first block is the header, then come
for each section its name and fields and blocks of its rows, at last how many rows there were. A block's seal is the keyed BLAKE2b of
every byte of the file before it, under a key made from the master key: what was cut short, changed or put together anew, also by
somebody who knows this page, is found before anything of it is looked at. Rows are as sealed as they are in the store. They are not
compressed: what is sealed does not get smaller.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from server.store.portable import SECTIONS, PortableError, Rows, Section, Source

MAGIC: Final = b"ASSENT ARCHIVE\n"
FORMAT: Final = 1
LARGEST_BLOCK: Final = 320 * 2**20
"""The largest sealed record fits in; a larger length is no length."""

_LENGTH: Final = 4
_SEAL: Final = 16
_Shape = TypeVar("_Shape")
_encode = msgspec.msgpack.Encoder().encode


class _Header(msgspec.Struct, frozen=True):
    format: int
    engine: str
    made: str


class _Start(msgspec.Struct, frozen=True):
    section: str
    fields: tuple[str, ...]


class _End(msgspec.Struct, frozen=True):
    rows: dict[str, int]


class _Sealer:
    """The seal of all bytes so far."""

    def __init__(self, master_key: bytes) -> None:
        key = blake2b(key=master_key, digest_size=32, person=b"archive-key").digest()
        self._hash = blake2b(key=key, digest_size=_SEAL, person=b"archive")

    def add(self, data: bytes) -> bytes:
        self._hash.update(data)
        return data

    def seal(self) -> bytes:
        return self._hash.digest()


class _Writer:
    def __init__(self, file: BinaryIO, master_key: bytes) -> None:
        self._file = file
        self._sealer = _Sealer(master_key)
        file.write(self._sealer.add(MAGIC))

    def block(self, content: object) -> None:
        data = _encode(content)
        self._file.write(self._sealer.add(len(data).to_bytes(_LENGTH) + data))
        self._file.write(self._sealer.add(self._sealer.seal()))


async def write_archive(
    source: Source, file: BinaryIO, master_key: bytes, engine: str, made: str
) -> AsyncIterator[tuple[Section, int]]:
    """Write all of it; yields how many rows of which section were just written. Raises PortableError and OSError."""
    target = _Writer(file, master_key)
    target.block(_Header(FORMAT, engine, made))
    counts: dict[str, int] = {}
    for section in SECTIONS:
        counts[section.name] = 0
        target.block(_Start(section.name, section.fields))
        async for rows in source.rows(section):
            if rows:
                target.block(rows)
                counts[section.name] += len(rows)
                yield section, len(rows)
    target.block(_End(counts))


class Archive:
    """An archive that is read: the header when it is opened, then `rows`. All of it is whole when that came to its end."""

    def __init__(self, file: BinaryIO, name: str, master_key: bytes) -> None:
        """Raises PortableError for what is no archive, or not one for this program and master key."""
        self._name = name
        self._file = file
        self._sealer = _Sealer(master_key)
        if self._bytes(len(MAGIC)) != MAGIC:
            raise PortableError(f"The file {name} is no backup of Assent.")
        data = self._bytes(self._length())
        if not self._is_sealed():
            raise PortableError(
                f"The master key is not the one that the backup {name} was made under, or the file was changed at its beginning."
            )
        header = self._as(msgspec.msgpack.decode(data), _Header)
        if header.format != FORMAT:
            raise PortableError(
                f"The backup {name} was made by a newer Assent (format {header.format}, this one knows {FORMAT})."
            )
        self.engine, self.made = header.engine, header.made

    def rows(self) -> Iterator[tuple[Section, Rows]]:
        """Raises PortableError when the file turns out not to be whole: what came before is not all then."""
        section: Section | None = None
        counts: dict[str, int] = {}
        while True:
            block = self._block()
            if isinstance(block, list) and section is not None:
                counts[section.name] += len(block)
                yield section, [tuple(row) for row in block]
            elif "section" in block:
                start = self._as(block, _Start)
                section = Section(start.section, start.fields)
                if section not in SECTIONS:
                    raise PortableError(f"The backup {self._name} holds something that this Assent does not know.")
                counts[section.name] = 0
            elif self._as(block, _End).rows == counts and not self._file.read(1):
                return
            else:
                raise self._damaged()

    def _block(self) -> Any:
        data = self._bytes(self._length())
        if not self._is_sealed():
            raise self._damaged()
        return msgspec.msgpack.decode(data)

    def _length(self) -> int:
        length = int.from_bytes(self._bytes(_LENGTH))
        if length > LARGEST_BLOCK:
            raise self._damaged()
        return length

    def _is_sealed(self) -> bool:
        wanted = self._sealer.seal()
        return compare_digest(self._bytes(_SEAL), wanted)

    def _bytes(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise self._damaged()
        return self._sealer.add(data)

    def _as(self, block: Any, type_: type[_Shape]) -> _Shape:
        try:
            return msgspec.convert(block, type_)
        except msgspec.ValidationError as error:
            raise self._damaged() from error

    def _damaged(self) -> PortableError:
        return PortableError(f"The backup {self._name} is damaged: it was cut short or changed.")
