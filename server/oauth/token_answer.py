"""The answer of the token endpoint: access token, launch context, id_token (RFC 6749 5.1, SMART App Launch 2.2, OpenID Connect 3.1.3.3)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from server.accounts.account import Account
from server.auth.access_token import Grant, issue_token
from server.oauth.authority import Authority
from server.oauth.client import Client
from server.oauth.wire import ANY_ORIGIN, NO_STORE, Answer, json_answer

if TYPE_CHECKING:
    from server.oauth.grant import Granted

BACKEND_SECONDS: Final = 300
ID_TOKEN_SECONDS: Final = 3600


async def token_answer(
    authority: Authority,
    client: Client,
    account: Account,
    granted: Granted,
    grant_id: str,
    scope: str,
    refresh_token: str | None,
    *,
    with_identity: bool,
) -> Answer:
    """For a person's grant. `scope` is what the access token may do of it."""
    names = set(scope.split(" "))
    lifetime, now = authority.settings.access_token_seconds, authority.seconds()
    context: dict[str, Any] = {
        "patient": granted.patient or None,
        "encounter": granted.encounter or None,
        "fhirContext": granted.fhir_context or None,
        "intent": granted.intent or None,
    }
    told = {name: value for name, value in context.items() if value is not None}
    access = Grant(
        tenant=authority.tenant,
        subject=account.id,
        client_id=client.id,
        roles=account.roles,
        scope=scope,
        fhir_user=account.fhir_user or None,
        patient=granted.patient or account.patient or None,
        encounter=granted.encounter or None,
        token_id=f"{grant_id}.{secrets.token_urlsafe(12)}",
        more={"intent": granted.intent} if granted.intent else {},
    )
    answer: dict[str, Any] = {
        "access_token": _signed(authority, access, lifetime, granted.audience),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": scope,
        **told,
    }
    if granted.patient:
        answer["need_patient_banner"] = True
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    if with_identity and "openid" in names:
        answer["id_token"] = await authority.shared.id_token_key.sign(
            _identity(authority, client, account, granted, names, now)
        )
    return json_answer(answer, headers=(*NO_STORE, *ANY_ORIGIN))


def backend_answer(authority: Authority, client: Client, scope: str) -> Answer:
    """For a backend service: no refresh token, and a short life."""
    lifetime = min(BACKEND_SECONDS, authority.settings.access_token_seconds)
    access = Grant(authority.tenant, client.id, client.id, client.roles, scope)
    token = _signed(authority, access, lifetime, authority.bases[0])
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": scope}
    return json_answer(answer, headers=(*NO_STORE, *ANY_ORIGIN))


def _signed(authority: Authority, access: Grant, lifetime: int, audience: str) -> str:
    now = authority.own.now() / 1_000_000
    return issue_token(
        authority.shared.signing_key, access, lifetime=lifetime, now=now, issuer=authority.issuer, audience=audience
    )


def _identity(
    authority: Authority, client: Client, account: Account, granted: Granted, scopes: set[str], now: int
) -> dict[str, Any]:
    """The claims of the id_token; `fhirUser` is absolute, as SMART wants it."""
    claims: dict[str, Any] = {
        "iss": authority.issuer,
        "sub": account.id,
        "aud": client.id,
        "iat": now,
        "exp": now + ID_TOKEN_SECONDS,
        "auth_time": granted.authenticated,
    }
    if granted.nonce:
        claims["nonce"] = granted.nonce
    if account.fhir_user and scopes & {"fhirUser", "profile"}:
        claims["fhirUser"] = f"{granted.audience}/{account.fhir_user}"
    if "profile" in scopes:
        claims |= {"name": account.display, "preferred_username": account.name}
    return claims
