"""What a few resources with all kinds of values are found by, in words: kept in index_witness.json, so that a change is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from profiles.json import Resource, loads
from server.reach import patients_of
from server.seal.blind_index import BlindIndex
from server.search.index_entries import INDEX_FORMATS, index_resource

FILE = Path(__file__).with_suffix(".json")
BASE = "https://assent.example/fhir"
META = {"versionId": "1", "lastUpdated": "2026-03-16T10:00:00Z", "tag": [{"system": "https://a.example", "code": "t"}]}

RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "meta": META,
        "active": True,
        "identifier": [{"system": "https://clinic.example/mrn", "value": "A-1"}],
        "name": [{"text": "José de la Cruz", "family": "de la Cruz", "given": ["José", "M."]}],
        "telecom": [{"system": "phone", "value": "555 0100"}, {"system": "email", "value": "j@example.org"}],
        "birthDate": "1970-05",
        "address": [{"line": ["1 Long Street"], "city": "Riverbend", "postalCode": "12345", "country": "US"}],
        "generalPractitioner": [{"reference": f"{BASE}/Practitioner/d"}],
        "managingOrganization": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}},
    },
    {
        "resourceType": "Observation",
        "id": "o",
        "meta": META,
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/c", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}, {"code": "own"}], "text": "HbA1c"},
        "subject": {"reference": "Patient/p"},
        "effectivePeriod": {"start": "2026-03-01"},
        "valueQuantity": {"value": 7.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
    },
    {
        "resourceType": "Claim",
        "id": "c",
        "meta": META,
        "status": "active",
        "use": "preauthorization",
        "created": "2026-03-16",
        "patient": {"reference": "Patient/p"},
        "provider": {"reference": "https://other.example/fhir/Organization/x"},
        "priority": {"coding": [{"code": "normal"}]},
    },
    {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-03-16T09:00:00-05:00",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": "#med"},
    },
    {
        "resourceType": "Questionnaire",
        "id": "q",
        "status": "active",
        "url": "https://a.example/q|1",
        "title": "Before surgery",
        "version": "1",
    },
    {"resourceType": "RiskAssessment", "id": "r", "status": "final", "prediction": [{"probabilityDecimal": 0.25}]},
]


class PlainIndex(BlindIndex):
    """Notes what it was asked to hash."""

    def __init__(self) -> None:
        super().__init__(bytes(32))
        self.words: dict[int, str] = {}

    def _make_term(self, type_: str, parameter: str, value: str) -> int:
        made = super()._make_term(type_, parameter, value)
        self.words[made] = f"{parameter} {value}".rstrip()
        return made

    def _make_column(self, type_: str, name: str) -> int:
        made = super()._make_column(type_, name)
        self.words[made] = name
        return made


def entries() -> dict[str, list[str]]:
    """By type, in words and in their order."""
    return {content["resourceType"]: _of(loads(json.dumps(content))) for content in RESOURCES}


def _of(resource: Resource) -> list[str]:
    plain = PlainIndex()
    found = index_resource(resource, patients_of(resource), plain, 0, BASE)
    terms = [plain.words[term] for term in found.terms]
    intervals = [f"{plain.words[max(column, ~column)]} {low!r} {high!r}" for column, low, high in found.intervals]
    timeline = [f"history {plain.words[term]}" for term in found.timeline]
    return [f"order {found.order}", *sorted(terms), *sorted(intervals), *sorted(timeline)]


def main() -> None:
    """Write the file anew."""
    FILE.write_text(json.dumps({"formats": INDEX_FORMATS, "entries": entries()}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
