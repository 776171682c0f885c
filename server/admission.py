"""A bound on requests under way: beyond it they are refused at once, so that memory and waiting stay bounded too.

Such a refusal leaves no audit record: nothing was looked at, not even who asks.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from profiles import json
from profiles.outcome import operation_outcome, refuse
from server.headers import ON_EVERY_ANSWER
from server.logs import EventLog
from server.seldom import Seldom

_ALWAYS: Final = frozenset({"/health", "/ready"})
_BODY: Final = json.dumps(
    operation_outcome(refuse("overloaded", "The server has too many requests under way; try again in a moment.").issues)
)
_HEADERS: Final = [
    (b"content-type", b"application/fhir+json; charset=utf-8"),
    (b"content-length", str(len(_BODY)).encode()),
    *ON_EVERY_ANSWER,
    (b"retry-after", b"1"),
    (b"connection", b"close"),
]


class Admission:
    """Hands at most `most` requests to `application` at a time."""

    def __init__(self, application: ASGIApp, most: int, log: EventLog) -> None:
        self._application = application
        self._most = most
        self._refused = Seldom(log, "overloaded")
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._under_way >= self._most and scope["path"] not in _ALWAYS:
            await self._refuse(send)
            return
        self._under_way += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _refuse(self, send: Send) -> None:
        """The connection ends, because a body may still be on its way that nobody will read."""
        self._refused.note("requests", status=503)
        await send({"type": "http.response.start", "status": 503, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
