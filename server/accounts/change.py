"""What an administrator changes of an account, by the same rules as for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from server.accounts.account import Account, check


@dataclass(frozen=True, slots=True)
class AccountChange:
    """None leaves a thing as it is; an empty text takes it away."""

    display: str | None = None
    roles: Sequence[str] | None = None
    fhir_user: str | None = None
    patient: str | None = None
    specialty: str | None = None
    email: str | None = None


def changed(account: Account, change: AccountChange) -> Account:
    """The account as it is to be. Raises AccountError."""
    given = {name: value for name in AccountChange.__dataclass_fields__ if (value := getattr(change, name)) is not None}
    if "roles" in given:
        given["roles"] = tuple(dict.fromkeys(given["roles"]))
    if "display" in given:
        given["display"] = given["display"].strip() or account.name
    value = msgspec.structs.replace(account, **given)
    if value.patient != account.patient and value.fhir_user in {"", f"Patient/{account.patient}"}:
        value = msgspec.structs.replace(value, fhir_user=f"Patient/{value.patient}" if value.patient else "")
    if value.email not in {email.value for email in value.emails}:
        value = msgspec.structs.replace(value, emails=())  # what a directory said of it is not so any more
    check(value)
    return value


def may_do_otherwise(before: Account, after: Account) -> bool:
    """Whether tokens that were issued before say what is not so any more."""
    return (before.roles, before.fhir_user, before.patient) != (after.roles, after.fhir_user, after.patient)
