"""A connection that was upgraded (RFC 6455 section 4.2), between uvicorn, which hands it over, and the application (ASGI websocket).

It answers pings, sends its own, waits for a reader who is slow, and ends one who is gone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast
from urllib.parse import unquote

from starlette.types import Message as Event
from uvicorn.config import Config
from uvicorn.server import ServerState

from server.websocket.frames import Code, FrameError, Message, Opcode, Reader, accept_key, close_frame, frame

PING_SECONDS: Final = 20.0
"""So often the other side is asked whether it is there; whoever says nothing in that time is gone."""

MOST_WAITING: Final = 100
"""Messages that came and were not looked at yet."""

CLOSING_SECONDS: Final = 5.0
"""For the other side to take what was sent last."""


class SocketConnection(asyncio.Protocol):
    """One to a connection; uvicorn makes it, gives it the head of the request, and then every byte that comes."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._application = cast("Any", config.loaded_app)
        self._connections = cast("set[Any]", server_state.connections)
        self._tasks = server_state.tasks
        self._reader = Reader()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport = cast("asyncio.Transport", None)
        self._key = ""
        self._opened = self._ended = False
        self._heard = True
        self._pinger: asyncio.TimerHandle | None = None

    # -- called by uvicorn and asyncio ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._pinger is not None:
            self._pinger.cancel()
        self._writable.set()
        self._leave(Code.NORMAL)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if not self._key:
            self._begin(data)
            return
        try:
            for message in self._reader.feed(data):
                self._take(message)
        except FrameError as error:
            self.end(error.code)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """The server ends."""
        self.end(Code.RESTART)

    # -- the handshake --------------------------------------------------------------------------------------------------

    def _begin(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, target = first.partition(" ")
        pairs = [line.partition(":") for line in lines if line]
        headers = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, _, value in pairs]
        named = dict(headers)
        key = accept_key(named.get(b"sec-websocket-key", b"").decode("latin-1"))
        if method != "GET" or key is None or named.get(b"sec-websocket-version") != b"13":
            self._refuse(b"426 Upgrade Required", b"sec-websocket-version: 13\r\n")
            return
        self._key = key
        path, _, query = target.partition(" ")[0].partition("?")
        scope = {
            "type": "websocket",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": headers,
        }
        self._events.put_nowait({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._application(scope, self._receive, self._send))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _refuse(self, status: bytes, more: bytes = b"") -> None:
        self._ended = True
        self._transport.write(b"HTTP/1.1 " + status + b"\r\n" + more + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self._transport.close()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.end(Code.NORMAL if task.cancelled() or task.exception() is None else Code.RESTART)

    # -- ASGI -----------------------------------------------------------------------------------------------------------

    async def _receive(self) -> Event:
        return await self._events.get()

    async def _send(self, event: Event) -> None:
        """Raises OSError when nobody is there any more."""
        if self._ended:
            raise ConnectionResetError
        if event["type"] == "websocket.accept":
            self._opened = True
            accept = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            self._transport.write(accept + b"sec-websocket-accept: " + self._key.encode() + b"\r\n\r\n")
            self._ping()
        elif event["type"] == "websocket.send":
            self._transport.write(frame(Opcode.TEXT, event["text"].encode()))
            await self._writable.wait()
        elif self._opened:
            self.end(Code(event.get("code", Code.NORMAL)))
        else:
            self._refuse(b"403 Forbidden")

    # -- frames ---------------------------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        """Raises FrameError."""
        if message.opcode is Opcode.PING:
            self._transport.write(frame(Opcode.PONG, message.payload))
        elif message.opcode is Opcode.CLOSE:
            self.end(Code.NORMAL)
        elif message.opcode is Opcode.TEXT:
            if self._events.qsize() >= MOST_WAITING:
                raise FrameError(Code.POLICY)
            self._events.put_nowait({"type": "websocket.receive", "text": message.text})

    def _ping(self) -> None:
        if not self._heard:
            self._transport.abort()
            return
        self._heard = False
        self._transport.write(frame(Opcode.PING, b""))
        self._pinger = asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def end(self, code: Code) -> None:
        """Say so, and hang up; the application hears of it."""
        if self._ended:
            return
        if self._opened:
            self._transport.write(close_frame(code))
        self._leave(code)
        self._transport.close()
        asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._transport.abort)

    def _leave(self, code: Code) -> None:
        if not self._ended:
            self._ended = True
            self._events.put_nowait({"type": "websocket.disconnect", "code": int(code)})
