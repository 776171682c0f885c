"""`assent reindex`: everything is found by what it says, by the present rules. Beside a running server; a killed run goes on.

A server does this by itself when the rules have changed; `--status` says how far it is.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from uuid import uuid4

from server.commands.bar import Bar
from server.commands.opened import Opened, bases_of, now, opened
from server.config import EMBEDDED, ConfigurationError, Settings
from server.lock import is_locked
from server.search.index_schema import rules_digest
from server.upkeep.index_rules import Writers, stored_rules
from server.upkeep.progress import FINISHED, Progress, decode
from server.upkeep.reindex import SETTING, Reindex, Reindexed


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Shows how far it is on standard error where that is a terminal; exit code 1 when some records do not open."""
    return asyncio.run(_run(Settings.from_environment(environ), status=arguments.status))


async def _run(settings: Settings, *, status: bool) -> int:
    async with opened(settings) as store:
        total = await _total(store)
        if status:
            print(await _status(store, total))
            return 0
        await _check_servers(settings, store)
        last = await _reindex(settings, store, total)
        await store.note("reindex", f"changed={last.changed}")
    print(f"{last.done} records and audit batches; {last.changed} records were not found by what they say and are now.")
    if last.damaged:
        print(f"{last.damaged} records do not open: assent fsck names them.")
    return 1 if last.damaged else 0


async def _total(store: Opened) -> int:
    totals = await store.store.upkeep.totals()
    return totals.records + totals.audit


async def _reindex(settings: Settings, store: Opened, total: int) -> Reindexed:
    bar, last = Bar(), None
    progress = Progress(store.store, SETTING, str(uuid4()), now)
    async for last in Reindex(store.store, store.keyring, bases_of(settings), progress).run():
        bar.show(last.done / total if total else 1)
    if last is None:
        raise ConfigurationError(
            "Another is at it already, or was killed less than 30 seconds ago: `assent reindex --status` says how far it is."
        )
    bar.end()
    return last


async def _check_servers(settings: Settings, store: Opened) -> None:
    """A server of another version must not go on by other rules than these: it would not find what it should."""
    if settings.store == EMBEDDED:
        other = is_locked(settings.data) and (await stored_rules(store.store)).digest != rules_digest()
    else:
        other = bool(await Writers(store.store).others(now()))
    if other:
        raise ConfigurationError(
            "A server of another version works on this store, or makes everything findable anew already: "
            "`assent reindex --status` says how far it is."
        )


async def _status(store: Opened, total: int) -> str:
    if (await stored_rules(store.store)).digest == rules_digest():
        return "Everything is findable by the present rules."
    place = decode(await store.store.get_setting(SETTING))
    if place is None or place.stage == FINISHED:
        return "The rules have changed: a server makes everything findable anew, or `assent reindex` does."
    share = 100 * min(place.done, total) // max(total, 1)
    return (
        f"Being made findable by the present rules: {min(place.done, total)} of {total} ({share} %), at the {place.stage}."
    )
