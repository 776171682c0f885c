"""Which fault of a request is a 4xx, and that all are told at once (profiles/pas_request.py)."""

from __future__ import annotations

from typing import Any

import pytest
from pas_examples import (
    EHR,
    PAS,
    WHOLE_CANCEL,
    cancelled,
    claim_of,
    concept,
    fresh,
    inquiries,
    item,
    others,
    request,
    requests,
    update_of,
)

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


@pytest.mark.parametrize("bundle", requests())
def test_official_requests_are_accepted(bundle: Any) -> None:
    found = read_request(bundle)
    assert found.claim.resource is bundle["entry"][0]["resource"]
    assert all(each.severity == "warning" for each in found.warnings)


@pytest.mark.parametrize("bundle", inquiries())
def test_official_inquiries_are_accepted_with_their_dangling_references(bundle: Any) -> None:
    assert read_request(bundle, "inquire").claim.place == 0


@pytest.mark.parametrize("bundle", others())
def test_bundles_that_are_no_requests_are_refused_with_400(bundle: Any) -> None:
    assert faults(bundle)[0] == 400


def test_our_own_request_has_no_fault_at_all() -> None:
    assert read_request(request()).warnings == ()


def test_the_bundle_may_come_wrapped_in_parameters() -> None:
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": request()}]}
    assert read_request(wrapped).claim.full_url == f"{EHR}/Claim/c1"
    wrapped["parameter"][0]["name"] = "bundle"
    assert codes(wrapped) == (400, {"pas-not-a-bundle"})


@pytest.mark.parametrize("body", [None, [], "Bundle", 5, {}, {"resourceType": "Claim"}, {"resourceType": "Parameters"}])
def test_what_is_no_bundle(body: Any) -> None:
    assert codes(body) == (400, {"pas-not-a-bundle"})


def test_form_of_the_bundle() -> None:
    assert codes({**request(), "type": "batch"})[0] == 400
    assert codes({**request(), "entry": []}) == (400, {"pas-bundle-empty"})
    assert codes({**request(), "entry": {}}) == (400, {"pas-bundle-empty"})
    without = request()
    del without["entry"]
    assert codes(without) == (400, {"pas-bundle-empty"})


def test_the_first_entry_decides() -> None:
    bundle = request()
    bundle["entry"].append(bundle["entry"].pop(0))
    assert codes(bundle) == (400, {"pas-first-not-claim"})


def test_use_and_status() -> None:
    assert codes(request(use="claim")) == (400, {"pas-use"})
    assert codes(request(status="draft")) == (422, {"pas-status"})


@pytest.mark.parametrize("name", ["request", "response", "search"])
def test_entries_of_other_bundle_kinds(name: str) -> None:
    bundle = request()
    bundle["entry"][2][name] = {}
    assert f"Bundle.entry[2].{name}" in at(bundle, "pas-entry")


@pytest.mark.parametrize("url", [None, 7, "", "Patient/p1", "urn:oid:1.2.3", "urn:uuid:xyz", "ftp://ehr/Patient/p1"])
def test_full_urls_that_are_none(url: Any) -> None:
    bundle = request()
    bundle["entry"][1]["fullUrl"] = url
    status, issues = faults(bundle)
    assert status == 400
    assert ("pas-entry", "Bundle.entry[1].fullUrl") in {(each.code, each.expression) for each in issues}


@pytest.mark.parametrize("address", ["Organization/p1", "Patient/p2"])
def test_a_full_url_of_something_else(address: str) -> None:
    bundle = request()
    bundle["entry"][1]["fullUrl"] = f"{EHR}/{address}"
    assert "Bundle.entry[1].fullUrl" in at(bundle, "pas-entry")


def test_duplicate_full_url() -> None:
    bundle = request()
    bundle["entry"].append(fresh(bundle["entry"][1]))
    assert at(bundle, "pas-entry-duplicate") == ["Bundle.entry[8].fullUrl"]


