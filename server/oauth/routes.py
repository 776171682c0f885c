"""All addresses of the authorization server as data: under a tenant's root, who answers, and whose browser may call from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from server.account_pages import account_list, invitation_page, invite, one_account, own_account, own_second_factor
from server.account_pages.visitor import own_page
from server.accounts.invitation import PATH as INVITATION
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
from server.outside.sign_in import come_back, leave
from server.pages.page import STYLE, style

Handler = Callable[[Authority], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class OAuthRoute:
    """`activity` is what a refusal is called in the audit trail; empty: it leaves no record.

    `for_people`: what is wrong is told on a page. `any_origin`: scripts of any site may call it (CORS), without cookies.
    `from_elsewhere`: another site's page may post to it; all other forms are taken from our own pages only. `limit` names the policy
    of server/rates that its callers' addresses are counted by, where it is not the one that others of its kind have.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    activity: str = ""
    for_people: bool = False
    any_origin: bool = False
    from_elsewhere: bool = False
    limit: str = ""

    @property
    def policy(self) -> str:
        """The limit that holds for it."""
        return self.limit or ("open" if self.method == "GET" else "forms" if self.for_people else "tokens")

    @property
    def own_pages_only(self) -> bool:
        """Whether it is a form of ours, which no other site may send on a person's behalf."""
        return self.method == "POST" and self.for_people and not self.from_elsewhere


async def _style(_: Authority) -> Answer:
    return Answer(200, style(), "text/css; charset=utf-8", (("Cache-Control", "public, max-age=3600"),))


OAUTH_ROUTES: Final[tuple[OAuthRoute, ...]] = (
    OAuthRoute("GET", "/fhir/.well-known/smart-configuration", smart_configuration, any_origin=True),
    OAuthRoute("GET", "/pas-2.0.1/fhir/.well-known/smart-configuration", smart_configuration, any_origin=True),
    OAuthRoute("GET", "/.well-known/openid-configuration", openid_configuration, any_origin=True),
    OAuthRoute("GET", "/.well-known/oauth-authorization-server", openid_configuration, any_origin=True),
    OAuthRoute("GET", at.JWKS, jwks, any_origin=True),
    OAuthRoute("GET", at.AUTHORIZE, authorize, "authorize", for_people=True),
    OAuthRoute("POST", at.AUTHORIZE, authorize, "authorize", for_people=True, from_elsewhere=True, limit="open"),
    OAuthRoute("POST", at.SIGN_IN, sign_in, "sign-in", for_people=True),
    OAuthRoute("POST", at.SECOND_STEP, second_step, "sign-in", for_people=True),
    OAuthRoute("GET", at.OUTSIDE, leave, "sign-in", for_people=True, limit="forms"),
    OAuthRoute("GET", f"{at.OUTSIDE_BACK}*", come_back, "sign-in", for_people=True, limit="forms"),
    OAuthRoute("POST", at.SIGN_OUT, sign_out, "sign-out", for_people=True),
    OAuthRoute("POST", at.PATIENT, choose, "patient-choose", for_people=True),
    OAuthRoute("POST", at.CONSENT, consent, "consent", for_people=True),
    OAuthRoute("POST", at.TOKEN_ENDPOINT, token, "token-issue", any_origin=True),
    OAuthRoute("POST", at.INTROSPECT, introspect, "token-introspect"),
    OAuthRoute("POST", at.REVOKE, revoke, "token-revoke", any_origin=True),
    OAuthRoute("POST", at.REGISTER, register, "client-register", limit="registration"),
    OAuthRoute("POST", at.LAUNCH, create, "launch-create", any_origin=True),
    OAuthRoute("GET", INVITATION, invitation_page.show, for_people=True),
    OAuthRoute("POST", INVITATION, invitation_page.choose_password, "user-invitation-accept", for_people=True),
    OAuthRoute("GET", at.ACCOUNT, own_page(own_account.show), for_people=True),
    OAuthRoute("POST", at.PASSWORD_FORM, own_page(own_account.other_password), "user-passwd", for_people=True),
    OAuthRoute("POST", at.SESSIONS, own_page(own_account.sign_out_everywhere), "user-end-sessions", for_people=True),
    OAuthRoute("POST", at.SIGN_OUT_HERE, own_page(own_account.sign_out, without_factor=True), "sign-out", for_people=True),
    OAuthRoute("GET", at.SECOND_FACTOR, own_page(own_second_factor.show, without_factor=True), for_people=True),
    OAuthRoute(
        "POST",
        at.SECOND_FACTOR,
        own_page(own_second_factor.change, without_factor=True),
        "user-second-factor",
        for_people=True,
    ),
    OAuthRoute("GET", at.ACCOUNTS, own_page(account_list.show, administrators=True), "user-list", for_people=True),
    OAuthRoute("GET", at.INVITE, own_page(invite.show, administrators=True), for_people=True),
    OAuthRoute("POST", at.INVITE, own_page(invite.send, administrators=True), "user-invite", for_people=True),
    OAuthRoute("GET", at.ONE_ACCOUNT, own_page(one_account.show, administrators=True), "user-read", for_people=True),
    OAuthRoute("POST", at.ONE_ACCOUNT, own_page(one_account.change, administrators=True), "user-modify", for_people=True),
    OAuthRoute("GET", STYLE, _style),
)


def routes_of(path: str) -> dict[str, OAuthRoute]:
    """The routes of an address by method. A route that ends with * is for whatever follows."""
    return {route.method: route for route in OAUTH_ROUTES if _is_for(route.path, path)}


def _is_for(route: str, path: str) -> bool:
    return path.startswith(route[:-1]) if route.endswith("*") else path == route
