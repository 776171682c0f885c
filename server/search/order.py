"""In which order a store is asked for results: `_sort`, or the date that a type is listed by."""

from __future__ import annotations

from profiles.outcome import refuse
from server.seal.blind_index import BlindIndex
from server.search.index_entries import PRIMARY_DATES, SEALED_DATES, date_column, same_date
from server.search.registry import indexed_parameters
from server.search.results import SortKey
from server.store.algebra import Order


def order_of(type_: str, sort: SortKey | None, index: BlindIndex) -> Order:
    """Raises FhirError (400) for what cannot be sorted by."""
    if sort is None or same_date(type_, sort.code) == PRIMARY_DATES.get(type_):
        return Order(descending=sort is None or sort.descending)
    parameter = indexed_parameters(type_).get(sort.code)
    if sort.code in SEALED_DATES or (parameter is not None and parameter.type != "date"):
        raise refuse("not-supported", f"Sorting by {sort.code} is not supported; dates and _lastUpdated are.", "http._sort")
    return Order(date_column(index, type_, sort.code), sort.descending)
