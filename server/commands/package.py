"""`assent package add | remove | list | lock | sync`: FHIR packages of a tenant. Beside a running server or without one."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from operations.packages.contents import LIMITS, package_of
from operations.packages.install import Installation, install
from operations.packages.installed import installed_packages
from operations.packages.lock import Locked, differing, lock_of, read_lock
from operations.packages.remove import remove
from profiles.outcome import FhirError
from server.commands.acting import Acting, acting
from server.config import ConfigurationError, Settings

LARGEST_LOCK: Final = 2**20


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    asyncio.run(_run(arguments, Settings.from_environment(environ)))
    return 0


async def _run(arguments: Namespace, settings: Settings) -> None:
    async with acting(settings, arguments.tenant) as tenant:
        try:
            if arguments.action == "add":
                for path in arguments.files:
                    _tell(await install(_read(Path(path), LIMITS.packed), tenant.context("install")))
            elif arguments.action == "remove":
                await _remove(tenant, arguments.package)
            elif arguments.action == "list":
                await _list(tenant)
            elif arguments.action == "lock":
                sys.stdout.write(lock_of(await installed_packages(tenant.context("installed").records)).decode())
            else:
                await _sync(tenant, Path(arguments.lockfile), Path(arguments.folder))
        except FhirError as error:
            raise ConfigurationError(" ".join(issue.text for issue in error.issues)) from error


def _read(path: Path, most: int) -> bytes:
    """Raises ConfigurationError, also for a file of more than `most` bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    if len(content) > most:
        raise ConfigurationError(f"{path} is larger than {most // 2**20} MB.")
    return content


def _tell(done: Installation) -> None:
    """What is there now, on standard output; what somebody should know, on standard error."""
    count = sum(number for _, number in done.counts)
    listed = ", ".join(f"{number} {type_}" for type_, number in done.counts)
    print(f"{done.package} {'is installed' if done.is_new else 'was installed already'}: {count} resources ({listed}).")
    for note in done.notes:
        print(f"{done.package}: {note.text}", file=sys.stderr)


async def _remove(tenant: Acting, named: str) -> None:
    name, _, version = named.partition("#")
    gone = await remove(name, version or None, tenant.context("uninstall"))
    print(f"{gone.package} is removed, with {len(gone.resources)} resources; their earlier versions stay in the history.")


async def _list(tenant: Acting) -> None:
    for one in await installed_packages(tenant.context("installed").records):
        print(f"{one.package!s:60}  {len(one.resources):>6}  {one.installed:25}  {one.by:20}  {one.sha256}")


async def _sync(tenant: Acting, lockfile: Path, folder: Path) -> None:
    """Everything that can refuse it is looked at before the first package is installed."""
    locked = read_lock(_read(lockfile, LARGEST_LOCK))
    present = await installed_packages(tenant.context("installed").records)
    refusal = differing(locked, present)
    if refusal is not None:
        raise refusal
    there = {one.package for one in present}
    for path in _find([one for one in locked if one.package not in there], folder):
        _tell(await install(_read(path, LIMITS.packed), tenant.context("install")))
    print(f"All {len(locked)} packages of the lock file are installed, and no other.")


def _find(wanted: Sequence[Locked], folder: Path) -> list[Path]:
    """The file of each package in the folder, known by its content. Raises ConfigurationError, and FhirError."""
    if not folder.is_dir():
        raise ConfigurationError(f"There is no folder {folder}.")
    files = {_digest(path): path for path in sorted(folder.glob("*.tgz"))} if wanted else {}
    missing = [str(one.package) for one in wanted if one.sha256 not in files]
    if missing:
        raise ConfigurationError(
            f"No .tgz file in {folder} has the content that the lock file names for {', '.join(missing)}."
        )
    for one in wanted:
        if package_of(_read(files[one.sha256], LIMITS.packed)) != one.package:
            raise ConfigurationError(f"{files[one.sha256]} is not {one.package}, which the lock file says that it is.")
    return [files[one.sha256] for one in wanted]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
