"""The rows by which records are found: collected over a whole commit, then inserted together and in their order.

So each page of the index is looked for once, and those that a large commit touches are filled from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

import apsw

from server.store import fail_points
from server.store.store import Index

_COARSELY: Final = 34
"""Of a 64-bit term or column, what is left of so many bits is a small integer, which sorts several times as fast. Rows need not be
quite in order: they need to come page by page."""


@dataclass(slots=True)
class IndexRows:
    """What is to be inserted: (order, row, terms), (column, low, high, order, row), (term, updated, row, version)."""

    records: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    intervals: list[tuple[int, float, float, int, int]] = field(default_factory=list)
    timeline: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, rid: int, index: Index) -> None:
        order = index.order
        if index.terms:
            self.records.append((order, rid, index.terms))
        self.intervals += [(*item, order, rid) for item in index.intervals]

    def list_version(self, rid: int, version: int, updated: int, terms: Sequence[int]) -> None:
        """Rows of the timeline are never changed: they belong to the version, not to the record."""
        self.timeline += [(term, updated, rid, version) for term in terms]

    def replace(self, connection: apsw.Connection, rid: int, old: Index, new: Index) -> None:
        """Touch only the rows that differ; when the order moved, that is all of them."""
        kept = set(old.terms) & set(new.terms) if old.order == new.order else set()
        connection.executemany(
            "DELETE FROM term WHERE term = ? AND ord = ? AND rid = ?",
            [(term, old.order, rid) for term in old.terms if term not in kept],
        )
        same = set(old.intervals) & set(new.intervals) if old.order == new.order else set()
        connection.executemany(
            "DELETE FROM interval WHERE col = ? AND low = ? AND high = ? AND ord = ? AND rid = ?",
            [(*item, old.order, rid) for item in old.intervals if item not in same],
        )
        terms = tuple(term for term in new.terms if term not in kept)
        self.add(rid, Index(new.order, terms, tuple(item for item in new.intervals if item not in same)))

    def insert(self, connection: apsw.Connection) -> None:
        """Also rows that should be there already, for they may be what is missing."""
        self.records.sort(key=itemgetter(0))
        terms = [(term, order, rid) for order, rid, found in self.records for term in found]
        self.intervals.sort(key=itemgetter(1))
        for rows, sql in (
            (terms, "INSERT OR IGNORE INTO term (term, ord, rid) VALUES (?, ?, ?)"),
            (self.intervals, "INSERT OR IGNORE INTO interval (col, low, high, ord, rid) VALUES (?, ?, ?, ?, ?)"),
            (self.timeline, "INSERT OR IGNORE INTO timeline (term, updated, rid, version) VALUES (?, ?, ?, ?)"),
        ):
            if rows:
                rows.sort(key=_coarse)
                connection.executemany(sql, rows)
        fail_points.reach("sqlite-04-terms-written")


def _coarse(row: tuple[Any, ...]) -> int:
    place: int = row[0] >> _COARSELY
    return place
