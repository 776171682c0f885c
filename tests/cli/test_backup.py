"""`assent backup` while others write, and `assent restore`: all that was acknowledged is there, nothing by half, nothing legible."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from live_server import LiveServer
from program import ROOT, UNSET, assent, refused


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("backup") / "data")
    server.start()
    yield server
    server.stop()


def folder(server: LiveServer, place: Path) -> Path:
    """A data folder with nothing but the master key."""
    place.mkdir(mode=0o700)
    shutil.copy2(server.data / "master.key", place)
    return place


def pair(n: int) -> dict[str, object]:
    """A transaction whose two halves must never be apart."""
    patients = [
        {"resourceType": "Patient", "id": f"{half}-{n}", "name": [{"family": "Half"}]} for half in ("left", "right")
    ]
    entries = [{"resource": p, "request": {"method": "PUT", "url": f"Patient/{p['id']}"}} for p in patients]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


class Writer(threading.Thread):
    """Stores pairs until it is told to stop; `acknowledged` are those that were answered."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._client = client
        self.acknowledged: list[int] = []
        self.ending = threading.Event()

    def run(self) -> None:
        n = 0
        while not self.ending.is_set():
            n += 1
            assert self._client.post("", json=pair(n)).status_code == 200
            self.acknowledged.append(n)
            self.ending.wait(0.2)  # each of them is read again from each backup


def test_a_backup_of_a_busy_server_is_one_moment_and_comes_back(server: LiveServer, tmp_path: Path) -> None:
    writer = Writer(server.client())
    writer.start()
    moments = []
    try:
        for number, how in enumerate(([], ["--copy"])):
            before = len(writer.acknowledged)
            run = assent("backup", *how, str(tmp_path / f"{number}.backup"), data=server.data)
            assert (run.returncode, run.stderr) == (0, "")
            moments.append((before, len(writer.acknowledged)))
    finally:
        writer.ending.set()
        writer.join()
    assert moments[-1][1] > moments[0][0], "nobody wrote meanwhile"
    for number, (before, after) in enumerate(moments):
        file = tmp_path / f"{number}.backup"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        assert b"Half" not in content
        assert b"Villanueva" not in content
        data = folder(server, tmp_path / f"restored-{number}")
        run = assent("restore", str(file), data=data)
        assert (run.returncode, run.stderr) == (0, "")
        assert assent("fsck", data=data, ASSENT_BASE_URL=server.root).stdout.endswith("all is well.\n")
        restored = LiveServer(data, ASSENT_SAMPLE="0")
        restored.start()
        try:
            assert restored.client().get("/Patient?name=Villanueva").json()["entry"]
            found = {
                half: {n for n in range(1, after + 2) if restored.client().get(f"/Patient/{half}-{n}").status_code == 200}
                for half in ("left", "right")
            }
        finally:
            restored.stop()
        assert found["left"] == found["right"]
        assert set(range(1, before + 1)) <= found["left"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".part") == []


def test_a_copy_that_is_damaged_or_of_another_key_is_refused(server: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "x.backup"
    assert assent("backup", "--copy", str(file), data=server.data).returncode == 0
    refused(assent("backup", "--copy", str(file), data=server.data), "already")
    data = folder(server, tmp_path / "data")
    refused(assent("restore", str(file), data=data, ASSENT_MASTER_KEY="00" * 32), "master key is not the one")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused(assent("restore", str(file), data=data), "damaged")
    assert {path.name for path in data.iterdir()} <= {"server.lock", "master.key"}


def test_what_cannot_be_backed_up_or_restored_is_refused(server: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "x.backup"
    assert assent("backup", str(file), data=server.data).returncode == 0
    content = file.read_bytes()
    refused(assent("backup", str(file), data=server.data), "already")
    assert file.read_bytes() == content
    refused(assent("backup", str(tmp_path / "no" / "x"), data=server.data), "cannot be written")
    refused(assent("backup", str(tmp_path / "y"), data=tmp_path / "none"), "no store")
    refused(assent("restore", str(file), data=server.data), "uses the data folder")

    data = folder(server, tmp_path / "data")
    (data / "notes.txt").write_text("mine")
    refused(assent("restore", str(file), data=data), "not empty (notes.txt)")
    (data / "notes.txt").unlink()
    refused(assent("restore", str(tmp_path / "none"), data=data), "no file")
    for broken in (b"", b"no database", content[:5000], content[: len(content) // 2]):
        (tmp_path / "broken").write_bytes(broken)
        refused(assent("restore", str(tmp_path / "broken"), data=data), "damaged")
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE x (y)")
    refused(assent("restore", str(tmp_path / "other"), data=data), "no backup of Assent")
    (tmp_path / "letter").write_bytes(b"This is a letter to my aunt. ")
    refused(assent("restore", str(tmp_path / "letter"), data=data), "no backup of Assent")
    refused(assent("restore", str(file), data=data, ASSENT_MASTER_KEY="00" * 32), "master key is not the one")
    (data / "master.key").unlink()
    refused(assent("restore", str(file), data=data), "put the file")
    assert {path.name for path in data.iterdir()} <= {"server.lock"}
    shutil.copy2(server.data / "master.key", data)
    for name in ("restored.db", "restored.db-terms"):
        (data / name).write_bytes(b"left by a restore that was killed")
    assert assent("restore", str(file), data=data).returncode == 0
    assert sorted(path.name for path in data.iterdir()) == ["assent.db", "master.key", "server.lock"]
    refused(assent("restore", str(file), data=data), "not empty")


@pytest.mark.parametrize("how", [[], ["--copy"]])
def test_a_backup_that_is_killed_leaves_no_file_under_its_name(server: LiveServer, tmp_path: Path, how: list[str]) -> None:
    file = tmp_path / "x.backup"
    for pause in (0.25, 0.35, 0.45, 0.55):
        process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "backup", *how, str(file)],
            cwd=ROOT,
            env={**UNSET, "ASSENT_DATA": str(server.data)},
            stdout=subprocess.DEVNULL,
        )
        try:
            process.wait(pause)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if file.exists():
            data = folder(server, tmp_path / "data")
            assert assent("restore", str(file), data=data).returncode == 0
            shutil.rmtree(data)
            file.unlink()
    assert assent("backup", *how, str(file), data=server.data).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.backup"]


def test_a_backup_from_before_a_change_of_keys_still_opens(server: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "x.backup"
    assert assent("backup", str(file), data=server.data).returncode == 0
    data = folder(server, tmp_path / "data")
    assert assent("restore", str(file), data=data).returncode == 0
    assert assent("keys", "rotate", data=data).returncode == 0
    assert "key 1\n" in assent("keys", "status", data=server.data).stdout
    assert "announced" in assent("keys", "status", data=data).stdout
