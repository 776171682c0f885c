"""Which client asks, and its proof: none, a secret, or a signed assertion (RFC 6749 2.3, RFC 7523, SMART asymmetric clients).

An assertion is good once: its `jti` becomes a record in the commit of what it was sent for, and a second one is in its way.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError

from server.internal import Kind
from server.oauth.authority import TOKEN_ENDPOINT, Authority
from server.oauth.client import Client, find
from server.oauth.client_keys import ALGORITHMS, KeySetError
from server.oauth.errors import OAuthError
from server.oauth.parameters import Parameters
from server.store.internal import Keep
from server.store.store import StaleVersionError

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY: Final = 5
LONGEST_LIFE: Final = 300
"""Seconds that an assertion may have left."""

_CHALLENGE: Final = 'Basic realm="assent"'
_FAILED: Final = "The client is not known, or did not prove that it is this one."


class UsedAssertion(msgspec.Struct, frozen=True):
    """Under (client, jti): that it came. Forgotten when the assertion would be refused for its age."""

    expires: int


USED: Final = Kind("assertion", UsedAssertion)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client that proved itself (a public one: that named itself). `changes` belong into the commit of what it asked for."""

    client: Client
    changes: Sequence[Keep] = ()


async def spend(authority: Authority, asker: Authenticated) -> None:
    """For what needs no commit of its own: the proof is used up. Raises OAuthError when it was used before."""
    if asker.changes:
        try:
            await authority.commit(asker.changes)
        except StaleVersionError as error:
            raise _failed(asker.client.id) from error


async def authenticate(authority: Authority, parameters: Parameters) -> Authenticated:
    """Raises OAuthError."""
    header = authority.call.headers.get("authorization", "")
    ways = [bool(header), parameters.get("client_secret") is not None, parameters.get("client_assertion") is not None]
    if sum(ways) > 1:
        raise OAuthError("invalid_request", "A client proves itself in one way.")
    if ways[2] or parameters.get("client_assertion_type") is not None:
        return await _by_assertion(authority, parameters)
    if header:
        return await _by_secret(authority, *_basic(header), parameters.get("client_id"))
    client_id = parameters.get("client_id")
    if client_id is None:
        raise _failed()
    if ways[1]:
        return await _by_secret(authority, client_id, parameters.required("client_secret"), None)
    return await public_client(authority, client_id)


def names_nobody(authority: Authority, parameters: Parameters) -> bool:
    """Whether the request neither says which client asks nor proves it."""
    given = (parameters.get(name) for name in ("client_id", "client_secret", "client_assertion", "client_assertion_type"))
    return not authority.call.headers.get("authorization") and all(value is None for value in given)


async def public_client(authority: Authority, client_id: str) -> Authenticated:
    """One that names itself, or is named by what it was given. Raises OAuthError for any that has to prove itself."""
    found = await find(authority.own, client_id)
    if found is None or not found.value.is_public:
        raise _failed(client_id if found is not None else "")
    return Authenticated(found.value)


def _failed(client: str = "") -> OAuthError:
    """`client`: the one that somebody who did not prove it wanted to be, where there is such a one."""
    return OAuthError("invalid_client", _FAILED, challenge=_CHALLENGE, client=client)


def _basic(header: str) -> tuple[str, str]:
    """RFC 6749 2.3.1: both halves are form-encoded, then joined and encoded in base64."""
    scheme, _, value = header.partition(" ")
    try:
        plain = base64.b64decode(value.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
        name, colon, secret = plain.partition(":")
        if not colon:
            raise _failed()
        return unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError as error:
        raise _failed() from error


async def _by_secret(authority: Authority, client_id: str, secret: str, named: str | None) -> Authenticated:
    found = await find(authority.own, client_id)
    if found is None or named not in {None, client_id} or not found.value.has_secret(secret):
        raise _failed(client_id if found is not None else "")
    return Authenticated(found.value)


async def _by_assertion(authority: Authority, parameters: Parameters) -> Authenticated:
    if parameters.required("client_assertion_type") != ASSERTION:
        raise OAuthError("invalid_request", "The client assertion type is that of a JWT.")
    assertion = parameters.required("client_assertion")
    claimed = _unverified(assertion)
    client_id = claimed.get("sub")
    found = await find(authority.own, client_id) if isinstance(client_id, str) else None
    if found is None:
        raise _failed()
    try:
        return await _asserted(authority, found.value, assertion, parameters.get("client_id"))
    except OAuthError as error:
        error.client = found.value.id
        raise


async def _asserted(authority: Authority, client: Client, assertion: str, named: str | None) -> Authenticated:
    """Raises OAuthError."""
    if client.method != "private_key_jwt" or named not in {None, client.id}:
        raise _failed()
    claims = await _verified(authority, client, assertion)
    expires = _check(authority, claims, client.id)
    until, used = (expires + LEEWAY + 60) * 1_000_000, _used_id(client.id, claims["jti"])
    if await USED.read(authority.own, used) is not None:
        raise _failed()
    return Authenticated(client, [USED.add(authority.own, used, UsedAssertion(expires), until)])


def _used_id(client_id: str, jti: str) -> str:
    return f"{client_id} {jti}"


def _unverified(assertion: str) -> dict[str, Any]:
    """What an assertion says, for finding out whose it should be. Raises OAuthError."""
    try:
        claims = msgspec.json.decode(jws.extract_compact(assertion.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _failed() from error
    if not isinstance(claims, dict):
        raise _failed()
    return claims


async def _verified(authority: Authority, client: Client, assertion: str) -> dict[str, Any]:
    """The claims, signed by a key of the client's with an algorithm of ours. Raises OAuthError."""
    header = jws.extract_compact(assertion.encode("ascii")).headers()
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS or not isinstance(key_id, str) or "crit" in header:
        raise _failed()
    if header.get("typ", "JWT") != "JWT" or ("jku" in header and header["jku"] != client.jwks_uri):
        raise _failed()
    try:
        key = await authority.shared.client_keys.find(client.jwks, client.jwks_uri, key_id, algorithm)
        return dict(jwt.decode(assertion, key, algorithms=[algorithm]).claims)
    except (KeySetError, JoseError, ValueError, TypeError, RecursionError) as error:
        raise _failed() from error


def _check(authority: Authority, claims: dict[str, Any], client_id: str) -> int:
    """When the assertion expires, once everything else about it is right. Raises OAuthError."""
    now = authority.seconds()
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    times = {name: claims.get(name, 0) for name in ("exp", "nbf", "iat")}
    jti = claims.get("jti")
    good = (
        claims.get("iss") == claims.get("sub") == client_id
        and authority.address(TOKEN_ENDPOINT) in audiences
        and all(isinstance(time, int | float) and not isinstance(time, bool) for time in times.values())
        and now - LEEWAY < times["exp"] <= now + LONGEST_LIFE + LEEWAY
        and max(times["nbf"], times["iat"]) <= now + LEEWAY
        and isinstance(jti, str)
        and 0 < len(jti) <= 255
    )
    if not good:
        raise _failed()
    return int(times["exp"])
