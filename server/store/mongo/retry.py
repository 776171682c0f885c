"""Errors of the driver: which pass by themselves, how long to try again, and what the caller is told in the end.

The driver tries some operations again once. That is not relied on: whatever is tried again here is safe to do twice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, NetworkTimeout, OperationFailure, PyMongoError

from server.store.store import StoreUnavailableError, Trouble

TRY_FOR: Final = 10.0
"""Seconds for which an operation is tried again before its caller is told that the store is unavailable."""

PATIENCE: Final = 15.0
"""Seconds that an operation may take with all its tries, the driver's included, also when the database does not answer at all."""

FIRST_PAUSE: Final = 0.004
LONGEST_PAUSE: Final = 0.5

_CHANCE: Final = random.SystemRandom()

UNWRITABLE: Final = (BSONError, OverflowError)
"""What cannot become a document: the driver tells before anything is sent."""

_PASSING_CODES: Final = frozenset(
    {
        6,  # host unreachable
        7,  # host not found
        24,  # lock timeout
        89,  # network timeout
        91,  # shutdown in progress
        112,  # write conflict
        134,  # read concern majority not available yet
        189,  # primary stepped down
        246,  # snapshot unavailable
        251,  # no such transaction
        9001,  # socket exception
        10107,  # not writable primary
        11600,  # interrupted at shutdown
        11602,  # interrupted by a change of the replica set's state
        13435,  # not primary, and reading there was not asked for
        13436,  # not primary or secondary
    }
)
_FULL_CODES: Final = frozenset({12501, 14031})  # quota exceeded, out of disk space
_LABELS: Final = ("TransientTransactionError", "RetryableWriteError", "UnknownTransactionCommitResult")

_Result = TypeVar("_Result")


def passes(error: PyMongoError) -> bool:
    """Whether the same operation may work a moment later."""
    if isinstance(error, ConnectionFailure):
        return True
    if any(error.has_error_label(label) for label in _LABELS):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING_CODES


class Pauses:
    """Growing pauses with chance in them, until the time is over."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._end = self._begun + TRY_FOR
        self._longest = FIRST_PAUSE
        self.waited = 0.0

    @property
    def patience(self) -> float:
        """What is left of `PATIENCE`; never nothing, which the driver would take for no limit."""
        return max(0.001, self._begun + PATIENCE - time.monotonic())

    async def wait(self) -> bool:
        """Pause; False when the time is over."""
        pause = _CHANCE.uniform(self._longest / 2, self._longest)
        if time.monotonic() + pause > self._end:
            return False
        self._longest = min(self._longest * 2, LONGEST_PAUSE)
        self.waited += pause
        await asyncio.sleep(pause)
        return True


async def persist(operation: Callable[[], Awaitable[_Result]], patience: float | None = None) -> _Result:
    """Do what may be done twice until it works. Raises StoreUnavailableError when it does not in time, or never will."""
    pauses: Pauses | None = None
    with pymongo.timeout(patience or PATIENCE):
        while True:
            try:
                return await operation()
            except UNWRITABLE as error:
                raise unavailable(error) from error
            except PyMongoError as error:
                pauses = pauses or Pauses()
                if not passes(error) or not await pauses.wait():
                    raise unavailable(error) from error


def unavailable(error: BaseException) -> StoreUnavailableError:
    """Without the driver's own words: they may hold values."""
    return StoreUnavailableError(f"The database did not do it ({type(error).__name__}).", _trouble(error))


def _trouble(error: BaseException) -> Trouble:
    if not isinstance(error, PyMongoError):
        return "unknown"
    if isinstance(error, OperationFailure) and error.code in _FULL_CODES:
        return "full"
    if isinstance(error, ConnectionFailure) and not isinstance(error, NetworkTimeout):
        return "away"
    return "slow" if error.timeout else "away" if passes(error) else "unknown"
