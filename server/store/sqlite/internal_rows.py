"""What a commit does to the server's own records (server/store/internal.py) in the embedded store, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from server.store import fail_points
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError

INTERNAL_TABLES: Final = """
CREATE TABLE internal (
  key BLOB PRIMARY KEY, tenant INTEGER NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL,
  until INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX internal_kind ON internal (tenant, kind, updated, key);
CREATE INDEX internal_changed ON internal (kind, updated, key);
CREATE INDEX internal_until ON internal (until) WHERE until > 0;
"""

FIELDS: Final = "key, tenant, kind, version, updated, until, body"


def check_internals(connection: apsw.Connection, changes: Sequence[Keep | Drop]) -> None:
    """Raises StaleVersionError unless each stands on what is there, and is named once."""
    seen: set[bytes] = set()
    for change in changes:
        row = connection.execute("SELECT version FROM internal WHERE key = ?", (change.key,)).fetchone()
        present = row[0] if row else 0
        wanted = change.version - 1 if isinstance(change, Keep) else change.version
        if present != wanted or change.key in seen:
            raise StaleVersionError(change.key)
        seen.add(change.key)


def apply_internals(connection: apsw.Connection, tenant: int, changes: Sequence[Keep | Drop]) -> None:
    """Write what was checked."""
    for change in changes:
        if isinstance(change, Keep):
            connection.execute(
                f"INSERT OR REPLACE INTO internal ({FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (change.key, tenant, change.kind, change.version, change.updated, change.until, change.body),
            )
        else:
            connection.execute("DELETE FROM internal WHERE key = ?", (change.key,))
        fail_points.reach("sqlite-16-internal-changed")
