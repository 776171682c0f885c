"""Invitations as an administrator makes and takes them back: the account, its link and the audit record in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.accounts.account import Account, AccountError, NewAccount, deactivated, prepare, taken
from server.accounts.invitation import INVITATIONS, invite, pending
from server.internal import Found, OwnRecords
from server.oauth.administration import UNDER_WAY, Ended
from server.oauth.revoked import revoke
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError


async def add_invited(own: OwnRecords, new: NewAccount, days: int, audit: Sequence[bytes]) -> tuple[Account, str]:
    """The account, without a password, and what its link ends with. Raises AccountError, TakenError when the name is taken."""
    account, changes = await prepare(own, replace(new, password=None, invited=True))
    link, invitation = await invite(own, account.id, days)
    try:
        await own.commit([*changes, invitation], audit)
    except StaleVersionError as error:
        raise taken(own, account, error) or error from error
    return account, link


async def another_link(own: OwnRecords, found: Found[Account], days: int, audit: Sequence[bytes]) -> str:
    """What another link to choose a password ends with; the one before is good no more. Raises AccountError, StaleVersionError."""
    if not found.value.active:
        raise AccountError("The account is deactivated: reactivate it first.")
    link, invitation = await invite(own, found.value.id, days)
    await own.commit([invitation], audit)
    return link


async def take_back(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> Ended | None:
    """The link is good no more. Somebody who never used it has a deactivated account then. Raises AccountError, StaleVersionError."""
    invitation = await pending(own, found.value)
    if invitation is None:
        raise AccountError("The account has no link that is still good.")
    changes: list[Keep | Drop] = [INVITATIONS.drop(invitation)]
    if not found.value.invited:
        await own.commit(changes, audit)
        return None
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False, ahead=UNDER_WAY)
    await own.commit([*changes, deactivated(own, found), ended], audit)
    return revocation, until
