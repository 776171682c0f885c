"""References inside a request, and the Claims beside the first (profiles/pas_reference_rules.py, bundle_index.py)."""

from __future__ import annotations

from typing import Any

import pytest
from pas_examples import EHR, claim_of, fresh, request, update_of

from profiles.outcome import FhirError, Issue
from profiles.pas_request import read_request


def faults(body: Any, purpose: Any = "submit") -> tuple[int, list[Issue]]:
    with pytest.raises(FhirError) as caught:
        read_request(body, purpose)
    errors = [each for each in caught.value.issues if each.severity == "error"]
    assert errors
    return caught.value.status, errors


def codes(body: Any, purpose: Any = "submit") -> tuple[int, set[str]]:
    status, issues = faults(body, purpose)
    return status, {each.code for each in issues}


def at(body: Any, code: str) -> list[str | None]:
    return [each.expression for each in faults(body)[1] if each.code == code]


def test_every_entry_that_is_needed_is_missed_when_it_is_dropped() -> None:
    bundle = request()
    for place in range(1, len(bundle["entry"])):
        less = fresh(bundle)
        del less["entry"][place]
        status, found = codes(less)
        assert (status, "pas-reference-unresolved" in found) == (400, True), place


def test_a_reference_behind_a_reference_must_resolve_too() -> None:
    bundle = request()
    bundle["entry"][5]["resource"]["endpoint"] = [{"reference": "Endpoint/none"}]
    assert at(bundle, "pas-reference-unresolved") == ["Bundle.entry[5].resource.endpoint[0].reference"]
    bundle["entry"][5]["resource"]["endpoint"] = [{"display": "left out"}]
    assert read_request(bundle)


def test_references_of_three_kinds_in_one_bundle() -> None:
    bundle = request()
    uuid = "urn:uuid:3F0f6a3a-1d5c-4f0b-8a5d-2b8c3f6f5a11"
    bundle["entry"][1]["fullUrl"] = uuid
    claim_of(bundle)["patient"]["reference"] = uuid
    bundle["entry"][2]["resource"]["beneficiary"]["reference"] = uuid
    bundle["entry"][7]["resource"]["subject"]["reference"] = uuid
    claim_of(bundle)["provider"]["reference"] = f"{EHR}/Organization/req"
    assert read_request(bundle)
    claim_of(bundle)["patient"]["reference"] = uuid.lower()
    assert at(bundle, "pas-reference-unresolved") == ["Bundle.entry[0].resource.patient.reference"]


def test_a_relative_reference_needs_a_restful_holder() -> None:
    bundle = request()
    bundle["entry"][2]["fullUrl"] = "urn:uuid:3f0f6a3a-1d5c-4f0b-8a5d-2b8c3f6f5a11"
    claim_of(bundle)["insurance"][0]["coverage"]["reference"] = bundle["entry"][2]["fullUrl"]
    found = at(bundle, "pas-reference-unresolved")
    assert set(found) == {
        "Bundle.entry[2].resource.beneficiary.reference",
        "Bundle.entry[2].resource.payor[0].reference",
    }


def test_relative_references_resolve_against_their_own_holder() -> None:
    bundle = request()
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Coverage":
            entry["fullUrl"] = "https://other.example.org/fhir/Coverage/cov1"
    claim_of(bundle)["insurance"][0]["coverage"]["reference"] = "https://other.example.org/fhir/Coverage/cov1"
    assert set(at(bundle, "pas-reference-unresolved")) == {
        "Bundle.entry[2].resource.beneficiary.reference",
        "Bundle.entry[2].resource.payor[0].reference",
    }


def test_versioned_and_contained_references() -> None:
    bundle = request()
    claim_of(bundle)["patient"]["reference"] = "Patient/p1/_history/3"
    assert read_request(bundle)
    bundle["entry"][1]["resource"]["meta"] = {"versionId": "2"}
    assert at(bundle, "pas-reference-unresolved") == ["Bundle.entry[0].resource.patient.reference"]
    bundle["entry"][1]["resource"]["meta"] = {"versionId": "3"}
    assert read_request(bundle)
    note = bundle["entry"][7]["resource"]
    note["contained"] = [{"resourceType": "Practitioner", "id": "a", "name": [{"family": "X"}]}]
    note["author"] = [{"reference": "#a"}]
    assert read_request(bundle)
    note["author"] = [{"reference": "#b"}]
    assert "Bundle.entry[7].resource.author[0].reference" in [each.expression for each in faults(bundle)[1]]


def test_an_update_brings_its_prior_and_no_other_claim() -> None:
    bundle = update_of(request())
    found = read_request(bundle)
    assert found.prior is not None
    assert found.prior.full_url == f"{EHR}/Claim/c1"
    extra = fresh(bundle["entry"][-1])
    extra["fullUrl"] += "x"
    extra["resource"]["id"] += "x"
    bundle["entry"].append(extra)
    assert codes(bundle) == (422, {"pas-claims"})


def test_two_claims_without_an_update() -> None:
    bundle = update_of(request())
    del claim_of(bundle)["related"]
    assert codes(bundle) == (422, {"pas-claims"})


def test_the_priors_prior_may_be_absent() -> None:
    bundle = update_of(request())
    bundle["entry"][-1]["resource"]["related"] = [{"claim": {"reference": "Claim/older"}}]
    assert read_request(bundle).prior is not None


def test_the_prior_itself_may_not() -> None:
    bundle = update_of(request())
    bundle["entry"].pop()
    assert at(bundle, "pas-reference-unresolved") == ["Bundle.entry[0].resource.related[0].claim.reference"]
