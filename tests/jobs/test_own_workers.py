"""What a worker of the server's own is promised: a place to go on, a fence around what it stores, an end that counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from in_process import House

from profiles import json
from profiles.json import Resource
from server.access.access import everything
from server.auth.bearer import authenticate_value
from server.jobs.asked import asked_by, handle_of, owner_of, principal_in
from server.jobs.backoff import MAX_ATTEMPTS
from server.jobs.reasons import read_reason
from server.jobs.runner import JobRunner
from server.jobs.step import Step, Worker
from server.repository import Repository
from server.rest.exchange import Services
from server.seal.cipher import key_number
from server.seal.keyring import Tenant
from server.seal.rotation import Pace, announcing, switching
from server.store.jobs import JobStatus
from server.store.store import Commit, LostLeaseError

START = datetime(2090, 1, 1, tzinfo=UTC)
"""Far ahead, so that the application's own runner, whose clock is the real one, leaves these jobs alone."""


class Hall:
    """Services with a clock that tests move, and jobs of the kind `count`."""

    def __init__(self, house: House) -> None:
        self.moment = START
        self.services: Services = replace(house.services, clock=lambda: self.moment)
        self.tenant: Tenant = self.services.keyring.by_number(1)
        self.repository = Repository(self.services.store, self.tenant, house.base, self.services.clock)

    async def ask(self, total: int = 3, name: str = "n", **payload: Any) -> None:
        sealed = self.repository.seal_job("count", self.moment, payload)
        handle = handle_of(self.tenant, name)
        owner = b"somebody" if "asked" in payload else b""
        await self.services.store.commit(Commit(1, jobs=[replace(sealed, total=total, handle=handle, owner=owner)]))

    async def status(self, name: str = "n") -> JobStatus | None:
        return await self.services.store.jobs.find(handle_of(self.tenant, name))

    async def run(self, worker: Worker, times: int = 1) -> None:
        for _ in range(times):
            await JobRunner(self.services, {}, {"count": worker}).run_due()
            self.moment += timedelta(hours=2)

    async def put(self, step: Step, name: str) -> None:
        prepared = self.repository.prepare({"resourceType": "Basic", "code": {"text": "x"}}, name, None)
        await step.services.commit(Commit(1, [prepared.put]))

    async def version(self, name: str) -> int:
        found = await self.repository.read(everything("Basic"), name)
        return 0 if found is None else found.version


@pytest.fixture
def hall(app: House) -> Hall:
    return Hall(app)


async def count(step: Step, upto: int | None = None) -> None:
    position = await step.position() or {"next": 0}
    for number in range(position["next"], step.total if upto is None else upto):
        step.keep(number, f"part {number}".encode())
        await step.note({"next": number + 1}, step.done)
    await step.finish()


async def test_it_goes_on_where_it_was_and_its_results_are_kept(hall: Hall) -> None:
    seen: list[int] = []

    async def breaks(step: Step) -> None:
        position: Resource = await step.position() or {"next": 0}
        number = position["next"]
        seen.append(number)
        step.keep(number, f"part {number}".encode())
        await step.note({"next": number + 1}, step.done)
        if step.done < step.total:
            raise RuntimeError("Villanueva")
        await step.finish()

    await hall.ask(asked={})
    await hall.run(breaks, 3)
    assert seen == [0, 1, 2]
    status = await hall.status()
    assert status is not None
    assert (status.state, status.done, status.total) == ("done", 3, 3)
    assert await hall.services.store.jobs.parts(status.id, 0, 9) != []
    reason = await read_reason(hall.services.store.jobs, hall.services.keyring, status)
    assert reason["why"] == "The server failed (RuntimeError)."


