"""`assent token`: an access token for whoever may read the server's data folder. Standard output holds the token alone.

Whoever can read the signing key can be anybody; this command only saves them the typing.
"""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Final

from server.audit.purposes import CODES
from server.auth.access_token import FHIR_ID, FHIR_USER, TENANT, Grant, issue_token
from server.auth.roles import ROLES
from server.auth.scopes import parse_scopes
from server.auth.signing_key import FILE_NAME, load_or_create
from server.config import MAXIMUM_TOKEN_LIFETIME, ConfigurationError, Settings

CLIENT_ID: Final = "assent-cli"

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print a token for the roles, tenant, scopes and launch context of `arguments`."""
    settings = Settings.from_environment(environ)
    grant = grant_from(arguments)
    lifetime = settings.token_ttl if arguments.expires is None else lifetime_from(arguments.expires)
    if not (settings.data / FILE_NAME).exists():
        print(
            f"assent: making a new signing key in {settings.data}; "
            "a server with another data folder (ASSENT_DATA) will not know this token.",
            file=sys.stderr,
        )
    print(issue_token(load_or_create(settings.data), grant, lifetime=lifetime))
    return 0


def grant_from(arguments: Namespace) -> Grant:
    """What the token will say; raises `ConfigurationError` for what a server would not accept or could not use."""
    roles: list[str] = list(dict.fromkeys(arguments.role))
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise ConfigurationError(f"There is no role {unknown[0]!r}; the roles are {', '.join(ROLES)}.")
    tenant: str = _checked("--tenant", arguments.tenant, TENANT, "lower-case letters, digits and hyphens (63 at most)")
    patient = arguments.patient and _checked("--patient", arguments.patient, FHIR_ID, "the id of a Patient")
    if patient is None and all(ROLES[role].own_record_only for role in roles):
        raise ConfigurationError("The role patient reads one patient's record: name it with --patient.")
    subject: str = arguments.subject or roles[0]
    if not subject.isprintable() or not 0 < len(subject) <= 255:
        raise ConfigurationError("--subject must be 1 to 255 printable characters.")
    return Grant(
        tenant=tenant,
        subject=subject,
        client_id=CLIENT_ID,
        roles=roles,
        scope=_scope(arguments.scope, patient),
        fhir_user=_fhir_user(arguments.fhir_user, subject, patient, roles),
        patient=patient,
        more={"purpose_of_use": _purposes(arguments.purpose)} if arguments.purpose else {},
    )


def _purposes(codes: list[str]) -> list[str]:
    unknown = [code for code in codes if code not in CODES]
    if unknown:
        raise ConfigurationError("--purpose is a code of HL7's PurposeOfUse, such as TREAT or HPAYMT.")
    return codes


def lifetime_from(text: str) -> int:
    """Seconds, of a text such as 90, 30m, 8h or 7d."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    seconds = int(match[1]) * _SECONDS[match[2] or "s"] if match else 0
    if not 1 <= seconds <= MAXIMUM_TOKEN_LIFETIME:
        raise ConfigurationError("--expires must be a time such as 90s, 30m, 8h or 7d, and at most 366d.")
    return seconds


def _scope(asked: str | None, patient: str | None) -> str:
    if asked is None:
        return "patient/*.cruds" if patient else "user/*.cruds"
    scopes = parse_scopes(asked)
    if scopes.unknown or not (scopes.resources or scopes.others):
        named = f"{scopes.unknown[0]!r} is" if scopes.unknown else "--scope names"
        raise ConfigurationError(f"{named} no SMART scope; scopes look like user/*.rs or patient/Claim.cruds.")
    return " ".join(asked.split())


def _fhir_user(asked: str | None, subject: str, patient: str | None, roles: list[str]) -> str | None:
    if asked is not None:
        return _checked("--fhir-user", asked, FHIR_USER, "a reference such as Practitioner/1")
    if "patient" in roles and patient is not None:
        return f"Patient/{patient}"
    return f"Practitioner/{subject}" if FHIR_ID.fullmatch(subject) else None


def _checked(option: str, value: str, form: re.Pattern[str], wording: str) -> str:
    if form.fullmatch(value) is None:
        raise ConfigurationError(f"{option} must be {wording}.")
    return value
