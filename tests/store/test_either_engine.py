"""A store moves from one engine to the other and back with the program's own commands, and answers there as it did here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from mongod import url_of
from program import ROOT, UNSET, assent, refused
from pymongo import MongoClient


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of an empty database."""
    address = url_of(f"assent_either_{os.getpid()}")
    yield address
    with MongoClient[dict[str, Any]](address) as client:
        client.drop_database(client.get_default_database())


def folder(origin: Path, place: Path) -> Path:
    """A data folder with the keys of another."""
    place.mkdir(mode=0o700)
    for name in ("master.key", "signing-key.pem"):
        shutil.copy2(origin / name, place)
    return place


def answers(server: LiveServer) -> dict[str, Any]:
    """What a store answers, without what differs between two askings."""
    client, found = server.client(), {}
    for question in ("Patient?name=Villanueva", "Claim?_sort=-created&_count=50", "Coverage?_total=accurate&_count=1"):
        bundle = client.get(f"/{question}").json()
        found[question] = [entry["resource"] for entry in bundle["entry"]], bundle.get("total")
    patient = found["Patient?name=Villanueva"][0][0]
    history = client.get(f"/Patient/{patient['id']}/_history").json()
    found["history"] = [(entry["resource"], entry["response"]["lastModified"]) for entry in history["entry"]]
    created = client.get("/AuditEvent", params={"action": "C", "_sort": "date", "_count": "1"}).json()
    found["audit"] = created["entry"][0]["resource"]
    return found


@pytest.mark.slow
def test_a_store_moves_to_the_other_engine_and_back(url: str, tmp_path: Path) -> None:
    mongodb = {"ASSENT_STORE": url, "ASSENT_BASE_URL": "https://assent.example"}
    here = LiveServer(tmp_path / "here", ASSENT_BASE_URL="https://assent.example")
    here.start()
    try:
        patient = here.client().get("/Patient?name=Villanueva").json()["entry"][0]["resource"]
        assert here.client().put(f"/Patient/{patient['id']}", json=patient).status_code == 200
        before = answers(here)
        file = tmp_path / "a.backup"
        assert assent("backup", str(file), data=here.data).returncode == 0
    finally:
        here.stop()
    assert b"Villanueva" not in file.read_bytes()

    over = folder(here.data, tmp_path / "over")
    refused(assent("restore", str(file), data=over, ASSENT_MASTER_KEY="00" * 32, **mongodb), "master key is not the one")
    assert assent("restore", str(file), data=over, **mongodb).returncode == 0
    refused(assent("restore", str(file), data=over, **mongodb), "is not empty")
    assert assent("fsck", data=over, **mongodb).stdout.endswith("all is well.\n")
    there = LiveServer(over, ASSENT_SAMPLE="0", **mongodb)
    there.start()
    try:
        assert answers(there) == before
    finally:
        there.stop()

    back = folder(over, tmp_path / "back")
    streams = {"cwd": ROOT, "check": True, "timeout": 120}
    with (tmp_path / "stream").open("wb") as stream:
        environment = {**UNSET, "ASSENT_DATA": str(over), **mongodb}
        subprocess.run([sys.executable, "-m", "server.cli", "export", "-"], env=environment, stdout=stream, **streams)
    with (tmp_path / "stream").open("rb") as stream:
        environment = {**UNSET, "ASSENT_DATA": str(back)}
        subprocess.run([sys.executable, "-m", "server.cli", "import", "-"], env=environment, stdin=stream, **streams)
    again = LiveServer(back, ASSENT_SAMPLE="0", ASSENT_BASE_URL="https://assent.example")
    again.start()
    try:
        assert answers(again) == before
    finally:
        again.stop()


def test_a_copy_of_the_embedded_file_can_be_restored_to_mongodb(url: str, tmp_path: Path) -> None:
    here = LiveServer(tmp_path / "here", ASSENT_SAMPLE="0")
    here.start()
    try:
        assert here.client().put("/Patient/p", json={"resourceType": "Patient", "id": "p"}).status_code == 201
        assert assent("backup", "--copy", str(tmp_path / "copy"), data=here.data).returncode == 0
    finally:
        here.stop()
    over = folder(here.data, tmp_path / "over")
    store = {"ASSENT_STORE": f"{url.partition('?')[0]}_copy?{url.partition('?')[2]}"}
    refused(assent("backup", "--copy", str(tmp_path / "x"), data=over, **store), "empty")
    try:
        assert assent("restore", str(tmp_path / "copy"), data=over, **store).returncode == 0
        refused(assent("backup", "--copy", str(tmp_path / "x"), data=over, **store), "no file to copy")
        assert assent("fsck", data=over, ASSENT_BASE_URL=here.root, **store).stdout.endswith("all is well.\n")
        assert sorted(path.name for path in over.iterdir()) == ["master.key", "server.lock", "signing-key.pem"]
    finally:
        with MongoClient[dict[str, Any]](store["ASSENT_STORE"]) as client:
            client.drop_database(client.get_default_database())
