"""Bounds on what a connection may hold and how long it may take, over plain HTTP/1.1 and TLS (RFC 9110 15.5.9, RFC 6585 5).

uvicorn's connection takes heads of any size and waits for ever. This one counts its bytes, and once a second the server looks through
all of them (`Watch`) and ends those that take too long: a request costs next to nothing more, and needs no timer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from profiles import json
from profiles.outcome import FhirError, operation_outcome, refuse
from server.headers import ON_EVERY_ANSWER
from server.seldom import Seldom

LARGEST_HEAD: Final = 128 * 1024
"""Bytes of the address and the headers of one request together, but for what comes with them in one piece."""

MOST_HEADERS: Final = 200
HEAD_SECONDS: Final = 20.0
"""From the opening of a connection, or the first byte of a further request, to the end of its head."""

IDLE_SECONDS: Final = 75.0
"""From an answer to the next request: longer than proxies keep a connection, so that it is they who end it."""

BODY_SECONDS: Final = 20.0
SLOWEST: Final = 4096
"""A body may pause for so many seconds in all, less what bytes have come: so many of them are worth a second."""

UNREAD_SECONDS: Final = 60.0
"""How long an answer may lie here without being taken at least as fast as that."""

LONGEST_STEP: Final = 2.0
"""Seconds that count between two looks: those in which the server itself stood still are nobody's fault."""


class _HeadError(Exception):
    """Stops the parser."""


class Connection(HttpToolsProtocol):
    """One connection. The numbers are kept by `Watch`, in seconds."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.arrived = 0
        """Bytes since the last look."""
        self.head = 0
        """Bytes of a head that is not complete yet."""
        self.seen: RequestResponseCycle | None = None
        self.waited = 0.0
        self.was_in_head = True
        self.unread = 0
        self.untaken = 0.0
        self._fault: FhirError | None = None

    @property
    def in_head(self) -> bool:
        """Whether a request has begun whose head is not complete, or none has begun at all."""
        return self.cycle is None or self.cycle.scope is not self.scope

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.arrived += len(data)
        if not self.in_head:
            self.head = 0
            return
        self.head += len(data)
        if self.head > LARGEST_HEAD and not self.transport.is_closing():
            self.end(_too_large())

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            self._fault = _too_large()
            raise _HeadError
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self.end(self._fault or refuse("request-malformed", "What was sent is no request of HTTP/1.1."))

    def end(self, refusal: FhirError | None) -> None:
        """Say why, where there is room for it, and hang up. What is under way goes on, and has nobody to tell."""
        if self.cycle is not None:
            under_way = not self.cycle.response_complete
            if under_way and (self.cycle.response_started or self.pipeline):
                refusal = None
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if refusal is not None:
            self.transport.write(self._refusal(refusal))
        self.transport.close()

    def _refusal(self, refusal: FhirError) -> bytes:
        body = json.dumps(operation_outcome(refusal.issues))
        headers = [
            *self.server_state.default_headers,
            *ON_EVERY_ANSWER,
            (b"content-type", b"application/fhir+json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
        ]
        return b"".join(
            [STATUS_LINE[refusal.status], *(b"%s: %s\r\n" % (name, value) for name, value in headers), b"\r\n", body]
        )


def _too_large() -> FhirError:
    return refuse(
        "headers-too-large", f"Address and headers have at most {LARGEST_HEAD // 1024} KiB, and are {MOST_HEADERS} at most."
    )


class Watch:
    """Ends what takes too long. `longest`: seconds from the end of a request to the beginning of its answer."""

    def __init__(self, longest: float, ended: Seldom) -> None:
        self._longest = longest
        self._ended = ended
        self._last: float | None = None

    def look(self, connections: Iterable[object], now: float) -> None:
        """To be called about once a second. `now` is in seconds of a clock that never goes back."""
        step = min(now - self._last, LONGEST_STEP) if self._last is not None else 0.0
        self._last = now
        for connection in list(connections):
            if isinstance(connection, Connection):
                self._look(connection, step)

    def _look(self, one: Connection, step: float) -> None:
        if self._is_untaken(one, step):
            self._ended.note("unread")
            one.transport.abort()
            return
        if one.transport.is_closing():
            return
        cycle = one.cycle
        if cycle is not one.seen:
            one.seen, one.waited = cycle, 0.0
        arrived, one.arrived = one.arrived, 0
        if cycle is None or cycle.response_complete:
            self._between(one, step)
        elif cycle.more_body:
            if not one.flow.read_paused:  # else it is we who are slow
                one.waited = max(0.0, one.waited + step - arrived / SLOWEST)
            if one.waited > BODY_SECONDS:
                self._end(one, "body", refuse("request-timeout", "The body did not arrive in time.", "http.body"))
        elif not cycle.response_started:
            one.waited = one.waited + step if arrived == 0 else 0.0
            if one.waited > self._longest:
                self._end(one, "answer", _took_too_long())

    def _between(self, one: Connection, step: float) -> None:
        """No request is under way: the next one's head arrives, or nothing does."""
        begun = one.in_head
        one.waited = one.waited + step if begun == one.was_in_head else 0.0
        one.was_in_head = begun
        if one.waited > (HEAD_SECONDS if begun else IDLE_SECONDS):
            timeout = refuse("request-timeout", "The head of the request did not arrive in time.")
            self._end(one, "head" if begun else "idle", timeout if one.head else None)

    def _is_untaken(self, one: Connection, step: float) -> bool:
        """Whether an answer that is complete lies here and is not taken."""
        size = one.transport.get_write_buffer_size()
        taken = one.unread - size
        one.unread = size
        complete = one.cycle is None or one.cycle.response_complete
        one.untaken = one.untaken + step if size and complete and taken < SLOWEST * step else 0.0
        return one.untaken > UNREAD_SECONDS

    def _end(self, one: Connection, kind: str, refusal: FhirError | None) -> None:
        if kind != "idle":
            self._ended.note(kind, status=refusal.status if refusal is not None else None)
        one.end(refusal)


def _took_too_long() -> FhirError:
    error = refuse("took-too-long", "The answer took too long; what was asked for may still be done.")
    error.headers["Retry-After"] = "30"
    return error
