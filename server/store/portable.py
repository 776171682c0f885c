"""Everything that a store holds at one moment, as rows that both back ends understand: what an archive is made of.

A section is a kind of row with named fields; its values are integers, floats, texts, bytes and None. The names are those of the
embedded store's tables and columns. What is sealed stays sealed. What can be made again from the rest is left out: the rows of the
index (each record says what it is found by), how far the audit trail has been made findable, how far a long task has come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

Value = int | float | str | bytes | None
Rows = list[tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    fields: tuple[str, ...]


SECTIONS: Final = (
    Section("setting", ("name", "value")),
    Section("resource", ("rid", "key", "tenant", "version", "updated", "deleted", "ord", "terms", "intervals", "body")),
    Section("version", ("rid", "version", "updated", "deleted", "body")),
    Section("timeline", ("term", "updated", "rid", "version")),
    Section("unique_key", ("key", "digest", "holder")),
    Section(
        "job",
        ("id", "tenant", "kind", "due", "fence", "attempts", "closed", "total", "done", "created", "until", "owner",
         "handle", "body"),
    ),
    Section("job_part", ("job", "number", "body")),
    Section("blob", ("id", "tenant", "chunks", "size")),
    Section("chunk", ("blob", "number", "body")),
    Section("audit", ("seq", "tenant", "count", "chain", "body")),
    Section("internal", ("key", "tenant", "kind", "version", "updated", "until", "body")),
)  # fmt: skip
"""In the order in which they are written and taken in. `terms` and `intervals` are packed (server/store/packing.py). Rows are
numbered from 1, and never anew. Uploads that no commit made current are left behind, and so are leases: nobody who has one works on the copy."""

ROWS_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 4 * 2**20

OWN_SETTINGS: Final = frozenset(
    {
        "schema", "ready", "audit-watermark", "reindex", "reseal", "restoring", "index-writers", "behind-master-key",
        "master-key-changed",
    }
)  # fmt: skip
"""Settings that tell of one store on one engine, and are no part of what is in it."""


class PortableError(Exception):
    """The copy cannot be made or taken in; the message is one sentence for the operator."""


class Source(Protocol):
    """One moment of a store, whoever writes meanwhile. All raise PortableError when the engine cannot keep it any longer."""

    def rows(self, section: Section) -> AsyncIterator[Rows]:
        """All rows of a section, some at a time, in the order of their keys."""


class Target(Protocol):
    """An empty store that takes rows in. It is no store before `finish`."""

    async def take(self, section: Section, rows: Rows) -> None:
        """Raises PortableError when it cannot."""

    async def finish(self) -> None: ...

    async def abandon(self) -> None:
        """Take away what was taken in."""


def kept_settings(rows: Rows) -> Rows:
    """Without the settings that are no part of what a store holds."""
    return [row for row in rows if row[0] not in OWN_SETTINGS]


class Batch:
    """Rows that are handed on together: few enough to stay small, whatever is in them."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self._size = 0

    def add(self, row: tuple[Value, ...]) -> None:
        self.rows.append(row)
        self._size += sum(len(value) for value in row if isinstance(value, bytes))

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= ROWS_AT_ONCE or self._size >= BYTES_AT_ONCE
