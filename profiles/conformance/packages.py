"""The resources of a FHIR package (.tgz, the NPM layout of FHIR Package Specification 3), one after another."""

from __future__ import annotations

from collections.abc import Iterator

from profiles import json
from profiles.json import Resource
from profiles.package_archive import PackageError, files

__all__ = ["PackageError", "read_package"]


def read_package(data: bytes, *, folders: tuple[str, ...] = ("package",)) -> Iterator[Resource]:
    """The JSON resources of a package, in its order. `folders`: which folders are read (`package/example` for examples).

    Raises PackageError: what profiles/package_archive.py refuses, and a file that is not JSON.
    """

    def wanted(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return folder in folders and name.endswith(".json") and not name.startswith(".")

    for _, content in files(data, wanted):
        try:
            value = json.loads(content)
        except ValueError as error:
            raise PackageError("A file of the package is not JSON.") from error
        if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
            yield value
