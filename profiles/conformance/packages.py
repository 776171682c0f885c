"""Reading FHIR packages (.tgz, the NPM layout of FHIR Package Specification 3): nothing is written to disk, nothing unpacked whole.

Only files directly in `package/` are read, so no path in the archive matters; sizes are bounded before they are believed.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import Final

from profiles import json
from profiles.json import Resource

MAX_PACKED: Final = 64 * 1024 * 1024
MAX_UNPACKED: Final = 768 * 1024 * 1024
MAX_FILES: Final = 50_000
MAX_FILE: Final = 32 * 1024 * 1024


class PackageError(ValueError):
    """The bytes are no package that can be read; the message says why and quotes nothing of them."""


def read_package(data: bytes, *, folders: tuple[str, ...] = ("package",)) -> Iterator[Resource]:
    """The JSON resources of a package, in its order. `folders`: which folders are read (`package/example` for examples).

    Raises PackageError: no gzip'd tar, more than 64 MB packed, 768 MB unpacked, 32 MB a file or 50,000 files, or no JSON.
    """
    if len(data) > MAX_PACKED:
        raise PackageError("The package is larger than 64 MB.")
    try:
        yield from _read(data, folders)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise PackageError("The package is no gzip-compressed tar archive.") from error


def _read(data: bytes, folders: tuple[str, ...]) -> Iterator[Resource]:
    total = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:
        for number, member in enumerate(archive):
            total += max(member.size, 0)
            if number >= MAX_FILES or total > MAX_UNPACKED:
                raise PackageError("The package holds more files or bytes than are read.")
            folder, _, name = member.name.rpartition("/")
            if not member.isreg() or folder not in folders or not name.endswith(".json") or name.startswith("."):
                continue
            if member.size > MAX_FILE:
                raise PackageError("A file of the package is larger than 32 MB.")
            stream = archive.extractfile(member)
            resource = _resource(stream.read()) if stream is not None else None
            if resource is not None:
                yield resource


def _resource(data: bytes) -> Resource | None:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise PackageError("A file of the package is not JSON.") from error
    return value if isinstance(value, dict) and isinstance(value.get("resourceType"), str) else None
