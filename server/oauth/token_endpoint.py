"""The token endpoint (RFC 6749 3.2): a code, a refresh token, or a backend service's own request becomes an access token."""

from __future__ import annotations

from server.oauth.authority import Authority
from server.oauth.client_authentication import Authenticated, authenticate, names_nobody, public_client
from server.oauth.code import redeem
from server.oauth.errors import OAuthError
from server.oauth.grant import find_grant, refresh
from server.oauth.parameters import Parameters, parse_form
from server.oauth.scopes_granted import grantable
from server.oauth.token_answer import backend_answer
from server.oauth.wire import Answer
from server.store.store import StaleVersionError


async def token(authority: Authority) -> Answer:
    """Answers `POST /oauth/token`. Raises OAuthError, RateLimitedError."""
    parameters = parse_form(authority.call.headers.get("content-type", ""), authority.call.body)
    parameters.check()
    grant_type = parameters.required("grant_type")
    if grant_type not in {"authorization_code", "refresh_token", "client_credentials"}:
        raise OAuthError("unsupported_grant_type", "The grant type is none of this server's.")
    asker = await _asker(authority, parameters, grant_type)
    authority.shared.services.rates.take("tokens", (authority.tenant, asker.client.id))
    try:
        return await _given(authority, asker, parameters, grant_type)
    except OAuthError as error:
        error.client = asker.client.id
        raise


async def _given(authority: Authority, asker: Authenticated, parameters: Parameters, grant_type: str) -> Answer:
    """Raises OAuthError."""
    if grant_type not in asker.client.grant_types:
        raise OAuthError("unauthorized_client", "This client was not registered for that grant type.")
    try:
        if grant_type == "authorization_code":
            return await redeem(authority, asker, parameters)
        if grant_type == "refresh_token":
            return await refresh(authority, asker, parameters)
        return await _backend(authority, asker, parameters)
    except StaleVersionError as error:  # somebody else was faster with the same assertion
        raise OAuthError("invalid_client", "The assertion was used before.") from error


async def _asker(authority: Authority, parameters: Parameters, grant_type: str) -> Authenticated:
    """Raises OAuthError. RFC 6749 6 has no client_id, and SMART's JavaScript client sends none: a public client's token names it."""
    if grant_type == "refresh_token" and names_nobody(authority, parameters):
        _, _, found = await find_grant(authority, parameters.required("refresh_token"))
        return await public_client(authority, found.value.granted.client)
    return await authenticate(authority, parameters)


async def _backend(authority: Authority, asker: Authenticated, parameters: Parameters) -> Answer:
    """RFC 6749 4.4, SMART backend services: system scopes, for a client that proved itself with its key."""
    client = asker.client
    granted = grantable(parameters.required("scope"), client.scope, client.roles, "backend")
    if not granted or client.is_public:
        raise OAuthError("invalid_scope", "None of the scopes may be granted to this client.")
    noted = authority.note(
        "token-issue", who=authority.machine(client.id, client.roles), query="grant_type=client_credentials"
    )
    await authority.commit(asker.changes, noted)
    return backend_answer(authority, client, " ".join(granted))
