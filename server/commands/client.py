"""`assent client add | list | remove`: the apps and services that may ask for tokens. Beside a running server and without one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from profiles import json
from server.commands.opened import now, opened
from server.commands.own_records import note, own_records
from server.config import ConfigurationError, Settings
from server.internal import OwnRecords
from server.oauth.administration import remove_client
from server.oauth.client import Client, ClientError, GrantType, Method, add, check, find, listed, with_new_secret
from server.store.store import StaleVersionError

_METHODS: Final[Mapping[str, Method]] = {
    "public": "none",
    "secret": "client_secret_basic",
    "keys": "private_key_jwt",
    "backend": "private_key_jwt",
}
_LARGEST_KEYS: Final = 64 * 1024


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    client = _client(arguments) if arguments.action == "add" else None
    asyncio.run(_run(arguments, Settings.from_environment(environ), client))
    return 0


async def _run(arguments: Namespace, settings: Settings, client: Client | None) -> None:
    async with opened(settings) as store:
        own = own_records(store, arguments.tenant)
        try:
            if client is not None:
                await _add(own, client)
            elif arguments.action == "list":
                async for known in listed(own):
                    print(f"{known.id} {known.method} {','.join(known.grant_types)} {known.name}")
            else:
                await _remove(own, arguments.id)
        except ClientError as error:
            raise ConfigurationError(str(error)) from error
        except StaleVersionError as error:
            raise ConfigurationError("The client was changed at the same moment: try again.") from error


async def _add(own: OwnRecords, client: Client) -> None:
    whole, secret = with_new_secret(client)
    await add(own, whole, [note("client-add", f"client={whole.id}")])
    print(f"The client {whole.id} is known.")
    if secret is not None:
        print(f"Its secret, which is shown only now: {secret}")


async def _remove(own: OwnRecords, id_: str) -> None:
    found = await find(own, id_)
    if found is None:
        raise ConfigurationError(f"There is no client {id_}.")
    await remove_client(own, found, [note("client-remove", f"client={id_}")])
    print(f"The client {id_} is not known any more; within a second no token of its is good.")


def _client(arguments: Namespace) -> Client:
    """Raises ConfigurationError."""
    backend = arguments.kind == "backend"
    grant_types: tuple[GrantType, ...] = ("client_credentials",) if backend else ("authorization_code", "refresh_token")
    client = Client(
        id=arguments.id,
        name=arguments.name or arguments.id,
        method=_METHODS[arguments.kind],
        redirect_uris=tuple(arguments.redirect_uri or ()),
        grant_types=grant_types,
        scope=arguments.scope or "",
        roles=tuple(arguments.role or ()),
        jwks=_keys(arguments.jwks),
        jwks_uri=arguments.jwks_uri or "",
        launch_uri=arguments.launch_uri or "",
        created=now(),
        registered_by="assent-cli",
    )
    try:
        check(client)
    except ClientError as error:
        raise ConfigurationError(str(error)) from error
    return client


def _keys(path: str | None) -> dict[str, Any] | None:
    """Raises ConfigurationError."""
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            content = json.loads(file.read(_LARGEST_KEYS))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    except json.JsonError as error:
        raise ConfigurationError(f"{path} is not JSON.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} holds no key set.")
    return content if "keys" in content else {"keys": [content]}
