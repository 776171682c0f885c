"""`assent fsck` names what somebody did to the store behind the server's back, mends what can be mended, and `assent reindex` too."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from in_process import House, running_house
from live_server import LiveServer
from program import assent, refused

from server.repository import Repository
from server.store.store import Commit

WELL = "all is well."


async def fill(house: House) -> None:
    async with house.client() as client:
        for family in ("Quill", "Ink", "Paper"):
            content = {"resourceType": "Patient", "id": "one", "name": [{"family": family}], "birthDate": "1970-01-01"}
            assert (await client.put("/Patient/one", json=content)).is_success
        observation = {
            "resourceType": "Observation",
            "id": "two",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": "Patient/one"},
            "effectiveDateTime": "2026-01-01",
        }
        assert (await client.put("/Observation/two", json=observation)).is_success
        assert (await client.put("/Patient/gone", json={"resourceType": "Patient", "id": "gone"})).is_success
        assert (await client.delete("/Patient/gone")).is_success
    async with house.client(tenant="north") as north:
        content = {"resourceType": "Patient", "id": "one"}
        assert (await north.put(f"{house.root}/t/north/fhir/Patient/one", json=content)).is_success
    services = house.services
    repository = Repository(services.store, services.keyring.by_number(1), house.base, services.clock)
    await services.store.commit(
        Commit(1, keys=[repository.claim(("a",), "Patient/one"), repository.claim(("b",), "Patient/gone/_history/2")])
    )


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed data folder in which all is well."""
    data = tmp_path_factory.mktemp("well") / "data"

    async def make() -> None:
        async with running_house(data) as house:
            await fill(house)
            await house.services.audit.catch_up()

    asyncio.run(make())
    return data


@pytest.fixture
def data(well: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(well, copy)
    return copy


def change(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data / "assent.db")) as database:
        for statement in statements:
            assert database.execute(statement).rowcount != 0, statement
        database.commit()


def test_a_store_in_which_all_is_well(data: Path) -> None:
    run = assent("fsck", data=data)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith(WELL + "\n")


