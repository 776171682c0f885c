"""The open connections to one store: the writer, the reader, the one for checkpoints; and how trust in the disk is regained.

When a sync fails, the system has dropped what it could not write and counts it as written ("fsyncgate"): the next sync proves
nothing. So nothing is acknowledged after that until all connections are closed, the log was read again (SQLite verifies its
checksums then, and leaves out what is broken), and everything in it was copied into the main file and synced there.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

import apsw

from server.store.sqlite.faults import breaks_trust, unavailable
from server.store.sqlite.schema import open_connection, prepare_schema
from server.store.store import StoreUnavailableError

RETRY_SECONDS: Final = 1.0
"""A disk that fails is tried again so often at most."""

BLOB_CACHE_KIB: Final = 1024
LOG_KEPT: Final = 32 * 2**20
"""Bytes of the log that stay allocated when it begins anew; a larger one, after a large change, gives its room back."""


class Files:
    """Belongs to one event loop. Its connections may be others after `make_sound`: never keep one of them.

    `writer` and `reader` are for everything but the chunks of blobs, which have their own with small caches: chunks come once.

    `log` is a descriptor of the write-ahead log, for syncing it. Raises SchemaError or StoreUnavailableError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.log_path = path.with_name(path.name + "-wal")
        self.is_sound = True
        self._try_again = 0.0
        self._copying = asyncio.Lock()
        self._open()

    def _open(self) -> None:
        with ExitStack() as opened:
            try:
                self.writer = opened.enter_context(closing(open_connection(self._path, writable=True)))
                prepare_schema(self.writer)
                self.writer.pragma("journal_size_limit", LOG_KEPT)
                self.reader = opened.enter_context(closing(open_connection(self._path, writable=False)))
                self.blob_writer = opened.enter_context(closing(open_connection(self._path, writable=True)))
                self.blob_writer.pragma("synchronous", "normal")
                for connection in (self.writer, self.blob_writer):
                    connection.set_busy_timeout(0)  # whoever uses them waits elsewhere than on the event loop
                self.blob_reader = opened.enter_context(closing(open_connection(self._path, writable=False)))
                for connection in (self.blob_writer, self.blob_reader):
                    connection.pragma("cache_size", -BLOB_CACHE_KIB)
                self._copier = opened.enter_context(closing(open_connection(self._path, writable=True)))
                self.log = os.open(self.log_path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except apsw.Error as error:
                raise unavailable(error) from error
            except OSError as error:
                raise StoreUnavailableError("The log cannot be opened.", "disk") from error
            opened.pop_all()

    def distrust(self, error: Exception) -> None:
        """Note an error of a sync; others change nothing."""
        if isinstance(error, OSError) or (isinstance(error, apsw.Error) and breaks_trust(error)):
            self.is_sound = False

    async def make_sound(self) -> None:
        """Does nothing while the disk has kept its word. Raises StoreUnavailableError as long as it does not."""
        if self.is_sound:
            return
        if time.monotonic() < self._try_again:
            raise StoreUnavailableError("The disk failed a moment ago.", "disk")
        self._try_again = time.monotonic() + RETRY_SECONDS
        async with self._copying:
            self.close()
            self._open()
            try:
                await asyncio.to_thread(self._copier.wal_checkpoint, mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.Error as error:
                raise unavailable(error, self._copier) from error
        self.is_sound = True

    async def copy_log(self) -> int:
        """A checkpoint, off the event loop and without waiting for anybody; how many pages the log had when it began.

        The next commit begins the log anew if all of it was copied, also what came meanwhile. What is left, the next one does.
        """
        async with self._copying:
            return await asyncio.to_thread(self._copy)

    def _copy(self) -> int:
        """In a thread: that a sync failed is noted before anybody else hears of another one."""
        try:
            return self._copier.wal_checkpoint()[0]
        except apsw.Error as error:
            self.distrust(error)
            return 0

    def log_size(self) -> int:
        """Bytes."""
        try:
            return os.fstat(self.log).st_size
        except OSError:
            return 0

    def close(self) -> None:
        """The last one to close copies the log into the main file, unless the disk is not trusted: then the next start does."""
        for connection in (self._copier, self.blob_reader, self.blob_writer, self.reader, self.writer):
            with suppress(apsw.ConnectionClosedError):  # where opening them anew failed, they are closed already
                if not self.is_sound:
                    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.close()
        if self.log >= 0:
            os.close(self.log)
            self.log = -1
