"""What findings say: which element, by which profile, and what would be right; never a value of the resource."""

from __future__ import annotations

from typing import Any

import pytest
from profiles_made import BASE, element, errors, profile, slicing

from profiles.conformance import Definitions, Validator
from profiles.json import Resource

PATIENT: Resource = {"resourceType": "Patient", "name": [{"family": "Okonkwo"}], "gender": "female"}
OBSERVATION: Resource = {"resourceType": "Observation", "status": "final", "code": {"text": "Okonkwo"}, "valueString": "a"}
_UUID = "0f5a0e5e-6a51-4d5e-9d8a-3a6a5d1c2b10"
LOINC = {"coding": [{"system": "http://loinc.org", "code": "1-8"}]}
SLICED = [
    element("Patient.identifier", **slicing("value", "system"), max="*"),
    element("Patient.identifier:mrn", min=1, max="1"),
    element("Patient.identifier:mrn.system", min=1, fixedUri="https://example.org/mrn"),
]


@pytest.mark.parametrize(
    ("resource", "elements", "says"),
    [
        (PATIENT, [element("Patient.birthDate", min=1)], "Patient.birthDate is missing: the profile a requires it."),
        (
            PATIENT,
            [element("Patient.name", min=2)],
            "Too few Patient.name (1): the profile a requires at least 2.",
        ),
        (PATIENT, [element("Patient.gender", max="0")], "The profile a allows no Patient.gender"),
        (
            {**PATIENT, "name": [{"family": "b"}, {"family": "c"}]},
            [element("Patient.name", max="1")],
            "The profile a allows at most 1 of Patient.name.",
        ),
        (
            OBSERVATION,
            [element("Observation.value[x]", type=[{"code": "Quantity"}])],
            "Observation.value[x] may have these types only: Quantity.",
        ),
        (OBSERVATION, [element("Observation.code", patternCodeableConcept=LOINC)], '"code":"1-8"'),
        (PATIENT, SLICED, "The slice Patient.identifier:mrn is missing: the profile a requires it."),
    ],
    ids=["missing", "too-few", "forbidden", "too-many", "type", "pattern", "slice"],
)
def test_a_finding_names_what_its_profile_asks_for(resource: Resource, elements: list[dict[str, Any]], says: str) -> None:
    (found,) = errors(resource, profile("a", resource["resourceType"], *elements))
    assert says in found.text
    assert "Okonkwo" not in found.text


def test_what_a_profile_asks_for_like_its_base_is_one_fault() -> None:
    base = profile("a", "Patient", element("Patient.birthDate", min=1))
    derived = profile("b", "Patient", element("Patient.birthDate", min=1), base=f"{BASE}/a")
    known = Definitions()
    for each in (base, derived):
        known.add(each)
    found = Validator(known).validate(PATIENT, profiles=[f"{BASE}/a", f"{BASE}/b"])
    assert len({each.text for each in found if each.severity == "error"}) == 2
    assert len({each.fault for each in found if each.severity == "error"}) == 1


def test_a_required_question_is_named_by_its_link() -> None:
    known = Definitions()
    asked = [{"linkId": each, "type": "string", "required": True} for each in ("1", "2")]
    known.add({"resourceType": "Questionnaire", "url": f"{BASE}/q", "status": "active", "item": asked})
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{BASE}/q",
        "status": "completed",
        "item": [{"linkId": "1"}],
    }
    texts = [each.text for each in Validator(known).validate(response) if each.code == "required-element"]
    assert texts == ["The required question 1 has no answer.", "The required question 2 has no answer, and no item."]


def test_of_several_profiles_the_nearest_says_where_it_is_not_met() -> None:
    far = profile("far", "Patient", element("Patient.active", min=1), element("Patient.telecom", min=1))
    near = profile("near", "Patient", element("Patient.birthDate", min=1))
    allowed = {"code": "Patient", "profile": [f"{BASE}/far", f"{BASE}/near"]}
    made = profile("a", "Bundle", element("Bundle.entry.resource", type=[allowed]))
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:" + _UUID, "resource": PATIENT}],
    }
    (found,) = errors(bundle, made, far, near)
    assert (found.code, found.expression) == ("profile-none", "Bundle.entry[0].resource")
    assert "(far, near). The first fault by near: Bundle.entry[0].resource.birthDate, by Patient.birthDate." in found.text


def test_value_sets_that_are_numbered_are_named_with_their_host() -> None:
    value_set = "https://valueset.x12.org/x217/005010/request/2000E/UM/1/01/00/1525"
    binding = {"strength": "required", "valueSet": value_set}
    known = Definitions()
    known.add(profile("a", "Observation", element("Observation.code", binding=binding)))
    coded = {**OBSERVATION, "code": {"coding": [{"system": "http://loinc.org", "code": "1-8"}]}}
    found = Validator(known).validate(coded, profiles=[f"{BASE}/a"])
    assert [each.text for each in found if each.code == "code-unknown"] == [
        "The value set valueset.x12.org 1525 is required and not known here: the code was not checked."
    ]
