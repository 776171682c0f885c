"""EHR launch: what an EHR says of the patient at hand, under a name that is good once and for a minute (SMART App Launch 2.2).

`POST /oauth/launch` with a bearer token: {"patient", "encounter", "fhirContext", "intent", "client_id"}, all optional but one of
patient, encounter and fhirContext. The caller must be able to read the patient and the encounter. The app is then started at its
launch address with `iss` and the `launch` that this answers.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import msgspec

from profiles import json
from profiles.outcome import FhirError
from server.accounts.account import find
from server.auth.access_token import FHIR_ID
from server.auth.bearer import authenticate_value
from server.auth.principal import Principal
from server.internal import Kind
from server.oauth.authority import Authority
from server.oauth.errors import OAuthError
from server.oauth.people_pages import is_visit_of
from server.oauth.records import sees
from server.oauth.wire import Answer, json_answer
from server.store.store import StaleVersionError

LASTS: Final = 60
"""Seconds."""

LARGEST: Final = 16 * 1024
MOST_CONTEXT: Final = 20
MOST_DEPTH: Final = 8
_MEMBERS: Final = frozenset({"patient", "encounter", "fhirContext", "intent", "client_id"})
_CONTEXT_MEMBERS: Final = frozenset({"reference", "canonical", "identifier", "type", "role"})
_INTENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class LaunchContext(msgspec.Struct, frozen=True, omit_defaults=True):
    """`account` is the person in the EHR; empty when a service of the EHR launches."""

    patient: str = ""
    encounter: str = ""
    fhir_context: list[dict[str, Any]] = []
    intent: str = ""
    client: str = ""
    account: str = ""
    used: bool = False


LAUNCHES: Final = Kind("launch", LaunchContext)


async def create(authority: Authority) -> Answer:
    """Answers `POST /oauth/launch`. Raises OAuthError."""
    caller = bearer(authority)
    context = _read(authority.call.body)
    if context.patient and not await sees(authority, caller, "Patient", context.patient):
        raise OAuthError("access_denied", "There is no such Patient that this caller may read.")
    if context.encounter and not await is_visit_of(authority, caller, context.encounter, context.patient):
        raise OAuthError("access_denied", "There is no such Encounter of the patient that this caller may read.")
    if await find(authority.own, caller.subject) is not None:
        context = msgspec.structs.replace(context, account=caller.subject)
    name, until = secrets.token_urlsafe(32), authority.own.now() + LASTS * 1_000_000
    patients = (context.patient,) if context.patient else ()
    noted = authority.note("launch-create", who=caller, query=f"client={context.client}", patients=patients)
    await authority.commit([LAUNCHES.add(authority.own, name, context, until)], noted)
    return json_answer({"launch": name, "iss": authority.bases[0], "expires_in": LASTS}, 201)


async def take(authority: Authority, name: str, client: str) -> LaunchContext:
    """The context of a launch, which nobody can take again. Raises OAuthError."""
    refused = OAuthError("invalid_request", "The launch is not known, was used, or is over: launch the app again.")
    found = await LAUNCHES.read(authority.own, name)
    if found is None or found.value.used or authority.own.now() >= found.until:
        raise refused
    if found.value.client not in {"", client}:
        raise refused
    used = LAUNCHES.change(authority.own, found, msgspec.structs.replace(found.value, used=True))
    try:
        await authority.commit([used])
    except StaleVersionError as error:
        raise refused from error
    return found.value


def bearer(authority: Authority) -> Principal:
    """Who sent the access token of this call, for this tenant. Raises OAuthError."""
    value = authority.call.headers.get("authorization", "")
    try:
        caller = authenticate_value(value.encode("latin-1", "replace") or None, authority.shared.services.verifier)
    except FhirError as error:
        raise OAuthError("invalid_token", error.issues[0].text, challenge=error.headers["WWW-Authenticate"]) from error
    if caller.tenant != authority.tenant:
        raise OAuthError("invalid_token", "The token is for another tenant.", challenge='Bearer error="invalid_token"')
    return caller


def _read(body: bytes) -> LaunchContext:
    try:
        content = json.loads(body) if len(body) <= LARGEST else None
    except json.JsonError:
        content = None
    if not isinstance(content, dict) or not content.keys() <= _MEMBERS:
        raise OAuthError("invalid_request", f"The body is a JSON object with some of {', '.join(sorted(_MEMBERS))}.")
    values = {name: content.get(name, "") for name in _MEMBERS - {"fhirContext"}}
    context = content.get("fhirContext", [])
    if not all(isinstance(value, str) for value in values.values()) or not _is_context(context):
        raise OAuthError("invalid_request", "A member of the body is of the wrong kind.")
    if any(values[name] and FHIR_ID.fullmatch(values[name]) is None for name in ("patient", "encounter")):
        raise OAuthError("invalid_request", "patient and encounter are ids.")
    if values["intent"] and _INTENT.fullmatch(values["intent"]) is None:
        raise OAuthError("invalid_request", "The intent is a short word.")
    if not (values["patient"] or values["encounter"] or context):
        raise OAuthError("invalid_request", "A launch has a patient, an encounter or a fhirContext.")
    return LaunchContext(values["patient"], values["encounter"], context, values["intent"], values["client_id"])


def _is_context(context: Any) -> bool:
    """An array of objects that name one thing each (reference, canonical or identifier), and perhaps its type and role."""
    return isinstance(context, list) and len(context) <= MOST_CONTEXT and all(_is_item(item) for item in context)


def _is_item(item: Any) -> bool:
    if not isinstance(item, dict) or not item.keys() <= _CONTEXT_MEMBERS:
        return False
    texts = [item[name] for name in ("reference", "canonical", "type", "role") if name in item]
    named = item.keys() & {"reference", "canonical", "identifier"}
    return (
        bool(named)
        and all(isinstance(text, str) and 0 < len(text) <= 1000 and text.isprintable() for text in texts)
        and isinstance(item.get("identifier", {}), dict)
        and _is_plain(item)
    )


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Texts, objects and lists: an Identifier has no numbers."""
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return depth < MOST_DEPTH and all(_is_plain(item, depth + 1) for item in items)
    return isinstance(value, str)
