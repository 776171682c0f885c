"""`assent user ...`: who may sign in, as what, and for how long. Works beside a running server and without one.

Passwords are typed, or read from standard input when that is no terminal; they are no arguments, which others could see. What is
done to accounts that are there already is in server/commands/user_changes.py.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from server.accounts.account import Account, AccountError, NewAccount, add, check, listed
from server.accounts.password import SHORTEST
from server.commands.opened import opened
from server.commands.own_records import note, own_records
from server.commands.user_changes import CHANGES, account_named, sent_address
from server.commands.user_directory import DIRECTORY
from server.config import ConfigurationError, Settings
from server.internal import OwnRecords
from server.oauth.administration import change_password
from server.oauth.invitations import add_invited
from server.store.store import StaleVersionError

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    settings = Settings.from_environment(environ)
    try:
        if arguments.action in {"add", "invite"}:
            check(_new(arguments))
    except AccountError as error:
        raise ConfigurationError(str(error)) from error
    password = _password(arguments) if arguments.action in {"add", "passwd"} else ""
    asyncio.run(_run(arguments, settings, password))
    return 0


async def _run(arguments: Namespace, settings: Settings, password: str) -> None:
    async with opened(settings) as store:
        own = own_records(store, arguments.tenant)
        try:
            if arguments.action == "list":
                async for account in listed(own):
                    print(_line(account))
            elif arguments.action == "add":
                await _add(own, _new(arguments), password, arguments.generate)
            elif arguments.action == "invite":
                await _invite(own, settings, _new(arguments))
            elif arguments.action == "passwd":
                await _passwd(own, arguments.name, password, arguments.generate)
            else:
                print(await {**CHANGES, **DIRECTORY}[arguments.action](own, settings, arguments))
        except AccountError as error:
            raise ConfigurationError(str(error)) from error
        except StaleVersionError as error:
            raise ConfigurationError("The account was changed at the same moment: try again.") from error


async def _add(own: OwnRecords, new: NewAccount, password: str, generated: bool) -> None:
    noted = note("user-add", f"name={new.name}&role={','.join(new.roles)}")
    account = await add(own, replace(new, password=password), [noted])
    print(f"{account.name} may sign in.")
    _tell_password(password, generated)


async def _invite(own: OwnRecords, settings: Settings, new: NewAccount) -> None:
    noted = note("user-invite", f"name={new.name}&role={','.join(new.roles)}")
    account, link = await add_invited(own, new, settings.invitation_days, [noted])
    print(
        f"{account.name} chooses a password at this address, which is shown only now and good for {settings.invitation_days} days:"
    )
    print(await sent_address(own, settings, account, link))


async def _passwd(own: OwnRecords, name: str, password: str, generated: bool) -> None:
    found = await account_named(own, name)
    await change_password(own, found, password, [note("user-passwd", f"name={found.value.name}")])
    print(f"{found.value.name} has another password; what was signed in to before is over.")
    _tell_password(password, generated)


def _tell_password(password: str, generated: bool) -> None:
    """Whoever typed one knows it."""
    if generated:
        print(f"The password is {password}")


def _new(arguments: Namespace) -> NewAccount:
    return NewAccount(
        arguments.name,
        arguments.role,
        arguments.display or "",
        arguments.fhir_user or "",
        arguments.patient or "",
        specialty=arguments.specialty or "",
        email=arguments.email or "",
    )


def _line(account: Account) -> str:
    state = "" if account.active else " deactivated"
    return f"{account.name} {','.join(account.roles)} {account.fhir_user or '-'}{state or (' invited' if account.invited else '')}"


def _password(arguments: Namespace) -> str:
    """Raises ConfigurationError."""
    if arguments.generate:
        return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"Password for {arguments.name} ({SHORTEST} characters or more): ")
    if getpass.getpass("Once more: ") != password:
        raise ConfigurationError("The two are not the same.")
    return password
