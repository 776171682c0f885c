"""Real programs: a batch of 500 entries over `kill -9`, and two servers on one MongoDB that share 200 jobs. Each effect once."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer
from mongod import mongodb_url
from pymongo import MongoClient

ASYNC = {"Prefer": "respond-async", "Content-Type": "application/fhir+json"}
PATIENCE = 240.0
"""Seconds, generous: what is waited for takes a few."""


def fresh(url: str) -> str:
    before, _, options = url.partition("?")
    return f"{before.rstrip('/')}/assent_jobs_{os.getpid()}_{time.time_ns()}?{options}"


@pytest.fixture(params=["sqlite", "mongodb"])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The store, empty, and a short lease: on MongoDB nobody can tell that a holder is dead but by its silence."""
    short = {
        "ASSENT_SAMPLE": "0",
        "ASSENT_JOB_LEASE": "3",
        "ASSENT_JOBS_PER_CALLER": "1000",
        "ASSENT_JOBS_PER_TENANT": "1000",
    }
    if request.param == "sqlite":
        yield short
        return
    url = fresh(mongodb_url())
    yield short | {"ASSENT_STORE": url}
    with MongoClient[dict[str, Any]](url) as client:
        client.drop_database(client.get_default_database())


def create(number: int) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:jobs", "value": str(number)}]}
    return {"resource": patient, "request": {"method": "POST", "url": "Patient"}}


def batch(first: int, count: int) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "batch", "entry": [create(first + number) for number in range(count)]}


def accept(client: httpx.Client, body: dict[str, Any]) -> str:
    answer = client.post("", json=body, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    return answer.headers["Content-Location"].rsplit("/fhir", 1)[1]


def progress(client: httpx.Client, address: str) -> tuple[int, int]:
    """Status, and how many are done as far as it is told."""
    answer = client.get(address)
    told = answer.headers.get("X-Progress", "done: 0").split(": ")[1].split(" ")[0]
    return answer.status_code, int(told)


def wait_for(client: httpx.Client, address: str, done: int | None = None) -> None:
    """Until so many are done, or all."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        status, count = progress(client, address)
        if status == 200 or (done is not None and count >= done):
            return
        assert status == 202
        time.sleep(0.1)
    raise AssertionError("it does not come further")


def stored(client: httpx.Client) -> list[str]:
    """The numbers of all patients, in order, and each with one version."""
    found: list[str] = []
    url: str | None = "/Patient?_count=500"
    while url is not None:
        content = client.get(url).json()
        for entry in content.get("entry", []):
            assert entry["resource"]["meta"]["versionId"] == "1"
            found.append(entry["resource"]["identifier"][0]["value"])
        url = next((link["url"] for link in content["link"] if link["relation"] == "next"), None)
    return sorted(found, key=int)


def closed_jobs(url: str, count: int) -> list[dict[str, Any]]:
    """The jobs in the database, when so many are closed."""
    end = time.monotonic() + PATIENCE
    with MongoClient[dict[str, Any]](url) as client:
        jobs = client.get_default_database()["job"]
        while time.monotonic() < end:
            if jobs.count_documents({"failed": True}) == count == jobs.count_documents({}):
                return list(jobs.find({}, {"b": 0}))
            time.sleep(0.1)
    raise AssertionError("they are never done")


@pytest.mark.slow
def test_a_batch_of_five_hundred_over_kill_nine_is_done_once(environment: dict[str, str], tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", **environment)
    server.start()
    try:
        address = accept(server.client(), batch(0, 500))
        for done in (60, 240, 400):
            wait_for(server.client(), address, done)
            server.kill()
            server.start()
        client = server.client()
        wait_for(client, address)
        content = client.get(address).json()
        assert [entry["response"]["status"] for entry in content["entry"]] == ["201"] * 500
        assert stored(client) == [str(number) for number in range(500)]
        told = [entry["resource"]["identifier"][0]["value"] for entry in content["entry"]]
        assert told == [str(number) for number in range(500)]
        assert len({entry["response"]["location"] for entry in content["entry"]}) == 500
        assert client.get(content["entry"][499]["response"]["location"]).status_code == 200
        assert client.get("/AuditEvent?subtype=create&_total=accurate&_count=1").json()["total"] == 500
    finally:
        server.stop()


@pytest.mark.slow
def test_two_servers_share_two_hundred_jobs_and_do_none_twice(tmp_path: Path) -> None:
    url = fresh(mongodb_url())
    environment = {
        "ASSENT_STORE": url, "ASSENT_SAMPLE": "0", "ASSENT_JOB_LEASE": "3",
        "ASSENT_JOBS_PER_CALLER": "1000", "ASSENT_JOBS_PER_TENANT": "1000",
    }  # fmt: skip
    one = LiveServer(tmp_path / "one", **environment)
    one.start()
    shutil.copytree(one.data, tmp_path / "two", ignore=shutil.ignore_patterns("server.lock"))
    two = LiveServer(tmp_path / "two", **environment)
    two.start()
    try:
        clients = [one.client(), two.client()]
        with ThreadPoolExecutor(8) as threads:
            bodies = [batch(2 * number, 2) for number in range(200)]
            addresses = list(threads.map(lambda item: accept(clients[item[0] % 2], item[1]), enumerate(bodies)))
        two.kill()  # in the middle of some of them
        two.start()
        jobs = closed_jobs(url, 200)
        assert {(job["end"], job["done"], job["total"]) for job in jobs} == {("done", 2, 2)}
        clients = [one.client(), two.client()]
        assert stored(clients[0]) == [str(number) for number in range(400)]
        for number in range(0, 200, 20):
            answer = clients[number % 2].get(addresses[number])
            assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["201", "201"]
    finally:
        one.stop()
        two.stop()
        with MongoClient[dict[str, Any]](url) as database:
            database.drop_database(database.get_default_database())
