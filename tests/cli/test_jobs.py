"""`assent jobs`: failed work is seen with its reason, done again or given up; nothing of its content is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import House, running_house
from program import assent, refused

from server.jobs.asked import KIND, handle_of
from server.jobs.reasons import seal_reason
from server.repository import Repository
from server.rest.exchange import Services
from server.store.jobs import Checkpoint, JobStatus
from server.store.store import Commit

FAR = datetime(2090, 1, 1, tzinfo=UTC)


async def fill(house: House) -> None:
    """1 waits; 2 failed after 2 of 3; 3 was cancelled. All far in the future, so that no server begins them."""
    services: Services = house.services
    tenant = services.keyring.by_number(1)
    repository = Repository(services.store, tenant, house.base, services.clock)
    payload = {
        "method": "POST", "template": "{type}/_search", "request_id": "r-1", "body": "family=Villanueva",
        "asked": {"subject": "anna", "client_id": "ehr"},
    }  # fmt: skip
    for name in ("one", "two", "three"):
        job = repository.seal_job(KIND, FAR, payload)
        await services.store.commit(Commit(1, jobs=[replace(job, total=3, handle=handle_of(tenant, name), created=10**15)]))
    moment = 4 * 10**15
    leased = {job.id: job for job in await services.store.jobs.lease(moment, moment, 3)}
    failed = leased[2]
    await services.store.commit(Commit(1, checkpoint=Checkpoint(2, failed.fence, 2, 3, [(0, b"x"), (1, b"y")])))
    reason = seal_reason(services.keyring, failed, "3 parts were counted, and 2 of them were done.", 10**15)
    await services.store.jobs.release(2, failed.fence, 4 * 10**15, reason=reason, failed_until=4 * 10**15)
    await services.store.jobs.cancel(3, 4 * 10**15)
    await services.store.jobs.release(1, leased[1].fence, 4 * 10**15)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"

    async def make() -> None:
        async with running_house(folder) as house:
            await fill(house)

    asyncio.run(make())
    return folder


def lines(*arguments: str, data: Path) -> list[str]:
    done = assent("jobs", *arguments, data=data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Villanueva" not in done.stdout
    return done.stdout.splitlines()


async def state(data: Path, number: int) -> JobStatus | None:
    async with running_house(data) as house:
        return await house.services.store.jobs.status(number)


def test_what_waits_and_what_failed_is_listed(data: Path) -> None:
    head, *rows = lines("list", data=data)
    assert head.split() == ["job", "state", "done", "tries", "asked", "for", "tenant", "kind"]
    assert [row.split()[:3] for row in rows] == [["1", "queued", "0/3"], ["2", "failed", "2/3"]]
    assert len(lines("list", "--all", data=data)) == 4


def test_a_failed_one_is_shown_with_who_asked_and_why(data: Path) -> None:
    shown = dict(line.split(":", 1) for line in lines("show", "2", data=data))
    facts = {name: value.strip() for name, value in shown.items()}
    assert facts["state"] == "failed"
    assert facts["done"] == "2 of 3"
    assert facts["subject"] == "anna"
    assert facts["client"] == "ehr"
    assert facts["interaction"] == "POST {type}/_search"
    assert facts["last failure"] == "2001-09-09T01:46:40Z 3 parts were counted, and 2 of them were done."


def test_a_failed_one_can_be_tried_again_and_a_waiting_one_given_up(data: Path) -> None:
    assert "2 of 3" in lines("retry", "2", data=data)[0]
    refused(assent("jobs", "retry", "1", data=data), "only a failed one")
    lines("cancel", "1", data=data)
    refused(assent("jobs", "cancel", "1", data=data), "is cancelled already")
    refused(assent("jobs", "show", "99", data=data), "no job 99")
    for name in ("9" * 23, "-1", "x"):
        refused(assent("jobs", "cancel", "--", name, data=data), "by its number")
    one = asyncio.run(state(data, 1))
    assert one is not None
    assert one.state == "cancelled"


async def test_it_works_beside_a_running_server_and_is_audited(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house:
        await fill(house)
        await asyncio.to_thread(lines, "cancel", "2", data=house.data)
        listed = await asyncio.to_thread(lines, "list", data=house.data)
        assert [row.split()[0] for row in listed[1:]] == ["1"]
        async with house.client() as client:
            found = (await client.get("/AuditEvent", params={"altid": "assent-cli"})).json()
        assert [entry["resource"]["subtype"][0]["code"] for entry in found["entry"]] == ["jobs-cancel"]
