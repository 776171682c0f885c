"""One server to a data folder: an advisory lock (flock) that the kernel lets go when its holder ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.config import ConfigurationError

FILE_NAME: Final = "server.lock"

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def folder_lock(data: Path) -> Iterator[None]:
    """Make the folder if need be and hold it. Raises `ConfigurationError` if it cannot be written or is held already."""
    descriptor = _open(data)
    try:
        _hold(descriptor, data)
        yield
    finally:
        os.close(descriptor)  # lets the lock go; the file stays, or a third process could lock a file without a name


def is_locked(data: Path) -> bool:
    """Whether a server holds the folder. Raises `ConfigurationError` if it cannot be written."""
    descriptor = _open(data)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(data: Path) -> int:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(data / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(data, error) from error


def _hold(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", errors="replace").strip()
        raise ConfigurationError(
            f"Another Assent server{f' (process {holder})' if holder.isdigit() else ''} uses the data folder {data}: "
            "stop it, or name another folder in ASSENT_DATA."
        ) from error
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise ConfigurationError(
                f"The data folder {data} is on a disk without locks, as some network disks are: name a folder on another one "
                "in ASSENT_DATA."
            ) from error
        raise _unusable(data, error) from error


def _unusable(data: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The data folder {data} is not writable ({os.strerror(error.errno or 0)}): "
        "give this user write access to it, or name another folder in ASSENT_DATA."
    )
