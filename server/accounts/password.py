"""Passwords: Argon2id (RFC 9106), and which new ones are taken (NIST SP 800-63B-4 section 3.1.1).

Length and a list of what everybody uses; no rules of composition, no expiry. A password alone lets people in, so it has fifteen
characters or more. Cost: 46 MiB and one pass, some tens of milliseconds, in the few threads of the event loop.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.accounts.common_passwords import is_common

SHORTEST: Final = 15
LONGEST: Final = 256
MEMORY_KIB: Final = 47_104


class PasswordRefusedError(Exception):
    """A new password is not taken; the message is a sentence for whoever chose it, and repeats nothing of it."""


def check_new_password(password: str, of_whom: Sequence[str] = ()) -> None:
    """Raises PasswordRefusedError. `of_whom` are words that are known of the person, such as the name of the account."""
    folded = normal(password)
    if len(folded) < SHORTEST:
        raise PasswordRefusedError(f"A password has at least {SHORTEST} characters; several words make a good one.")
    if len(folded) > LONGEST:
        raise PasswordRefusedError(f"A password has at most {LONGEST} characters.")
    if is_common(folded, of_whom):
        raise PasswordRefusedError("This password is one of the first that anybody would try: choose another one.")


async def hash_password(password: str) -> str:
    """Argon2id, encoded with its parameters and salt."""
    return await asyncio.to_thread(lambda: _hasher().hash(normal(password)))


async def is_password(encoded: str, password: str) -> bool:
    """Whether it is the one. Without an `encoded` one the same work is done for nothing, and the answer is no.

    So whoever measures cannot tell an unknown account from a wrong password.
    """

    def verify() -> bool:
        try:
            return _hasher().verify(encoded or _of_nobody(), normal(password)[: LONGEST + 1]) and bool(encoded)
        except (VerificationError, InvalidHashError):
            return False

    return await asyncio.to_thread(verify)


def normal(password: str) -> str:
    """The same password however a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1)


@cache
def _of_nobody() -> str:
    return _hasher().hash("nobody has this password")
