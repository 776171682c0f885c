"""More callers than the process can take, callers who do not read, and an end in the middle of it all."""

from __future__ import annotations

import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer, free_port
from workers import PATIENCE, Worker, eventually

from server.commands import serve
from server.config import Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    made = LiveServer(tmp_path_factory.mktemp("crowds") / "data", ASSENT_SAMPLE="0")
    made.start()
    yield made
    made.stop()


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def connect(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def test_a_process_that_may_open_no_more_files_serves_whom_it_has_and_recovers(server: LiveServer) -> None:
    client = server.client()
    made = client.post("/Patient", json=patient()).json()["id"]
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    held = len(os.listdir(f"/proc/{server.pid}/fd"))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (held + 10, hard))
    try:
        with ExitStack() as crowd:
            for _ in range(60):
                with suppress(OSError):
                    crowd.enter_context(connect(server))
            for _ in range(5):
                assert client.get(f"/Patient/{made}").status_code == 200
                assert client.post("/Patient", json=patient()).status_code == 201
        eventually(lambda: _answers(server), "the crowd is gone")
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert server.client().get(f"/Patient/{made}").status_code == 200


def _answers(server: LiveServer) -> bool:
    try:
        return httpx.get(f"{server.root}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_the_server_asks_for_as_many_files_as_it_may_have(server: LiveServer) -> None:
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_callers_who_do_not_read_their_answers_are_in_nobody_s_way(server: LiveServer) -> None:
    client = server.client()
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * 2_000_000}</div>'}
    made = client.post("/Patient", json=patient(text=text)).json()["id"]
    ask = f"GET /fhir/Patient/{made} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n\r\n".encode()
    with ExitStack() as crowd:
        for _ in range(20):
            reader = crowd.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", server.port))
            reader.sendall(ask)
            assert reader.recv(20).startswith(b"HTTP/1.1 200")
        assert client.get(f"/Patient/{made}").status_code == 200
        assert client.post("/Patient", json=patient()).status_code == 201


def test_who_takes_nothing_for_a_minute_is_hung_up_on() -> None:
    """The system does it; every connection has the limit of the listener."""
    settings = Settings.from_environment({"ASSENT_PORT": str(free_port())})
    with serve.listener(settings) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == serve.UNREAD_MS


@pytest.mark.slow
def test_a_signal_in_the_middle_of_it_all_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=server.base, headers=server.client().headers, timeout=PATIENCE) as client:
            while True:
                try:
                    answer = client.post("/Patient", json=patient())
                except httpx.TransportError:  # the connection ended, between two requests or with one
                    return
                assert answer.status_code in {201, 503}, answer.text
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                if len(acknowledged) > 50:
                    enough.set()

    callers = [Worker(write) for _ in range(8)]
    assert enough.wait(PATIENCE)
    os.kill(server.pid, signal.SIGTERM)
    assert server.stop() == 0
    for caller in callers:
        caller.join()
    assert "Traceback" not in server.log.read_text()
    server.start()
    client = server.client()
    assert {client.get(f"/Patient/{id_}").status_code for id_ in acknowledged} == {200}
    assert server.stop() == 0
