"""A server whose rules are others than those that its store was indexed by: nothing is missed in silence, and then all is found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from in_process import House, running_house
from mongod import url_of
from pymongo.asynchronous.database import AsyncDatabase

from server.seal.blind_index import BlindIndex
from server.search.index_schema import HISTORY, IndexSchema, fingerprints, present_schema, rules_digest
from server.search.strings import string_terms
from server.store.store import Index, Store
from server.store.upkeep import NewIndex
from server.upkeep import index_keeper
from server.upkeep.index_rules import RULES, WRITERS, stored_rules
from server.upkeep.progress import HELD_FOR, Place
from server.upkeep.reindex import SETTING

HELD = Place({0: int(rules_digest()[:15], 16)}, "records", 0, owner="somebody", until=0)


class Ground:
    """A store of the test's own: the application on it, started again and again, and what lies behind its back."""

    def __init__(self, data: Path, database: AsyncDatabase[dict[str, Any]] | None) -> None:
        self._data = data
        self._database = database

    def start(self) -> AbstractAsyncContextManager[House]:
        store = {} if self._database is None else {"ASSENT_STORE": url_of(self._database.name)}
        return running_house(self._data, **store)

    async def forget_history(self) -> None:
        """While nothing runs."""
        if self._database is None:
            with closing(apsw.Connection(str(self._data / "assent.db"))) as connection:
                connection.execute("DELETE FROM timeline")
        else:
            await self._database["record"].update_many({}, {"$unset": {"h": ""}})
            await self._database["version"].update_many({}, {"$unset": {"h": "", "e": ""}})

    async def damage_audit(self) -> None:
        """The first batch no longer opens. While nothing runs."""
        if self._database is None:
            with closing(apsw.Connection(str(self._data / "assent.db"))) as connection:
                connection.execute("UPDATE audit SET body = x'01' WHERE seq = 1")
        else:
            await self._database["audit"].update_one({"_id": 1}, {"$set": {"b": b"\1"}})


