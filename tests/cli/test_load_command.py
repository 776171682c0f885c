"""`assent load` as a person runs it: processes of its own, a bar, refusals in one sentence, and `kill -9` in the middle."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process import running_house
from program import ROOT, UNSET, assent, refused
from shared import shared_data

from benchmarks.population import write
from server.lock import folder_lock


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store without anything in it."""

    async def make() -> None:
        async with running_house(tmp_path / "data"):
            pass

    asyncio.run(make())
    return tmp_path / "data"


def total(data: Path, *types: str) -> int:
    """How many resources of the types there are, as a server tells."""

    async def ask() -> int:
        async with running_house(data) as house, house.client() as client:
            return sum([(await client.get(f"/{type_}?_summary=count")).json()["total"] for type_ in types])

    return asyncio.run(ask())


def test_what_cannot_be_done_is_one_sentence(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    write(3, file)
    refused(assent("load", str(tmp_path / "none.ndjson"), data=data), "There is no file")
    refused(assent("load", str(file), "--tenant", "nobody", data=data), "There is no tenant nobody")
    with folder_lock(data):
        refused(assent("load", str(file), data=data), "stop it")
    refused(assent("load", str(file), data=tmp_path / "elsewhere"), "There is no store")
    refused(assent("load", str(file), data=data, ASSENT_VALIDATION="off,Claim=base"), "--unvalidated")
    assert assent("load", str(file), "--unvalidated", data=data, ASSENT_VALIDATION="base").returncode == 0


def test_faults_are_named_and_the_rest_is_stored(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    write(120, file)
    with file.open("ab") as more:
        more.write(b'{"resourceType": "Patient", "id": "x", "gender": "none of your business"}\n{"half\n')
    run = assent("load", str(file), data=data)
    assert run.returncode == 1
    assert run.stdout.startswith("120 resources stored, 0 changed, 0 there already, 2 refused")
    first, second = run.stderr.splitlines()
    assert first.startswith("a.ndjson, line 121: ")
    assert second.startswith("a.ndjson, line 122: ")
    assert "business" not in run.stderr


@pytest.mark.slow
def test_a_load_that_is_killed_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    count = 6000
    write(count, folder / "all.ndjson")
    command = [sys.executable, "-m", "server.cli", "load", str(folder)]
    log = data / "assent.db-wal"
    for _ in range(2):
        process = subprocess.Popen(command, cwd=ROOT, env={**UNSET, "ASSENT_DATA": str(data)}, start_new_session=True)
        before, end = log.stat().st_size if log.exists() else 0, time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            if log.exists() and log.stat().st_size > before:
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert assent("load", str(folder), data=data).returncode == 0
    again = assent("load", str(folder), data=data)
    assert again.stdout.startswith("0 resources stored, 0 changed, 0 there already, 0 refused")
    types = ("Patient", "Observation", "Encounter", "Claim", "ExplanationOfBenefit", "Organization", "Practitioner")
    rest = ("Procedure", "Immunization", "MedicationRequest", "Condition", "DiagnosticReport")
    assert total(data, *types, *rest) == count
    assert assent("fsck", data=data).stdout.endswith("all is well.\n")


@pytest.mark.slow
def test_the_records_of_synthea_are_loaded_whole(data: Path) -> None:
    files = sorted((shared_data() / "synthea" / "smart-2019").glob("*.json.gz"))
    patients = [file for file in files if "index" not in file.name][:4]
    wanted = sum(len(json.loads(gzip.decompress(file.read_bytes()))["entry"]) for file in patients)
    run = assent("load", *map(str, patients), data=data)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{wanted} resources stored, 0 changed")
