"""Exports and imports that are broken off, after every commit and by `kill -9`: nothing twice, nothing left out."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from bulk_client import LATER, by_type, downloaded, exported
from in_process import running_house
from live_server import LiveServer
from mongod import mongodb_url
from pymongo import MongoClient
from two_engines import ENGINES, house_on

from profiles import json
from server.bulk.export import export
from server.bulk.import_job import import_files
from server.jobs.step import Step, Worker
from server.store.store import Commit, LostLeaseError, Store

COUNTS = "https://assent.example/fhir/bulk-import"
Resource = dict[str, Any]


def patient(number: int, **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": f"p{number}", "gender": "other", **more}


def import_of(file: str) -> Resource:
    parts = [{"name": "type", "valueCode": "Patient"}, {"name": "url", "valueUri": file}]
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "inputFormat", "valueCode": "ndjson"}, {"name": "input", "part": parts}],
    }


class BrokenOffError(Exception):
    """What a job dies of here."""


class DyingStore:
    """As the store of a server that dies as soon as it has stored something for a job."""

    def __init__(self, store: Store, deaths: list[int]) -> None:
        self._store = store
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        await self._store.commit(commit)
        if commit.checkpoint is not None and commit.checkpoint.closes is None:
            self._deaths.append(commit.checkpoint.done)
            raise BrokenOffError


def dying(worker: Worker, deaths: list[int]) -> Worker:
    async def dies(step: Step) -> None:
        store = cast("Store", DyingStore(step.services.store, deaths))
        step.services = replace(step.services, store=store)
        await worker(step)

    return dies


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the workers of the server that is started next; they are tried again at once, and note each page."""
    deaths: list[int] = []
    workers = {"export": dying(export, deaths), "import": dying(import_files, deaths)}
    monkeypatch.setattr("server.app.own_workers", lambda: workers)
    monkeypatch.setattr("server.jobs.runner.backoff", lambda attempt, chance: 0.0)
    monkeypatch.setattr("server.bulk.export.NOTED_SECONDS", 0.0)
    monkeypatch.setattr("server.bulk.units.AT_ONCE", 7)
    return deaths


async def test_whoever_dies_after_each_commit_loses_nothing(deaths: list[int], tmp_path: Path) -> None:
    lines: list[Any] = [patient(1), "{", *(patient(number) for number in range(2, 230)), "{", patient(5, gender="male")]
    content = "\n".join(each if isinstance(each, str) else json.dumps(each).decode() for each in lines)
    environment = {"ASSENT_BULK_SETTLE": "0", "ASSENT_BULK_FILE_BYTES": "4096"}
    async with running_house(tmp_path / "data", **environment) as house, house.client() as client:
        made = await client.post("/Binary", content=content.encode(), headers={"Content-Type": "text/plain"})
        file = "Binary/" + made.headers["Location"].split("/Binary/")[1].split("/")[0]
        accepted = await client.post("/$import", json=import_of(file), headers=LATER)
        found = await downloaded(client, accepted.headers["Content-Location"])
        assert found.manifest["extension"][COUNTS] == {"stored": 229, "changed": 1, "same": 0, "refused": 2}
        assert len(found.error) == 2
        assert len(deaths) > 4
        assert deaths == sorted(deaths)
        deaths.clear()

        out = await exported(client, "/$export", params={"_type": "Patient,Binary"})
        assert by_type(out.manifest) == {"Patient": 229, "Binary": 1}
        assert len({json.loads(line.encode())["id"] for line in out.output}) == 230
        assert len(deaths) > 30
        assert len(out.manifest["output"]) > 5


