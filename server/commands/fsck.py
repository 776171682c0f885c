"""`assent fsck`: does everything in the store open, agree and hang together? Exit code 1 when something differs and is not mended."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict

from server.commands.bar import Bar
from server.commands.opened import Opened, bases_of, opened
from server.config import Settings
from server.lock import folder_lock
from server.upkeep.fsck import Finding, Fsck


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print one line for each thing that differs; raises ConfigurationError while a server uses the folder."""
    settings = Settings.from_environment(environ)
    report = _as_json if arguments.json else _as_text
    looked_at, found, mended = asyncio.run(_run(settings, report, mend=arguments.mend))
    if arguments.json:
        print(json.dumps({"looked_at": looked_at, "found": found, "mended": mended}))
    else:
        print(_summary(looked_at, found, mended))
    return 1 if found > mended else 0


async def _run(settings: Settings, report: Callable[[Finding], None], *, mend: bool) -> tuple[int, int, int]:
    """How many were looked at, found and mended."""
    found = mended = 0
    async with opened(settings) as store:
        with folder_lock(settings.data):
            check = Fsck(store.store, store.keyring, bases_of(settings), mend=mend)
            bar = Bar()
            total = await _total(store) if bar.is_shown else 0  # counting is a way to fail on a damaged file
            async for finding in check.run(lambda looked_at: bar.show(looked_at / total if total else 1)):
                found += 1
                mended += finding.mended
                report(finding)
            bar.end()
            if mended:
                await store.note("fsck-mend", f"mended={mended}")
    return check.looked_at, found, mended


async def _total(store: Opened) -> int:
    totals = await store.store.upkeep.totals()
    return totals.records + totals.keys + totals.jobs + totals.audit


def _as_text(finding: Finding) -> None:
    print(f"{finding.sentence}{' Mended.' if finding.mended else ''}", flush=True)


def _as_json(finding: Finding) -> None:
    print(json.dumps(asdict(finding)), flush=True)


def _summary(looked_at: int, found: int, mended: int) -> str:
    if not found:
        return f"{looked_at} records, keys, jobs and audit batches: all is well."
    rest = f", {mended} of them mended" if mended else ""
    return f"{looked_at} records, keys, jobs and audit batches: {found} things differ{rest}."
