"""Procedures, drugs and allergies: what was done or taken, what only ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from evidence_records import (
    RXNORM,
    concept,
    document,
    drug,
    procedure,
)


def test_a_period_of_therapy_gives_completed_weeks() -> None:
    found = document(procedure("97110", {"start": "2026-08-01", "end": "2026-09-15"}))
    therapy = found["conservative_therapy"]
    assert therapy["physical_therapy"]["completed_weeks"] == 6
    assert therapy["total_weeks"] == 6
    assert therapy["months_ago"] == Decimal("2.3")


def test_sessions_make_up_a_course() -> None:
    days = ["2026-08-03", "2026-08-10", "2026-08-17", "2026-08-24", "2026-08-31", "2026-09-07", "2026-09-14"]
    therapy = document(*[procedure("97110", day) for day in days])["conservative_therapy"]["physical_therapy"]
    assert therapy["sessions"] == 7
    assert therapy["completed_weeks"] == 6


def test_sessions_far_apart_are_two_courses() -> None:
    therapy = document(procedure("97110", "2026-01-05"), procedure("97110", "2026-09-07"))["conservative_therapy"][
        "physical_therapy"
    ]
    assert therapy == {"sessions": 2}


@pytest.mark.parametrize(
    "status", ["preparation", "not-done", "in-progress", "stopped", "entered-in-error", "on-hold", "unknown"]
)
def test_only_completed_procedures_count(status: str) -> None:
    assert document(procedure("72148", status=status)) == {}


def test_a_procedure_in_the_future_has_not_happened() -> None:
    assert document(procedure("72148", "2027-01-10")) == {}


def test_a_therapy_period_that_runs_beyond_the_request_is_cut_there() -> None:
    found = document(procedure("97110", {"start": "2026-11-01", "end": "2027-02-01"}))
    assert found.get("conservative_therapy", {}).get("physical_therapy", {}).get("completed_weeks", 3) <= 3


def test_injections_are_counted_within_a_year() -> None:
    found = document(*[procedure("62323", day) for day in ("2025-06-01", "2026-02-01", "2026-08-01")])
    assert found["conservative_therapy"]["injections"] == {"done": True, "count": 2}


def test_a_reported_course_gives_weeks_and_class() -> None:
    taken = drug(
        "MedicationStatement",
        "Methotrexate 2.5 mg",
        status="completed",
        effectivePeriod={"start": "2026-01-01", "end": "2026-05-01"},
    )
    found = document(taken)["drugs"]
    assert found["methotrexate"] == {"trialed": True, "weeks": 17}
    assert found["dmard"] == {"trialed": True, "weeks": 17}


def test_reasons_stopped_tell_the_outcome() -> None:
    stopped = drug(
        "MedicationRequest",
        "naproxen",
        status="stopped",
        intent="order",
        authoredOn="2026-03-01",
        statusReason={"text": "Lack of effect"},
    )
    found = document(stopped)
    assert found["drugs"]["naproxen"]["outcome"] == "no relief"
    assert found["medications_failed"] == ["naproxen"]
    assert found["conservative_therapy"]["nsaids"]["trialed"] is True
    stopped["statusReason"] = concept("http://terminology.hl7.org/CodeSystem/medicationrequest-status-reason", "sintol")
    assert document(stopped)["drugs"]["naproxen"]["contraindicated"] is True


@pytest.mark.parametrize(
    "more",
    [{"status": "active", "intent": "order", "authoredOn": "2026-11-20"}, {"status": "active", "intent": "plan", "authoredOn": "2026-01-01"},
     {"status": "draft", "intent": "order", "authoredOn": "2026-01-01"}, {"status": "cancelled", "intent": "order"},
     {"status": "active", "intent": "order"}, {"status": "completed", "intent": "order", "doNotPerform": True}],
)  # fmt: skip
def test_an_order_is_not_a_course(more: dict[str, Any]) -> None:
    assert "drugs" not in document(drug("MedicationRequest", "infliximab", **more))


def test_a_drug_reported_as_not_taken_is_denied() -> None:
    assert (
        document(drug("MedicationStatement", "methotrexate", status="not-taken"))["drugs"]["methotrexate"]["trialed"]
        is False
    )


def test_contained_and_referenced_medications_are_followed() -> None:
    contained = {"resourceType": "MedicationStatement", "id": "1", "status": "completed", "medicationReference": {"reference": "#m"},
                 "contained": [{"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "5640")}]}  # fmt: skip
    referenced = {
        "resourceType": "MedicationStatement",
        "id": "2",
        "status": "completed",
        "medicationReference": {"reference": "Medication/7"},
    }
    medication = {"resourceType": "Medication", "id": "7", "code": {"text": "Aleve 220 mg"}}
    assert sorted(document(contained, referenced, medication)["medications"]) == ["ibuprofen", "naproxen"]


def test_migraine_preventives_are_counted_by_class() -> None:
    reason = [{"text": "Migraine prevention"}]
    drugs = [
        drug("MedicationStatement", name, status="completed", reasonCode=reason)
        for name in ("topiramate", "propranolol", "metoprolol")
    ]
    assert document(*drugs)["drugs"]["preventive_classes"] == 2


def test_an_allergy_contraindicates_and_a_refuted_one_does_not() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "code": {"text": "Naproxen"}}
    assert document(allergy)["drugs"]["naproxen"] == {"contraindicated": True}
    assert document({**allergy, "verificationStatus": concept("x", "refuted")}) == {}
