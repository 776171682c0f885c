"""The page of one's own account: who one is here, another password, sessions, signing out."""

from __future__ import annotations

from server.account_pages.moments import moment
from server.account_pages.visitor import Visitor
from server.accounts import session as sessions
from server.accounts.account import AccountError, find, specialty_names
from server.accounts.password import SHORTEST
from server.accounts.second_factor import factor_of
from server.accounts.sign_in import SignInRefusedError, check_password
from server.oauth import cookies
from server.oauth.administration import change_password, end_sessions
from server.oauth.authority import ACCOUNT, PASSWORD_FORM, SECOND_FACTOR, SESSIONS
from server.oauth.errors import PageError
from server.oauth.wire import Answer, redirect

NOT_THE_SAME = "The two new passwords are not the same."


async def show(visitor: Visitor) -> Answer:
    """Answers `GET /account`."""
    return await _page(visitor)


async def other_password(visitor: Visitor) -> Answer:
    """Answers `POST /account/password`: this browser stays signed in, all else is over."""
    authority, own = visitor.authority, visitor.authority.own
    password = visitor.given.get("password") or ""
    try:
        await check_password(own, visitor.account, visitor.given.get("current") or "")
    except SignInRefusedError as error:
        await authority.commit([], authority.note("user-passwd", 401, error.code, who=visitor.principal))
        return await _page(visitor, str(error), "current")
    if password != (visitor.given.get("again") or ""):
        return await _page(visitor, NOT_THE_SAME, "again")
    found = await find(own, visitor.account.id)
    if found is None:
        raise PageError("There is no such account any more.", 404)
    noted = authority.note("user-passwd", who=visitor.principal, query=f"name={found.value.name}")
    try:
        ended = await change_password(own, found, password, [noted])
    except AccountError as error:
        return await _page(visitor, str(error), "password")
    authority.shared.revoked.add(authority.tenant, *ended)
    device, address = authority.call.headers.get("user-agent", ""), authority.call.address
    secret, begun = sessions.begin(own, found.value, authority.limits, device, address)
    await authority.commit([begun])
    to = f"{authority.address(ACCOUNT)}?said=password"
    return redirect(to, [("Set-Cookie", cookies.set_session(authority, secret))])


async def sign_out_everywhere(visitor: Visitor) -> Answer:
    """Answers `POST /account/sessions`."""
    authority = visitor.authority
    found = await find(authority.own, visitor.account.id)
    if found is None:
        raise PageError("There is no such account any more.", 404)
    noted = authority.note("user-end-sessions", who=visitor.principal, query=f"name={found.value.name}")
    ended = await end_sessions(authority.own, found, [noted])
    authority.shared.revoked.add(authority.tenant, *ended)
    return redirect(authority.address(ACCOUNT), [("Set-Cookie", cookies.end_session(authority))])


async def sign_out(visitor: Visitor) -> Answer:
    """Answers `POST /account/sign-out`."""
    authority = visitor.authority
    noted = authority.note("sign-out", who=visitor.principal)
    await authority.commit([sessions.end(visitor.signed)], noted)
    return redirect(authority.address(ACCOUNT), [("Set-Cookie", cookies.end_session(authority))])


async def _page(visitor: Visitor, problem: str = "", field: str = "") -> Answer:
    authority, account = visitor.authority, visitor.account
    going_on = await sessions.going_on(authority.own, account, authority.limits)
    return visitor.show(
        "account",
        problem,
        field=field,
        account=account,
        specialty=specialty_names().get(account.specialty, ""),
        shortest=SHORTEST,
        has_factor=await factor_of(authority.own, account.id) is not None,
        sessions=[
            {
                "device": found.value.device or "A browser that does not say what it is",
                "address": found.value.address,
                "seen": moment(found.value.seen),
                "started": moment(found.value.started),
                "is_this": found.key == visitor.signed.found.key,
            }
            for found in going_on
        ],
        password_action=authority.address(PASSWORD_FORM),
        sessions_action=authority.address(SESSIONS),
        second_factor=authority.address(SECOND_FACTOR),
    )
