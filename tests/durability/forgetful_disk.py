"""A disk that may forget what it was not told to keep: a SQLite VFS that remembers what was written since each file's last fsync.

`kill -9` loses nothing that the operating system was given; a power failure does. `Disk.fail_power` takes back every write that no
fsync followed, or leaves a part of it, as chance decides; the process must end in the same moment. So what was acknowledged has to
have been synced before.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import apsw

DISK_POINTS = (
    "disk-01-log-written",
    "disk-02-log-synced",
    "disk-03-page-copied",
    "disk-04-pages-copied",
    "disk-05-pages-synced",
    "disk-06-log-begun-anew",
)
"""Between the statements of a commit and the disk, and inside a checkpoint: where SQLite is, and we are not."""


@dataclass
class _Loose:
    """What a file was before its first write since the last fsync, and the writes since."""

    size: int
    before: list[tuple[int, bytes]] = field(default_factory=list)
    writes: list[tuple[int, bytes]] = field(default_factory=list)


class Disk:
    def __init__(self, reach: Callable[[str], None], chance: random.Random) -> None:
        self.reach = reach
        self._chance = chance
        self._lock = threading.RLock()
        self._loose: dict[str, _Loose] = {}

    def wrote(self, path: str, size: int, offset: int, before: bytes, after: bytes) -> None:
        with self._lock:
            loose = self._loose.setdefault(path, _Loose(size))
            loose.before.append((offset, before))
            loose.writes.append((offset, after))

    def synced(self, path: str) -> None:
        with self._lock:
            self._loose.pop(path, None)

    def fail_power(self) -> None:
        """Forget. Nothing may be written afterwards: the lock is kept."""
        self._lock.acquire()
        for path, loose in self._loose.items():
            if not os.path.exists(path):
                continue
            descriptor = os.open(path, os.O_RDWR)
            for offset, before in reversed(loose.before):
                os.pwrite(descriptor, before, offset)
            os.ftruncate(descriptor, loose.size)
            for offset, data in loose.writes:
                kept = self._chance.choice([0, 0, self._chance.randrange(len(data) + 1), len(data)])
                if kept:
                    os.pwrite(descriptor, data[:kept], offset)

    def install(self) -> None:
        """Every database that is opened from now on lies on this disk, and `os.fsync` is noticed as well."""
        self._vfs = _Vfs(self)
        really = os.fsync

        def fsync(descriptor: int) -> None:
            really(descriptor)
            self.synced(os.readlink(f"/proc/self/fd/{descriptor}"))

        os.fsync = fsync


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._base = apsw.vfs_names()[0]
        super().__init__("forgetful", self._base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, self._base, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, base: str, name: Any, flags: list[int]) -> None:
        super().__init__(base, name, flags)
        self._disk = disk
        self._path = os.path.realpath(name.filename() if hasattr(name, "filename") else str(name))
        self._is_log = self._path.endswith("-wal")
        self._is_store = self._path.endswith(".db")

    def xWrite(self, data: bytes, offset: int) -> None:
        size = self.xFileSize()
        before = self.xRead(min(len(data), size - offset), offset) if offset < size else b""
        super().xWrite(data, offset)
        self._disk.wrote(self._path, size, offset, before, data)
        if self._is_log and offset == 0:
            self._disk.reach("disk-06-log-begun-anew")
        elif self._is_store:
            self._disk.reach("disk-03-page-copied")

    def xSync(self, flags: int) -> None:
        if self._is_log:
            self._disk.reach("disk-01-log-written")
        elif self._is_store:
            self._disk.reach("disk-04-pages-copied")
        super().xSync(flags)
        self._disk.synced(self._path)
        if self._is_log:
            self._disk.reach("disk-02-log-synced")
        elif self._is_store:
            self._disk.reach("disk-05-pages-synced")
