"""`assent keys rotate | status`: new data keys for all tenants. A server does the work; this asks for it and tells how far it is."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping

from server.commands.opened import Opened, now, opened
from server.config import ConfigurationError, Settings
from server.seal.rotation import announcing, is_announced, is_under_way, old_keys
from server.seal.tenant_entries import Entry, TenantError
from server.upkeep.progress import FINISHED, Place, decode
from server.upkeep.reseal import SETTING


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    asyncio.run(_run(arguments, Settings.from_environment(environ)))
    return 0


async def _run(arguments: Namespace, settings: Settings) -> None:
    async with opened(settings) as store:
        if arguments.action == "rotate":
            await _rotate(store)
        else:
            await _status(store)


async def _rotate(store: Opened) -> None:
    try:
        await store.keyring.change(announcing(now()))
    except TenantError as error:
        raise ConfigurationError(str(error)) from error
    await store.note("keys-rotate")
    print(
        "Every tenant has a new key. A running server seals everything anew under it; `assent keys status` says how far it is."
    )


async def _status(store: Opened) -> None:
    """One line for each tenant, then one for the work under way."""
    place = decode(await store.store.get_setting(SETTING))
    entries = store.keyring.entries()
    for name, entry in sorted(entries.items(), key=lambda item: int(item[1]["number"])):
        print(f"{name}: {_keys(entry, place)}")
    if not is_under_way(entries):
        print("Everything is sealed under the current keys.")
    elif place is None or place.stage == FINISHED:
        print("Waiting for a server to seal everything anew: it begins when every server knows the new keys.")
    else:
        totals = await store.store.upkeep.totals()
        total = totals.records + totals.keys + totals.jobs + totals.audit
        print(
            f"Sealing anew: {min(place.done, total)} of {total} ({100 * min(place.done, total) // max(total, 1)} %), at the {place.stage}."
        )


def _keys(entry: Entry, place: Place | None) -> str:
    parts = [f"key {entry['current']}"]
    if is_announced(entry):
        parts.append(f"key {max(map(int, entry['data']))} is announced")
    if old := old_keys(entry):
        parts.append(f"being sealed anew from key {_numbers(old)}")
    damaged = place.damaged.get(entry["number"], 0) if place is not None else 0
    if kept := entry.get("kept"):
        why = f"{damaged} records that do not open (see assent fsck)" if damaged else "the audit trail"
        parts.append(f"key {_numbers(kept)} is kept for {why}")
    return "; ".join(parts)


def _numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
