"""How far a long task has come, kept in the store: after a kill it goes on there, and `assent keys status` reads it.

Only one server at a time works on a task: it holds it for some seconds and says so again each time that it notes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from server.store.store import Store

HELD_FOR: Final = 30_000_000
"""Microseconds after which a server that has not been heard of is taken to be gone."""

NOTED_AFTER: Final = 500_000
"""Microseconds: the place is noted so often."""

FINISHED: Final = "finished"


class Place(msgspec.Struct, frozen=True):
    """`task` tells one run from another; `stage` and `after` (row number, or key in hexadecimal) where it is."""

    task: dict[int, int]
    stage: str
    after: int | str
    done: int = 0
    kept: dict[int, list[int]] = {}
    damaged: dict[int, int] = {}
    owner: str = ""
    until: int = 0


class Progress:
    """The place of one task, for one server (`owner`)."""

    def __init__(self, store: Store, name: str, owner: str, now: Callable[[], int]) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._now = now
        self._stored: bytes | None = None
        self._noted = 0

    async def take(self, start: Place) -> Place | None:
        """Where to go on: at the noted place of the same task, or at `start`. None when another server is at it."""
        self._stored = await self._store.get_setting(self._name)
        found = decode(self._stored)
        if found is not None and found.owner != self._owner and 0 <= found.until - self._now() <= HELD_FOR:
            return None
        same = found is not None and found.task == start.task and found.stage != FINISHED
        return await self.note(found if same and found is not None else start, at_once=True)

    async def note(self, place: Place, *, at_once: bool = False) -> Place | None:
        """Durable at the latest when `NOTED_AFTER` has passed; None when another server has taken the task over."""
        now = self._now()
        if not at_once and 0 <= now - self._noted < NOTED_AFTER:
            return place
        place = msgspec.structs.replace(place, owner=self._owner, until=now + HELD_FOR)
        value = msgspec.json.encode(place)
        stored = await self._store.put_setting(
            self._name, value, only_if_absent=self._stored is None, replaces=self._stored
        )
        if stored != value:
            return None
        self._stored, self._noted = value, now
        return place


def decode(stored: bytes | None) -> Place | None:
    """None also for what is no place: the task then begins anew."""
    try:
        return None if stored is None else msgspec.json.decode(stored, type=Place)
    except msgspec.DecodeError:
        return None
