"""One page of a search: forwards behind a place, or backwards before it, and where the pages beside it lie.

Places are keys, not numbers of pages: what is stored or deleted meanwhile shifts nothing (R4 http.html#paging).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from server.repository import Version
from server.rest.exchange import Exchange
from server.search.asked import Search, Source
from server.search.cursor import Place, not_ours
from server.search.hits import MAX_EXAMINED, Found
from server.search.merge import merged
from server.search.order import Sorting, sorting_of
from server.search.sort_keys import key_length
from server.search.sorting import MAX_SORTED, RANK_OF_RID, Ranking, in_order
from server.search.work import Work
from server.store.algebra import Position

PAGE_BYTES: Final = 32 * 2**20
"""A page ends with the match that goes beyond this many bytes."""

_FARTHEST: Final = 2**63 - 1
_ALL: Final = 2**31


@dataclass(frozen=True, slots=True)
class Page:
    """`following` and `previous`: where the pages beside it lie, None where there are none or it cannot be told.

    `can_end`: whether the last page can be asked for.
    """

    versions: list[Version]
    following: Place | None = None
    previous: Place | None = None
    can_end: bool = False


async def read_page(exchange: Exchange, search: Search, sources: Sequence[Source], place: Place, work: Work) -> Page:
    """At most `_count` matches, fewer where they are large (R4 search.html#count lets a server). Raises FhirError."""
    results = search.results
    sorting = sorting_of(search.queries[0].type, results.sort)
    count = min(results.count, place.left or results.most or results.count)
    if place.backward:
        sources = [_turned(source) for source in sources]
    if not sorting.opened:
        if place.rank:
            raise not_ours()
        taken, more = await _take(merged(exchange, sources, place.position, count + 1, MAX_EXAMINED, work), count)
        return _placed(taken, more, place, search, None)
    ranking = _ranking(sorting, place, count + 1)
    taken, more = await _take(_sorted(exchange, sources, sorting, place, ranking, work), count)
    return _placed(taken, more, place, search, ranking)


async def _take(stream: AsyncGenerator[Found, None], count: int) -> tuple[list[Found], bool]:
    """What the page holds, and whether more follows."""
    page: list[Found] = []
    size = 0
    async with aclosing(stream) as found:
        async for item in found:
            if len(page) == count or size > PAGE_BYTES:
                return page, True
            page.append(item)
            size += len(item[1].body)
    return page, False


def _ranking(sorting: Sorting, place: Place, wanted: int) -> Ranking:
    """Raises FhirError (400) for a place that another order is to be walked from."""
    if place.position is None:
        return Ranking(sorting.opened, sorting.is_ordered, place.backward, None, wanted, PAGE_BYTES)
    if len(place.rank) != key_length(sorting.opened) + RANK_OF_RID:
        raise not_ours()
    return Ranking(
        sorting.opened, sorting.is_ordered, place.backward, (place.position.value, place.rank), wanted, PAGE_BYTES
    )


async def _sorted(
    exchange: Exchange, sources: Sequence[Source], sorting: Sorting, place: Place, ranking: Ranking, work: Work
) -> AsyncGenerator[Found, None]:
    """Matches in an order that the index does not have, from the place on."""
    work.why = f"Sorting by {', '.join(key.code for key in sorting.opened)} opens every match, which sorting by _lastUpdated does not"
    start = None
    if place.position is not None and sorting.is_ordered:  # the whole group of equals that the place lies in
        down = sources[0].compiled.order.descending
        start = Position(place.position.value, _FARTHEST if down else -_FARTHEST)
    everything = merged(exchange, sources, start, _ALL, MAX_SORTED, work)
    async with aclosing(everything) as found, aclosing(in_order(found, ranking)) as ordered:
        async for item in ordered:
            yield item


def _turned(source: Source) -> Source:
    order = source.compiled.order
    return replace(source, compiled=replace(source.compiled, order=replace(order, descending=not order.descending)))


def _placed(taken: list[Found], more: bool, place: Place, search: Search, ranking: Ranking | None) -> Page:
    """The page, in the order that was asked for, with its neighbours."""
    most = search.results.most
    can_end = search.is_reversible and most is None
    if place.backward:
        taken.reverse()
    if not taken:
        return Page([], can_end=can_end)
    versions = [version for _, version in taken]
    before = more if place.backward else place.position is not None
    left = (place.left or most or 0) - len(taken)
    behind = place.position is not None if place.backward else more and (most is None or left > 0)

    def beside(item: Found, backward: bool, left: int = 0) -> Place:
        rank = b"" if ranking is None else replace(ranking, backward=backward).rank(*item)
        return Place(Position(item[0].value, item[0].rid), rank, backward, left)

    return Page(
        versions,
        beside(taken[-1], False, max(left, 0)) if behind else None,
        beside(taken[0], True) if before and can_end else None,
        can_end,
    )
