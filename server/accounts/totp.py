"""One-time codes by the time (RFC 6238 on RFC 4226): SHA-1, six digits, steps of thirty seconds, one step early or late.

What apps for codes know in common; the address is that of their QR codes (otpauth).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

DIGITS: Final = 6
STEP: Final = 30
"""Seconds."""
EITHER_WAY: Final = 1
"""Steps by which a clock may be wrong."""
SECRET_BYTES: Final = 20
ISSUER: Final = "Assent"


def new_secret() -> str:
    """In base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a step (RFC 4226 5.3); `step` is seconds since 1970 in whole `STEP`s."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: str, code: str, now: int, after: int) -> int | None:
    """Whose code it is: a step around `now` (seconds since 1970) that comes after the one used last; None for a wrong code."""
    present = now // STEP
    found = None
    for step in range(present - EITHER_WAY, present + EITHER_WAY + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode(errors="surrogatepass")) and step > after:
            found = step
    return found


def address(secret: str, name: str) -> str:
    """What the QR code holds."""
    given = {"secret": secret, "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": STEP}
    return f"otpauth://totp/{ISSUER}:{quote(name, safe='')}?{urlencode(given)}"
