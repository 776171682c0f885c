"""Who is at a page of the server's own, and whether a form was made for them.

Nobody signed in: on to the sign-in page, and back. A form carries a sealed text that names the session it was made for: one that
another site made, or that was made before somebody else signed in, is refused (OWASP, cross-site request forgery).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from server.accounts import session as sessions
from server.accounts.account import Account
from server.accounts.administrators import ROLE
from server.accounts.session import SignedIn
from server.auth.principal import Principal
from server.oauth import cookies
from server.oauth.authority import ACCOUNT, ACCOUNTS, SECOND_FACTOR, SIGN_OUT_HERE, Authority
from server.oauth.authorize import lacks_factor, to_flow
from server.oauth.errors import OAuthError, PageError
from server.oauth.flow import LASTS, to_place
from server.oauth.parameters import Parameters, parse, parse_form
from server.oauth.wire import Answer, redirect
from server.pages.page import page
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant

STALE: Final = "This page is no longer good: open it again."
NOT_YOURS: Final = "This page is for administrators."
_BINDING: Final = b"account-page"
_LONGEST_QUERY: Final = 512

SAID: Final = {
    "password": "Your password was changed. Other browsers and apps are signed out.",
    "factor-off": "The second factor is off.",
    "saved": "The changes are saved.",
    "deactivated": "The account is deactivated. Its sessions and tokens are over.",
    "reactivated": "The account is active again.",
    "unlocked": "The account is unlocked.",
    "sessions": "All sessions of the account are over, and so is what apps were given.",
    "factor-reset": "The second factor is taken off, and all sessions are over. The person can add another one.",
    "uninvited": "The link is good no more.",
}
"""What a page says of what was just done, by the word in its address."""


class PageForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """`begun` in seconds since 1970. `secret` is that of a second factor which is not added yet."""

    session: str
    begun: int
    secret: str = ""


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(PageForm)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in. `given` is the query, or the form that was posted; `made` is what the form was sealed with."""

    authority: Authority
    signed: SignedIn
    given: Parameters
    made: PageForm

    @property
    def account(self) -> Account:
        return self.signed.account

    @property
    def principal(self) -> Principal:
        return self.authority.user(self.account)

    def text(self, name: str, most: int = 256) -> str:
        """A field of the form, without outer spaces; cut off where no person writes on."""
        return (self.given.get(name) or "").strip()[:most]

    def seal(self, secret: str = "") -> str:
        """For the hidden field `form`."""
        return _seal(self.authority.own.tenant, PageForm(self.signed.id, self.authority.seconds(), secret))

    def show(self, template: str, problem: str = "", *, secret: str = "", status: int = 0, **values: Any) -> Answer:
        """One of the pages, with what all of them need. `problem` says what was wrong with the form."""
        at = self.authority.address
        links = [{"name": "Your account", "address": at(ACCOUNT)}]
        if ROLE in self.account.roles:
            links.append({"name": "Accounts", "address": at(ACCOUNTS)})
        return page(
            template,
            status or (400 if problem else 200),
            links=links,
            here=at(self.authority.call.path),
            sign_out=at(SIGN_OUT_HERE),
            person=self.account.display,
            form=self.seal(secret),
            problem=problem,
            said=SAID.get(self.text("said"), "") if self.authority.call.method != "POST" else "",
            **values,
        )


Page = Callable[[Visitor], Awaitable[Answer]]
Handler = Callable[[Authority], Awaitable[Answer]]


def own_page(show: Page, *, administrators: bool = False, without_factor: bool = False) -> Handler:
    """The handler of a page for whoever is signed in, or for `administrators` alone.

    `without_factor`: also for somebody who has yet to add the second factor that the tenant wants.
    """

    async def handler(authority: Authority) -> Answer:
        signed = await sessions.signed_in(authority.own, cookies.session(authority), authority.limits)
        if signed is None:
            return to_flow(authority, to_place(_place(authority), authority.seconds()))
        if not without_factor and await lacks_factor(authority, signed.account):
            return redirect(authority.address(SECOND_FACTOR))
        try:
            visitor = _visitor(authority, signed)
            if administrators and ROLE not in signed.account.roles:
                raise PageError(NOT_YOURS, 403)
            return await show(visitor)
        except PageError as error:
            error.who = authority.user(signed.account)
            raise

    return handler


def _visitor(authority: Authority, signed: SignedIn) -> Visitor:
    """Raises PageError for a form that was not made for this session."""
    call = authority.call
    try:
        if call.method != "POST":
            return Visitor(authority, signed, parse(call.query), PageForm(signed.id, 0))
        given = parse_form(call.headers.get("content-type", ""), call.body)
        made = _open(authority.own.tenant, given.get("form") or "")
    except OAuthError as error:
        raise PageError("The form cannot be read.", error.status) from error
    if made is None or made.session != signed.id or authority.seconds() > made.begun + LASTS:
        raise PageError(STALE)
    return Visitor(authority, signed, given, made)


def _place(authority: Authority) -> str:
    """Where to come back to. What was posted is not done then: the person sees a page from where they can do it again."""
    call = authority.call
    if call.method == "POST":
        return ACCOUNTS if call.path.startswith(ACCOUNTS) else ACCOUNT
    query = call.query.decode("ascii", "replace") if len(call.query) <= _LONGEST_QUERY else ""
    return f"{call.path}?{query}" if query else call.path


def _seal(tenant: Tenant, made: PageForm) -> str:
    return base64.urlsafe_b64encode(tenant.cipher.seal(_ENCODER.encode(made), _BINDING)).rstrip(b"=").decode()


def _open(tenant: Tenant, text: str) -> PageForm | None:
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return _DECODER.decode(tenant.cipher.open(sealed, _BINDING))
    except (ValueError, SealBrokenError, msgspec.DecodeError):
        return None
