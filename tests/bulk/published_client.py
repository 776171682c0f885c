"""SMART's bulk export client (smart-fetch) as it is published on PyPI: installed when a test wants it, outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "1.0.3"


class NotToBeHadError(Exception):
    """Why the client cannot be had here, in a sentence."""


def program() -> Path:
    """Its command. Raises NotToBeHadError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assent-tests"
    folder = cache / f"smart-fetch-{VERSION}"
    command = folder / "bin" / "smart-fetch"
    whole = folder / "whole"
    if not whole.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True, timeout=300)
            pip = [folder / "bin" / "pip", "install", "-q", f"smart-fetch=={VERSION}"]
            subprocess.run(pip, check=True, capture_output=True, timeout=600)
        except (subprocess.SubprocessError, OSError) as error:
            raise NotToBeHadError("pip does not get SMART's bulk client (smart-fetch) here.") from error
        whole.touch()
    return command
