"""Another process on the same store: a second server is refused, commands work beside a server or say why not, and where no lock
keeps two servers apart, nothing is lost all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import fcntl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
from live_server import LiveServer, free_port
from store_back_ends import seal_plainly
from workers import Worker

from server.cli import build_parser, main
from server.config import ConfigurationError
from server.lock import folder_lock
from server.store.sqlite import group_commit
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Commit, Index, Put, StoreUnavailableError

BESIDE = (
    ["version"],
    ["token", "--role", "staff"],
    ["tenant", "list"],
    ["tenant", "validation", "default", "show"],
    ["tenant", "consent", "default", "show"],
    ["tenant", "second-factor", "default", "show"],
    ["keys", "status"],
    ["jobs", "list"],
    ["package", "list"],
    ["reindex"],
    ["backup", "FILE"],
    ["audit", "verify"],
    ["audit", "export"],
    ["user", "list"],
    ["client", "list"],
    ["provider", "list"],
    ["terminology", "load", "CODES", "--url", "urn:codes", "--edition", "1", "--name", "Codes"],
)
"""Commands that may run while a server does, ..."""

ALONE = (["serve"], ["fsck"], ["fsck", "--mend"], ["restore", "FILE"], ["load", "FILE"])
"""... and those that may not. (`tenant create`, `tenant retire` and `keys rotate`: tests/cli.)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    made = LiveServer(tmp_path_factory.mktemp("first") / "data", ASSENT_SAMPLE="0")
    made.start()
    made.client().post("/Patient", json={"resourceType": "Patient"}).raise_for_status()
    yield made
    made.stop()


@pytest.fixture
def beside(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this process are for the server's folder."""
    monkeypatch.setenv("ASSENT_DATA", str(server.data))
    monkeypatch.setenv("ASSENT_SAMPLE", "0")
    monkeypatch.setenv("ASSENT_PORT", str(free_port()))


def test_every_command_is_of_one_kind_or_the_other() -> None:
    choices = next(action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    told = {words[0] for words in (*BESIDE, *ALONE)}
    assert {parser.get_default("command") or name for name, parser in choices.items()} == told


@pytest.mark.parametrize("words", BESIDE, ids=" ".join)
@pytest.mark.usefixtures("beside")
def test_commands_that_work_beside_a_server(server: LiveServer, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "codes.csv").write_text("code\na\n")
    files = {"FILE": str(tmp_path / "copy.ndjson"), "CODES": str(tmp_path / "codes.csv")}
    assert main([files.get(word, word) for word in words]) == 0
    assert server.client().get("/Patient").status_code == 200


@pytest.mark.parametrize("words", ALONE, ids=" ".join)
@pytest.mark.usefixtures("beside")
def test_commands_that_want_the_store_for_themselves(
    server: LiveServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (tmp_path / "copy.ndjson").write_bytes(b"")
    assert main([str(tmp_path / "copy.ndjson") if word == "FILE" else word for word in words]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert f"process {server.pid}" in lines[0]
    assert str(server.data) in lines[0]
    assert server.client().get("/Patient").status_code == 200


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def deny(*arguments: object) -> None:
        raise OSError(number, "x")

    monkeypatch.setattr(fcntl, "flock", deny)
    with pytest.raises(ConfigurationError, match=r"without locks.*ASSENT_DATA"), folder_lock(tmp_path):
        pass


@pytest.mark.slow
def test_two_servers_that_no_lock_keeps_apart_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk whose locks do not reach the other one. It is nothing to rely on; it must not cost anybody's data."""
    first = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    second = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    first.start()
    (tmp_path / "data" / "server.lock").unlink()
    second.start()
    try:
        shared = first.client().post("/Patient", json={"resourceType": "Patient"}).json()["id"]
        acknowledged: list[str] = []
        won: list[str] = []

        def write(server: LiveServer) -> None:
            client = server.client()
            for number in range(20):
                answer = client.post("/Patient", json={"resourceType": "Patient"})
                assert answer.status_code in {201, 503}, answer.text
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                version = {"If-Match": f'W/"{number + 1}"'}
                changed = client.put(f"/Patient/{shared}", json={"resourceType": "Patient", "id": shared}, headers=version)
                assert changed.status_code in {200, 409, 412, 503}, changed.text
                if changed.status_code == 200:
                    won.append(changed.headers["ETag"])

        writers = [Worker(lambda server=server: write(server)) for server in (first, second) for _ in range(2)]
        for writer in writers:
            writer.join()
        assert len(won) == len(set(won))
        client = second.client()
        assert len(acknowledged) > 40
        assert {client.get(f"/Patient/{id_}").status_code for id_ in acknowledged} == {200}
    finally:
        first.stop()
        second.stop()
    monkeypatch.setenv("ASSENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ASSENT_PORT", str(first.port))
    assert main(["fsck"]) == 0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / FILE_NAME, seal_plainly)
    yield opened
    await opened.close()


async def test_while_another_process_holds_the_store_nothing_else_waits(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command is in the middle of its commit: changes wait for it, in a thread; after a time they are told."""
    other = apsw.Connection(str(tmp_path / FILE_NAME))
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.commit(_commit(b"a")))
    for _ in range(20):  # nothing but the change is held up
        await asyncio.sleep(0.005)
        assert await store.read(b"x" * 16) is None
    assert not waiting.done()
    other.execute("ROLLBACK")
    await waiting
    monkeypatch.setattr(group_commit, "BUSY_MS", 50)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError) as refused:
        await store.commit(_commit(b"b"))
    assert refused.value.trouble == "busy"
    other.execute("ROLLBACK")
    await store.commit(_commit(b"b"))
    other.close()


def _commit(letter: bytes) -> Commit:
    return Commit(1, [Put(letter * 16, 1, 1, b"body", Index(1, (1,)))], audit=[b"told"])
