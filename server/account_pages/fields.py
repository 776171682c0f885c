"""The fields that an administrator fills in for an account, new or not: what they hold, and how they are read from a form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from server.account_pages.visitor import Visitor
from server.accounts.account import Account, AccountError, specialty_names
from server.accounts.change import AccountChange
from server.auth.roles import ROLES
from server.oauth.authorize import reader
from server.oauth.records import sees

PROFILE: Final = re.compile(r"(Practitioner|PractitionerRole)/([A-Za-z0-9.-]{1,64})")


def filled_in(visitor: Visitor) -> AccountChange:
    """What the form says, as it was typed."""
    return AccountChange(
        display=visitor.text("display", 201),
        roles=tuple(visitor.given.all("role")),
        fhir_user=visitor.text("fhir_user"),
        patient=visitor.text("patient"),
        specialty=visitor.text("specialty"),
        email=visitor.text("email"),
    )


async def check_profile(visitor: Visitor, change: AccountChange, before: str = "") -> None:
    """The profile is a record that the administrator can see. Raises AccountError."""
    profile = change.fhir_user or ""
    if profile in {"", before}:
        return
    match = PROFILE.fullmatch(profile)
    authority = visitor.authority
    if match is None or not await sees(authority, reader(authority, visitor.account), match[1], match[2]):
        raise AccountError(
            "The profile is a Practitioner or PractitionerRole that is there, such as Practitioner/1.", "fhir_user"
        )


def values_of(account: Account) -> AccountChange:
    """What an account's form holds at first."""
    return AccountChange(
        account.display, account.roles, account.fhir_user, account.patient, account.specialty, account.email
    )


def choices(change: AccountChange) -> dict[str, Any]:
    """For the templates: what the fields hold and what may be chosen."""
    chosen: Sequence[str] = change.roles or ()
    return {
        "values": change,
        "roles": [{"code": code, "meaning": role.meaning, "chosen": code in chosen} for code, role in ROLES.items()],
        "specialties": specialty_names(),
    }
