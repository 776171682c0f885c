"""The files that are to be loaded, and what is in them: lines of NDJSON, or one JSON document (a resource or a Bundle).

Each ends in `.ndjson` or `.json`, and may be compressed (`.gz` behind that). A file is known by what it holds, not by its name,
so that one that was moved or is given twice is loaded once.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Final

LINES: Final = ".ndjson"
DOCUMENT: Final = ".json"
PACKED: Final = ".gz"

UNIT_LINES: Final = 400
UNIT_BYTES: Final = 4 * 2**20


class UnreadableFileError(Exception):
    """The message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Source:
    """`digest` is that of the file's bytes."""

    path: Path
    digest: str
    size: int

    @property
    def is_document(self) -> bool:
        return _kind(self.path) == DOCUMENT


@dataclass(frozen=True, slots=True)
class Unit:
    """Some lines of a source, one after another, or all of a document. `first` counts from 1."""

    source: Source
    first: int
    lines: list[bytes]

    @property
    def end(self) -> int:
        """How many lines of the source are done after this one."""
        return self.first + len(self.lines) - 1


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """The files, and those in the folders, in the order of their names. Raises UnreadableFileError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and _kind(file))
            if not inside:
                raise UnreadableFileError(f"The folder {path} holds no {LINES} or {DOCUMENT} file.")
            files += inside
        elif not path.is_file():
            raise UnreadableFileError(f"There is no file {path}.")
        elif not _kind(path):
            raise UnreadableFileError(f"{path} is neither {LINES} nor {DOCUMENT}, packed ({PACKED}) or not.")
        else:
            files.append(path)
    sources = {source.digest: source for file in files for source in [_source(file)]}
    return list(sources.values())


def _kind(path: Path) -> str:
    suffix = Path(path.name.removesuffix(PACKED)).suffix
    return suffix if suffix in {LINES, DOCUMENT} else ""


def _source(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            return Source(path, digest, file.tell())
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read ({error.strerror}).") from error


def units(source: Source, done: int) -> Iterator[Unit]:
    """What is left of a source when `done` lines are done. Raises UnreadableFileError."""
    try:
        with closing(_open(source.path)) as file:
            if source.is_document:
                if not done:
                    yield Unit(source, 1, [file.read()])
                return
            for _ in islice(file, done):
                pass
            while lines := file.readlines(UNIT_BYTES):
                for start in range(0, len(lines), UNIT_LINES):
                    part = lines[start : start + UNIT_LINES]
                    yield Unit(source, done + 1, part)
                    done += len(part)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(f"{source.path} cannot be read to its end: is it whole?") from error


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.name.endswith(PACKED) else path.open("rb")
