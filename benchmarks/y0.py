"""Y0, the yardstick of all requests: the least that uvicorn can do."""

from __future__ import annotations

from typing import Any

_BODY = b'{"resourceType":"Patient","text":"' + b"x" * 2000 + b'"}'
_HEADERS = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(_BODY)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
