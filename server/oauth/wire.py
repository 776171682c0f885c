"""A request to the authorization server and its answer, without the transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import cookie_parser

from profiles import json

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
NO_STORE: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
ANY_ORIGIN: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """`path` is what follows the tenant's root. Header names are lower case; of one that came twice, the last counts."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    address: str
    request_id: str

    def cookie(self, name: str) -> str | None:
        return cookie_parser(self.headers.get("cookie", "")).get(name)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` may have a name more than once (Set-Cookie)."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


def json_answer(content: Any, status: int = 200, headers: Sequence[tuple[str, str]] = NO_STORE) -> Answer:
    return Answer(status, json.dumps(content), JSON, headers)


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """The answer with headers more."""
    return replace(answer, headers=(*answer.headers, *headers.items())) if headers else answer


def redirect(address: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """303: whatever the method was, the browser goes there with GET."""
    return Answer(303, b"", HTML, (*NO_STORE, ("Location", address), ("Referrer-Policy", "no-referrer"), *headers))


def with_parameters(address: str, parameters: Mapping[str, str | None]) -> str:
    """The address with parameters more; those it has stay (RFC 6749 3.1.2)."""
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    parts = urlsplit(address)
    query = f"{parts.query}&{added}" if parts.query else added
    base = address.partition("?")[0]
    return f"{base}?{query}"
