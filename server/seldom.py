"""Log lines for what may happen a thousand times a second: one at once, then one in ten seconds that says how often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from server.logs import EventLog

LOG_SECONDS: Final = 10.0


class Seldom:
    """Of one event. `kind` is one of few words of ours."""

    def __init__(self, log: EventLog, event: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._event = event
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._logged: dict[str, float] = {}

    def note(self, kind: str, *, status: int | None = None) -> None:
        count = self._counts.get(kind, 0) + 1
        now = self._clock()
        if now - self._logged.get(kind, -LOG_SECONDS) < LOG_SECONDS:
            self._counts[kind] = count
            return
        self._log.event("warning", self._event, kind=kind, status=status, count=count)
        self._logged[kind], self._counts[kind] = now, 0
