"""The history of many records, on every store: every version in its order, in pages, and none that was not asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

import server.store.mongo.timeline as mongo_timeline
import server.store.sqlite.timeline as sqlite_timeline
from server.store.store import Commit, Index, Put, Store
from server.store.timeline import Listed, Moment, Timeline

TYPES, PATIENTS = (1, 2), (10, 20, 30)


@dataclass(frozen=True)
class Told:
    """A version as the test knows it."""

    name: int
    version: int
    updated: int
    deleted: bool
    terms: tuple[int, ...]


def key(name: int) -> bytes:
    return name.to_bytes(16)


async def fill(store: Store, seed: int, commits: int) -> list[Told]:
    """Records of two types in up to three compartments, changed, moved, deleted and brought back; many at the same time."""
    source = random.Random(seed)
    told: list[Told] = []
    current: dict[int, Told] = {}
    for _ in range(commits):
        now = 1000 + len(told) // 4
        puts = []
        for name in source.sample(range(40), source.randrange(1, 4)):
            before = current.get(name)
            deleted = before is not None and not before.deleted and source.random() < 0.3
            own = source.random() < 0.6 and before is not None
            patient = before.terms[1] if before is not None and own else source.choice(PATIENTS) + name % 2
            updated = max(now, before.updated + 1) if before is not None else now
            version = 1 if before is None else before.version + 1
            entry = Told(name, version, updated, deleted, (TYPES[name % 2], patient))
            current[name] = entry
            told.append(entry)
            index = Index(0, () if deleted else (TYPES[name % 2],), (), entry.terms)
            puts.append(Put(key(name), version, updated, f"{name}/{version}".encode(), index, deleted))
        await store.commit(Commit(1, puts))
    return told


def naive(told: Sequence[Told], plan: Timeline) -> set[tuple[int, int]]:
    """What a reader of the definition would list."""
    last = {entry.name: entry for entry in told}
    following = {(entry.name, entry.version - 1): entry for entry in told}
    found = set()
    for entry in told:
        under = set(entry.terms) & set(plan.terms)
        if plan.present_only:
            under &= set(last[entry.name].terms)
        after = following.get((entry.name, entry.version))
        lasts = not entry.deleted and (after is None or after.updated > (plan.at or (0, 0))[0])
        if (
            under
            and (plan.since is None or entry.updated >= plan.since)
            and (plan.at is None or (entry.updated <= plan.at[1] and (entry.updated >= plan.at[0] or lasts)))
        ):
            found.add((entry.name, entry.version))
    return found


async def walk(store: Store, plan: Timeline) -> list[Listed]:
    listed: list[Listed] = []
    for _ in range(2000):
        page = await store.timeline(plan)
        assert len(page.listed) <= plan.limit
        listed += page.listed
        if page.rest is None:
            return listed
        plan = replace(plan, after=page.rest)
    raise AssertionError("the pages do not end")


def name_of(entry: Listed) -> tuple[int, int]:
    return int.from_bytes(entry.record.key), entry.record.version


PLANS = [
    Timeline((1,)), Timeline((2,), limit=7), Timeline((1, 2), limit=3), Timeline((1, 2), descending=False, limit=4),
    Timeline((1,), since=1010), Timeline((1,), since=1010, descending=False, limit=5), Timeline((2,), at=(1005, 1005)),
    Timeline((1, 2), at=(1012, 1014), limit=6), Timeline((1,), at=(0, 900)), Timeline((1,), at=(5000, 6000), limit=2),
    Timeline((1,), since=1008, at=(1005, 1020), descending=False, limit=9),
    Timeline((10,)), Timeline((10,), present_only=True), Timeline((11, 20), present_only=True, limit=2),
    Timeline((20, 30), present_only=True, descending=False, limit=3), Timeline((30,), present_only=True, at=(1010, 1011), limit=1),
    Timeline((999,)), Timeline((999, 1), limit=50),
]  # fmt: skip


async def test_every_version_that_is_asked_for_comes_once_and_in_order(store: Store) -> None:
    told = await fill(store, 5, 60)
    by_name = {(entry.name, entry.version): entry for entry in told}
    for plan in PLANS:
        listed = await walk(store, plan)
        assert {name_of(entry) for entry in listed} == naive(told, plan), plan
        assert len(listed) == len(naive(told, plan)), plan
        places = [Moment(entry.record.updated, entry.record.rid, entry.record.version) for entry in listed]
        assert places == sorted(places, reverse=plan.descending), plan
        for entry in listed:
            name = name_of(entry)
            known = by_name[name]
            assert entry.term in plan.terms
            assert entry.term in known.terms
            assert (entry.record.updated, entry.record.deleted, entry.record.body) == (
                known.updated, known.deleted, f"{name[0]}/{name[1]}".encode(),
            )  # fmt: skip
            before = by_name.get((name[0], name[1] - 1))
            assert entry.revived == (before is not None and before.deleted)
    assert all([await walk(store, plan) for plan in PLANS[:6]])


async def test_it_is_kept(open_store: Callable[[], Store], store: Store) -> None:
    await fill(store, 6, 10)
    seen = await walk(store, Timeline((1, 2)))
    again = open_store()
    assert await walk(again, Timeline((1, 2))) == seen
    await again.close()


@pytest.mark.slow
async def test_pages_lose_and_repeat_nothing_while_others_write(store: Store) -> None:
    told = await fill(store, 7, 30)
    before = {(entry.name, entry.version) for entry in told}
    number = 100

    async def write() -> None:
        nonlocal number
        for name in range(40):
            record = await store.read(key(name))
            if record is not None:
                put = Put(key(name), record.version + 1, 9000 + number, b"later", Index(0, (1,), (), (TYPES[name % 2], 99)))
                number += 1
                await store.commit(Commit(1, [put]))

    for descending in (True, False):
        plan = Timeline((1, 2), descending=descending, limit=5)
        listed: list[Listed] = []
        while True:
            page, _ = await asyncio.gather(store.timeline(plan), write())
            listed += page.listed
            if page.rest is None or (len(listed) > len(before) + 5 and not descending):
                break
            plan = replace(plan, after=page.rest)
        names = [name_of(entry) for entry in listed]
        assert len(names) == len(set(names))
        assert before <= set(names)


async def test_a_page_looks_at_so_much_only_and_says_where_to_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (mongo_timeline, sqlite_timeline):
        monkeypatch.setattr(module, "MAX_EXAMINED", 4)
    told = await fill(store, 8, 60)
    for plan in PLANS:
        first = await store.timeline(plan)
        listed = await walk(store, plan)
        assert sorted(name_of(entry) for entry in listed) == sorted(naive(told, plan)), plan
        if plan.present_only and len(naive(told, replace(plan, present_only=False))) > 8:
            assert first.rest is not None
