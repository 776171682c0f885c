"""`assent version`: which Assent this is, and on which Python."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Mapping
from importlib.metadata import version


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print one line."""
    print(f"assent {version('assent')} (Python {platform.python_version()})")
    return 0
