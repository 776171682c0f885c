"""A page of the history of many records: a merge of the sorted runs of `timeline`, read row by row until the page is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from typing import Any, Final

import apsw

from server.store.store import Record
from server.store.timeline import MAX_EXAMINED, Listed, Moment, Timeline, TimelinePage

TIMELINE_TABLES: Final = """
CREATE TABLE timeline (term INTEGER NOT NULL, updated INTEGER NOT NULL, rid INTEGER NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY (term, updated, rid, version)) STRICT, WITHOUT ROWID;
"""

_PRESENT: Final = "EXISTS (SELECT 1 FROM timeline p WHERE p.term = t.term AND p.updated = c.updated AND p.rid = c.rid AND p.version = c.version)"
_IN_FORCE: Final = (
    "(t.updated >= ? OR CASE WHEN t.version = c.version THEN NOT c.deleted ELSE EXISTS (SELECT 1 FROM version v "
    "WHERE v.rid = t.rid AND v.version = t.version AND NOT v.deleted AND coalesce((SELECT n.updated FROM version n "
    "WHERE n.rid = t.rid AND n.version = t.version + 1), c.updated) > ?) END)"
)
_BODY: Final = "updated, deleted, body"

_Found = tuple[int, int, int, int, int]
"""Time, row, version, whether it belongs to the page, term."""


def page(connection: apsw.Connection, plan: Timeline) -> TimelinePage:
    """Raises apsw.Error."""
    listed: list[Listed] = []
    last: Moment | None = None
    sql, values = _question(plan)
    with ExitStack() as cursors:
        runs = []
        for term in plan.terms:
            cursor = connection.cursor()
            cursors.callback(cursor.close)
            runs.append(_run(cursor, sql, [*values, term], term))
        for examined, (updated, rid, version, belongs, term) in enumerate(merge(*runs, reverse=plan.descending)):
            if examined == MAX_EXAMINED or (belongs and len(listed) == plan.limit):
                return TimelinePage(listed, last)
            if belongs:
                listed.append(_listed(connection, term, rid, version))
            last = Moment(updated, rid, version)
    return TimelinePage(listed, None)


def _run(cursor: apsw.Cursor, sql: str, values: list[int], term: int) -> Iterator[_Found]:
    for updated, rid, version, belongs in cursor.execute(sql, values):
        yield updated, rid, version, belongs, term


def _question(plan: Timeline) -> tuple[str, list[int]]:
    """The statement for one term, which is bound last; and its other values."""
    tests: list[str] = []
    values: list[int] = []
    if plan.present_only:
        tests.append(_PRESENT)
    if plan.at is not None:
        tests.append(_IN_FORCE)
        values += [plan.at[0], plan.at[0]]
    conditions: list[str] = []
    order, beyond = ("DESC", "<") if plan.descending else ("ASC", ">")
    if plan.since is not None:
        conditions.append("t.updated >= ?")
        values.append(plan.since)
    if plan.at is not None:
        conditions.append("t.updated <= ?")
        values.append(plan.at[1])
    if plan.after is not None:
        conditions.append(f"(t.updated, t.rid, t.version) {beyond} (?, ?, ?)")
        values += [plan.after.updated, plan.after.rid, plan.after.version]
    source = "timeline t JOIN resource c ON c.rid = t.rid" if tests else "timeline t"
    sql = (
        f"SELECT t.updated, t.rid, t.version, {' AND '.join(tests) or '1'} FROM {source} "
        f"WHERE {' AND '.join([*conditions, 't.term = ?'])} "
        f"ORDER BY t.updated {order}, t.rid {order}, t.version {order}"
    )
    return sql, values


def _listed(connection: apsw.Connection, term: int, rid: int, version: int) -> Listed:
    """The current version first: one that is replaced meanwhile is among the earlier ones then."""

    def one(columns: str, table: str, number: int | None = None) -> tuple[Any, ...] | None:
        sql = f"SELECT {columns} FROM {table} WHERE rid = ?"
        if number is None:
            return connection.execute(sql, (rid,)).fetchone()
        return connection.execute(f"{sql} AND version = ?", (rid, number)).fetchone()

    owner = one("key", "resource")
    found = one(_BODY, "resource", version) or one(_BODY, "version", version)
    before = one("deleted", "version", version - 1) if version > 1 else None
    if owner is None or found is None:
        raise apsw.CorruptError(f"The timeline lists version {version} of row {rid}, which is not there.")
    updated, deleted, body = found
    return Listed(
        term, Record(rid, owner[0], version, updated, bool(deleted), body), before is not None and bool(before[0])
    )
