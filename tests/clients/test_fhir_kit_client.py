"""npm's fhir-kit-client against the running program: every interaction that it has (fhir_kit_client.mjs), and what came of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fhir_kit_client import modules, node
from javascript_client import NotToBeHadError
from live_server import LiveServer

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("fhir_kit_client.mjs")


@pytest.fixture(scope="module")
def told(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("kit")
    try:
        command = [node(), str(shutil.copy(SCRIPT, folder))]
        (folder / "node_modules").symlink_to(modules())
    except NotToBeHadError as error:
        pytest.skip(f"NOT TESTED: {error}")
    environment = {"PATH": os.environ["PATH"], "BASE": live_server.base, "TOKEN": live_server.token("administrator")}
    run = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


EXPECTED: dict[str, Any] = {
    "conditional": True, "updated": True, "conditionallyUpdated": True, "patched": "other", "stale": 412,
    "read": "4", "vread": True, "versions": ["PUT", "PUT", "PUT", "POST"], "typeHistory": "history", "systemHistory": "history",
    "forward": 4, "back": True, "included": ["Coverage", "Observation"], "form": 1,
    "compartment": ["p01-observation-1"], "compartmentForm": ["p01-observation-1"], "system": 1,
    "batch": ["200", "404"], "transaction": True, "resolved": True,
    "everything": 2, "everythingPosted": 2, "validated": "error", "can": True, "smart": "/oauth/token",
    "gone": 410, "refused": 400,
}  # fmt: skip


@pytest.mark.parametrize("name", list(EXPECTED))
def test_each_interaction(told: dict[str, Any], name: str) -> None:
    assert told[name] == EXPECTED[name]


def test_nothing_else_was_told(told: dict[str, Any]) -> None:
    assert set(told) == set(EXPECTED)
