"""Where an authorization response may be sent: compared exactly, as registered (RFC 9700 2.1, 4.1.3; RFC 8252 7 and 8.3)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LITERAL: Final = frozenset({"127.0.0.1", "::1"})
_VISIBLE: Final = re.compile(r"[\x21\x23-\x3B\x3D\x3F-\x5B\x5D\x5F\x61-\x7A\x7E]+")
_OWN_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
"""A scheme of the app's own is a domain name turned around (RFC 8252 7.1)."""

_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
"""It is named in a header (CSP form-action), so it is nothing but a host."""

LONGEST: Final = 1024


def problem_of(uri: str) -> str | None:
    """Why an address cannot be registered; None when it can."""
    if len(uri) > LONGEST or _VISIBLE.fullmatch(uri) is None:
        return "A redirect address has 1 to 1024 visible ASCII characters."
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "A redirect address is a URI."
    if parts.fragment or "#" in uri:
        return "A redirect address has no fragment."
    if parts.username is not None or parts.password is not None:
        return "A redirect address names no user."
    if ".." in parts.path.split("/") or "*" in uri:
        return "A redirect address has no wildcard and no dot segments."
    if parts.scheme in {"http", "https"} and _AUTHORITY.fullmatch(parts.netloc) is None:
        return "A redirect address names a host, and perhaps a port."
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK):
        return None
    if _OWN_SCHEME.fullmatch(parts.scheme):
        return None
    return (
        "A redirect address begins with https, with http and a loopback address, or with a scheme such as org.example.app."
    )


def matches(registered: str, asked: str) -> bool:
    """Character by character; on a loopback address the port may be another one, for the system chooses it (RFC 8252 7.3)."""
    if registered == asked:
        return True
    try:
        one, other = urlsplit(registered), urlsplit(asked)
        _ = other.port
    except ValueError:
        return False
    if one.scheme != "http" or one.hostname not in _LITERAL or _VISIBLE.fullmatch(asked) is None:
        return False
    return _without_port(registered, one.netloc) == _without_port(asked, other.netloc) and other.username is None


def _without_port(uri: str, netloc: str) -> str:
    return uri.replace(netloc, re.sub(r":[0-9]*\Z", "", netloc), 1)
