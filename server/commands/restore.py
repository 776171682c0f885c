"""`assent restore FILE`: the store of an empty data folder out of a backup, when the master key is the right one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from server.commands.opened import opened
from server.config import Settings
from server.lock import folder_lock
from server.store.copies import check_embedded, restore


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Raises ConfigurationError where the folder is in use or not empty, and where the file or the key is not right."""
    return asyncio.run(_run(Settings.from_environment(environ), Path(arguments.file)))


async def _run(settings: Settings, file: Path) -> int:
    check_embedded(settings)
    with folder_lock(settings.data):
        await restore(settings, file)
        async with opened(settings) as store:
            await store.note("restore")
            totals = await store.store.upkeep.totals()
    print(f"{settings.data}: {totals.records} records. `assent fsck` checks all of them.")
    return 0
