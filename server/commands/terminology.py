"""`assent terminology load`: an operator's list of codes (HCPCS, CPT, his own) into a tenant, beside a running server or without one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from operations.ports import VersionConflictError
from operations.terminology.stored_list import store_list
from profiles.json import Resource
from server.commands.acting import acting
from server.config import ConfigurationError, Settings
from terminology.content.loader import MOST_BYTES, CodeFile, CodeFileError, load_code_file


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Prints what was stored. Raises ConfigurationError for a file that is no list of codes, with the line."""
    system = _read(arguments)
    asyncio.run(_store(system, Settings.from_environment(environ), arguments.tenant))
    return 0


def _read(arguments: Namespace) -> Resource:
    columns = dict(_pair(given) for given in arguments.column)
    about = CodeFile(arguments.url, arguments.edition, arguments.name, columns, arguments.encoding)
    try:
        with Path(arguments.file).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{arguments.file} cannot be read ({error.strerror}).") from error
    if len(data) > MOST_BYTES:
        raise ConfigurationError(f"{arguments.file} is larger than {MOST_BYTES // 2**20} MB.")
    try:
        return load_code_file(data, about, datetime.now(UTC).date())
    except CodeFileError as error:
        raise ConfigurationError(f"{arguments.file}: {error}") from error


def _pair(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals:
        raise ConfigurationError("A column is named as OURS=THEIRS, such as code=HCPC.")
    return ours, theirs


async def _store(system: Resource, settings: Settings, tenant: str) -> None:
    async with acting(settings, tenant) as there:
        try:
            id_, done = await store_list(system, there.context("load-codes"))
        except VersionConflictError as error:
            raise ConfigurationError("Somebody changed the list in the same moment: load it again.") from error
    words = {"new": "is stored", "changed": "is stored in a new version", "same": "was there already"}[done]
    print(f"{system['name']} {system['version']} {words}: {system['count']} codes, CodeSystem/{id_}.")
    if not any("display" in concept for concept in system["concept"]):
        print(
            "They have no names: no column of the file looks like one. Name it with --column display=COLUMN, and load it again."
        )
