"""The server's clock: it never goes back, also when the machine's does, and not over a restart.

`meta.lastUpdated`, the order of histories, `_since`, cursors, due times and leases rest on time that passes. When the machine's
clock is set back, this one goes on from where it was and gains on it slowly, by running a tenth slower, until the two agree
(docs/decisions, 0028). A clock that was wrong by more than `FOLLOWED` is not followed: years ahead would last for years.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from server.logs import EventLog

FOLLOWED: Final = timedelta(days=1)
SLOWER: Final = 10
"""Of so many microseconds that pass, one is held back while this clock is ahead."""

WORTH_TELLING: Final = timedelta(seconds=1)

_TICK: Final = timedelta(microseconds=1)
_NONE: Final = timedelta(0)


def machine_time() -> datetime:
    return datetime.now(UTC)


class SteadyClock:
    """Call it for the time (UTC): every answer is later than the one before. For one thread."""

    def __init__(self, log: EventLog, machine: Callable[[], datetime] | None = None) -> None:
        self._log = log
        self._machine = machine or machine_time
        self._seen = self._last = self._machine()
        self._ahead = _NONE

    def __call__(self) -> datetime:
        seen = self._machine()
        if self._ahead and seen > self._seen:
            self._ahead = max(_NONE, self._ahead - (seen - self._seen) / SLOWER)
        self._seen = seen
        self._go_on_from(self._last, seen)
        return self._last

    def has_been(self, moment: datetime) -> None:
        """What was stored is as late as this: the clock goes on from there."""
        if moment > self._last:
            self._go_on_from(moment, self._machine())

    def _go_on_from(self, last: datetime, seen: datetime) -> None:
        now = seen + self._ahead
        if now <= last:
            ahead = last + _TICK - seen
            if ahead - self._ahead >= WORTH_TELLING:
                self._log.event("warning", "the clock was set back", count=int((ahead - self._ahead).total_seconds()))
            self._ahead = ahead if ahead <= FOLLOWED else _NONE
            now = seen + self._ahead
        self._last = now