async def test_it_is_done_only_when_what_was_counted_was_done(hall: Hall) -> None:
    async def forgets_one(step: Step) -> None:
        await count(step, upto=2)

    await hall.ask(asked={})
    await hall.run(forgets_one, 2)
    status = await hall.status()
    assert status is not None
    assert (status.state, status.attempts) == ("failed", 0)  # it came further, and was not tried again
    reason = await read_reason(hall.services.store.jobs, hall.services.keyring, status)
    assert reason["why"] == "3 parts were counted, and 2 of them were done."


async def test_a_total_may_become_known_on_the_way(hall: Hall) -> None:
    async def learns(step: Step) -> None:
        await step.note({}, 0, total=2)
        step.keep(0, b"a")
        step.keep(1, b"b")
        await step.finish()

    await hall.ask(total=0, asked={})
    await hall.run(learns)
    status = await hall.status()
    assert status is not None
    assert (status.state, status.done, status.total) == ("done", 2, 2)


async def test_what_nobody_asked_for_leaves_nothing_behind(hall: Hall) -> None:
    await hall.ask()
    await hall.run(count)
    assert await hall.status() is None


async def test_a_job_that_never_works_fails_with_its_reason_and_can_be_tried_again(hall: Hall, app: House) -> None:
    tries = 0

    async def hopeless(step: Step) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("Villanueva")

    await hall.ask(asked={})
    await hall.run(hopeless, MAX_ATTEMPTS + 3)
    assert tries == MAX_ATTEMPTS
    status = await hall.status()
    assert status is not None
    assert status.state == "failed"
    assert await hall.services.store.jobs.retry(status.id, hall.services.now())
    await hall.run(count)
    status = await hall.status()
    assert status is not None
    assert status.state == "done"
    assert b"Villanueva" not in b"".join(app.log)


async def test_a_job_that_ends_the_server_each_time_is_set_aside(hall: Hall) -> None:
    """Whoever is killed tells nobody: only the leases were counted."""
    await hall.ask(asked={})
    for _ in range(MAX_ATTEMPTS):
        await hall.services.store.jobs.lease(hall.services.now(), hall.services.now() + 1, 1)
        hall.moment += timedelta(seconds=1)
    begun: list[int] = []

    async def begins(step: Step) -> None:
        begun.append(1)

    await hall.run(begins)
    status = await hall.status()
    assert status is not None
    assert (status.state, begun) == ("failed", [])
    reason = await read_reason(hall.services.store.jobs, hall.services.keyring, status)
    assert "ended 20 times" in reason["why"]


async def test_who_lost_the_lease_stores_nothing_more(hall: Hall) -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()
    refused: list[str] = []

    async def stalls(step: Step) -> None:
        await hall.put(step, "before")
        taken.set()
        await go_on.wait()
        step.keep(0, b"stale")
        for attempt in (hall.put(step, "after"), step.note({"next": 9}, 9), step.finish()):
            try:
                await attempt
            except LostLeaseError:
                refused.append("lost")
        raise LostLeaseError

    await hall.ask(total=1, asked={})
    first = asyncio.create_task(hall.run(stalls))
    await taken.wait()
    hall.moment += timedelta(seconds=hall.services.settings.job_lease + 1)
    await hall.run(count)
    go_on.set()
    await first
    assert refused == ["lost"] * 3
    assert (await hall.version("before"), await hall.version("after")) == (1, 0)
    status = await hall.status()
    assert status is not None
    assert (status.state, status.done) == ("done", 1)


async def test_clocks_that_differ_by_an_hour_do_nothing_twice(hall: Hall) -> None:
    """The one whose clock is ahead takes the job from the other at once; then that one's fence is old."""
    ahead = replace(hall.services, clock=lambda: hall.moment + timedelta(hours=1))
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def slow(step: Step) -> None:
        taken.set()
        await go_on.wait()
        await hall.put(step, "effect")
        await step.finish()

    async def quick(step: Step) -> None:
        await hall.put(step, "effect")
        step.done = step.total
        await step.finish()

    await hall.ask(total=1, asked={})
    first = asyncio.create_task(JobRunner(hall.services, {}, {"count": slow}).run_due())
    await taken.wait()
    assert await JobRunner(ahead, {}, {"count": quick}).run_due() == 1
    go_on.set()
    await first
    assert await hall.version("effect") == 1
    status = await hall.status()
    assert status is not None
    assert status.state == "done"
    assert await JobRunner(hall.services, {}, {"count": slow}).run_due() == 0


