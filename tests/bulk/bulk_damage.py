"""Somebody changes what is stored behind the server's back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from server.store.sqlite.sqlite_store import FILE_NAME


def damage(data: Path, key: bytes) -> None:
    """The present version of a record does not open any more."""
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        (body,) = connection.execute("SELECT body FROM resource WHERE key = ?", (key,)).fetchone()
        connection.execute("UPDATE resource SET body = ? WHERE key = ?", (body[:-1] + bytes([body[-1] ^ 1]), key))


def damage_content(data: Path) -> None:
    """The last piece of what lies apart does not open any more, after others that do."""
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE chunk SET body = x'00' WHERE place = (SELECT max(place) FROM chunk)")
