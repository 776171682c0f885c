"""Callers of this process that want the same thing go one after the other.

Only a courtesy: what keeps two of them from both having it is the commit (uniqueness keys, versions), here and between
servers. Without turns, each of n callers could lose up to n - 1 races before its own commit is let through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    callers: int = 0


class Turns:
    """`async with turns.of(names)` waits until nobody else holds one of the names."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    def waiting(self) -> list[Hashable]:
        """The names that somebody holds or waits for."""
        return list(self._queues)

    @asynccontextmanager
    async def of(self, names: Iterable[Hashable]) -> AsyncIterator[None]:
        """Taken in a fixed order, so that two callers never wait for each other."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names), key=repr):
                await stack.enter_async_context(self._turn(name))
            yield

    @asynccontextmanager
    async def _turn(self, name: Hashable) -> AsyncIterator[None]:
        queue = self._queues.setdefault(name, _Queue())
        queue.callers += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.callers -= 1
            if not queue.callers:
                del self._queues[name]
