"""The long run (benchmarks/soak.py) in short: it works, nothing is a fault, and nothing grows without bound."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from live_server import CHECKOUT

MOST_GROWTH = 40.0
"""MiB from the second part of the run to its last. Caches fill; what is lost with each request would be more than that soon."""


@pytest.mark.slow
def test_nothing_grows_without_bound_under_mixed_load() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes=4", "--seconds=5", "--rate=300", "--json"]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    parts = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(parts) == 4
    assert sum(part["faults"] for part in parts) == 0
    assert all(part["rate"] > 0 for part in parts)
    assert parts[-1]["memory"] - parts[1]["memory"] < MOST_GROWTH
    assert parts[-1]["files"] - parts[1]["files"] < 16
    assert parts[-1]["log"] < 200
