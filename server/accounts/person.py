"""What an account says of the person: parts of the name, e-mail addresses, and who they are at outside OpenID providers.

The shapes are those of RFC 7643 section 4.1, as far as they are kept. An address proves nothing and lets nobody in by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from server.internal import Kind

LONGEST: Final = 200
"""Characters of any text of these."""

MOST_EMAILS: Final = 20
MOST_IDENTITIES: Final = 10
EMAIL: Final = re.compile(r"[^\s@<>\"',;:()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
LONGEST_EMAIL: Final = 254
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core section 2."""


class PersonError(Exception):
    """It cannot be kept like this; the message is one sentence for whoever asked."""


class PersonName(msgspec.Struct, frozen=True, omit_defaults=True):
    """Each may be empty."""

    formatted: str = ""
    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""


NO_NAME: Final = PersonName()


class Email(msgspec.Struct, frozen=True, omit_defaults=True):
    """`type` is a word such as `work` or `home`."""

    value: str
    type: str = ""
    display: str = ""
    primary: bool = False


class Identity(msgspec.Struct, frozen=True):
    """Who the person is at an outside provider: nobody else there, or anywhere, has both."""

    issuer: str
    subject: str


class Linked(msgspec.Struct, frozen=True):
    """Under an identity: whose account it signs in to."""

    account: str


LINKS: Final = Kind("outside-identity", Linked)


def link_id(identity: Identity) -> str:
    """What the link of an identity is known by; an issuer holds no space."""
    return f"{identity.issuer} {identity.subject}"


def addresses(email: str, emails: Sequence[Email]) -> tuple[Email, ...]:
    """All e-mail addresses of an account: what a directory gave, unless `email`, the one to use, was changed elsewhere since."""
    if not email:
        return ()
    if any(known.value == email for known in emails):
        return tuple(emails)
    before = next((known for known in emails if known.primary), emails[0] if emails else None)
    others = tuple(known for known in emails if known is not before)
    return (Email(email, before.type if before else "", primary=True), *others)


def check_person(
    name: PersonName, emails: Sequence[Email], identities: Sequence[Identity], texts: Sequence[str] = ()
) -> None:
    """Raises PersonError. `texts` are other short ones: type, specialty, external id."""
    for text in (
        *msgspec.structs.astuple(name),
        *texts,
        *(part for email in emails for part in (email.type, email.display)),
    ):
        if len(text) > LONGEST or not text.isprintable():
            raise PersonError(f"Names, types and ids have at most {LONGEST} printable characters.")
    if len(emails) > MOST_EMAILS + 1:
        raise PersonError(f"An account has at most {MOST_EMAILS} e-mail addresses.")
    if any(email.value and (len(email.value) > LONGEST_EMAIL or not EMAIL.fullmatch(email.value)) for email in emails):
        raise PersonError("An e-mail address is written as name@example.org.")
    if sum(email.primary for email in emails) > 1:
        raise PersonError("One e-mail address at most is the primary one.")
    _check_identities(identities)


def _check_identities(identities: Sequence[Identity]) -> None:
    if len(identities) > MOST_IDENTITIES or len(set(identities)) != len(identities):
        raise PersonError(f"An account has at most {MOST_IDENTITIES} outside identities, each once.")
    for identity in identities:
        if re.fullmatch(r"https?://[^\s\"<>\\]{1,490}", identity.issuer) is None:
            raise PersonError("The issuer of an outside identity is the address of its provider.")
        if not 0 < len(identity.subject) <= LONGEST_SUBJECT or not identity.subject.isprintable():
            raise PersonError(f"The subject of an outside identity has 1 to {LONGEST_SUBJECT} printable characters.")
