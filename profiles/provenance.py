"""Provenance (R4 provenance.html): which versions an activity made, who did it, and from what.

R4 has no element for the patients whose records its targets are part of; R5's `patient` stands for it, as the extension that R5
gives older versions for its own elements. So a Provenance is as visible as what it tells of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from profiles.json import Resource
from profiles.reading import objects

PATIENT: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Provenance.patient"

Activity = Literal["CREATE", "UPDATE", "DELETE"]

_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(
    id: str,
    targets: Iterable[str],
    recorded: datetime,
    activity: Activity,
    agents: Sequence[Resource],
    entities: Sequence[Resource] = (),
    patients: Iterable[str] = (),
) -> Resource:
    """`targets` are references, with versions where there are such; `patients` are ids of this server."""
    told = [patient_extension(f"Patient/{patient}") for patient in patients]
    return {
        "resourceType": "Provenance",
        "id": id,
        **({"extension": told} if told else {}),
        "target": [{"reference": target} for target in targets],
        "recorded": recorded.astimezone(UTC).isoformat(timespec="milliseconds"),
        "activity": concept(_OPERATION, activity),
        "agent": list(agents),
        **({"entity": list(entities)} if entities else {}),
    }


def agent(role: Literal["performer", "author", "assembler"], who: Resource) -> Resource:
    return {"type": concept(_AGENT, role), "who": who}


def caller(fhir_user: str | None, subject: str) -> Resource:
    """Who did it, as a Reference. A Person cannot be an agent in R4, and is told by name."""
    named = fhir_user is not None and fhir_user.split("/")[-2:-1] != ["Person"]
    return {"reference": fhir_user} if named else {"display": fhir_user or subject}


def revision(reference: str) -> Resource:
    """Of a version that another took the place of."""
    return {"role": "revision", "what": {"reference": reference}}


def source(what: Resource) -> Resource:
    """Of a Reference to what something was made from."""
    return {"role": "source", "what": what}


def patient_extension(reference: str) -> Resource:
    return {"url": PATIENT, "valueReference": {"reference": reference}}


def told_patients(resource: Resource) -> list[object]:
    """The References to patients that a Provenance says it is about."""
    return [each.get("valueReference") for each in objects(resource.get("extension")) if each.get("url") == PATIENT]


def concept(system: str, code: str) -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}
