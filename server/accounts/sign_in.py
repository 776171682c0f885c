"""Signing in with a name and a password: one refusal for all that can be wrong, and the same work for it.

RFC 6819 4.4.1.1 and OWASP: neither text nor work tells whether there is such an account.
"""

from __future__ import annotations

from typing import Final

from server.accounts import attempts
from server.accounts.account import Account, find_by_name
from server.accounts.password import is_password
from server.internal import OwnRecords

MOST_NAME: Final = 256
REFUSED: Final = "The name or the password is not right."


class SignInRefusedError(Exception):
    """The message is what the person is told. `code` is for the audit trail."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


async def sign_in(own: OwnRecords, name: str, password: str) -> Account:
    """The account. Raises SignInRefusedError."""
    if not name.strip() or not password or len(name) > MOST_NAME:
        raise SignInRefusedError(REFUSED, "sign-in-refused")
    try:
        await attempts.count(own, name)
    except attempts.WaitError as error:
        minutes = -(-error.seconds // 60)
        text = (
            f"There were too many tries with this name. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
        )
        raise SignInRefusedError(text, "sign-in-slowed-down") from error
    found = await find_by_name(own, name)
    account = found.value if found is not None and found.value.active else None
    if not await is_password(account.password if account else "", password) or account is None:
        raise SignInRefusedError(REFUSED, "sign-in-refused")
    await attempts.forget(own, name)
    return account
