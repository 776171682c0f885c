"""All addresses of the authorization server as data: under a tenant's root, who answers, and whose browser may call from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from server.oauth import authority as at
from server.oauth.authority import Authority
from server.oauth.authorize import authorize
from server.oauth.authorize_forms import choose, consent, second_step, sign_in, sign_out
from server.oauth.discovery import jwks, openid_configuration, smart_configuration
from server.oauth.introspection import introspect
from server.oauth.launch_context import create
from server.oauth.registration import register
from server.oauth.revocation import revoke
from server.oauth.token_endpoint import token
from server.oauth.wire import Answer
from server.pages.page import STYLE, style

Handler = Callable[[Authority], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class OAuthRoute:
    """`activity` is what a refusal is called in the audit trail; empty: it leaves no record.

    `for_people`: what is wrong is told on a page. `any_origin`: scripts of any site may call it (CORS), without cookies.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    activity: str = ""
    for_people: bool = False
    any_origin: bool = False


async def _style(_: Authority) -> Answer:
    return Answer(200, style(), "text/css; charset=utf-8", (("Cache-Control", "public, max-age=3600"),))


OAUTH_ROUTES: Final[tuple[OAuthRoute, ...]] = (
    OAuthRoute("GET", "/fhir/.well-known/smart-configuration", smart_configuration, any_origin=True),
    OAuthRoute("GET", "/pas-2.0.1/fhir/.well-known/smart-configuration", smart_configuration, any_origin=True),
    OAuthRoute("GET", "/.well-known/openid-configuration", openid_configuration, any_origin=True),
    OAuthRoute("GET", "/.well-known/oauth-authorization-server", openid_configuration, any_origin=True),
    OAuthRoute("GET", at.JWKS, jwks, any_origin=True),
    OAuthRoute("GET", at.AUTHORIZE, authorize, "authorize", for_people=True),
    OAuthRoute("POST", at.AUTHORIZE, authorize, "authorize", for_people=True),
    OAuthRoute("POST", at.SIGN_IN, sign_in, "sign-in", for_people=True),
    OAuthRoute("POST", at.SECOND_STEP, second_step, "sign-in", for_people=True),
    OAuthRoute("POST", at.SIGN_OUT, sign_out, "sign-out", for_people=True),
    OAuthRoute("POST", at.PATIENT, choose, "patient-choose", for_people=True),
    OAuthRoute("POST", at.CONSENT, consent, "consent", for_people=True),
    OAuthRoute("POST", at.TOKEN_ENDPOINT, token, "token-issue", any_origin=True),
    OAuthRoute("POST", at.INTROSPECT, introspect, "token-introspect"),
    OAuthRoute("POST", at.REVOKE, revoke, "token-revoke", any_origin=True),
    OAuthRoute("POST", at.REGISTER, register, "client-register"),
    OAuthRoute("POST", at.LAUNCH, create, "launch-create", any_origin=True),
    OAuthRoute("GET", STYLE, _style),
)


def routes_of(path: str) -> dict[str, OAuthRoute]:
    """The routes of an address by method."""
    return {route.method: route for route in OAUTH_ROUTES if route.path == path}
