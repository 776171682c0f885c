"""Headers that answers have whatever they say: nothing is stored, guessed, framed or run (Fetch, CSP 3, RFC 6797, RFC 9111).

Those of pages are in server/pages/page.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Headers = Sequence[tuple[bytes, bytes]]

EXPOSED: Final = (
    "Location, ETag, Last-Modified, Content-Location, Content-Disposition, Retry-After, RateLimit, RateLimit-Policy, "
    "X-Progress, X-Request-Id, Accept-Ranges, Content-Range"
)
"""What scripts may read besides what they always may."""

NEVER_RUN: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")

ON_EVERY_ANSWER: Final[Headers] = (
    NO_SNIFF,
    NEVER_RUN,
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
)
"""Of the FHIR addresses. Scripts of any site may call: what lets a caller in is a token, and never a cookie, so no site gets in by
being visited."""

_YEAR: Final = 365 * 24 * 3600


def transport_security(base_url: str) -> Headers:
    """For a server that is reached by https: a browser never tries it without, for a year from its last visit.

    They go onto every answer, whoever makes it (server/commands/serve.py).
    """
    return [(b"strict-transport-security", f"max-age={_YEAR}".encode())] if base_url.startswith("https:") else []
