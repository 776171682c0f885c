"""`server.store.upkeep.Upkeep` on the tables of the embedded store: reads on the event loop, changes through the one writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw

from server.store import fail_points
from server.store.packing import pack_intervals, pack_terms, unpack_intervals, unpack_terms
from server.store.sqlite.files import Files
from server.store.sqlite.group_commit import GroupCommit
from server.store.sqlite.index_rows import IndexRows
from server.store.store import Index, Record, StoreUnavailableError
from server.store.upkeep import (
    HeldKey,
    KeptJob,
    Listing,
    NewBody,
    NewHolder,
    NewIndex,
    NewInternalBody,
    NewJobBody,
    Rewrite,
    Row,
    Totals,
)

_ROW: Final = "rid, key, version, updated, deleted, body, ord, tenant, terms, intervals"
_TERM: Final = "SELECT 1 FROM term WHERE term = ? AND ord = ? AND rid = ?"
_LISTED: Final = "SELECT 1 FROM timeline WHERE term = ? AND updated = ? AND rid = ? AND version = ?"
_INTERVAL: Final = "SELECT 1 FROM interval WHERE col = ? AND low = ? AND high = ? AND ord = ? AND rid = ?"


class SqliteUpkeep:
    """Shares the store's reader and writer."""

    def __init__(self, files: Files, group: GroupCommit) -> None:
        self._files = files
        self._group = group

    async def totals(self) -> Totals:
        counts = [self._all(f"SELECT count(*) FROM {table}")[0][0] for table in ("resource", "unique_key", "job", "audit")]
        return Totals(*counts)

    async def rows(self, after: int, limit: int) -> list[Row]:
        found = self._all(f"SELECT {_ROW} FROM resource WHERE rid > ? ORDER BY rid LIMIT ?", after, limit)
        return [_row(values) for values in found]

    async def held_keys(self, after: bytes, limit: int) -> list[HeldKey]:
        found = self._all("SELECT key, holder FROM unique_key WHERE key > ? ORDER BY key LIMIT ?", after, limit)
        return [HeldKey(*values) for values in found]

    async def jobs(self, after: int, limit: int) -> list[KeptJob]:
        found = self._all("SELECT id, tenant, kind, body FROM job WHERE id > ? ORDER BY id LIMIT ?", after, limit)
        return [KeptJob(*values) for values in found]

    async def rewrite(self, rewrites: Sequence[Rewrite]) -> None:
        def write(connection: apsw.Connection) -> None:
            for item in rewrites:
                _rewrite(connection, item)
                fail_points.reach("sqlite-25-resealed")

        await self._group.run(write)

    async def reindex(self, entries: Sequence[NewIndex]) -> None:
        def write(connection: apsw.Connection) -> None:
            for entry in entries:
                _reindex(connection, entry)

        await self._group.run(write)

    async def list_versions(self, listings: Sequence[Listing]) -> None:
        def write(connection: apsw.Connection) -> None:
            rows = IndexRows()
            for item in listings:
                rows.list_version(item.rid, item.version, item.updated, item.terms)
            rows.insert(connection)

        await self._group.run(write)

    async def unlisted(self, listings: Sequence[Listing]) -> list[Listing]:
        return [item for item in listings if not all(self._is_listed(item, term) for term in item.terms)]

    def _is_listed(self, item: Listing, term: int) -> bool:
        return bool(self._all(_LISTED, term, item.updated, item.rid, item.version))

    async def index_audit_anew(self, entries: Sequence[tuple[int, Index]]) -> None:
        """Entries by earlier rules stay: what has no row of its own does not tell them."""

        def write(connection: apsw.Connection) -> None:
            rows = IndexRows()
            for rid, index in entries:
                rows.add(rid, index)
            rows.insert(connection)

        await self._group.run(write)

    async def drop_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        """Entries by earlier rules stay, and lead nowhere."""

        def write(connection: apsw.Connection) -> None:
            for rid, index in entries:
                IndexRows().replace(connection, rid, index, Index())
            connection.execute("DELETE FROM audit WHERE seq <= ?", (through_seq,))

        await self._group.run(write)

    async def unfindable(self, rows: Sequence[Row]) -> set[int]:
        return {row.record.rid for row in rows if not self._is_findable(row.record.rid, row.index)}

    def _is_findable(self, rid: int, index: Index) -> bool:
        return all(self._all(_TERM, term, index.order, rid) for term in index.terms) and all(
            self._all(_INTERVAL, *interval, index.order, rid) for interval in index.intervals
        )

    async def damage(self) -> list[str]:
        try:
            found = [str(row[0]) for row in self._files.reader.execute("PRAGMA integrity_check(20)")]
        except apsw.CorruptError:
            found = ["it cannot be read as a whole"]
        except apsw.Error as error:
            raise StoreUnavailableError(f"The store could not read ({type(error).__name__}).") from error
        return [] if found == ["ok"] else [f"SQLite finds the file damaged: {line}." for line in found]

    def _all(self, sql: str, *values: int | float | bytes) -> list[tuple[Any, ...]]:
        try:
            return self._files.reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise StoreUnavailableError(f"The store could not read ({type(error).__name__}).") from error


def _row(values: tuple[Any, ...]) -> Row:
    rid, key, version, updated, deleted, body, order, tenant, terms, intervals = values
    record = Record(rid, key, version, updated, bool(deleted), body, order)
    return Row(record, tenant, Index(order, unpack_terms(terms), tuple(unpack_intervals(intervals))))


def _rewrite(connection: apsw.Connection, item: Rewrite) -> None:
    if isinstance(item, NewBody):
        for table in ("resource", "version"):
            connection.execute(
                f"UPDATE {table} SET body = ? WHERE rid = ? AND version = ? AND body = ?",
                (item.new, item.rid, item.version, item.old),
            )
    elif isinstance(item, NewHolder):
        connection.execute("UPDATE unique_key SET holder = ? WHERE key = ? AND holder = ?", (item.new, item.key, item.old))
    elif isinstance(item, NewJobBody):
        connection.execute("UPDATE job SET body = ? WHERE id = ? AND body = ?", (item.new, item.id, item.old))
    elif isinstance(item, NewInternalBody):
        connection.execute("UPDATE internal SET body = ? WHERE key = ? AND body = ?", (item.new, item.key, item.old))
    else:
        connection.execute(
            "UPDATE job_part SET body = ? WHERE job = ? AND number = ? AND body = ?",
            (item.new, item.job, item.number, item.old),
        )


def _reindex(connection: apsw.Connection, entry: NewIndex) -> None:
    """Also entries that should be there already are written, for they may be what is missing."""
    row = connection.execute(
        "SELECT ord, terms, intervals, updated FROM resource WHERE rid = ? AND version = ?", (entry.rid, entry.version)
    ).fetchone()
    if row is None:
        return
    old = Index(row[0], unpack_terms(row[1]), tuple(unpack_intervals(row[2])))
    connection.execute(
        "UPDATE resource SET ord = ?, terms = ?, intervals = ? WHERE rid = ?",
        (entry.index.order, pack_terms(entry.index.terms), pack_intervals(entry.index), entry.rid),
    )
    fail_points.reach("sqlite-26-reindexing")
    rows = IndexRows()
    rows.replace(connection, entry.rid, old, entry.index)
    rows.add(entry.rid, entry.index)
    rows.list_version(entry.rid, entry.version, row[3], entry.index.timeline)
    rows.insert(connection)
