"""A consistent copy of a store's file, made while others write to it (SQLite's online backup), and a look at such a copy.

The copy is one file of one moment: it is read in one transaction, for which writers need not wait (WAL). It appears under its name
only when it is whole and on the disk.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

import apsw

from server.durable import sync
from server.store.sqlite.migrations import FIRST_VERSION
from server.store.sqlite.schema import SCHEMA_VERSION


class BackupError(Exception):
    """The copy cannot be made or used; the message is one sentence for the operator."""


def copy_store(source: Path, target: Path) -> int:
    """Copy a store, also one in use, to a new file of mode 0600; the copy's size in bytes. Raises BackupError.

    `target` must not exist. A copy that was broken off leaves only a file beside it that ends in `.part`.
    """
    draft = target.with_name(target.name + ".part")
    try:
        if target.exists():
            raise BackupError(f"There is a file {target} already: name another one, or take it away.")
        with suppress(FileNotFoundError):
            draft.unlink()
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(source, draft)
        size = draft.stat().st_size
        sync(draft)
        os.link(draft, target)
        draft.unlink()
        sync(target.parent)
    except OSError as error:
        raise BackupError(f"The file {target} cannot be written ({os.strerror(error.errno or 0)}).") from error
    except apsw.Error as error:
        raise BackupError(f"The copy could not be made ({type(error).__name__}): is there room on the disk?") from error
    return size


def _copy(source: Path, draft: Path) -> None:
    with closing(_open(source)) as origin, closing(apsw.Connection(str(draft))) as copy:
        with copy.backup("main", origin, "main") as backup:
            while not backup.done:
                backup.step(-1)
        copy.pragma("journal_mode", "delete")  # one file, without a log beside it


def check_copy(path: Path) -> None:
    """Whether a file is a whole store that this program knows. Raises BackupError."""
    if not path.is_file():
        raise BackupError(f"There is no file {path}.")
    try:
        with closing(_open(path)) as copy:
            version = copy.pragma("user_version")
            sound = FIRST_VERSION <= version <= SCHEMA_VERSION and copy.execute("PRAGMA quick_check(1)").fetchall() == [
                ("ok",)
            ]
    except apsw.Error as error:
        raise BackupError(f"The file {path} is no backup of Assent, or is damaged.") from error
    if version > SCHEMA_VERSION:
        raise BackupError(
            f"The backup {path} was made by a newer Assent (schema {version}, this one knows {SCHEMA_VERSION})."
        )
    if not sound:
        raise BackupError(f"The file {path} is no backup of Assent, or is damaged.")


def _open(path: Path) -> apsw.Connection:
    """Read-only: opening must not change what is copied."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    return connection
