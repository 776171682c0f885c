"""Authorization codes (RFC 6749 4.1.2): good once, for a minute, for one client, redirect address and PKCE challenge.

A code that comes again ends everything that it gave (RFC 6749 4.1.2, RFC 9700 4.2.4): it has been seen by somebody else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

from server.internal import Found, Kind
from server.oauth.authority import Authority
from server.oauth.client_authentication import Authenticated
from server.oauth.errors import OAuthError
from server.oauth.grant import GRANTS, Granted, end, granting, is_for, keeps_going
from server.oauth.parameters import Parameters
from server.oauth.token_answer import token_answer
from server.oauth.wire import Answer
from server.store.internal import Keep
from server.store.store import StaleVersionError

LASTS: Final = 60 * 1_000_000
REMEMBERED: Final = 3600 * 1_000_000
"""Microseconds for which a code that comes again is known for what it is: longer than any access token that it gave."""

VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_REFUSED: Final = "The code is not good, or not any more: ask for another one."


class Code(msgspec.Struct, frozen=True):
    """`ends`: microseconds since 1970."""

    granted: Granted
    grant: str
    redirect_uri: str
    challenge: str
    ends: int
    used: bool = False


CODES: Final = Kind("code", Code)


def issue(authority: Authority, granted: Granted, redirect_uri: str, challenge: str) -> tuple[str, Keep]:
    """A code, and the change that makes it good."""
    code, now = secrets.token_urlsafe(32), authority.own.now()
    kept = Code(granted, secrets.token_urlsafe(12), redirect_uri, challenge, now + LASTS)
    return code, CODES.add(authority.own, code, kept, now + LASTS + REMEMBERED)


async def redeem(authority: Authority, asker: Authenticated, parameters: Parameters) -> Answer:
    """Tokens for a code. Raises OAuthError."""
    found = await CODES.read(authority.own, parameters.required("code"))
    redirect_uri, verifier = parameters.required("redirect_uri"), parameters.required("code_verifier")
    if found is None:
        raise OAuthError("invalid_grant", _REFUSED)
    if found.value.used:
        await _came_again(authority, asker, found)
    code = found.value
    if not is_for(code.granted, asker.client) or authority.own.now() >= code.ends:
        raise OAuthError("invalid_grant", _REFUSED)
    if redirect_uri != code.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect address is not the one that the code was sent to.")
    if VERIFIER.fullmatch(verifier) is None or not hmac.compare_digest(challenge_of(verifier), code.challenge):
        raise OAuthError("invalid_grant", "The code verifier does not fit the code challenge.")
    account = await keeps_going(authority, code.granted)
    changes: list[Keep] = [CODES.change(authority.own, found, msgspec.structs.replace(code, used=True))]
    refresh_token = None
    if code.granted.may_refresh and "refresh_token" in asker.client.grant_types:
        refresh_token, kept = granting(authority, code.grant, code.granted)
        changes.append(kept)
    who = authority.user(account, asker.client.id)
    patients = (code.granted.patient,) if code.granted.patient else ()
    noted = authority.note("token-issue", who=who, query="grant_type=authorization_code", patients=patients)
    try:
        await authority.commit([*changes, *asker.changes], noted)
    except StaleVersionError as error:
        if error.key == found.key:
            await _came_again(authority, asker, found)
        raise
    return await token_answer(
        authority, asker.client, account, code.granted, code.grant, code.granted.scope, refresh_token, with_identity=True
    )


def challenge_of(verifier: str) -> str:
    """RFC 7636 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


async def _came_again(authority: Authority, asker: Authenticated, found: Found[Code]) -> None:
    """End what the code gave. Raises OAuthError in any case."""
    code = found.value
    note = authority.note(
        "token-reuse", 400, "code-reuse", who=authority.machine(asker.client.id), query=f"client={code.granted.client}"
    )
    await end(authority, code.grant, await GRANTS.read(authority.own, code.grant), note)
    raise OAuthError("invalid_grant", "The code was used before: what it gave is good no more.")
