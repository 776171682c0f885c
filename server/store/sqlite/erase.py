"""How a commit takes versions, or whole records, away for good (`server.store.store.Erase`)."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from server.store.packing import unpack_intervals, unpack_terms
from server.store.sqlite.index_rows import IndexRows
from server.store.store import Erase, Index, StaleVersionError


def check_erasures(connection: apsw.Connection, erasures: Sequence[Erase], written: set[bytes]) -> None:
    """Raises StaleVersionError for a record that is not at its version, is named twice, or is `written` by the same commit."""
    named = set(written)
    for each in erasures:
        row = connection.execute("SELECT version FROM resource WHERE key = ?", (each.key,)).fetchone()
        if each.key in named or (row[0] if row else 0) != each.version:
            raise StaleVersionError(each.key)
        named.add(each.key)


def erase(connection: apsw.Connection, erasures: Sequence[Erase]) -> None:
    """Part of a commit that was checked."""
    for each in erasures:
        (rid, order, terms, intervals) = next(
            connection.execute("SELECT rid, ord, terms, intervals FROM resource WHERE key = ?", (each.key,))
        )
        connection.execute("DELETE FROM version WHERE rid = ?", (rid,))
        connection.executemany(
            "DELETE FROM timeline WHERE term = ? AND updated = ? AND rid = ? AND version = ?",
            [(term, updated, rid, version) for term, updated, version in each.listed],
        )
        if each.whole:
            old = Index(order, unpack_terms(terms), tuple(unpack_intervals(intervals)))
            IndexRows().replace(connection, rid, old, Index(order))
            connection.execute("DELETE FROM resource WHERE rid = ?", (rid,))
