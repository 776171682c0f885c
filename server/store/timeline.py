"""What the history of a type or of everything asks of a store: versions in the order of their times, a page at a time.

Each version is listed under the terms of its `Index.timeline` when it is stored, and stays listed whatever comes after it,
deletions as well. The access filter is the choice of terms and `present_only`, which is part of the question: a store never hands
out a version that it would have to be dropped from a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.store.store import Record

MAX_EXAMINED: Final = 10_000
"""Versions that one page may look at: a page that would need more ends early, and says where to go on."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A version's place in the order: its time, then its row, then its number."""

    updated: int
    rid: int
    version: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Versions under any of `terms`; no version is under two of them. Times are microseconds, bounds inclusive.

    `present_only`: only versions of records whose current version is under the same term. `since`: stored then or later.
    `at`: in force at some time in that interval; a deletion is in force in the moment when it is stored only.
    """

    terms: tuple[int, ...]
    present_only: bool = False
    since: int | None = None
    at: tuple[int, int] | None = None
    descending: bool = True
    after: Moment | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A version, the term that it was found under, and whether the version before it was a deletion."""

    term: int
    record: Record
    revived: bool


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """At most `limit` versions. `rest` is where to go on, None when nothing is left; there may be one after an empty page."""

    listed: list[Listed]
    rest: Moment | None
