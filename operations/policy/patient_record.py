"""The stored record of one patient as entries that evidence can be collected from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.documents.stored_text import with_text
from operations.packet import Entry
from operations.policy.json_reading import objects, part
from operations.ports import Context
from profiles.json import Resource
from profiles.outcome import refuse

EVIDENCE_TYPES: Final = (
    "AllergyIntolerance",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ImagingStudy",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "ServiceRequest",
)
RECORD_LIMIT: Final = 2000
"""Resources of one type that are read at most; more is refused by the search (search-too-costly)."""


async def patient_entries(patient_id: str, context: Context) -> list[Entry]:
    """The Patient first, then what the record holds about them, and the Binaries that documents point at.

    Raises `FhirError`: not-found when there is no such patient, search-too-costly for a record beyond `RECORD_LIMIT`.
    """
    patient = await context.records.read("Patient", patient_id)
    if patient is None:
        raise refuse("not-found", "There is no such Patient.", "Patient")
    entries = [entry_of(patient)]
    for kind in EVIDENCE_TYPES:
        found = await context.records.search(kind, {"patient": f"Patient/{patient_id}"}, limit=RECORD_LIMIT)
        entries += [entry_of(resource) for resource in found]
    for name in dict.fromkeys(name for entry in entries for name in _binary_ids(entry.resource)):
        binary = await context.records.read("Binary", name)
        if binary is not None:
            entries.append(entry_of(await with_text(binary, context)))
    return entries


def entry_of(resource: Resource) -> Entry:
    """A stored resource under its versioned reference."""
    name = f"{resource.get('resourceType')}/{resource.get('id')}"
    version = part(resource.get("meta"), "versionId")
    return Entry(f"{name}/_history/{version}" if isinstance(version, str) else name, resource)


def _binary_ids(resource: Resource) -> Iterator[str]:
    attachments = [part(content, "attachment", "url") for content in objects(resource.get("content"))]
    attachments += [part(form, "url") for form in objects(resource.get("presentedForm"))]
    for url in attachments:
        kind, _, rest = url.partition("/") if isinstance(url, str) else ("", "", "")
        if kind == "Binary" and rest:
            yield rest.partition("/")[0]
