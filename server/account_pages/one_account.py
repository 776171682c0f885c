"""The page of one account, for administrators: what it is, changing it, and everything that can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from server.account_pages.account_list import state_of
from server.account_pages.fields import check_profile, choices, filled_in, values_of
from server.account_pages.invite import link_page
from server.account_pages.moments import moment
from server.account_pages.visitor import Visitor
from server.accounts import attempts
from server.accounts import session as sessions
from server.accounts.account import Account, AccountError, find
from server.accounts.change import AccountChange
from server.accounts.invitation import pending
from server.accounts.second_factor import factor_of
from server.internal import Found
from server.oauth import administration as act
from server.oauth import invitations
from server.oauth.administration import Ended
from server.oauth.authority import ACCOUNTS, ONE_ACCOUNT
from server.oauth.errors import PageError
from server.oauth.wire import Answer, redirect
from server.store.store import StaleVersionError

NOT_THERE: Final = "There is no such account."
MEANWHILE: Final = "The account was changed at the same moment: look at it again."


async def show(visitor: Visitor) -> Answer:
    """Answers `GET /accounts/one?account=ID`."""
    found = await _found(visitor)
    await visitor.authority.commit([], _noted(visitor, found, "user-read"))
    return await _page(visitor, found)


async def change(visitor: Visitor) -> Answer:
    """Answers `POST /accounts/one`: one of the buttons."""
    found, done = await _found(visitor), visitor.text("do")
    try:
        if done == "save":
            return await _save(visitor, found)
        if done == "link":
            return await _link(visitor, found)
        if done in _ACTS:
            await _ACTS[done](visitor, found)
            return _to(visitor, found, _SAID[done])
    except AccountError as error:
        return await _page(visitor, found, str(error))
    except StaleVersionError as error:
        raise PageError(MEANWHILE, 409) from error
    raise PageError("The form cannot be read.")


async def _save(visitor: Visitor, found: Found[Account]) -> Answer:
    given = filled_in(visitor)
    try:
        await check_profile(visitor, given, found.value.fhir_user)
        _known(visitor, await act.modify(visitor.authority.own, found, given, [_noted(visitor, found, "user-modify")]))
    except AccountError as error:
        return await _page(visitor, found, str(error), error.field, given)
    return _to(visitor, found, "saved")


async def _link(visitor: Visitor, found: Found[Account]) -> Answer:
    authority = visitor.authority
    noted = _noted(visitor, found, "user-invite")
    link = await invitations.another_link(authority.own, found, authority.settings.invitation_days, [noted])
    return await link_page(visitor, found.value, link)


async def _deactivate(visitor: Visitor, found: Found[Account]) -> None:
    noted = _noted(visitor, found, "user-deactivate")
    _known(visitor, await act.deactivate(visitor.authority.own, found, [noted]))


async def _reactivate(visitor: Visitor, found: Found[Account]) -> None:
    await act.reactivate(visitor.authority.own, found, [_noted(visitor, found, "user-reactivate")])


async def _unlock(visitor: Visitor, found: Found[Account]) -> None:
    await act.unlock(visitor.authority.own, found, [_noted(visitor, found, "user-unlock")])


async def _end_sessions(visitor: Visitor, found: Found[Account]) -> None:
    noted = _noted(visitor, found, "user-end-sessions")
    _known(visitor, await act.end_sessions(visitor.authority.own, found, [noted]))


async def _reset_factor(visitor: Visitor, found: Found[Account]) -> None:
    noted = _noted(visitor, found, "user-second-factor-reset")
    _known(visitor, await act.reset_second_factor(visitor.authority.own, found, [noted]))


async def _uninvite(visitor: Visitor, found: Found[Account]) -> None:
    noted = _noted(visitor, found, "user-uninvite")
    _known(visitor, await invitations.take_back(visitor.authority.own, found, [noted]))


_ACTS: Final[Mapping[str, Callable[[Visitor, Found[Account]], Awaitable[None]]]] = {
    "deactivate": _deactivate,
    "reactivate": _reactivate,
    "unlock": _unlock,
    "sessions": _end_sessions,
    "factor": _reset_factor,
    "uninvite": _uninvite,
}
_SAID: Final = {
    "deactivate": "deactivated",
    "reactivate": "reactivated",
    "unlock": "unlocked",
    "sessions": "sessions",
    "factor": "factor-reset",
    "uninvite": "uninvited",
}


async def _found(visitor: Visitor) -> Found[Account]:
    """Raises PageError."""
    found = await find(visitor.authority.own, visitor.text("account", 64))
    if found is None:
        raise PageError(NOT_THERE, 404)
    return found


def _noted(visitor: Visitor, found: Found[Account], activity: str) -> bytes:
    return visitor.authority.note(activity, who=visitor.principal, query=f"name={found.value.name}")


def _known(visitor: Visitor, ended: Ended | None) -> None:
    """This server need not wait for its next look at what was revoked."""
    if ended is not None:
        visitor.authority.shared.revoked.add(visitor.authority.tenant, *ended)


def _to(visitor: Visitor, found: Found[Account], said: str) -> Answer:
    query = urlencode({"account": found.value.id, "said": said})
    return redirect(f"{visitor.authority.address(ONE_ACCOUNT)}?{query}")


async def _page(
    visitor: Visitor, found: Found[Account], problem: str = "", field: str = "", given: AccountChange | None = None
) -> Answer:
    authority, account = visitor.authority, found.value
    invitation, factor = await pending(authority.own, account), await factor_of(authority.own, account.id)
    shown: dict[str, Any] = {
        "account": account,
        "state": state_of(account),
        "created": moment(account.created),
        "invitation": moment(invitation.until) if invitation is not None else "",
        "factor": moment(factor.value.added) if factor is not None else "",
        "slowed_down": await attempts.slowed_down(authority.own, account.name),
        "sessions": len(await sessions.going_on(authority.own, account, authority.limits)),
        "accounts": authority.address(ACCOUNTS),
    }
    return visitor.show("one_account", problem, field=field, **shown, **choices(given or values_of(account)))
