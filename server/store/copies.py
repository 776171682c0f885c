"""Backup and restore of the store that the settings name. With `open.py`, the only place that knows which back end that is."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final

from server.config import EMBEDDED, ConfigurationError, Settings
from server.durable import sync
from server.seal.key_source import read_master_key
from server.seal.keyring import WrongMasterKeyError, is_sealed, open_keyring
from server.seal.master_key import FILE_NAME as KEY_FILE
from server.seal.master_key import MasterKeyError
from server.store.archive import Archive, write_archive
from server.store.open import OpenedStore
from server.store.portable import SECTIONS, PortableError, Rows, Section, Source, Target
from server.store.sqlite.backup import BackupError, check_copy, copy_store
from server.store.sqlite.portable import SqliteSource, SqliteTarget
from server.store.sqlite.schema import earlier_version
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import StoreUnavailableError

_HARMLESS: Final = frozenset({KEY_FILE, "signing-key.pem", "server.lock"})
"""What a folder may hold that a backup is restored into."""

STREAM: Final = "-"
"""The name of standard output and standard input."""

_COUNTED: Final = frozenset({"resource", "unique_key", "job", "audit"})
"""Sections whose totals are known beforehand."""

_SQLITE: Final = b"SQLite format 3\0"
_DRAFT: Final = "restored.db"

Tell = Callable[[float], None]
"""Called with the share that is done."""


async def back_up(settings: Settings, opened: OpenedStore, file: str, tell: Tell) -> None:
    """Write an archive of one moment to a new file or to standard output. Raises ConfigurationError."""
    made, done = datetime.now(UTC).isoformat(timespec="seconds"), 0
    totals = await opened.store.upkeep.totals()
    total = totals.records + totals.keys + totals.jobs + totals.audit
    try:
        async with _source(settings) as source:
            with _new_file(file) as target:
                async for section, rows in write_archive(source, target, opened.master_key, opened.name, made):
                    done += rows if section.name in _COUNTED else 0
                    tell(done / total if total else 1)
    except (PortableError, BackupError) as error:
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        raise ConfigurationError(f"The file {file} cannot be written ({os.strerror(error.errno or 0)}).") from error


def copy_file(settings: Settings, file: Path) -> int:
    """Copy the embedded store's file to a new one, whoever writes to it; the size in bytes. Raises ConfigurationError."""
    if settings.store != EMBEDDED:
        raise ConfigurationError("There is no file to copy: the store is on MongoDB. Leave --copy out.")
    try:
        return copy_store(settings.data / FILE_NAME, file)
    except BackupError as error:
        raise ConfigurationError(str(error)) from error


def is_of_earlier_schema(settings: Settings) -> bool:
    """Whether the embedded store has yet to be brought up to date: then it can be copied, and nothing else."""
    return settings.store == EMBEDDED and earlier_version(settings.data / FILE_NAME) is not None


async def restore(settings: Settings, file: str, tell: Tell) -> None:
    """Make the store that the settings name, which must be empty, out of what `back_up` or `copy_file` made.

    Raises ConfigurationError, and leaves nothing behind then.
    """
    if settings.store == EMBEDDED:
        _check_folder(settings.data)
    try:
        master_key = await read_master_key(settings, sealed=True)
        with _reading(file) as source:
            if source is None:
                await _restore_copy(settings, Path(file), master_key)
            else:
                size = os.fstat(source.fileno()).st_size if file != STREAM else 0
                await _fill(settings, _batches(Archive(source, file, master_key)), lambda: _share(source, size, tell))
    except (BackupError, PortableError, MasterKeyError, WrongMasterKeyError) as error:
        raise ConfigurationError(str(error)) from error
    except StoreUnavailableError as error:
        raise ConfigurationError("The store does not answer now: try again in a moment.") from error
    except OSError as error:
        raise ConfigurationError(f"The file {file} cannot be read ({os.strerror(error.errno or 0)}).") from error


