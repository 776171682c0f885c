"""Signing in with a name and a password, and a code where there is a second factor: one refusal for all that can be wrong.

RFC 6819 4.4.1.1 and OWASP: neither text nor work tells whether there is such an account, or whether the password was right. So
once anybody of a tenant has a second factor, whoever did not get in by the password is asked for a code, for a wrong name or
password too; only the code's page tells that something was not right.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from server.accounts import attempts
from server.accounts.account import Account, find_by_name
from server.accounts.attempts import Secret
from server.accounts.password import is_password
from server.accounts.second_factor import anybody, factor_of, taken
from server.internal import OwnRecords
from server.store.internal import Keep

MOST_NAME: Final = 256
REFUSED: Final = "The name or the password is not right."
REFUSED_WITH_CODE: Final = "The name, the password or the code is not right."
NOT_RIGHT: Final = "The password is not right."
NOT_THE_CODE: Final = "The code is not right, or was used before."
TOO_LATE: Final = "This took too long: start again."
HALF_LASTS: Final = 300 * 1_000_000
"""Microseconds from the password to the code."""

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class SignInRefusedError(Exception):
    """The message is what the person is told. `code` is for the audit trail."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Half:
    """A code is to be asked for, whether the password was right or not.

    `proof` is a keyed hash where it was, and random text where not: it may be shown, and cannot be told apart by whoever sees it, nor
    by its length when it is compressed. `at` in microseconds since 1970.
    """

    name: str
    proof: str
    at: int


async def sign_in(own: OwnRecords, name: str, password: str) -> Account | Half:
    """The account, or the first half of the way to it. Raises SignInRefusedError."""
    if not name.strip() or not password or len(name) > MOST_NAME:
        raise SignInRefusedError(REFUSED, "sign-in-refused")
    await _count(own, name, "password")
    found = await find_by_name(own, name)
    account = found.value if found is not None and found.value.active else None
    factor, codes_are_asked = await factor_of(own, account.id if account else _NOBODY), await anybody(own)
    if not await is_password(account.password if account else "", password):
        account = None
    if account is not None and factor is None:
        await attempts.forget(own, name)
        return account
    if not codes_are_asked:
        raise SignInRefusedError(REFUSED, "sign-in-refused")
    now = own.now()
    proof = _proof(own, account, now)
    return Half(name, proof if account is not None else secrets.token_hex(len(proof) // 2), now)


def half_of(own: OwnRecords, account: Account) -> Half:
    """For somebody who proved elsewhere, at an outside provider, that the account is theirs."""
    now = own.now()
    return Half(account.name, _proof(own, account, now), now)


def was_right(own: OwnRecords, half: Half, account: Account) -> bool:
    """Whether it was this account's password."""
    return hmac.compare_digest(half.proof.encode(errors="surrogatepass"), _proof(own, account, half.at).encode())


async def complete(own: OwnRecords, half: Half, code: str) -> tuple[Account, Keep]:
    """The account, and the change that uses the code up. Raises SignInRefusedError."""
    if own.now() > half.at + HALF_LASTS:
        raise SignInRefusedError(TOO_LATE, "sign-in-late")
    await _count(own, half.name, "code")
    found = await find_by_name(own, half.name)
    account = found.value if found is not None else None
    id_ = account.id if account is not None else _NOBODY
    change = taken(own, id_, await factor_of(own, id_), code)
    if change is None or account is None or not was_right(own, half, account):
        raise SignInRefusedError(REFUSED_WITH_CODE, "sign-in-refused")
    if not account.active or half.at < account.signed_out_before:
        raise SignInRefusedError(REFUSED_WITH_CODE, "sign-in-refused")
    await attempts.forget(own, half.name)
    await attempts.forget(own, half.name, "code")
    return account, change


async def check_password(own: OwnRecords, account: Account, password: str) -> None:
    """For somebody who is signed in and shows again who they are. Raises SignInRefusedError."""
    await _count(own, account.name, "password")
    if not await is_password(account.password, password):
        raise SignInRefusedError(NOT_RIGHT, "password-refused")
    await attempts.forget(own, account.name)


async def check_code(own: OwnRecords, account: Account, code: str) -> Keep:
    """The change that uses the code up. Raises SignInRefusedError."""
    await _count(own, account.name, "code")
    change = taken(own, account.id, await factor_of(own, account.id), code)
    if change is None:
        raise SignInRefusedError(NOT_THE_CODE, "code-refused")
    await attempts.forget(own, account.name, "code")
    return change


def _proof(own: OwnRecords, account: Account | None, at: int) -> str:
    return own.tenant.index.unique_key(("half-way", account.id if account is not None else _NOBODY, str(at))).hex()


async def _count(own: OwnRecords, name: str, what: Secret) -> None:
    """Raises SignInRefusedError where there were too many tries."""
    try:
        await attempts.count(own, name, what=what)
    except attempts.WaitError as error:
        minutes = -(-error.seconds // 60)
        text = (
            f"There were too many tries with this name. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
        )
        raise SignInRefusedError(text, "sign-in-slowed-down") from error