FLIPPED = "CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)"
ONE = "WHERE rid = 1"
DAMAGE = {
    "a byte of a record": ([f"UPDATE resource SET body = {FLIPPED} {ONE}"], "default Patient/one version 3 does not open"),
    "a byte of an old version": (
        [f"UPDATE version SET body = {FLIPPED} {ONE} AND version = 2"],
        "default Patient/one version 2 does not open",
    ),
    "a lost version": (["DELETE FROM version WHERE rid = 1 AND version = 2"], "default Patient/one version 2 is missing"),
    "an older body": (
        [f"UPDATE resource SET body = (SELECT body FROM version {ONE} AND version = 2) {ONE}"],
        "default Patient/one version 3 does not open",
    ),
    "another's body": (
        ["UPDATE resource SET body = (SELECT body FROM resource WHERE rid = 2) WHERE rid = 1"],
        "default Patient/one version 3 does not open",
    ),
    "another time": ([f"UPDATE resource SET updated = updated + 1 {ONE}"], "version 3 tells another id, version or time"),
    "times in disorder": (
        ["UPDATE version SET updated = updated + 99999999999 WHERE rid = 1 AND version = 1"],
        "version 1 is not older than version 2",
    ),
    "another tenant": ([f"UPDATE resource SET tenant = 2 {ONE}"], "north row 1 version 3 does not open"),
    "no such tenant": ([f"UPDATE resource SET tenant = 9 {ONE}"], "of tenant 9, and there is no such tenant"),
    "a lost holder": (
        ["DELETE FROM resource WHERE rid = 1", "DELETE FROM version WHERE rid = 1"],
        "held by Patient/one, which",
    ),
    "a changed holder": (["UPDATE unique_key SET holder = x'0102'"], "does not open"),
    "a changed audit batch": (
        [f"UPDATE audit SET body = {FLIPPED} WHERE seq = 2"],
        "Audit batch 2 does not fit the one before",
    ),
    "a lost audit batch": (
        ["DELETE FROM audit WHERE seq = 3"],
        "Audit batch 4 follows batch 2: what was between is missing",
    ),
    "the trail's end": (["DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"], "its end is missing"),
    "another count": (["UPDATE audit SET count = 5 WHERE seq = 1"], "Audit batch 1 holds another number of records"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_and_left_alone(data: Path, what: str) -> None:
    statements, words = DAMAGE[what]
    change(data, *statements)
    run = assent("fsck", data=data)
    assert (run.returncode, run.stderr) == (1, "")
    assert words in run.stdout
    assert "differ" in run.stdout.splitlines()[-1]
    assert "Quill" not in run.stdout
    again = assent("fsck", "--mend", data=data)
    assert again.returncode == 1
    assert words in again.stdout


TERMS: dict[str, list[str]] = {
    "lost terms": ["DELETE FROM term"],
    "one lost term": ["DELETE FROM term WHERE rid = 1 AND term = (SELECT max(term) FROM term WHERE rid = 1)"],
    "lost dates": ["DELETE FROM interval"],
    "other terms": ["UPDATE resource SET terms = x'0100000000000000' WHERE rid = 1"],
    "another order": ["UPDATE resource SET ord = 5 WHERE rid = 2"],
    "no terms": ["UPDATE resource SET terms = x'', intervals = x''"],
    "terms of a deletion": ["UPDATE resource SET terms = x'0100000000000000' WHERE deleted = 1"],
}


@pytest.mark.parametrize("command", ["fsck", "reindex"])
@pytest.mark.parametrize("what", TERMS)
def test_what_a_record_is_found_by_is_mended(data: Path, what: str, command: str) -> None:
    change(data, *TERMS[what])
    assert assent("fsck", data=data).returncode == 1
    mended = assent("fsck", "--mend", data=data) if command == "fsck" else assent("reindex", data=data)
    assert (mended.returncode, mended.stderr) == (0, "")
    assert ("mended" in mended.stdout) == (command == "fsck")
    assert assent("fsck", data=data).stdout.endswith(WELL + "\n")

    async def search() -> list[int]:
        async with running_house(data) as house, house.client() as client:
            queries = ("Patient?family=paper", "Patient?birthdate=1970", "Observation?date=2026-01-01&subject=Patient/one")
            return [len((await client.get(f"/{query}")).json().get("entry", [])) for query in queries]

    assert asyncio.run(search()) == [1, 1, 1]


def test_a_file_whose_pages_are_damaged_is_told(data: Path) -> None:
    with closing(sqlite3.connect(data / "assent.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA writable_schema = 1")
        database.execute("DELETE FROM term WHERE rid = -1")
        row = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'interval_of_record'").fetchone()
        size = database.execute("PRAGMA page_size").fetchone()[0]
    with (data / "assent.db").open("r+b") as file:
        file.seek((row[0] - 1) * size)
        file.write(bytes(8))
    run = assent("fsck", data=data)
    assert run.returncode != 0
    assert "damaged" in run.stdout or "could not" in run.stderr or "does not answer" in run.stderr


def test_a_running_server_s_store_is_not_checked_but_made_findable(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    try:
        body = {"resourceType": "Patient", "id": "p", "name": [{"family": "Quill"}]}
        assert server.client().put("/Patient/p", json=body).status_code == 201
        refused(assent("fsck", data=server.data), "uses the data folder")
        change(server.data, "DELETE FROM term")
        assert "entry" not in server.client().get("/Patient?family=quill").json()
        run = assent("reindex", data=server.data)
        assert (run.returncode, run.stderr) == (0, "")
        assert "1 records were not found by what they say and are now" in run.stdout
        assert "by the present rules" in assent("reindex", "--status", data=server.data).stdout
        assert len(server.client().get("/Patient?family=quill").json()["entry"]) == 1
    finally:
        server.stop()


def test_rules_of_another_program_are_told_and_left_to_a_reindex(data: Path) -> None:
    change(data, "DELETE FROM setting WHERE name = 'index-rules'", "DELETE FROM timeline")
    run = assent("fsck", "--mend", "--json", data=data)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [line["mended"] for line in lines[:-1]] == [False]
    assert "assent reindex" in lines[0]["sentence"]
    assert (lines[-1]["found"], lines[-1]["mended"]) == (1, 0)
    assert "rules have changed" in assent("reindex", "--status", data=data).stdout
    assert assent("reindex", data=data).returncode == 0
    assert assent("fsck", data=data).stdout.endswith(WELL + "\n")


def test_a_version_that_is_in_no_history_is_told_and_listed(data: Path) -> None:
    change(data, "DELETE FROM timeline WHERE rid = 1 AND version = 2")
    assert "Patient/one version 2 is not in the history of its type." in assent("fsck", data=data).stdout
    assert assent("fsck", "--mend", data=data).returncode == 0
    assert assent("fsck", data=data).stdout.endswith(WELL + "\n")


def test_what_is_not_there_is_not_checked(tmp_path: Path) -> None:
    refused(assent("fsck", data=tmp_path / "none"), "no store")
    refused(assent("reindex", data=tmp_path / "none"), "no store")
