"""How a file of an earlier schema becomes one of the present schema: numbered steps, each in one transaction.

A new file takes the same way from version 2 on, so that there is one way in which a table comes to be. To add a step, append a
line to `STEPS`: SQL text, or a function of the connection for what SQL cannot say. A step that was released is never changed.
The version is SQLite's `user_version`; a step and its version become durable together, so that a kill between two steps leaves a
file that the next start goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import apsw

from server.store.sqlite.blob_rows import BLOB_TABLES
from server.store.sqlite.internal_rows import INTERNAL_TABLES
from server.store.sqlite.job_rows import TABLES as JOB_TABLES
from server.store.sqlite.long_intervals import LONG_TABLES
from server.store.sqlite.timeline import TIMELINE_TABLES

Step = str | Callable[[apsw.Connection], None]

FIRST_VERSION: Final = 2
"""The schema of the first release, in schema.py; the step at position 0 leads to the version after it."""

STEPS: Final[tuple[Step, ...]] = (
    TIMELINE_TABLES,
    JOB_TABLES,
    BLOB_TABLES,
    LONG_TABLES,
    INTERNAL_TABLES,
)


def newest_version(steps: Sequence[Step] = STEPS) -> int:
    return FIRST_VERSION + len(steps)


def migrate(connection: apsw.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Take the steps that the file has not had. Whatever a step raises, the file is as it was before that step."""
    while (version := connection.pragma("user_version")) < newest_version(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.pragma("user_version") == version:  # nobody else was faster
                _take(connection, steps[version - FIRST_VERSION])
                connection.pragma("user_version", version + 1)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _take(connection: apsw.Connection, step: Step) -> None:
    if isinstance(step, str):
        connection.execute(step)
    else:
        step(connection)
