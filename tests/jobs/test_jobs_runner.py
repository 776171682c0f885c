"""Durable work is done once, tried again when it fails, set aside when it never works, and never done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from in_process import House, running_house
from workers import until

from operations.ports import Changes, Context, JobHandler, JobRequest, KeyTakenError, Write
from profiles.json import Resource
from server.jobs.backoff import MAX_ATTEMPTS
from server.jobs.business import job_context
from server.jobs.runner import JobRunner
from server.repository import Repository
from server.rest.exchange import Services
from server.rest.request import Base
from server.store.store import Commit, NewJob

START = datetime(2090, 1, 1, tzinfo=UTC)
"""Far ahead, so that the application's own runner, whose clock is the real one, leaves these jobs alone."""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Workshop:
    """Services with a movable clock, and a way to ask for work."""

    def __init__(self, house: House) -> None:
        self.clock = Clock()
        self.services: Services = replace(house.services, clock=self.clock)
        self.done: list[str] = []

    def context(self) -> Context:
        tenant = self.services.keyring.by_number(1)
        base = Base(tenant.name, self.services.base_url(tenant))
        return job_context(self.services, Repository(self.services.store, tenant, base.url, self.clock), base, "asked")

    async def ask(self, *names: str, kind: str = "note", after: float = 0) -> None:
        due = self.clock() + timedelta(seconds=after)
        await self.context().commit(Changes(jobs=[JobRequest(kind, due, {"name": name}) for name in names]))

    async def note(self, payload: Resource, context: Context) -> None:
        self.done.append(payload["name"])

    def runner(self, **handlers: JobHandler) -> JobRunner:
        given: Mapping[str, JobHandler] = handlers or {"note": self.note}
        return JobRunner(self.services, given)


@pytest.fixture
def workshop(app: House) -> Workshop:
    return Workshop(app)


async def test_a_job_is_done_when_it_is_due_and_once(workshop: Workshop) -> None:
    runner = workshop.runner()
    await workshop.ask("later", after=10)
    await workshop.ask("now")
    assert await runner.run_due() == 1
    assert workshop.done == ["now"]
    workshop.clock.move(9)
    assert await runner.run_due() == 0
    workshop.clock.move(2)
    assert await runner.run_due() == 1
    workshop.clock.move(100_000)
    assert await runner.run_due() == 0
    assert workshop.done == ["now", "later"]


async def test_a_failing_job_comes_back_ever_later_until_it_works(workshop: Workshop, app: House) -> None:
    failures = 4
    waits: list[float] = []

    async def stubborn(payload: Resource, context: Context) -> None:
        if len(waits) < failures:
            raise RuntimeError("Villanueva")
        workshop.done.append(payload["name"])

    runner = workshop.runner(note=stubborn)
    await workshop.ask("x")
    while not workshop.done:
        assert await runner.run_due() == 1
        if workshop.done:
            break
        waited = 0.0
        while True:
            workshop.clock.move(0.5)
            waited += 0.5
            rows = await workshop.services.store.jobs.lease(workshop.services.now(), workshop.services.now(), 1)
            if rows:
                await workshop.services.store.jobs.release(rows[0].id, rows[0].fence, workshop.services.now())
                break
            assert waited < 4000
        waits.append(waited)
        assert len(waits) <= failures
    assert len(waits) == failures
    assert waits[-1] > waits[0]
    log = b"".join(app.log)
    assert log.count(b"job failed") == failures
    assert b"Villanueva" not in log


async def test_a_job_that_never_works_is_set_aside_and_others_go_on(workshop: Workshop, app: House) -> None:
    tries = 0

    async def hopeless(payload: Resource, context: Context) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("no")

    runner = workshop.runner(hopeless=hopeless, note=workshop.note)
    await workshop.ask("x", kind="hopeless")
    for number in range(MAX_ATTEMPTS + 5):
        await workshop.ask(str(number))
        await runner.run_due()
        workshop.clock.move(10_000)
    assert tries == MAX_ATTEMPTS
    assert workshop.done == [str(number) for number in range(MAX_ATTEMPTS + 5)]


async def test_a_kind_that_nobody_knows_is_kept_for_a_version_that_does(workshop: Workshop) -> None:
    await workshop.ask("x", kind="of-the-future")
    assert await workshop.runner().run_due() == 1
    workshop.clock.move(10_000)
    assert await workshop.runner(**{"of-the-future": workshop.note}).run_due() == 1
    assert workshop.done == ["x"]


