"""`assent backup FILE`: one consistent file of everything but the keys, also while the server works. `assent export` is the same."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from server.commands.bar import Bar
from server.commands.opened import opened
from server.config import Settings
from server.store.copies import STREAM, back_up, copy_file, is_of_earlier_schema


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Raises ConfigurationError where the file is there already or cannot be written."""
    file: str = arguments.file
    asyncio.run(_run(Settings.from_environment(environ), file, as_copy=arguments.copy))
    if file == STREAM:
        print("Written, sealed. The master key is not in it: keep that elsewhere.", file=sys.stderr)
    else:
        print(f"{file}: {Path(file).stat().st_size} bytes, sealed. The master key is not in it: keep that elsewhere.")
    return 0


async def _run(settings: Settings, file: str, *, as_copy: bool) -> None:
    """Before an update no audit record can be left: the tables are those of the Assent before."""
    if as_copy and is_of_earlier_schema(settings):
        await asyncio.to_thread(copy_file, settings, Path(file))
        return
    async with opened(settings) as store:
        await store.note("backup")
        if as_copy:
            await asyncio.to_thread(copy_file, settings, Path(file))
            return
        bar = Bar()
        await back_up(settings, store.back_end, file, bar.show)
        bar.end()
