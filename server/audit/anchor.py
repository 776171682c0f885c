"""The last checkpoints that this server signed, in a file of its data folder: a witness outside the store (docs/audit.md).

Whoever puts an older copy of the store in its place, or cuts the end of the trail off together with its checkpoints, would have to
change this file as well, on each server. A checkpoint that was not found in the trail any more stays until somebody takes the file
away: it is what tells.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from server.durable import sync

FILE_NAME: Final = "audit-anchor.json"
MOST: Final = 10
"""So many checkpoints are kept of one tenant: those that were not found any more, and the last."""

_Kept = dict[str, list[str]]


class Anchor:
    """Statements by tenant number. A file that cannot be read counts as none: the store's own checkpoints are still there."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE_NAME

    def of(self, tenant: int) -> Sequence[str]:
        return self._read().get(str(tenant), ())

    def keep(self, statements: Mapping[int, Sequence[str]]) -> None:
        """Durably, whole or not at all. Raises OSError."""
        kept = {**self._read(), **{str(tenant): list(own)[-MOST:] for tenant, own in statements.items()}}
        draft = self._path.with_name(f".{self._path.name}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._path)
        sync(self._path.parent)

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return {}
