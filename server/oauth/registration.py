"""Dynamic client registration (RFC 7591): off, for administrators with a token, or for anybody, as the setting says.

What anybody registers is an app for people: no system scopes, no roles. Each registration makes a new client. An administrator's token
registers where it was given for that: a backend service has roles, and whoever may make one may do whatever those roles may.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from profiles import json
from server.auth.principal import Principal
from server.auth.scopes import USERS_SCOPE
from server.oauth import client as clients
from server.oauth.authority import Authority
from server.oauth.client import Client, ClientError
from server.oauth.errors import Code, OAuthError
from server.oauth.launch_context import bearer
from server.oauth.wire import Answer, json_answer

LARGEST: Final = 64 * 1024
_WHO: Final = f"Apps are registered by an administrator whose token has the scope {USERS_SCOPE}."
_KINDS: Final[dict[str, type]] = {
    "client_name": str,
    "token_endpoint_auth_method": str,
    "scope": str,
    "jwks_uri": str,
    "initiate_login_uri": str,
    "redirect_uris": list,
    "grant_types": list,
    "response_types": list,
    "roles": list,
    "jwks": dict,
}


async def register(authority: Authority) -> Answer:
    """Answers `POST /oauth/register`. Raises OAuthError."""
    switch = authority.settings.client_registration
    if switch == "off":
        raise OAuthError("access_denied", "Apps are registered by the server's administrator.")
    who = bearer(authority) if switch == "administrator" or "authorization" in authority.call.headers else None
    if who is not None and ("administrator" not in who.roles or USERS_SCOPE not in who.scopes.others):
        raise OAuthError("insufficient_scope", _WHO, challenge=f'Bearer error="insufficient_scope", scope="{USERS_SCOPE}"')
    asked = _read(authority.call.body)
    client, secret = clients.with_new_secret(_client(authority, asked, who))
    noted = authority.note("client-register", who=who or authority.machine(client.id), query=f"client={client.id}")
    try:
        await clients.add(authority.own, client, [noted])
    except ClientError as error:
        code: Code = "invalid_redirect_uri" if error.field == "redirect_uris" else "invalid_client_metadata"
        raise OAuthError(code, str(error)) from error
    return json_answer(_told(client, secret), 201)


def _client(authority: Authority, asked: dict[str, Any], who: Principal | None) -> Client:
    """Raises OAuthError."""
    grant_types = asked.get("grant_types", ["authorization_code"])
    if asked.get("response_types", ["code"]) not in (["code"], []):
        raise OAuthError("invalid_client_metadata", "The response type is code.")
    backend, scope = "client_credentials" in grant_types, asked.get("scope", "").split(" ")
    if who is None and (backend or "roles" in asked or "system/" in asked.get("scope", "") or USERS_SCOPE in scope):
        raise OAuthError("invalid_client_metadata", "Backend services are registered by an administrator.")
    return Client(
        id=secrets.token_urlsafe(12).lstrip("_-") or secrets.token_hex(12),
        name=asked.get("client_name") or "App without a name",
        method=asked.get("token_endpoint_auth_method", "client_secret_basic"),
        redirect_uris=tuple(asked.get("redirect_uris", ())),
        grant_types=tuple(grant_types),
        scope=asked.get("scope", ""),
        roles=tuple(asked.get("roles", ())),
        jwks=asked.get("jwks"),
        jwks_uri=asked.get("jwks_uri", ""),
        launch_uri=asked.get("initiate_login_uri", ""),
        created=authority.own.now(),
        registered_by=who.subject if who is not None else "",
    )


def _read(body: bytes) -> dict[str, Any]:
    """What was asked for, of the members that are known (RFC 7591 2: others are ignored). Raises OAuthError."""
    try:
        content = json.loads(body) if len(body) <= LARGEST else None
    except json.JsonError:
        content = None
    if not isinstance(content, dict):
        raise OAuthError("invalid_client_metadata", "The body is a JSON object.")
    asked = {name: content[name] for name in _KINDS if content.get(name) is not None}
    for name, value in asked.items():
        listed = value if isinstance(value, list) else []
        if not isinstance(value, _KINDS[name]) or not all(isinstance(item, str) for item in listed):
            raise OAuthError("invalid_client_metadata", f"The member {name} is of the wrong kind.")
    return asked


def _told(client: Client, secret: str | None) -> dict[str, Any]:
    """RFC 7591 3.2.1."""
    told: dict[str, Any] = {
        "client_id": client.id,
        "client_id_issued_at": client.created // 1_000_000,
        "client_name": client.name,
        "token_endpoint_auth_method": client.method,
        "grant_types": list(client.grant_types),
        "response_types": ["code"] if "authorization_code" in client.grant_types else [],
        "redirect_uris": list(client.redirect_uris),
    }
    optional = {"scope": client.scope, "jwks": client.jwks, "jwks_uri": client.jwks_uri, "roles": list(client.roles)}
    told |= {name: value for name, value in optional.items() if value}
    return {**told, "client_secret": secret, "client_secret_expires_at": 0} if secret is not None else told
