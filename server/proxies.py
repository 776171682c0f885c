"""Whom a request comes from, when proxies of ours stand between: `X-Forwarded-For`, or `Forwarded` (RFC 7239).

Only the one header is read that the operator named, and only from addresses that the operator named: a proxy that writes the one lets
the other through as a caller sent it. Read from its end, each name was written by whoever stands before it; the first who is no
proxy of ours is the caller. Host and scheme are never taken from a header: ASSENT_BASE_URL says them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

from starlette.types import ASGIApp, Receive, Scope, Send

Header = Literal["x-forwarded-for", "forwarded"]

MOST: Final = 20
"""Names that are looked at."""

_ELEMENT: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"\\]*)"|([^;"\s]*))\s*(?=;|$)', re.IGNORECASE)
_V4_WITH_PORT: Final = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+")
_V6_IN_BRACKETS: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?")


class Proxies:
    """Puts the caller's address into the scope, before anybody looks at it."""

    def __init__(self, application: ASGIApp, trusted: Sequence[str], header: Header) -> None:
        self._application = application
        networks = tuple(ipaddress.ip_network(network) for network in trusted)
        self._header = header.encode()
        self._read = _forwarded if header == "forwarded" else _forwarded_for

        @lru_cache(4096)
        def is_ours(address: str) -> bool:
            number = _number(address)
            return number is not None and any(number in network for network in networks)

        self._is_ours = is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None and self._is_ours(client[0]):
            scope["client"] = (self._caller(client[0], scope["headers"]), 0)
        await self._application(scope, receive, send)

    def _caller(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The last address that one of ours vouches for; where it says something else than an address, the one who says it."""
        text = ",".join(value.decode("latin-1") for name, value in headers if name == self._header)
        last = peer
        for stated in reversed(self._read(text)[-MOST:]):
            number = _number(stated)
            if number is None:
                return last
            last = str(number)
            if not self._is_ours(last):
                return last
        return last


def _forwarded_for(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _forwarded(text: str) -> list[str]:
    """The `for` of each element; empty text for an element that has none."""
    elements = [found[0].strip() for found in _ELEMENT.finditer(text)] if text.strip() else []
    matches = [_FOR.search(element) for element in elements]
    return ["" if match is None else match[1] if match[1] is not None else match[2] for match in matches]


def _number(stated: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address with or without a port; None for anything else (`unknown`, a name, an identifier that hides one)."""
    if len(stated) > 64:
        return None
    match = _V4_WITH_PORT.fullmatch(stated) or _V6_IN_BRACKETS.fullmatch(stated)
    try:
        found = ipaddress.ip_address(match[1] if match else stated)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        return found.ipv4_mapped or found
    return found
