"""Going through a whole store: everything is visited once, a rewrite never undoes what was written meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.store.algebra import AnyInterval, AnyOf, Interval, Plan
from server.store.store import Commit, Index, KeyClaim, NewJob, Put, Store
from server.store.upkeep import HeldKey, NewBody, NewHolder, NewIndex, NewJobBody, Totals

INDEX = Index(5, (1, 2), ((7, 1.0, 2.0),))


def put(number: int, version: int = 1, index: Index = INDEX, *, deleted: bool = False) -> Put:
    key = number.to_bytes(16)
    return Put(key, version, version, f"body {number} {version}".encode(), index, deleted)


async def filled(store: Store) -> None:
    """Five records, one with three versions and one deleted; three keys; three jobs, one of them failed."""
    claims = [KeyClaim(bytes([n]) * 16, b"holder %d" % n, b"digest") for n in (3, 1, 2)]
    jobs = [NewJob("kind", n, b"job %d" % n) for n in (1, 2, 3)]
    await store.commit(Commit(4, [put(n) for n in range(5)], claims, jobs, [b"audit"]))
    await store.commit(Commit(4, [put(1, 2), put(2, 2, Index(), deleted=True)]))
    await store.commit(Commit(4, [put(1, 3)]))
    [job] = await store.jobs.lease(10, 20, 1)
    await store.jobs.release(job.id, job.fence, 5, failed_until=0)


async def test_rows_keys_and_jobs_are_visited_once_in_order(store: Store) -> None:
    await filled(store)
    upkeep = store.upkeep
    assert await upkeep.totals() == Totals(5, 3, 3, 1)
    seen, after = [], 0
    while rows := await upkeep.rows(after, 2):
        assert len(rows) <= 2
        seen += rows
        after = rows[-1].record.rid
    assert [row.record.key for row in seen] == [n.to_bytes(16) for n in range(5)]
    assert {row.tenant for row in seen} == {4}
    assert [row.record.version for row in seen] == [1, 3, 2, 1, 1]
    assert [row.record.deleted for row in seen] == [False, False, True, False, False]
    assert seen[0].index == INDEX
    assert seen[2].index == Index()
    assert [row.record for row in seen] == [await store.read(row.record.key) for row in seen]
    keys = await upkeep.held_keys(b"", 2)
    keys += await upkeep.held_keys(keys[-1].key, 2)
    assert keys == [HeldKey(bytes([n]) * 16, b"holder %d" % n) for n in (1, 2, 3)]
    jobs = await upkeep.jobs(0, 2)
    jobs += await upkeep.jobs(jobs[-1].id, 2)
    assert [(job.tenant, job.kind, job.body) for job in jobs] == [(4, "kind", b"job %d" % n) for n in (1, 2, 3)]
    assert await upkeep.unfindable(seen) == set()
    assert await upkeep.damage() == []


async def test_audit_records_that_were_made_findable_are_no_rows(store: Store) -> None:
    await filled(store)
    await store.index_audit([(1 << 12, Index(1, (9,)))], 1)
    assert len(await store.upkeep.rows(0, 100)) == 5
    assert (await store.upkeep.totals()).records == 5


async def test_the_current_and_the_earlier_versions_are_rewritten_in_place(
    open_store: Callable[[], Store], store: Store
) -> None:
    await filled(store)
    key = (1).to_bytes(16)
    versions = await store.history(key, None, 10)
    await store.upkeep.rewrite([NewBody(r.rid, r.version, r.body, b"new " + r.body) for r in versions])
    other = open_store()
    assert [r.body for r in await other.history(key, None, 10)] == [b"new body 1 3", b"new body 1 2", b"new body 1 1"]
    assert [(r.version, r.updated, r.deleted) for r in await other.history(key, None, 10)] == [
        (r.version, r.updated, r.deleted) for r in versions
    ]
    assert [hit.rid for hit in await other.find(Plan((AnyOf((1,)),)))] == [
        hit.rid for hit in await store.find(Plan((AnyOf((1,)),)))
    ]
    await other.close()


async def test_what_is_no_longer_what_was_seen_is_left_alone(store: Store) -> None:
    await filled(store)
    row = (await store.upkeep.rows(0, 1))[0].record
    job = (await store.upkeep.jobs(0, 1))[0]
    await store.upkeep.rewrite(
        [
            NewBody(row.rid, 1, b"something else", b"x"),
            NewBody(row.rid, 2, row.body, b"x"),
            NewHolder(b"\1" * 16, b"something else", b"x"),
            NewHolder(b"\x09" * 16, b"holder 9", b"x"),
            NewJobBody(job.id, b"something else", b"x"),
        ]
    )
    assert await store.read(row.key) == row
    assert await store.key_holder(b"\1" * 16) == b"holder 1"
    assert await store.key_holder(b"\x09" * 16) is None
    assert (await store.upkeep.jobs(0, 1))[0] == job
    await store.upkeep.rewrite([NewHolder(b"\1" * 16, b"holder 1", b"y"), NewJobBody(job.id, job.body, b"y")])
    assert await store.key_holder(b"\1" * 16) == b"y"
    assert (await store.upkeep.jobs(0, 1))[0].body == b"y"
    await store.upkeep.rewrite([])


async def test_a_version_that_was_superseded_meanwhile_is_rewritten_where_it_is_now(store: Store) -> None:
    await filled(store)
    row = (await store.upkeep.rows(0, 1))[0].record
    await store.commit(Commit(4, [put(0, 2)]))
    await store.upkeep.rewrite([NewBody(row.rid, 1, row.body, b"sealed anew")])
    assert [record.body for record in await store.history(row.key, None, 5)] == [b"body 0 2", b"sealed anew"]


async def test_rewriting_and_writing_at_once_loses_nothing(store: Store) -> None:
    await filled(store)
    key = (0).to_bytes(16)

    async def write() -> None:
        for version in range(2, 30):
            await store.commit(Commit(4, [put(0, version)]))

    async def rewrite() -> None:
        for _ in range(30):
            for record in await store.history(key, None, 100):
                if not record.body.startswith(b"+"):
                    await store.upkeep.rewrite([NewBody(record.rid, record.version, record.body, b"+" + record.body)])
            await asyncio.sleep(0)

    await asyncio.gather(write(), rewrite())
    for record in await store.history(key, None, 100):
        assert record.body.removeprefix(b"+") == b"body 0 %d" % record.version
    assert len(await store.history(key, None, 100)) == 29


async def test_a_record_is_made_findable_anew_unless_it_changed_meanwhile(store: Store) -> None:
    await filled(store)
    rows = await store.upkeep.rows(0, 5)
    new = Index(9, (2, 3), ((8, 1.0, 1.0),))
    await store.upkeep.reindex([NewIndex(rows[0].record.rid, 1, new), NewIndex(rows[1].record.rid, 1, new)])
    first = rows[0].record.rid
    assert [hit.rid for hit in await store.find(Plan((AnyOf((3,)),)))] == [first]
    assert first not in {hit.rid for hit in await store.find(Plan((AnyOf((1,)),)))}
    assert first in {hit.rid for hit in await store.find(Plan((AnyOf((2,)),)))}
    interval = AnyInterval((Interval(8),))
    assert [hit.value for hit in await store.find(Plan((AnyOf((3,)), interval)))] == [9.0]
    assert await store.count((AnyOf((2,)), AnyInterval((Interval(7),))), 10) == 3
    again = await store.upkeep.rows(0, 5)
    assert (again[0].index, again[1]) == (new, rows[1])
    await store.commit(Commit(4, [put(0, 2)]))
    assert await store.count((AnyOf((3,)),), 10) == 0
