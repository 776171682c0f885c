"""Facts from coded resources: what counts, what does not, and the sources they name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from evidence_records import CPT, ICD, LOINC, RXNORM, claim, collected, concept, document, entry, evidence_of, packet

from operations.evidence.collect import collect_evidence, for_item

SNOMED = "http://snomed.info/sct"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"


def procedure(code: str, day: Any = "2026-10-01", **more: Any) -> dict[str, Any]:
    done = {"performedPeriod": day} if isinstance(day, dict) else {"performedDateTime": day}
    resource = {"resourceType": "Procedure", "status": "completed", "code": concept(CPT, code), **done, **more}
    return {"id": f"{code}-{more.get('id', day)}".replace(":", ""), **resource}


def observation(code: str, value: Any, unit: str = "", day: str = "2026-10-22", **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "code": unit}
    return {"resourceType": "Observation", "id": f"{code}-{day}", "status": "final", "code": concept(LOINC, code),
            "valueQuantity": quantity, "effectiveDateTime": day, **more}  # fmt: skip


def drug(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"{kind}-{name}", "medicationCodeableConcept": {"text": name}, **more}


# -- the request -------------------------------------------------------------------------------------------------------


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


# -- conditions --------------------------------------------------------------------------------------------------------


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


# -- procedures --------------------------------------------------------------------------------------------------------


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


# -- drugs -------------------------------------------------------------------------------------------------------------


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


# -- measurements ------------------------------------------------------------------------------------------------------


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


# -- studies and visits ------------------------------------------------------------------------------------------------


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
