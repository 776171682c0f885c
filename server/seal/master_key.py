"""The master key's own file: 32 random bytes (hex) in the data folder, made 0600 on first run. key_source.py has the others.

Losing it means losing the data; docs/store.md says how to keep it.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from server.durable import sync

FILE_NAME: Final = "master.key"


class MasterKeyError(Exception):
    """The key file cannot be used; the message is one sentence for the operator."""


def load_or_make(folder: Path, *, sealed: bool) -> bytes:
    """The 32-byte master key of a data folder, made on first use. Raises MasterKeyError.

    Where something is `sealed` already, a missing key is an error: a new one could not open it.
    """
    path = folder / FILE_NAME
    if sealed and not path.exists():
        raise MasterKeyError(
            f"The data was sealed with a master key that is not here: put the file {path} back, or say with "
            "ASSENT_MASTER_KEY, ASSENT_MASTER_KEY_FILE or ASSENT_MASTER_KEY_COMMAND where the key is."
        )
    if not path.exists():
        _make(path)
    return _load(path)


def replace(folder: Path, key: bytes) -> Path:
    """Put another key in the place of the folder's own; where the one before is kept, because backups of its time need it.

    Whoever is killed leaves one of the two in place, and no half of one.
    """
    path = folder / FILE_NAME
    kept = next(name for number in count(1) if not (name := folder / f"{FILE_NAME}.{number}").exists())
    os.link(path, kept)
    draft = _draft(path, key)
    draft.replace(path)
    sync(folder)
    return kept


def _make(path: Path) -> None:
    """The whole file appears at once, so that no crash leaves half a key."""
    draft = _draft(path, secrets.token_bytes(32))
    with suppress(FileExistsError):  # another process was faster: its key is the key
        os.link(draft, path)
    draft.unlink()
    sync(path.parent)


def _draft(path: Path, key: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return draft


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
