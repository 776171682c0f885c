"""The matches of several types as one list, in the order that they have in common (R4 search 3.1.1, `_type`).

Each type is asked for a few at a time, so that most of what is opened is shown.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Final

from server.rest.exchange import Exchange
from server.search.asked import Source
from server.search.hits import Found, matches
from server.search.work import Work
from server.store.algebra import Hit, Position

LEAST_AT_ONCE: Final = 4
MOST_AT_ONCE: Final = 100
ASKED_TOGETHER: Final = 16
"""Types that are asked for at the same time."""


def merged(
    exchange: Exchange, sources: Sequence[Source], after: Position | None, wanted: int, most: int, work: Work
) -> AsyncGenerator[Found, None]:
    """As `matches`, of all sources together; they have the same direction. Raises what it does."""
    if len(sources) > 1:
        return _merged(exchange, sources, after, wanted, most, work)
    return matches(exchange, sources[0].type, sources[0].compiled, after, wanted, most, work)


async def _merged(
    exchange: Exchange, sources: Sequence[Source], after: Position | None, wanted: int, most: int, work: Work
) -> AsyncGenerator[Found, None]:
    at_once = min(MOST_AT_ONCE, max(LEAST_AT_ONCE, 2 * wanted // len(sources)))
    lanes = [_Lane(exchange, source, after, at_once, most + work.rows, work) for source in sources]
    for start in range(0, len(lanes), ASKED_TOGETHER):
        await asyncio.gather(*(lane.refill() for lane in lanes[start : start + ASKED_TOGETHER]))
    queue = [(lane.place(), number) for number, lane in enumerate(lanes) if lane.waiting]
    heapq.heapify(queue)
    while queue and wanted:
        wanted -= 1
        _, number = heapq.heappop(queue)
        lane = lanes[number]
        yield lane.waiting.pop()
        if not lane.waiting:
            await lane.refill()
        if lane.waiting:
            heapq.heappush(queue, (lane.place(), number))


@dataclass(slots=True)
class _Lane:
    """The matches of one type that were found and not yet taken, the next one last. `most`: rows of all lanes together."""

    exchange: Exchange
    source: Source
    after: Position | None
    at_once: int
    most: int
    work: Work
    waiting: list[Found] = field(default_factory=list)
    is_done: bool = False

    async def refill(self) -> None:
        if self.is_done:
            return
        source, left = self.source, max(1, self.most - self.work.rows)
        search = matches(self.exchange, source.type, source.compiled, self.after, self.at_once, left, self.work)
        found = [item async for item in search]
        self.is_done = len(found) < self.at_once
        if found:
            self.after = Position(found[-1][0].value, found[-1][0].rid)
        self.waiting = found[::-1]

    def place(self) -> tuple[float, int]:
        """Where the next one stands in the common order."""
        hit: Hit = self.waiting[-1][0]
        return (-hit.value, -hit.rid) if self.source.compiled.order.descending else (hit.value, hit.rid)
