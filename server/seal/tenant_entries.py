"""What is kept of each tenant: number, name, keys, and whether it is retired. Changes are functions of all entries.

Each is done again on what another server made meanwhile, and changes nothing where it is done already (`Keyring.change`).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

Entry = dict[str, Any]
"""`number`; `data`: key number -> key (base64); `current`: the key number that seals; `index`: the index key; and only where it
applies `retired`, `consent`: opt-out or opt-in, `second_factor`: optional, administrators or everybody, and `validation`: resource type (or `*`) -> level (server/validation_levels.py)."""

Entries = dict[str, Entry]
Edit = Callable[[Entries], Entries]

DEFAULT: Final = "default"
"""The tenant that every store has."""

_TENANT_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


class TenantError(ValueError):
    """What was asked for cannot be done to that tenant; the message is one sentence for the operator."""


def is_tenant_name(name: str) -> bool:
    return _TENANT_NAME.match(name) is not None


def adding(name: str) -> Edit:
    """The tenant exists, with keys of its own. Raises TenantError for a name that is none or was given up."""

    def edit(entries: Entries) -> Entries:
        if not is_tenant_name(name):
            raise TenantError("A tenant name is 1 to 63 lower-case letters, digits and inner hyphens.")
        if name in entries:
            if entries[name].get("retired"):
                raise TenantError(f"The tenant {name} is retired, and its name is not given again.")
            return entries
        number = max((entry["number"] for entry in entries.values()), default=0) + 1
        return {**entries, name: {"number": number, "data": {"1": new_key()}, "current": 1, "index": new_key()}}

    return edit


def retiring(name: str) -> Edit:
    """The tenant answers nothing any more; its data and keys stay. Raises TenantError where there is no such tenant."""

    def edit(entries: Entries) -> Entries:
        if name == DEFAULT:
            raise TenantError(f"The tenant {DEFAULT} cannot be retired: calls that belong to no tenant are audited there.")
        if name not in entries:
            raise TenantError(f"There is no tenant {name}." if is_tenant_name(name) else "There is no tenant of that name.")
        return {**entries, name: {**entries[name], "retired": True}}

    return edit


def validating(name: str, type_: str, level: str | None) -> Edit:
    """The tenant validates what it stores of a type (`*`: of all others) at that level; None: as the server's settings say.

    Raises TenantError where there is no such tenant.
    """

    def edit(entries: Entries) -> Entries:
        if name not in entries or entries[name].get("retired"):
            raise TenantError(f"There is no tenant {name}." if is_tenant_name(name) else "There is no tenant of that name.")
        others = {key: value for key, value in entries[name].get("validation", {}).items() if key != type_}
        levels = others if level is None else {**others, type_: level}
        entry = {key: value for key, value in entries[name].items() if key != "validation"}
        return {**entries, name: {**entry, "validation": levels} if levels else entry}

    return edit


def consenting(name: str, rule: str | None) -> Edit:
    """Where its patients' consents say nothing, the tenant goes by `opt-out` or `opt-in`; None: as the server's settings say.

    Raises TenantError where there is no such tenant.
    """

    def edit(entries: Entries) -> Entries:
        if name not in entries or entries[name].get("retired"):
            raise TenantError(f"There is no tenant {name}." if is_tenant_name(name) else "There is no tenant of that name.")
        entry = {key: value for key, value in entries[name].items() if key != "consent"}
        return {**entries, name: entry if rule is None else {**entry, "consent": rule}}

    return edit


def wanting_second_factor(name: str, of_whom: str | None) -> Edit:
    """The tenant wants a second factor of nobody (`optional`), `administrators` or `everybody`; None: as the server's settings say.

    Raises TenantError where there is no such tenant.
    """

    def edit(entries: Entries) -> Entries:
        if name not in entries or entries[name].get("retired"):
            raise TenantError(f"There is no tenant {name}." if is_tenant_name(name) else "There is no tenant of that name.")
        entry = {key: value for key, value in entries[name].items() if key != "second_factor"}
        return {**entries, name: entry if of_whom is None else {**entry, "second_factor": of_whom}}

    return edit


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
