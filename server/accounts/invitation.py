"""Invitations: a link by which the person of an account chooses its password, once, within some days.

The link holds a random secret, and the record a hash of it; one record to an account, so that another link ends the one before.
The same link is for whoever forgot their password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

from server.accounts.account import Account, find
from server.internal import Found, Kind, OwnRecords
from server.store.internal import Drop, Keep

DAY: Final = 24 * 3600 * 1_000_000
PATH: Final = "/invitation"
_LINK: Final = re.compile(r"([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})")


class Invitation(msgspec.Struct, frozen=True):
    """`digest` is the SHA-256 of a random secret of 256 bits; `made` in microseconds."""

    digest: str
    made: int


INVITATIONS: Final = Kind("invitation", Invitation)


async def invite(own: OwnRecords, account: str, days: int) -> tuple[str, Keep]:
    """What the link ends with, which nobody can be told again, and the change that makes it good."""
    secret, now = secrets.token_urlsafe(32), own.now()
    value, until = Invitation(_digest(secret), now), now + days * DAY
    found = await INVITATIONS.read(own, account)
    change = INVITATIONS.add(own, account, value, until) if found is None else INVITATIONS.change(own, found, value, until)
    return f"{account}.{secret}", change


async def open_invitation(own: OwnRecords, link: str) -> tuple[Found[Account], Drop] | None:
    """Whose it is, and the change that uses it up; None for one that is not good, or not any more."""
    match = _LINK.fullmatch(link)
    if match is None:
        return None
    invitation, account = await INVITATIONS.read(own, match[1]), await find(own, match[1])
    if invitation is None or account is None or own.now() >= invitation.until:
        return None
    if not hmac.compare_digest(invitation.value.digest, _digest(match[2])):
        return None
    if not account.value.active or invitation.value.made < account.value.signed_out_before:
        return None
    return account, INVITATIONS.drop(invitation)


async def pending(own: OwnRecords, account: Account) -> Found[Invitation] | None:
    """The link of an account that is still good."""
    found = await INVITATIONS.read(own, account.id)
    good = found is not None and own.now() < found.until and found.value.made >= account.signed_out_before
    return found if good else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
