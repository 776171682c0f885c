"""`assent keys`: a running server seals everything anew, is killed again and again, and loses nothing."""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from live_server import LiveServer
from program import assent, refused

COUNT = 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("keys") / "data", ASSENT_SAMPLE="0")
    server.start()
    fill(server)
    yield server
    server.stop()


def fill(server: LiveServer) -> None:
    entries = [
        {
            "resource": {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"Quill{n}"}]},
            "request": {"method": "PUT", "url": f"Patient/p{n}"},
        }
        for n in range(COUNT)
    ]
    for _ in range(2):  # two versions each
        answer = server.client().post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status_code == 200, answer.text


def status(server: LiveServer) -> str:
    run = assent("keys", "status", data=server.data)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def until_done(server: LiveServer, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while "Everything is sealed under the current keys." not in (seen := status(server)):
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
    return seen


def kill_at_work(server: LiveServer, before: list[bytes]) -> bytes:
    """Kill the server as soon as it notes a place where it has not been killed yet; what it had noted (empty: it was done)."""
    with closing(sqlite3.connect(f"file:{server.data}/assent.db?mode=ro", uri=True)) as database:
        for _ in range(12_000):
            row = database.execute("SELECT value FROM setting WHERE name = 'reseal'").fetchone()
            if row is not None and row[0] not in before:
                server.kill()
                return bytes(row[0])
            time.sleep(0.005)
    server.kill()
    return b""


@pytest.mark.slow
def test_keys_change_while_the_server_works_and_is_killed(server: LiveServer) -> None:
    assert status(server) == "default: key 1\nEverything is sealed under the current keys.\n"
    asked = assent("keys", "rotate", data=server.data)
    assert (asked.returncode, asked.stderr) == (0, "")
    refused(assent("keys", "rotate", data=server.data), "already")
    assert "key" in status(server)
    places = []
    for _ in range(4):
        places.append(kill_at_work(server, places))
        server.start()
        assert server.client().get("/Patient/p7").status_code == 200
        assert server.client().put("/Patient/p7", json={"resourceType": "Patient", "id": "p7"}).status_code == 200
    assert len(set(places)) > 1, "it was never killed at work"
    assert "default: key 2; key 1 is kept for the audit trail\n" in until_done(server)
    server.kill()
    server.start()
    client = server.client()
    for n in range(COUNT):
        if n != 7:
            assert client.get(f"/Patient/p{n}").json()["name"] == [{"family": f"Quill{n}"}]
            assert client.get(f"/Patient/p{n}/_history/1").status_code == 200
    assert client.get("/Patient", params={"family": "quill399"}).json()["entry"]
    assert client.get("/AuditEvent", params={"altid": "assent-cli"}).json()["entry"]


def test_keys_are_announced_to_a_stopped_server_and_changed_when_it_starts(server: LiveServer) -> None:
    until_done(server)
    server.stop()
    try:
        assert assent("keys", "rotate", data=server.data).returncode == 0
        assert "is announced" in status(server)
        assert "Waiting for a server" in status(server)
    finally:
        server.start()
    assert "default: key 3; key 1, 2 is kept for the audit trail\n" in until_done(server)
    assert server.client().get("/Patient/p3/_history/2").json()["name"] == [{"family": "Quill3"}]


def key_file(place: Path, byte: int) -> str:
    place.write_text(f"{byte:02x}" * 32)
    place.chmod(0o600)
    return str(place)


def test_another_master_key_beside_a_running_server(server: LiveServer, tmp_path: Path) -> None:
    before = tmp_path / "before.backup"
    assert assent("backup", str(before), data=server.data).returncode == 0
    run = assent("keys", "rewrap", "--new-master-key-file", key_file(tmp_path / "new.key", 0xAB), data=server.data)
    assert (run.returncode, run.stderr) == (0, "")
    assert (server.data / "master.key").read_text() == "ab" * 32 + "\n"
    assert stat.S_IMODE((server.data / "master.key").stat().st_mode) == 0o600
    assert "master.key.1" in run.stdout
    deadline = time.monotonic() + 60
    while httpx.get(f"{server.root}/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client = server.client()
    assert client.get("/Patient/p9").status_code == 200
    assert client.put("/Patient/p9", json={"resourceType": "Patient", "id": "p9"}).status_code == 200
    assert assent("tenant", "create", "north", data=server.data).returncode == 0
    while httpx.get(f"{server.root}/t/north/fhir/metadata").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    refused(assent("keys", "rotate", data=server.data), "half a minute")
    again = ("keys", "rewrap", "--new-master-key-file", str(tmp_path / "new.key"))
    refused(assent(*again, data=server.data), "already")
    server.kill()
    server.start()
    assert server.client().get("/Patient/p9").status_code == 200

    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    refused(assent("restore", str(before), data=data, ASSENT_MASTER_KEY="ab" * 32), "master key is not the one")
    old = (server.data / "master.key.1").read_text().strip()
    assert assent("restore", str(before), data=data, ASSENT_MASTER_KEY=old).returncode == 0

    run = assent(*again, data=data, ASSENT_MASTER_KEY=old)
    assert run.returncode == 0
    assert sorted(path.name for path in data.iterdir() if "key" in path.name) == []
    refused(assent("fsck", data=data, ASSENT_MASTER_KEY=old), "not the one")


def test_a_rewrap_that_was_killed_before_the_key_was_in_place_is_finished(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    server.stop()
    old = (server.data / "master.key").read_text()
    again = ("keys", "rewrap", "--new-master-key-file", key_file(tmp_path / "new.key", 0xCD))
    assert assent(*again, data=server.data).returncode == 0
    (server.data / "master.key").write_text(old)  # as the kill would have left it
    refused(assent("keys", "status", data=server.data), "not the one")
    assert assent(*again, data=server.data).returncode == 0
    assert (server.data / "master.key").read_text() == "cd" * 32 + "\n"
    refused(assent("keys", "rewrap", "--new-master-key-file", str(tmp_path / "none"), data=server.data), "cannot be read")
    server.start()
    server.stop()
