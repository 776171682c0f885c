"""What `assent user` shows and changes of an account as SCIM does: the whole User, its outside identities, its end."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Final

import msgspec

from profiles import json
from server.accounts.account import Account, AccountError
from server.accounts.person import Identity
from server.auth.access_token import issuer_of
from server.commands.own_records import note
from server.commands.user_changes import Change, account_named
from server.config import Settings
from server.internal import Found, OwnRecords
from server.oauth import administration as act
from server.scim.content import read_resource
from server.scim.errors import ScimError
from server.scim.patch import patched
from server.scim.schema import Content
from server.scim.user import as_wanted, to_user, wanted
from server.scim.users import ROOT

LARGEST: Final = 128 * 1024


async def _show(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    return json.dumps(_user(own, settings, await account_named(own, arguments.name))).decode()


async def _patch(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    """Of standard input, as SCIM takes it."""
    found = await account_named(own, arguments.name)
    try:
        content = json.loads(sys.stdin.buffer.read(LARGEST))
        if not isinstance(content, dict):
            raise AccountError("Standard input is no PATCH of SCIM.")
        want = wanted(read_resource(patched(_user(own, settings, found), content)))
    except json.JsonError as error:
        raise AccountError("Standard input is not JSON.") from error
    except ScimError as error:
        raise AccountError(error.detail) from error
    value = as_wanted(found.value, want)
    await act.rewrite(own, found, value, [_noted(found, "user-modify", value)], want.password)
    return f"{value.name} is changed."


async def _identity(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    identity, known = Identity(arguments.issuer, arguments.subject), found.value.identities
    if (identity in known) is not arguments.remove:
        raise AccountError(f"The account has {'no such' if arguments.remove else 'this'} outside identity.")
    after = tuple(other for other in known if other != identity) if arguments.remove else (*known, identity)
    value = msgspec.structs.replace(found.value, identities=after)
    await act.rewrite(own, found, value, [_noted(found, "user-unlink" if arguments.remove else "user-link", value)])
    return f"{value.name} signs in as that person of the provider{' no more' if arguments.remove else ''}."


async def _remove(own: OwnRecords, settings: Settings, arguments: Namespace) -> str:
    found = await account_named(own, arguments.name)
    await act.remove(own, found, [_noted(found, "user-remove", found.value)])
    return f"{found.value.name} is removed, and the name is free."


def _user(own: OwnRecords, settings: Settings, found: Found[Account]) -> Content:
    root = f"{issuer_of(settings.base_url, own.tenant.name)}{ROOT}"
    return to_user(found, f"{root}/Users/{found.value.id}")


def _noted(found: Found[Account], activity: str, value: Account) -> bytes:
    return note(activity, f"name={found.value.name}&role={','.join(value.roles)}")


DIRECTORY: Final[Mapping[str, Change]] = {"show": _show, "patch": _patch, "identity": _identity, "remove": _remove}
