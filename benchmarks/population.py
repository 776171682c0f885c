"""A made-up population, in the mix of resource types and at the sizes that Synthea's records have: for measuring, not for reading.

`python -m benchmarks.population COUNT FILE` writes that many resources as NDJSON, patient by patient; the same every time. One
patient has some two hundred resources: about half of them observations, then claims, explanations of benefit and encounters.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from profiles.json import dumps, loads

Resource = dict[str, Any]

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
OWN: Final = "https://benchmarks.example/codes/"

_LABS: Final = (
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.5, 11.0),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 65.0, 220.0),
    ("38483-4", "Creatinine [Mass/volume] in Blood", "mg/dL", 0.5, 3.0),
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 120.0, 280.0),
    ("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 60.0, 320.0),
    ("6299-2", "Urea nitrogen [Mass/volume] in Blood", "mg/dL", 7.0, 30.0),
    ("2947-0", "Sodium [Moles/volume] in Blood", "mmol/L", 132.0, 148.0),
    ("8302-2", "Body height", "cm", 140.0, 205.0),
    ("29463-7", "Body weight", "kg", 42.0, 140.0),
    ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 17.0, 44.0),
)
_FAMILIES: Final = (
    "Abernathy",
    "Bartoletti",
    "Castellanos",
    "Denesik",
    "Eichmann",
    "Fahey",
    "Greenholt",
    "Haag",
    "Isaksen",
    "Jast",
)
_GIVEN: Final = (
    "Adelina",
    "Bartholomew",
    "Cora",
    "Dwight",
    "Emerson",
    "Fidela",
    "Gus",
    "Henrietta",
    "Ivory",
    "Jolyn",
    "Kip",
    "Lue",
)
_CITIES: Final = (
    "Riverbend",
    "North Haverbrook",
    "Cedar Falls",
    "East Milton",
    "Port Ashby",
    "Old Quarry",
    "Lakewood",
    "Westfield",
)
_ORDERS: Final = ("examination", "injection", "imaging", "therapy", "documentation", "screening")
_PER_PRACTITIONER: Final = 40


def population(seed: int = 1) -> Iterator[Resource]:
    """Resources without end: each patient with all of theirs, now and then an organization and a practitioner before them."""
    number = 0
    while True:
        source = random.Random(f"{seed}/{number}")
        if number % _PER_PRACTITIONER == 0:
            organization, practitioner = _organization(source, number), _practitioner(source, number)
            yield organization
            yield practitioner
        yield from _record(source, number, organization["id"], practitioner["id"])
        number += 1


def _record(source: random.Random, number: int, organization: str, practitioner: str) -> Iterator[Resource]:
    patient = _patient(source, number)
    yield patient
    subject = _to("Patient", patient["id"])
    for _ in range(source.randrange(8, 28)):
        visit = _Visit(source, subject, _to("Practitioner", practitioner), _to("Organization", organization))
        yield from visit.resources()


class _Visit:
    """One encounter and what came of it."""

    def __init__(self, source: random.Random, subject: Resource, practitioner: Resource, organization: Resource) -> None:
        self._source = source
        self._subject, self._practitioner, self._organization = subject, practitioner, organization
        self._start = datetime(1996, 1, 1, tzinfo=UTC) + timedelta(seconds=source.randrange(30 * 365 * 86_400))
        self._time = self._start.isoformat()
        self._end = (self._start + timedelta(minutes=15)).isoformat()
        self._id = _id(source)
        self._encounter = _to("Encounter", self._id)

    def resources(self) -> Iterator[Resource]:
        source = self._source
        yield self._of("Encounter", self._id, status="finished", **{"class": {"system": f"{OWN}class", "code": "AMB"}},
            type=[_concept("visit", source.randrange(12), "Encounter for a check-up or a complaint")],
            participant=[{"individual": self._practitioner}], serviceProvider=self._organization,
            period={"start": self._time, "end": self._end})  # fmt: skip
        labs = [self._observation() for _ in range(source.randrange(2, 9))]
        yield from labs
        if source.random() < 0.3:
            yield self._pressure()
        if source.random() < 0.3:
            yield self._of("DiagnosticReport", status="final", category=[_concept("section", 1, "Laboratory")],
                code=_concept("panel", source.randrange(6), "Basic metabolic panel"), encounter=self._encounter,
                effectiveDateTime=self._time, issued=self._time,
                result=[_to("Observation", lab["id"], lab["code"]["text"]) for lab in labs])  # fmt: skip
        if source.random() < 0.3:
            yield self._of("Condition", clinicalStatus=_known("condition-clinical", "resolved"),
                verificationStatus=_known("condition-ver-status", "confirmed"), encounter=self._encounter,
                code=_concept("finding", source.randrange(150), "A finding that was made at this visit"),
                onsetDateTime=self._time, abatementDateTime=self._end, recordedDate=self._time)  # fmt: skip
        if source.random() < 0.6:
            yield self._of("Procedure", status="completed", code=self._order(), encounter=self._encounter,
                performedPeriod={"start": self._time, "end": self._end})  # fmt: skip
        if source.random() < 0.5:
            yield self._immunization()
        if source.random() < 0.3:
            yield self._of("MedicationRequest", status="active", intent="order", encounter=self._encounter,
                medicationCodeableConcept=_concept("drug", source.randrange(120), "A drug of 25 mg, oral tablet"),
                authoredOn=self._time, requester=self._practitioner)  # fmt: skip
        claim = self._claim()
        yield claim
        yield self._explanation(claim["id"])

    def _of(self, type_: str, id_: str | None = None, **content: Any) -> Resource:
        profile = f"{OWN}profile/{type_.lower()}"
        meta = {"profile": [profile]}
        return {"resourceType": type_, "id": id_ or _id(self._source), "meta": meta, "subject": self._subject, **content}

    def _order(self) -> Resource:
        number = self._source.randrange(200)
        return _concept("procedure", number, f"{_ORDERS[number % len(_ORDERS)].capitalize()} at the visit")

    def _observation(self) -> Resource:
        code, name, unit, low, high = self._source.choice(_LABS)
        value = {"value": loads(f"{self._source.uniform(low, high):.2f}"), "unit": unit, "system": UCUM, "code": unit}
        return self._of("Observation", status="final", category=[_known("observation-category", "laboratory")],
            code=_coded(LOINC, code, name), encounter=self._encounter, effectiveDateTime=self._time, issued=self._time,
            valueQuantity=value)  # fmt: skip

    def _pressure(self) -> Resource:
        parts = [("8462-4", "Diastolic blood pressure", 60, 100), ("8480-6", "Systolic blood pressure", 95, 160)]
        components = [
            {"code": _coded(LOINC, code, name),
             "valueQuantity": {"value": self._source.randrange(low, high), "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"}}
            for code, name, low, high in parts
        ]  # fmt: skip
        return self._of("Observation", status="final", category=[_known("observation-category", "vital-signs")],
            code=_coded(LOINC, "85354-9", "Blood pressure panel"), encounter=self._encounter, effectiveDateTime=self._time,
            issued=self._time, component=components)  # fmt: skip

    def _immunization(self) -> Resource:
        return {"resourceType": "Immunization", "id": _id(self._source), "status": "completed", "patient": self._subject,
            "vaccineCode": _concept("vaccine", self._source.randrange(20), "Influenza, seasonal, injectable"),
            "encounter": self._encounter, "occurrenceDateTime": self._time, "primarySource": True}  # fmt: skip

    def _claim(self) -> Resource:
        items = [
            {"sequence": sequence, "productOrService": self._order(), "encounter": [self._encounter],
             "net": {"value": loads(f"{self._source.uniform(20, 900):.2f}"), "currency": "USD"}}
            for sequence in range(1, self._source.randrange(2, 5))
        ]  # fmt: skip
        return {"resourceType": "Claim", "id": _id(self._source), "status": "active", "use": "claim",
            "type": _known("claim-type", "institutional"), "patient": self._subject,
            "billablePeriod": {"start": self._time, "end": self._end}, "created": self._end, "provider": self._organization,
            "priority": _known("processpriority", "normal"),
            "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "A private plan"}}], "item": items}  # fmt: skip

    def _explanation(self, claim: str) -> Resource:
        amount = {"value": loads(f"{self._source.uniform(20, 900):.2f}"), "currency": "USD"}
        totals = [
            {"category": _known("adjudication", code), "amount": amount}
            for code in ("submitted", "copay", "eligible", "deductible", "benefit")
        ]
        items = [
            {"sequence": sequence, "category": _concept("benefit", 1, "Medical care"), "productOrService": self._order(),
             "servicedPeriod": {"start": self._time, "end": self._end}, "encounter": [self._encounter], "adjudication": totals}
            for sequence in range(1, self._source.randrange(3, 8))
        ]  # fmt: skip
        return {"resourceType": "ExplanationOfBenefit", "id": _id(self._source), "status": "active", "use": "claim",
            "identifier": [{"system": f"{OWN}claim-number", "value": _id(self._source)}],
            "type": _known("claim-type", "institutional"), "patient": self._subject, "created": self._end,
            "billablePeriod": {"start": self._time, "end": self._end}, "insurer": {"display": "A private plan"},
            "provider": self._practitioner, "outcome": "complete", "claim": _to("Claim", claim),
            "insurance": [{"focal": True, "coverage": {"display": "A private plan"}}], "item": items, "total": totals}  # fmt: skip


def _patient(source: random.Random, number: int) -> Resource:
    birth = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=source.randrange(33_000))
    return {"resourceType": "Patient", "id": _id(source),
        "identifier": [{"system": f"{OWN}medical-record", "value": f"MR-{number:09}"},
                       {"system": f"{OWN}member", "value": f"M{source.randrange(10**9):09}"}],
        "name": [{"use": "official", "family": source.choice(_FAMILIES) + str(number % 977),
                  "given": [source.choice(_GIVEN), source.choice(_GIVEN)]}],
        "telecom": [{"system": "phone", "value": f"555-{source.randrange(10**7):07}", "use": "home"}],
        "gender": source.choice(("female", "male")), "birthDate": birth.date().isoformat(), "address": [_address(source)],
        "maritalStatus": {"coding": [{"system": f"{OWN}marital", "code": "M"}], "text": "Married"},
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US"}]}}]}  # fmt: skip


def _organization(source: random.Random, number: int) -> Resource:
    return {"resourceType": "Organization", "id": _id(source), "active": True,
        "identifier": [{"system": f"{OWN}organization", "value": f"O-{number:07}"}], "type": [_known("organization-type", "prov")],
        "name": f"{source.choice(_CITIES)} General Hospital {number}", "address": [_address(source)]}  # fmt: skip


def _practitioner(source: random.Random, number: int) -> Resource:
    return {"resourceType": "Practitioner", "id": _id(source), "active": True,
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": f"{9_000_000_000 + number}"}],
        "name": [{"family": source.choice(_FAMILIES), "given": [source.choice(_GIVEN)], "prefix": ["Dr."]}],
        "address": [_address(source)]}  # fmt: skip


def _address(source: random.Random) -> Resource:
    return {"line": [f"{source.randrange(1, 999)} Mill Road Unit {source.randrange(1, 60)}"], "city": source.choice(_CITIES),
        "state": source.choice(("OH", "MA", "VT")), "postalCode": f"{source.randrange(10_000, 99_999)}", "country": "US"}  # fmt: skip


def _id(source: random.Random) -> str:
    text = f"{source.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _to(type_: str, id_: str, display: str | None = None) -> Resource:
    reference = {"reference": f"{type_}/{id_}"}
    return reference if display is None else {**reference, "display": display}


def _coded(system: str, code: str, name: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": name}], "text": name}


def _concept(system: str, number: int, name: str) -> Resource:
    return _coded(OWN + system, f"{system[:2]}-{number:04}", name)


def _known(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def write(count: int, path: Path, seed: int = 1) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        for resource in islice(population(seed), count):
            file.write(dumps(resource) + b"\n")


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
