"""Small resources for the tests of this folder."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from typing import Any

from operations.evidence.collect import collect_evidence, collect_from_resources
from operations.evidence.evidence import Evidence
from operations.packet import Entry, Packet

AS_OF = date(2026, 11, 22)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"


def entry(resource: dict[str, Any]) -> Entry:
    return Entry(f"https://ehr.example/fhir/{resource['resourceType']}/{resource.get('id', '1')}", resource)


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def collected(*resources: dict[str, Any]) -> Evidence:
    return collect_from_resources([entry(resource) for resource in resources], AS_OF)


def document(*resources: dict[str, Any]) -> dict[str, Any]:
    return collected(*resources).document()


def packet(claim: dict[str, Any], *others: dict[str, Any]) -> Packet:
    entries = tuple(entry(resource) for resource in (claim, *others))

    def resolve(reference: str, holder: Entry) -> Entry | None:
        return next((e for e in entries if e.reference == reference or e.reference.endswith(f"/{reference}")), None)

    return Packet(entries[0], entries, resolve, datetime(2026, 11, 22, 12, tzinfo=UTC))


def evidence_of(claim: dict[str, Any], *others: dict[str, Any]) -> Evidence:
    return collect_evidence(packet(claim, *others))


def claim(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim",
        "id": "c1",
        "patient": {"reference": "Patient/p1"},
        "priority": {"coding": [{"code": "normal"}]},
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(ICD, "M54.16")}],
        "item": [{"sequence": 1, "productOrService": concept(CPT, "72148"), "servicedDate": "2026-11-22"}],
        **more,
    }


def note(text: str | bytes, kind: str = "text/plain", day: str = "2026-11-22", **more: Any) -> dict[str, Any]:
    data = text if isinstance(text, bytes) else text.encode()
    return {
        "resourceType": "DocumentReference",
        "id": more.pop("id", "d1"),
        "status": "current",
        "date": f"{day}T10:00:00Z",
        "type": concept(LOINC, "11506-3", "Progress note"),
        "content": [{"attachment": {"contentType": kind, "data": base64.b64encode(data).decode()}}],
        **more,
    }


def procedure(code: str, day: Any = "2026-10-01", **more: Any) -> dict[str, Any]:
    done = {"performedPeriod": day} if isinstance(day, dict) else {"performedDateTime": day}
    resource = {"resourceType": "Procedure", "status": "completed", "code": concept(CPT, code), **done, **more}
    return {"id": f"{code}-{more.get('id', day)}".replace(":", ""), **resource}


def observation(code: str, value: Any, unit: str = "", day: str = "2026-10-22", **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "code": unit}
    return {"resourceType": "Observation", "id": f"{code}-{day}", "status": "final", "code": concept(LOINC, code),
            "valueQuantity": quantity, "effectiveDateTime": day, **more}  # fmt: skip


def drug(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"{kind}-{name}", "medicationCodeableConcept": {"text": name}, **more}
