"""An account as a User of SCIM, and a User as what an account is to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from server.accounts.account import Account, NewAccount, fold_name
from server.accounts.person import Email, Identity, PersonName, addresses
from server.internal import Found
from server.scim.errors import ScimError
from server.scim.schema import CORE, EXTENSION, Content

_PARTS: Final = {
    "formatted": "formatted",
    "familyName": "family",
    "givenName": "given",
    "middleName": "middle",
    "honorificPrefix": "prefix",
    "honorificSuffix": "suffix",
}


def etag(found: Found[Account]) -> str:
    """Weak: an account's record may change in what SCIM does not show."""
    return f'W/"{found.version}"'


def to_user(found: Found[Account], location: str) -> Content:
    """All that SCIM tells of an account; the password is never among it."""
    account = found.value
    name = {told: text for told, kept in _PARTS.items() if (text := getattr(account.person, kept))}
    emails = [_email(email) for email in addresses(account.email, account.emails)]
    extra: Content = {
        "fhirUser": account.fhir_user,
        "specialty": account.specialty,
        "patient": account.patient,
        "identities": [{"issuer": one.issuer, "subject": one.subject} for one in account.identities],
        "provider": account.provider,
    }
    user: Content = {
        "schemas": [CORE, EXTENSION],
        "id": account.id,
        "externalId": account.external_id,
        "userName": account.name,
        "name": name,
        "displayName": account.display,
        "userType": account.user_type,
        "active": account.active,
        "emails": emails,
        "roles": [{"value": role} for role in account.roles],
        EXTENSION: _without_nothing(extra),
        "meta": {
            "resourceType": "User",
            "created": _instant(account.created),
            "lastModified": _instant(found.updated),
            "location": location,
            "version": etag(found),
        },
    }
    return _without_nothing(user)


def _without_nothing(content: Content) -> Content:
    return {name: value for name, value in content.items() if value not in ("", [], {})}


def _email(email: Email) -> Content:
    told: dict[str, Any] = {"value": email.value, "type": email.type, "display": email.display}
    return _without_nothing(told) | ({"primary": True} if email.primary else {})


def _instant(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a User says of an account. None: nothing is said of it."""

    new: NewAccount
    active: bool | None
    password: str | None


def wanted(user: Content) -> Wanted:
    """Of a User in the schema's spelling. Raises ScimError for what lacks a name or roles."""
    name = user.get("userName", "")
    if not name.strip():
        raise ScimError("A User has a userName.", "invalidValue")
    roles = tuple(role["value"] for role in user.get("roles", []))
    if not roles:
        raise ScimError("A User has roles: at least one.", "invalidValue")
    person = PersonName(**{kept: user.get("name", {}).get(told, "") for told, kept in _PARTS.items()})
    emails = tuple(Email(**{"value": "", **email}) for email in user.get("emails", []))
    extra: Content = user.get(EXTENSION, {})
    new = NewAccount(
        name=name,
        roles=roles,
        display=user.get("displayName") or person.formatted or f"{person.given} {person.family}".strip() or name.strip(),
        fhir_user=extra.get("fhirUser", ""),
        patient=extra.get("patient", ""),
        specialty=extra.get("specialty", ""),
        email=next((email.value for email in emails if email.primary), emails[0].value if emails else ""),
        emails=emails,
        person=person,
        user_type=user.get("userType", ""),
        external_id=user.get("externalId", ""),
        identities=tuple(Identity(one["issuer"], one["subject"]) for one in extra.get("identities", [])),
    )
    return Wanted(new, user.get("active"), user.get("password"))


def as_wanted(account: Account, want: Wanted) -> Account:
    """The account as a User says that it is to be; its password and its being active stay where nothing is said."""
    new = want.new
    return msgspec.structs.replace(
        account,
        name=fold_name(new.name),
        display=new.display,
        roles=tuple(dict.fromkeys(new.roles)),
        fhir_user=new.fhir_user or (f"Patient/{new.patient}" if new.patient else ""),
        patient=new.patient,
        specialty=new.specialty,
        email=new.email,
        emails=new.emails,
        person=new.person,
        user_type=new.user_type,
        external_id=new.external_id,
        identities=new.identities,
        active=account.active if want.active is None else want.active,
    )
