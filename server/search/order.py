"""In which order a store is asked for results, and by what they are sorted when they are opened (R4 search 3.1.1.5.3, `_sort`).

The index orders by dates that name nobody. Everything else is sealed, or has no order there: it is sorted in memory
(server/search/sorting.py), whole, or, behind a first key that the index orders by, among what is equal by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.seal.blind_index import BlindIndex
from server.search.catalogue import present
from server.search.index_entries import PRIMARY_DATES, SEALED_DATES, date_column, same_date
from server.search.results import SortKey
from server.store.algebra import Order


@dataclass(frozen=True, slots=True)
class Sorting:
    """`by_index`: the key that the index orders by, None where it is the type's main date or nothing was asked for.

    `opened` are the keys for which each match must be opened.
    """

    by_index: SortKey | None
    opened: tuple[SortKey, ...]
    is_ordered: bool
    """Whether the index's order counts: not where the first key is one of those that are opened."""

    @property
    def is_reversible(self) -> bool:
        """Whether the order can be walked backwards: by a date that a record has exactly once, or in memory alone."""
        return not self.is_ordered or self.by_index is None or self.by_index.code == "_lastUpdated"


_UNSORTED: Final = Sorting(None, (), True)
_USUAL: Final = Order()
_NO_CODES: Final = frozenset[str]()


def sorting_of(type_: str, sort: tuple[SortKey, ...]) -> Sorting:
    """How the results of a type are sorted by these keys."""
    if not sort:
        return _UNSORTED
    first = sort[0]
    if first.type != "date" or first.code in SEALED_DATES or present().is_looked_at(type_, first.code):
        return Sorting(None, sort, False)
    return Sorting(None if _is_main(type_, first) else first, sort[1:], True)


def order_of(type_: str, sort: tuple[SortKey, ...], index: BlindIndex) -> Order:
    """What the store is asked for."""
    if not sort:
        return _USUAL
    sorting = sorting_of(type_, sort)
    if sorting.by_index is not None:
        return Order(date_column(index, type_, sorting.by_index.code), sorting.by_index.descending)
    return Order(descending=not sorting.is_ordered or sort[0].descending)


def order_codes(type_: str, sort: tuple[SortKey, ...]) -> frozenset[str]:
    """The parameters whose index the order needs."""
    return frozenset({sort[0].code}) if sort and sorting_of(type_, sort).is_ordered else _NO_CODES


def _is_main(type_: str, key: SortKey) -> bool:
    return same_date(type_, key.code) == PRIMARY_DATES.get(type_)
