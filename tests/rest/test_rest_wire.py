"""Bytes on the wire that no client library would send: the server answers or hangs up, quickly, and stays well."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import httpx
import pytest
from live_server import LiveServer
from rest_help import FHIR, refused
from workers import PATIENCE, repeated

LIMIT = 50 * 2**20


def talk(server: LiveServer, data: bytes, wait: float = 1.5, answers: int = 0) -> bytes:
    """Send bytes, then read until the server hangs up or is silent for a moment, but not before it has begun `answers` answers."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.settimeout(PATIENCE)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        received = b""
        connection.settimeout(0.2)
        started = time.monotonic()
        while time.monotonic() - started < (PATIENCE if received.count(b"HTTP/1.1 ") < answers else wait):
            try:
                part = connection.recv(65536)
            except TimeoutError:
                if received and received.count(b"HTTP/1.1 ") >= answers:
                    break
                continue
            except ConnectionResetError:
                break
            if not part:
                break
            received += part
        return received


@pytest.fixture(autouse=True)
def _stays_well(live_server: LiveServer) -> object:
    yield
    assert httpx.get(f"{live_server.root}/ready", timeout=PATIENCE).status_code == 200


def request(server: LiveServer, head: str, body: bytes = b"", *, token: bool = True) -> bytes:
    authorization = f"Authorization: Bearer {server.token()}\r\n" if token else ""
    return f"{head}\r\nHost: x\r\n{authorization}".encode("latin-1") + body


def status(received: bytes) -> int:
    assert received.startswith(b"HTTP/1.1 "), received[:200]
    return int(received[9:12])


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /fhir/Patient\r\n\r\n",
    b"GET /fhir/Patient HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /fhir/Patient HTTP/1.1\r\nHost x\r\n\r\n",
    b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"FROBNICATE /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
    b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    b"GET /fhir/Patient?name=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /fhir/\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nAccept: \x00\r\n\r\n",
    b"GET http://elsewhere.example/fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"\x00" * 5000,
]


@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: repr(data[:40]))
def test_garbage_is_refused(live_server: LiveServer, data: bytes) -> None:
    received = talk(live_server, data)
    if received:
        assert 400 <= status(received) < 500
        assert b"Traceback" not in received


def test_a_query_that_is_too_long_is_told_so(live_server: LiveServer) -> None:
    received = talk(
        live_server, request(live_server, f"GET /fhir/Patient?name={'x' * 65_600} HTTP/1.1", b"\r\n"), answers=1
    )
    assert status(received) in {400, 414}
    shorter = talk(live_server, request(live_server, f"GET /fhir/Patient?name={'x' * 30_000} HTTP/1.1", b"\r\n"), answers=1)
    assert status(shorter) == 200


def test_pipelined_requests_are_answered_in_order(live_server: LiveServer) -> None:
    one = request(live_server, "GET /fhir/Patient/p01 HTTP/1.1", b"X-Request-Id: one\r\n\r\n")
    two = request(live_server, "GET /fhir/Patient/none HTTP/1.1", b"X-Request-Id: two\r\n\r\n")
    three = request(live_server, "GET /health HTTP/1.1", b"\r\n", token=False)
    received = talk(live_server, one + two + three, answers=3)
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]
    assert received.index(b"x-request-id: one") < received.index(b"x-request-id: two")


def test_garbage_after_a_good_request_ends_the_connection(live_server: LiveServer) -> None:
    received = talk(
        live_server, request(live_server, "GET /fhir/Patient/p01 HTTP/1.1", b"\r\n") + b"\x00garbage\r\n\r\n", answers=1
    )
    assert status(received) in {200, 400}
    assert received.count(b"HTTP/1.1 200") <= 1


def test_two_authorization_headers(live_server: LiveServer) -> None:
    twice = request(
        live_server, "GET /fhir/Patient HTTP/1.1", f"Authorization: Bearer {live_server.token()}\r\n\r\n".encode()
    )
    received = talk(live_server, twice, answers=1)
    assert status(received) == 401
    assert b"more than one" in received


def test_a_body_that_never_ends_stores_nothing(live_server: LiveServer) -> None:
    client = live_server.client()
    before = client.get("/Basic?_summary=count").json()["total"]
    head = request(
        live_server, "POST /fhir/Basic HTTP/1.1", b"Content-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n"
    )
    received = talk(live_server, head + b'{"resourceType":"Basic","code":{"text":"x"}}', wait=1.0)
    assert received == b"" or status(received) >= 400
    assert client.get("/Basic?_summary=count").json()["total"] == before


def test_sixty_megabytes_of_nesting_are_refused_at_once(live_server: LiveServer) -> None:
    """Told by Content-Length: refused before the body is read. The others are not kept waiting."""
    body = b"[" * (60 * 2**20)
    client = live_server.client()
    times: list[float] = []

    with httpx.Client() as other:

        def look() -> None:
            started = time.monotonic()
            assert other.get(f"{live_server.root}/health").status_code == 200
            times.append(time.monotonic() - started)

        with repeated(look):
            try:
                answer = client.post("/Patient", content=body, headers=FHIR)
                refused(answer, 413, "body-too-large", "http.body")
            except httpx.TransportError:  # hung up on while still sending: as good as an answer
                pass
    assert len(times) >= 2
    assert max(times) < 15
    head = request(
        live_server,
        "POST /fhir/Patient HTTP/1.1",
        f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n".encode(),
    )
    assert status(talk(live_server, head, answers=1)) == 413, "without a byte of it"


def test_sixty_megabytes_without_a_length_are_refused_when_there_are_too_many(live_server: LiveServer) -> None:
    def chunks() -> object:
        for _ in range(60):
            yield b"[" * 2**20

    try:
        answer = live_server.client().post("/Patient", content=chunks(), headers=FHIR)
        refused(answer, 413, "body-too-large")
    except httpx.TransportError:
        pass


@pytest.mark.parametrize("byte", [b"[", b'{"a":', b" ", b"0"])
def test_as_much_as_is_allowed_of_nothing_sensible(live_server: LiveServer, byte: bytes) -> None:
    body = (byte * (20 * 2**20 // len(byte)))[: 20 * 2**20]
    started = time.monotonic()
    answer = live_server.client().post("/Patient", content=body, headers=FHIR)
    assert time.monotonic() - started < PATIENCE
    refused(answer, 400, "body-not-json", "http.body")


def test_many_connections_that_say_nothing_are_in_nobody_s_way(live_server: LiveServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", live_server.port)) for _ in range(200)]
    try:
        assert live_server.client().get("/Patient/p01").status_code == 200
    finally:
        for connection in silent:
            connection.close()


def test_callers_who_hang_up_early_leave_nothing_behind(live_server: LiveServer) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", live_server.port)) as connection:
            connection.sendall(request(live_server, "GET /fhir/Patient?_count=1000 HTTP/1.1", b"\r\n"))
    assert live_server.client().get("/Patient/p01").status_code == 200


def test_nothing_of_this_was_logged_in_the_caller_s_words(live_server: LiveServer) -> None:
    log = live_server.log.read_text("utf-8", "replace")
    for words in ("garbage", "elsewhere.example", "aaaaaaaa", "Traceback", "Villanueva"):
        assert words not in log
