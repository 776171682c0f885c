"""What SQLite's errors mean for callers and for the files: no room, a disk that takes no writes, a disk that cannot be trusted.

Result codes: sqlite.org/rescode.html. SQLite tells a full disk by SQLITE_FULL; a quota, or a limit on the size of files, only by
the system's error number behind SQLITE_IOERR.
"""

from __future__ import annotations

import errno
from typing import Final

import apsw

from server.store.store import StoreUnavailableError, Trouble

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_UNSYNCED: Final = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})


def unavailable(error: apsw.Error, connection: apsw.Connection | None = None) -> StoreUnavailableError:
    """What the caller is told. `connection` is the one that failed, asked for the system's error number."""
    return StoreUnavailableError(f"SQLite: {type(error).__name__}.", _trouble(error, connection))


def _trouble(error: apsw.Error, connection: apsw.Connection | None) -> Trouble:
    if isinstance(error, apsw.ConnectionClosedError):  # opening the files anew failed: the next change tries again
        return "disk"
    number = connection.system_errno if connection is not None else 0
    if isinstance(error, apsw.FullError):
        return "full"
    if isinstance(error, apsw.ReadOnlyError):
        return "read-only"
    if breaks_trust(error):  # never `full`, whatever the system says: what was not synced may still be found in the log
        return "disk"
    if isinstance(error, apsw.IOError | apsw.CantOpenError):
        return "full" if number in _FULL else "read-only" if number in _READ_ONLY else "disk"
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return "busy"
    return "disk" if isinstance(error, apsw.CorruptError | apsw.NotADBError) else "unknown"


def breaks_trust(error: apsw.Error) -> bool:
    """Whether the disk said that it did not keep what it had taken.

    The system tells this once and then counts the lost pages as written; the next sync would succeed and prove nothing.
    """
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _UNSYNCED
