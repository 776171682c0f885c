"""SMART's JavaScript client as it is published on npm: fetched when a test wants it, checked, kept outside of the checkout."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "2.6.3"
_SHA512 = "CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg=="
_SCRIPT = "package/build/fhir-client.js"


class NotToBeHadError(Exception):
    """Why the client cannot be had here, in a sentence."""


def script() -> bytes:
    """The client, as one script for browsers. Raises NotToBeHadError."""
    kept = cache() / f"fhirclient-{VERSION}.tgz"
    if not _is_right(kept):
        _fetch(kept)
    with tarfile.open(kept) as archive:
        member = archive.extractfile(_SCRIPT)
        assert member is not None
        return member.read()


def cache() -> Path:
    """Where what was fetched is kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assent-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_right(package: Path) -> bool:
    return package.is_file() and base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode() == _SHA512


def _fetch(package: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHadError("npm is not on this machine, which fetches SMART's JavaScript client.")
    with tempfile.TemporaryDirectory(dir=package.parent) as folder:
        command = [npm, "pack", f"fhirclient@{VERSION}", "--ignore-scripts", "--pack-destination", folder]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (subprocess.SubprocessError, OSError) as error:
            raise NotToBeHadError("npm does not get SMART's JavaScript client here.") from error
        fetched = Path(folder) / package.name
        if not _is_right(fetched):
            raise NotToBeHadError("What npm got is not the SMART's JavaScript client that these tests know.")
        fetched.replace(package)
