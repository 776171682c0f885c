"""`assent` as a person calls it, on a data folder, beside a running server or without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNSET = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}


def assent(*arguments: str, data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        cwd=ROOT,
        env={**UNSET, "ASSENT_DATA": str(data), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def refused(run: subprocess.CompletedProcess[str], words: str) -> None:
    """One sentence on standard error, exit code 2, nothing on standard output."""
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("assent: ")
    assert words in lines[0]
    assert (run.returncode, run.stdout) == (2, "")