def test_related_is_one_prior_claim() -> None:
    bundle = update_of(request())
    related = claim_of(bundle)["related"]
    related[0]["relationship"] = concept("http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "associated")
    assert codes(bundle) == (422, {"pas-related"})
    bundle = update_of(request())
    claim_of(bundle)["related"] *= 2
    assert codes(bundle) == (422, {"pas-related"})


def test_what_must_be_there() -> None:
    for name in ("identifier", "timestamp"):
        bundle = request()
        del bundle[name]
        status, issues = faults(bundle)
        assert (status, issues[0].code, issues[0].expression) == (422, "pas-element-missing", f"Bundle.{name}")
    bundle = request()
    del claim_of(bundle)["identifier"]
    assert at(bundle, "pas-element-missing") == ["Bundle.entry[0].resource.identifier"]
    bundle = request()
    del claim_of(bundle)["insurer"]
    assert codes(bundle) == (422, {"pas-element-missing"})
    bundle = request()
    del claim_of(bundle)["patient"]
    assert codes(bundle) == (400, {"required-element"})


def test_a_request_needs_items_unless_it_cancels_the_whole() -> None:
    bundle = request()
    del claim_of(bundle)["item"]
    assert codes(bundle) == (422, {"pas-element-missing"})
    bundle = update_of(request())
    del claim_of(bundle)["item"]
    claim_of(bundle)["extension"] = WHOLE_CANCEL
    assert read_request(bundle)


def test_omission_of_what_may_be_omitted_is_no_fault() -> None:
    bundle = request()
    for name in ("quantity", "servicedDate"):
        del claim_of(bundle)["item"][0][name]
    for name in ("diagnosis", "supportingInfo", "careTeam", "extension"):
        del claim_of(bundle)[name]
    assert read_request(bundle).warnings == ()


def test_sequences() -> None:
    assert codes(request(item(1), item(1))) == (422, {"pas-sequence"})
    assert codes(request(item(1, careTeamSequence=[1], diagnosisSequence=[7]))) == (422, {"pas-sequence"})
    bundle = request(item(1, informationSequence=[1], diagnosisSequence=[1]))
    assert read_request(bundle)
    claim_of(bundle)["supportingInfo"] *= 2
    assert at(bundle, "pas-sequence") == ["Bundle.entry[0].resource.supportingInfo[1].sequence"]


def test_gaps_and_large_requests_are_fine() -> None:
    bundle = request(*(item(sequence) for sequence in (1, 5, 9)))
    claim_of(bundle)["diagnosis"] = [
        {"sequence": place, "diagnosisCodeableConcept": concept("http://hl7.org/fhir/sid/icd-10-cm", "M51.26")}
        for place in range(1, 17)
    ]
    assert read_request(bundle).warnings == ()


def test_insurance_focal() -> None:
    bundle = request()
    claim_of(bundle)["insurance"][0]["focal"] = False
    assert codes(bundle) == (422, {"pas-insurance"})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"servicedDate": "2026-03"}, "item[0].serviced"),
        ({"servicedDate": None, "servicedPeriod": {"start": "2026", "end": "2026-04-01"}}, "item[0].serviced.start"),
        ({"servicedDate": None, "servicedPeriod": {"start": "2026-03-01T10:00:00Z"}}, "item[0].serviced.start"),
    ],
)
def test_dates_are_full(change: dict[str, Any], path: str) -> None:
    element = {name: value for name, value in {**item(), **change}.items() if value is not None}
    bundle = request(element)
    assert codes(bundle) == (422, {"pas-date"})
    assert at(bundle, "pas-date") == [f"Bundle.entry[0].resource.{path}"]


def test_a_date_with_a_time_is_no_date() -> None:
    assert codes(request(item(servicedDate="2026-03-16T10:00:00Z")))[0] == 400


def test_a_partial_birth_date() -> None:
    bundle = request()
    bundle["entry"][1]["resource"]["birthDate"] = "1970-01"
    assert at(bundle, "pas-date") == ["Bundle.entry[1].resource.birthDate"]


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 1, "unit": "visit", "system": "http://unitsofmeasure.org", "code": "{visit}"},
        {"value": 1},
        {"unit": "visit"},
    ],
)
def test_quantities_that_break_the_prof_rules_are_warned_of(quantity: dict[str, Any]) -> None:
    found = read_request(request(item(quantity=quantity)))
    assert next((each.code, each.severity) for each in found.warnings) == ("pas-quantity", "warning")


def test_timing_without_frequency_is_warned_of() -> None:
    bundle = request(
        item(
            extension=[
                *item()["extension"],
                {"url": PAS + "extension-requestedService", "valueReference": {"reference": "ServiceRequest/s1"}},
            ]
        )
    )
    order = {
        "resourceType": "ServiceRequest",
        "id": "s1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "occurrenceTiming": {"repeat": {"duration": 1, "durationUnit": "h"}},
    }
    bundle["entry"].append({"fullUrl": f"{EHR}/ServiceRequest/s1", "resource": order})
    assert [each.code for each in read_request(bundle).warnings] == ["pas-timing"]
    order["occurrenceTiming"] = {"repeat": {"count": 6}}
    assert read_request(bundle).warnings == ()


