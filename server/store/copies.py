"""Backup and restore of the store that the settings name. With `open.py`, the only place that knows which back end that is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.config import EMBEDDED, ConfigurationError, Settings
from server.seal.key_source import read_master_key
from server.seal.keyring import WrongMasterKeyError, is_sealed, open_keyring
from server.seal.master_key import FILE_NAME as KEY_FILE
from server.seal.master_key import MasterKeyError
from server.store.sqlite.backup import BackupError, check_copy, copy_store
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore

_HARMLESS: Final = frozenset({KEY_FILE, "signing-key.pem", "server.lock"})
"""What a folder may hold that a backup is restored into."""


def check_embedded(settings: Settings) -> None:
    """Raises ConfigurationError for a store on a database server."""
    if settings.store != EMBEDDED:
        raise ConfigurationError(
            "This is for the embedded store; back a MongoDB database up with its own tools, such as mongodump --oplog."
        )


def back_up(settings: Settings, file: Path) -> int:
    """Copy the embedded store to a new file, whoever writes to it; the size in bytes. Raises ConfigurationError."""
    check_embedded(settings)
    try:
        return copy_store(settings.data / FILE_NAME, file)
    except BackupError as error:
        raise ConfigurationError(str(error)) from error


async def restore(settings: Settings, file: Path) -> None:
    """Make the store of a folder that has none out of a backup that its master key opens. Raises ConfigurationError."""
    check_embedded(settings)
    others = sorted(path.name for path in settings.data.iterdir() if path.name not in _HARMLESS)
    if others:
        raise ConfigurationError(
            f"The folder {settings.data} is not empty ({others[0]}): restore into one that holds nothing but the keys."
        )
    draft = settings.data / "restored.db"
    try:
        check_copy(file)
        master_key = await read_master_key(settings, sealed=True)
        copy_store(file, draft)
        await _check_key(draft, master_key)
        draft.rename(settings.data / FILE_NAME)
    except (BackupError, MasterKeyError, WrongMasterKeyError) as error:
        raise ConfigurationError(str(error)) from error
    finally:
        for path in settings.data.glob("restored.db*"):
            path.unlink()


async def _check_key(draft: Path, master_key: bytes) -> None:
    """Raises WrongMasterKeyError, or BackupError for a store without tenants."""
    store = SqliteStore(draft, lambda tenant, seq, records: b"")
    try:
        if not await is_sealed(store):
            raise BackupError("The backup is of an empty store.")
        await open_keyring(store, master_key)
    finally:
        await store.close()
