"""Row and job numbers that are unique over all servers: each server takes a block at a time from a counter."""

from __future__ import annotations

from typing import Final

from pymongo import ReturnDocument

from server.store import fail_points
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database

BLOCK: Final = 1000


class Numbers:
    """Consecutive numbers from `first` on, with gaps where a server ended or a commit was refused."""

    def __init__(self, database: Database, name: str, first: int) -> None:
        self._database = database
        self._name = name
        self._first = first
        self._next = 0
        self._end = 0

    async def take(self, count: int) -> list[int]:
        """`count` numbers that nobody else has. Raises StoreUnavailableError."""
        numbers = list(range(self._next, min(self._next + count, self._end)))
        self._next += len(numbers)
        missing = count - len(numbers)
        if missing:
            start = await self._reserve(max(missing, BLOCK))
            numbers += range(start, start + missing)
            self._next, self._end = start + missing, start + max(missing, BLOCK)
        return numbers

    async def _reserve(self, size: int) -> int:
        """A block of our own. Done twice, it is lost once."""
        counter = self._database["counter"]

        async def reserve() -> int:
            found = await counter.find_one_and_update(
                {"_id": self._name}, {"$inc": {"next": size}}, upsert=True, return_document=ReturnDocument.AFTER
            )
            assert found is not None  # upserted
            fail_points.reach("mongodb-20-numbers-taken")
            return int(found["next"]) - size

        return self._first + await persist(reserve)
