"""The server's own records: one winner for each change, both engines alike, forgotten when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from server.store.internal import Drop, Internal, Keep
from server.store.store import Commit, KeyClaim, KeyHeldError, StaleVersionError, Store
from server.store.upkeep import NewInternalBody

KEY, OTHER = b"k" * 16, b"o" * 16


def keep(key: bytes = KEY, version: int = 1, *, kind: str = "code", updated: int = 10, until: int = 0) -> Keep:
    return Keep(key, kind, version, updated, until, b"body %d" % version)


async def change(store: Store, *changes: Keep | Drop, tenant: int = 4) -> None:
    await store.commit(Commit(tenant, internals=changes))


async def test_a_record_is_made_changed_and_taken_away(store: Store) -> None:
    assert await store.internals.read(KEY) is None
    await change(store, keep(until=99))
    assert await store.internals.read(KEY) == Internal(KEY, 4, "code", 1, 10, 99, b"body 1")
    await change(store, keep(version=2, updated=11))
    assert await store.internals.read(KEY) == Internal(KEY, 4, "code", 2, 11, 0, b"body 2")
    await change(store, Drop(KEY, 2))
    assert await store.internals.read(KEY) is None
    await change(store, keep())
    assert await store.internals.read(KEY) is not None


@pytest.mark.parametrize("wrong", [keep(), keep(version=3), keep(version=1), Drop(KEY, 2), Drop(OTHER, 1)], ids=repr)
async def test_what_stands_on_another_version_is_refused_and_changes_nothing(store: Store, wrong: Keep | Drop) -> None:
    await change(store, keep())
    with pytest.raises(StaleVersionError):
        await store.commit(Commit(4, internals=[keep(b"n" * 16), wrong]))
    assert await store.internals.read(b"n" * 16) is None
    found = await store.internals.read(KEY)
    assert found is not None
    assert found.version == 1


async def test_no_record_is_named_twice_in_a_commit(store: Store) -> None:
    with pytest.raises(StaleVersionError):
        await change(store, keep(), keep(version=2))


async def test_it_is_one_commit_with_everything_else(store: Store) -> None:
    claim = KeyClaim(b"u" * 16, b"holder", b"digest")
    await store.commit(Commit(4, keys=[claim]))
    with pytest.raises(KeyHeldError):
        await store.commit(Commit(4, keys=[claim], internals=[keep()]))
    assert await store.internals.read(KEY) is None


async def test_of_many_at_once_one_wins(open_store: Callable[[], Store]) -> None:
    """Half of them through another connection to the same data, as another process has."""
    stores = [open_store(), open_store()]
    try:
        for version in (1, 2, 3):
            outcomes = await asyncio.gather(
                *[change(stores[n % 2], keep(version=version)) for n in range(64)], return_exceptions=True
            )
            assert outcomes.count(None) == 1
            assert sum(isinstance(outcome, StaleVersionError) for outcome in outcomes) == 63
    finally:
        for store in stores:
            await store.close()


async def test_a_kind_is_listed_by_the_time_of_its_changes(store: Store) -> None:
    for number in range(7):
        await change(store, keep(bytes([number]) * 16, updated=100 - number // 2))
    await change(store, keep(b"x" * 16, kind="session"))
    await change(store, keep(b"y" * 16), tenant=5)
    whole = await store.internals.listed(4, "code", 0, b"", 50)
    assert [(item.updated, item.key[0]) for item in whole] == [
        (97, 6), (98, 4), (98, 5), (99, 2), (99, 3), (100, 0), (100, 1),
    ]  # fmt: skip
    found: list[Internal] = []
    while page := await store.internals.listed(4, "code", *((found[-1].updated, found[-1].key) if found else (0, b"")), 2):
        found += page
    assert found == list(whole)
    assert [item.key[0] for item in await store.internals.listed(4, "code", 99, b"\xff" * 16, 50)] == [0, 1]
    assert [item.tenant for item in await store.internals.listed(None, "code", 0, b"", 50)] == [5, *[4] * 7]
    assert len(await store.internals.all(b"", 50)) == 9
    assert [item.key for item in await store.internals.all(b"x" * 16, 50)] == [b"y" * 16]


async def test_what_is_over_is_forgotten_and_nothing_else(store: Store) -> None:
    await change(store, keep(b"1" * 16, until=50), keep(b"2" * 16, until=60), keep(b"3" * 16))
    assert await store.internals.forget(50, 10) == 0
    assert await store.internals.forget(61, 1) == 1
    assert await store.internals.forget(61, 10) == 1
    assert await store.internals.forget(2**60, 10) == 0
    assert await store.internals.read(b"3" * 16) is not None


async def test_it_is_sealed_anew_where_it_is_as_it_was(store: Store) -> None:
    await change(store, keep())
    await store.upkeep.rewrite([NewInternalBody(KEY, b"another", b"lost"), NewInternalBody(OTHER, b"body 1", b"lost")])
    await store.upkeep.rewrite([NewInternalBody(KEY, b"body 1", b"sealed anew")])
    found = await store.internals.read(KEY)
    assert found is not None
    assert (found.body, found.version) == (b"sealed anew", 1)
