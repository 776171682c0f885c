"""Heads, bodies, answers and silences over a real socket. The clock is the test's own: nothing here waits for seconds to pass."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from workers import PATIENCE

from server.connection import (
    BODY_SECONDS,
    HEAD_SECONDS,
    IDLE_SECONDS,
    LARGEST_HEAD,
    MOST_HEADERS,
    SLOWEST,
    UNREAD_SECONDS,
    Connection,
    Watch,
)
from server.logs import EventLog
from server.seldom import Seldom

LONGEST = 30.0
GET = b"GET /fhir/x HTTP/1.1\r\nHost: x\r\n"


class Place:
    """A listening socket whose connections are ours, an application that waits to be let go, and a clock."""

    def __init__(self) -> None:
        self.state = ServerState()
        self.go = asyncio.Event()
        self.go.set()
        self.answer = b"done"
        self.got: list[bytes] = []
        self.log: list[bytes] = []
        self.now = 0.0
        self.watch = Watch(LONGEST, Seldom(EventLog(self.log.append), "connection ended"))
        self.port = 0

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.got.append(b"gone")
                break
            body += message["body"]
            if not message["more_body"]:
                self.got.append(body)
                break
        await self.go.wait()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(self.answer)).encode())]}
        )
        await send({"type": "http.response.body", "body": self.answer})

    def pass_time(self, seconds: float) -> None:
        """As the server's loop does, a look a second."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.watch.look(self.state.connections, self.now)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        known = len(self.state.connections)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await until(lambda: len(self.state.connections) > known)
        return reader, writer

    async def sent(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Sends, and waits until it has arrived."""
        (one,) = self.connections
        before, head = one.arrived, one.head
        writer.write(data)
        await until(lambda: one.arrived != before or one.head != head or one.transport.is_closing())

    @property
    def connections(self) -> list[Connection]:
        return [one for one in self.state.connections if isinstance(one, Connection)]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE * 1000)):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    config = uvicorn.Config(
        made.application,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=3600,
        interface="asgi3",
    )
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, made.state, {}, loop), "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    made.watch.look([], 0.0)
    yield made
    server.close()
    for connection in made.connections:
        connection.transport.abort()


async def refusal(reader: asyncio.StreamReader, status: int, code: str) -> None:
    """What is read until the end is an OperationOutcome, and the connection is over."""
    async with asyncio.timeout(PATIENCE):
        received = await reader.read()
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), received[:300]
    assert b"connection: close" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"cache-control: no-store" in head.lower()
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == code


async def closed(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""


async def test_a_head_that_never_ends(place: Place) -> None:
    """The classic slow attack: a header now and then."""
    reader, writer = await place.connect()
    await place.sent(writer, GET)
    for _ in range(int(HEAD_SECONDS / 2)):
        await place.sent(writer, b"X-More: x\r\n")
        place.pass_time(2)
    place.pass_time(1)
    await refusal(reader, 408, "request-timeout")
    assert place.got == []
    assert b"connection ended" in place.log[0]


async def test_a_connection_that_never_says_anything(place: Place) -> None:
    reader, _ = await place.connect()
    place.pass_time(HEAD_SECONDS)
    assert len(place.connections) == 1
    place.pass_time(2)
    await closed(reader)


async def test_empty_lines_are_no_request(place: Place) -> None:
    reader, writer = await place.connect()
    for _ in range(int(HEAD_SECONDS)):
        await place.sent(writer, b"\r\n")
        place.pass_time(1)
    place.pass_time(2)
    await refusal(reader, 408, "request-timeout")


async def test_a_connection_that_is_kept_and_not_used(place: Place) -> None:
    reader, writer = await place.connect()
    await place.sent(writer, GET + b"\r\n")
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
    place.pass_time(IDLE_SECONDS)
    await place.sent(writer, GET + b"\r\n")
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
    place.pass_time(IDLE_SECONDS + 2)
    await closed(reader)
    assert place.log == [], "nobody did anything wrong"


async def test_a_second_head_has_its_own_time(place: Place) -> None:
    reader, writer = await place.connect()
    await place.sent(writer, GET + b"\r\n")
    await reader.readuntil(b"done")
    place.pass_time(IDLE_SECONDS - 5)
    await place.sent(writer, GET)
    place.pass_time(HEAD_SECONDS)
    assert len(place.connections) == 1
    place.pass_time(3)
    await refusal(reader, 408, "request-timeout")


async def test_a_body_that_trickles(place: Place) -> None:
    reader, writer = await place.connect()
    await place.sent(writer, b"POST /fhir/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(int(BODY_SECONDS)):
        await place.sent(writer, b"x")
        place.pass_time(1)
    place.pass_time(3)
    await refusal(reader, 408, "request-timeout")
    await until(lambda: place.got == [b"gone"])


async def test_a_slow_body_that_comes_on_is_waited_for(place: Place) -> None:
    reader, writer = await place.connect()
    pieces = int(BODY_SECONDS) * 3
    await place.sent(writer, b"POST /fhir/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (pieces * SLOWEST))
    for _ in range(pieces):
        await place.sent(writer, b"x" * SLOWEST)
        place.pass_time(1)
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
    assert [len(body) for body in place.got] == [pieces * SLOWEST]


async def test_an_answer_that_takes_too_long(place: Place) -> None:
    """The caller is told; what was asked for goes on to its end."""
    place.go.clear()
    reader, writer = await place.connect()
    await place.sent(writer, GET + b"\r\n")
    await until(lambda: bool(place.got))
    place.pass_time(LONGEST)
    assert len(place.connections) == 1
    place.pass_time(3)
    await refusal(reader, 503, "took-too-long")
    place.go.set()


async def test_an_answer_that_nobody_takes(place: Place) -> None:
    place.answer = b"x" * (16 * 2**20)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(lazy, ("127.0.0.1", place.port))
        await asyncio.get_running_loop().sock_sendall(lazy, GET + b"\r\n")
        await until(lambda: any(one.transport.get_write_buffer_size() > 0 for one in place.connections))
        place.pass_time(UNREAD_SECONDS)
        assert len(place.connections) == 1
        place.pass_time(3)
        await until(lambda: not place.connections)
    assert b'"kind":"unread"' in place.log[0]


async def test_time_in_which_the_server_stood_still_is_nobody_s_fault(place: Place) -> None:
    _, writer = await place.connect()
    await place.sent(writer, GET)
    place.now += 3600
    place.watch.look(place.state.connections, place.now)
    assert len(place.connections) == 1
    assert not place.connections[0].transport.is_closing()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(GET + b"X: " + b"a" * (LARGEST_HEAD + 10), id="one long header without end"),
        pytest.param(b"GET /" + b"a" * (LARGEST_HEAD + 10), id="a long address without end"),
        pytest.param(
            GET + b"".join(b"X-%d: x\r\n" % number for number in range(MOST_HEADERS)) + b"\r\n", id="many headers"
        ),
    ],
)
async def test_heads_that_are_too_large(place: Place, head: bytes) -> None:
    reader, writer = await place.connect()
    for start in range(0, len(head), 30_000):
        writer.write(head[start : start + 30_000])
        await asyncio.sleep(0)
    await refusal(reader, 431, "headers-too-large")
    assert place.got == []


async def test_what_is_no_http_is_told_so(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(b"\x16\x03\x01 nothing of the kind\r\n\r\n")
    await refusal(reader, 400, "request-malformed")


async def test_a_large_body_in_the_piece_that_ends_the_head_is_no_large_head(place: Place) -> None:
    reader, writer = await place.connect()
    body = b"x" * (LARGEST_HEAD * 2)
    writer.write(b"POST /fhir/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
