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
from server.search.hits import MAX_EXAMINED
from server.search.merge import merged
from server.search.order import Sorting, sorting_of
from server.search.results import Results
from server.search.sort_keys import inverted, key_length
from server.search.sorting import MAX_SORTED, RANK_OF_RID, Ranking, Sorted, in_order
from server.search.work import Work
from server.store.algebra import Position

PAGE_BYTES: Final = 32 * 2**20
"""A page ends with the match that goes beyond this many bytes."""

_FARTHEST: Final = 2**63 - 1


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
    if place.position is not None and len(place.rank) != (
        key_length(sorting.opened) + RANK_OF_RID if sorting.opened else 0
    ):
        raise not_ours()
    count = min(results.count, place.left or results.most or results.count)
    taken, more = await _take(_stream(exchange, sources, sorting, place, count + 1, work), count)
    return _placed(taken, more, place, results, is_reversible=search.is_reversible)


async def _take(stream: AsyncGenerator[Sorted, None], count: int) -> tuple[list[Sorted], bool]:
    """What the page holds, and whether more follows."""
    page: list[Sorted] = []
    size = 0
    async with aclosing(stream) as found:
        async for item in found:
            if len(page) == count or size > PAGE_BYTES:
                return page, True
            page.append(item)
            size += len(item[1].body)
    return page, False


async def _stream(
    exchange: Exchange, sources: Sequence[Source], sorting: Sorting, place: Place, wanted: int, work: Work
) -> AsyncGenerator[Sorted, None]:
    """Matches from the place on, in the direction of the page."""
    if place.backward:
        sources = [_turned(source) for source in sources]
    if not sorting.opened:
        async with aclosing(merged(exchange, sources, place.position, wanted, MAX_EXAMINED, work)) as found:
            async for hit, version in found:
                yield hit, version, b""
        return
    codes = ", ".join(key.code for key in sorting.opened)
    work.why = f"Sorting by {codes} opens every match"
    after, position = None, place.position
    if position is not None:
        after = (position.value, place.rank)
        down = sources[0].compiled.order.descending
        position = Position(position.value, _FARTHEST if down else -_FARTHEST) if sorting.is_ordered else None
    ranking = Ranking(sorting.opened, sorting.is_ordered, place.backward, after, wanted)
    everything = merged(exchange, sources, position, MAX_SORTED + 1, MAX_SORTED, work)
    async with aclosing(everything) as found, aclosing(in_order(found, ranking)) as ordered:
        async for item in ordered:
            yield item


def _turned(source: Source) -> Source:
    order = source.compiled.order
    return replace(source, compiled=replace(source.compiled, order=replace(order, descending=not order.descending)))


def _placed(taken: list[Sorted], more: bool, place: Place, results: Results, *, is_reversible: bool) -> Page:
    if place.backward:
        taken.reverse()
    versions = [version for _, version, _ in taken]
    backwards = is_reversible and results.most is None
    if not taken:
        return Page(versions, can_end=backwards)
    before = more if place.backward else place.position is not None
    left = (place.left or results.most or 0) - len(taken)
    behind = place.position is not None if place.backward else more and (results.most is None or left > 0)
    return Page(
        versions,
        _place(taken[-1], backward=False, from_backward=place.backward, left=max(left, 0)) if behind else None,
        _place(taken[0], backward=True, from_backward=place.backward) if before and backwards else None,
        backwards,
    )


def _place(item: Sorted, *, backward: bool, from_backward: bool, left: int = 0) -> Place:
    """Behind an item, or before it. A rank is that of the direction in which it is read."""
    hit, _, rank = item
    turned = rank if backward == from_backward else inverted(rank)
    return Place(Position(hit.value, hit.rid), turned, backward, left)
