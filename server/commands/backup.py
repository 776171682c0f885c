"""`assent backup FILE`: one consistent file of everything but the keys, also while the server works."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from server.commands.opened import opened
from server.config import Settings
from server.store.copies import back_up, check_embedded


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Raises ConfigurationError where the file is there already or cannot be written."""
    return asyncio.run(_run(Settings.from_environment(environ), Path(arguments.file)))


async def _run(settings: Settings, file: Path) -> int:
    check_embedded(settings)
    async with opened(settings) as store:
        await store.note("backup")
        size = await asyncio.to_thread(back_up, settings, file)
    print(f"{file}: {size} bytes, sealed. The master key is not in it: keep that elsewhere.")
    return 0
