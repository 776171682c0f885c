"""How many records a clause may find, as far as it matters for choosing what drives a search.

Counting is a question of its own to the database. What was found common is remembered for a while, for it hardly ever becomes
rare again; and if it does, a search goes a longer way to the same answer.
"""

from __future__ import annotations

import time
from typing import Final

from server.store.algebra import AnyInterval, Between, Clause, Either
from server.store.mongo.match import Condition
from server.store.mongo.schema import Database

REMEMBER_SECONDS: Final = 600.0
REMEMBER_MOST: Final = 20_000
SMALL: Final = 16
"""Clauses of more terms are not remembered: they seldom come twice."""

Name = tuple[str, Clause]
"""An index and what is looked up in it."""


class Rarity:
    """Counts index keys up to a limit."""

    def __init__(self, database: Database) -> None:
        self._records = database["record"]
        self._at_least: dict[Name, int] = {}
        self._forget_at = 0.0

    def is_common(self, name: Name, limit: int) -> bool:
        """Whether there were `limit` of them when they were counted last, which was not long ago."""
        if time.monotonic() > self._forget_at:
            self._at_least.clear()
            self._forget_at = time.monotonic() + REMEMBER_SECONDS
        return self._at_least.get(name, 0) >= limit

    async def count(self, name: Name, index: str, condition: Condition, limit: int) -> int:
        """How many there are, up to `limit`. Raises PyMongoError."""
        if self.is_common(name, limit):
            return limit
        counted = await self._records.count_documents(condition, limit=limit, hint=index)
        if counted >= limit and _is_small(name[1]):
            if len(self._at_least) >= REMEMBER_MOST:
                self._at_least.clear()
            self._at_least[name] = limit
        return counted


def _is_small(clause: Clause) -> bool:
    return isinstance(clause, AnyInterval | Between | Either) or len(clause.terms) <= SMALL
