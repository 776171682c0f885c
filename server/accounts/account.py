"""An account: who may sign in, as whom, with which roles. Names are unique in a tenant whatever their case.

An account that was removed stays as a bare record without roles, so that an id in the audit trail never comes to mean somebody else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import uuid4

import msgspec

from profiles.json import Resource
from server.accounts.password import PasswordRefusedError, check_new_password, hash_password
from server.accounts.person import LINKS, NO_NAME, Email, Identity, Linked, PersonError, PersonName, check_person, link_id
from server.auth.access_token import FHIR_ID, FHIR_USER
from server.auth.roles import ROLES
from server.internal import Found, Kind, OwnRecords
from server.store.internal import Keep
from server.store.store import StaleVersionError
from terminology.content.specialties import specialties

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?")
"""As it is kept: what people type is folded first (`fold_name`)."""


class AccountError(Exception):
    """The account cannot be made or changed like this; the message is one sentence for whoever asked, about that field of it."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


class TakenError(AccountError):
    """Another account has the name, or the outside identity."""


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """`fhir_user` is a relative reference (`Practitioner/1`), `patient` the record of the role patient. Times: microseconds."""

    id: str
    name: str
    display: str
    roles: tuple[str, ...]
    fhir_user: str = ""
    patient: str = ""
    password: str = ""
    """Argon2id, encoded; empty: nobody signs in with a password."""
    active: bool = True
    created: int = 0
    signed_out_before: int = 0
    """Sessions and grants from before this are over: the password changed, or the account was deactivated."""
    demo: bool = False
    """One of the synthetic practice, with the password that the server prints."""
    specialty: str = ""
    """A code of our specialties (terminology/content/specialties.py)."""
    email: str = ""
    invited: bool = False
    """The person has not chosen a password yet (server/accounts/invitation.py)."""
    emails: tuple[Email, ...] = ()
    """As a directory gave them (SCIM), where that is more than one address; `email` is one of them."""
    person: PersonName = NO_NAME
    user_type: str = ""
    external_id: str = ""
    """What the directory that keeps the account knows it by (RFC 7643 3.1)."""
    identities: tuple[Identity, ...] = ()
    """At outside providers: each signs in to this account (server/outside)."""
    provider: str = ""
    """The outside provider at whose word the account was made and has its roles; empty: an administrator's."""
    removed: int = 0
    """When it was: it is not found any more, and its name is free."""


class NameTaken(msgspec.Struct, frozen=True):
    """Under a folded name: whose it is."""

    account: str


ACCOUNTS: Final = Kind("account", Account)
NAMES: Final = Kind("account-name", NameTaken)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an administrator says of a new account."""

    name: str
    roles: Sequence[str]
    display: str = ""
    fhir_user: str = ""
    patient: str = ""
    password: str | None = None
    demo: bool = False
    specialty: str = ""
    email: str = ""
    invited: bool = False
    emails: tuple[Email, ...] = ()
    person: PersonName = NO_NAME
    user_type: str = ""
    external_id: str = ""
    identities: tuple[Identity, ...] = ()
    provider: str = ""
    active: bool = True


def fold_name(name: str) -> str:
    """The one spelling of a name: compatible characters, no outer spaces, no case."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check(new: NewAccount | Account) -> None:
    """Raises AccountError."""
    if NAME.fullmatch(fold_name(new.name)) is None:
        raise AccountError(
            "A name has 1 to 128 letters, digits and . _ @ + -, and begins and ends with a letter or digit.", "name"
        )
    unknown = [role for role in new.roles if role not in ROLES]
    if unknown or not new.roles:
        raise AccountError(f"An account needs one or more of the roles {', '.join(ROLES)}.", "roles")
    if new.fhir_user and (FHIR_USER.fullmatch(new.fhir_user) is None or new.fhir_user.count("/") != 1):
        raise AccountError("The FHIR user is a reference such as Practitioner/1.", "fhir_user")
    if new.patient and FHIR_ID.fullmatch(new.patient) is None:
        raise AccountError("The patient is the id of a Patient.", "patient")
    if all(ROLES[role].own_record_only for role in new.roles) and not new.patient:
        raise AccountError("The role patient reads one patient's record: say whose.", "patient")
    if len(new.display) > 200 or not new.display.isprintable():
        raise AccountError("The name to show has at most 200 printable characters.", "display")
    if new.specialty and new.specialty not in specialty_names():
        raise AccountError("The specialty is a code of the specialties that the server knows.", "specialty")
    try:
        check_person(new.person, (Email(new.email), *new.emails), new.identities, (new.user_type, new.external_id))
    except PersonError as error:
        raise AccountError(str(error), "email") from error


