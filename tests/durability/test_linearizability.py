"""Recorded histories of parallel callers are linearizable: on both engines, over `kill -9`, step-down, and a primary that falls silent.

The callers are threads with sockets of their own; what they saw is judged by tests/linearizability.py. A server that now and then
shows what was true a moment ago is found out, so that the judge is known to be awake.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from history import Recorder
from live_server import LiveServer
from mongod import binary, mongodb_url
from nursery import DyingServer, Nursery
from pymongo import MongoClient
from replica_set import ReplicaSet
from store_facts import facts

OPERATIONS = 200
"""At least so many before the fault and after it."""


def url_on(server: str) -> str:
    before, _, options = server.partition("?")
    return f"{before.rstrip('/')}/assent_history_{os.getpid()}?{options}"


@pytest.fixture(params=["sqlite", "mongodb"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """The program on each engine."""
    settings = {"ASSENT_SAMPLE": "0"}
    if request.param == "mongodb":
        settings["ASSENT_STORE"] = url_on(mongodb_url())
    program = LiveServer(tmp_path / "data", **settings)
    program.start()
    yield program
    program.stop()
    if request.param == "mongodb":
        with MongoClient[dict[str, Any]](settings["ASSENT_STORE"]) as client:
            client.drop_database(client.get_default_database())


def report(recorder: Recorder, capsys: pytest.CaptureFixture[str], what: str) -> None:
    with capsys.disabled():
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(recorder.statuses.items()))
        print(
            f"\n  {what}: {recorder.operations()} operations ({recorder.unknown()} of unknown outcome) in one order; {statuses}"
        )


@pytest.mark.slow
def test_histories_are_linearizable_also_over_kill_nine(server: LiveServer, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder(server.base, server.token())

    def kill_and_start() -> None:
        server.kill()
        server.start()

    recorder.record(OPERATIONS, kill_and_start)
    assert {200, 201, 204, 412} <= set(recorder.statuses)
    recorder.check()
    report(recorder, capsys, "kill -9")


@pytest.mark.slow
def test_a_server_that_shows_the_past_is_found_out(tmp_path: Path) -> None:
    """A store whose reads are now and then a moment old: each shows something that was true once."""
    nursery = Nursery()
    server = DyingServer(tmp_path / "data", nursery, ASSENT_SAMPLE="0", TEST_STALE_READS="1")
    server.start()
    recorder = Recorder(server.base, server.token())
    with pytest.raises(AssertionError, match="none of these can be next"):
        record_and_check(recorder, times=20)
    server.stop()
    nursery.end()


def record_and_check(recorder: Recorder, times: int) -> None:
    for _ in range(times):
        recorder.record(30)
        recorder.check()


# -- three members of a replica set ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three() -> Iterator[ReplicaSet]:
    members = ReplicaSet(binary())
    yield members
    members.remove()


@pytest.fixture(scope="module")
def on_three(three: ReplicaSet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    program = LiveServer(
        tmp_path_factory.mktemp("three") / "data", ASSENT_STORE=three.url("assent_three"), ASSENT_SAMPLE="0"
    )
    program.start()
    yield program
    program.stop()


def step_down(three: ReplicaSet, server: LiveServer) -> None:
    three.step_down()


def kill_primary(three: ReplicaSet, server: LiveServer) -> None:
    member = three.kill_primary()
    write_again(server)
    member.start(initiate=False)


def stall_primary(three: ReplicaSet, server: LiveServer) -> None:
    """It comes back to life, and believes that it is the primary still, when all others have long gone on."""
    member = three.stall_primary()
    write_again(server)
    three.wake(member)


def write_again(server: LiveServer) -> None:
    """Wait until a write is acknowledged, with the member still away."""
    with server.client() as client:
        while (status := client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}}).status_code) != 201:
            assert status == 503


@pytest.mark.slow
@pytest.mark.parametrize("fault", [step_down, kill_primary, stall_primary], ids=lambda fault: fault.__name__)
def test_a_fail_over_loses_nothing_and_shows_nothing_twice(
    on_three: LiveServer,
    three: ReplicaSet,
    fault: Callable[[ReplicaSet, LiveServer], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Callers see right answers or 503 with Retry-After; afterwards the server goes on by itself, and the store agrees."""
    three.wait_for_health()
    recorder = Recorder(
        on_three.base, on_three.token(), seed=["step_down", "kill_primary", "stall_primary"].index(fault.__name__)
    )
    recorder.record(OPERATIONS, lambda: fault(three, on_three))
    three.wait_for_health()
    recorder.check()
    with on_three.client() as client:
        assert client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "after"}}).status_code == 201
    assert httpx.get(f"{on_three.root}/ready").status_code == 200
    settings = {"ASSENT_DATA": str(on_three.data), "ASSENT_PORT": str(on_three.port)}
    facts({**settings, "ASSENT_STORE": three.url("assent_three")}).check()
    report(recorder, capsys, fault.__name__)
