"""Between ASGI and the server's own requests and answers: headers, bodies within bounds, and what every answer says."""

from __future__ import annotations

import time
from typing import Final

from starlette.types import Receive, Scope, Send

from server.headers import NEVER_RUN, NO_SNIFF
from server.oauth.errors import OAuthError
from server.oauth.wire import HTML, Answer

LARGEST_BODY: Final = 128 * 1024


def headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive) -> bytes:
    """Raises OAuthError."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise OAuthError("invalid_request", "The connection ended before the body did.")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise OAuthError("invalid_request", "The request is larger than any that this server takes.", status=413)
        if not message.get("more_body", False):
            return bytes(body)


async def send_answer(send: Send, answer: Answer, method: str, identity: str) -> None:
    fixed = [
        NO_SNIFF,
        (b"x-request-id", identity.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    typed = [(b"content-type", answer.content_type.encode())] if answer.body else []
    if answer.content_type != HTML:  # pages have a policy of their own
        typed.append(NEVER_RUN)
    if answer.status == 204:
        del fixed[-1]
    await send({"type": "http.response.start", "status": answer.status, "headers": [*fixed, *typed, *own]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


def milliseconds(started: float) -> float:
    """Since a moment of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000
