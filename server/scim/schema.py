"""The attributes of a User as data (RFC 7643 sections 2, 4.1 and 7): what is read, filtered, sorted and told is told from here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from server.auth.roles import ROLES

CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
EXTENSION: Final = "urn:assent:scim:extension:1.0:User"

Type = Literal["string", "boolean", "dateTime", "reference", "complex"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One of RFC 7643 section 7. `schema` is empty for what every resource has (section 3.1)."""

    name: str
    meaning: str
    type: Type = "string"
    schema: str = CORE
    multi: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Literal["readOnly", "readWrite", "writeOnly"] = "readWrite"
    returned: Literal["always", "default", "never"] = "default"
    uniqueness: Literal["none", "server"] = "none"
    canonical: tuple[str, ...] = ()
    parts: tuple[Attribute, ...] = ()

    def part(self, name: str) -> Attribute | None:
        """By its name in any case."""
        return next((part for part in self.parts if part.name.lower() == name.lower()), None)


def _several(value: Attribute, *types: str) -> tuple[Attribute, ...]:
    """RFC 7643 2.4."""
    return (
        value,
        Attribute("display", "What people are shown."),
        Attribute("type", "What kind it is.", canonical=types),
        Attribute("primary", "Whether it is the one to use first.", "boolean"),
    )


COMMON: Final = (
    Attribute(
        "schemas", "The schemas that the resource has attributes of.", "reference", "", multi=True, returned="always"
    ),
    Attribute(
        "id",
        "The account's id, which never means another.",
        schema="",
        case_exact=True,
        mutability="readOnly",
        returned="always",
    ),
    Attribute("externalId", "What the directory knows the account by.", schema="", case_exact=True),
    Attribute(
        "meta",
        "About the resource.",
        "complex",
        "",
        mutability="readOnly",
        parts=(
            Attribute("resourceType", "User.", mutability="readOnly", case_exact=True),
            Attribute("created", "When it was made.", "dateTime", mutability="readOnly"),
            Attribute("lastModified", "When it was changed last.", "dateTime", mutability="readOnly"),
            Attribute("location", "Its address.", "reference", mutability="readOnly", case_exact=True),
            Attribute("version", "Its ETag.", mutability="readOnly", case_exact=True),
        ),
    ),
)
USER: Final = (
    Attribute("userName", "The name that the person signs in with.", required=True, uniqueness="server"),
    Attribute(
        "name",
        "The parts of the person's name.",
        "complex",
        parts=(
            Attribute("formatted", "The whole name."),
            Attribute("familyName", "The family name."),
            Attribute("givenName", "The given name."),
            Attribute("middleName", "The middle names."),
            Attribute("honorificPrefix", "What is before the name, such as Dr."),
            Attribute("honorificSuffix", "What is behind the name, such as Jr."),
        ),
    ),
    Attribute("displayName", "What people are shown; made from the other names where it is not given."),
    Attribute("userType", "What the organization calls this kind of account."),
    Attribute("active", "Whether the account may sign in.", "boolean"),
    Attribute(
        "password",
        "A new password, by the rules for passwords.",
        case_exact=True,
        mutability="writeOnly",
        returned="never",
    ),
    Attribute(
        "emails",
        "E-mail addresses.",
        "complex",
        multi=True,
        parts=_several(Attribute("value", "The address.", required=True), "work", "home", "other"),
    ),
    Attribute(
        "roles",
        "What the account may do here.",
        "complex",
        multi=True,
        required=True,
        parts=_several(Attribute("value", "A role of the server.", required=True, canonical=tuple(ROLES))),
    ),
)
EXTRA: Final = (
    Attribute("fhirUser", "Who it is in the records, such as Practitioner/1.", schema=EXTENSION, case_exact=True),
    Attribute("specialty", "The person's specialty, a code that the server knows.", schema=EXTENSION, case_exact=True),
    Attribute("patient", "The id of the Patient whose record the role patient reads.", schema=EXTENSION, case_exact=True),
    Attribute(
        "identities",
        "Who the person is at outside OpenID providers; each signs in to the account.",
        "complex",
        EXTENSION,
        multi=True,
        parts=(
            Attribute("issuer", "The provider.", "reference", required=True, case_exact=True),
            Attribute("subject", "The person's id there.", required=True, case_exact=True),
        ),
    ),
    Attribute(
        "provider",
        "The outside provider at whose word the account was made and has its roles.",
        schema=EXTENSION,
        mutability="readOnly",
    ),
)
ATTRIBUTES: Final = (*COMMON, *USER, *EXTRA)

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: an attribute, and perhaps a part of it."""

    attribute: Attribute
    part: Attribute | None = None

    @property
    def leaf(self) -> Attribute:
        """What holds the value to compare: of several values without a part, their `value` (RFC 7644 3.4.2.2)."""
        return self.part or (self.attribute.part("value") if self.attribute.multi else None) or self.attribute


def find_attribute(path: str) -> Target | None:
    """By its name in any case, with or without the schema before it and a part behind it (RFC 7644 3.10)."""
    schema, rest = "", path
    for known in (CORE, EXTENSION):
        if path.lower().startswith(f"{known.lower()}:"):
            schema, rest = known, path[len(known) + 1 :]
    name, dot, inner = rest.partition(".")
    for attribute in ATTRIBUTES:
        if attribute.name.lower() != name.lower() or (attribute.schema == EXTENSION) != (schema == EXTENSION):
            continue
        if not dot:
            return Target(attribute)
        part = attribute.part(inner)
        return None if part is None else Target(attribute, part)
    return None


def home(content: Content, attribute: Attribute) -> Content:
    """Where an attribute stands in a resource: at the top, or in the extension. Empty where there is none."""
    if attribute.schema != EXTENSION:
        return content
    found = content.get(EXTENSION)
    return found if isinstance(found, dict) else {}


def values(content: Content, target: Target) -> Iterator[Any]:
    """The values that a path names in a resource."""
    found = home(content, target.attribute).get(target.attribute.name)
    leaf = target.leaf
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, dict) and leaf is not target.attribute:
            item = item.get(leaf.name)
        if item is not None:
            yield item
