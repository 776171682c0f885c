"""The real program on a real mongod: it serves, is killed, shares its database with another server, and says what is wrong."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import CHECKOUT, LiveServer
from mongod import Mongod, binary, mongodb_url
from pymongo import MongoClient
from workers import Worker, eventually

JSON = {"Content-Type": "application/fhir+json"}
LUMBAR = (CHECKOUT / "examples" / "bodies" / "lumbar-mri.json").read_bytes()
INQUIRY = (CHECKOUT / "examples" / "bodies" / "inquiry.json").read_bytes()


def url_of(database: str) -> str:
    before, _, options = mongodb_url().partition("?")
    return f"{before.rstrip('/')}/{database}?{options}"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a database of this file's own."""
    address = url_of(f"assent_program_{os.getpid()}")
    yield address
    with MongoClient[dict[str, Any]](address) as client:
        client.drop_database(client.get_default_database())


@pytest.fixture(scope="module")
def server(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The program with the synthetic practice, on MongoDB."""
    program = LiveServer(tmp_path_factory.mktemp("mongodb") / "data", ASSENT_STORE=url)
    program.start()
    yield program
    program.stop()


def patient(number: int) -> dict[str, Any]:
    identifier = {"system": "https://clinic.example/mrn", "value": str(number)}
    return {"resourceType": "Patient", "identifier": [identifier], "name": [{"family": f"Quill{number}"}]}


def test_the_practice_is_served_from_mongodb(server: LiveServer) -> None:
    assert httpx.get(f"{server.root}/ready").json() == {"status": "ready", "store": "mongodb"}
    assert sorted(path.name for path in server.data.iterdir()) == ["master.key", "server.lock", "signing-key.pem"]
    client = server.client()
    found = client.get("/Patient", params={"name": "Villanueva"}).json()["entry"][0]["resource"]
    assert client.get(f"/Patient/{found['id']}").json() == found
    submitted = client.post("/Claim/$submit", content=LUMBAR, headers=JSON)
    assert submitted.status_code == 200
    assert client.post("/Claim/$inquire", content=INQUIRY, headers=JSON).status_code == 200
    first = client.get("/Claim", params={"_sort": "-created", "_count": "3", "_total": "accurate"}).json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = client.get(following).json()
    ids = [entry["resource"]["id"] for entry in first["entry"] + second["entry"]]
    assert len(ids) == len(set(ids)) == min(6, first["total"])
    trail = client.get("/AuditEvent", params={"_total": "accurate"}).json()
    assert trail["total"] >= 5


def test_updates_and_deletions_leave_their_history(server: LiveServer) -> None:
    client = server.client()
    made = client.post("/Patient", json=patient(1), headers=JSON)
    where = made.headers["Location"].split("/_history")[0].removeprefix(server.base)
    body = made.json()
    body["active"] = True
    stale = client.put(where, json=body, headers=JSON | {"If-Match": 'W/"7"'})
    assert stale.status_code == 412
    assert client.put(where, json=body, headers=JSON | {"If-Match": 'W/"1"'}).status_code == 200
    assert client.delete(where).status_code in (200, 204)
    assert client.get(where).status_code == 410
    assert client.get(f"{where}/_history/1").status_code == 200
    assert len(client.get(f"{where}/_history").json()["entry"]) == 3
    assert client.get("/Patient", params={"family": "Quill1"}).json().get("entry", []) == []


def test_nothing_in_the_database_is_legible(server: LiveServer, url: str) -> None:
    server.client().post("/Patient", json=patient(2), headers=JSON).raise_for_status()
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        stored = [repr(document) for name in database.list_collection_names() for document in database[name].find()]
    assert len(stored) > 300
    for word in ("Quill", "Villanueva", "clinic.example", "Patient", "lumbar", "Claim/"):
        assert [line[:80] for line in stored if word in line] == []


def test_what_was_acknowledged_outlives_kill_nine(server: LiveServer) -> None:
    acknowledged: list[str] = []

    def write(first: int) -> None:
        with httpx.Client(base_url=server.base, headers={"Authorization": f"Bearer {server.token()}"}) as client:
            for number in range(first, first + 1000):
                try:
                    answer = client.post("/Patient", json=patient(number), headers=JSON)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                acknowledged.append(answer.headers["Location"].split("/_history")[0])

    writers = [Worker(partial(write, 10_000 * n)) for n in range(1, 5)]
    eventually(lambda: len(acknowledged) > 10, "they write")
    server.kill()
    for writer in writers:
        writer.join()
    server.start()
    client = server.client()
    assert {client.get(where).status_code for where in acknowledged} == {200}
    found = client.get("/Patient", params={"family": "Quill", "_summary": "count"}).json()["total"]
    assert found >= len(acknowledged)


def test_two_servers_with_the_same_keys_share_one_database(server: LiveServer, url: str, tmp_path: Path) -> None:
    shutil.copytree(server.data, tmp_path / "data", ignore=shutil.ignore_patterns("server.lock"))
    other = LiveServer(tmp_path / "data", ASSENT_STORE=url)
    other.start()
    try:
        made = server.client().post("/Patient", json=patient(3), headers=JSON)
        where = made.headers["Location"].split("/_history")[0].removeprefix(server.base)
        assert other.client().get(where).json() == made.json()
        answers: list[int] = []
        first = JSON | {"If-Match": 'W/"1"'}

        def update(program: LiveServer) -> None:
            client = program.client()
            statuses = [client.put(where, json=made.json(), headers=first).status_code for _ in range(15)]
            answers.extend(statuses)

        callers = [Worker(partial(update, program)) for program in (server, other) for _ in range(2)]
        for caller in callers:
            caller.join()
        assert set(answers) <= {200, 409, 412}  # 409: the other was faster between the look and the commit
        assert answers.count(200) == 1
        late = other.client(tenant="branch").post(f"{other.root}/t/branch/fhir/Patient", json=patient(4), headers=JSON)
        assert late.status_code == 201
        branch = server.client(tenant="branch").get(f"{server.root}/t/branch/fhir/Patient?_total=accurate").json()
        assert branch["total"] == 1
        audited = server.client().get("/AuditEvent", params={"_count": "1"})
        assert audited.status_code == 200
    finally:
        other.stop()


@pytest.mark.parametrize("key", ["00" * 32, None], ids=["another key", "no key"])
def test_a_folder_without_the_right_master_key_is_refused(
    server: LiveServer, url: str, tmp_path: Path, key: str | None
) -> None:
    stranger = LiveServer(tmp_path / "data", ASSENT_STORE=url)
    stranger.data.mkdir()
    if key is not None:
        (stranger.data / "master.key").write_text(key)
        (stranger.data / "master.key").chmod(0o600)
    with pytest.raises(RuntimeError, match=r"assent: The .* was sealed with"):
        stranger.start()
    assert (stranger.data / "master.key").exists() == (key is not None)


def test_a_missing_index_is_named_and_made_by_a_restart(server: LiveServer, url: str) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()["record"].drop_index("term")
    answer = httpx.get(f"{server.root}/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["record.term"]
    searched = server.client().get("/Patient", params={"family": "Quill"})
    assert searched.status_code == 503
    assert "Retry-After" in searched.headers
    server.stop()
    server.start()
    assert server.client().get("/Patient", params={"family": "Quill"}).status_code == 200


@pytest.mark.slow
def test_a_database_that_goes_away_is_told_and_waited_for(tmp_path: Path) -> None:
    mongod = Mongod(binary())
    mongod.start()
    program = LiveServer(tmp_path / "data", ASSENT_STORE=mongod.url, ASSENT_SAMPLE="0")
    program.start()
    try:
        client = program.client()
        where = client.post("/Patient", json=patient(1), headers=JSON).headers["Location"].split("/_history")[0]
        mongod.kill()
        answer = client.get(where)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert httpx.get(f"{program.root}/health").status_code == 200
        late = threading.Timer(1.0, mongod.start)
        late.start()
        assert client.get(where).status_code == 200
        late.join()
        assert client.post("/Patient", json=patient(2), headers=JSON).status_code == 201
        program.stop()
        mongod.kill()
        with pytest.raises(RuntimeError, match="assent: No MongoDB primary answers"):
            program.start()
    finally:
        program.stop()
        mongod.remove()
