"""The request, the person and the conditions: what each tells, and whose resources and which day count."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from evidence_records import (
    CPT,
    ICD,
    claim,
    collected,
    concept,
    document,
    entry,
    evidence_of,
    observation,
    packet,
)

from operations.evidence.collect import collect_evidence, for_item

SNOMED = "http://snomed.info/sct"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"


def test_claim_states_diagnoses_urgency_place_and_quantity() -> None:
    item = {
        "sequence": 1,
        "productOrService": concept(CPT, "72148"),
        "locationCodeableConcept": concept("https://www.cms.gov/place", "22"),
        "quantity": {"value": Decimal("1.5")},
        "servicedDate": "2026-11-22",
    }
    urgent = {"url": f"{PAS}/extension-levelOfServiceCode", "valueCodeableConcept": concept("x", "U")}
    found = evidence_of(claim(item=[item], extension=[urgent])).document()
    assert found["diagnosis"] == ["M54.16"]
    assert found["urgent"] is True
    assert found["place_of_service"] == "22"
    assert found["quantity"] == Decimal("1.5")


@pytest.mark.parametrize(("priority", "urgent"), [("stat", True), ("normal", False)])
def test_priority_tells_urgency(priority: str, urgent: bool) -> None:
    assert evidence_of(claim(priority=concept("x", priority))).document()["urgent"] is urgent


def test_a_diagnosis_may_be_a_reference_and_names_the_condition_as_its_source() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "k1",
        "code": concept(ICD, "M17.11"),
        "subject": {"reference": "Patient/p1"},
    }
    referring = claim(
        diagnosis=[{"sequence": 1, "diagnosisReference": {"reference": "Condition/k1"}}],
        item=[{"sequence": 1, "productOrService": concept(CPT, "73721")}],
    )
    evidence = evidence_of(referring, condition)
    assert evidence.document()["diagnosis"] == ["M17.11"]
    assert {fact.source.expression for fact in evidence.facts_for("diagnosis")} == {"Condition.code.coding[0].code"}
    assert evidence.focus == {"knee"}


def test_the_item_decides_place_and_body_region() -> None:
    items = [
        {"sequence": 1, "productOrService": concept(CPT, "72148"), "locationCodeableConcept": concept("x", "11")},
        {"sequence": 2, "productOrService": concept(CPT, "27447"), "locationCodeableConcept": concept("x", "21")},
    ]
    request = packet(claim(item=items))
    evidence = collect_evidence(request)
    second = for_item(evidence, request, 1)
    assert second.document()["place_of_service"] == "21"
    assert second.focus == {"knee"}
    assert for_item(evidence, request, 0).focus == {"lumbar-spine"}


def test_cancelled_information_is_not_read() -> None:
    cancelled = {"url": f"{PAS}/modifierextension-infoCancelled", "valueBoolean": True}
    told = {"sequence": 1, "valueString": "She completed 6 weeks of physical therapy."}
    assert "conservative_therapy" in evidence_of(claim(supportingInfo=[told])).document()
    told["modifierExtension"] = [cancelled]
    assert "conservative_therapy" not in evidence_of(claim(supportingInfo=[told])).document()


@pytest.mark.parametrize(
    ("born", "years"),
    [("1970-11-22", 56), ("1970-11-23", 55), ("1970", 56), ("2026-11-22", 0), ("2030-01-01", None), ("x", None)],
)
def test_age_at_the_date_of_service(born: str, years: int | None) -> None:
    assert document({"resourceType": "Patient", "birthDate": born}).get("age") == years


def test_the_requests_own_diagnosis_documents_no_finding() -> None:
    assert "exam" not in evidence_of(claim()).document()
    condition = {"resourceType": "Condition", "id": "k", "code": concept(ICD, "M54.16")}
    assert evidence_of(claim(), condition).document()["exam"] == {"radiculopathy": True}


@pytest.mark.parametrize(
    ("code", "expected"),
    [("I10", "hypertension"), ("E11.9", "type-2-diabetes"), ("G47.33", "sleep-apnea"), ("I50.22", "heart-failure"),
     ("N18.3", "chronic-kidney-disease"), ("I27.20", "pulmonary-hypertension"), ("J44.9", "copd"), ("F33.1", "depression")],
)  # fmt: skip
def test_comorbidities_by_code_family(code: str, expected: str) -> None:
    found = document({"resourceType": "Condition", "code": concept(ICD, code)})
    assert expected in found["comorbidities"]
    assert found["diagnosis"] == [code]


@pytest.mark.parametrize(
    "more",
    [{"clinicalStatus": concept("x", "resolved")}, {"verificationStatus": concept("x", "refuted")},
     {"verificationStatus": concept("x", "entered-in-error")}, {"verificationStatus": concept("x", "provisional")}],
)  # fmt: skip
def test_absent_or_uncertain_conditions_do_not_enter_the_document(more: dict[str, Any]) -> None:
    assert document({"resourceType": "Condition", "code": concept(ICD, "I10"), **more}) == {}


def test_snomed_and_words_tell_comorbidities() -> None:
    assert document({"resourceType": "Condition", "code": concept(SNOMED, "38341003")})["comorbidities"] == ["hypertension"]
    assert document({"resourceType": "Condition", "code": {"text": "Type 2 diabetes mellitus"}})["comorbidities"] == [
        "type-2-diabetes"
    ]
    assert document({"resourceType": "Condition", "code": {"text": "Family history of stroke"}}) == {}


def test_another_patients_resources_are_not_read() -> None:
    mine = {"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"}
    theirs = {"resourceType": "Patient", "id": "p2", "birthDate": "1990-01-01"}
    foreign = {"resourceType": "Condition", "id": "x", "code": concept(ICD, "I10"), "subject": {"reference": "Patient/p2"}}
    evidence = evidence_of(claim(), mine, theirs, foreign)
    assert evidence.document()["age"] == 56
    assert "comorbidities" not in evidence.document()
    assert {note.reason for note in evidence.unread} == {"The resource is about another patient."}


def test_day_of_service_is_the_default_day() -> None:
    past = claim(item=[{"sequence": 1, "servicedPeriod": {"start": "2020-11-22"}}])
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"}
    assert evidence_of(past, patient).document()["age"] == 50
    assert collect_evidence(packet(past, patient), date(2030, 6, 1)).document()["age"] == 60


def test_every_fact_of_a_resource_names_it() -> None:
    resource = observation("39156-5", 31)
    for fact in collected(resource).facts:
        assert fact.source.reference == entry(resource).reference
        assert fact.source.expression.startswith("Observation")
        assert fact.as_of == date(2026, 10, 22)
