"""A full disk under the real program: changes are refused and nothing acknowledged is lost, reads go on, and room heals it."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from live_server import LiveServer
from workers import eventually

RESERVE = 2 * 2**20
MRN = "urn:weather"


def patient(number: int) -> dict[str, object]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": MRN, "value": str(number)}],
        "name": [{"family": "Villanueva"}],
    }


def refused(answer: httpx.Response) -> bool:
    if answer.status_code != 507:
        return False
    issue = answer.json()["issue"][0]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("no-store", "storage-full")
    assert int(answer.headers["Retry-After"]) > 0
    return True


class Diary:
    """What was acknowledged, and the reads that were answered."""

    def __init__(self, server: LiveServer) -> None:
        self._client = server.client()
        self.made: list[str] = []
        self.reads = 0
        self._number = 0

    def create(self) -> bool:
        """Whether there was room."""
        self._number += 1
        answer = self._client.post("/Patient", json=patient(self._number))
        if refused(answer):
            return False
        assert answer.status_code == 201, answer.text
        self.made.append(answer.json()["id"])
        return True

    def read(self) -> bool:
        """Whether there was room for its audit record; without that there is no answer."""
        answer = self._client.get(f"/Patient/{self.made[0]}")
        if refused(answer):
            assert "Villanueva" not in answer.text
            return False
        assert answer.status_code == 200, answer.text
        self.reads += 1
        return True

    def check(self) -> None:
        """All of it is there, and nothing of what was refused; every read that was answered is in the trail."""
        for id_ in self.made:
            assert self._client.get(f"/Patient/{id_}").status_code == 200
        found = self._client.get("/Patient", params={"_summary": "count"}).json()["total"]
        assert found == len(self.made)
        audited = self._client.get("/AuditEvent", params={"subtype": "read", "_summary": "count"}).json()["total"]
        assert audited == self.reads + len(self.made)


def readiness(server: LiveServer) -> tuple[int, str]:
    answer = httpx.get(f"{server.root}/ready", timeout=30)
    return answer.status_code, answer.json()["store"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is a disk of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("A DISK OF ITS OWN IS NOT TESTED: mounting one needs root (the limit on files is tested all the same).")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def running(data: Path) -> Iterator[LiveServer]:
    server = LiveServer(data, ASSENT_SAMPLE="0", ASSENT_DISK_RESERVE=str(RESERVE))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def fill(ballast: Path, leave: int) -> None:
    """Somebody else's file takes all room but for `leave` bytes."""
    disk = os.statvfs(ballast.parent)
    size = disk.f_bavail * disk.f_frsize - leave
    with ballast.open("ab") as file:
        os.posix_fallocate(file.fileno(), ballast.stat().st_size, size)


def test_changes_stop_before_reads_do_and_both_go_on_when_there_is_room(small_disk: Path) -> None:
    with running(small_disk) as server:
        weather(server, small_disk / "ballast")


def weather(server: LiveServer, ballast: Path) -> None:
    diary = Diary(server)
    for _ in range(20):
        assert diary.create()
    fill(ballast, RESERVE - 2**19)
    for _ in range(20):
        assert not diary.create()
        assert diary.read()
    assert readiness(server) == (503, "has too little room left on its disk")
    assert httpx.get(f"{server.root}/health").status_code == 200
    fill(ballast, 0)
    eventually(lambda: not diary.read(), "even reads have no room", 120)
    assert not diary.create()
    ballast.unlink()
    assert diary.create()
    assert diary.read()
    assert readiness(server) == (200, "sqlite")
    diary.check()
    server.kill()
    server.start()
    check_again = Diary(server)
    check_again.made, check_again.reads = diary.made, diary.reads + len(diary.made)
    check_again.check()
    log = server.log.read_text()
    assert 1 <= log.count('"store unavailable"') < 10
    assert "Villanueva" not in log


def test_a_limit_on_files_is_a_full_disk_too(tmp_path: Path) -> None:
    """As a quota is: the system names it otherwise. Nobody needs to be root for this."""
    with running(tmp_path / "data") as server:
        diary = Diary(server)
        assert diary.create()
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        log = tmp_path / "data" / "assent.db-wal"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 20_000, hard))
        eventually(lambda: not diary.create(), "there is no room for changes")
        eventually(lambda: not diary.read(), "there is no room for audit records")
        eventually(lambda: readiness(server) == (503, "has too little room left on its disk"), "it is told")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert diary.create()
        assert diary.read()
        assert readiness(server) == (200, "sqlite")
        diary.check()


def test_a_start_on_a_full_disk_is_refused_in_one_sentence(small_disk: Path) -> None:
    server = LiveServer(small_disk, ASSENT_SAMPLE="0", ASSENT_DISK_RESERVE="0")
    fill(small_disk / "ballast", 0)
    with pytest.raises(RuntimeError, match=r"assent: The .*(room|No space left)"):
        server.start()
    assert "Traceback" not in server.log.read_text()
    (small_disk / "ballast").unlink()
    server.start()
    assert server.stop() == 0
