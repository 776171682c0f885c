"""`assent restore FILE`: an empty store out of a backup, when the master key is the right one. `assent import` is the same."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping

from server.audit.log import AuditLog
from server.commands.bar import Bar
from server.commands.opened import Opened, bases_of, opened
from server.config import EMBEDDED, Settings
from server.lock import folder_lock
from server.store.copies import restore


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Raises ConfigurationError where the place is in use or not empty, and where the file or the key is not right."""
    return asyncio.run(_run(Settings.from_environment(environ), arguments.file))


async def _run(settings: Settings, file: str) -> int:
    with folder_lock(settings.data):
        bar = Bar()
        await restore(settings, file, bar.show)
        bar.end()
        async with opened(settings) as store:
            await store.note("restore")
            await _make_trail_findable(settings, store)
            totals = await store.store.upkeep.totals()
    place = settings.data if settings.store == EMBEDDED else "The database"
    print(f"{place}: {totals.records} records. `assent fsck` checks all of them.")
    return 0


async def _make_trail_findable(settings: Settings, store: Opened) -> None:
    """What audit records are found by is not in a backup: it is made again from the records."""
    bases = bases_of(settings)
    await AuditLog(store.store, store.keyring, lambda tenant: bases(tenant)[0]).catch_up()
