"""What is signed about a tenant's trail, where it is kept, and which of it is kept for long.

The newest checkpoint vouches for all that came before it. Of the others the last of each day is kept for a month, and the last of
each month for ever: they tell when a trail was still whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from server.audit.anchor import MOST, Anchor
from server.audit.checkpoint import Checkpoint, ForgedError, Notary
from server.store.store import Store

MICROSECOND: Final = 1_000_000
DAYS: Final = 31


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and what it says."""

    statement: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Statements:
    """All that is signed about one tenant's trail. `forged`: how many statements are there that no key of ours signed."""

    pruned: Signed | None
    checkpoints: tuple[Signed, ...]
    """In the order of their batches; those of the anchor file among them."""
    forged: int = 0
    stored: bytes | None = None
    """The setting as it was read."""

    @property
    def newest(self) -> Signed | None:
        return self.checkpoints[-1] if self.checkpoints else None


def checkpoints_setting(tenant: int) -> str:
    return f"audit-checkpoints/{tenant}"


def pruned_setting(tenant: int) -> str:
    return f"audit-pruned/{tenant}"


async def statements_of(store: Store, notary: Notary, anchor: Anchor | None, tenant: int) -> Statements:
    """Raises StoreUnavailableError."""
    stored = await store.get_setting(checkpoints_setting(tenant))
    texts = [*_texts(stored), *(anchor.of(tenant) if anchor is not None else ())]
    read = [_read(notary, text, tenant) for text in dict.fromkeys(texts)]
    sound = [signed for signed in read if signed is not None]
    told = await store.get_setting(pruned_setting(tenant))
    pruned = _read(notary, told.decode(errors="replace"), tenant) if told is not None else None
    if pruned is not None and not pruned.checkpoint.pruned:
        pruned = None
    forged = len(read) - len(sound) + (told is not None and pruned is None)
    gone = pruned.checkpoint.batch if pruned is not None else 0
    later = [signed for signed in sound if signed.checkpoint.batch > gone and not signed.checkpoint.pruned]
    return Statements(pruned, tuple(sorted(later, key=_place)), forged, stored)


async def keep_checkpoint(store: Store, statements: Statements, tenant: int, new: Signed, lost: Sequence[Signed]) -> None:
    """Another server may be faster: then its list stands, and this server's anchor has what it signed itself.

    What is `lost`, because the trail does not fit it any more, is kept besides.
    """
    standing = [signed for signed in statements.checkpoints if signed not in lost]
    kept = [*thinned([*standing, new]), *lost[-MOST:]]
    wanted = msgspec.json.encode([signed.statement for signed in kept])
    await store.put_setting(
        checkpoints_setting(tenant), wanted, only_if_absent=statements.stored is None, replaces=statements.stored
    )


async def keep_pruned(store: Store, tenant: int, new: Signed) -> None:
    await store.put_setting(pruned_setting(tenant), new.statement.encode())


def thinned(statements: Iterable[Signed]) -> Sequence[Signed]:
    """Those that are kept, in the order of their batches."""
    ordered = sorted(statements, key=_place)
    newest = ordered[-1].checkpoint.signed if ordered else 0
    kept: dict[str, Signed] = {}
    for signed in ordered:
        moment = datetime.fromtimestamp(signed.checkpoint.signed // MICROSECOND, UTC)
        is_recent = newest - signed.checkpoint.signed < DAYS * 86_400 * MICROSECOND
        kept[f"{moment:%Y-%m-%d}" if is_recent else f"{moment:%Y-%m}"] = signed
    return sorted(kept.values(), key=_place)


def _place(signed: Signed) -> tuple[int, int]:
    return signed.checkpoint.batch, signed.checkpoint.signed


def _texts(stored: bytes | None) -> list[str]:
    """What is no list of statements stands for one that nobody signed."""
    try:
        return msgspec.json.decode(stored, type=list[str]) if stored is not None else []
    except msgspec.MsgspecError:
        return [""]


def _read(notary: Notary, statement: str, tenant: int) -> Signed | None:
    try:
        return Signed(statement, notary.read(statement, tenant))
    except ForgedError:
        return None
