"""The page behind the link of an invitation: its person chooses a password, and can sign in.

Looking at it uses nothing up, so that a program that follows links in letters does no harm.
"""

from __future__ import annotations

from typing import Final

from server.account_pages.own_account import NOT_THE_SAME
from server.accounts import attempts
from server.accounts.account import Account, AccountError
from server.accounts.invitation import PATH, open_invitation
from server.accounts.password import SHORTEST
from server.oauth.administration import change_password
from server.oauth.authority import ACCOUNT, Authority
from server.oauth.authorize import to_flow
from server.oauth.errors import OAuthError, PageError
from server.oauth.flow import to_place
from server.oauth.parameters import parse, parse_form
from server.oauth.wire import Answer
from server.pages.page import page
from server.store.store import StaleVersionError

NOT_GOOD: Final = "This link is not good, or not any more. Ask your administrator for another one."


async def show(authority: Authority) -> Answer:
    """Answers `GET /invitation?link=...`."""
    try:
        link = parse(authority.call.query).get("link") or ""
    except OAuthError as error:
        raise PageError(NOT_GOOD) from error
    opened = await open_invitation(authority.own, link)
    if opened is None:
        raise PageError(NOT_GOOD)
    return _page(authority, link, opened[0].value)


async def choose_password(authority: Authority) -> Answer:
    """Answers `POST /invitation`."""
    try:
        form = parse_form(authority.call.headers.get("content-type", ""), authority.call.body)
        link, password, again = (form.get(name) or "" for name in ("link", "password", "again"))
    except OAuthError as error:
        raise PageError(NOT_GOOD) from error
    opened = await open_invitation(authority.own, link)
    if opened is None:
        raise PageError(NOT_GOOD)
    found, used = opened
    if password != again:
        return _page(authority, link, found.value, NOT_THE_SAME, "again")
    noted = authority.note("user-invitation-accept", who=authority.user(found.value))
    try:
        ended = await change_password(authority.own, found, password, [noted], [used])
    except AccountError as error:
        return _page(authority, link, found.value, str(error), "password")
    except StaleVersionError as error:
        raise PageError(NOT_GOOD) from error
    authority.shared.revoked.add(authority.tenant, *ended)
    await attempts.forget(authority.own, found.value.name)
    flow = to_place(ACCOUNT, authority.seconds(), found.value.name)
    return to_flow(authority, flow)


def _page(authority: Authority, link: str, account: Account, problem: str = "", field: str = "") -> Answer:
    return page(
        "invitation",
        400 if problem else 200,
        action=authority.address(PATH),
        link=link,
        account=account,
        shortest=SHORTEST,
        problem=problem,
        field=field,
    )
