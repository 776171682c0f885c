"""Keys are changed, and everything is checked, in the same way on every back end."""

from __future__ import annotations

from datetime import UTC, datetime

from server.access.access import everything
from server.bindings import job_part_binding
from server.repository import Repository
from server.seal.cipher import key_number
from server.seal.keyring import Keyring, Tenant, open_keyring
from server.seal.rotation import Pace, announcing, is_under_way, switching
from server.store.jobs import REASON, Checkpoint
from server.store.store import Commit, Store
from server.store.upkeep import NewBody, NewJobPart
from server.upkeep.fsck import Fsck
from server.upkeep.index_rules import begin_empty
from server.upkeep.job_parts import parts_of
from server.upkeep.reseal import Reseal

MASTER_KEY = bytes(range(32))
BASE = "http://127.0.0.1:8080/fhir"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def clock() -> datetime:
    return datetime.now(UTC)


async def fill(store: Store, tenant: Tenant) -> None:
    repository = Repository(store, tenant, BASE, clock)
    for n in range(70):
        previous = None
        for family in ("First", "Second")[: 1 + n % 2]:
            resource = {"resourceType": "Patient", "name": [{"family": f"{family}{n}"}]}
            prepared = repository.prepare(resource, f"p{n}", previous)
            await store.commit(Commit(tenant.number, [prepared.put]))
            previous = await repository.read(everything("Patient"), f"p{n}")
    deleted = await repository.read(everything("Patient"), "p3")
    assert deleted is not None
    keys = [repository.claim(("a", str(n)), f"Patient/p{n}") for n in range(5)]
    jobs = [repository.seal_job("kind", LATER, {"n": n}) for n in range(3)]
    await store.commit(Commit(tenant.number, [repository.prepare_deletion(deleted).put], keys, jobs))


async def numbers(store: Store) -> set[int]:
    bodies = [held.holder for held in await store.upkeep.held_keys(b"", 1000)]
    bodies += [job.body for job in await store.upkeep.jobs(0, 1000)]
    for row in await store.upkeep.rows(0, 1000):
        bodies += [record.body for record in await store.history(row.record.key, None, 100)]
    assert len(bodies) == 2 * (5 + 3 + 70 + 35 + 1)
    return {key_number(body) for body in bodies}


async def differences(store: Store, keyring: Keyring) -> list[str]:
    """What fsck says, but for the audit trail, of which these stores have none."""
    check = Fsck(store, keyring, lambda tenant: (BASE,), mend=False)
    return [finding.sentence async for finding in check.run(lambda looked_at: None)]


async def test_all_of_two_tenants_is_sealed_anew_and_all_is_well(store: Store) -> None:
    await begin_empty(store)
    keyring = await open_keyring(store, MASTER_KEY)
    for name in ("default", "north"):
        await fill(store, await keyring.make(name))
    assert await numbers(store) == {1}
    assert await differences(store, keyring) == []
    await keyring.change(announcing(1))
    await keyring.change(switching(2, Pace(0, 0)))
    work = Reseal(store, keyring, Pace(0, 0), "one", lambda: 3)
    while await work.step():
        pass
    assert not is_under_way(keyring.entries())
    assert [sorted(entry["data"]) for entry in keyring.entries().values()] == [["2"], ["2"]]
    assert await numbers(store) == {2}
    again = await open_keyring(store, MASTER_KEY)
    assert await differences(store, again) == []
    repository = Repository(store, again.by_number(2), BASE, clock)
    found = await repository.read_version(everything("Patient"), "p1", 1)
    assert found is not None
    assert found.resource()["name"] == [{"family": "First1"}]


async def test_damage_is_named_by_tenant_type_id_and_version(store: Store) -> None:
    await begin_empty(store)
    keyring = await open_keyring(store, MASTER_KEY)
    await fill(store, await keyring.make("default"))
    rows = await store.upkeep.rows(0, 2)
    one, two = rows[0].record, rows[1].record
    await store.upkeep.rewrite([NewBody(two.rid, two.version, two.body, one.body)])
    assert [sentence[:34] for sentence in await differences(store, keyring)] == ["default Patient/p1 version 2 does "]


async def test_what_jobs_keep_is_sealed_anew_and_checked(store: Store) -> None:
    await begin_empty(store)
    keyring = await open_keyring(store, MASTER_KEY)
    tenant = await keyring.make("default")
    repository = Repository(store, tenant, BASE, clock)
    await store.commit(Commit(tenant.number, jobs=[repository.seal_job("kind", clock(), {"n": 1})]))
    (job,) = await store.jobs.lease(repository.now(), repository.now() + 1, 1)
    parts = [(n, tenant.cipher.seal(b"%d" % n, job_part_binding(tenant.number, job.id, n))) for n in range(REASON, 50)]
    await store.commit(Commit(tenant.number, checkpoint=Checkpoint(job.id, job.fence, 50, 50, parts)))
    assert await differences(store, keyring) == []
    await keyring.change(announcing(1))
    await keyring.change(switching(2, Pace(0, 0)))
    work = Reseal(store, keyring, Pace(0, 0), "one", lambda: 3)
    while await work.step():
        pass
    again = await open_keyring(store, MASTER_KEY)
    assert sorted(again.entries()["default"]["data"]) == ["2"]
    kept = [part async for part in parts_of(store, job.id)]
    opened = [again.by_number(1).cipher.open(body, job_part_binding(1, job.id, n)) for n, body in kept]
    assert opened == [b"%d" % n for n in range(REASON, 50)]
    await store.upkeep.rewrite([NewJobPart(job.id, 7, kept[9][1], kept[8][1])])
    assert await differences(store, again) == [f"Part 7 of the job {job.id} (kind) does not open."]