def test_unknown_modifier_extensions_are_refused() -> None:
    other = [{"url": "https://ehr.example.org/not", "valueBoolean": True}]
    bundle = request(item(modifierExtension=other))
    assert codes(bundle) == (422, {"pas-modifier-extension"})
    bundle = request()
    bundle["entry"][7]["resource"]["modifierExtension"] = other
    assert at(bundle, "pas-modifier-extension") == ["Bundle.entry[7].resource.modifierExtension"]
    known = update_of(request(), cancelled(item()))
    assert read_request(known)
    claim_of(known)["modifierExtension"] = claim_of(known)["item"][0]["modifierExtension"]
    assert codes(known) == (422, {"pas-modifier-extension"})


def test_an_immediate_appeal_needs_a_level_of_service() -> None:
    element = item()
    element["extension"][2]["valueCodeableConcept"]["coding"][0]["code"] = "1"
    assert codes(request(element)) == (422, {"pas-level-of-service"})
    level = {
        "url": PAS + "extension-levelOfServiceCode",
        "valueCodeableConcept": concept("https://codesystem.x12.org/005010/1338", "U"),
    }
    assert read_request(request(element, extension=[level]))


def test_what_older_senders_leave_out_is_warned_of() -> None:
    element = item()
    element["extension"] = []
    del element["category"]
    del element["extension"]
    found = read_request(request(element))
    assert {each.code for each in found.warnings} == {"pas-profile"}


def test_all_faults_are_told_together_and_form_outweighs_profile() -> None:
    bundle = request(item(1), item(1), status="draft", use="claim")
    bundle["entry"].append(fresh(bundle["entry"][1]))
    del bundle["timestamp"]
    status, found = codes(bundle)
    assert status == 400
    assert found >= {"pas-use", "pas-status", "pas-sequence", "pas-entry-duplicate", "pas-element-missing"}


def test_an_inquiry_needs_its_patient() -> None:
    bundle = request()
    del claim_of(bundle)["patient"]
    assert "pas-patient-missing" in codes(bundle, "inquire")[1]
    bundle = request()
    del bundle["entry"][1]
    status, found = codes(bundle, "inquire")
    assert (status, found) == (400, {"pas-patient-missing"})


def test_deep_nesting_is_refused_not_suffered() -> None:
    bundle = request()
    node: dict[str, Any] = {}
    claim_of(bundle)["x"] = node
    for _ in range(500):
        node["extension"] = [{}]
        node = node["extension"][0]
    assert codes(bundle) == (400, {"structure"})


def test_base_faults_are_told_with_their_place_in_the_bundle() -> None:
    bundle = request()
    bundle["entry"][1]["resource"]["gender"] = 5
    assert "Bundle.entry[1].resource.gender" in [each.expression for each in faults(bundle)[1]]


ONE_FAULT: list[tuple[dict[str, Any], str, str]] = [
    ({"item": "x"}, "cardinality", "item"),
    ({"item": []}, "cardinality", "item"),
    ({"item": ["x"]}, "structure", "item[0]"),
    ({"identifier": "x"}, "cardinality", "identifier"),
    ({"identifier": ["x"]}, "structure", "identifier[0]"),
    ({"patient": "x"}, "structure", "patient"),
    ({"use": "x"}, "pas-use", "use"),
    ({"use": 5}, "pas-use", "use"),
    ({"status": 5}, "primitive-format", "status"),
    ({"item": [{**item(), "sequence": "1"}]}, "primitive-format", "item[0].sequence"),
    ({"item": [item(servicedDate="2026-12-16T10:00:00Z")]}, "primitive-format", "item[0].serviced.ofType(date)"),
    ({"item": [item(servicedDate="2026-12")]}, "pas-date", "item[0].serviced"),
    (
        {"insurance": [{"sequence": 1, "focal": "yes", "coverage": {"reference": "Coverage/cov1"}}]},
        "primitive-format",
        "insurance[0].focal",
    ),
]


@pytest.mark.parametrize(("spoilt", "code", "path"), ONE_FAULT, ids=[f"{each[2]}-{each[1]}" for each in ONE_FAULT])
def test_one_fault_is_one_issue(spoilt: dict[str, Any], code: str, path: str) -> None:
    bundle = request()
    claim_of(bundle).update(spoilt)
    with pytest.raises(FhirError) as caught:
        read_request(bundle)
    errors = [(each.code, each.expression) for each in caught.value.issues if each.severity == "error"]
    assert errors == [(code, f"Bundle.entry[0].resource.{path}")]
