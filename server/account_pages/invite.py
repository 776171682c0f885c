"""The page where an administrator invites somebody: an account without a password, and a link to choose one, which is shown once."""

from __future__ import annotations

from urllib.parse import urlencode

from server.account_pages.fields import check_profile, choices, filled_in
from server.account_pages.visitor import Visitor
from server.accounts.account import Account, AccountError, NewAccount, fold_name
from server.accounts.change import AccountChange
from server.accounts.invitation import PATH
from server.oauth.authority import ACCOUNTS, ONE_ACCOUNT, Authority
from server.oauth.invitation_mail import send_link
from server.oauth.invitations import add_invited
from server.oauth.wire import Answer


async def show(visitor: Visitor) -> Answer:
    """Answers `GET /accounts/invite`."""
    return _page(visitor, AccountChange())


async def send(visitor: Visitor) -> Answer:
    """Answers `POST /accounts/invite`."""
    authority, given, name = visitor.authority, filled_in(visitor), visitor.text("name")
    new = NewAccount(
        name, given.roles or (), given.display or "", given.fhir_user or "", given.patient or "",
        specialty=given.specialty or "", email=given.email or "",
    )  # fmt: skip
    try:
        await check_profile(visitor, given)
        noted = authority.note(
            "user-invite", who=visitor.principal, query=f"name={fold_name(name)}&role={','.join(new.roles)}"
        )
        account, link = await add_invited(authority.own, new, authority.settings.invitation_days, [noted])
    except AccountError as error:
        return _page(visitor, given, name, str(error), error.field)
    return await link_page(visitor, account, link)


async def link_page(visitor: Visitor, account: Account, link: str) -> Answer:
    """The link, which nobody can be shown again; it is sent to the account's address, where there is a mail server."""
    authority = visitor.authority
    address = invitation_address(authority, link)
    return visitor.show(
        "link",
        display=account.display,
        link=address,
        mail=await send_link(authority.settings, account, address),
        email=account.email,
        days=authority.settings.invitation_days,
        account=f"{authority.address(ONE_ACCOUNT)}?{urlencode({'account': account.id})}",
        accounts=authority.address(ACCOUNTS),
    )


def invitation_address(authority: Authority, link: str) -> str:
    return f"{authority.address(PATH)}?{urlencode({'link': link})}"


def _page(visitor: Visitor, given: AccountChange, name: str = "", problem: str = "", field: str = "") -> Answer:
    return visitor.show(
        "invite", problem, field=field, name=name, days=visitor.authority.settings.invitation_days, **choices(given)
    )
