"""What an administrator does to accounts and clients that have tokens: the change, and the end of what they were given, in one commit.

A running server knows within a second (server/oauth/revoked.py); the one that did it, at once, when it hands what each function
returns to `Revoked.add`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from server.accounts.account import (
    ACCOUNTS,
    Account,
    AccountError,
    deactivated,
    fold_name,
    new_password,
    taken,
    with_password,
)
from server.accounts.administrators import check_others
from server.accounts.attempts import counted
from server.accounts.change import AccountChange, changed, may_do_otherwise
from server.accounts.rewrite import removed, rewritten
from server.accounts.second_factor import FACTORS, factor_of
from server.internal import Found, OwnRecords
from server.oauth.client import CLIENTS, Client
from server.oauth.revoked import Revocation, revoke
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError

Ended = tuple[Revocation, int]
"""What is good no more, and until when that matters: for `Revoked.add`."""

UNDER_WAY: Final = 60
"""Seconds for which a token may still be on its way to an account that was just deactivated, or a client that was just removed."""


async def deactivate(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> Ended:
    """The account does nothing any more. Raises AccountError for the last administrator, StaleVersionError."""
    after = msgspec.structs.replace(found.value, active=False)
    others = await check_others(own, found.value, after)
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False, ahead=UNDER_WAY)
    await own.commit([deactivated(own, found), ended, *others], audit)
    return revocation, until


async def reactivate(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> None:
    """The account may sign in again; what it had before stays ended. Raises AccountError, StaleVersionError."""
    if found.value.active:
        raise AccountError("The account is active.")
    await own.commit([ACCOUNTS.change(own, found, msgspec.structs.replace(found.value, active=True))], audit)


async def modify(own: OwnRecords, found: Found[Account], change: AccountChange, audit: Sequence[bytes]) -> Ended | None:
    """Tokens that say what is not so any more are ended, and apps get new ones. Raises AccountError, StaleVersionError."""
    after = changed(found.value, change)
    changes: list[Keep | Drop] = [*await check_others(own, found.value, after), ACCOUNTS.change(own, found, after)]
    if not may_do_otherwise(found.value, after):
        await own.commit(changes, audit)
        return None
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False)
    await own.commit([*changes, ended], audit)
    return revocation, until


async def rewrite(
    own: OwnRecords, found: Found[Account], value: Account, audit: Sequence[bytes], password: str | None = None
) -> Ended | None:
    """The account becomes `value`, with another password where there is one; what is not so any more ends.

    Raises AccountError, TakenError, StaleVersionError when the account was changed meanwhile.
    """
    before, ahead, ends = found.value, 0, may_do_otherwise(found.value, value)
    if password is not None:
        encoded = await new_password(password, value.name)
        value = msgspec.structs.replace(value, password=encoded, signed_out_before=own.now(), demo=False, invited=False)
        ends = True
    if before.active and not value.active:
        value, ahead, ends = msgspec.structs.replace(value, signed_out_before=own.now()), UNDER_WAY, True
    changes = await rewritten(own, found, value)
    revocation, until, ended = await revoke(own, "subject", before.id, for_good=False, ahead=ahead)
    try:
        await own.commit([*changes, ended] if ends else changes, audit)
    except StaleVersionError as error:
        raise taken(own, msgspec.structs.replace(value, name=fold_name(value.name)), error) or error from error
    return (revocation, until) if ends else None


async def remove(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> Ended:
    """The account is not there any more. Raises AccountError for the last administrator, StaleVersionError."""
    changes = await removed(own, found)
    if (factor := await factor_of(own, found.value.id)) is not None:
        changes.append(FACTORS.drop(factor))
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=True)
    await own.commit([*changes, ended], audit)
    return revocation, until


async def end_sessions(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> Ended:
    """Every browser is signed out, and what apps were given is over. Raises StaleVersionError."""
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False)
    after = msgspec.structs.replace(found.value, signed_out_before=own.now())
    await own.commit([ACCOUNTS.change(own, found, after), ended], audit)
    return revocation, until


async def reset_second_factor(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> Ended:
    """The account has none any more, and is signed out everywhere: who lost it may have lost more.

    Raises AccountError where there is none, StaleVersionError.
    """
    factor = await factor_of(own, found.value.id)
    if factor is None:
        raise AccountError("The account has no second factor.")
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False)
    after = msgspec.structs.replace(found.value, signed_out_before=own.now())
    await own.commit([FACTORS.drop(factor), ACCOUNTS.change(own, found, after), ended], audit)
    return revocation, until


async def unlock(own: OwnRecords, found: Found[Account], audit: Sequence[bytes]) -> None:
    """Who typed wrong passwords or codes too often need not wait any more. Raises StaleVersionError."""
    await own.commit(await counted(own, found.value.name), audit)


async def change_password(
    own: OwnRecords, found: Found[Account], password: str, audit: Sequence[bytes], also: Sequence[Keep | Drop] = ()
) -> Ended:
    """Another password; what the account signed in to before is over. Raises AccountError, StaleVersionError."""
    change = await with_password(own, found, password)
    revocation, until, ended = await revoke(own, "subject", found.value.id, for_good=False)
    await own.commit([change, ended, *also], audit)
    return revocation, until


async def remove_client(own: OwnRecords, found: Found[Client], audit: Sequence[bytes]) -> None:
    """The client is not known any more; one that gets its id later has nothing of it (`grant.is_for`). Raises StaleVersionError."""
    _, _, ended = await revoke(own, "client", found.value.id, for_good=False, ahead=UNDER_WAY)
    await own.commit([CLIENTS.drop(found), ended], audit)
