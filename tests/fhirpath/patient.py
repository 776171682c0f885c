"""An invented Patient that has what FHIRPath finds hard: extensions on primitives, choices, gaps in lists, contained things."""

from __future__ import annotations

from typing import Any

from profiles import json

PATIENT: dict[str, Any] = json.loads(
    """{
  "resourceType": "Patient", "id": "p1",
  "meta": {"versionId": "3", "lastUpdated": "2026-03-02T09:30:00.250+01:00", "tag": [{"system": "urn:t", "code": "a"}]},
  "text": {"status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">Jo Moe</div>"},
  "contained": [{"resourceType": "Organization", "id": "org", "name": "Clinic"}],
  "extension": [
    {"url": "urn:weight", "valueQuantity": {"value": 70.50, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}},
    {"url": "urn:nick", "valueString": "Jojo"},
    {"url": "urn:flag", "valueBoolean": false}],
  "identifier": [{"system": "urn:mrn", "value": "12345"}, {"system": "urn:other", "value": "X-9"}],
  "active": true,
  "name": [
    {"use": "official", "family": "Moe", "given": ["Jo", "Ann"],
     "_family": {"extension": [{"url": "urn:own-name", "valueString": "Moe"}]}},
    {"use": "usual", "given": ["Jojo"], "period": {"start": "2020-05", "end": "2021-05-06T10:00:00Z"}},
    {"use": "maiden", "given": [null, "Ann"], "_given": [{"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}, null]}],
  "telecom": [{"system": "phone", "value": "555 1", "rank": 1}, {"system": "phone", "value": "555 2", "rank": 2},
              {"system": "email", "value": "jo@example.org"}],
  "gender": "female", "birthDate": "1980-02-29",
  "_birthDate": {"id": "b", "extension": [{"url": "urn:time", "valueDateTime": "1980-02-29T04:05:06Z"}]},
  "deceasedBoolean": false,
  "address": [{"line": ["1 Road", "Flat 2"], "city": "Town", "postalCode": "12345"}],
  "_multipleBirthInteger": {"extension": [{"url": "urn:absent", "valueCode": "masked"}]},
  "contact": [{"name": {"family": "Roe", "given": ["Pat"]}, "telecom": [{"value": "555 3"}]}],
  "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "de"}], "text": "German"}, "preferred": true}],
  "generalPractitioner": [{"reference": "Practitioner/7"}, {"reference": "#org"}],
  "managingOrganization": {"reference": "#org"}
}"""
)
OBSERVATION: dict[str, Any] = json.loads(
    """{
  "resourceType": "Observation", "id": "o1", "status": "final",
  "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}, {"system": "urn:x", "code": "W"}], "text": "Weight"},
  "subject": {"reference": "Patient/p1"},
  "effectiveDateTime": "2026-01-15T08:00:00Z",
  "valueQuantity": {"value": 185, "unit": "lbs", "system": "http://unitsofmeasure.org", "code": "[lb_av]"},
  "component": [
    {"code": {"text": "a"}, "valueQuantity": {"value": 1.50, "unit": "m", "system": "http://unitsofmeasure.org", "code": "m"}},
    {"code": {"text": "b"}, "valueString": "tall"},
    {"code": {"text": "c"}, "valueCodeableConcept": {"coding": [{"code": "k"}]}}]
}"""
)
