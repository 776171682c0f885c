"""Matches sorted by what is sealed (server/search/sort_keys.py): they are opened, and only as many kept as the page takes.

Behind a first key that the index orders by, only what is equal by it is sorted here, so that the set may be as large as it likes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from server.repository import Version
from server.search.hits import Found
from server.search.results import SortKey
from server.search.sort_keys import inverted, key_of
from server.store.algebra import Hit

MAX_SORTED: Final = 20_000
"""Matches that are opened to be sorted, or of one value of the first key."""

RANK_OF_RID: Final = 8
"""Bytes at the end of a rank: the record's number in the store."""

_SPARE: Final = 200
"""So many more than wanted are kept before the rest is let go."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How matches are sorted in memory. `is_grouped`: they come in the order of a first key, and stay in it.

    `after`: only what comes behind this, in the group of the value that it belongs to. No more bodies are kept at a time than a page of
    `most_bytes` needs.
    """

    keys: Sequence[SortKey]
    is_grouped: bool
    backward: bool
    after: tuple[float, bytes] | None
    wanted: int
    most_bytes: int

    def rank(self, hit: Hit, version: Version) -> bytes:
        """What it is sorted by among its equals, its number in the store included."""
        rank = key_of(version.resource(), self.keys) + hit.rid.to_bytes(RANK_OF_RID, signed=False)
        return inverted(rank) if self.backward else rank

    def is_behind(self, hit: Hit, rank: bytes) -> bool:
        if self.after is None or (self.is_grouped and hit.value != self.after[0]):
            return True
        return rank > self.after[1]


async def in_order(found: AsyncIterator[Found], ranking: Ranking) -> AsyncGenerator[Found, None]:
    """All that is wanted, sorted."""
    kept: list[tuple[bytes, Found]] = []
    value: float | None = None
    given = held = 0
    async for item in found:
        if ranking.is_grouped and kept and item[0].value != value:
            for _, least in _least(kept, ranking, given):
                yield least
                given += 1
            kept, held = [], 0
        if given >= ranking.wanted:
            return
        value = item[0].value
        rank = ranking.rank(*item)
        if ranking.is_behind(item[0], rank):
            kept.append((rank, item))
            held += len(item[1].body)
        if len(kept) >= ranking.wanted - given + _SPARE or held > 2 * ranking.most_bytes:
            kept = _least(kept, ranking, given)
            held = sum(len(version.body) for _, (_, version) in kept[:-1])  # the last one tells that there is more
    for _, least in _least(kept, ranking, given):
        yield least


def _least(items: list[tuple[bytes, Found]], ranking: Ranking, given: int) -> list[tuple[bytes, Found]]:
    """The first ones that a page can still take, and the one behind the last of them."""
    ordered = sorted(items, key=itemgetter(0))[: ranking.wanted - given]
    size = 0
    for number, (_, (_, version)) in enumerate(ordered):
        if size > ranking.most_bytes:
            return ordered[: number + 1]
        size += len(version.body)
    return ordered