async def prepare(own: OwnRecords, new: NewAccount) -> tuple[Account, list[Keep]]:
    """The account, and the changes that make it. Raises AccountError; the commit raises StaleVersionError when the name is taken."""
    check(new)
    name = fold_name(new.name)
    encoded = "" if new.password is None else await new_password(new.password, name)
    fhir_user = new.fhir_user or (f"Patient/{new.patient}" if new.patient else "")
    account = Account(
        str(uuid4()), name, new.display or new.name.strip(), tuple(dict.fromkeys(new.roles)), fhir_user, new.patient, encoded,
        new.active, own.now(), demo=new.demo, specialty=new.specialty, email=new.email, invited=new.invited, emails=new.emails,
        person=new.person, user_type=new.user_type, external_id=new.external_id, identities=new.identities, provider=new.provider,
    )  # fmt: skip
    links = [LINKS.add(own, link_id(identity), Linked(account.id)) for identity in new.identities]
    return account, [ACCOUNTS.add(own, account.id, account), NAMES.add(own, name, NameTaken(account.id)), *links]


async def add(own: OwnRecords, new: NewAccount, audit: Sequence[bytes] = ()) -> Account:
    """Make it, with audit records. Raises AccountError, and TakenError when the name or an identity is taken."""
    account, changes = await prepare(own, new)
    try:
        await own.commit(changes, audit)
    except StaleVersionError as error:
        raise taken(own, account, error) or error from error
    return account


def taken(own: OwnRecords, account: Account, error: StaleVersionError) -> TakenError | None:
    """What a commit of an account's name or identities was in the way of; None: of something else."""
    if error.key == NAMES.key(own.tenant, account.name):
        return TakenError(f"There is an account {account.name} already.", "name")
    if error.key in {LINKS.key(own.tenant, link_id(identity)) for identity in account.identities}:
        return TakenError("Another account has this outside identity.")
    return None


async def with_password(own: OwnRecords, found: Found[Account], password: str) -> Keep:
    """The change that gives an account another password and ends what it signed in to. Raises AccountError."""
    encoded = await new_password(password, found.value.name)
    value = msgspec.structs.replace(found.value, password=encoded, signed_out_before=own.now(), demo=False, invited=False)
    return ACCOUNTS.change(own, found, value)


def deactivated(own: OwnRecords, found: Found[Account]) -> Keep:
    """The change that lets an account do nothing any more."""
    value = msgspec.structs.replace(found.value, active=False, signed_out_before=own.now())
    return ACCOUNTS.change(own, found, value)


async def find(own: OwnRecords, id_: str) -> Found[Account] | None:
    """One that was not removed."""
    found = await ACCOUNTS.read(own, id_)
    return None if found is None or found.value.removed else found


async def find_by_identity(own: OwnRecords, identity: Identity) -> Found[Account] | None:
    """Whom an outside provider's person signs in as."""
    linked = await LINKS.read(own, link_id(identity))
    return None if linked is None else await find(own, linked.value.account)


async def find_by_name(own: OwnRecords, name: str) -> Found[Account] | None:
    """By a name as somebody typed it."""
    folded = fold_name(name)
    taken = await NAMES.read(own, folded) if NAME.fullmatch(folded) else None
    return None if taken is None else await find(own, taken.value.account)


async def listed(own: OwnRecords) -> AsyncIterator[Account]:
    """Deactivated ones as well, but none that was removed."""
    async for found in found_all(own):
        yield found.value


async def found_all(own: OwnRecords) -> AsyncIterator[Found[Account]]:
    """As `listed`, with what a change needs. One that is changed meanwhile may come twice."""
    async for found in ACCOUNTS.all(own):
        if not found.value.removed:
            yield found


@cache
def specialty_names() -> Mapping[str, str]:
    """By code, what each specialty is called; those below another follow it."""

    def flat(concepts: Sequence[Resource]) -> Iterator[tuple[str, str]]:
        for concept in concepts:
            yield concept["code"], concept["display"]
            yield from flat(concept.get("concept", ()))

    return dict(flat(specialties()["concept"]))


async def new_password(password: str, name: str) -> str:
    """Argon2id, encoded, of one that the rules take. Raises AccountError."""
    try:
        check_new_password(password, (name,))
    except PasswordRefusedError as error:
        raise AccountError(str(error), "password") from error
    return await hash_password(password)
