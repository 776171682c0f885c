"""Trials of profiles end at the first error; what was aborted on the way is judged as if it had been walked to its end."""

from __future__ import annotations

import pytest
from profiles_made import BASE, codes, element, errors, profile

from profiles.conformance import Definitions, Options, Validator
from profiles.json import Resource

NAMED = profile("named", "Patient", element("Patient.name", min=1), element("Patient.gender", min=1))
BORN = profile("born", "Patient", element("Patient.birthDate", min=1))
ANY_SUBJECT = profile(
    "a",
    "Observation",
    element(
        "Observation.subject",
        min=1,
        type=[{"code": "Reference", "targetProfile": [f"{BASE}/named", f"{BASE}/born"]}],
    ),
)


def _observed(patient: Resource, **more: object) -> Resource:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "a"},
        "contained": [{"resourceType": "Patient", "id": "p", **patient}],
        "subject": {"reference": "#p"},
    }
    return {**observation, **more}


def test_the_explanation_of_a_failed_target_counts_all_its_faults() -> None:
    (found,) = errors(_observed({"active": True}), ANY_SUBJECT, NAMED, BORN)
    assert found.code == "reference-target"
    assert "The first fault by born: " in found.text  # one fault, where the other profile finds two


def test_a_profile_that_ended_a_trial_tells_all_of_its_faults_when_it_is_claimed() -> None:
    patient = {"active": True, "meta": {"profile": [NAMED["url"]]}}
    assert sorted(codes(_observed(patient), ANY_SUBJECT, NAMED, BORN)) == [
        "reference-target",
        "required-element",
        "required-element",
    ]


def test_a_profile_inside_an_ended_trial_is_not_taken_to_be_met() -> None:
    outer = profile(
        "outer",
        "Observation",
        element("Observation.subject", type=[{"code": "Reference", "targetProfile": [f"{BASE}/named"]}]),
        element("Observation.method", min=1),
    )
    either = profile(
        "b",
        "Observation",
        element("Observation.hasMember", type=[{"code": "Reference", "targetProfile": [f"{BASE}/outer"]}]),
        element("Observation.subject", type=[{"code": "Reference", "targetProfile": [f"{BASE}/named"]}]),
    )
    inner = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "a"}}
    observation = _observed({"active": True}, hasMember=[{"reference": "#o"}])
    observation["contained"].append({**inner, "subject": {"reference": "#p"}})
    assert codes(observation, either, outer, NAMED) == ["reference-target", "reference-target"]


@pytest.mark.parametrize("explained", [True, False])
def test_what_conforms_to_none_can_be_told_without_its_first_fault(explained: bool) -> None:
    made = profile(
        "c",
        "Observation",
        element("Observation.contained", type=[{"code": "Resource", "profile": [f"{BASE}/named", f"{BASE}/born"]}]),
    )
    (found,) = errors(_observed({"active": True}), made, NAMED, BORN, options=Options(explained=explained))
    assert found.code == "profile-none"
    assert ("The first fault" in found.text) is explained


def test_structure_can_be_left_to_a_caller_that_has_looked_at_it() -> None:
    patient = {"resourceType": "Patient", "birthDate": "not a day"}
    told = [
        [each.severity for each in Validator(Definitions(), options=Options(structure=looked)).validate(patient)]
        for looked in (True, False)
    ]
    assert "error" in told[0]
    assert "error" not in told[1]
