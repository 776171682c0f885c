"""`assent tenant create | list | retire | validation | consent | second-factor`: whose data the store holds, and by which rules.

Works beside a running server and without one.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping

from profiles.structure import resource_types
from server.commands.opened import Opened, opened
from server.config import ConfigurationError, Settings
from server.seal.tenant_entries import TenantError, adding, consenting, retiring, validating, wanting_second_factor
from server.validation_levels import EVERY, Levels


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
            if arguments.action == "validation":
                await _validation(store, arguments.name, arguments.type, arguments.level, settings.validation)
            elif arguments.action == "consent":
                await _consent(store, arguments.name, arguments.rule, settings.consent)
            elif arguments.action == "second-factor":
                await _second_factor(store, arguments.name, arguments.rule, settings.second_factor)
            else:
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


async def _validation(store: Opened, name: str, type_: str | None, level: str, server: Levels) -> None:
    """Change a level, or only show; print the levels that hold, those of the server's settings marked."""
    if type_ is not None and type_ not in resource_types():
        raise TenantError("There is no such resource type in R4; names are case-sensitive.")
    if level != "show":
        await store.keyring.change(validating(name, type_ or EVERY, None if level == "default" else level))
        await store.note("tenant-validation", f"name={name}&type={type_ or EVERY}&level={level}")
    entry = store.keyring.entries().get(name)
    if entry is None or entry.get("retired"):
        raise TenantError(f"There is no tenant {name}.")
    own: Levels = entry.get("validation", {})
    for key in sorted({*own, *(server if EVERY not in own else ())}):
        print(f"{'all others' if key == EVERY else key}: {own.get(key) or f'{server[key]} (ASSENT_VALIDATION)'}")


async def _consent(store: Opened, name: str, rule: str, server: str) -> None:
    """Change what holds where consents say nothing, or only show it."""
    if rule != "show":
        await store.keyring.change(consenting(name, None if rule == "default" else rule))
        await store.note("tenant-consent", f"name={name}&rule={rule}")
    entry = store.keyring.entries().get(name)
    if entry is None or entry.get("retired"):
        raise TenantError(f"There is no tenant {name}.")
    print(entry.get("consent") or f"{server} (ASSENT_CONSENT)")


async def _second_factor(store: Opened, name: str, rule: str, server: str) -> None:
    """Change of whom a second factor is wanted, or only show it."""
    if rule != "show":
        await store.keyring.change(wanting_second_factor(name, None if rule == "default" else rule))
        await store.note("tenant-second-factor", f"name={name}&rule={rule}")
    entry = store.keyring.entries().get(name)
    if entry is None or entry.get("retired"):
        raise TenantError(f"There is no tenant {name}.")
    print(entry.get("second_factor") or f"{server} (ASSENT_SECOND_FACTOR)")
