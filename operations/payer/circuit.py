"""A circuit breaker: an address that keeps failing is left alone for a while, then tried by one caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FAILURES_TO_OPEN: Final = 5
SECONDS_OPEN: Final = 30.0


class Circuit:
    """Guards one address. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_again_at = 0.0

    def lets_through(self) -> bool:
        """False while the circuit is open. When the time is over one caller is let through, the others wait on."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        now = self._clock()
        if now < self._closed_again_at:
            return False
        self._closed_again_at = now + SECONDS_OPEN
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_again_at = self._clock() + SECONDS_OPEN
