"""The printed examples of DESIGN section 7, both evidence forms, and the shape of the result."""

from __future__ import annotations

from typing import Any

from operations.policy.criteria import compile_criteria
from profiles.json import dumps, loads

NESTED = loads("""{"diagnosis": ["M54.5","M51.26"], "symptom_duration_weeks": 8,
 "conservative_therapy": {"physical_therapy": {"completed_weeks": 6, "sessions": 12},
                          "nsaids": {"trialed": true, "outcome": "no relief"}},
 "imaging": {"mri": {"done": true, "months_ago": 2, "findings": "herniated disc L4-L5"}}}""")
FLAT = loads("""{"diagnoses": ["M51.26"], "symptom_duration_weeks": 10, "pt_weeks": 8,
 "medications": ["ibuprofen"], "mri_done": true}""")
CRITERIA = loads("""{"criteria": [
 {"id": "symptom_duration", "description": "...", "logic": "all", "requirement": {"symptom_duration_weeks": {"min": 6}}},
 {"id": "diagnosis", "description": "...", "requirement": {"diagnosis_includes": ["M54.5","M51.26","M51.16"]}},
 {"id": "conservative_care", "description": "...", "logic": "any",
  "requirement": {"physical_therapy_weeks": {"min": 6}, "nsaid_trial_required": true}},
 {"id": "imaging_recent", "description": "...", "requirement": {"mri_done": true, "mri_max_months_ago": 6}}]}""")


def evaluate(evidence: Any, criteria: Any = CRITERIA) -> dict[str, Any]:
    return compile_criteria(criteria).evaluate(evidence).document()


def test_the_nested_example_meets_every_criterion() -> None:
    result = evaluate(NESTED)
    assert list(result) == ["results", "all_criteria_met", "total_rules", "rules_met", "rules_failed"]
    assert (result["all_criteria_met"], result["total_rules"], result["rules_met"], result["rules_failed"]) == (
        True,
        4,
        4,
        0,
    )
    first = result["results"][0]
    assert first == {
        "rule_id": "symptom_duration",
        "description": "...",
        "met": True,
        "logic": "all",
        "condition_details": [{"condition": "symptom_duration_weeks gte 6", "patient_value": 8, "met": True}],
    }
    assert [len(entry["condition_details"]) for entry in result["results"]] == [1, 1, 2, 2]
    assert loads(dumps(result)) == result


def test_the_flat_example_meets_what_it_states_and_a_missing_field_is_null_and_not_met() -> None:
    result = evaluate(FLAT)
    assert [entry["met"] for entry in result["results"]] == [True, True, True, False]
    assert (result["all_criteria_met"], result["rules_met"], result["rules_failed"]) == (False, 3, 1)
    done, age = result["results"][3]["condition_details"]
    assert (done["patient_value"], done["met"]) == (True, True)
    assert age == {"condition": "mri_months_ago lte 6", "patient_value": None, "met": False}
    assert [detail["patient_value"] for detail in result["results"][2]["condition_details"]] == [8, True]


def test_logic_is_all_unless_said_otherwise() -> None:
    assert evaluate({"mri_done": True, "mri_months_ago": 7})["results"][3]["met"] is False
    assert evaluate({"pt_weeks": 6})["results"][2]["met"] is True
    assert evaluate({"conservative_therapy": {"nsaids": {"trialed": True}}})["results"][2]["met"] is True


def test_empty_evidence_fails_every_rule_with_null_values() -> None:
    for nothing in ({}, None, [], "text", 7):
        result = evaluate(nothing)
        assert (result["rules_met"], result["rules_failed"]) == (0, 4)
        values = [detail["patient_value"] for rule in result["results"] for detail in rule["condition_details"]]
        assert values == [None] * 6


def test_bounds_and_dotted_paths() -> None:
    path = "conservative_therapy.physical_therapy.completed_weeks"
    assert evaluate(NESTED, [{"id": "pt", "requirement": {path: {"gte": 6}}}])["all_criteria_met"] is True
    assert evaluate(FLAT, [{"id": "pt", "requirement": {path: {"gte": 6}}}])["all_criteria_met"] is True
    for age, met in ((17, False), (18, True), (65, True), (66, False)):
        for criteria in (
            [{"id": "age", "requirement": {"min": 18, "max": 65}}],
            [{"id": "adult", "field": "age", "requirement": {"min": 18, "max": 65}}],
            [{"id": "adult", "requirement": {"age": {"min": 18, "max": 65}}}],
        ):
            result = evaluate({"age": age}, criteria)
            assert result["all_criteria_met"] is met
            assert result["results"][0]["condition_details"][0]["condition"] == "age between [18, 65]"


def test_both_bounds_hold_together_even_where_any_condition_would_do() -> None:
    criteria = [{"id": "r", "logic": "any", "requirement": {"age": {"min": 18, "max": 65}, "urgent": True}}]
    assert evaluate({"age": 70}, criteria)["all_criteria_met"] is False
    criteria = [{"id": "r", "logic": "any", "requirement": {"age": {"gte": 18, "lt": 65}, "urgent": True}}]
    detail = evaluate({"age": 70}, criteria)["results"][0]["condition_details"][0]
    assert detail == {"condition": "age gte 18 and age lt 65", "patient_value": 70, "met": False}


def test_a_type_mismatch_is_not_met_and_says_why() -> None:
    for value in ("eight", True, [8], {"weeks": 8}):
        detail = evaluate({"symptom_duration_weeks": value})["results"][0]["condition_details"][0]
        assert (detail["patient_value"], detail["met"]) == (value, False)
        assert detail["reason"].startswith("type mismatch")
    detail = evaluate({"imaging": "MRI last month"})["results"][3]["condition_details"][0]
    assert (detail["patient_value"], detail["met"]) == (None, False)
    assert "imaging is a text" in detail["reason"]


def test_values_that_disagree_under_two_names_are_said_to() -> None:
    evidence = {"pt_weeks": 8, "conservative_therapy": {"physical_therapy": {"completed_weeks": 2}}}
    detail = evaluate(evidence)["results"][2]["condition_details"][0]
    assert (detail["patient_value"], detail["met"]) == (8, True)
    assert "disagrees" in detail["reason"]
