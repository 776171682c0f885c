"""Structured logs without PHI: one JSON object a line on standard error.

What may stand in a line is a closed list: the fields of `FIELDS`, each a number, a flag, or a short text of harmless
characters. Anything else is replaced by "withheld", so that no caller of this file can log an address, a query, a body, a
token or the text of an exception. Routes are logged as templates (`/fhir/{type}/{id}`). What libraries log is passed on
only where its wording is known to be fixed (`_KNOWN_WORDING`); of an exception, the type and the places in the code.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

FIELDS: Final = frozenset(
    {
        "request_id",
        "method",
        "route",
        "status",
        "duration_ms",
        "tenant",
        "code",
        "count",
        "kind",
        "attempt",
        "version",
        "logger",
        "exception",
        "where",
    }
)
"""Names that a line may hold beside `time`, `level` and `event`."""

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_HARMLESS: Final = re.compile(r"[A-Za-z0-9._:/{}$*-]{0,120}")
_EVENT: Final = re.compile(r"[A-Za-z0-9 .,:()/%_+-]{1,120}")
_PLACES: Final = re.compile(r"[A-Za-z0-9_.:<> -]{0,2000}")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WITHHELD: Final = "withheld"
_DEEPEST: Final = 12

_KNOWN_WORDING: Final = frozenset(
    {
        "Started server process [%d]",
        "Finished server process [%d]",
        "Waiting for application startup.",
        "Application startup complete.",
        "Application startup failed. Exiting.",
        "Shutting down",
        "Waiting for connections to close. (CTRL+C to force quit)",
        "Waiting for background tasks to complete. (CTRL+C to force quit)",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        "Application shutdown failed. Exiting.",
        "Exception in ASGI application\n",
        "ASGI callable returned without starting response.",
        "ASGI callable returned without completing response.",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
    }
)
"""What uvicorn says in words that are always the same; read from its source."""


def request_id(value: bytes | None) -> str:
    """The caller's X-Request-Id if it is short and harmless, else a new one."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value.decode("ascii")
    return secrets.token_hex(8)


class EventLog:
    """Writes events. Cheap enough for every request: no logging machinery, one write a line.

    `write` takes one line of bytes; `clock` gives seconds since 1970.
    """

    def __init__(
        self, write: Callable[[bytes], object], level: str = "info", clock: Callable[[], float] = time.time
    ) -> None:
        self._write = write
        self._least = LEVELS[level]
        self._clock = clock
        self._encode = msgspec.json.Encoder().encode
        self._second = -1
        self._prefix = ""

    def event(self, level: str, event: str, **fields: str | float | bool | None) -> None:
        """One line. `event` is a fixed name of ours ("request", "job failed"); `fields` are those of `FIELDS`."""
        if LEVELS[level] < self._least:
            return
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": level, "event": event if _EVENT.fullmatch(event) else _WITHHELD}
        for name, value in fields.items():
            if name in FIELDS and value is not None:
                line[name] = _harmless(name, value)
        self._write(self._encode(line) + b"\n")

    def request(self, request_id: str, method: str, route: str, tenant: str, status: int, duration_ms: float) -> None:
        """The line of one answered request, written without a search for fields: there is one for every request.

        `request_id` is from `request_id()`, `route` a template, `tenant` one of ours.
        """
        if LEVELS["info"] < self._least:
            return
        name = method if method in _METHODS else "OTHER"
        line = (
            f'{{"time":"{self._moment()}","level":"info","event":"request","request_id":"{request_id}","method":"{name}",'
            f'"route":"{route}","tenant":"{tenant}","status":{status},"duration_ms":{duration_ms:.3f}}}\n'
        )
        self._write(line.encode("ascii", "replace"))

    def _moment(self) -> str:
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{int((now - second) * 1000):03}+00:00"

    def failure(self, event: str, error: BaseException, **fields: str | float | bool | None) -> None:
        """An error event with the exception's type and places in the code; never its text, which may quote data."""
        self.event("error", event, **fields, exception=type(error).__name__, where=places(error))


def places(error: BaseException) -> str:
    """Where an exception passed, innermost first: `server.app:41 handle < server.rest.read:12 read`."""
    frames = list(traceback.walk_tb(error.__traceback__))[-_DEEPEST:]
    return " < ".join(
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}" for frame, line in reversed(frames)
    )


def _harmless(name: str, value: object) -> object:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3)
    form = _PLACES if name == "where" else _HARMLESS
    return value if isinstance(value, str) and form.fullmatch(value) else _WITHHELD


class LibraryLogs(logging.Handler):
    """Passes on what libraries log through the standard machinery, as far as its wording is known to be fixed."""

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for name, number in reversed(LEVELS.items()) if record.levelno >= number), "debug")
        template = record.msg if isinstance(record.msg, str) else ""
        event = template.strip().replace(" [%d]", "") if template in _KNOWN_WORDING else "library message"
        error = record.exc_info[1] if record.exc_info else None
        seen = {"exception": type(error).__name__, "where": places(error)} if error is not None else {}
        self._log.event(level, event, logger=record.name, **seen)


def stderr_log(level: str) -> EventLog:
    """The log of a running server. Libraries' records are routed into it, and nowhere else."""
    stream = sys.stderr.buffer

    def write(line: bytes) -> None:
        with suppress(OSError, ValueError):  # nobody reads the log any more, or it is closed: no reason to fail a request
            stream.write(line)
            stream.flush()

    log = EventLog(write, level)
    root = logging.getLogger()
    root.handlers[:] = [LibraryLogs(log)]
    root.setLevel(max(LEVELS[level], logging.INFO))
    return log
