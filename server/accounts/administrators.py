"""Somebody must be left who can administer accounts: the last administrator stays one.

Two changes at the same moment could each leave the other's administrator as the last. So every change that takes one away also
changes one record of the tenant, and of two of them one is refused.
"""

from __future__ import annotations

from typing import Final

import msgspec

from server.accounts.account import Account, AccountError, listed
from server.internal import Kind, OwnRecords
from server.store.internal import Keep

ROLE: Final = "administrator"
LAST: Final = "This is the last account that can administer: give the role to somebody else first."


class Turn(msgspec.Struct, frozen=True):
    """Says nothing but that an administrator was taken away."""


TURNS: Final = Kind("administrators", Turn)
_ID: Final = "turn"


def administers(account: Account) -> bool:
    """An account that was only invited does not: nobody has signed in to it yet."""
    return account.active and not account.invited and ROLE in account.roles


async def check_others(own: OwnRecords, before: Account, after: Account) -> list[Keep]:
    """What goes into the commit of a change from `before` to `after`. Raises AccountError where nobody else would be left."""
    if not administers(before) or administers(after):
        return []
    found = await TURNS.read(own, _ID)
    async for account in listed(own):
        if account.id != before.id and administers(account):
            return [TURNS.add(own, _ID, Turn()) if found is None else TURNS.change(own, found, Turn())]
    raise AccountError(LAST, "roles")
