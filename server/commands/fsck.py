"""`assent fsck`: does everything in the store open, agree and hang together? Exit code 1 when something differs and is not mended."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping

from server.commands.opened import bases_of, opened
from server.config import Settings
from server.lock import folder_lock
from server.upkeep.fsck import Fsck


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print one line for each thing that differs; raises ConfigurationError while a server uses the folder."""
    return asyncio.run(_run(Settings.from_environment(environ), mend=arguments.mend))


async def _run(settings: Settings, *, mend: bool) -> int:
    found = mended = 0
    async with opened(settings) as store:
        with folder_lock(settings.data):
            check = Fsck(store.store, store.keyring, bases_of(settings), mend=mend)
            async for finding in check.run():
                found += 1
                mended += finding.mended
                print(f"{finding.sentence}{' Mended.' if finding.mended else ''}", flush=True)
            if mended:
                await store.note("fsck-mend", f"mended={mended}")
    print(_summary(check.looked_at, found, mended))
    return 1 if found > mended else 0


def _summary(looked_at: int, found: int, mended: int) -> str:
    if not found:
        return f"{looked_at} records, keys, jobs and audit batches: all is well."
    rest = f", {mended} of them mended" if mended else ""
    return f"{looked_at} records, keys, jobs and audit batches: {found} things differ{rest}."
