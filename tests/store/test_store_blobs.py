"""Blobs: current with the commit that names them or not at all, never changed, and nothing left behind of what was broken off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from server.documents.apart import Apart, put_apart
from server.documents.kept import DamagedContentError, Putting, new_blob_of, read_all, read_kept
from server.seal.chunks import CHUNK, BlobName, ChunkCipher, new_blob
from server.seal.cipher import SealBrokenError
from server.sealed_head import Head, read_head
from server.store.blobs import CHUNKS_AT_MOST, BlobGoneError, KeptBlob, NewBlob
from server.store.store import Commit, Put, StaleVersionError, Store

ONE, TWO, THREE = b"1" * 16, b"2" * 16, b"3" * 16
KEY = b"k" * 16


async def upload(store: Store, blob: bytes, chunks: int = 3, now: int = 100) -> NewBlob:
    await store.blobs.begin(blob, 7, now)
    for number in range(chunks):
        await store.blobs.put(blob, number, b"chunk %d of " % number + blob)
    return NewBlob(blob, chunks, chunks * 10)


def put(version: int = 1) -> Put:
    return Put(KEY, version, version, b"body")


async def chunks_of(store: Store, blob: bytes) -> list[bytes]:
    found: list[bytes] = []
    while (chunk := await store.blobs.read(blob, len(found))) is not None:
        found.append(chunk)
    return found


async def test_a_commit_makes_it_current_together_with_the_version(open_store: Callable[[], Store], store: Store) -> None:
    new = await upload(store, ONE)
    assert await store.blobs.listed(b"", 10) == [KeptBlob(ONE, 7, 0, 0, 3, True)]
    await store.commit(Commit(7, [put()], blobs=[new], audit=[b"a"]))
    kept = KeptBlob(ONE, 7, 3, 30, 3, False)
    other = open_store()
    for one in (store, other):
        assert await one.blobs.listed(b"", 10) == [kept]
        assert await chunks_of(one, ONE) == [b"chunk %d of " % n + ONE for n in range(3)]
    assert await store.blobs.read(ONE, 3) is None
    assert await store.blobs.read(TWO, 0) is None
    assert not await store.blobs.discard(ONE)
    assert await store.blobs.sweep(10**18, 10) == 0
    assert await store.blobs.listed(b"", 10) == [kept]
    await other.close()


async def test_a_refused_commit_leaves_it_an_upload(store: Store) -> None:
    new = await upload(store, ONE)
    await store.commit(Commit(7, [put()]))
    with pytest.raises(StaleVersionError):
        await store.commit(Commit(7, [put()], blobs=[new]))
    assert (await store.blobs.listed(b"", 10))[0].upload
    assert await store.blobs.discard(ONE)
    assert await store.blobs.listed(b"", 10) == []
    assert await chunks_of(store, ONE) == []
    assert not await store.blobs.discard(ONE)


@pytest.mark.parametrize("why", ["never begun", "discarded", "swept", "current already", "named twice"])
async def test_what_is_no_upload_refuses_the_commit_and_leaves_no_trace(store: Store, why: str) -> None:
    new = NewBlob(ONE, 3, 30) if why == "never begun" else await upload(store, ONE)
    if why == "discarded":
        await store.blobs.discard(ONE)
    elif why == "swept":
        assert await store.blobs.sweep(101, 10) == 1
    elif why == "current already":
        await store.commit(Commit(7, blobs=[new]))
    good = await upload(store, TWO)
    blobs = [good, new, new] if why == "named twice" else [good, new]
    with pytest.raises(BlobGoneError):
        await store.commit(Commit(7, [put()], blobs=blobs, audit=[b"a"]))
    assert await store.read(KEY) is None
    assert await store.audit_batches(0, 10) == []
    await store.commit(Commit(7, [put()], blobs=[good]))
    assert await store.read(KEY) is not None


async def test_of_many_who_name_the_same_upload_one_gets_it(store: Store) -> None:
    new = await upload(store, ONE)
    results = await asyncio.gather(
        *[store.commit(Commit(7, [Put(bytes([n]) * 16, 1, 1, b"")], blobs=[new])) for n in range(8)], return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["BlobGoneError"] * 7 + ["NoneType"]


async def test_the_sweep_takes_old_uploads_only_and_not_more_than_it_is_told(store: Store) -> None:
    for number, begun in enumerate((100, 200, 300, 400)):
        await upload(store, bytes([number]) * 16, now=begun)
    await store.commit(Commit(7, blobs=[NewBlob(bytes([1]) * 16, 3, 30)]))
    assert await store.blobs.sweep(350, 1) == 1
    assert await store.blobs.sweep(350, 9) == 1
    assert await store.blobs.sweep(350, 9) == 0
    left = await store.blobs.listed(b"", 10)
    assert [(blob.id[0], blob.upload, blob.held) for blob in left] == [(1, False, 3), (3, True, 3)]


async def test_a_sweep_and_a_commit_at_once_never_leave_half_of_it(store: Store) -> None:
    for turn in range(12):
        blob = bytes([turn]) * 16
        new = await upload(store, blob, chunks=70)
        committed, swept = await asyncio.gather(
            store.commit(Commit(7, blobs=[new])), store.blobs.sweep(101, 5), return_exceptions=True
        )
        held = len(await chunks_of(store, blob))
        if isinstance(committed, BlobGoneError):
            assert (swept, held) == (1, 0)
        else:
            assert (committed, swept, held) == (None, 0, 70)


async def test_one_that_is_killed_while_it_uploads_leaves_what_the_next_one_sweeps(open_store: Callable[[], Store]) -> None:
    before = open_store()
    await before.blobs.begin(ONE, 7, 100)
    await before.blobs.put(ONE, 0, b"first")
    await before.close()  # and nothing is tidied up
    after = open_store()
    assert await after.blobs.listed(b"", 9) == [KeptBlob(ONE, 7, 0, 0, 1, True)]
    assert await after.blobs.sweep(101, 9) == 1
    assert await after.blobs.listed(b"", 9) == []
    assert await after.blobs.read(ONE, 0) is None
    await after.close()


async def test_they_are_listed_in_pages_and_removed_by_name(store: Store) -> None:
    for blob in (THREE, ONE, TWO):
        await upload(store, blob)
    await store.commit(Commit(7, blobs=[NewBlob(TWO, 3, 30)]))
    assert [blob.id for blob in await store.blobs.listed(b"", 2)] == [ONE, TWO]
    assert [blob.id for blob in await store.blobs.listed(TWO, 2)] == [THREE]
    for blob in (ONE, TWO, TWO):
        await store.blobs.remove(blob)
    assert [blob.id for blob in await store.blobs.listed(b"", 9)] == [THREE]
    assert await chunks_of(store, TWO) == []
    with pytest.raises(ValueError, match="chunks"):
        await store.blobs.put(THREE, CHUNKS_AT_MOST, b"")


async def test_others_commit_while_one_uploads(store: Store) -> None:
    """Chunks go between the commits of others, in the order in which they are asked for."""

    async def write() -> None:
        for version in range(1, 25):
            await store.commit(Commit(7, [put(version)], audit=[b"a"]))

    await asyncio.gather(write(), upload(store, ONE, 40), upload(store, TWO, 40))
    record = await store.read(KEY)
    assert record is not None
    assert record.version == 24
    assert [blob.held for blob in await store.blobs.listed(b"", 9)] == [40, 40]


# -- sealed content on top of it ---------------------------------------------------------------------------------------------


async def kept(store: Store, content: bytes, tenant: int = 7) -> BlobName:
    putting = Putting(store.blobs, tenant, 1)
    chance = random.Random(len(content))
    view = memoryview(content)
    while view:
        size = chance.choice([1, 5000, 60_000, 300_000, 900_000])
        await putting.add(bytes(view[:size]))
        view = view[size:]
    name = await putting.finish()
    await store.commit(Commit(tenant, blobs=[new_blob_of(name)]))
    return name


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])
async def test_content_is_read_back_whole_and_in_part(store: Store, size: int) -> None:
    content = random.Random(size).randbytes(size)
    name = await kept(store, content)
    assert (name.size, name.chunks) == (size, -(-size // CHUNK))
    assert await read_all(store.blobs, 7, name) == content
    assert BlobName.from_text(name.text()) == name
    for start, end in ((0, 1), (size - 1, size), (size // 3, size // 2), (CHUNK - 1, CHUNK + 1), (0, size + 5)):
        got = b"".join([piece async for piece in read_kept(store.blobs, 7, name, start, end)])
        assert got == content[start:end]
    stored = [await store.blobs.read(name.id, number) or b"" for number in range(name.chunks)]
    assert all(content[:30] not in chunk for chunk in stored) or size < 30


async def test_what_was_done_to_it_is_named(store: Store) -> None:
    name, other = await kept(store, bytes(3 * CHUNK + 5)), await kept(store, bytes(3 * CHUNK + 5))
    sealed = [await store.blobs.read(name.id, number) or b"" for number in range(4)]
    strange = [await store.blobs.read(other.id, number) or b"" for number in range(4)]
    cipher = ChunkCipher(name, 7)
    for number in range(4):
        for wrong in (
            sealed[number][:-1],
            sealed[number][:5],
            b"",
            sealed[number][:-1] + b"x",
            sealed[number - 1],
            strange[number],
        ):
            with pytest.raises(SealBrokenError):
                cipher.open(number, wrong, number == 3)
        with pytest.raises(SealBrokenError):
            cipher.open(number, sealed[number], number != 3)
        with pytest.raises(SealBrokenError):
            ChunkCipher(name, 8).open(number, sealed[number], number == 3)
        with pytest.raises(SealBrokenError):
            ChunkCipher(replace(name, key=other.key), 7).open(number, sealed[number], number == 3)
    shorter = replace(name, size=2 * CHUNK)
    with pytest.raises(DamagedContentError, match="chunk 2 of 2 does not open"):
        await read_all(store.blobs, 7, shorter)
    with pytest.raises(DamagedContentError, match="lacks chunk 5 of 5: it is truncated"):
        await _read_last(store, name)
    await store.blobs.remove(name.id)
    with pytest.raises(DamagedContentError, match="lacks chunk 1 of 4"):
        await read_all(store.blobs, 7, name)


async def _read_last(store: Store, name: BlobName) -> None:
    """As if the name said that there is one more chunk."""
    longer = replace(name, size=4 * CHUNK + 1)
    async for _ in read_kept(store.blobs, 7, longer, 4 * CHUNK):
        pass


async def test_nothing_is_left_of_what_was_dropped(store: Store) -> None:
    putting = Putting(store.blobs, 7, 1)
    await putting.add(bytes(2 * CHUNK + 1))
    assert (await store.blobs.listed(b"", 9))[0].held == 2
    await putting.drop()
    assert await store.blobs.listed(b"", 9) == []
    small = Putting(store.blobs, 7, 1)
    await small.add(b"small")
    assert await store.blobs.listed(b"", 9) == []
    await small.drop()


async def test_what_is_set_apart_is_put_in_the_same_chunks(store: Store) -> None:
    content = random.Random(5).randbytes(2 * CHUNK + 9)
    part = Apart(new_blob(len(content)), content)
    await put_apart(store.blobs, 7, 1, [part])
    await store.commit(Commit(7, blobs=[new_blob_of(part.name)]))
    assert await read_all(store.blobs, 7, part.name) == content
    assert await read_all(store.blobs, 7, part.name, 10) == content[:10]


def test_a_head_is_read_as_it_was_written() -> None:
    content, body = new_blob(5), new_blob(6)
    for head in (
        Head("x"),
        Head("x", ("p1", "p2")),
        Head("x", ("p1",), content),
        Head("x", (), content, body),
        Head("x", ("p",), None, body),
    ):
        assert read_head(head.encode()) == head
    with pytest.raises(ValueError, match="blob"):
        read_head(b"x ~AAAA")
