"""The id_token of an outside provider, checked (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725).

The algorithm is one that the administrator named, the key is the provider's own, and everything that binds the token to this client,
this sign-in and this moment must be there and right.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError

from server.accounts.person import LONGEST_SUBJECT
from server.outside.provider import Provider
from server.outside.remote import Metadata, OutsideError, Remote

LEEWAY: Final = 60
"""Seconds by which two clocks may differ."""

OLDEST: Final = 600
"""Seconds since the token was issued: it comes straight from the provider."""

LATEST: Final = 2**40
"""Far beyond any date; what is no number, or without end, is not below it."""

LONGEST: Final = 32 * 1024


async def checked(
    remote: Remote, provider: Provider, metadata: Metadata, token: str, *, nonce: str, now: int, proved_since: int
) -> dict[str, Any]:
    """The claims. `now` and `proved_since`, from when on the person must have proved who they are (0: ever), in seconds.

    Raises OutsideError.
    """
    claims = await _signed(remote, provider, metadata, token)
    _check_parties(provider, claims)
    _check_times(claims, now, proved_since)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(errors="replace"), nonce.encode()):
        raise OutsideError("outside-nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise OutsideError("outside-subject")
    return claims


async def _signed(remote: Remote, provider: Provider, metadata: Metadata, token: str) -> dict[str, Any]:
    if len(token) > LONGEST or not token.isascii():
        raise OutsideError("outside-signature")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutsideError("outside-signature") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in provider.algorithms or not isinstance(key_id, str) or "crit" in header:
        raise OutsideError("outside-algorithm")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise OutsideError("outside-signature")
    key = await remote.key(metadata, key_id, algorithm)
    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except (JoseError, ValueError, TypeError, LookupError, RecursionError, msgspec.MsgspecError) as error:
        raise OutsideError("outside-signature") from error


def _check_parties(provider: Provider, claims: dict[str, Any]) -> None:
    if claims.get("iss") != provider.issuer:
        raise OutsideError("outside-issuer")
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    party = claims.get("azp")
    if provider.client_id not in audiences or (len(audiences) > 1 and party is None):
        raise OutsideError("outside-audience")
    if party is not None and party != provider.client_id:
        raise OutsideError("outside-audience")


def _check_times(claims: dict[str, Any], now: int, proved_since: int) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat")}
    times |= {name: claims[name] for name in ("nbf", "auth_time") if name in claims}
    if not all(
        isinstance(time, int | float) and not isinstance(time, bool) and 0 <= time < LATEST for time in times.values()
    ):
        raise OutsideError("outside-time")
    issued = times["iat"] or 0
    if now >= (times["exp"] or 0) + LEEWAY or not now - OLDEST <= issued <= now + LEEWAY:
        raise OutsideError("outside-time")
    if (times.get("nbf") or 0) > now + LEEWAY:
        raise OutsideError("outside-time")
    if proved_since and (times.get("auth_time") or 0) < proved_since - LEEWAY:
        raise OutsideError("outside-old-proof")