@pytest.fixture(params=["mongodb", "sqlite"])
async def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: AsyncDatabase[dict[str, Any]],
) -> Ground:
    monkeypatch.setattr(index_keeper, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(index_keeper, "SETTLE_SECONDS", 0.1)
    return Ground(tmp_path / "data", database if request.param == "mongodb" else None)


def now() -> int:
    return time.time_ns() // 1000


BEFORE = "be" * 16


def rules_before() -> bytes:
    """Those of a program that knew other rules for family names, and had no history of Patients and no AuditEvents."""
    unknown = {fingerprints("Patient")[code] for code in ("family", "name", HISTORY)} | set(
        fingerprints("AuditEvent").values()
    )
    return IndexSchema(BEFORE, present_schema().fingerprints - unknown).encode()


async def fill(house: House) -> None:
    async with house.client() as client:
        for family in ("Ink", "Quill"):
            patient = {
                "resourceType": "Patient",
                "id": "p",
                "name": [{"family": family}],
                "identifier": [{"value": "A-1"}],
            }
            assert (await client.put("/Patient/p", json=patient)).is_success


async def forget_names(store: Store, index: BlindIndex) -> None:
    """Leave the store as the program before would have: without family names."""
    names = {index.term("Patient", "family", text) for name in ("Ink", "Quill") for text in string_terms("family", name)}
    for row in await store.upkeep.rows(0, 10):
        kept = tuple(term for term in row.index.terms if term not in names)
        before = Index(row.index.order, kept, row.index.intervals)
        await store.upkeep.reindex([NewIndex(row.record.rid, row.record.version, before)])
    await store.put_setting(RULES, rules_before())


async def held(store: Store, *, until: int) -> None:
    """Somebody else makes everything findable anew."""
    await store.put_setting(SETTING, msgspec.json.encode(msgspec.structs.replace(HELD, until=until)))


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        met = await condition()
        while not met:
            await asyncio.sleep(0.02)
            met = await condition()


async def found(house: House, query: str) -> int:
    async with house.client() as client:
        answer = await client.get(f"/{query}")
        if answer.status_code == 503:
            assert "index-rebuilding" in answer.text
            assert int(answer.headers["Retry-After"]) > 0
            return -1
        assert answer.status_code == 200, answer.text
        return len(answer.json().get("entry", []))


async def test_what_the_rules_before_did_not_make_is_refused_until_it_is_made(place: Ground) -> None:
    async with place.start() as house:
        await fill(house)
        await forget_names(house.services.store, house.services.keyring.by_number(1).index)
        await held(house.services.store, until=now() + HELD_FOR)
    await place.forget_history()
    async with place.start() as house:
        services = house.services
        for query in ("Patient?family=quill", "Patient?name=quill", "Patient?name=q&identifier=A-1", "Patient/_history"):
            assert await found(house, query) == -1, query
        assert await found(house, "AuditEvent?type=rest") == -1
        assert await found(house, "_history") == -1
        for query in ("Patient?identifier=A-1", "Patient", "Patient?given=x&_count=1", "Patient/p/_history"):
            assert await found(house, query) >= 0, query
        async with house.client() as client:
            conditional = await client.put("/Patient?family=quill", json={"resourceType": "Patient"})
            assert conditional.status_code == 503
            assert (await client.get("/Patient/p")).status_code == 200
        assert (await stored_rules(services.store)).digest == BEFORE

        await held(services.store, until=0)
        await until(lambda: stored_digest(services.store, rules_digest()))
        await until(lambda: whole(house))
        assert await found(house, "Patient?family=quill") == 1
        assert await found(house, "Patient?family=ink") == 0
        assert await found(house, "Patient/_history") == 2
        assert await found(house, "Patient/_history?_at=2020") == 0
        assert await found(house, "AuditEvent?type=rest") > 0
    async with place.start() as house:
        assert house.services.index_state.is_whole


async def stored_digest(store: Store, wanted: str) -> bool:
    return (await stored_rules(store)).digest == wanted


async def whole(house: House) -> bool:
    return house.services.index_state.is_whole


async def test_a_store_that_does_not_say_its_rules_is_indexed_before_it_is_searched(place: Ground) -> None:
    async with place.start() as house:
        await fill(house)
        await house.services.store.put_setting(RULES, b"nonsense")
        await held(house.services.store, until=now() + HELD_FOR)
    async with place.start() as house:
        assert await found(house, "Patient?identifier=A-1") == -1
        assert await found(house, "Coverage") == -1
        await held(house.services.store, until=0)
        await until(lambda: whole(house))
        assert await found(house, "Patient?identifier=A-1") == 1


async def test_an_audit_record_that_does_not_open_keeps_nothing_else_from_being_found(place: Ground) -> None:
    async with place.start() as house:
        await fill(house)
        assert await found(house, "AuditEvent?type=rest") > 0  # findable by the rules of before
        await house.services.store.put_setting(RULES, rules_before())
    await place.damage_audit()
    async with place.start() as house:
        await until(lambda: whole(house))
        assert await found(house, "Patient?family=quill") == 1


async def test_a_new_store_needs_nothing(place: Ground) -> None:
    async with place.start() as house:
        assert house.services.index_state.is_whole
        assert await stored_digest(house.services.store, rules_digest())


async def test_servers_of_two_versions_on_one_database_refuse_what_only_one_of_them_makes(
    tmp_path: Path, database: AsyncDatabase[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keeper, "LOOK_SECONDS", 0.05)
    place = Ground(tmp_path / "data", database)
    async with place.start() as house:
        await fill(house)
        store = house.services.store
        assert await found(house, "Patient?family=quill") == 1
        await store.put_setting(f"{RULES}-{BEFORE}", rules_before())
        await other_writes(store, now())
        await until(lambda: doubts(house))
        assert await found(house, "Patient?family=quill") == -1
        assert await found(house, "Patient?identifier=A-1") == 1
        await other_writes(store, now() - HELD_FOR - 1)
        await until(lambda: whole(house))
        assert await found(house, "Patient?family=quill") == 1


async def doubts(house: House) -> bool:
    return not house.services.index_state.is_whole


async def other_writes(store: Store, at: int) -> None:
    """A server of the version before says that it writes."""
    seen = msgspec.json.decode(await store.get_setting(WRITERS) or b"{}", type=dict[str, int])
    await store.put_setting(WRITERS, msgspec.json.encode({**seen, BEFORE: at}))


async def test_a_fault_of_ours_in_the_background_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: index_keeper.IndexKeeper) -> None:
        raise LookupError("what it says may be anybody's data")

    monkeypatch.setattr(index_keeper.IndexKeeper, "run", fails)
    async with running_house(tmp_path / "data") as house:
        await until(lambda: logged(house, b"background work ended"))
        assert await found(house, "Patient") == 0
        assert not await logged(house, b"anybody")


async def logged(house: House, words: bytes) -> bool:
    return words in b"".join(house.log)
