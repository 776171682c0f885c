"""Jobs on every store: a checkpoint is part of its commit and refused under an old fence, what is closed stays closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from server.store.jobs import POSITION, REASON, Checkpoint, Job, JobStatus, NewJob
from server.store.store import Commit, KeyHeldError, LostLeaseError, Put, Store
from server.store.upkeep import NewJobPart
from server.upkeep.job_parts import parts_of

TENANT = 3
A = b"a" * 16


def put(key: bytes, version: int = 1) -> Put:
    return Put(key, version, 100 + version, b"sealed")


def asked(name: bytes = b"h", total: int = 3, owner: bytes = b"owner") -> NewJob:
    return NewJob("asked", 10, b"body", total, name, owner, 5)


async def leased(store: Store, now: int = 10, until: int = 100) -> Job:
    (job,) = await store.jobs.lease(now, until, 1)
    return job


async def status(store: Store, job: Job) -> JobStatus:
    found = await store.jobs.status(job.id)
    assert found is not None
    return found


async def test_a_checkpoint_and_the_effect_it_tells_of_are_one(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    job = await leased(store)
    assert (job.total, job.done, job.body) == (3, 0, b"body")
    point = Checkpoint(job.id, job.fence, 1, 3, [(0, b"first"), (POSITION, b"here")])
    await store.commit(Commit(TENANT, [put(A)], checkpoint=point))
    assert await store.read(A) is not None
    assert await store.jobs.parts(job.id, POSITION, 9) == [(POSITION, b"here"), (0, b"first")]
    refused = replace(point, done=2, parts=[(1, b"second"), (POSITION, b"there")])
    with pytest.raises(Exception, match="another version"):
        await store.commit(Commit(TENANT, [put(A)], checkpoint=refused))
    assert (await status(store, job)).done == 1
    assert await store.jobs.parts(job.id, POSITION, 9) == [(POSITION, b"here"), (0, b"first")]


async def test_a_holder_of_an_old_fence_stores_nothing(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    slow = await leased(store, 10, 20)
    quick = await leased(store, 20, 30)
    stale = Checkpoint(slow.id, slow.fence, 1, 3, [(0, b"stale")])
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(TENANT, [put(A)], jobs=[asked(b"other")], audit=[b"x"], checkpoint=stale))
    assert not await store.jobs.renew(slow.id, slow.fence, 1000)
    await store.jobs.release(slow.id, slow.fence, 0, reason=b"stale", failed_until=9)
    assert await store.read(A) is None
    assert await store.jobs.find(b"other") is None
    assert await store.jobs.parts(slow.id, REASON, 9) == []
    assert await store.jobs.renew(quick.id, quick.fence, 1000)
    assert await store.jobs.lease(999, 2000, 9) == []
    await store.commit(Commit(TENANT, [put(A)], checkpoint=replace(stale, fence=quick.fence)))
    assert (await status(store, quick)).done == 1


async def test_a_done_job_keeps_its_results_until_it_is_forgotten(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked(total=1)]))
    job = await leased(store)
    last = Checkpoint(job.id, job.fence, 1, 1, [(0, b"all")], "done", until=500)
    await store.commit(Commit(TENANT, checkpoint=last))
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(TENANT, [put(A)], checkpoint=last))
    assert await store.jobs.lease(1000, 2000, 9) == []
    found = await store.jobs.find(b"h")
    assert found is not None
    assert (found.state, found.done, found.total, found.until, found.owner) == ("done", 1, 1, 500, b"owner")
    assert not await store.jobs.cancel(job.id, 900)
    assert not await store.jobs.retry(job.id, 900)
    assert (await store.jobs.expired(499, 9), await store.jobs.expired(500, 9)) == ([], [job.id])
    await store.jobs.forget(job.id)
    assert await store.jobs.find(b"h") is None
    assert await store.jobs.parts(job.id, REASON, 9) == []


async def test_cancelling_stops_the_holder_at_once_and_throws_its_results_away(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    job = await leased(store)
    point = Checkpoint(job.id, job.fence, 1, 3, [(0, b"first")])
    await store.commit(Commit(TENANT, checkpoint=point))
    assert await store.jobs.cancel(job.id, 500)
    assert not await store.jobs.cancel(job.id, 500)
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(TENANT, [put(A)], checkpoint=replace(point, done=2)))
    assert await store.read(A) is None
    assert not await store.jobs.renew(job.id, job.fence, 999)
    assert (await status(store, job)).state == "cancelled"
    assert await store.jobs.parts(job.id, 0, 9) == []
    assert await store.jobs.lease(1000, 2000, 9) == []


async def test_a_failed_job_is_kept_with_its_reason_and_goes_on_where_it_stood(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    job = await leased(store)
    await store.commit(Commit(TENANT, checkpoint=Checkpoint(job.id, job.fence, 2, 3, [(0, b"0"), (1, b"1")])))
    await store.jobs.release(job.id, job.fence, 50, reason=b"why", failed_until=0)
    assert (await status(store, job)).state == "failed"
    assert await store.jobs.parts(job.id, REASON, 1) == [(REASON, b"why")]
    assert await store.jobs.lease(1000, 2000, 9) == []
    await store.jobs.forget(0)
    assert await store.jobs.expired(10**15, 9) == []  # `until` 0: kept until somebody decides
    assert await store.jobs.retry(job.id, 60)
    assert not await store.jobs.retry(job.id, 60)
    again = await leased(store, 60, 100)
    assert (again.done, again.attempts, again.body) == (2, 1, b"body")
    assert again.fence > job.fence


async def test_attempts_count_from_where_it_last_came_further(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    for expected in (1, 2, 3):
        job = await leased(store)
        assert job.attempts == expected
        await store.jobs.release(job.id, job.fence, 10, reason=b"again")
    job = await leased(store)
    await store.jobs.release(job.id, job.fence, 10, untried=True)
    job = await leased(store)
    assert job.attempts == 4
    await store.commit(Commit(TENANT, checkpoint=Checkpoint(job.id, job.fence, 1, 3)))
    await store.jobs.release(job.id, job.fence, 10)
    job = await leased(store)
    assert job.attempts == 1
    await store.commit(Commit(TENANT, checkpoint=Checkpoint(job.id, job.fence, 2, 3)))
    await store.jobs.release(job.id, job.fence, 10, untried=True)
    assert (await leased(store)).attempts == 1


async def test_a_handle_is_given_once_also_to_callers_of_the_same_moment(store: Store) -> None:
    outcomes = await asyncio.gather(
        *[store.commit(Commit(TENANT, [put(bytes([n]) * 16)], jobs=[asked()])) for n in range(8)], return_exceptions=True
    )
    assert sorted(str(type(outcome)) for outcome in outcomes) == sorted([str(type(None)), *[str(KeyHeldError)] * 7])
    assert len(await store.jobs.listed(0, 99)) == 1


async def test_numbers_are_never_given_again(store: Store) -> None:
    """A late commit under the fence of a job that is gone must not fit another one."""
    await store.commit(Commit(TENANT, jobs=[NewJob("one", 10, b"")]))
    first = await leased(store)
    await store.commit(Commit(TENANT, finished_job=(first.id, first.fence)))
    await store.commit(Commit(TENANT, jobs=[NewJob("two", 10, b"")]))
    second = await leased(store)
    assert second.id > first.id
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(TENANT, finished_job=(first.id, first.fence)))


async def test_kinds_can_be_left_to_others_and_open_jobs_are_counted_by_who_asked(store: Store) -> None:
    jobs = [asked(b"1"), asked(b"2"), asked(b"3", owner=b"other"), NewJob("own", 10, b"")]
    await store.commit(Commit(TENANT, jobs=jobs))
    await store.commit(Commit(TENANT + 1, jobs=[asked(b"4")]))
    counts = [await store.jobs.count_open(TENANT, whose, 9) for whose in (b"owner", b"other", b"nobody", None)]
    assert counts == [2, 1, 0, 3]
    assert await store.jobs.count_open(TENANT, None, 2) == 2
    assert [job.kind for job in await store.jobs.lease(10, 20, 9, {"asked"})] == ["own"]
    assert len(await store.jobs.lease(10, 20, 9)) == 4
    assert await store.jobs.count_open(TENANT, b"owner", 9) == 2


async def test_leases_of_a_dead_process_can_be_ended(open_store: Callable[[], Store], store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked()]))
    dead = await leased(store, 10, 10**15)
    again = open_store()
    await again.jobs.release_all()
    alive = await leased(again, 11, 20)
    assert (alive.id, alive.body) == (dead.id, b"body")
    with pytest.raises(LostLeaseError):
        await again.commit(Commit(TENANT, checkpoint=Checkpoint(dead.id, dead.fence, 1, 3)))
    await again.close()


async def test_everything_of_jobs_can_be_gone_through(store: Store) -> None:
    await store.commit(Commit(TENANT, jobs=[asked(b"1"), asked(b"2")]))
    first, second = await store.jobs.lease(10, 20, 9)
    for job in (first, second):
        parts = [(POSITION, b"p"), (0, b"0"), (1, b"1")]
        await store.commit(Commit(TENANT, checkpoint=Checkpoint(job.id, job.fence, 2, 3, parts)))
    low, high = sorted((first.id, second.id))
    found = [part async for part in parts_of(store, low)]
    assert found == [(POSITION, b"p"), (0, b"0"), (1, b"1")]
    await store.upkeep.rewrite([NewJobPart(low, 0, b"0", b"new"), NewJobPart(low, 1, b"another", b"new")])
    assert [part async for part in parts_of(store, low)] == [(POSITION, b"p"), (0, b"new"), (1, b"1")]
    assert [job.id for job in await store.jobs.listed(low, 9)] == [high]
    assert await store.jobs.body(low) == b"body"
    assert await store.jobs.body(high + 1) is None
    assert await store.jobs.status(high + 1) is None
