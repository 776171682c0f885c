"""The files of a gzip-compressed tar archive, as FHIR packages are (NPM layout), read without trusting it.

RFC 1952 and the tar formats of POSIX.1-2001 (ustar, pax) and GNU (long names). Nothing is written to disk and nothing unpacked
whole: every size is bounded before it is believed, also those of the archive's own headers. What a package never has (links,
devices, holes, paths that lead out of it, two files of one name) is refused, whichever file it is.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 512
_PIECE: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_LONGEST_HEADER: Final = 64 * 1024
_LONGEST_PATH: Final = 512
_DEEPEST: Final = 16
_REGULAR: Final = frozenset({b"0", b"\0", b"7"})
_FOLDER: Final = b"5"
_PAX: Final = b"x"
_PAX_OF_ALL: Final = b"g"
_LONG_NAME: Final = b"L"


class PackageError(ValueError):
    """The bytes are no package that can be read; the message says why and quotes nothing of them."""


class PackageTooLargeError(PackageError):
    """It may be a package, and holds more than is read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes, entries and seconds. `ratio`: how many bytes a packed byte may become, on average, once 16 MB were unpacked."""

    packed: int = 64 * 2**20
    unpacked: int = 768 * 2**20
    entries: int = 50_000
    file: int = 32 * 2**20
    ratio: int = 100
    seconds: float = 120.0


RATIO_FROM: Final = 16 * 2**20


def files(data: bytes, wanted: Callable[[str], bool], limits: Limits | None = None) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files whose path is `wanted`, in their order. Raises PackageError, at the latest at the end."""
    bounds = limits or Limits()
    if len(data) > bounds.packed:
        raise PackageTooLargeError(f"The package is larger than {bounds.packed // 2**20} MB.")
    stream = _Unpacked(data, bounds)
    seen: set[str] = set()
    for path, size, is_file in _entries(stream, bounds):
        if path in seen and is_file:
            raise PackageError("Two files of the package have the same path.")
        seen.add(path)
        if is_file and wanted(path):
            if size > bounds.file:
                raise PackageTooLargeError(f"A file of the package is larger than {bounds.file // 2**20} MB.")
            content = stream.read(size)
            stream.skip(-size % BLOCK)
            yield path, content
        else:
            stream.skip(size + -size % BLOCK)
    stream.drain()


