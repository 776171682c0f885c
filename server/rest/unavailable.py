"""A store that cannot answer: what the caller is told, and what the log says of it, seldom.

503 with Retry-After (RFC 9110 10.2.3); 507 (RFC 4918 11.5) where there is no room, because it is not over in a moment and programs
that try again after every 503 should not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from profiles.outcome import refuse
from server.logs import EventLog
from server.rest.response import Response, error_response
from server.store.store import StoreUnavailableError, Trouble

LOG_SECONDS: Final = 10.0
"""An outage is logged so often at most, and with how many requests it met."""

_RETRY_AFTER: Final[Mapping[Trouble, int]] = {
    "full": 60,
    "read-only": 30,
    "disk": 10,
    "slow": 10,
    "busy": 1,
    "away": 5,
    "unknown": 2,
}


def unavailable(error: StoreUnavailableError) -> Response:
    """The answer of an interaction that the store did not take part in."""
    if error.trouble == "full":
        refusal = refuse("storage-full", "The store has no room left; nothing was stored. Try again later.")
    else:
        refusal = refuse("unavailable", "The store cannot answer now; try again in a moment.")
    refusal.headers["Retry-After"] = str(_RETRY_AFTER[error.trouble])
    return error_response(refusal)


class Outage:
    """One for a server. The first request that meets a trouble is logged at once; after that they are counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[Trouble, float] = {}
        self._counts: dict[Trouble, int] = {}
        self._last = 0.0

    def met(self, log: EventLog, error: StoreUnavailableError, request_id: str) -> None:
        trouble = error.trouble
        self._counts[trouble] = self._counts.get(trouble, 0) + 1
        self._last = now = self._clock()
        if trouble not in self._logged or now - self._logged[trouble] >= LOG_SECONDS:
            self._logged[trouble] = now
            log.failure("store unavailable", error, request_id=request_id, kind=trouble, count=self._counts.pop(trouble))

    def over(self, log: EventLog) -> None:
        """An interaction was answered and audited. Others may still be refused: it is over when none was for a while."""
        if self._logged and self._clock() - self._last >= LOG_SECONDS:
            log.event("info", "store available again", count=sum(self._counts.values()))
            self._logged.clear()
            self._counts.clear()
