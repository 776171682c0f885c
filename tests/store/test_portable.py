"""What a store holds comes over to either engine as it is: an archive, four ways; and no archive that is not whole is taken."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from mongod import url_of
from pymongo.asynchronous.database import AsyncDatabase
from store_back_ends import seal_plainly

from server.store import archive
from server.store.algebra import AnyInterval, AnyOf, Interval, Plan
from server.store.archive import Archive, write_archive
from server.store.blobs import NewBlob
from server.store.internal import Keep
from server.store.jobs import Checkpoint
from server.store.mongo import connect
from server.store.mongo.portable import COLLECTIONS
from server.store.mongo.schema import INDEXES, WITHOUT_INDEXES, MongoSetupError
from server.store.portable import SECTIONS, PortableError, Rows, Section, Source, Target
from server.store.sqlite.portable import SqliteSource, SqliteTarget
from server.store.sqlite.schema import open_connection
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Index, KeyClaim, NewJob, Put, Store

KEY = bytes(range(32))
ENGINES = ("mongodb", "sqlite")


class Place:
    """One store of the test's own on an engine: opened, read as a source, or filled as a target."""

    def __init__(self, engine: str, folder: Path, database: str) -> None:
        self._engine = engine
        self.path = folder / FILE_NAME
        self._url = url_of(database)

    async def open(self) -> Store:
        if self._engine == "sqlite":
            return SqliteStore(self.path, seal_plainly)
        return await connect.open_store(self._url, seal_plainly)

    @asynccontextmanager
    async def source(self) -> AsyncIterator[Source]:
        if self._engine == "sqlite":
            with closing(SqliteSource(self.path)) as source:
                yield source
        else:
            other = connect.open_source(self._url)
            yield other
            await other.close()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())

    async def target(self) -> Target:
        if self._engine == "sqlite":
            return SqliteTarget(self.path, self.path.with_name("restored.db"))
        return await connect.open_target(self._url)


@pytest.fixture
async def place(tmp_path: Path, database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Callable[[str], Place]]:
    """Makes empty places."""
    names: list[str] = []

    def make(engine: str) -> Place:
        names.append(f"{database.name}_{len(names)}")
        (tmp_path / names[-1]).mkdir()
        return Place(engine, tmp_path / names[-1], names[-1])

    yield make
    for name in names:
        await database.client.drop_database(name)


def put(number: int, version: int = 1, index: Index | None = None, *, deleted: bool = False) -> Put:
    terms = (number, -number, 2**63 - 1, -(2**63))
    found_by = Index(1000 - number, terms, ((-8, 0.5, 0.5), (7, float(number), 1e300)), (40, 41 + number % 2))
    return Put(number.to_bytes(16), version, 10 * version, b"body %d %d" % (number, version), index or found_by, deleted)


async def filled(store: Store) -> None:
    claims = [KeyClaim(bytes([n]) * 16, b"holder %d" % n, b"digest %d" % n) for n in (3, 1, 2)]
    jobs = [NewJob("kind", n, b"job %d" % n, 5, bytes([n]) * 4 if n > 1 else None, b"owner") for n in (1, 2, 3)]
    await store.commit(Commit(4, [put(n) for n in range(1, 1200)], claims, jobs, [b"one", b"two"]))
    await store.commit(Commit(4, [put(1, 2), put(2, 2, Index(timeline=(40,)), deleted=True)], audit=[b"three"]))
    for version in range(3, 9):
        await store.commit(Commit(4, [put(1, version)]))
    await store.commit(Commit(5, [put(5000)], audit=[b"four"]))
    leased = await store.jobs.lease(10, 20, 2)
    await store.commit(
        Commit(4, checkpoint=Checkpoint(leased[0].id, leased[0].fence, 2, 9, [(0, b"result"), (-1, b"place")]))
    )
    await store.commit(Commit(4, checkpoint=Checkpoint(leased[1].id, leased[1].fence, 5, 5, closes="done", until=77)))
    for blob in (b"a" * 16, b"b" * 16, b"c" * 16):
        await store.blobs.begin(blob, 4, 1)
        for number in range(3):
            await store.blobs.put(blob, number, b"chunk %d" % number)
    kept = [NewBlob(b"c" * 16, 3, 21), NewBlob(b"a" * 16, 3, 21)]
    await store.commit(Commit(4, [put(5001)], blobs=kept))
    await store.commit(
        Commit(4, internals=[Keep(bytes([n]) * 16, "code", 1, n, 7 * (n % 2), b"own %d" % n) for n in (2, 1)])
    )
    await store.put_setting("tenants", b"wrapped")
    await store.put_setting("ready", b"now")
    await store.index_audit([(1 << 12, Index(1, (9,)))], 1)


