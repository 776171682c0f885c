"""How many changes may wait for a store: a line that grows without end is memory without end, and answers that come too late."""

from __future__ import annotations

from typing import Final

from server.store.store import StoreUnavailableError

MAX_WAITING: Final = 1024
MAX_WAITING_BYTES: Final = 256 * 2**20


def check_line(waiting: int, waiting_bytes: int, size: int) -> None:
    """Raises StoreUnavailableError for one more change of `size` bytes; where nobody waits, any size may."""
    if waiting >= MAX_WAITING or (waiting and waiting_bytes + size > MAX_WAITING_BYTES):
        raise StoreUnavailableError("Too many changes are waiting.", "busy")
