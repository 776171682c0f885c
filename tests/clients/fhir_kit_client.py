"""fhir-kit-client as it is published on npm, with what it needs: installed when a test wants it, checked, outside of the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from javascript_client import NotToBeHadError, cache

VERSION = "2.0.3"
_SHA512 = "sha512-Fz6Uuu5AmbbPCG2gY/0IJuGh5GVrdZGZuVAVWWV2KmlGwHRqbAU6JAX0swUOL9zid4r9LvmAQzsKe/jvY1pjmQ=="


def node() -> str:
    """The program that runs it. Raises NotToBeHadError."""
    found = shutil.which("node")
    if found is None:
        raise NotToBeHadError("node is not on this machine, which runs fhir-kit-client.")
    return found


def modules() -> Path:
    """The folder `node_modules` with the client in it. Raises NotToBeHadError."""
    kept = cache() / f"fhir-kit-client-{VERSION}"
    if not kept.is_dir():
        _install(kept)
    return kept / "node_modules"


def _install(kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHadError("npm is not on this machine, which fetches fhir-kit-client.")
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", made]
        try:
            command = [npm, "install", f"fhir-kit-client@{VERSION}", *flags]
            subprocess.run(command, cwd=made, check=True, capture_output=True, timeout=120)
        except (subprocess.SubprocessError, OSError) as error:
            raise NotToBeHadError("npm does not get fhir-kit-client here.") from error
        lock = json.loads((made / "node_modules" / ".package-lock.json").read_text("utf-8"))
        if lock["packages"]["node_modules/fhir-kit-client"]["integrity"] != _SHA512:
            raise NotToBeHadError("What npm got is not the fhir-kit-client that these tests know.")
        if not kept.is_dir():  # another run may have been faster
            made.rename(kept)
