"""The `Authorization: Bearer` header, and the challenges that answer a missing or bad one (RFC 6750 sections 2.1 and 3).

Tokens in the query or in a form body (RFC 6750 2.2, 2.3) are not read: they end up in logs and histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from profiles.outcome import FhirError, refuse
from server.auth.access_token import TokenError, TokenVerifier
from server.auth.decision import Decision
from server.auth.principal import Principal

REALM: Final = "assent"


def authenticate(headers: Iterable[tuple[bytes, bytes]], verifier: TokenVerifier) -> Principal:
    """The caller of a request, from its ASGI headers (lower-case names). Raises `FhirError` (login, 401)."""
    return authenticate_value(authorization(headers), verifier)


def authorization(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The value of the only Authorization header, or None. Raises `FhirError` when there are two."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        raise unauthenticated("The request has more than one Authorization header.")
    return values[0] if values else None


def authenticate_value(value: bytes | None, verifier: TokenVerifier) -> Principal:
    """The caller, from the raw value of the Authorization header. Raises `FhirError` (login, 401)."""
    if value is None:
        raise unauthenticated("This needs a bearer token: send the header `Authorization: Bearer TOKEN`.", error=None)
    if value[:7].lower() != b"bearer ":
        raise unauthenticated("The Authorization header must be the word Bearer, one space, and the token.")
    try:
        return verifier.verify_bytes(value[7:])
    except TokenError as error:
        raise unauthenticated(str(error)) from error


def authenticated(headers: Mapping[str, str], verifier: TokenVerifier) -> Principal:
    """The caller, from headers as text. Raises `FhirError` (login, 401)."""
    value = headers.get("authorization")
    return authenticate_value(value.encode("latin-1", "replace") if value is not None else None, verifier)


def unauthenticated(text: str, error: str | None = "invalid_token") -> FhirError:
    """401 with a challenge. `text` is a fixed sentence; RFC 6750 3.1 wants no error code when no token was sent."""
    refusal = refuse("login", text)
    challenge = f'Bearer realm="{REALM}"'
    refusal.headers["WWW-Authenticate"] = f'{challenge}, error="{error}"' if error else challenge
    return refusal


def forbidden(decision: Decision) -> FhirError:
    """403 for a decision that was no, naming the scope that would have been needed (RFC 6750 3.1)."""
    refusal = refuse("forbidden", decision.reason)
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope"'
    refusal.headers["WWW-Authenticate"] = f'{challenge}, scope="{decision.needed}"' if decision.needed else challenge
    return refusal
