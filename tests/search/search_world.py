"""A few resources of many types, small enough to be told apart by eye, for the rows of test_search_rows.py."""

from __future__ import annotations

from typing import Any, Final

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
V2_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
CONDITION_STATUS: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
ACTS: Final = "http://example.org/acts"

Resource = dict[str, Any]


def ref(text: str) -> dict[str, str]:
    return {"reference": text}


def concept(system: str, code: str, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code, **more}]}


def quantity(value: float, unit: str, code: str | None = None, system: str = UCUM) -> Resource:
    return {"value": value, "unit": unit, **({"system": system, "code": code} if code else {})}


def observation(id_: str, who: str, loinc: str, date: str, **more: Any) -> Resource:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": concept(LOINC, loinc),
        "subject": ref(who), "effectiveDateTime": date, **more,
    }  # fmt: skip


def component(code: str, value: Resource) -> Resource:
    return {"code": concept(LOINC, code), "valueQuantity": value}


def location(id_: str, latitude: float, longitude: float) -> Resource:
    return {
        "resourceType": "Location", "id": id_, "position": {"latitude": latitude, "longitude": longitude},
    }  # fmt: skip


WORLD: Final[list[Resource]] = [
    {
        "resourceType": "Organization", "id": "clinic", "name": "Riverbend Clinic", "active": True,
        "identifier": [{"system": "http://example.org/npi", "value": "111"}],
    },
    {"resourceType": "Organization", "id": "lab", "name": "North Laboratory", "partOf": ref("Organization/clinic")},
    {
        "resourceType": "Practitioner", "id": "doc", "name": [{"family": "Robertson", "given": ["Anna"]}],
        "identifier": [{"type": concept(V2_TYPES, "MD"), "system": "http://example.org/md", "value": "55"}],
    },
    {
        "resourceType": "Patient", "id": "ann", "gender": "female", "birthDate": "1970-05-17", "active": True,
        "name": [{"family": "Ångström", "given": ["Ann", "Rupert"]}],
        "identifier": [
            {"type": concept(V2_TYPES, "MR"), "system": "http://example.org/mrn", "value": "A1"},
            {"type": {"text": "Member number"}, "system": "http://example.org/member", "value": "M-9"},
        ],
        "telecom": [{"system": "phone", "value": "555 0100"}],
        "managingOrganization": ref("Organization/clinic"), "generalPractitioner": [ref("Practitioner/doc")],
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Bone &amp; <b>liver</b> metastases</div>'},
    },
    {
        "resourceType": "Patient", "id": "bob", "gender": "male", "birthDate": "1985", "name": [{"text": "Bob Smyth"}],
        "identifier": [{"value": "A1"}], "deceasedDateTime": "2020-02-01", "managingOrganization": ref("Organization/lab"),
        "meta": {"profile": ["http://example.org/fhir/StructureDefinition/person|2"], "tag": [{"system": "http://example.org/t", "code": "vip"}], "source": "http://example.org/feed"},
    },
    {"resourceType": "Patient", "id": "cy", "name": [{"family": "de la Cruz"}], "address": [{"city": "Springfield"}]},
    observation(
        "bp", "Patient/ann", "85354-9", "2026-01-10",
        component=[component("8480-6", quantity(140, "mmHg", "mm[Hg]")), component("8462-4", quantity(80, "mmHg", "mm[Hg]"))],
        performer=[ref("Practitioner/doc")],
    ),
    observation("dose", "Patient/ann", "29463-7", "2026-01-11T10:30:00Z", valueQuantity=quantity(5.4, "mg", "mg")),
    observation("dose2", "Patient/bob", "29463-7", "2026-02", valueQuantity=quantity(0.0054, "grams", "g")),
    observation("heat", "Patient/bob", "8310-5", "2026-03-01", valueQuantity=quantity(38.2, "C", "Cel")),
    observation("tablets", "Patient/bob", "30000-0", "2026-03-02", valueQuantity=quantity(3, "tablet")),
    observation(
        "word", "Patient/cy", "", "2026-04-01", valueString="Not detected in the sample",
        code={"coding": [{"system": LOINC, "code": "1234-5", "display": "Headache score"}], "text": "Severe migraine"},
        note=[{"text": "Fasting was confirmed"}],
    ),
    {
        "resourceType": "Condition", "id": "flu", "subject": ref("Patient/ann"), "clinicalStatus": concept(CONDITION_STATUS, "recurrence"),
        "code": {"text": "Influenza"}, "onsetDateTime": "2026-01-01",
    },
    {
        "resourceType": "Condition", "id": "gout", "subject": ref("Patient/bob"), "clinicalStatus": concept(CONDITION_STATUS, "resolved"),
        "code": concept(ACTS, "leaf"),
    },
    {
        "resourceType": "RiskAssessment", "id": "risk", "status": "final", "subject": ref("Patient/ann"),
        "prediction": [{"probabilityDecimal": 0.80}],
    },
    {"resourceType": "Encounter", "id": "visit", "status": "finished", "class": {"system": "http://example.org/c", "code": "AMB"}, "subject": ref("Patient/ann"),
     "period": {"start": "2026-01-09", "end": "2026-01-12"}},
    {"resourceType": "List", "id": "mine", "status": "current", "mode": "working",
     "entry": [{"item": ref("Patient/ann")}, {"item": ref("Condition/flu")}, {"deleted": True, "item": ref("Patient/bob")}]},
    {"resourceType": "Group", "id": "cohort", "type": "person", "actual": True, "member": [{"entity": ref("Patient/bob")}],
     "characteristic": [
         {"code": concept(ACTS, "age"), "valueCodeableConcept": concept(ACTS, "old"), "exclude": False},
         {"code": concept(ACTS, "sex"), "valueCodeableConcept": concept(ACTS, "any"), "exclude": False},
     ]},
    location("here", 42.256500, -83.694810),
    location("far", 48.85661, 2.35222),
    {"resourceType": "Questionnaire", "id": "form", "status": "active", "url": "http://example.org/q/form", "title": "Sleep form"},
    {"resourceType": "QuestionnaireResponse", "id": "answers", "status": "completed", "questionnaire": "http://example.org/q/form|1", "subject": ref("Patient/ann")},
    {"resourceType": "ValueSet", "id": "acute", "status": "active", "url": "http://example.org/vs/acute",
     "compose": {"include": [{"system": LOINC, "concept": [{"code": "8310-5"}, {"code": "85354-9"}]}]}},
    {"resourceType": "CodeSystem", "id": "acts", "status": "active", "url": ACTS, "content": "complete", "hierarchyMeaning": "is-a",
     "concept": [{"code": "root", "concept": [{"code": "branch", "concept": [{"code": "leaf"}]}, {"code": "twig"}]}]},
]  # fmt: skip
"""In the order in which they are stored."""