def _check_folder(data: Path) -> None:
    """Also takes away what a restore that was killed left."""
    for draft in data.glob(f"{_DRAFT}*"):
        draft.unlink()
    others = sorted(path.name for path in data.iterdir() if not _is_harmless(path.name))
    if others:
        raise ConfigurationError(
            f"The folder {data} is not empty ({others[0]}): restore into one that holds nothing but the keys."
        )


def _is_harmless(name: str) -> bool:
    """Keys of before are kept beside the master key."""
    return name in _HARMLESS or name.startswith(f"{KEY_FILE}.")


async def _restore_copy(settings: Settings, file: Path, master_key: bytes) -> None:
    """A copy of the embedded store's file: brought up to date as a draft, then moved or taken over row by row."""
    draft = settings.data / _DRAFT
    with suppress(FileNotFoundError):
        draft.unlink()
    try:
        check_copy(file)
        copy_store(file, draft)
        await _check_key(draft, master_key)
        if settings.store == EMBEDDED:
            draft.rename(settings.data / FILE_NAME)
            sync(settings.data)
            return
        with closing(SqliteSource(draft)) as source:
            await _fill(settings, _all_rows(source), lambda: None)
    finally:
        for path in settings.data.glob(f"{_DRAFT}*"):
            path.unlink()


async def _check_key(draft: Path, master_key: bytes) -> None:
    """Raises WrongMasterKeyError, or BackupError for a store without tenants."""
    store = SqliteStore(draft, lambda *batch: b"")
    try:
        if not await is_sealed(store):
            raise BackupError("The backup is of an empty store.")
        await open_keyring(store, master_key)
    finally:
        await store.close()


def _share(source: BinaryIO, size: int, tell: Tell) -> None:
    if size:
        tell(source.tell() / size)


async def _fill(settings: Settings, batches: AsyncIterator[tuple[Section, Rows]], taken: Callable[[], None]) -> None:
    target = await _target(settings)
    try:
        async for section, rows in batches:
            await target.take(section, rows)
            taken()
        await target.finish()
    except BaseException:
        await target.abandon()
        raise


async def _all_rows(source: Source) -> AsyncIterator[tuple[Section, Rows]]:
    for section in SECTIONS:
        async for rows in source.rows(section):
            yield section, rows


async def _batches(archive: Archive) -> AsyncIterator[tuple[Section, Rows]]:
    for section, rows in archive.rows():
        yield section, rows


@asynccontextmanager
async def _source(settings: Settings) -> AsyncIterator[Source]:
    if settings.store == EMBEDDED:
        with closing(SqliteSource(settings.data / FILE_NAME)) as embedded:
            yield embedded
        return
    source = import_module("server.store.mongo.connect").open_source(settings.store)
    try:
        yield source
    finally:
        await source.close()


async def _target(settings: Settings) -> Target:
    if settings.store == EMBEDDED:
        return SqliteTarget(settings.data / FILE_NAME, settings.data / _DRAFT)
    connect = import_module("server.store.mongo.connect")
    try:
        target: Target = await connect.open_target(settings.store)
    except connect.MongoSetupError as error:
        raise ConfigurationError(str(error)) from error
    return target


@contextmanager
def _reading(file: str) -> Iterator[BinaryIO | None]:
    """An open archive; None for a copy of the embedded store's file. Raises OSError."""
    if file == STREAM:
        yield sys.stdin.buffer
        return
    if not Path(file).is_file():
        raise BackupError(f"There is no file {file}.")
    with open(file, "rb") as opened:
        is_copy = opened.peek(len(_SQLITE)).startswith(_SQLITE)
        yield None if is_copy else opened


@contextmanager
def _new_file(name: str) -> Iterator[BinaryIO]:
    """A file of mode 0600 that appears under its name when it is whole and on the disk. Raises BackupError, OSError."""
    if name == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.exists():
        raise BackupError(f"There is a file {path} already: name another one, or take it away.")
    draft = path.with_name(path.name + ".part")
    with suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.link(draft, path)
    draft.unlink()
    sync(path.parent)
