"""Which compartments a resource is in."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.compartments import compartment_members, compartment_types


def observation(reference: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "subject": {"reference": reference}}


@pytest.mark.parametrize(
    ("reference", "members"),
    [
        ("Patient/1", {"1"}),
        ("Patient/1/_history/2", {"1"}),
        ("http://base/fhir/Patient/1", {"1"}),
        ("http://other/fhir/Patient/1", {"1"}),
        ("Group/1", set()),
        ("http://base/fhir/patients/1", set()),
        ("Patient?identifier=1", set()),
        ("#p", set()),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", set()),
        ("Patient/", set()),
        ("", set()),
        (None, set()),
        (1, set()),
        (["Patient/1"], set()),
    ],
)
def test_a_reference_puts_a_resource_in_a_compartment(reference: Any, members: set[str]) -> None:
    assert compartment_members(observation(reference)) == members


def test_with_a_base_only_that_base_counts() -> None:
    ours = "http://base/fhir"
    assert compartment_members(observation("http://base/fhir/Patient/1"), base_url=ours) == {"1"}
    assert compartment_members(observation("http://other/fhir/Patient/1"), base_url=ours) == set()
    assert compartment_members(observation("http://base/fhir/t/x/Patient/1"), base_url=ours) == set()
    assert compartment_members(observation("Patient/1"), base_url=ours) == {"1"}


def test_a_patient_is_in_its_own_compartment_and_in_those_it_links_to() -> None:
    patient = {"resourceType": "Patient", "id": "1", "link": [{"other": {"reference": "Patient/2"}, "type": "refer"}]}
    assert compartment_members(patient) == {"1", "2"}
    assert compartment_members({"resourceType": "Patient"}) == set()
    assert compartment_members({"resourceType": "Patient", "id": 7}) == set()


def test_several_parameters_count() -> None:
    coverage = {
        "resourceType": "Coverage",
        "beneficiary": {"reference": "Patient/1"},
        "subscriber": {"reference": "Patient/2"},
        "policyHolder": {"reference": "Organization/3"},
        "payor": [{"reference": "Patient/4"}, {"reference": "Organization/5"}],
    }
    assert compartment_members(coverage) == {"1", "2", "4"}


def test_what_is_contained_puts_nothing_in_a_compartment() -> None:
    resource = {**observation("#1"), "contained": [{"resourceType": "Patient", "id": "1"}]}
    assert compartment_members(resource) == set()


def test_other_compartments() -> None:
    claim = {
        "resourceType": "Claim",
        "id": "c",
        "provider": {"reference": "Practitioner/9"},
        "item": [{"encounter": [{"reference": "Encounter/8"}]}],
    }
    assert compartment_members(claim, "Practitioner") == {"9"}
    assert compartment_members(claim, "Encounter") == {"8"}
    assert compartment_members(claim, "Device") == set()
    assert compartment_members({"resourceType": "Encounter", "id": "8"}, "Encounter") == {"8"}
    assert compartment_types() == {"Patient", "Practitioner", "Encounter", "Device", "RelatedPerson"}


def test_types_outside_every_compartment_and_broken_ones() -> None:
    assert compartment_members({"resourceType": "Library", "subjectReference": {"reference": "Patient/1"}}) == set()
    for name in (None, 1, [], "Nothing"):
        assert compartment_members({"resourceType": name, "subject": {"reference": "Patient/1"}}) == set()


def test_an_unknown_compartment_is_an_error_of_the_programmer() -> None:
    with pytest.raises(ValueError, match="Organization"):
        compartment_members({"resourceType": "Patient"}, "Organization")
