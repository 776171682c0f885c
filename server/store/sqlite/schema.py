"""Tables of the embedded store, and how a connection is opened.

`term` and `interval` rows carry the record's order, so that an all-of over terms sorted by date is a merge of sorted runs
(docs/decisions: sorted term rows against FTS5), and what is found need not be a resource (audit records are rows here only). A record keeps its own terms and intervals packed, so that an update removes
exactly the rows that were written, whatever the extraction rules are by then. Tables that came later are made by the steps of migrations.py.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

from server.store.sqlite.migrations import FIRST_VERSION, migrate, newest_version

SCHEMA_VERSION: Final = newest_version()

_TABLES: Final = """
CREATE TABLE resource (
  rid INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, tenant INTEGER NOT NULL, version INTEGER NOT NULL,
  updated INTEGER NOT NULL, deleted INTEGER NOT NULL, ord INTEGER NOT NULL, terms BLOB NOT NULL, intervals BLOB NOT NULL,
  body BLOB NOT NULL) STRICT;
CREATE TABLE version (
  rid INTEGER NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (rid, version)) STRICT, WITHOUT ROWID;
CREATE TABLE term (term INTEGER NOT NULL, ord INTEGER NOT NULL, rid INTEGER NOT NULL,
  PRIMARY KEY (term, ord, rid)) STRICT, WITHOUT ROWID;
CREATE TABLE interval (col INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, ord INTEGER NOT NULL,
  rid INTEGER NOT NULL, PRIMARY KEY (col, low, high, ord, rid)) STRICT, WITHOUT ROWID;
CREATE INDEX interval_of_record ON interval (rid, col);
CREATE TABLE unique_key (key BLOB PRIMARY KEY, digest BLOB NOT NULL, holder BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE job (
  id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, kind TEXT NOT NULL, due INTEGER NOT NULL,
  lease_until INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;
CREATE INDEX job_due ON job (failed, due);
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, count INTEGER NOT NULL, chain BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


class SchemaError(Exception):
    """The file was written by a newer Assent, or is not ours; the message is a sentence for the operator."""


def open_connection(path: Path, *, writable: bool) -> apsw.Connection:
    """A connection with our pragmas. Raises SchemaError for a file that is no database. Durability: WAL with synchronous=FULL, so that an acknowledged commit survives power loss.

    Checkpoints are taken off the event loop (`SqliteStore`), not inside a caller's commit.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if writable else 0)
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=256)
    connection.set_busy_timeout(5000)
    try:
        connection.pragma("journal_mode", "wal")
    except apsw.NotADBError as error:
        connection.close()
        raise SchemaError(f"The file {path} is no store of Assent, or is damaged.") from error
    connection.pragma("synchronous", "full")
    connection.pragma("cache_size", -65536)
    connection.pragma("temp_store", "memory")
    connection.wal_autocheckpoint(0)
    if not writable:
        connection.pragma("query_only", True)
    return connection


def prepare_schema(connection: apsw.Connection) -> None:
    """Create the tables in an empty file, bring an earlier schema up to date; refuse one that this program does not know."""
    check_version(connection)
    if connection.pragma("user_version") == 0:
        with connection:
            connection.execute(_TABLES)
            connection.pragma("user_version", FIRST_VERSION)
    migrate(connection)


def check_version(connection: apsw.Connection) -> None:
    """Raises SchemaError for a schema that this program does not know."""
    version = connection.pragma("user_version")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"The data folder was written by a newer Assent (schema {version}, this one knows {SCHEMA_VERSION})."
        )
    if 0 < version < FIRST_VERSION:
        raise SchemaError(f"The data folder was written by an unreleased Assent (schema {version}): choose an empty one.")


def earlier_version(path: Path) -> int | None:
    """The schema of a file that is to be brought up to date when it is opened; None for any other, and for no file."""
    if not path.exists():
        return None
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(5000)
            version = connection.pragma("user_version")
    except apsw.Error:  # opening it says what is wrong
        return None
    return version if FIRST_VERSION <= version < SCHEMA_VERSION else None
