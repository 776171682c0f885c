"""How one commit changes the tables. Everything that can refuse it is checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from server.store import fail_points
from server.store.audit_chain import chain_after
from server.store.packing import pack_intervals, pack_terms, unpack_intervals, unpack_terms
from server.store.sqlite.blob_rows import check_blobs, keep_blobs
from server.store.sqlite.erase import check_erasures, erase
from server.store.sqlite.index_rows import IndexRows
from server.store.sqlite.internal_rows import apply_internals, check_internals
from server.store.sqlite.job_rows import apply_jobs, check_jobs
from server.store.store import (
    AuditSealer,
    Commit,
    Index,
    KeyClaim,
    KeyHeldError,
    Put,
    StaleVersionError,
    editions_of,
    new_edition,
)

_Current = tuple[int, int, int, int, bytes, bytes, int, bytes]


def check(connection: apsw.Connection, commit: Commit) -> dict[bytes, _Current]:
    """Raise what refuses the commit; return the current rows of the records that it changes."""
    current: dict[bytes, _Current] = {}
    written: set[bytes] = set()
    for put in commit.puts:
        row = connection.execute(
            "SELECT rid, version, updated, deleted, terms, intervals, ord, body FROM resource WHERE key = ?", (put.key,)
        ).fetchone()
        if (row[1] if row else 0) != put.version - 1 or put.key in written:
            raise StaleVersionError(put.key)
        written.add(put.key)
        if row:
            current[put.key] = row
    check_erasures(connection, commit.erasures, written)
    claimed: set[bytes] = set()
    for claim in commit.keys:
        if claim.key in claimed:
            raise KeyHeldError
        claimed.add(claim.key)
        _check_key(connection, claim)
    check_jobs(connection, commit)
    check_blobs(connection, commit.blobs)
    check_internals(connection, commit.internals)
    return current


def _check_key(connection: apsw.Connection, claim: KeyClaim) -> None:
    row = connection.execute("SELECT digest FROM unique_key WHERE key = ?", (claim.key,)).fetchone()
    if (row[0] if row else None) != claim.replaces:
        raise KeyHeldError


def apply(connection: apsw.Connection, commit: Commit, current: dict[bytes, _Current]) -> None:
    """Write what the commit carries, except its audit records (`append_audit`)."""
    rows = IndexRows()
    for put in commit.puts:
        _put(connection, commit.tenant, put, current.get(put.key), rows)
    if commit.puts:
        rows.insert(connection)
        fail_points.reach("sqlite-05-puts-applied")
    erase(connection, commit.erasures)
    for claim in commit.keys:
        connection.execute(
            "INSERT INTO unique_key (key, digest, holder) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, holder = excluded.holder",
            (claim.key, claim.digest, claim.holder),
        )
        fail_points.reach("sqlite-06-keys-applied")
    for name in editions_of(commit):
        connection.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, new_edition()),
        )
    apply_jobs(connection, commit)
    keep_blobs(connection, commit.tenant, commit.blobs)
    apply_internals(connection, commit.tenant, commit.internals)


def _put(connection: apsw.Connection, tenant: int, put: Put, row: _Current | None, rows: IndexRows) -> None:
    index = put.index
    terms, intervals = pack_terms(index.terms), pack_intervals(index)
    if row is None:
        connection.execute(
            "INSERT INTO resource (key, tenant, version, updated, deleted, ord, terms, intervals, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (put.key, tenant, put.version, put.updated, put.deleted, index.order, terms, intervals, put.body),
        )
        rid = connection.last_insert_rowid()
        fail_points.reach("sqlite-02-record-written")
        rows.add(rid, index)
        rows.list_version(rid, put.version, put.updated, index.timeline)
        return
    rid, version, updated, deleted, old_terms, old_intervals, old_order, body = row
    connection.execute(
        "INSERT INTO version (rid, version, updated, deleted, body) VALUES (?, ?, ?, ?, ?)",
        (rid, version, updated, deleted, body),
    )
    fail_points.reach("sqlite-03-version-written")
    connection.execute(
        "UPDATE resource SET version = ?, updated = ?, deleted = ?, ord = ?, terms = ?, intervals = ?, body = ? "
        "WHERE rid = ?",
        (put.version, put.updated, put.deleted, index.order, terms, intervals, put.body, rid),
    )
    old = Index(old_order, unpack_terms(old_terms), tuple(unpack_intervals(old_intervals)))
    rows.replace(connection, rid, old, index)
    rows.list_version(rid, put.version, put.updated, index.timeline)


def append_audit(connection: apsw.Connection, tenant: int, records: Sequence[bytes], seal: AuditSealer) -> None:
    """Append one batch of audit records to the tenant's chain (docs/audit.md)."""
    row = connection.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()
    seq = (row[0] if row else 0) + 1
    last = connection.execute("SELECT chain FROM audit WHERE tenant = ? ORDER BY seq DESC LIMIT 1", (tenant,)).fetchone()
    before = last[0] if last else b""
    body = seal(tenant, seq, before, records)
    connection.execute(
        "INSERT INTO audit (seq, tenant, count, chain, body) VALUES (?, ?, ?, ?, ?)",
        (seq, tenant, len(records), chain_after(before, seq, body), body),
    )
    fail_points.reach("sqlite-09-audit-appended")
