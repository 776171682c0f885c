"""What is measured. Each figure is the median of `ROUNDS` runs, taken in turn with its yardstick."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.load import Load, Result
from benchmarks.targets import ROOT, Target

ROUNDS = 3
SECONDS = 3.0

PATIENT = json.dumps(
    {
        "resourceType": "Patient",
        "identifier": [{"system": "https://bench.example/mrn", "value": "{n}"}],
        "name": [{"family": "Lindqvist", "given": ["Maja", "Elin"]}],
        "gender": "female",
        "birthDate": "1971-04-09",
        "telecom": [{"system": "phone", "value": "555-0100"}],
        "address": [{"line": ["1 Harbor Road"], "city": "Riverbend", "state": "MD", "postalCode": "21999"}],
    }
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Median over the rounds of each figure."""

    rate: float
    median: float
    p99: float


def drive(target: Target, requests: list[str], connections: int, expect: str) -> Result:
    """One run of the load generator in its own process. Raises RuntimeError when an answer was not as expected."""
    load = Load(target.host, target.port, tuple(requests), connections, SECONDS)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(load), file)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.load", file.name]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    result = Result(**json.loads(output))
    if set(result.statuses) != {expect}:
        raise RuntimeError(f"Expected {expect} only, got {result.statuses}.")
    return result


def measure(run: Callable[[], Result]) -> Measured:
    results = [run() for _ in range(ROUNDS)]
    return Measured(
        statistics.median(result.rate for result in results),
        statistics.median(result.median for result in results),
        statistics.median(result.p99 for result in results),
    )


def read(target: Target, connections: int) -> Result:
    return drive(target, [target.request("GET", "Patient/p01")], connections, "200")


def create(target: Target, connections: int) -> Result:
    return drive(target, [target.request("POST", "Patient", PATIENT)], connections, "201")


def search_by_identifier(target: Target, connections: int) -> Result:
    return drive(target, [target.request("GET", "Patient?identifier=https://bench.example/mrn|probe")], connections, "200")


def transaction(target: Target, connections: int) -> Result:
    """A hundred creates in one commit."""
    entries = [{"request": {"method": "POST", "url": "Patient"}, "resource": json.loads(PATIENT)} for _ in range(100)]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return drive(target, [target.request("POST", "", body)], connections, "200")


def preview(target: Target, connections: int, bundle: dict[str, Any]) -> Result:
    return drive(target, [target.request("POST", "Claim/$preview-risk", json.dumps(bundle))], connections, "200")


def submit(target: Target, connections: int, bundle: dict[str, Any]) -> Result:
    """A new request each time: identifiers differ, the rest is the same."""
    fresh = json.loads(json.dumps(bundle))
    fresh["identifier"]["value"] = "{n}"
    fresh["entry"][0]["resource"]["identifier"][0]["value"] = "{n}"
    return drive(target, [target.request("POST", "Claim/$submit", json.dumps(fresh))], connections, "200")


def prepare(target: Target) -> None:
    """What the read and search runs look for."""
    with target.client() as client:
        probe = json.loads(PATIENT.replace("{n}", "probe")) | {"id": f"probe-{uuid4()}"}
        client.post("/Patient", json=probe).raise_for_status()


def example_bundle() -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads((Path(ROOT) / "examples/bodies/lumbar-mri.json").read_text())
    return bundle
