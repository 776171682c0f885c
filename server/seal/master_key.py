"""The master key that wraps all others: a file of 32 random bytes (hex) in the data folder, made 0600 on first run.

Losing it means losing the data; docs/store.md says how to keep it.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

FILE_NAME: Final = "master.key"


class MasterKeyError(Exception):
    """The key file cannot be used; the message is one sentence for the operator."""


def load_or_make(folder: Path) -> bytes:
    """The 32-byte master key of a data folder, made on first use. Raises MasterKeyError."""
    path = folder / FILE_NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load(path)
    with os.fdopen(handle, "w") as file:
        key = secrets.token_bytes(32)
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(folder)
    return key


def _load(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise MasterKeyError(f"Others can read the master key file {path}; make it yours alone with: chmod 600 {path}")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise MasterKeyError(f"The master key file {path} does not hold a key of 32 bytes in hexadecimal.")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