class _Unpacked:
    """What the gzip stream unpacks to, in order, within the limits."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._rest = memoryview(data)
        self._packed = len(data)
        self._limits = limits
        self._inflater = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._unpacked = 0
        self._end = time.monotonic() + limits.seconds

    def read(self, size: int) -> bytes:
        """Raises PackageError when there is less."""
        parts = []
        while size > 0:
            piece = self._piece()
            if not piece:
                raise PackageError("The package ends in the middle of a file.")
            parts.append(piece[:size])
            self._waiting = piece[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size > 0:
            piece = self._piece()
            if not piece:
                raise PackageError("The package ends in the middle of a file.")
            self._waiting = piece[size:]
            size -= len(piece) - len(self._waiting)

    def drain(self) -> None:
        """To the end, where gzip's checksum stands."""
        while self._piece():
            pass

    def _piece(self) -> bytes:
        """The next bytes, at most 64 KB; none at the end."""
        if self._waiting:
            piece, self._waiting = self._waiting, b""
            return piece
        piece = b""
        while not piece and len(self._rest):
            piece = self._inflate()
        if not piece and not self._inflater.eof:
            raise PackageError("The package is no gzip-compressed tar archive, or is cut off.")
        self._count(len(piece))
        return piece

    def _inflate(self) -> bytes:
        if self._inflater.eof:  # another gzip member, or the zeros that some tools pad with
            if bytes(self._rest[:2]) != _GZIP:
                if any(self._rest):
                    raise PackageError("Something that is no archive follows the package.")
                self._rest = self._rest[len(self._rest) :]
                return b""
            self._inflater = zlib.decompressobj(wbits=31)
        given = self._rest[:_PIECE]
        try:
            piece = self._inflater.decompress(given, _PIECE)
        except zlib.error as error:
            raise PackageError("The package is no gzip-compressed tar archive, or is damaged.") from error
        left = len(self._inflater.unconsumed_tail) or len(self._inflater.unused_data)
        self._rest = self._rest[len(given) - left :]
        return piece

    def _count(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > self._limits.unpacked:
            raise PackageTooLargeError(f"The package unpacks to more than {self._limits.unpacked // 2**20} MB.")
        if self._unpacked > RATIO_FROM and self._unpacked > self._limits.ratio * self._packed:
            raise PackageTooLargeError(f"The package unpacks to more than {self._limits.ratio} times its size.")
        if time.monotonic() > self._end:
            raise PackageTooLargeError("Reading the package took too long.")


def _entries(stream: _Unpacked, limits: Limits) -> Iterator[tuple[str, int, bool]]:
    """(path, size, whether it is a file) of each file and folder; who asks for the next has gone past the content before."""
    long_name: bytes | None = None
    size_before: int | None = None
    for _ in range(limits.entries):
        header = stream.read(BLOCK)
        if header == bytes(BLOCK):
            return
        kind, size = _read_header(header)
        if kind in {_PAX, _PAX_OF_ALL, _LONG_NAME}:
            if size > _LONGEST_HEADER:
                raise PackageError("A header of the package is larger than any that a path needs.")
            extra = stream.read(size)
            stream.skip(-size % BLOCK)
            if kind == _LONG_NAME:
                long_name = extra.rstrip(b"\0")
            elif kind == _PAX:
                long_name, size_before = _read_pax(extra)
            continue
        if kind not in _REGULAR and kind != _FOLDER:
            raise PackageError("The package holds a link, a device or another thing that is neither a file nor a folder.")
        name = _name(header) if long_name is None else long_name
        is_folder = kind == _FOLDER or name.endswith(b"/")
        yield _path(name), size if size_before is None else size_before, not is_folder
        long_name = size_before = None
    raise PackageTooLargeError(f"The package has more than {limits.entries:,} files.")


def _read_header(header: bytes) -> tuple[bytes, int]:
    """Kind and size. Raises PackageError for what is no header."""
    told = _number(header[148:156])
    if told != sum(header[:148]) + 8 * 0x20 + sum(header[156:]):
        raise PackageError("The package is no gzip-compressed tar archive, or is damaged.")
    return header[156:157], _number(header[124:136])


def _number(field: bytes) -> int:
    """An octal number, or a binary one where its first bit is set (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:])
    digits = field.replace(b"\0", b" ").strip()
    if not digits.isdigit() or set(digits) & set(b"89"):
        raise PackageError("The package is no gzip-compressed tar archive, or is damaged.")
    return int(digits, 8)


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _read_pax(extra: bytes) -> tuple[bytes | None, int | None]:
    """Path and size, as far as the records of a pax header say them. Raises PackageError."""
    path, size = None, None
    while extra:
        length, _, rest = extra.partition(b" ")
        if not (length.isdigit() and len(length) < 6 and len(length) + 1 < int(length) <= len(extra)):
            raise PackageError("A header of the package cannot be read.")
        record, extra = rest[: int(length) - len(length) - 1], extra[int(length) :]
        key, _, value = record.removesuffix(b"\n").partition(b"=")
        if key == b"path":
            path = value
        elif key == b"size":
            if not value.isdigit() or len(value) > 15:
                raise PackageError("A header of the package cannot be read.")
            size = int(value)
        elif key.startswith(b"GNU.sparse"):
            raise PackageError("The package holds a file with holes.")
    return path, size


def _path(name: bytes) -> str:
    """The path, without `.` and double slashes. Raises PackageError for one that leads out of the package."""
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        raise PackageError("A path in the package is not UTF-8.") from error
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if text.startswith("/") or ".." in parts or "\\" in text or ":" in text.partition("/")[0]:
        raise PackageError("A path in the package leads out of it.")
    if len(text) > _LONGEST_PATH or len(parts) > _DEEPEST or not text.isprintable():
        raise PackageError("A path in the package is too long or too deep, or holds control characters.")
    return "/".join(parts)