async def test_a_job_of_a_tenant_that_is_not_known_here_does_not_stop_the_others(workshop: Workshop, app: House) -> None:
    await workshop.services.store.commit(
        Commit(77, jobs=[NewJob("note", workshop.services.now() - 1, b"sealed by somebody")])
    )
    await workshop.ask("x")
    assert await workshop.runner().run_due() == 2
    assert workshop.done == ["x"]
    assert b"job failed" in b"".join(app.log)


async def test_runners_side_by_side_share_the_work_and_none_is_done_twice(workshop: Workshop) -> None:
    async def slow(payload: Resource, context: Context) -> None:
        await asyncio.sleep(0.001)
        workshop.done.append(payload["name"])

    await workshop.ask(*[str(n) for n in range(50)])
    runners = [workshop.runner(note=slow) for _ in range(4)]
    while any(await asyncio.gather(*[runner.run_due() for runner in runners])):
        pass
    assert sorted(workshop.done, key=int) == [str(n) for n in range(50)]


async def test_who_lost_the_lease_stores_nothing(workshop: Workshop) -> None:
    """The first runner stalls for longer than its lease; a second one does the job meanwhile."""
    stalled = asyncio.Event()
    second_is_done = asyncio.Event()
    count = 0

    async def write(payload: Resource, context: Context) -> None:
        nonlocal count
        count += 1
        if count == 1:
            stalled.set()
            await second_is_done.wait()
        if await context.records.read("Basic", payload["name"]) is None:
            await context.commit(Changes([Write({"resourceType": "Basic", "id": payload["name"], "code": {"text": "x"}})]))

    await workshop.ask("b1")
    first = asyncio.create_task(workshop.runner(note=write).run_due())
    await stalled.wait()
    workshop.clock.move(workshop.services.settings.job_lease + 1)
    assert await workshop.runner(note=write).run_due() == 1
    second_is_done.set()
    assert await first == 1
    workshop.clock.move(100_000)
    assert await workshop.runner(note=write).run_due() == 0
    assert count == 2
    tenant = workshop.services.keyring.by_number(1)
    record = await workshop.services.store.read(tenant.index.record_key("Basic", "b1"))
    assert record is not None
    assert record.version == 1


async def test_what_a_job_does_is_audited_as_the_server_s_own_work(workshop: Workshop, app: House) -> None:
    async def write(payload: Resource, context: Context) -> None:
        assert context.caller.roles == {"payer"}
        patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Adams"}]}
        await context.commit(Changes([Write(patient)], keys={("k", "1"): "Patient/p1"}))

    await workshop.ask("x", kind="decide")
    await workshop.runner(decide=write).run_due()
    async with app.client() as client:
        found = (await client.get("/AuditEvent?altid=assent&patient=p1")).json()["entry"]
        (event,) = [entry["resource"] for entry in found]
        assert event["subtype"][0]["code"] == "decide"
        assert "Patient/p1/_history/1" in [entity.get("what", {}).get("reference") for entity in event["entity"]]
        assert (await client.get("/Patient?family=adams")).json()["entry"]


async def test_a_job_whose_commit_is_refused_is_tried_again(workshop: Workshop) -> None:
    context = workshop.context()
    await context.commit(Changes(keys={("k", "1"): "Claim/1"}))
    seen: list[Any] = []

    async def claim(payload: Resource, job: Context) -> None:
        try:
            await job.commit(Changes(keys={("k", "1"): "Claim/2"}))
        except KeyTakenError as error:
            seen.append(error)
            await job.commit(
                Changes(keys={("k", "1"): "Claim/2"}, replaces={("k", "1"): await job.records.holder(("k", "1")) or ""})
            )

    await workshop.ask("x")
    await workshop.runner(note=claim).run_due()
    assert len(seen) == 1
    assert await context.records.holder(("k", "1")) == "Claim/2"
    workshop.clock.move(100_000)
    assert await workshop.runner(note=claim).run_due() == 0


async def test_jobs_outlive_the_process(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house:
        before = Workshop(house)
        await before.ask("x", "y")
        (_,) = await before.services.store.jobs.lease(before.services.now(), before.services.now() + 10_000_000, 1)
    async with running_house(tmp_path / "data") as house:
        after = Workshop(house)
        assert await after.runner().run_due() == 2  # also what the process that is gone had a lease on
        assert sorted(after.done) == ["x", "y"]


async def test_the_running_server_does_due_work_by_itself(app: House) -> None:
    workshop = Workshop(app)
    runner = workshop.runner()
    loop = asyncio.create_task(runner.run())
    await workshop.ask("x")
    await until(lambda: workshop.done, "the job is done")
    loop.cancel()
    assert workshop.done == ["x"]
