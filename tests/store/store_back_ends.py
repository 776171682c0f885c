"""The back ends that the contract suite runs against. A new one is one more entry of BACK_ENDS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from server.audit.record import encode_batch
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Store


def seal_plainly(tenant: int, seq: int, records: Sequence[bytes]) -> bytes:
    """Stands for sealing: the store cannot tell, and the tests can read it."""
    return f"{tenant}/{seq}/".encode() + encode_batch(list(records))


def open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / FILE_NAME, seal_plainly)


BACK_ENDS: dict[str, Callable[[Path], Store]] = {"sqlite": open_sqlite}
