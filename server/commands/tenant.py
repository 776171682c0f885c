"""`assent tenant create | list | retire`: whose data the store holds. Works beside a running server and without one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping

from server.commands.opened import Opened, opened
from server.config import ConfigurationError, Settings
from server.seal.tenant_entries import TenantError, adding, retiring


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    asyncio.run(_run(arguments, Settings.from_environment(environ)))
    return 0


async def _run(arguments: Namespace, settings: Settings) -> None:
    async with opened(settings) as store:
        if arguments.action == "list":
            _list(store)
            return
        try:
            await (_create if arguments.action == "create" else _retire)(store, arguments.name)
        except TenantError as error:
            raise ConfigurationError(str(error)) from error


def _list(store: Opened) -> None:
    """One line each, in the order of their making: the name, and `retired` where it is so."""
    for name, entry in sorted(store.keyring.entries().items(), key=lambda item: int(item[1]["number"])):
        print(f"{name} retired" if entry.get("retired") else name)


async def _create(store: Opened, name: str) -> None:
    if name in store.keyring.entries() and not store.keyring.entries()[name].get("retired"):
        raise TenantError(f"There is a tenant {name} already.")
    await store.keyring.change(adding(name))
    await store.note("tenant-create", f"name={name}")
    print(f"The tenant {name} is there; its tokens: assent token --tenant {name} --role ROLE")


async def _retire(store: Opened, name: str) -> None:
    await store.keyring.change(retiring(name))
    await store.note("tenant-retire", f"name={name}")
    print(f"The tenant {name} is retired: within a second no server answers for it. Its data stays, sealed.")
