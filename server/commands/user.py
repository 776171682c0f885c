"""`assent user add | list | passwd | deactivate`: who may sign in. Works beside a running server and without one.

Passwords are typed, or read from standard input when that is no terminal; they are no arguments, which others could see.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Final

from server.accounts.account import Account, AccountError, NewAccount, add, check, find_by_name, listed
from server.accounts.password import SHORTEST
from server.commands.opened import opened
from server.commands.own_records import note, own_records
from server.config import ConfigurationError, Settings
from server.internal import Found, OwnRecords
from server.oauth.administration import change_password, deactivate
from server.store.store import StaleVersionError

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    settings = Settings.from_environment(environ)
    new: NewAccount | None = None
    try:
        if arguments.action == "add":
            new = _new(arguments)
            check(new)
    except AccountError as error:
        raise ConfigurationError(str(error)) from error
    password = _password(arguments) if arguments.action in {"add", "passwd"} else ""
    asyncio.run(_run(arguments, settings, new, password))
    return 0


async def _run(arguments: Namespace, settings: Settings, new: NewAccount | None, password: str) -> None:
    async with opened(settings) as store:
        own = own_records(store, arguments.tenant)
        try:
            if new is not None:
                await _add(own, new, password, arguments.generate)
            elif arguments.action == "list":
                async for account in listed(own):
                    print(_line(account))
            elif arguments.action == "passwd":
                found, noted = await _found(own, arguments.name), note("user-passwd", f"name={arguments.name}")
                await change_password(own, found, password, [noted])
                print(f"{found.value.name} has another password; what was signed in to before is over.")
                _tell_password(password, arguments.generate)
            else:
                found, noted = await _found(own, arguments.name), note("user-deactivate", f"name={arguments.name}")
                await deactivate(own, found, [noted])
                print(f"{found.value.name} signs in no more; within a second no token of theirs is good.")
        except AccountError as error:
            raise ConfigurationError(str(error)) from error
        except StaleVersionError as error:
            raise ConfigurationError("The account was changed at the same moment: try again.") from error


async def _add(own: OwnRecords, new: NewAccount, password: str, generated: bool) -> None:
    whole = NewAccount(new.name, new.roles, new.display, new.fhir_user, new.patient, password)
    account = await add(own, whole, [note("user-add", f"name={new.name}&role={','.join(new.roles)}")])
    print(f"{account.name} may sign in.")
    _tell_password(password, generated)


def _tell_password(password: str, generated: bool) -> None:
    """Whoever typed one knows it."""
    if generated:
        print(f"The password is {password}")


async def _found(own: OwnRecords, name: str) -> Found[Account]:
    found = await find_by_name(own, name)
    if found is None:
        raise AccountError(f"There is no account {name}.")
    return found


def _new(arguments: Namespace) -> NewAccount:
    return NewAccount(
        arguments.name, arguments.role, arguments.display or "", arguments.fhir_user or "", arguments.patient or ""
    )


def _line(account: Account) -> str:
    state = "" if account.active else " deactivated"
    return f"{account.name} {','.join(account.roles)} {account.fhir_user or '-'}{state}"


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