async def test_a_lease_is_kept_while_the_work_goes_on_and_a_cancelled_one_is_stopped(hall: Hall) -> None:
    services = replace(hall.services, settings=replace(hall.services.settings, job_lease=0.06))
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def works(step: Step) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    await hall.ask(total=1, asked={})
    running = asyncio.create_task(JobRunner(services, {}, {"count": works}).run_due())
    await begun.wait()
    first = await hall.status()
    hall.moment += timedelta(seconds=1)
    assert first is not None
    status = first
    for _ in range(1000):
        status = await hall.status() or first
        if status.lease_until > first.lease_until:
            break
        await asyncio.sleep(0.01)
    assert status.lease_until > hall.services.now()
    assert await hall.services.store.jobs.cancel(status.id, 1)
    await asyncio.wait_for(stopped.wait(), 60)
    await running


async def test_a_server_that_stops_gives_its_jobs_back_at_once(hall: Hall) -> None:
    begun = asyncio.Event()

    async def works(step: Step) -> None:
        await step.note({"here": 1}, 1)
        begun.set()
        await asyncio.Event().wait()

    await hall.ask(asked={})
    running = asyncio.create_task(JobRunner(hall.services, {}, {"count": works}).run())
    await begun.wait()
    running.cancel()
    await asyncio.wait([running])
    status = await hall.status()
    assert status is not None
    assert (status.state, status.done, status.attempts) == ("queued", 1, 0)


async def test_long_jobs_leave_room_for_short_ones(hall: Hall) -> None:
    hold, begun, short = asyncio.Event(), [], asyncio.Event()

    async def long(step: Step) -> None:
        begun.append(step.job.id)
        await hold.wait()
        step.done = step.total
        await step.finish()

    async def quick(payload: Resource, context: object) -> None:
        short.set()

    for number in range(12):
        await hall.ask(name=str(number), asked={})
    await hall.services.store.commit(Commit(1, jobs=[hall.repository.seal_job("short", START, {})]))
    running = asyncio.create_task(JobRunner(hall.services, {"short": quick}, {"count": long}).run())
    await asyncio.wait_for(short.wait(), 60)
    for _ in range(1000):
        if len(begun) == 4:
            break
        await asyncio.sleep(0.01)
    assert [job.state for job in await hall.services.store.jobs.listed(0, 99)].count("running") == 4
    hold.set()
    for _ in range(1000):
        if len(begun) == 12:
            break
        await asyncio.sleep(0.01)
    assert len(begun) == 12
    running.cancel()
    await asyncio.wait([running])


async def test_who_asked_is_read_back_as_it_was(app: House) -> None:
    token = app.token("doctor", patient="p1", scope="patient/Observation.rs?category=laboratory user/Claim.c launch openid")
    principal = authenticate_value(f"Bearer {token}".encode(), app.services.verifier)
    assert principal_in(json.loads(json.dumps({"asked": asked_by(principal)}))) == principal
    assert owner_of(app.services.keyring.by_number(1), principal)


async def test_a_result_that_waited_while_the_keys_were_changed_is_under_the_new_key(hall: Hall) -> None:
    async def changes(step: Step) -> None:
        step.keep(0, b"of before")
        keyring = hall.services.keyring
        await keyring.change(announcing(1))
        await keyring.change(switching(2, Pace(0, 0)))
        await step.finish()

    await hall.ask(1, asked={})
    await hall.run(changes)
    status = await hall.status()
    assert status is not None
    assert status.state == "done"
    assert [key_number(part) for _, part in await hall.services.store.jobs.parts(status.id, 0, 10)] == [2]
