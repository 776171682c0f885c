"""The lock file: which packages are installed, so that another server can be given exactly the same.

JSON: {"format": "assent-packages-1", "packages": [{"name", "version", "sha256"}, ...]} in the order of names and versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from operations.packages.package_name import PackageName
from operations.packages.record import InstalledPackage
from profiles import json
from profiles.json import Json, JsonError
from profiles.outcome import FhirError, refuse

FORMAT: Final = "assent-packages-1"
MOST: Final = 500
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    package: PackageName
    sha256: str


def lock_of(installed: Iterable[InstalledPackage]) -> bytes:
    """The same packages give the same bytes."""
    rows = [
        {"name": one.package.name, "version": one.package.version, "sha256": one.sha256}
        for one in sorted(installed, key=lambda one: one.package)
    ]
    return json.pretty(json.dumps({"format": FORMAT, "packages": rows})) + b"\n"


def read_lock(content: bytes) -> list[Locked]:
    """Raises FhirError (package-invalid)."""
    try:
        told = json.loads(content)
    except JsonError as error:
        raise refuse("package-invalid", "The lock file is not JSON in UTF-8.") from error
    rows = told.get("packages") if isinstance(told, dict) and told.get("format") == FORMAT else None
    if not isinstance(rows, list) or len(rows) > MOST:
        raise refuse(
            "package-invalid", f"The file is no lock file of the form {FORMAT}, as `assent package lock` prints it."
        )
    locked = [_read_row(row) for row in rows]
    if len({one.package for one in locked}) != len(locked):
        raise refuse("package-invalid", "The lock file names a package and version twice.")
    return locked


def _read_row(row: Json) -> Locked:
    if not isinstance(row, dict) or not isinstance(row.get("sha256"), str) or not _SHA256.match(row["sha256"]):
        raise refuse("package-invalid", "Each package of the lock file needs name, version and sha256.")
    return Locked(PackageName.checked(row.get("name"), row.get("version")), row["sha256"])


def differing(locked: Iterable[Locked], installed: Iterable[InstalledPackage]) -> FhirError | None:
    """Why what is installed cannot become what is locked: packages beside it, or the same ones with other content."""
    wanted: Mapping[PackageName, str] = {one.package: one.sha256 for one in locked}
    present = list(installed)
    beside = [str(one.package) for one in present if one.package not in wanted]
    if beside:
        return refuse("package-differs", f"Installed, and not in the lock file: {', '.join(beside)}. Remove them first.")
    other = [str(one.package) for one in present if wanted[one.package] != one.sha256]
    if other:
        return refuse("package-differs", f"Installed with other content than the lock file says: {', '.join(other)}.")
    return None
