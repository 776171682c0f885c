"""Token revocation (RFC 7009): a refresh token takes its whole grant with it, an access token only itself.

What is not known, or over already, is revoked as it is: 200. A token of another client is refused.
"""

from __future__ import annotations

from server.auth.access_token import TokenError
from server.oauth.authority import Authority
from server.oauth.client_authentication import Authenticated, authenticate, spend
from server.oauth.errors import OAuthError
from server.oauth.grant import end, find_grant
from server.oauth.parameters import parse_form
from server.oauth.wire import ANY_ORIGIN, NO_STORE, Answer


async def revoke(authority: Authority) -> Answer:
    """Answers `POST /oauth/revoke`. Raises OAuthError."""
    parameters = parse_form(authority.call.headers.get("content-type", ""), authority.call.body)
    parameters.check()
    token = parameters.required("token")
    asker = await authenticate(authority, parameters)
    await spend(authority, asker)
    if not await _access(authority, asker, token):
        await _refresh(authority, asker, token)
    return Answer(200, headers=(*NO_STORE, *ANY_ORIGIN))


async def _access(authority: Authority, asker: Authenticated, token: str) -> bool:
    """Whether it was an access token of this server."""
    try:
        _, principal = authority.shared.services.verifier.claims(token)
    except TokenError:
        return False
    if principal.tenant != authority.tenant:
        return False
    _check_whose(principal.client_id, asker)
    if not authority.shared.revoked.holds(principal):
        left = max(0, principal.expires - authority.seconds())
        noted = authority.note("token-revoke", who=principal, query="token=access")
        await authority.revoke("token", principal.token_id, noted, lifetime=left)
    return True


async def _refresh(authority: Authority, asker: Authenticated, token: str) -> None:
    try:
        id_, _, found = await find_grant(authority, token)
    except OAuthError:
        return
    _check_whose(found.value.granted.client, asker)
    noted = authority.note("token-revoke", who=authority.machine(asker.client.id), query="token=refresh")
    await end(authority, id_, found, noted)


def _check_whose(client: str, asker: Authenticated) -> None:
    if client != asker.client.id:
        raise OAuthError("unauthorized_client", "The token was given to another client.", client=asker.client.id)
