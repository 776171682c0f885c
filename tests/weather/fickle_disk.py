"""A disk in bad weather, as a SQLite VFS: it refuses writes, fails or delays syncs, and forgets what it did not sync.

After a failed sync it behaves as Linux does: what it could not keep is readable until the power fails, later syncs succeed, and
only what is written again afterwards is kept. `image` is what would be found after a power failure.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw


@dataclass
class Weather:
    """What the disk does now. It is asked before every write and every sync."""

    sync_fails: bool = False
    sync_seconds: float = 0.0
    writes: str = "kept"
    """`kept`, `read-only`, or `full`."""


class FickleDisk:
    """Every database that is opened after `install` lies on it, until `remove`."""

    def __init__(self, weather: Callable[[], Weather]) -> None:
        self._weather = weather
        self._lock = threading.Lock()
        self._kept: dict[str, bytearray] = {}
        self._loose: dict[str, list[tuple[int, bytes]]] = {}
        self._fsync = os.fsync
        self._vfs: apsw.VFS | None = None

    def install(self) -> None:
        self._vfs = _Vfs(self)
        os.fsync = self._sync_descriptor

    def remove(self) -> None:
        os.fsync = self._fsync
        assert self._vfs is not None
        self._vfs.unregister()

    def write(self, path: str, data: bytes, offset: int) -> None:
        writes = self._weather().writes
        if writes == "read-only":
            raise apsw.ReadOnlyError("read-only")
        if writes == "full":
            raise apsw.FullError("full")
        with self._lock:
            self._loose.setdefault(path, []).append((offset, data))

    def cut(self, path: str, size: int) -> None:
        """A truncation is kept at once: the kindest of what a disk may do."""
        with self._lock:
            del self._kept.setdefault(path, bytearray())[size:]

    def sync(self, path: str, really: Callable[[], None]) -> None:
        weather = replace(self._weather())  # as it was when the sync began
        time.sleep(weather.sync_seconds)
        with self._lock:
            loose = self._loose.pop(path, [])
            if not weather.sync_fails:
                kept = self._kept.setdefault(path, bytearray())
                for offset, data in loose:
                    kept.extend(bytes(max(0, offset + len(data) - len(kept))))
                    kept[offset : offset + len(data)] = data
        if weather.sync_fails:
            raise OSError("the sync failed")
        really()

    def _sync_descriptor(self, descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        self.sync(path, lambda: self._fsync(descriptor))

    def image(self, folder: Path, of: Path) -> Path:
        """What a power failure would leave of the files in `of`."""
        folder.mkdir()
        with self._lock:
            for path, content in self._kept.items():
                if Path(path).parent == of and os.path.exists(path):
                    (folder / Path(path).name).write_bytes(content)
        return folder


class _Vfs(apsw.VFS):
    def __init__(self, disk: FickleDisk) -> None:
        self._disk = disk
        super().__init__("fickle", "", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._disk, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FickleDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._path, bytes(data), offset)
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._disk.cut(self._path, size)

    def xSync(self, flags: int) -> None:
        try:
            self._disk.sync(self._path, lambda: super(_File, self).xSync(flags))
        except OSError as error:
            raise _failed_sync() from error


def _failed_sync() -> apsw.IOError:
    error = apsw.IOError("the sync failed")
    error.result, error.extendedresult = apsw.SQLITE_IOERR, apsw.SQLITE_IOERR_FSYNC
    return error
