"""`assent load`: FHIR files from disk into a tenant's data, as fast as the store takes them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from profiles import json
from server.commands.bar import Bar
from server.commands.opened import Opened, bases_of, opened
from server.config import EMBEDDED, ConfigurationError, Settings
from server.load.files import Source, Unit, UnreadableFileError, find_sources
from server.load.loader import Loader
from server.load.prepare import Fault, Recipe
from server.load.provenance import IMPORTS
from server.load.workers import WorkerEndedError, Workers
from server.lock import folder_lock
from server.repository import Repository
from server.search.catalogue import use
from server.search.own_parameters import catalogue_of, stored_parameters
from server.validation_levels import Levels, level_of

MOST_WORKERS: Final = 8
"""More prepare faster than one process commits."""

MOST_SHOWN: Final = 100
"""Faults that are printed; the others are counted."""


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Prints what was not loaded, and why; exit code 1 when there was such. Raises ConfigurationError."""
    settings, paths = Settings.from_environment(environ), [Path(path) for path in arguments.paths]
    return asyncio.run(_run(settings, paths, arguments.tenant, arguments.unvalidated))


async def _run(settings: Settings, paths: list[Path], name: str, unvalidated: bool) -> int:
    try:
        sources = find_sources(paths)
        async with opened(settings) as store:
            with folder_lock(settings.data) if settings.store == EMBEDDED else nullcontext():
                if not unvalidated:
                    _refuse_where_validated(settings, store, name)
                return await _load(settings, store, sources, name)
    except UnreadableFileError as error:
        raise ConfigurationError(str(error)) from error
    except WorkerEndedError as error:
        raise ConfigurationError("A process that prepared resources ended: load again, it goes on from here.") from error


async def _load(settings: Settings, store: Opened, sources: list[Source], name: str) -> int:
    tenant = store.keyring.get(name)
    if tenant is None:
        raise ConfigurationError(f"There is no tenant {name}: `assent tenant list` shows which there are.")
    base_url = bases_of(settings)(tenant)[0]
    entry = store.keyring.entries()[name]
    repository = Repository(store.store, tenant, base_url, lambda: datetime.now(UTC))
    own = await stored_parameters(repository)
    use(catalogue_of(own, {}, b""))
    searched_by = [(each.id, each.version, each.order, json.dumps(each.resource)) for each in own]
    recipe = Recipe(name, entry, base_url, settings.max_document, settings.document_types, searched_by)
    report = _Report(sources)
    tells = IMPORTS in settings.provenance
    loader = Loader(repository, store.keyring, store.store.largest_commit, report.fault, report.done, provenance=tells)
    started = time.monotonic()
    async with Workers(recipe, min(os.cpu_count() or 1, MOST_WORKERS), store.store.largest_commit) as workers:
        await loader.run(sources, workers)
    report.bar.end()
    counts = loader.counts
    seconds = max(time.monotonic() - started, 0.001)
    print(
        f"{counts.stored} resources stored, {counts.changed} changed, {counts.same} there already, {counts.refused} refused "
        f"({(counts.stored + counts.changed) / seconds:,.0f} a second)."
    )
    return 1 if counts.refused else 0


def _refuse_where_validated(settings: Settings, store: Opened, name: str) -> None:
    """A load looks at structure alone: whoever has more asked for says that this is meant."""
    own: Levels = store.keyring.entries().get(name, {}).get("validation", {})
    if any(level_of(type_, own, settings.validation) != "off" for type_ in {*own, *settings.validation}):
        raise ConfigurationError(
            f"The tenant {name} validates what it stores, and a load looks at structure only: add --unvalidated to load all the same."
        )


class _Report:
    """Shows faults and how far it is."""

    def __init__(self, sources: list[Source]) -> None:
        self.bar = Bar()
        self._total = sum(source.size for source in sources)
        self._shown = 0
        self._read = 0

    def fault(self, source: Source, fault: Fault) -> None:
        self._shown += 1
        if self._shown <= MOST_SHOWN:
            place = f"entry {fault.entry}" if fault.entry else f"line {fault.line}"
            print(f"{source.path.name}, {place}: {fault.text}", file=sys.stderr)
        if self._shown == MOST_SHOWN:
            print("More is not shown.", file=sys.stderr)

    def done(self, unit: Unit) -> None:
        self._read += sum(len(line) for line in unit.lines)
        self.bar.show(self._read / self._total if self._total else 1)
