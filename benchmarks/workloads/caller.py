"""One caller of a closed load: keep-alive HTTP/1.1 on a connection of its own, one request at a time, each timed under a label.

Written for asyncio protocols on uvloop, as benchmarks/load.py is, so that the load takes little of the processors that the server needs.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Record:
    """Milliseconds and statuses by label, of what was asked and answered between two moments."""

    begin: float
    end: float
    times: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.end

    def note(self, label: str, started: float, status: int, expected: int) -> None:
        now = time.perf_counter()
        if not self.begin <= started or now > self.end:
            return
        self.times.setdefault(label, []).append((now - started) * 1000)
        if status != expected:
            self.errors[f"{label}: {status}"] = self.errors.get(f"{label}: {status}", 0) + 1


class Caller(asyncio.Protocol):
    """Made by `connect`."""

    def __init__(self, host: str, token: str, record: Record) -> None:
        self._head = f"Host: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/fhir+json\r\n"
        self._record = record
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connected = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._write, self.close = connected.write, connected.close

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionError("The server closed the connection."))

    async def ask(self, label: str, method: str, path: str, body: bytes = b"", *, expect: int = 200) -> Answer:
        """`path` follows the FHIR base. An answer of another status than expected counts as an error."""
        head = f"{method} /fhir/{path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._waiting = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self._write(head.encode() + body)
        answer = await self._waiting
        self._record.note(label, started, answer.status, expect)
        return answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            return
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        needed = end + 4 + int(headers.get("content-length", "0"))
        if len(self._buffer) < needed:
            return
        body = bytes(self._buffer[end + 4 : needed])
        del self._buffer[:needed]
        self._waiting.set_result(Answer(int(lines[0][9:12]), headers, body))


async def connect(host: str, port: int, token: str, record: Record) -> Caller:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(lambda: Caller(f"{host}:{port}", token, record), host, port))[1]
