"""What a person granted to a client, and the refresh tokens that it lives on by (RFC 6749 6, RFC 9700 4.14.2).

Refresh tokens rotate: each is good once and gives the next. One that comes again was stolen, from the client or from the thief;
nobody can tell which, so the whole grant ends. A refresh token is the grant's id, its number, and a keyed hash of both: nothing
of it is stored.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any, Final

import msgspec

from server.accounts.account import Account, find
from server.accounts.session import SESSIONS
from server.internal import Found, Kind
from server.oauth.authority import Authority
from server.oauth.client import Client
from server.oauth.client_authentication import Authenticated
from server.oauth.errors import OAuthError
from server.oauth.parameters import Parameters
from server.oauth.scopes_granted import grantable, is_subset
from server.oauth.token_answer import token_answer
from server.oauth.wire import Answer
from server.store.internal import Keep
from server.store.store import StaleVersionError

DAY: Final = 24 * 3600 * 1_000_000
_TOKEN: Final = re.compile(r"(?P<grant>[A-Za-z0-9_-]{16})\.(?P<number>[1-9][0-9]{0,8})\.(?P<proof>[0-9a-f]{32})")
_REFUSED: Final = "The refresh token is not good, or not any more: let the person authorize the app again."


class Granted(msgspec.Struct, frozen=True, omit_defaults=True):
    """`authenticated` is in seconds, `begun` in microseconds. `session` is set where the grant ends with it (online_access)."""

    client: str
    account: str
    scope: str
    audience: str
    begun: int
    authenticated: int
    patient: str = ""
    encounter: str = ""
    fhir_context: list[dict[str, Any]] = []
    intent: str = ""
    nonce: str = ""
    session: str = ""

    @property
    def may_refresh(self) -> bool:
        return bool({"offline_access", "online_access"} & set(self.scope.split(" ")))


class Grant(msgspec.Struct, frozen=True):
    """`number` is that of the refresh token that is good now."""

    granted: Granted
    secret: str
    number: int = 1
    ended: bool = False


GRANTS: Final = Kind("grant", Grant)


def granting(authority: Authority, id_: str, granted: Granted) -> tuple[str, Keep]:
    """The first refresh token, and the change that makes it good."""
    grant = Grant(granted, secrets.token_urlsafe(16))
    days = authority.settings.refresh_days if not granted.session else authority.settings.session_lifetime / 86_400
    until = authority.own.now() + int(days * DAY)
    return _token(authority, id_, grant), GRANTS.add(authority.own, id_, grant, until)


async def refresh(authority: Authority, asker: Authenticated, parameters: Parameters) -> Answer:
    """The next tokens. Raises OAuthError."""
    token = parameters.required("refresh_token")
    scope = parameters.get("scope")
    id_, number, found = await find_grant(authority, token)
    grant = found.value
    if not is_for(grant.granted, asker.client) or grant.ended or authority.own.now() >= found.until:
        raise OAuthError("invalid_grant", _REFUSED)
    if number != grant.number:
        await _came_again(authority, asker, id_, found)
    if scope is not None and not is_subset(scope, grant.granted.scope):
        raise OAuthError("invalid_scope", "More is asked for than was granted.")
    account = await keeps_going(authority, grant.granted)
    granted = grantable(scope or grant.granted.scope, asker.client.scope, account.roles, "person")
    if not granted:
        raise OAuthError("invalid_grant", _REFUSED)
    following = msgspec.structs.replace(grant, number=number + 1)
    patients = (grant.granted.patient,) if grant.granted.patient else ()
    who = authority.user(account, asker.client.id)
    noted = authority.note("token-issue", who=who, query="grant_type=refresh_token", patients=patients)
    try:
        await authority.commit([GRANTS.change(authority.own, found, following), *asker.changes], noted)
    except StaleVersionError as error:
        if error.key == found.key:
            await _came_again(authority, asker, id_, await GRANTS.read(authority.own, id_) or found)
        raise
    next_token = _token(authority, id_, following)
    return await token_answer(
        authority,
        asker.client,
        account,
        grant.granted,
        id_,
        " ".join(granted),
        next_token,
        with_identity="openid" in granted,
    )


async def find_grant(authority: Authority, token: str) -> tuple[str, int, Found[Grant]]:
    """(id, number, grant) of a refresh token that this server made. Raises OAuthError."""
    match = _TOKEN.fullmatch(token)
    found = await GRANTS.read(authority.own, match["grant"]) if match else None
    if match is None or found is None:
        raise OAuthError("invalid_grant", _REFUSED)
    numbered = msgspec.structs.replace(found.value, number=int(match["number"]))
    if not hmac.compare_digest(token, _token(authority, match["grant"], numbered)):
        raise OAuthError("invalid_grant", _REFUSED)
    return match["grant"], numbered.number, found


def is_for(granted: Granted, client: Client) -> bool:
    """Whether it was granted to this client, and not to one that had its id before and was removed."""
    return granted.client == client.id and granted.begun >= client.created


async def keeps_going(authority: Authority, granted: Granted) -> Account:
    """The account, where it still lets the grant go on. Raises OAuthError."""
    found = await find(authority.own, granted.account)
    if found is None or not found.value.active or granted.begun < found.value.signed_out_before:
        raise OAuthError("invalid_grant", _REFUSED)
    if granted.session:
        session = await SESSIONS.read(authority.own, granted.session)
        if session is None or authority.own.now() >= session.until:  # whoever works in the app is not idle
            raise OAuthError("invalid_grant", _REFUSED)
    return found.value


async def end(authority: Authority, id_: str, found: Found[Grant] | None, *audit: bytes) -> None:
    """No token of the grant is good any more."""
    while found is not None and not found.value.ended:
        ended = GRANTS.change(authority.own, found, msgspec.structs.replace(found.value, ended=True))
        try:
            await authority.revoke("grant", id_, *audit, also=[ended])
        except StaleVersionError:
            found = await GRANTS.read(authority.own, id_)
        else:
            return
    await authority.revoke("grant", id_, *audit)


async def _came_again(authority: Authority, asker: Authenticated, id_: str, found: Found[Grant]) -> None:
    """Raises OAuthError in any case."""
    note = authority.note("token-reuse", 400, "refresh-token-reuse", who=authority.machine(asker.client.id))
    await end(authority, id_, found, note)
    raise OAuthError("invalid_grant", "The refresh token was used before: the whole grant is good no more.")


def _token(authority: Authority, id_: str, grant: Grant) -> str:
    proof = authority.own.tenant.index.unique_key(("refresh-token", id_, str(grant.number), grant.secret)).hex()
    return f"{id_}.{grant.number}.{proof}"
