"""The life of a data key, as changes of the tenants' entries: announced, current, old, dropped.

A new key is announced first, so that every server knows it before any of them seals under it. Then it becomes current. What was
sealed under older keys is sealed anew (server/upkeep/reseal.py), and then they are dropped, except those that the audit trail
is sealed under: its batches are never changed (docs/decisions: the audit trail keeps its seals).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.seal.tenant_entries import Edit, Entries, Entry, TenantError, new_key
from server.store.store import Store

MICROSECONDS: Final = 1_000_000
MOST_KEYS: Final = 65_535
"""A key number has two bytes in every seal."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `announce`: until every server knows a new key. `settle`: until nothing sealed under the one before comes in."""

    announce: float
    settle: float


ALONE: Final = Pace(announce=0, settle=3)
"""One server. Its commits are in line before whatever comes `settle` later."""

SHARED: Final = Pace(announce=15, settle=900)
"""Servers on one database look at the keys each second, and a commit takes seconds at most: this is for a stopped clock."""


def announcing(now: int) -> Edit:
    """Every tenant has a next key. Raises TenantError while the change before is still under way."""
    keys: dict[int, str] = {}

    def edit(entries: Entries) -> Entries:
        if any(entry["data"][str(_newest(entry))] == keys.get(entry["number"]) for entry in entries.values()):
            return entries  # ours are there already
        if is_under_way(entries):
            raise TenantError("The keys are being changed already; `assent keys status` says how far that is.")
        keys.update({entry["number"]: new_key() for entry in entries.values()})
        return {name: _with_next(entry, keys[entry["number"]], now) for name, entry in entries.items()}

    return edit


def _with_next(entry: Entry, key: str, now: int) -> Entry:
    number = _newest(entry) + 1
    if number > MOST_KEYS:
        raise TenantError("A tenant has had all the keys that it can have.")
    return {**entry, "data": {**entry["data"], str(number): key}, "since": now}


def switching(now: int, pace: Pace) -> Edit:
    """Keys that were announced long enough ago are current."""

    def edit(entries: Entries) -> Entries:
        return {
            name: {**entry, "current": _newest(entry), "since": now}
            if is_announced(entry) and _is_past(entry, now, pace.announce)
            else entry
            for name, entry in entries.items()
        }

    return edit


def dropping(done: Mapping[int, int], kept: Mapping[int, list[int]]) -> Edit:
    """Older keys are gone from the tenants in `done` (number -> the key all is sealed under), but for those in `kept`."""

    def edit(entries: Entries) -> Entries:
        return {
            name: _without_old(entry, kept.get(entry["number"], []))
            if done.get(entry["number"]) == entry["current"] and not is_announced(entry)
            else entry
            for name, entry in entries.items()
        }

    return edit


def _without_old(entry: Entry, kept: list[int]) -> Entry:
    stays = {number for number in kept if number < entry["current"]}
    data = {number: key for number, key in entry["data"].items() if int(number) == entry["current"] or int(number) in stays}
    return {**entry, "data": data, "kept": sorted(stays)}


def _newest(entry: Entry) -> int:
    return max(int(number) for number in entry["data"])


def _is_past(entry: Entry, now: int, seconds: float) -> bool:
    """Also true when the clock was set back by more than that: nobody waits for ever."""
    return abs(now - int(entry["since"])) >= seconds * MICROSECONDS


def is_announced(entry: Entry) -> bool:
    return _newest(entry) > int(entry["current"])


def old_keys(entry: Entry) -> list[int]:
    """Keys that something may still be sealed under and that are to go."""
    kept = entry.get("kept", [])
    return sorted(int(number) for number in entry["data"] if int(number) < entry["current"] and int(number) not in kept)


def is_under_way(entries: Entries) -> bool:
    return any(is_announced(entry) or old_keys(entry) for entry in entries.values())


def settled(entries: Entries, now: int, pace: Pace) -> dict[int, int]:
    """Tenants whose records are to be sealed anew now: tenant number -> key number."""
    return {
        int(entry["number"]): int(entry["current"])
        for entry in entries.values()
        if old_keys(entry) and not is_announced(entry) and _is_past(entry, now, pace.settle)
    }


BEHIND: Final = "behind-master-key"
"""The setting in which a server says, again and again, that it does not have the new master key: when it said so last."""

CHANGED: Final = "master-key-changed"
"""The setting that tells when the master key was changed last."""

QUIET: Final = 30 * MICROSECONDS
"""After so long without a word from a server that is behind, there is none."""


async def check_nobody_is_behind(store: Store, now: int) -> None:
    """Raises TenantError while some server may not learn of new data keys: what it seals could not be opened later."""
    changed = int.from_bytes(await store.get_setting(CHANGED) or b"")
    if abs(now - changed) < QUIET:
        raise TenantError("The master key was changed less than half a minute ago: try again when that is over.")
    behind = int.from_bytes(await store.get_setting(BEHIND) or b"")
    if abs(now - behind) < QUIET:
        raise TenantError("A server does not have the new master key yet: start it again with it, then try again.")
