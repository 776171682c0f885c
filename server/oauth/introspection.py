"""Token introspection (RFC 7662, SMART token-introspection): what an access or refresh token stands for, for those who may ask.

Who asks proves to be a confidential client, or sends a bearer token; a bearer who is no administrator is told of the tokens of its
own client only. Whatever is not good, or not theirs to know, is {"active": false} and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from server.auth.access_token import TokenError
from server.oauth.authority import Authority
from server.oauth.client import find
from server.oauth.client_authentication import authenticate, spend
from server.oauth.errors import OAuthError
from server.oauth.grant import find_grant, is_for, keeps_going
from server.oauth.launch_context import bearer
from server.oauth.parameters import Parameters, parse_form
from server.oauth.wire import Answer, json_answer

INACTIVE: Final = {"active": False}
_AS_ISSUED: Final = (
    "scope",
    "client_id",
    "exp",
    "iat",
    "nbf",
    "iss",
    "aud",
    "sub",
    "jti",
    "patient",
    "encounter",
    "intent",
)

MayKnow = Callable[[str], bool]
"""Whether the asker may be told of a token of this client."""


async def introspect(authority: Authority) -> Answer:
    """Answers `POST /oauth/introspect`. Raises OAuthError."""
    parameters = parse_form(authority.call.headers.get("content-type", ""), authority.call.body)
    parameters.check()
    may_know = await _asker(authority, parameters)
    token = parameters.required("token")
    return json_answer(_of_access(authority, token, may_know) or await _of_refresh(authority, token, may_know) or INACTIVE)


async def _asker(authority: Authority, parameters: Parameters) -> MayKnow:
    if authority.call.headers.get("authorization", "")[:7].lower() == "bearer ":
        caller = bearer(authority)
        return lambda client: "administrator" in caller.roles or client == caller.client_id
    asker = await authenticate(authority, parameters)
    if asker.client.is_public:
        raise OAuthError("invalid_client", "Introspection is for clients that prove who they are.", client=asker.client.id)
    await spend(authority, asker)
    return lambda client: True


def _of_access(authority: Authority, token: str, may_know: MayKnow) -> dict[str, Any] | None:
    verifier = authority.shared.services.verifier
    try:
        claims, principal = verifier.claims(token)
    except TokenError:
        return None
    if (
        principal.tenant != authority.tenant
        or authority.shared.revoked.holds(principal)
        or not may_know(principal.client_id)
    ):
        return None
    told: dict[str, Any] = {name: claims[name] for name in _AS_ISSUED if name in claims}
    if principal.fhir_user is not None:
        absolute = principal.fhir_user.startswith("http")
        told["fhirUser"] = principal.fhir_user if absolute else f"{authority.bases[0]}/{principal.fhir_user}"
    return {"active": True, **told, "token_type": "Bearer"}


async def _of_refresh(authority: Authority, token: str, may_know: MayKnow) -> dict[str, Any] | None:
    try:
        _, number, found = await find_grant(authority, token)
        grant = found.value
        over = grant.ended or number != grant.number or authority.own.now() >= found.until
        client = await find(authority.own, grant.granted.client)
        if over or client is None or not is_for(grant.granted, client.value) or not may_know(client.value.id):
            return None
        await keeps_going(authority, grant.granted)
    except OAuthError:
        return None
    told = {"active": True, "scope": grant.granted.scope, "client_id": grant.granted.client, "sub": grant.granted.account}
    return {**told, "iss": authority.issuer, "exp": found.until // 1_000_000}
