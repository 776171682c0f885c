"""`assent keys rotate | status | rewrap`: new data keys for all tenants, which a server puts to use; another master key around them."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from server.commands.opened import Opened, now, opened
from server.config import ConfigurationError, Settings
from server.seal.key_source import is_own_file, key_from_file
from server.seal.master_key import FILE_NAME, MasterKeyError, replace
from server.seal.rotation import CHANGED, announcing, check_nobody_is_behind, is_announced, is_under_way, old_keys
from server.seal.tenant_entries import Entry, TenantError
from server.upkeep.progress import FINISHED, Place, decode
from server.upkeep.reseal import SETTING


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    asyncio.run(_run(arguments, Settings.from_environment(environ)))
    return 0


async def _run(arguments: Namespace, settings: Settings) -> None:
    if arguments.action == "rewrap":
        await _rewrap(settings, Path(arguments.new_master_key_file))
        return
    async with opened(settings) as store:
        if arguments.action == "rotate":
            await _rotate(store)
        else:
            await _status(store)


async def _rotate(store: Opened) -> None:
    try:
        await check_nobody_is_behind(store.store, now())
        await store.keyring.change(announcing(now()))
    except TenantError as error:
        raise ConfigurationError(str(error)) from error
    await store.note("keys-rotate")
    print(
        "Every tenant has a new key. A running server seals everything anew under it; `assent keys status` says how far it is."
    )


async def _rewrap(settings: Settings, file: Path) -> None:
    """Done again after a kill, it finishes what was begun."""
    try:
        key = key_from_file(file)
    except MasterKeyError as error:
        raise ConfigurationError(str(error)) from error
    async with opened(settings, or_key=key) as store:
        if store.master_key != key:
            await _wrap(store, key)
        elif not is_own_file(settings) or store.back_end.master_key == key:
            raise ConfigurationError("The tenants' keys are under that master key already.")
        if is_own_file(settings):
            kept = replace(settings.data, key)
            print(f"{settings.data / FILE_NAME} holds the new master key. The one before is in {kept}: backups need it.")
            print("Copy the new one into the data folder of every other server on this store.")
        else:
            print(f"Put the key of {file} where the master key came from until now, and keep the one before for backups.")
    print("A server that finds the new key where it had the old one goes on with it; another is to be started again.")


async def _wrap(store: Opened, key: bytes) -> None:
    if is_under_way(store.keyring.entries()):
        raise ConfigurationError("The data keys are being changed: wait until `assent keys status` says that it is done.")
    await store.store.put_setting(CHANGED, now().to_bytes(8))
    if not await store.keyring.rewrap(key):
        raise ConfigurationError("Somebody changed the tenants' keys in the same moment: try again.")
    await store.note("keys-rewrap")


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
