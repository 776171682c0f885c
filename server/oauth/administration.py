"""What an administrator does to accounts and clients that have tokens: the change, and the end of what they were given, in one commit.

A running server knows within a second (server/oauth/revoked.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from server.accounts.account import Account, deactivated, with_password
from server.internal import Found, OwnRecords
from server.oauth.client import CLIENTS, Client
from server.oauth.revoked import revoke


async def deactivate(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> None:
    """The account does nothing any more. Raises StaleVersionError."""
    _, _, ended = await revoke(own, "subject", found.value.id, for_good=True)
    await own.commit([deactivated(own, found), ended], audit)


async def change_password(own: OwnRecords, found: Found[Account], password: str, audit: Sequence[bytes]) -> None:
    """Another password; what the account signed in to before is over. Raises AccountError, StaleVersionError."""
    change = await with_password(own, found, password)
    _, _, ended = await revoke(own, "subject", found.value.id, for_good=False)
    await own.commit([change, ended], audit)


async def remove_client(own: OwnRecords, found: Found[Client], audit: Sequence[bytes]) -> None:
    """The client is not known any more. Raises StaleVersionError."""
    _, _, ended = await revoke(own, "client", found.value.id, for_good=True)
    await own.commit([CLIENTS.drop(found), ended], audit)
