"""The three accounts of the synthetic practice: an administrator, a doctor and a member of staff, to sign in with and try things.

They exist only with the sample data. Each store has passwords of its own for them, made from its keys, so that they can be printed at
every start and are good nowhere else. An account that was given another password, or was deactivated, is not printed any more.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from server.accounts.account import AccountError, NewAccount, add, find_by_name
from server.internal import OwnRecords

ROLES: Final = ("administrator", "doctor", "staff")


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person types."""

    name: str
    password: str


async def demo_accounts(own: OwnRecords) -> list[SignIn]:
    """The accounts that have these passwords, made when they are not there yet."""
    found: list[SignIn] = []
    for role in ROLES:
        known = await find_by_name(own, role)
        password = _password(own, role)
        if known is None:
            new = NewAccount(role, [role], _DISPLAY[role], f"Practitioner/{role}", password=password, demo=True)
            try:
                await add(own, new)
            except AccountError:  # another server of this store was faster
                known = await find_by_name(own, role)
        if known is None or (known.value.demo and known.value.active):
            found.append(SignIn(role, password))
    return found


_DISPLAY: Final = {"administrator": "Demo Administrator", "doctor": "Demo Doctor", "staff": "Demo Staff"}


def _password(own: OwnRecords, role: str) -> str:
    """Sixty bits in groups of four, easy to read and type."""
    secret = own.tenant.index.unique_key(("demo-password", role))
    text = base64.b32encode(secret)[:16].decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))
