"""W1: thirty-six requests: nine types created in the order of their references, each read, updated as it was read, and deleted in reverse.

The shape is that of HealthSamurai's fhir-server-performance-benchmark (crud.js).
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.workloads.caller import Caller, Record
from profiles.json import dumps, loads

_OWN: Final = "https://benchmarks.example/codes/"
_TIME: Final = "2024-05-17T09:30:00Z"


def _concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_OWN}terms", "code": code, "display": code.capitalize()}], "text": code}


def _to(type_: str) -> dict[str, Any]:
    return {"reference": f"{type_}/{{{type_}}}"}


_ITEM: Final = {"sequence": 1, "productOrService": _concept("visit"), "net": {"value": 125, "currency": "USD"}}
_CLAIM: Final = {"status": "active", "type": _concept("institutional"), "use": "claim", "patient": _to("Patient"), "created": _TIME,
    "provider": _to("Organization"), "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "A plan"}}],
    "item": [_ITEM]}  # fmt: skip
RESOURCES: Final[dict[str, dict[str, Any]]] = {
    "Patient": {"identifier": [{"system": f"{_OWN}medical-record", "value": "{n}"}], "gender": "female", "birthDate": "1971-04-09",
        "name": [{"use": "official", "family": "Lindqvist", "given": ["Maja", "Elin"]}],
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "address": [{"line": ["1 Harbor Road"], "city": "Riverbend", "state": "MD", "postalCode": "21999"}]},
    "Location": {"status": "active", "name": "Harbor wing", "address": {"city": "Riverbend", "state": "MD"}},
    "Organization": {"active": True, "name": "Harbor General", "identifier": [{"system": f"{_OWN}organization", "value": "{n}"}]},
    "Practitioner": {"active": True, "name": [{"family": "Haag", "given": ["Cora"]}],
        "identifier": [{"system": f"{_OWN}practitioner", "value": "{n}"}]},
    "Encounter": {"status": "finished", "class": {"system": f"{_OWN}class", "code": "AMB"}, "subject": _to("Patient"),
        "participant": [{"individual": _to("Practitioner")}], "serviceProvider": _to("Organization"),
        "location": [{"location": _to("Location")}], "period": {"start": _TIME, "end": _TIME}},
    "Observation": {"status": "final", "code": _concept("glucose"), "category": [_concept("laboratory")], "subject": _to("Patient"),
        "encounter": _to("Encounter"), "effectiveDateTime": _TIME, "issued": _TIME,
        "valueQuantity": {"value": 92, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}},
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": _concept("tablet"),
        "subject": _to("Patient"), "encounter": _to("Encounter"), "requester": _to("Practitioner"), "authoredOn": _TIME},
    "Claim": {**_CLAIM, "priority": _concept("normal"), "billablePeriod": {"start": _TIME, "end": _TIME}},
    "ExplanationOfBenefit": {**_CLAIM, "insurer": _to("Organization"), "outcome": "complete", "claim": _to("Claim"),
        "insurance": [{"focal": True, "coverage": {"display": "A plan"}}], "item": [_ITEM]},
}  # fmt: skip
_BODIES: Final = {type_: dumps({"resourceType": type_, **content}).decode() for type_, content in RESOURCES.items()}


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    turn = 0
    while not record.over:
        turn += 1
        ids: dict[str, str] = {}
        for type_, text in _BODIES.items():
            body = text.replace("{n}", f"{number}-{turn}-{record.begin}")
            for known, id_ in ids.items():
                body = body.replace(f"{{{known}}}", id_)
            ids[type_] = loads((await caller.ask("create", "POST", type_, body.encode(), expect=201)).body)["id"]
        bodies = {type_: (await caller.ask("read", "GET", f"{type_}/{id_}")).body for type_, id_ in ids.items()}
        for type_, id_ in ids.items():
            await caller.ask("update", "PUT", f"{type_}/{id_}", bodies[type_])
        for type_ in reversed(ids):
            await caller.ask("delete", "DELETE", f"{type_}/{ids[type_]}", expect=204)
