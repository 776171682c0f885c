"""`assent reindex`: everything is found by what it says, by the present rules. Beside a running server; a killed run goes on."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from server.commands.opened import bases_of, now, opened
from server.config import ConfigurationError, Settings
from server.upkeep.progress import Progress
from server.upkeep.reindex import SETTING, Reindex, Reindexed

WIDTH: Final = 40


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Shows how far it is on standard error where that is a terminal; exit code 1 when some records do not open."""
    return asyncio.run(_run(Settings.from_environment(environ)))


async def _run(settings: Settings) -> int:
    last: Reindexed | None = None
    async with opened(settings) as store:
        total = (await store.store.upkeep.totals()).records
        progress = Progress(store.store, SETTING, str(uuid4()), now)
        async for last in Reindex(store.store, store.keyring, bases_of(settings), progress).run():
            _show(last.done, total)
        if last is None:
            raise ConfigurationError("Another `assent reindex` is at work, or was killed less than 30 seconds ago.")
        await store.note("reindex", f"changed={last.changed}")
    print(f"{last.done} records, {last.changed} of them were not found by what they say and are now.")
    if last.damaged:
        print(f"{last.damaged} records do not open: assent fsck names them.")
    return 1 if last.damaged else 0


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        share = min(done / total, 1) if total else 1
        bar = "#" * int(share * WIDTH)
        print(f"\r[{bar:{WIDTH}}] {share:4.0%}{chr(10) if share == 1 else ''}", end="", file=sys.stderr, flush=True)