async def everything(source: Source) -> dict[str, Rows]:
    """All rows, with what is listed in the order in which they are compared."""
    found: dict[str, Rows] = {section.name: [] for section in SECTIONS}
    for section in SECTIONS:
        async for rows in source.rows(section):
            found[section.name] += rows
    found["timeline"].sort()
    return found


async def archived(place: Place) -> bytes:
    file = io.BytesIO()
    async with place.source() as source:
        async for _ in write_archive(source, file, KEY, "test", "2026-11-22T00:00:00+00:00"):
            pass
    return file.getvalue()


async def taken_in(target: Target, batches: list[tuple[Section, Rows]]) -> None:
    for section, rows in batches:
        await target.take(section, rows)
    await target.finish()


@pytest.mark.parametrize("to", ENGINES)
@pytest.mark.parametrize("origin", ENGINES)
async def test_everything_comes_over(place: Callable[[str], Place], origin: str, to: str) -> None:
    here, there = place(origin), place(to)
    store = await here.open()
    await filled(store)
    file = await archived(here)
    await taken_in(await there.target(), list(Archive(io.BytesIO(file), "x", KEY).rows()))
    async with here.source() as one, there.source() as other:
        kept, come = await everything(one), await everything(other)
    assert come == kept
    assert {name for name, rows in kept.items() if not rows} == set()
    assert [name for name, *_ in kept["setting"]] == ["tenants"]
    if origin == to:
        assert await archived(there) == file

    copy = await there.open()
    key = (1).to_bytes(16)
    for reading in (store, copy):
        assert [record.version for record in await reading.history(key, None, 20)] == [8, 7, 6, 5, 4, 3, 2, 1]
        assert [hit.value for hit in await reading.find(Plan((AnyOf((-7,)),)))] == [993]
        ranged = AnyInterval((Interval(7, low_from=1190),))
        assert await reading.count([AnyOf((2**63 - 1,)), ranged], 100) == 12
        assert (await reading.fetch([(await reading.find(Plan((AnyOf((7,)),))))[0].rid])).popitem()[1].body == b"body 7 1"
        assert [await reading.blobs.read(b"a" * 16, number) for number in (0, 2, 3)] == [b"chunk 0", b"chunk 2", None]
        assert await reading.key_holder(bytes([2]) * 16) == b"holder 2"
    assert [blob.id for blob in await copy.blobs.listed(b"", 9)] == [b"a" * 16, b"c" * 16]
    assert await copy.audit_watermark() == (0, (await store.audit_watermark())[1])
    assert await store.upkeep.totals() == await copy.upkeep.totals()
    assert await copy.upkeep.unfindable(await copy.upkeep.rows(0, 10)) == set()
    await copy.commit(Commit(4, [put(6000), put(1, 9)], jobs=[NewJob("kind", 0, b"new")], audit=[b"after"]))
    assert [hit.value for hit in await copy.find(Plan((AnyOf((-6000,)),)))] == [-5000]
    assert await copy.upkeep.damage() == []
    jobs = [job.id for job in await copy.jobs.lease(10, 20, 9)]
    assert len(jobs) == len(set(jobs)) == 3  # two that were open, one of them under a lease before, and the new one
    await store.close()
    await copy.close()


@pytest.mark.parametrize("origin", ENGINES)
async def test_a_moment_does_not_see_what_is_written_after_it(place: Callable[[str], Place], origin: str) -> None:
    here = place(origin)
    store = await here.open()
    await filled(store)
    before = await archived(here)
    file = io.BytesIO()
    async with here.source() as source:
        written = False
        async for _ in write_archive(source, file, KEY, "test", "2026-11-22T00:00:00+00:00"):
            if not written:
                await store.commit(Commit(4, [put(1, 9), put(7000)], audit=[b"meanwhile"]))
                written = True
    assert file.getvalue() == before
    assert await archived(here) != before
    await store.close()


