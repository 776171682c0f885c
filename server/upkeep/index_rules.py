"""By which rules a store is indexed, as it says itself, and by which rules servers write to it at the moment.

Several servers may share a store, and while they are updated one after the other, some of them write by the rules before and some by
the new ones. Each says by which rules it writes (`Writers`), so that no other takes the index for whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from server.search.index_schema import IndexSchema, present_schema, rules_digest
from server.store.store import Store
from server.upkeep.progress import HELD_FOR

RULES: Final = "index-rules"
"""The setting that holds the rules by which everything in the store is findable."""

WRITERS: Final = "index-writers"
MARKED_AFTER: Final = 10_000_000
"""Microseconds: a server says so often by which rules it writes."""


async def stored_rules(store: Store) -> IndexSchema:
    """No rules of anybody for a store that does not say: one of the first release. Raises StoreUnavailableError."""
    return IndexSchema.decode(await store.get_setting(RULES) or b"")


async def follow_present_rules(store: Store) -> None:
    """Note that everything in the store is findable by this program's rules."""
    await store.put_setting(RULES, present_schema().encode())


async def begin_empty(store: Store) -> None:
    """A store in which nothing is findable yet is findable by any rules."""
    _, stored = await store.audit_watermark()
    if not stored and not await store.upkeep.rows(0, 1):
        await store.put_setting(RULES, present_schema().encode(), only_if_absent=True)


class Writers:
    """What this server says of itself and hears of others. Raises StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._marked = 0
        self._known: dict[str, IndexSchema] = {}

    async def mark(self, now: int) -> None:
        """Say that somebody writes by this program's rules, if it was not said just now."""
        if abs(now - self._marked) < MARKED_AFTER:
            return
        if not self._marked:
            await self._store.put_setting(f"{RULES}-{rules_digest()}", present_schema().encode())
        while True:
            before = await self._store.get_setting(WRITERS)
            seen = {digest: at for digest, at in _seen(before).items() if abs(now - at) < 100 * HELD_FOR}
            wanted = msgspec.json.encode({**seen, rules_digest(): now})
            if await self._store.put_setting(WRITERS, wanted, only_if_absent=before is None, replaces=before) == wanted:
                self._marked = now
                return

    async def others(self, now: int) -> list[IndexSchema]:
        """Other rules by which somebody may be writing now."""
        seen = _seen(await self._store.get_setting(WRITERS))
        return [
            await self._rules(digest)
            for digest, at in seen.items()
            if digest != rules_digest() and abs(now - at) < HELD_FOR
        ]

    async def _rules(self, digest: str) -> IndexSchema:
        if digest not in self._known:
            self._known[digest] = IndexSchema.decode(await self._store.get_setting(f"{RULES}-{digest}") or b"")
        return self._known[digest]


def _seen(stored: bytes | None) -> Mapping[str, int]:
    try:
        return {} if stored is None else msgspec.json.decode(stored, type=dict[str, int])
    except msgspec.DecodeError:
        return {}


def doubtful(schemas: list[IndexSchema]) -> dict[str, frozenset[str]]:
    """The parameters, by type, for which some of the schemas have other rules than this program."""
    found: dict[str, frozenset[str]] = {}
    for schema in schemas:
        for type_, codes in schema.lacks().items():
            found[type_] = found.get(type_, frozenset()) | codes
    return found
