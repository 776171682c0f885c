"""`assent provider add | list | remove`: outside OpenID providers that people sign in through. Beside a running server and without one.

The client secret is typed, or read from standard input when that is no terminal; it is no argument, which others could see.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from argparse import Namespace
from collections.abc import Mapping

from server.auth.access_token import issuer_of
from server.commands.opened import now, opened
from server.commands.own_records import note, own_records
from server.config import ConfigurationError, Settings
from server.internal import OwnRecords
from server.oauth.authority import OUTSIDE_BACK
from server.outside.provider import USUAL_ALGORITHMS, Provider, ProviderError, add, check, find, listed, remove
from server.store.store import StaleVersionError


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    settings = Settings.from_environment(environ)
    provider = _provider(arguments) if arguments.action == "add" else None
    asyncio.run(_run(arguments, settings, provider))
    return 0


async def _run(arguments: Namespace, settings: Settings, provider: Provider | None) -> None:
    async with opened(settings) as store:
        own = own_records(store, arguments.tenant)
        try:
            if provider is not None:
                await add(own, provider, [note("provider-add", f"provider={provider.id}&issuer={provider.issuer}")])
                print(f"People may sign in through {provider.title}. Register there the address to come back to:")
                print(f"{issuer_of(settings.base_url, own.tenant.name)}{OUTSIDE_BACK}{provider.id}")
            elif arguments.action == "list":
                async for known in listed(own):
                    print(_line(known))
            else:
                await _remove(own, arguments.id)
        except ProviderError as error:
            raise ConfigurationError(str(error)) from error
        except StaleVersionError as error:
            raise ConfigurationError("The provider was changed at the same moment: try again.") from error


async def _remove(own: OwnRecords, id_: str) -> None:
    found = await find(own, id_)
    if found is None:
        raise ConfigurationError(f"There is no provider {id_}.")
    await remove(own, found, [note("provider-remove", f"provider={id_}")])
    print(f"Nobody signs in through {found.value.title} any more; accounts that are linked stay.")


def _provider(arguments: Namespace) -> Provider:
    """Raises ConfigurationError."""
    provider = Provider(
        id=arguments.id,
        title=arguments.title or arguments.id,
        issuer=arguments.issuer,
        client_id=arguments.client_id,
        client_secret="" if arguments.method == "none" else _secret(),
        method=arguments.method,
        scope=arguments.scope,
        algorithms=tuple(arguments.algorithm or USUAL_ALGORITHMS),
        role_claim=arguments.role_claim or "",
        roles=tuple(_pair("--role", text) for text in arguments.role or ()),
        by_email=arguments.by_email,
        parameters=tuple(_pair("--parameter", text) for text in arguments.parameter or ()),
        created=now(),
    )
    try:
        check(provider)
    except ProviderError as error:
        raise ConfigurationError(str(error)) from error
    return provider


def _pair(option: str, text: str) -> tuple[str, str]:
    """Raises ConfigurationError."""
    name, mark, value = text.rpartition("=") if option == "--role" else text.partition("=")
    if not (name and mark and value):
        raise ConfigurationError(f"{option} is written NAME=VALUE.")
    return name, value


def _secret() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("The client secret that the provider gave: ")


def _line(provider: Provider) -> str:
    roles = ",".join(f"{told}={role}" for told, role in provider.roles) or "-"
    return f"{provider.id} {provider.issuer} {provider.client_id} {roles}{' by-email' if provider.by_email else ''}"
