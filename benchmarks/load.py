"""A load generator: keep-alive HTTP/1.1 over raw sockets, one request at a time on each connection, in its own process.

Plain asyncio protocols on uvloop: some 20,000 requests a second on one core, so that the server is what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """`requests` are whole HTTP requests, as text; each connection takes the next one in turn. `{n}` becomes a number."""

    host: str
    port: int
    requests: tuple[str, ...]
    connections: int
    seconds: float
    warm_up: float = 0.5
    pause: float = 0.0
    """Seconds from a connection's request to its next one, if the answer is there by then."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rates per second, latencies in milliseconds."""

    rate: float
    median: float
    p99: float
    count: int
    statuses: dict[str, int]


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: Callable[[], bytes], report: Callable[[float, bytes], None], pause: float) -> None:
        self._next = next_request
        self._pause = pause
        self._report = report
        self._buffer = b""
        self._needed = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        self._started = time.perf_counter()
        self._transport.write(self._next())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            self._needed = end + 4 + length
        if len(self._buffer) >= self._needed:
            self._report(time.perf_counter() - self._started, self._buffer[9:12])
            self._buffer = self._buffer[self._needed :]
            self._needed = -1
            left = self._pause - (time.perf_counter() - self._started) if self._pause else 0.0
            if left > 0:
                asyncio.get_running_loop().call_later(left, self._send)
            else:
                self._send()


async def run(load: Load) -> Result:
    """Drive the load and measure what was answered after the warm-up."""
    loop = asyncio.get_running_loop()
    encoded = [request.encode() for request in load.requests]
    numbered = b"{n}" in encoded[0]
    counter = 0
    begin = time.perf_counter() + load.warm_up
    end = begin + load.seconds
    latencies: list[float] = []
    statuses: dict[str, int] = {}

    def next_request() -> bytes:
        nonlocal counter
        counter += 1
        request = encoded[counter % len(encoded)]
        return request.replace(b"{n}", f"{time.time_ns():020}{counter:08}".encode()) if numbered else request

    def report(latency: float, status: bytes) -> None:
        now = time.perf_counter()
        if begin <= now <= end:
            latencies.append(latency * 1000)
            statuses[status.decode()] = statuses.get(status.decode(), 0) + 1

    transports = [
        (await loop.create_connection(lambda: _Connection(next_request, report, load.pause), load.host, load.port))[0]
        for _ in range(load.connections)
    ]
    await asyncio.sleep(load.warm_up + load.seconds)
    for transport in transports:
        transport.abort()
    latencies.sort()
    if not latencies:
        return Result(0.0, 0.0, 0.0, 0, statuses)
    rate = len(latencies) / load.seconds
    return Result(rate, latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)], len(latencies), statuses)


def main() -> None:
    """`python -m benchmarks.load LOAD.json` prints the result as JSON: how the harness calls it, in its own process."""
    given = json.loads(Path(sys.argv[1]).read_text())
    result = uvloop.run(run(Load(**{**given, "requests": tuple(given["requests"])})))
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
