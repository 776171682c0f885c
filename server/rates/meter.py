"""Counts requests against a policy: the generic cell rate algorithm (ITU-T I.371 annex A), one number for each caller.

The number is the moment at which the whole quota will be there again. What is kept is bounded: beyond `MOST` callers, those who were
quiet longest are forgotten, who had most likely their whole quota again.
"""

from __future__ import annotations

from typing import Final

from server.rates.policies import Policy

MOST: Final = 20_000

_HAIR: Final = 1e-9
"""The sum of many intervals may come out longer than the window by so much."""


class Meter:
    """Of one policy. `now` is in seconds of a clock that never goes back."""

    def __init__(self, policy: Policy, most: int = MOST) -> None:
        self.policy = policy
        self._half = most // 2
        self._each = policy.window / policy.quota
        self._longest = policy.window * (1 + _HAIR)
        self._full: dict[object, float] = {}
        self._before: dict[object, float] = {}
        """The half that was not heard of since the other was begun: cheaper for each request than an order of all."""

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._full) + len(self._before)

    def take(self, key: object, now: float) -> float:
        """Count one request: the seconds until the whole quota is there again. Negative: it is not let in, and not counted.

        It is let in so many seconds later.
        """
        full = self._full.get(key) or self._before.get(key, now)
        ahead = (full - now if full > now else 0.0) + self._each
        if ahead > self._longest:
            return self._longest - ahead
        self._full[key] = now + ahead
        if len(self._full) > self._half:
            self._forget()
        return ahead

    def charge(self, key: object, now: float, count: int) -> None:
        """Count what was done already, whether the quota sufficed for it or not; at most another window is owed."""
        owed = max(self._full.get(key) or self._before.get(key, now), now) + self._each * count
        self._full[key] = min(owed, now + 2 * self.policy.window)
        if len(self._full) > self._half:
            self._forget()

    def stated(self, ahead: float) -> str:
        """An item of the field RateLimit: what is left `ahead` seconds before the whole quota is there again.

        Items of draft-ietf-httpapi-ratelimit-headers: `r` requests, `t` seconds.
        """
        left = int((self._longest - ahead) / self._each)
        return f'"{self.policy.name}";r={left};t={int(ahead) + 1}'

    def _forget(self) -> None:
        self._before, self._full = self._full, {}
