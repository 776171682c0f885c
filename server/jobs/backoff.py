"""When a job that failed is tried again: exponential backoff with jitter, up to a longest pause."""

from __future__ import annotations

from typing import Final

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 3600.0
MAX_ATTEMPTS: Final = 20
"""So many tries without coming further, then the job is set aside as failed: some eight hours after the first."""


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait after the attempt number `attempt` (from 1 on) failed. `chance` is from 0 to 1.

    Between half and one and a half of 2, 4, 8, ... seconds and at most an hour, so that jobs which failed together do not come
    back together.
    """
    pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt - 1, 30))
    return min(LONGEST_SECONDS, pause * (0.5 + chance))
