"""A store of an earlier schema comes through an update with all that it holds; a step that fails or is killed leaves it whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from store_back_ends import seal_plainly

from server.config import ConfigurationError, Settings
from server.store import open as opening
from server.store.algebra import AnyOf, Plan
from server.store.mongo import migrations as mongo_migrations
from server.store.open import open_store
from server.store.sqlite import schema
from server.store.sqlite.migrations import FIRST_VERSION, STEPS, migrate, newest_version
from server.store.sqlite.schema import SCHEMA_VERSION, open_connection, prepare_schema
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Put

OLD_SCHEMA = (Path(__file__).parent / "schema_two.sql").read_text("utf-8")
LETTER = "CREATE TABLE letter (text TEXT) STRICT; INSERT INTO letter VALUES ('hello');"


def old_file(folder: Path) -> Path:
    path = folder / FILE_NAME
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(OLD_SCHEMA)
    return path


def tables(connection: apsw.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall())


async def test_a_file_of_schema_2_comes_through_with_all_it_holds(tmp_path: Path) -> None:
    store = SqliteStore(old_file(tmp_path), seal_plainly)
    assert [(record.version, record.updated, record.body) for record in await store.history(b"\xaa\x01", None, 9)] == [
        (2, 200, b"\xb2"),
        (1, 100, b"\xb1"),
    ]
    gone = await store.read(b"\xaa\x02")
    assert gone is not None
    assert (gone.deleted, gone.version) == (True, 2)
    assert [(hit.rid, hit.value) for hit in await store.find(Plan((AnyOf((7,)),)))] == [(1, 40)]
    assert await store.key_holder(b"\xee") == b"\xf1"
    assert [(job.id, job.kind, job.body) for job in await store.jobs.lease(100, 200, 9)] == [(5, "review", b"\x0b")]
    assert [(batch.seq, batch.count, batch.chain) for batch in await store.audit_batches(0, 9)] == [(1, 3, b"\xcc")]
    assert await store.audit_watermark() == (1, 1)
    assert await store.get_setting("tenants") == b"\x5e\xa1"
    await store.commit(Commit(1, [Put(b"\xaa\x01", 3, 400, b"\xb3")], audit=[b"seen"]))
    assert (await store.audit_watermark())[1] == 2
    await store.close()


def test_a_new_file_and_an_updated_one_have_the_same_tables(tmp_path: Path) -> None:
    new = open_connection(tmp_path / "new.db", writable=True)
    updated = open_connection(old_file(tmp_path), writable=True)
    for connection in (new, updated):
        prepare_schema(connection)
        assert connection.pragma("user_version") == SCHEMA_VERSION == FIRST_VERSION + len(STEPS)
    assert {name: " ".join(sql.split()) for name, sql in tables(new).items()} == {
        name: " ".join(sql.split()) for name, sql in tables(updated).items()
    }


def test_a_step_that_fails_leaves_the_file_as_it_was_and_those_before_it_in_place(tmp_path: Path) -> None:
    def fails(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM letter; DROP TABLE term")
        raise RuntimeError("the power of the test is gone")

    path = old_file(tmp_path)
    connection = open_connection(path, writable=True)
    with pytest.raises(RuntimeError):
        migrate(connection, (LETTER, fails))
    assert connection.pragma("user_version") == FIRST_VERSION + 1
    assert connection.execute("SELECT text FROM letter").fetchall() == [("hello",)]
    assert "term" in tables(connection)
    migrate(connection, (LETTER, "UPDATE letter SET text = 'bye'"))
    assert connection.execute("SELECT text FROM letter").fetchall() == [("bye",)]
    assert connection.pragma("user_version") == newest_version((LETTER, "")) == FIRST_VERSION + 2


def test_a_kill_inside_a_step_tears_nothing(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from server.store.sqlite.migrations import migrate\n"
        "from server.store.sqlite.schema import open_connection\n"
        "def killed(connection):\n"
        "    connection.execute('DELETE FROM resource; CREATE TABLE half (x) ')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"migrate(open_connection(Path(sys.argv[1]), writable=True), ({LETTER!r}, killed))\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program, str(path)], cwd=root, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    connection = open_connection(path, writable=True)
    assert connection.pragma("user_version") == FIRST_VERSION + 1
    assert connection.execute("SELECT count(*) FROM resource").fetchall() == [(2,)]
    assert "half" not in tables(connection)


def settings_of(folder: Path) -> Settings:
    return Settings.from_environment({"ASSENT_DATA": str(folder), "ASSENT_MASTER_KEY": "ab" * 32})


async def test_only_who_may_updates_a_store_and_says_so_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old_file(tmp_path)
    present = newest_version() + 1
    monkeypatch.setattr(opening, "SCHEMA_VERSION", present)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", present)
    with pytest.raises(
        ConfigurationError, match=rf"earlier Assent \(schema 2, this one uses {present}\): start the server"
    ):
        await open_store(settings_of(tmp_path), seal_plainly)
    said: list[tuple[str, int]] = []

    def hear(sentence: str) -> None:
        with closing(apsw.Connection(str(path))) as connection:
            said.append((sentence, connection.pragma("user_version")))

    opened = await open_store(settings_of(tmp_path), seal_plainly, update=hear)
    await opened.store.close()
    assert len(said) == 1
    assert f"from schema 2 to {present}" in said[0][0]
    assert "backup" in said[0][0]
    assert said[0][1] == FIRST_VERSION


async def test_mongodb_takes_only_the_steps_that_are_missing(database: AsyncDatabase[dict[str, Any]]) -> None:
    async def first(target: AsyncDatabase[dict[str, Any]]) -> None:
        await target["letter"].update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)

    async def second(target: AsyncDatabase[dict[str, Any]]) -> None:
        await target["letter"].update_one({"_id": 2}, {"$inc": {"n": 1}}, upsert=True)

    assert await mongo_migrations.migrate(database, 1, (first,)) == 2
    assert await mongo_migrations.migrate(database, 2, (first, second)) == 3
    assert await mongo_migrations.migrate(database, 3, (first, second)) == 3
    assert await database["letter"].find({}, sort=[("_id", 1)]).to_list() == [{"_id": 1, "n": 1}, {"_id": 2, "n": 1}]
