"""The tables of blobs, and how a commit makes uploads current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from server.store import fail_points
from server.store.blobs import BlobGoneError, NewBlob

BLOB_TABLES: Final = """
CREATE TABLE blob (
  row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, tenant INTEGER NOT NULL, begun INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, chunks INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX blob_upload ON blob (begun) WHERE state <> 1;
CREATE TABLE chunk (place INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
"""
"""`state`: 0 an upload, 1 current, 2 on its way out. `place`: the blob's row and the chunk's number in one integer."""


def keep_blobs(connection: apsw.Connection, tenant: int, blobs: Sequence[NewBlob]) -> None:
    """Make uploads current, as part of a commit that was checked."""
    for blob in blobs:
        connection.execute(
            "UPDATE blob SET state = 1, tenant = ?, chunks = ?, size = ? WHERE id = ?",
            (tenant, blob.chunks, blob.size, blob.id),
        )
        fail_points.reach("sqlite-15-blob-kept")


def check_blobs(connection: apsw.Connection, blobs: Sequence[NewBlob]) -> None:
    """Raises BlobGoneError unless each is an upload, and named once."""
    for blob in blobs:
        if not connection.execute("SELECT 1 FROM blob WHERE id = ? AND state = 0", (blob.id,)).fetchone():
            raise BlobGoneError
    if len({blob.id for blob in blobs}) < len(blobs):
        raise BlobGoneError
