"""Provenance beside what REST stores, in the same commit (R4 provenance.html): what a client sends along, and what tells of a person's edit.

A client says more in the header X-Provenance (provenance.html#header) than the server can know; where it says nothing, the server tells
who changed what of a patient's record, and from which version. What is new is told by its first version and its AuditEvent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from profiles import json
from profiles import provenance as told
from profiles.base_validation import validate_resource
from profiles.json import JsonError, Resource
from profiles.outcome import FhirError, refuse
from profiles.reading import objects
from server.access.purposes import SYSTEM as PURPOSES
from server.repository import Prepared, Version
from server.rest.request import Request

if TYPE_CHECKING:
    from server.rest.exchange import Exchange

TYPE: Final = "Provenance"
HEADER: Final = "x-provenance"
PLACE: Final = "http.X-Provenance"
EDITS: Final = "edits"
"""One of the values of ASSENT_PROVENANCE."""

_TAKEN: Final = frozenset({"create", "update", "patch"})
_TELLS_ITSELF: Final = frozenset({TYPE, "AuditEvent"})


def check_header(request: Request, interaction: str) -> None:
    """Raises FhirError (400) where the header is not heeded: nobody shall believe that it was."""
    if HEADER in request.headers and interaction not in _TAKEN:
        raise refuse(
            "not-supported", "X-Provenance goes with a create, an update or a patch; send a Provenance by itself.", PLACE
        )


async def written_by_client(exchange: Exchange, prepared: Sequence[Prepared]) -> list[Prepared]:
    """The header's Provenance, with what is stored as its target. Raises FhirError: 400 for what is none, 403."""
    text = exchange.request.headers.get(HEADER)
    if text is None or not prepared:
        return []
    sent = _read(text)
    targets = [f"{item.version.reference}/_history/{item.version.version}" for item in prepared]
    patients = sorted({patient for item in prepared for patient in item.version.patients})
    named = {reference.get("reference") for reference in told.told_patients(sent) if isinstance(reference, dict)}
    extra = [told.patient_extension(name) for each in patients if (name := f"Patient/{each}") not in named]
    whole = {
        **sent,
        **({"extension": [*objects(sent.get("extension")), *extra]} if extra else {}),
        "target": [{"reference": target} for target in targets],
    }
    issues = validate_resource(whole)
    if any(issue.severity in {"error", "fatal"} for issue in issues):
        raise FhirError(issues, 400)
    made = exchange.repository.prepare(whole, exchange.services.new_id(), None)
    if not await exchange.repository.admits_write(exchange.authorize("c", TYPE), made.version):
        raise refuse("forbidden", "The token does not allow to store such a Provenance.", PLACE)
    return [made]


def _read(text: str) -> Resource:
    try:
        content = json.loads(text.encode("latin-1"))  # as an ASGI server hands out header bytes
    except (JsonError, UnicodeError) as error:
        raise refuse("provenance-header", "X-Provenance is not JSON in UTF-8.", PLACE) from error
    if not isinstance(content, dict) or content.get("resourceType") != TYPE:
        raise refuse("provenance-header", "X-Provenance holds a Provenance.", PLACE)
    if "target" in content:
        raise refuse(
            "provenance-header", "The target of X-Provenance is what is stored with it: leave it out.", f"{TYPE}.target"
        )
    return content


async def provenances(exchange: Exchange, prepared: Sequence[Prepared]) -> list[Prepared]:
    """What tells of edits by a person: one for each patient's record (or set of records) that is changed."""
    principal, trail = exchange.principal, exchange.trail
    if EDITS not in exchange.services.settings.provenance or trail.interaction.startswith("$"):
        return []
    if trail.principal is None or principal.fhir_user is None:
        return []
    edited: dict[tuple[str, ...], list[Version]] = {}
    for item in prepared:
        if await _is_edit(exchange, item.version):
            edited.setdefault(item.version.patients, []).append(item.version)
    return [_of_edits(exchange, versions, patients) for patients, versions in edited.items()]


async def _is_edit(exchange: Exchange, version: Version) -> bool:
    """Whether something of a patient's record was there, and is not what it was."""
    if version.version == 1 or version.deleted or not version.patients or version.type in _TELLS_ITSELF:
        return False
    before = await exchange.repository.stored_at(version.type, version.id, version.version - 1)
    return before is not None and not before[1]


def _of_edits(exchange: Exchange, versions: Sequence[Version], patients: Sequence[str]) -> Prepared:
    principal, purpose = exchange.principal, exchange.trail.purpose
    made = told.provenance(
        exchange.services.new_id(),
        [f"{version.reference}/_history/{version.version}" for version in versions],
        exchange.services.clock(),
        "UPDATE",
        [told.agent("performer", told.caller(principal.fhir_user, principal.subject))],
        [told.revision(f"{version.reference}/_history/{version.version - 1}") for version in versions],
        patients,
    )
    if purpose:
        made["reason"] = [told.concept(PURPOSES, purpose)]
    return exchange.repository.prepare(made, made["id"], None)
