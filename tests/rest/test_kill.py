"""`kill -9` at any moment: every acknowledged write is there afterwards, with its version, findable; no transaction by half."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer
from rest_help import FHIR, bundle, entry
from workers import Worker, eventually

from server.sample.practice import practice_requests, practice_resources

SYSTEM = "urn:kill-test"
WRITERS = 4
ROUNDS = 4
ENTRIES = 5


@dataclass
class Diary:
    """What one writer asked for and what was acknowledged."""

    name: str
    created: list[str] = field(default_factory=list)
    """Locations of acknowledged creates, with their identifier."""
    versions: dict[int, str] = field(default_factory=dict)
    """Acknowledged versions of the writer's own record: version -> what it says."""
    attempted: int = 0
    """Transactions begun."""
    committed: list[int] = field(default_factory=list)
    gone: dict[int, bool] = field(default_factory=dict)
    """Records created to be deleted: number -> whether the deletion was acknowledged."""

    @property
    def acknowledged(self) -> int:
        return len(self.created) + len(self.versions) + len(self.committed)


def patient(identifier: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": identifier}], **more}


def write(server: LiveServer, token: str, diary: Diary, stop: threading.Event, round_: int) -> None:
    """Write until the connection breaks."""
    number = 0
    headers = {**FHIR, "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.base, headers=headers, timeout=20) as client:
        try:
            while not stop.is_set():
                number += 1
                name = f"{diary.name}-{round_}-{number}"
                if client.post("/Patient", json=patient(name)).status_code == 201:
                    diary.created.append(name)
                say = f"{name} said"
                own = patient(diary.name, id=diary.name, name=[{"text": say}])
                answer = client.put(f"/Patient/{diary.name}", json=own)
                if answer.is_success:
                    diary.versions[int(answer.json()["meta"]["versionId"])] = say
                diary.attempted += 1
                transaction = diary.attempted
                tag = f"{diary.name}-t{transaction}"
                parts = [entry("POST", "Patient", patient(tag)) for _ in range(ENTRIES - 1)]
                own_list = {
                    "resourceType": "Basic",
                    "id": f"{tag}",
                    "code": {"text": tag},
                    "identifier": [{"system": SYSTEM, "value": tag}],
                }
                if (
                    client.post("", json=bundle("transaction", *parts, entry("PUT", f"Basic/{tag}", own_list))).status_code
                    == 200
                ):
                    diary.committed.append(transaction)
                if client.put(
                    f"/Basic/{name}", json={"resourceType": "Basic", "id": name, "code": {"text": "x"}}
                ).is_success:
                    diary.gone[number + 1000 * round_] = client.delete(f"/Basic/{name}").status_code == 204
        except httpx.TransportError:
            return


def wrote_more(diaries: list[Diary], than: int) -> bool:
    return sum(diary.acknowledged for diary in diaries) > than


def found(client: httpx.Client, type_: str, identifier: str) -> list[dict[str, Any]]:
    answer = client.get(f"/{type_}", params={"identifier": f"{SYSTEM}|{identifier}", "_count": "100"})
    assert answer.status_code == 200
    return [item["resource"] for item in answer.json().get("entry", [])]


def verify(client: httpx.Client, diary: Diary) -> int:
    """Everything acknowledged is there; returns how much that was."""
    for name in diary.created:
        assert len(found(client, "Patient", name)) == 1, name
    current = client.get(f"/Patient/{diary.name}").json()
    last = max(diary.versions, default=0)
    assert int(current["meta"]["versionId"]) >= last
    for version, say in diary.versions.items():
        answer = client.get(f"/Patient/{diary.name}/_history/{version}")
        assert answer.json()["name"][0]["text"] == say
    assert [one["id"] for one in found(client, "Patient", diary.name)] == [diary.name]
    for transaction in range(1, diary.attempted + 1):
        tag = f"{diary.name}-t{transaction}"
        parts = len(found(client, "Patient", tag)) + len(found(client, "Basic", tag))
        assert parts in ({ENTRIES} if transaction in diary.committed else {0, ENTRIES}), tag
        assert client.get(f"/Basic/{tag}").status_code == (200 if parts else 404)
    for number, deleted in diary.gone.items():
        name = f"{diary.name}-{number // 1000}-{number % 1000}"
        if deleted:
            assert client.get(f"/Basic/{name}").status_code == 410
    return len(diary.created) + len(diary.versions) + len(diary.committed) + len(diary.gone)


@pytest.mark.slow
def test_no_acknowledged_write_is_lost_and_no_transaction_is_halved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(20261122)
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    diaries = [Diary(f"writer{n}") for n in range(WRITERS)]
    recoveries: list[float] = []
    server.start()
    for round_ in range(ROUNDS):
        token, stop = server.token(), threading.Event()
        before = sum(diary.acknowledged for diary in diaries)
        workers = [Worker(partial(write, server, token, diary, stop, round_)) for diary in diaries]
        eventually(partial(wrote_more, diaries, before + 20), "they write")
        time.sleep(source.uniform(0, 0.4))
        server.kill()
        stop.set()
        for worker in workers:
            worker.join()
        recoveries.append(server.start())
    client = server.client()
    acknowledged = sum(verify(client, diary) for diary in diaries)
    assert acknowledged > 40
    audited = client.get("/AuditEvent?action=C&subtype=create&_summary=count").json()["total"]
    assert audited >= sum(len(diary.created) for diary in diaries)
    assert server.stop() == 0
    with capsys.disabled():
        times = ", ".join(f"{seconds:.2f} s" for seconds in recoveries)
        print(f"\n  {acknowledged} acknowledged writes survived {ROUNDS} kills; ready again after {times}")


@pytest.mark.slow
def test_a_first_start_that_is_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path) -> None:
    """Also while the practice is being loaded: nothing is missing, and nothing is there twice."""
    source = random.Random(4)
    server = LiveServer(tmp_path / "data")
    for _ in range(6):
        starter = Worker(partial(start_quietly, server))
        eventually(lambda: server.is_running, "it starts")
        time.sleep(source.uniform(0.2, 0.7))
        server.kill()
        starter.join()
    server.start()
    client = server.client()
    today = datetime.now(UTC).date()
    for resource in practice_resources(today):
        answer = client.get(f"/{resource['resourceType']}/{resource['id']}")
        assert answer.status_code == 200
        assert answer.json()["meta"]["versionId"] == "1"
    patients = sum(resource["resourceType"] == "Patient" for resource in practice_resources(today))
    assert client.get("/Patient?_summary=count").json()["total"] == patients
    for request in practice_requests(today):
        identifier = request["entry"][0]["resource"]["identifier"][0]
        query = {"identifier": f"{identifier['system']}|{identifier['value']}", "_summary": "count"}
        assert client.get("/Claim", params=query).json()["total"] == 1
    server.stop()


def start_quietly(server: LiveServer) -> None:
    """Start a server that will be killed before it is ready."""
    with suppress(RuntimeError):
        server.start()
