"""`assent serve`: obstacles are named in one sentence, the banner comes when callers are answered, signals end it in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_server import free_port
from workers import PATIENCE, Worker

from server.config import ConfigurationError, Settings
from server.lock import folder_lock

ROOT = Path(__file__).parents[2]
UNSET = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}

PROGRAM = '''
"""Runs `assent serve` with a small application in the place of server.app."""
import asyncio, sys, types
from server.cli import main
from server.config import ConfigurationError

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if {problem!r}:
            raise {problem}
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        print("closed", flush=True)
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/slow":
        print("asked", flush=True)
        await asyncio.sleep(1)
    if scope["path"] == "/broken":
        raise ValueError("Villanueva")
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}})
    await send({{"type": "http.response.body", "body": b"ok"}})

module = types.ModuleType("server.app")
module.create_app = lambda settings, log: application
sys.modules["server.app"] = module
sys.exit(main(["serve"]))
'''


def environment(data: Path, port: int, **more: str) -> dict[str, str]:
    return {**UNSET, "ASSENT_DATA": str(data), "ASSENT_PORT": str(port), "ASSENT_SAMPLE": "0", **more}


def start(data: Path, port: int, problem: str = "", **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(problem=problem)],
        cwd=ROOT,
        env=environment(data, port, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server that has printed the first line of its banner."""
    process = start(data, port)
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/fhir" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str = "/") -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def refused(data: Path, port: int, problem: str = "", **more: str) -> str:
    """The sentence with which the server does not start."""
    output, errors = start(data, port, problem, **more).communicate(timeout=PATIENCE)
    assert output == ""
    last = errors.splitlines()[-1]
    assert last.startswith("assent: ")
    assert "Traceback" not in errors
    return last


def test_the_banner_comes_when_callers_are_answered_and_the_folder_is_private(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    with running(data, port):
        assert get(port) == 200
        assert data.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_end_closes_the_application_and_is_no_failure(
    tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        answers: list[int] = []
        caller = Worker(lambda: answers.append(get(port, "/slow")))
        assert process.stdout is not None
        while process.stdout.readline() != "asked\n":
            assert process.poll() is None
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
        caller.join()
    assert answers == [200]
    assert output.endswith("closed\n")
    assert process.returncode == 0
    assert "Traceback" not in errors
    with folder_lock(tmp_path):
        pass


def test_what_breaks_in_the_application_is_logged_without_its_words(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        assert get(port, "/broken?name=Villanueva") == 500
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["exception"] for line in lines if "exception" in line] == ["ValueError"]
    assert "Villanueva" not in errors
    assert "/broken" not in errors


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sentence = refused(tmp_path / "data", port)
    assert f"port {port}" in sentence
    assert "ASSENT_PORT" in sentence
    assert not (tmp_path / "data").exists()


def test_a_second_server_on_the_same_folder_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        sentence = refused(tmp_path, free_port())
        assert f"process {process.pid}" in sentence
        assert str(tmp_path) in sentence
        process.kill()
        process.wait()
    with running(tmp_path, free_port()) as again:
        assert again.poll() is None


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("ASSENT_DATA", "/dev/null/data", "/dev/null/data"),
        ("ASSENT_DATA", "/proc/assent", "/proc/assent"),
        ("ASSENT_HOST", "no-such-host.invalid", "ASSENT_HOST"),
        ("ASSENT_HOST", "192.0.2.1", "ASSENT_HOST"),
        ("ASSENT_STORE", "mysql://db/assent", "ASSENT_STORE"),
        ("ASSENT_PORT", "99999", "ASSENT_PORT"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, variable: str, value: str, word: str) -> None:
    assert word in refused(tmp_path, free_port(), **{variable: value})


def test_why_the_application_did_not_start_is_the_last_word(tmp_path: Path) -> None:
    assert refused(tmp_path, free_port(), 'ConfigurationError("The store is of a newer Assent.")') == (
        "assent: The store is of a newer Assent."
    )
    assert "could not start" in refused(tmp_path, free_port(), 'ValueError("Villanueva")')


@pytest.mark.parametrize("forbidden", [PermissionError(13, "x"), OSError(30, "x"), OSError(28, "x")], ids=str)
def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: OSError
) -> None:
    def deny(*arguments: object, **options: object) -> int:
        raise forbidden

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(ConfigurationError, match=r"is not writable .*ASSENT_DATA") as seen, folder_lock(tmp_path):
        pass
    assert str(tmp_path) in str(seen.value)


def test_the_lock_holds_within_one_process_too_and_is_let_go(tmp_path: Path) -> None:
    with folder_lock(tmp_path):
        with pytest.raises(ConfigurationError, match="Another Assent server"), folder_lock(tmp_path):
            pass
        with pytest.raises(ConfigurationError, match=f"process {os.getpid()}"), folder_lock(tmp_path):
            pass
    with folder_lock(tmp_path):
        pass


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("keep")
    (tmp_path / "server.lock").symlink_to(tmp_path / "target")
    with pytest.raises(ConfigurationError), folder_lock(tmp_path):
        pass
    assert (tmp_path / "target").read_text() == "keep"


@pytest.mark.parametrize(("data", "prefix"), [("assent-data", ""), ("other data", "ASSENT_DATA=")])
def test_the_banner_calls_assent_so_that_it_finds_the_same_folder(
    data: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from server.commands import serve

    monkeypatch.chdir(tmp_path)
    announce: Callable[[Settings], None] = serve._announce
    announce(Settings.from_environment({"ASSENT_DATA": data}))
    called = f"TOKEN=$({prefix}" + (f"'{tmp_path / data}' " if prefix else "") + "assent token --role staff)"
    assert called in capsys.readouterr().out