async def small_archive(place: Callable[[str], Place]) -> bytes:
    here = place("sqlite")
    store = await here.open()
    await store.commit(Commit(4, [put(1), put(2)], [KeyClaim(b"k" * 16, b"holder", b"digest")], audit=[b"one"]))
    await store.put_setting("tenants", b"wrapped")
    file = await archived(here)
    await store.close()
    return file


def read(file: bytes, key: bytes = KEY) -> None:
    for _ in Archive(io.BytesIO(file), "some.backup", key).rows():
        pass


async def test_an_archive_that_is_not_whole_is_named(place: Callable[[str], Place]) -> None:
    file = await small_archive(place)
    read(file)
    for length in range(len(file)):
        with pytest.raises(PortableError, match=r"some\.backup is damaged"):
            read(file[:length])
    with pytest.raises(PortableError, match="damaged"):
        read(file + b"x")
    for place_of_byte in range(len(file)):
        changed = bytearray(file)
        changed[place_of_byte] ^= 1
        with pytest.raises(PortableError, match=r"some\.backup"):
            read(bytes(changed))


async def test_another_master_key_and_a_newer_format_are_named(
    place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await small_archive(place)
    with pytest.raises(PortableError, match="master key is not the one"):
        read(file, bytes(32))
    with pytest.raises(PortableError, match="no backup of Assent"):
        read(b"This is a letter to my aunt. " * 100)
    monkeypatch.setattr(archive, "FORMAT", 9)
    later = await small_archive(place)
    monkeypatch.undo()
    with pytest.raises(PortableError, match=r"newer Assent \(format 9, this one knows 1\)"):
        read(later)


async def test_an_archive_tells_nothing_but_names_of_sections(place: Callable[[str], Place]) -> None:
    """What is sealed stays so: an archive holds the store's own bytes and no others."""
    file = await small_archive(place)
    assert b"wrapped" in file
    assert b"body 1 1" in file
    assert KEY not in file


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_is_broken_off_leaves_nothing(place: Callable[[str], Place], engine: str) -> None:
    file = await small_archive(place)
    there = place(engine)
    target = await there.target()
    for section, rows in Archive(io.BytesIO(file), "x", KEY).rows():
        await target.take(section, rows)
    with pytest.raises(PortableError):
        await target.take(SECTIONS[0], [("tenants", b"again")])
    await target.abandon()
    assert there.files() == []
    await taken_in(await there.target(), list(Archive(io.BytesIO(file), "x", KEY).rows()))
    store = await there.open()
    assert (await store.upkeep.totals()).records == 2
    await store.close()


async def test_mongodb_takes_nothing_into_a_store_and_starts_on_no_half_of_one(place: Callable[[str], Place]) -> None:
    file = await small_archive(place)
    there = place("mongodb")
    batches = list(Archive(io.BytesIO(file), "x", KEY).rows())
    killed = await there.target()
    for section, rows in batches:
        await killed.take(section, rows)
    with pytest.raises(MongoSetupError, match="half of a backup"):
        await there.open()
    await taken_in(await there.target(), batches)
    store = await there.open()
    assert (await store.upkeep.totals()).records == 2
    await store.close()
    with pytest.raises(MongoSetupError, match="is not empty"):
        await there.target()


async def test_nothing_is_left_behind_by_oversight(place: Callable[[str], Place]) -> None:
    """Whoever adds a table or a collection says here whether it is in a backup."""
    sections = {section.name for section in SECTIONS}
    here = place("sqlite")
    store = await here.open()
    await store.close()
    with closing(open_connection(here.path, writable=False)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert tables - {"sqlite_sequence", "sqlite_stat1"} == sections | {"term", "interval"}
        for section in SECTIONS:
            if section.name not in {"blob", "chunk"}:  # not all of their rows, under other names
                columns = {name for (name,) in connection.execute(f"SELECT name FROM pragma_table_info('{section.name}')")}
                assert columns - {"lease_until"} == set(section.fields)
    made_again = {"counter", "mark", "upload"}
    assert set(COLLECTIONS) == {index.collection for index in INDEXES} | set(WITHOUT_INDEXES)
    assert set(COLLECTIONS) - made_again - {"record"} == sections - {"timeline", "resource"}
