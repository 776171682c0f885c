"""What `assent user` does to an account that is there: the same as the administrators' pages, and each with its audit record."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from server.accounts.account import Account, AccountError, find_by_name
from server.accounts.change import AccountChange
from server.accounts.invitation import PATH
from server.auth.access_token import issuer_of
from server.commands.own_records import note
from server.config import Settings
from server.internal import Found, OwnRecords
from server.oauth import administration as act
from server.oauth import invitations
from server.oauth.invitation_mail import send_link

Change = Callable[[OwnRecords, Settings, Namespace], Awaitable[str]]
"""Returns what the operator is told. Raises AccountError, StaleVersionError."""


async def account_named(own: OwnRecords, name: str) -> Found[Account]:
    """Raises AccountError."""
    found = await find_by_name(own, name)
    if found is None:
        raise AccountError(f"There is no account {name}.")
    return found


async def sent_address(own: OwnRecords, settings: Settings, account: Account, link: str) -> str:
    """The whole address of a link, and whether it was sent to the person as well."""
    address = f"{issuer_of(settings.base_url, own.tenant.name)}{PATH}?{urlencode({'link': link})}"
    told = {"": "", "sent": "\nIt was sent by e-mail as well.", "failed": "\nThe mail server did not take it."}
    return address + told[await send_link(settings, account, address)]


async def _modify(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    given = AccountChange(
        arguments.display, arguments.role, arguments.fhir_user, arguments.patient, arguments.specialty, arguments.email
    )
    await act.modify(own, found, given, [_noted(found, "user-modify")])
    return f"{found.value.name} is changed."


async def _link(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    link = await invitations.another_link(own, found, settings.invitation_days, [_noted(found, "user-invite")])
    told = f"{found.value.name} chooses a password at this address, which is shown only now and good for {settings.invitation_days} days:"
    return f"{told}\n{await sent_address(own, settings, found.value, link)}"


async def _uninvite(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await invitations.take_back(own, found, [_noted(found, "user-uninvite")])
    return f"The link of {found.value.name} is good no more."


async def _deactivate(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.deactivate(own, found, [_noted(found, "user-deactivate")])
    return f"{found.value.name} signs in no more; within a second no token of theirs is good."


async def _reactivate(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.reactivate(own, found, [_noted(found, "user-reactivate")])
    return f"{found.value.name} may sign in again."


async def _unlock(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.unlock(own, found, [_noted(found, "user-unlock")])
    return f"{found.value.name} need not wait."


async def _sign_out(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.end_sessions(own, found, [_noted(found, "user-end-sessions")])
    return f"{found.value.name} is signed out everywhere; within a second no token of theirs is good."


async def _reset_second_factor(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.reset_second_factor(own, found, [_noted(found, "user-second-factor-reset")])
    return f"{found.value.name} has no second factor any more, and is signed out everywhere."


def _noted(found: Found[Account], activity: str) -> bytes:
    return note(activity, f"name={found.value.name}")


CHANGES: Final[Mapping[str, Change]] = {
    "modify": _modify,
    "link": _link,
    "uninvite": _uninvite,
    "deactivate": _deactivate,
    "reactivate": _reactivate,
    "unlock": _unlock,
    "sign-out": _sign_out,
    "reset-second-factor": _reset_second_factor,
}