@pytest.mark.parametrize("engine", ENGINES)
async def test_one_that_is_cancelled_under_way_stores_nothing_more(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    lost: list[bool] = []

    async def stalls(step: Step) -> None:
        await step.note({"here": 1}, 0)
        step.put(2, b"a file")
        begun.set()
        try:
            await go_on.wait()
            await step.note({"here": 2}, 1)
        except (LostLeaseError, asyncio.CancelledError):  # refused, or stopped because the lease could not be renewed
            lost.append(True)
            raise
        finally:
            ended.set()

    monkeypatch.setattr("server.app.own_workers", lambda: {"export": stalls})
    async with house_on(engine, tmp_path / "data", ASSENT_BULK_SETTLE="0") as house, house.client() as client:
        accepted = await client.get("/$export", headers=LATER)
        await asyncio.wait_for(begun.wait(), 120)
        assert (await client.delete(accepted.headers["Content-Location"])).status_code == 202
        assert (await client.get(accepted.headers["Content-Location"])).status_code == 404
        go_on.set()
        await asyncio.wait_for(ended.wait(), 120)
        assert lost == [True]
        assert [job for job in await house.services.store.jobs.listed(0, 9) if job.kind == "export"] == []


async def test_what_is_written_meanwhile_is_told_by_the_next_export(tmp_path: Path) -> None:
    """No change falls between two exports, and each is of one moment."""
    async with (
        running_house(tmp_path / "busy", ASSENT_BULK_SETTLE="1") as house,
        house.client() as client,
    ):
        written: dict[str, str] = {}
        stop = asyncio.Event()

        async def write(name: int) -> None:
            count = 0
            while not stop.is_set():
                id_ = f"w{name}-{count % 20}"
                answer = await client.put(
                    f"/Patient/{id_}", json={"resourceType": "Patient", "id": id_, "birthDate": "2000-01-01"}
                )
                written[id_] = answer.json()["meta"]["lastUpdated"]
                count += 1

        writers = [asyncio.create_task(write(number)) for number in range(3)]
        first = await exported(client, "/$export", params={"_type": "Patient"})
        stop.set()
        await asyncio.gather(*writers)
        moment = first.manifest["transactionTime"]
        second = await exported(client, "/$export", params={"_type": "Patient", "_since": moment})
        states = [json.loads(line.encode()) for line in (*first.output, *second.output)]
        assert all(json.loads(line.encode())["meta"]["lastUpdated"] <= moment for line in first.output)
        assert all(json.loads(line.encode())["meta"]["lastUpdated"] > moment for line in second.output)
        newest = {each["id"]: each["meta"]["lastUpdated"] for each in states}  # the second export's come later
        assert newest == written


def fresh(url: str) -> str:
    before, _, options = url.partition("?")
    return f"{before.rstrip('/')}/assent_bulk_{os.getpid()}_{time.time_ns()}?{options}"


@pytest.fixture(params=["sqlite", "mongodb"])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    short = {"ASSENT_SAMPLE": "0", "ASSENT_JOB_LEASE": "3", "ASSENT_BULK_SETTLE": "0"}
    if request.param == "sqlite":
        yield short
        return
    url = fresh(mongodb_url())
    yield short | {"ASSENT_STORE": url}
    with MongoClient[dict[str, Any]](url) as client:
        client.drop_database(client.get_default_database())


def wait_for(client: httpx.Client, address: str, done: int | None = None) -> dict[str, Any]:
    """Until so many are done, or all: then the manifest."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        answer = client.get(address)
        if answer.status_code == 200:
            manifest: dict[str, Any] = answer.json()
            return manifest
        assert answer.status_code == 202, answer.text
        if done is not None and int(answer.headers["X-Progress"].split(": ")[1].split(" ")[0]) >= done:
            return {}
        time.sleep(0.05)
    raise AssertionError("it does not come further")


@pytest.mark.slow
def test_an_import_and_an_export_over_kill_nine(environment: dict[str, str], tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", **environment)
    server.start()
    lines = 900
    try:
        content = b"\n".join(json.dumps(patient(number)) for number in range(lines))
        made = server.client().post("/Binary", content=content, headers={"Content-Type": "text/plain"})
        file = "Binary/" + made.headers["Location"].split("/Binary/")[1].split("/")[0]
        accepted = server.client().post("/$import", json=import_of(file), headers=LATER)
        address = accepted.headers["Content-Location"].rsplit("/fhir", 1)[1]
        for done in (100, 500):
            wait_for(server.client(), address, done)
            server.kill()
            server.start()
        manifest = wait_for(server.client(), address)
        assert manifest["extension"][COUNTS] == {"stored": lines, "changed": 0, "same": 0, "refused": 0}
        assert manifest["error"] == []

        accepted = server.client().get("/$export?_type=Patient", headers=LATER)
        address = accepted.headers["Content-Location"].rsplit("/fhir", 1)[1]
        server.kill()
        server.start()
        manifest = wait_for(server.client(), address)
        names: list[str] = []
        for listed in manifest["output"]:
            text = server.client().get(listed["url"].rsplit("/fhir", 1)[1]).text
            found = [json.loads(line.encode()) for line in text.splitlines()]
            assert {each["meta"]["versionId"] for each in found} == {"1"}
            names += [each["id"] for each in found]
        assert sorted(names) == sorted(f"p{number}" for number in range(lines))
    finally:
        server.stop()
