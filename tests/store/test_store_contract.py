"""What every store promises: all or nothing, versions on top of versions, keys with one holder, durable jobs, an audit chain."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from server.audit.record import encode_batch
from server.store.algebra import AnyOf, Plan
from server.store.store import (
    Commit,
    Index,
    KeyClaim,
    KeyHeldError,
    LostLeaseError,
    NewJob,
    Put,
    StaleVersionError,
    Store,
    StoreUnavailableError,
)

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
EVERYTHING = Plan((AnyOf((1,)),), limit=1000)


def put(key: bytes, version: int = 1, **more: Any) -> Put:
    index = more.pop("index", Index(version, (1, 100 + version)))
    return Put(key, version, 1000 + version, f"body {version}".encode(), index, **more)


def claim(key: bytes, holder: str, replaces: str | None = None) -> KeyClaim:
    return KeyClaim(key, holder.encode(), holder.encode(), replaces.encode() if replaces else None)


async def state(store: Store) -> list[Any]:
    """Everything that a commit can change, as far as the contract shows it."""
    return [
        *[await store.read(key) for key in (A, B, C)],
        *[await store.history(key, None, 100) for key in (A, B, C)],
        *[await store.key_holder(key) for key in (A, B, C)],
        await store.find(EVERYTHING),
        await store.audit_batches(0, 100),
        await store.audit_watermark(),
    ]


async def test_a_commit_is_read_back_at_once_and_after_reopening(open_store: Callable[[], Store], store: Store) -> None:
    await store.commit(Commit(7, [put(A), put(B)], [claim(C, "x")], audit=[b"one"]))
    record = await store.read(A)
    assert record is not None
    assert (record.key, record.version, record.updated, record.deleted, record.body, record.order) == (
        A, 1, 1001, False, b"body 1", 1,
    )  # fmt: skip
    seen = await state(store)
    again = open_store()
    assert await state(again) == seen
    await again.close()
    assert await store.read(b"z" * 16) is None
    assert await store.read_version(b"z" * 16, 1) is None
    assert await store.history(b"z" * 16, None, 10) == []
    assert await store.key_holder(b"z" * 16) is None


async def test_versions_are_kept_and_read_by_number_and_in_pages(store: Store) -> None:
    for version in range(1, 8):
        await store.commit(Commit(1, [put(A, version, deleted=version == 4)]))
    for version in range(1, 8):
        record = await store.read_version(A, version)
        assert record is not None
        assert (record.version, record.body, record.deleted) == (version, f"body {version}".encode(), version == 4)
    assert await store.read_version(A, 8) is None
    assert await store.read_version(A, 0) is None
    assert [record.version for record in await store.history(A, None, 100)] == [7, 6, 5, 4, 3, 2, 1]
    assert [record.version for record in await store.history(A, None, 3)] == [7, 6, 5]
    assert [record.version for record in await store.history(A, 5, 3)] == [4, 3, 2]
    assert await store.history(A, 1, 3) == []
    rids = {record.rid for record in await store.history(A, None, 100)}
    assert len(rids) == 1


@pytest.mark.parametrize(
    ("commit", "error"),
    [
        (Commit(1, [put(B), put(A)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(B), put(A, 3)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(B), put(C, 2)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(B), put(B)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(A, 2), put(A, 2)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(A, 2), put(A, 3)], audit=[b"x"]), StaleVersionError),
        (Commit(1, [put(B)], [claim(A, "other")], audit=[b"x"]), KeyHeldError),
        (Commit(1, [put(B)], [claim(A, "other", "not the holder")], audit=[b"x"]), KeyHeldError),
        (Commit(1, [put(B)], [claim(B, "free", "somebody")], audit=[b"x"]), KeyHeldError),
        (Commit(1, [put(B)], [claim(B, "one"), claim(B, "two")], audit=[b"x"]), KeyHeldError),
        (Commit(1, [put(B)], [claim(A, "two", "one"), claim(A, "three", "one")], audit=[b"x"]), KeyHeldError),
        (Commit(1, [put(B)], [claim(C, "new")], [NewJob("k", 0, b"")], [b"x"], (99, 1)), LostLeaseError),
    ],
)
async def test_a_refused_commit_leaves_no_trace(store: Store, commit: Commit, error: type[Exception]) -> None:
    await store.commit(Commit(1, [put(A)], [claim(A, "one")], audit=[b"first"]))
    before = await state(store)
    with pytest.raises(error):
        await store.commit(commit)
    assert await state(store) == before
    assert await store.jobs.lease(10, 20, 10) == []
    await store.commit(Commit(1, [put(A, 2)], audit=[b"second"]))
    assert [batch.seq for batch in await store.audit_batches(0, 10)] == [1, 2]


async def test_one_that_is_refused_does_not_disturb_those_that_are_committed_with_it(store: Store) -> None:
    await store.commit(Commit(1, [put(A)]))
    keys = [number.to_bytes(16) for number in range(100, 140)]
    results = await asyncio.gather(
        *[store.commit(Commit(1, [put(key), put(A)] if n % 2 else [put(key)])) for n, key in enumerate(keys)],
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), StaleVersionError] * 20
    for number, key in enumerate(keys):
        assert (await store.read(key) is None) == bool(number % 2)


async def test_what_a_store_cannot_write_fails_and_the_next_commit_works(store: Store) -> None:
    too_large = put(A, index=Index(2**70, (1,)))
    with pytest.raises(StoreUnavailableError):
        await asyncio.wait_for(store.commit(Commit(1, [too_large])), 5)
    await store.commit(Commit(1, [put(A)]))
    assert await store.read(A) is not None


async def test_a_key_goes_from_holder_to_holder_only_by_name(store: Store) -> None:
    await store.commit(Commit(1, keys=[claim(A, "one")]))
    assert await store.key_holder(A) == b"one"
    await store.commit(Commit(1, keys=[claim(A, "two", "one")]))
    assert await store.key_holder(A) == b"two"
    with pytest.raises(KeyHeldError):
        await store.commit(Commit(1, keys=[claim(A, "three", "one")]))
    assert await store.key_holder(A) == b"two"


async def test_of_many_concurrent_claimers_exactly_one_wins(store: Store) -> None:
    for round_ in range(50):
        key = round_.to_bytes(16)
        attempts = [
            store.commit(Commit(1, [put(f"{round_:08}{n:08}".encode())], [claim(key, f"holder {n}")])) for n in range(64)
        ]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        winners = [n for n, result in enumerate(results) if result is None]
        assert len(winners) == 1
        assert {type(result) for result in results} == {type(None), KeyHeldError}
        assert await store.key_holder(key) == f"holder {winners[0]}".encode()
        stored = [n for n in range(64) if await store.read(f"{round_:08}{n:08}".encode()) is not None]
        assert stored == winners


async def test_of_many_concurrent_writers_on_one_version_exactly_one_wins(store: Store) -> None:
    await store.commit(Commit(1, [put(A)]))
    for version in range(2, 22):
        writers = [store.commit(Commit(1, [Put(A, version, n, f"by {n}".encode(), Index(0, (1, n)))])) for n in range(64)]
        results = await asyncio.gather(*writers, return_exceptions=True)
        (winner,) = [n for n, result in enumerate(results) if result is None]
        record = await store.read(A)
        assert record is not None
        assert (record.version, record.body) == (version, f"by {winner}".encode())
    assert len(await store.find(EVERYTHING)) == 1


async def test_a_deleted_record_is_found_by_its_key_only(store: Store) -> None:
    await store.commit(Commit(1, [put(A)]))
    await store.commit(Commit(1, [Put(A, 2, 5, b"", Index(), deleted=True)]))
    assert await store.find(EVERYTHING) == []
    record = await store.read(A)
    assert record is not None
    assert record.deleted
    await store.commit(Commit(1, [put(A, 3)]))
    (hit,) = await store.find(EVERYTHING)
    assert hit.rid == record.rid
    fetched = await store.fetch([hit.rid, hit.rid + 1000])
    assert list(fetched) == [hit.rid]
    assert fetched[hit.rid].body == b"body 3"


# -- jobs ------------------------------------------------------------------------------------------------------------------


async def with_jobs(store: Store, *due: int) -> None:
    await store.commit(Commit(3, jobs=[NewJob(f"kind {moment}", moment, b"payload") for moment in due]))


async def test_jobs_are_leased_when_due_and_to_one_at_a_time(store: Store) -> None:
    await with_jobs(store, 100, 50, 200)
    assert await store.jobs.lease(49, 1000, 10) == []
    leased = await store.jobs.lease(150, 1000, 10)
    assert sorted((job.tenant, job.kind, job.attempts, job.body) for job in leased) == [
        (3, "kind 100", 1, b"payload"),
        (3, "kind 50", 1, b"payload"),
    ]
    assert [job.kind for job in await store.jobs.lease(999, 2000, 10)] == ["kind 200"]
    assert await store.jobs.lease(999, 2000, 10) == []


async def test_the_longest_due_come_first_when_not_all_can_be_leased(store: Store) -> None:
    await with_jobs(store, 30, 10, 20)
    assert [job.kind for job in await store.jobs.lease(100, 200, 1)] == ["kind 10"]
    assert [job.kind for job in await store.jobs.lease(100, 200, 1)] == ["kind 20"]


async def test_a_lease_that_ran_out_goes_to_another_and_only_that_one_may_finish(store: Store) -> None:
    await with_jobs(store, 10)
    (first,) = await store.jobs.lease(10, 100, 10)
    assert await store.jobs.lease(99, 200, 10) == []
    (second,) = await store.jobs.lease(100, 200, 10)
    assert second.id == first.id
    assert second.fence > first.fence
    assert second.attempts == 2
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(3, [put(A)], finished_job=(first.id, first.fence)))
    assert await store.read(A) is None
    await store.jobs.release(first.id, first.fence, 0, failed_until=0)  # no longer its to give back
    await store.commit(Commit(3, [put(A)], finished_job=(second.id, second.fence)))
    assert await store.read(A) is not None
    assert await store.jobs.lease(10_000, 20_000, 10) == []
    with pytest.raises(LostLeaseError):
        await store.commit(Commit(3, finished_job=(second.id, second.fence)))


async def test_a_released_job_comes_again_when_it_is_due_and_a_failed_one_never(store: Store) -> None:
    await with_jobs(store, 10)
    (job,) = await store.jobs.lease(10, 1000, 10)
    await store.jobs.release(job.id, job.fence, 500)
    assert await store.jobs.lease(499, 1000, 10) == []
    (again,) = await store.jobs.lease(500, 1000, 10)
    assert again.attempts == 2
    await store.jobs.release(again.id, again.fence, 600, failed_until=0)
    assert await store.jobs.lease(10_000, 20_000, 10) == []


async def test_two_leasers_never_hold_the_same_job(store: Store) -> None:
    await with_jobs(store, *range(60))
    leased = await asyncio.gather(*[store.jobs.lease(1000, 2000, 7) for _ in range(16)])
    ids = [job.id for jobs in leased for job in jobs]
    assert len(ids) == len(set(ids)) == 60


async def test_jobs_and_leases_outlive_the_process(open_store: Callable[[], Store], store: Store) -> None:
    await with_jobs(store, 10, 20)
    (job,) = await store.jobs.lease(15, 1000, 10)
    again = open_store()
    assert [other.kind for other in await again.jobs.lease(500, 2000, 10)] == ["kind 20"]
    await again.commit(Commit(3, finished_job=(job.id, job.fence)))
    assert await again.jobs.lease(1999, 3000, 10) == []
    await again.close()


# -- audit -----------------------------------------------------------------------------------------------------------------


def batch_body(tenant: int, seq: int, records: Sequence[bytes]) -> bytes:
    return f"{tenant}/{seq}/".encode() + encode_batch(list(records))


async def test_audit_batches_are_chained_for_each_tenant(store: Store) -> None:
    for tenant, record in [(1, b"a"), (2, b"b"), (1, b"c"), (1, b"d"), (2, b"e")]:
        await store.commit(Commit(tenant, audit=[record]))
    batches = await store.audit_batches(0, 10)
    assert [(batch.seq, batch.tenant, batch.count) for batch in batches] == [
        (1, 1, 1), (2, 2, 1), (3, 1, 1), (4, 1, 1), (5, 2, 1),
    ]  # fmt: skip
    last = {1: b"", 2: b""}
    for batch in batches:
        wanted = hashlib.blake2b(last[batch.tenant] + batch.seq.to_bytes(8) + batch.body, digest_size=32).digest()
        assert batch.chain == wanted
        last[batch.tenant] = batch.chain
    assert batches[2].body == batch_body(1, 3, [b"c"])
    assert await store.audit_batches(3, 1) == [batches[3]]
    assert await store.audit_batch(5) == batches[4]
    assert await store.audit_batch(6) is None


async def test_records_committed_together_share_a_batch_in_their_order_and_none_is_lost(store: Store) -> None:
    await asyncio.gather(*[store.commit(Commit(1 + n % 2, audit=[str(n).encode()])) for n in range(600)])
    batches = await store.audit_batches(0, 1000)
    assert sum(batch.count for batch in batches) == 600
    assert len(batches) < 50
    for tenant in (1, 2):
        bodies = [batch.body for batch in batches if batch.tenant == tenant]
        numbers = [n for n in range(600) if 1 + n % 2 == tenant]
        per_batch = [batch.count for batch in batches if batch.tenant == tenant]
        start = 0
        for body, count, batch in zip(bodies, per_batch, (b for b in batches if b.tenant == tenant), strict=True):
            assert body == batch_body(tenant, batch.seq, [str(n).encode() for n in numbers[start : start + count]])
            start += count


async def test_the_watermark_tells_what_is_findable(store: Store) -> None:
    assert await store.audit_watermark() == (0, 0)
    await store.commit(Commit(1, audit=[b"a"]))
    await store.commit(Commit(1, audit=[b"b"]))
    assert await store.audit_watermark() == (0, 2)
    entry = (5000, Index(9, (1,)))
    await store.index_audit([entry], 1)
    await store.index_audit([entry, (6000, Index(8, (1,)))], 2)  # indexing again what is indexed changes nothing
    assert await store.audit_watermark() == (2, 2)
    assert [hit.rid for hit in await store.find(EVERYTHING)] == [5000, 6000]


# -- settings --------------------------------------------------------------------------------------------------------------


async def test_settings_are_kept_and_the_first_one_can_be_made_to_win(
    open_store: Callable[[], Store], store: Store
) -> None:
    assert await store.get_setting("x") is None
    assert await store.put_setting("x", b"1") == b"1"
    assert await store.put_setting("x", b"2") == b"2"
    assert await store.put_setting("x", b"3", only_if_absent=True) == b"2"
    results = await asyncio.gather(*[store.put_setting("y", bytes([n]), only_if_absent=True) for n in range(20)])
    assert len(set(results)) == 1
    again = open_store()
    assert await again.get_setting("x") == b"2"
    await again.close()
