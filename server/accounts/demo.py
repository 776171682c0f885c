"""The three accounts of the synthetic practice: an administrator, a doctor and a member of staff, to sign in with and try things.

They exist only with the sample data. Each store has passwords of its own for them, made from its keys, so that they can be printed at
every start and are good nowhere else. An account that was given another password, or was deactivated, is not printed any more.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from server.accounts.account import NewAccount, find_by_name, prepare
from server.internal import Kind, OwnRecords
from server.store.internal import Keep
from server.store.store import StaleVersionError

ROLES: Final = ("administrator", "doctor", "staff")


class Made(msgspec.Struct, frozen=True):
    """Under a role: its account was made, at `at` (microseconds)."""

    at: int


MADE: Final = Kind("demo-account", Made)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person types."""

    name: str
    password: str


async def demo_accounts(own: OwnRecords) -> list[SignIn]:
    """The accounts that have these passwords, made when they are not there yet."""
    found: list[SignIn] = []
    for role in ROLES:
        if await MADE.read(own, role) is None:
            await _make(own, role)
        known = await find_by_name(own, role)
        if known is not None and known.value.demo and known.value.active:
            found.append(SignIn(role, _password(own, role)))
    return found


async def _make(own: OwnRecords, role: str) -> None:
    """Once for a store: an account that was removed or renamed since does not come again with a password that is printed."""
    changes: list[Keep] = [MADE.add(own, role, Made(own.now()))]
    if await find_by_name(own, role) is None:
        new = NewAccount(role, [role], _DISPLAY[role], f"Practitioner/{role}", password=_password(own, role), demo=True)
        changes += (await prepare(own, new))[1]
    with suppress(StaleVersionError):  # another server of this store was faster
        await own.commit(changes)


_DISPLAY: Final = {"administrator": "Demo Administrator", "doctor": "Demo Doctor", "staff": "Demo Staff"}


def _password(own: OwnRecords, role: str) -> str:
    """Sixty bits in groups of four, easy to read and type."""
    secret = own.tenant.index.unique_key(("demo-password", role))
    text = base64.b32encode(secret)[:16].decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))
