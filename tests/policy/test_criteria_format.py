"""The criteria format beyond the printed examples: operators, nesting, exclusions, families, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from operations.policy.criteria import compile_criteria
from operations.policy.custom_operators import OPERATORS
from operations.policy.operators import BUILT_IN, Verdict, Witness, register
from profiles.json import ExactDecimal
from profiles.outcome import FhirError


def state(requirement: Any, evidence: Any, **rule: Any) -> str:
    criteria = compile_criteria([{"id": "r", "requirement": requirement, **rule}])
    return criteria.evaluate(evidence).results[0].state


def faults(criteria: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(FhirError) as error:
        compile_criteria(criteria)
    assert error.value.status == 422
    return [(issue.code, issue.expression) for issue in error.value.issues]


@pytest.mark.parametrize(
    ("operator", "expected", "value", "met"),
    [
        ("gte", 6, 6, True),
        ("gte", ExactDecimal("6.50"), 6, False),
        ("gt", 6, 6, False),
        ("gt", 6, ExactDecimal("6.01"), True),
        ("lte", 6, 6, True),
        ("lt", 6, 6, False),
        ("eq", "Moderate", "moderate ", True),
        ("eq", True, 1, False),
        ("eq", 1, True, False),
        ("eq", 6, ExactDecimal("6.0"), True),
        ("neq", "mild", "severe", True),
        ("neq", "mild", "mild", False),
        ("neq", "mild", 3, False),
        ("in", ["moderate", "severe"], "severe", True),
        ("in", ["moderate", "severe"], ["severe"], False),
        ("any_in", ["metformin"], ["insulin", "Metformin"], True),
        ("any_in", ["metformin"], "metformin", True),
        ("contains", "relief", "no relief at all", True),
        ("contains", ["a", "b"], ["b", "a", "c"], True),
        ("contains", ["a", "b"], ["a"], False),
        ("between", [5, 14], 14, True),
        ("between", [5, 14], 15, False),
        ("count_gte", 2, ["a", "b"], True),
        ("count_gte", 2, ["a"], False),
    ],
)
def test_operators(operator: str, expected: Any, value: Any, met: bool) -> None:
    for requirement in ({"x": {operator: expected}}, {"field": "x", "operator": operator, "value": expected}):
        assert (state(requirement, {"x": value}) == "met") is met


def test_every_operator_is_missing_without_a_value_and_never_met() -> None:
    expected: dict[str, Any] = {"in": ["a"], "any_in": ["a"], "in_family": ["M54"], "between": [1, 2]}
    for name in OPERATORS:
        assert state({"x": {name: expected.get(name, 1)}}, {"x": None}) == "missing"


def test_an_unknown_operator_is_named_beside_the_known_ones() -> None:
    with pytest.raises(FhirError) as error:
        compile_criteria([{"id": "r", "requirement": {"weeks": {"atleast": 6}}}])
    (issue,) = error.value.issues
    assert issue.code == "criteria-operator"
    assert "'atleast'" in issue.text
    assert all(name in issue.text for name in BUILT_IN)
    assert issue.expression == "criteria[0].requirement.weeks"


def test_operators_join_through_the_registry_and_cannot_be_redefined() -> None:
    @dataclass(frozen=True)
    class Even:
        name: str = "even"

        def fault(self, expected: Any) -> str | None:
            return None

        def check(self, value: Any, expected: Any) -> Verdict:
            return Verdict(isinstance(value, int) and value % 2 == 0)

        def witness(self, expected: Any) -> Witness | None:
            return Witness(2)

    criteria = compile_criteria([{"id": "r", "requirement": {"x": {"even": True}}}], register(OPERATORS, Even()))
    assert criteria.evaluate({"x": 4}).all_met
    with pytest.raises(ValueError):
        register(OPERATORS, Even("gte"))


def test_red_flag_or_six_weeks_of_care_can_be_said() -> None:
    rule = {
        "id": "necessity",
        "description": "red flag, or care that failed",
        "any": [
            {"id": "red_flag", "requirement": {"red_flags": True}},
            {
                "id": "care",
                "all": [
                    {"id": "weeks", "logic": "any", "requirement": {"pt_weeks": {"min": 6}, "nsaid_weeks": {"min": 6}}},
                    {"requirement": {"conservative_therapy.failed": True}},
                ],
            },
        ],
    }
    criteria = compile_criteria([rule])

    def outcome(evidence: dict[str, Any]) -> str:
        return criteria.evaluate(evidence).results[0].state

    assert outcome({"red_flags": True}) == "met"
    assert outcome({"pt_weeks": 7, "conservative_therapy": {"failed": True}}) == "met"
    assert outcome({"red_flags": False, "pt_weeks": 7}) == "missing"
    assert outcome({"red_flags": False, "pt_weeks": 7, "conservative_therapy": {"failed": False}}) == "not_met"
    document = criteria.evaluate({"red_flags": True}).document()["results"][0]
    assert [entry["condition"] for entry in document["condition_details"]] == [
        "red_flags eq true",
        "pt_weeks gte 6",
        "nsaid_weeks gte 6",
        "conservative_therapy.failed eq true",
    ]
    assert [rule["rule_id"] for rule in document["rules"][1]["rules"]] == ["weeks", "care.2"]


def test_an_exclusion_fails_only_when_the_evidence_shows_it() -> None:
    requirement = {"infection.active": True}
    assert state(requirement, {}, exclusion=True) == "not_shown"
    assert state(requirement, {"infection": {"active": False}}, exclusion=True) == "met"
    assert state(requirement, {"infection": {"active": True}}, exclusion=True) == "not_met"
    assert state(requirement, {"infection": {"active": "yes"}}, exclusion=True) == "missing", "a text denies nothing"
    criteria = compile_criteria([{"id": "r", "requirement": requirement, "exclusion": True}])
    (detail,) = criteria.evaluate({"infection": {"active": True}}).document()["results"][0]["condition_details"]
    assert detail == {"condition": "not (infection.active eq true)", "patient_value": True, "met": False}


def test_silence_lets_an_exclusion_pass_and_is_not_taken_for_a_value() -> None:
    criteria = compile_criteria([{"id": "r", "requirement": {"infection.active": True}, "exclusion": True}])
    (rule,) = criteria.evaluate({}).results
    assert (rule.state, rule.met) == ("not_shown", True)
    (detail,) = rule.document()["condition_details"]
    assert detail == {
        "condition": "not (infection.active eq true)",
        "patient_value": None,
        "met": True,
        "reason": "nothing in the evidence speaks of it",
    }


def test_an_exclusion_that_is_half_shown_waits_for_the_other_half() -> None:
    requirement = {"imaging.mri.done": True, "imaging.mri.months_ago": {"lt": 6}}
    done = {"imaging": {"mri": {"done": True}}}
    assert state(requirement, done, exclusion=True) == "missing", "an MRI of unknown date is not an old MRI"
    assert state(requirement, {"imaging": {"mri": {"done": True, "months_ago": 9}}}, exclusion=True) == "met"
    assert state(requirement, {"imaging": {"mri": {"done": True, "months_ago": 2}}}, exclusion=True) == "not_met"
    assert state(requirement, {"imaging": {"mri": {"done": False}}}, exclusion=True) == "met"
    criteria = compile_criteria([{"id": "r", "requirement": requirement, "exclusion": True}])
    assert [detail["met"] for detail in criteria.evaluate(done).document()["results"][0]["condition_details"]] == [
        False,
        False,
    ]


def test_a_silent_exclusion_carries_a_group_only_where_nothing_that_is_shown_does() -> None:
    silent = {"id": "x", "requirement": {"infection.active": True}, "exclusion": True}
    shown = {"id": "y", "requirement": {"a": 1}}

    def outcome(evidence: Any, **rule: Any) -> str:
        return compile_criteria([{"id": "r", **rule}]).evaluate(evidence).results[0].state

    assert outcome({}, any=[silent, shown]) == "not_shown"
    assert outcome({"a": 1}, any=[silent, shown]) == "met"
    assert outcome({"a": 1}, all=[silent, shown]) == "met"
    assert outcome({}, all=[silent, shown]) == "missing"
    assert outcome({}, all=[silent]) == "not_shown"
    assert outcome({}, all=[silent], exclusion=True) == "missing", "twice turned it is a requirement"


def test_a_family_covers_its_children_only_where_the_policy_says_so() -> None:
    codes = {"diagnosis_includes": ["M54.5", "G43.7-"]}
    assert state(codes, {"diagnosis": ["M54.50"]}) == "not_met"
    assert state(codes, {"diagnosis": ["M54.50"]}, match="prefix") == "met"
    assert state(codes, {"diagnosis": ["g43709"]}, match="prefix") == "met"
    assert state(codes, {"diagnosis": ["M54.4"]}, match="prefix") == "not_met"
    assert state({"diagnosis_includes": {"codes": ["M54.5"], "match": "prefix"}}, {"diagnosis": "M51.36; M54.59"}) == "met"


def test_unknown_is_not_false() -> None:
    assert state({"red_flags": True}, {}) == "missing"
    assert state({"red_flags": True}, {"red_flags": False}) == "not_met"
    assert state({"comorbidities": ["stroke"]}, {"comorbidities": ["depression"]}) == "missing"
    assert state({"diagnosis_includes": ["M54.5"]}, {"diagnosis": ["Z00.0"]}) == "not_met"
    assert state({"diagnosis_includes": ["M54.5"]}, {"diagnosis": []}) == "missing"


def test_a_list_of_drugs_that_names_no_nsaid_denies_nothing() -> None:
    assert state({"nsaid_trial_required": True}, {"medications": ["Ibuprofen 600 mg tablet"]}) == "met"
    assert state({"nsaid_trial_required": True}, {"medications": ["gabapentin"]}) == "missing"
    nested = {"medications": ["ibuprofen"], "conservative_therapy": {"nsaids": {"trialed": False}}}
    assert state({"nsaid_trial_required": True}, nested) == "not_met"


@pytest.mark.parametrize(
    ("care", "expected"),
    [
        ({"physical_therapy": {"completed_weeks": 8, "outcome": "minimal relief"}}, "met"),
        ({"nsaids": {"outcome": "No relief"}}, "met"),
        ({"nsaids": {"outcome": "no relief"}, "physical_therapy": {"completed_weeks": 8}}, "missing"),
        ({"nsaids": {"outcome": "no relief"}, "physical_therapy": {"outcome": "relief"}}, "missing"),
        ({"nsaids": {"outcome": "no relief"}, "failed": False}, "not_met"),
        ({"nsaids": {"outcome": 7}, "physical_therapy": "x"}, "missing"),
    ],
)
def test_care_has_failed_when_every_course_of_it_has(care: Any, expected: str) -> None:
    assert state({"conservative_therapy.failed": True}, {"conservative_therapy": care}) == expected


@pytest.mark.parametrize(
    ("criteria", "code", "expression"),
    [
        (None, "criteria-invalid", "criteria"),
        ({"criteria": []}, "criteria-invalid", "criteria"),
        (["rule"], "criteria-invalid", "criteria[0]"),
        ([{"requirement": {"x": 1}}], "criteria-invalid", "criteria[0].id"),
        ([{"id": "r"}], "criteria-invalid", "criteria[0]"),
        ([{"id": "r", "requirement": {"x": 1}, "any": []}], "criteria-invalid", "criteria[0]"),
        ([{"id": "r", "requirement": None}], "criteria-invalid", "criteria[0].requirement"),
        ([{"id": "r", "requirement": {}}], "criteria-invalid", "criteria[0].requirement"),
        ([{"id": "r", "requirement": {"x": None}}], "criteria-invalid", "criteria[0].requirement.x"),
        ([{"id": "r", "requirement": {"x": {}}}], "criteria-invalid", "criteria[0].requirement.x"),
        ([{"id": "r", "requirement": {"x": {"gte": "6"}}}], "criteria-invalid", "criteria[0].requirement.x"),
        ([{"id": "r", "requirement": {"x": {"between": [9, 1]}}}], "criteria-invalid", "criteria[0].requirement.x"),
        ([{"id": "r", "requirement": {"x": []}}], "criteria-invalid", "criteria[0].requirement.x"),
        ([{"id": "r", "requirement": {"diagnosis_includes": [7]}, "match": "prefix"}], "criteria-invalid", None),
        ([{"id": "r", "requirement": {"nsaid_trial_required": False}}], "criteria-invalid", "criteria[0].requirement"),
        ([{"id": "r", "logic": "some", "requirement": {"x": 1}}], "criteria-invalid", "criteria[0].logic"),
        ([{"id": "r", "exclusion": "yes", "requirement": {"x": 1}}], "criteria-invalid", "criteria[0].exclusion"),
        ([{"id": "r", "exclusions": True, "requirement": {"x": 1}}], "criteria-invalid", "criteria[0].exclusions"),
        ([{"id": "r", "any": [{"any": "x"}]}], "criteria-invalid", "criteria[0].any[0].any"),
        ([{"id": "r", "requirement": {"field": "x", "value": 1}}], "criteria-invalid", "criteria[0].requirement"),
        ([{"id": "r", "requirement": {"field": [], "operator": {}, "value": 1}}], "criteria-invalid", None),
        ([{"id": ["r"], "requirement": {"x": 1}}], "criteria-invalid", "criteria[0].id"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(criteria: Any, code: str, expression: str | None) -> None:
    found = faults(criteria)
    assert found[0][0] == code
    assert expression is None or expression in [place for _, place in found]


def test_everything_wrong_is_said_at_once() -> None:
    rules = [{"id": "a", "requirement": {"x": {"nope": 1}}}, {"id": "a", "requirement": {"x": {"gte": None}}}]
    assert sorted(code for code, _ in faults(rules)) == ["criteria-invalid", "criteria-invalid", "criteria-operator"]


def test_rules_cannot_be_nested_without_end() -> None:
    rule: dict[str, Any] = {"id": "leaf", "requirement": {"x": 1}}
    for level in range(50):
        rule = {"id": f"g{level}", "any": [rule]}
    assert any("nested" in issue for issue in [str(error) for error in _issues([rule])])


def _issues(criteria: Any) -> list[str]:
    with pytest.raises(FhirError) as error:
        compile_criteria(criteria)
    return [issue.text for issue in error.value.issues]
