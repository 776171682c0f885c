"""Measurements, studies, visits and answers: what is a settled result, and what stays out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from evidence_records import (
    CPT,
    LOINC,
    claim,
    collected,
    concept,
    document,
    evidence_of,
    observation,
)


def test_the_most_recent_measurement_counts_with_its_age() -> None:
    found = document(
        observation("39156-5", 36, day="2024-01-01"), observation("39156-5", Decimal("34.2"), day="2026-10-22")
    )
    assert found["body"] == {"bmi": Decimal("34.2"), "months_ago": 1}


@pytest.mark.parametrize(
    ("code", "value", "unit", "path", "expected"),
    [("29463-7", 220, "[lb_av]", ("body", "weight_kg"), Decimal("99.7")), ("29463-7", 80000, "g", ("body", "weight_kg"), 80),
     ("4548-4", 65, "mmol/mol", ("labs", "hba1c"), Decimal("8")), ("4548-4", Decimal("8.1"), "%", ("labs", "hba1c"), Decimal("8.1")),
     ("59408-5", 87, "%", ("oxygen", "sao2"), 87), ("72514-3", 7, "{score}", ("function", "pain_score"), 7)],
)  # fmt: skip
def test_units_are_converted(code: str, value: Any, unit: str, path: tuple[str, str], expected: Any) -> None:
    found = document(observation(code, value, unit))[path[0]][path[1]]
    assert abs(Decimal(found) - expected) < Decimal("0.15")


@pytest.mark.parametrize(
    "resource",
    [observation("39156-5", 34, status="preliminary"), observation("39156-5", 34, status="entered-in-error"),
     observation("39156-5", 3400), observation("29463-7", 80, "stone"),
     {**observation("39156-5", 30), "valueQuantity": {"value": 30, "comparator": ">"}},
     observation("59408-5", 92, component=[{"code": concept(LOINC, "3151-8"), "valueQuantity": {"value": 2}}])],
)  # fmt: skip
def test_what_is_no_settled_measurement_stays_out(resource: dict[str, Any]) -> None:
    found = document(resource)
    assert "bmi" not in found.get("body", {})
    assert "weight_kg" not in found.get("body", {})
    assert "oxygen" not in found


def test_screening_needs_a_result() -> None:
    test = {"resourceType": "Observation", "status": "final", "code": {"text": "QuantiFERON-TB Gold"}}
    assert document(test) == {}
    assert document({**test, "valueString": "Negative"})["screening"] == {"tuberculosis": True}


def test_an_imaging_study_of_the_region_under_review() -> None:
    study = {"resourceType": "ImagingStudy", "status": "available", "started": "2026-09-22", "subject": {"reference": "Patient/p1"},
             "series": [{"modality": {"code": "MR"}, "bodySite": {"display": "Lumbar spine"}}]}  # fmt: skip
    other = {
        **study,
        "id": "2",
        "started": "2026-11-01",
        "series": [{"modality": {"code": "MR"}, "bodySite": {"display": "Knee"}}],
    }
    evidence = evidence_of(claim(), study, other)
    assert evidence.document()["imaging"]["mri"] == {"done": True, "months_ago": 2, "body_site": "lumbar spine"}
    assert [fact.site for fact in evidence.facts_elsewhere("imaging.mri.done")] == ["knee"]


def test_a_report_tells_the_study_and_its_findings() -> None:
    report = {"resourceType": "DiagnosticReport", "status": "final", "category": [concept("x", "RAD")], "code": {"text": "MRI lumbar spine"},
              "effectiveDateTime": "2026-09-22", "conclusion": "Disc herniation L4-5 with radiculopathy."}  # fmt: skip
    found = document(report)
    assert found["imaging"]["mri"]["findings"] == "Disc herniation L4-5 with radiculopathy."
    assert found["documents"] == ["imaging-report"]
    assert document({**report, "status": "registered"}) == {}


def test_an_order_is_only_an_order() -> None:
    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": concept(CPT, "72148"),
        "authoredOn": "2026-11-20",
    }
    assert document(order) == {"documents": ["order"]}


def test_a_virtual_visit_is_no_in_person_evaluation() -> None:
    visit = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "type": [{"text": "Sleep medicine"}],
        "period": {"start": "2026-10-01"},
    }
    assert document(visit)["sleep"] == {"evaluated": True}
    assert document({**visit, "class": {"code": "VR"}}) == {}
    assert document({**visit, "status": "planned"}) == {}


def test_answers_of_a_questionnaire_are_mapped_by_name() -> None:
    response = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "item": [
            {"linkId": "g", "item": [{"linkId": "pt_weeks", "answer": [{"valueInteger": 6}]}]},
            {
                "linkId": "3",
                "definition": "https://assent.example/fhir/StructureDefinition/evidence#red_flags",
                "answer": [{"valueCoding": {"code": "N"}}],
            },
            {"linkId": "4", "text": "What is the body mass index?", "answer": [{"valueDecimal": Decimal("31.5")}]},
            {"linkId": "symptom_duration_weeks", "answer": [{"valueQuantity": {"value": 3, "unit": "months"}}]},
            {"linkId": "5", "text": "Favourite colour?", "answer": [{"valueString": "blue"}]},
        ],
    }
    evidence = collected(response)
    assert evidence.document() == {
        "documents": ["questionnaire"],
        "conservative_therapy": {"physical_therapy": {"completed_weeks": 6}},
        "red_flags": False,
        "body": {"bmi": Decimal("31.5")},
        "symptom_duration_weeks": 13,
    }
    assert evidence.facts_for("body.bmi")[0].source.expression == "QuestionnaireResponse.item[2].answer[0].value"
