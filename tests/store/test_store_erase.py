"""What every store promises of taking versions, and whole records, away for good: all of it in one commit, and nothing else."""

from __future__ import annotations

import pytest

from server.store.algebra import AnyOf, Plan
from server.store.store import Commit, Erase, Index, Put, StaleVersionError, Store
from server.store.timeline import Timeline

A, B = b"a" * 16, b"b" * 16
EVERYTHING = Plan((AnyOf((1,)),), limit=100)
LISTED = tuple((50, version * 10, version) for version in range(1, 4))


def put(key: bytes, version: int) -> Put:
    return Put(
        key, version, version * 10, f"body {version}".encode(), Index(version, (1, version), ((7, 0, version),), (50,))
    )


@pytest.fixture
async def filled(store: Store) -> Store:
    for version in range(1, 4):
        await store.commit(Commit(1, [put(A, version), put(B, version)]))
    return store


async def history(store: Store) -> list[tuple[bytes, int]]:
    page = await store.timeline(Timeline((50,), limit=100))
    return [(entry.record.key, entry.record.version) for entry in page.listed]


async def test_the_history_goes_and_the_current_version_stays(filled: Store) -> None:
    await filled.commit(Commit(1, erasures=[Erase(A, 3, listed=LISTED[:2])], audit=[b"told"]))
    current = await filled.read(A)
    assert current is not None
    assert (current.version, current.body) == (3, b"body 3")
    assert await filled.read_version(A, 1) is None
    assert [record.version for record in await filled.history(A, None, 10)] == [3]
    assert [record.version for record in await filled.history(B, None, 10)] == [3, 2, 1]
    assert sorted(await history(filled)) == [(A, 3), (B, 1), (B, 2), (B, 3)]
    assert len(await filled.find(EVERYTHING)) == 2
    await filled.commit(Commit(1, [put(A, 4)]))
    assert [record.version for record in await filled.history(A, None, 10)] == [4, 3]


async def test_a_whole_record_goes_and_its_key_can_be_used_anew(filled: Store) -> None:
    await filled.commit(Commit(1, erasures=[Erase(A, 3, whole=True, listed=LISTED)]))
    assert await filled.read(A) is None
    assert await filled.history(A, None, 10) == []
    assert [key for key, _ in await history(filled)] == [B, B, B]
    hits = await filled.find(EVERYTHING)
    assert [record.key for record in (await filled.fetch([hit.rid for hit in hits])).values()] == [B]
    await filled.commit(Commit(1, [put(A, 1)]))
    assert [record.version for record in await filled.history(A, None, 10)] == [1]
    assert len(await filled.find(EVERYTHING)) == 2


@pytest.mark.parametrize(
    "commit",
    [
        Commit(1, erasures=[Erase(A, 2, whole=True)]),
        Commit(1, erasures=[Erase(b"z" * 16, 1, whole=True)]),
        Commit(1, erasures=[Erase(A, 3), Erase(A, 3, whole=True)]),
        Commit(1, [put(A, 4)], erasures=[Erase(A, 3)]),
        Commit(1, [put(B, 9)], erasures=[Erase(A, 3, whole=True)]),
    ],
    ids=["another-version", "not-there", "twice", "also-written", "beside-a-stale-write"],
)
async def test_a_refused_one_takes_nothing(filled: Store, commit: Commit) -> None:
    with pytest.raises(StaleVersionError):
        await filled.commit(commit)
    assert len(await history(filled)) == 6
    assert len(await filled.history(A, None, 10)) == 3


async def test_editions_change_with_what_goes(filled: Store) -> None:
    before = await filled.edition(1), await filled.edition(1, "consents")
    await filled.commit(Commit(1, erasures=[Erase(A, 3, whole=True, definition=True, consent=True)]))
    after = await filled.edition(1), await filled.edition(1, "consents")
    assert not set(before) & set(after)
