"""What operations keep for themselves (`operations.ports.State`), as the server's own records (server/internal.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from operations.ports import State, StateChange
from server.internal import Found, Kind, OwnRecords
from server.store.internal import Keep

_DAY: Final = 86_400 * 1_000_000


class _Kept(msgspec.Struct):
    value: dict[str, Any]


def _kind(name: str) -> Kind[_Kept]:
    return Kind(f"state-{name}", _Kept)


async def read_state(own: OwnRecords, kind: str, name: str) -> State | None:
    """Also one that may be forgotten by now. Raises DamagedInternalError, StoreUnavailableError."""
    found = await _kind(kind).read(own, name)
    return None if found is None else State(found.value.value, found.version)


async def count_states(own: OwnRecords, kind: str, most: int) -> int:
    """How many there are, counted up to `most`."""
    return len(await own.store.internals.listed(own.tenant.number, _kind(kind).name, 0, b"", most))


def changed_states(own: OwnRecords, changes: Sequence[StateChange]) -> list[Keep]:
    """What the commit carries."""
    return [_changed(own, change) for change in changes]


def _changed(own: OwnRecords, change: StateChange) -> Keep:
    kind, until = _kind(change.kind), own.now() + change.days * _DAY
    value = _Kept(change.value)
    if change.expected == 0:
        return kind.add(own, change.name, value, until)
    present = Found(value, kind.key(own.tenant, change.name), change.expected, own.now(), until)
    return kind.change(own, present, value, until)
