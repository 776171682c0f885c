"""The second factor of an account: a secret shared with an app for codes (totp.py), and ten recovery codes (NIST SP 800-63B-4 3.1.2, 3.1.4).

Nothing is kept until the person has shown a code. A code is good once, a recovery code too: taking one is a change of the record,
which goes into the commit of what it was taken for. Recovery codes are kept as keyed hashes.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import msgspec

from server.accounts import totp
from server.accounts.account import Account
from server.accounts.administrators import ROLE
from server.internal import Found, Kind, OwnRecords
from server.store.internal import Keep

RECOVERY_CODES: Final = 10
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH: Final = 12
"""Letters of a recovery code: 59 bits."""

RULES: Final = ("optional", "administrators", "everybody")
"""Of whom a tenant wants a second factor."""


class SecondFactor(msgspec.Struct, frozen=True):
    """`step` is the last whose code was taken; `added` in microseconds."""

    secret: str
    step: int
    recovery: tuple[str, ...]
    added: int


FACTORS: Final = Kind("second-factor", SecondFactor)


async def factor_of(own: OwnRecords, account: str) -> Found[SecondFactor] | None:
    """By the account's id."""
    return await FACTORS.read(own, account)


async def anybody(own: OwnRecords) -> bool:
    """Whether there is any account of the tenant that has one."""
    return bool(await own.store.internals.listed(own.tenant.number, FACTORS.name, 0, b"", 1))


def is_wanted(rule: str, account: Account) -> bool:
    """Whether the account must have one; whoever has no password here proves themselves elsewhere."""
    return bool(account.password) and (rule == "everybody" or (rule == "administrators" and ROLE in account.roles))


def added(own: OwnRecords, account: str, secret: str, code: str) -> tuple[Keep, list[str]] | None:
    """The change that adds one, and its recovery codes, which nobody can be told again; None for a wrong code."""
    step = totp.matching_step(secret, _plain(code), own.now() // 1_000_000, 0)
    if step is None:
        return None
    codes = new_recovery_codes()
    value = SecondFactor(secret, step, _hashed(own, account, codes), own.now())
    return FACTORS.add(own, account, value), codes


def taken(own: OwnRecords, account: str, found: Found[SecondFactor] | None, code: str) -> Keep | None:
    """The change by which a code of the app or a recovery code is used up; None for a wrong one, and where there is no factor.

    The work is the same in each case.
    """
    factor = found.value if found is not None else SecondFactor(_OF_NOBODY, 0, ("",) * RECOVERY_CODES, 0)
    plain = _plain(code)
    step = totp.matching_step(factor.secret, plain, own.now() // 1_000_000, factor.step)
    (digest,) = _hashed(own, account, [plain])
    left = tuple(kept for kept in factor.recovery if not hmac.compare_digest(kept, digest))
    if found is None or (step is None and len(left) == len(factor.recovery)):
        return None
    if step is not None:
        return FACTORS.change(own, found, msgspec.structs.replace(factor, step=step))
    return FACTORS.change(own, found, msgspec.structs.replace(factor, recovery=left))


def with_recovery_codes(own: OwnRecords, account: str, found: Found[SecondFactor]) -> tuple[Keep, list[str]]:
    """The change that gives it other recovery codes, and those."""
    codes = new_recovery_codes()
    value = msgspec.structs.replace(found.value, recovery=_hashed(own, account, codes))
    return FACTORS.change(own, found, value), codes


def new_recovery_codes() -> list[str]:
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES)]
    return ["-".join(code[start : start + 4] for start in range(0, _LENGTH, 4)) for code in codes]


def _plain(code: str) -> str:
    """As people copy it: with spaces, hyphens or capitals."""
    return "".join(code.split()).replace("-", "").lower()


def _hashed(own: OwnRecords, account: str, codes: list[str]) -> tuple[str, ...]:
    return tuple(own.tenant.index.unique_key(("recovery-code", account, _plain(code))).hex() for code in codes)


_OF_NOBODY: Final = "A" * 32
