"""Tries to sign in: counted before a password is looked at, and slowed down (NIST SP 800-63B-4 3.2.2).

Counted by what was typed as a name, whether there is such an account or not, so that nothing about the slowing down tells. After
`FREE` tries in a row each further one has to wait, twice as long every time, up to `LONGEST`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from server.accounts.account import fold_name
from server.internal import Kind, OwnRecords
from server.store.internal import Drop
from server.store.store import StaleVersionError

FREE: Final = 5
FIRST: Final = 30 * 1_000_000
LONGEST: Final = 15 * 60 * 1_000_000
MOST: Final = 100
"""Tries in a row, after which the name rests for a day, or until an administrator unlocks it."""
FORGOTTEN: Final = 24 * 3600 * 1_000_000
"""Microseconds without a try after which the count begins anew."""


class Attempts(msgspec.Struct, frozen=True):
    """`wait_until`: microseconds since 1970."""

    count: int
    wait_until: int = 0


ATTEMPTS: Final = Kind("attempts", Attempts)

Secret = Literal["password", "code"]
"""What is tried: a code of the second factor is counted apart, or whoever types both would be slowed down twice as soon."""

_SECRETS: Final[tuple[Secret, ...]] = ("password", "code")


class WaitError(Exception):
    """Too many tries."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many tries: wait {seconds} seconds.")
        self.seconds = seconds


async def count(own: OwnRecords, name: str, audit: bytes | None = None, what: Secret = "password") -> int:
    """Count one more try before its secret is looked at; which one it is. Raises WaitError, and then it is not counted.

    Of several at once each counts: none of them goes on before its own number is stored.
    """
    while True:
        now = own.now()
        found = await ATTEMPTS.read(own, _id(name, what))
        before = found.value if found is not None and now < found.until else Attempts(0)
        if now < before.wait_until:
            raise WaitError(-((now - before.wait_until) // 1_000_000))
        number = before.count + 1
        wait = _wait(number)
        value, until = Attempts(number, now + wait if wait else 0), now + FORGOTTEN
        id_ = _id(name, what)
        change = ATTEMPTS.add(own, id_, value, until) if found is None else ATTEMPTS.change(own, found, value, until)
        try:
            await own.commit([change], [audit] if audit else [])
        except StaleVersionError:
            continue
        return number


def _wait(number: int) -> int:
    """Microseconds to wait after so many tries."""
    if number >= MOST:
        return FORGOTTEN
    return 0 if number < FREE else min(LONGEST, FIRST << min(number - FREE, 20))


async def forget(own: OwnRecords, name: str, what: Secret = "password") -> None:
    """After a right one."""
    found = await ATTEMPTS.read(own, _id(name, what))
    if found is not None:
        try:
            await own.commit([ATTEMPTS.drop(found)])
        except StaleVersionError:
            return  # another try came in between, and counts


async def counted(own: OwnRecords, name: str) -> list[Drop]:
    """The changes that forget all tries with a name."""
    found = [await ATTEMPTS.read(own, _id(name, what)) for what in _SECRETS]
    return [ATTEMPTS.drop(known) for known in found if known is not None]


async def slowed_down(own: OwnRecords, name: str) -> bool:
    """Whether the next try has to wait."""
    found = [await ATTEMPTS.read(own, _id(name, what)) for what in _SECRETS]
    return any(known is not None and own.now() < known.value.wait_until for known in found)


def _id(name: str, what: Secret) -> str:
    folded = fold_name(name)[:256]
    return folded if what == "password" else f"\0{what}\0{folded}"
