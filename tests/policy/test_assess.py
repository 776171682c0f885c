"""Assessing an item: facts behind each criterion, gaps, documents, contradictions, readiness, recommendation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_world import day, evidence, fact, item, packet, policy

from operations.policy.assess import assess
from operations.policy.assessment import Assessment
from profiles.json import ExactDecimal

WEEKS = fact("symptom_duration_weeks", 8)
FLAG = fact("red_flags", True, reference="Condition/2")
NOTE = fact("documents", ["visit-note"], reference="DocumentReference/3")


def assessed(*facts: Any, asked: Any = None, **changes: Any) -> Assessment:
    asked = asked or item()
    return assess(policy(**changes), evidence(*facts), packet(asked), asked)


def test_everything_met_approves_and_names_the_facts() -> None:
    assessment = assessed(WEEKS, FLAG, NOTE)
    assert assessment.recommendation.action == "approve"
    assert assessment.recommendation.days_valid == 60
    assert [finding.facts for finding in assessment.findings] == [(WEEKS,), (FLAG,)]
    assert assessment.readiness == 1.0
    assert assessment.missing_documents == ()
    assert assessment.gaps == ()


def test_what_is_missing_is_named_with_words_and_the_documents_that_would_show_it() -> None:
    assessment = assessed(FLAG, NOTE)
    assert assessment.recommendation.action == "pend"
    (gap,) = assessment.gaps
    assert (gap.name, gap.condition, gap.state, gap.shown) == (
        "symptom_duration_weeks",
        "symptom_duration_weeks gte 6",
        "missing",
        None,
    )
    assert gap.documents == ("visit-note",)
    assert "complaint" in gap.meaning
    assert assessment.readiness == pytest.approx(0.7 * 0.5 + 0.3)


def test_a_denied_fact_denies_and_an_unknown_one_asks() -> None:
    denied = assessed(WEEKS, NOTE, fact("red_flags", False), fact("imaging.xray.done", False))
    assert denied.recommendation.action == "deny"
    assert [reason.state for reason in denied.recommendation.reasons if reason.kind == "criterion"] == ["met", "not_met"]
    half = assessed(WEEKS, NOTE, fact("red_flags", False), fact("documents", ["imaging-report"]))
    assert half.findings[1].state == "missing"
    assert half.recommendation.action == "pend"
    pending = assessed(WEEKS, NOTE, fact("red_flags", False), fact("imaging.xray.done", False), review={"not_met": "pend"})
    assert pending.recommendation.action == "deny", "the film report is a condition, and it is missing"


def test_a_document_is_wanted_until_what_it_proves_is_proved_some_way() -> None:
    rules = {finding.rule.kind: finding for finding in assessed(WEEKS, FLAG, NOTE).documents}
    assert rules["imaging-report"].wanted is False, "the red flag carries the rule that the film is part of"
    assert rules["visit-note"].wanted is True
    missing = assessed(WEEKS, NOTE)
    assert [rule.kind for rule in missing.missing_documents] == ["imaging-report"]
    assert missing.recommendation.action == "deny"


def test_contradictions_are_reported_and_never_decide() -> None:
    said = fact("red_flags", True, as_of=day("2026-11-01"), reference="DocumentReference/a", method="text", confidence=0.9)
    denied = fact(
        "red_flags", False, as_of=day("2026-11-01"), reference="DocumentReference/b", method="text", confidence=0.9
    )
    assessment = assessed(WEEKS, NOTE, said, denied, documents=[])
    (contradiction,) = assessment.contradictions
    assert {each.value for each in contradiction.facts} == {True, False}
    finding = assessment.findings[1]
    assert (finding.contested, finding.state) == (True, "missing")
    assert assessment.recommendation.action == "pend"
    harmless = assessed(WEEKS, NOTE, said, denied, fact("imaging.xray.done", True), documents=[])
    assert harmless.findings[1].contested is False, "the film meets the rule whichever is true"
    assert harmless.recommendation.action == "approve"
    assert len(harmless.contradictions) == 1


def test_a_contested_criterion_is_not_denied_even_where_missing_evidence_would_be() -> None:
    said = fact("red_flags", True, as_of=day("2026-11-01"), method="text", confidence=0.9)
    denied = fact("red_flags", False, as_of=day("2026-11-01"), method="text", confidence=0.9)
    assessment = assessed(WEEKS, NOTE, said, denied, documents=[], review={"missing": "deny"})
    assert assessment.recommendation.action == "pend"


@pytest.mark.parametrize(
    ("quantity", "unit", "action", "granted"),
    [
        (2, None, "approve", None),
        (3, None, "modify", 2),
        (3, "units", "modify", 2),
        (ExactDecimal("2.5"), "UN", "modify", 2),
        (3, "mg", "pend", None),
        (None, None, "approve", None),
        (10**400, None, "modify", 2),
        (Decimal("1E+5000"), None, "modify", 2),
        ("3", None, "approve", None),
    ],
)
def test_more_than_the_policy_allows_is_modified(quantity: Any, unit: str | None, action: str, granted: int | None) -> None:
    asked = item(quantity=quantity)
    if unit:
        asked["quantity"]["unit"] = unit
    recommendation = assessed(WEEKS, FLAG, NOTE, asked=asked).recommendation
    assert (recommendation.action, recommendation.quantity) == (action, granted)


def test_a_policy_may_leave_approvals_to_a_reviewer() -> None:
    recommendation = assessed(WEEKS, FLAG, NOTE, review={"all_met": "pend"}).recommendation
    assert recommendation.action == "pend"
    assert recommendation.reasons[-1].kind == "review"


def test_codes_are_checked_by_the_date_of_service() -> None:
    codes = fact("diagnosis", ["M54.5", "M51.26"])
    (warning,) = assessed(codes, asked=item(servicedDate="2026-11-01")).warnings
    assert (warning.code, warning.instead) == ("M54.5", ("M54.50", "M54.51", "M54.59"))
    assert "not billable on this date of service" in warning.text
    assert assessed(codes, asked=item(servicedDate="2021-09-30")).warnings == ()


def test_the_confidence_of_the_evidence_lowers_readiness() -> None:
    weak = fact("symptom_duration_weeks", 8, confidence=0.6, method="text")
    assessment = assessed(weak, FLAG, NOTE)
    assert assessment.findings[0].confidence == 0.6
    assert assessment.readiness == pytest.approx(0.7 * 0.8 + 0.3)


OLD_MRI = {
    "id": "no_recent_mri",
    "description": "No MRI in the last 6 months",
    "exclusion": True,
    "requirement": {"imaging.mri.done": True, "imaging.mri.months_ago": {"lt": 6}},
}
LIGHT = {"id": "light", "description": "Index below 45", "exclusion": True, "requirement": {"body.bmi": {"gte": 45}}}


def test_an_exclusion_that_nothing_speaks_of_passes_and_is_said_so() -> None:
    assessment = assessed(NOTE, criteria=[LIGHT], documents=[])
    (reason,) = assessment.recommendation.reasons
    assert (assessment.recommendation.action, reason.state, reason.facts) == ("approve", "not_shown", ())
    assert reason.text == "Nothing in the packet shows a body-mass index of at least 45 kg/m2"


def test_silence_adds_nothing_to_readiness() -> None:
    rules = [{"id": "weeks", "requirement": {"symptom_duration_weeks": {"min": 6}}}, LIGHT]
    assert assessed(criteria=rules, documents=[]).readiness == 0.0
    assert assessed(WEEKS, criteria=rules, documents=[]).readiness == 1.0


def test_an_exclusion_rests_on_the_facts_that_refute_it() -> None:
    bmi = fact("body.bmi", 31, confidence=0.8)
    (finding,) = assessed(bmi, criteria=[LIGHT], documents=[]).findings
    assert (finding.state, finding.facts, finding.confidence) == ("met", (bmi,), 0.8)


def test_a_study_of_unknown_date_is_not_an_old_study() -> None:
    done = fact("imaging.mri.done", True)
    assessment = assessed(done, criteria=[OLD_MRI], documents=[])
    (finding,) = assessment.findings
    assert (finding.state, assessment.recommendation.action) == ("missing", "pend")
    assert [(gap.name, gap.state, gap.words) for gap in finding.gaps] == [
        ("imaging.mri.months_ago", "missing", "an MRI at least 6 months ago")
    ]
    old = fact("imaging.mri.months_ago", 9)
    (finding,) = assessed(done, old, criteria=[OLD_MRI], documents=[]).findings
    assert (finding.state, finding.facts) == ("met", (old,)), "that it was done does not speak for it; its age does"


def test_an_evenly_disputed_exclusion_does_not_pass_as_silence() -> None:
    said = fact("infection.active", True, as_of=day("2026-11-01"), method="text", confidence=0.9)
    denied = fact("infection.active", False, as_of=day("2026-11-01"), method="text", confidence=0.9)
    rule = {"id": "none", "requirement": {"infection.active": True}, "exclusion": True}
    assessment = assessed(said, denied, criteria=[rule], documents=[])
    assert assessment.recommendation.action == "pend"
    assert assessment.recommendation.reasons[0].state == "contested"


def test_only_facts_that_bear_a_criterion_out_are_cited_under_it() -> None:
    care = {"id": "care", "all": [{"requirement": {"pt_weeks": {"min": 6}}}, {"requirement": {"exam.reexamined": True}}]}
    rules = [{"id": "need", "any": [{"id": "flag", "requirement": {"red_flags": True}}, care]}]
    weeks = fact("conservative_therapy.physical_therapy.completed_weeks", 8)
    (finding,) = assessed(FLAG, weeks, criteria=rules, documents=[]).findings
    assert finding.facts == (FLAG,), "the care alone would not have met it"


def test_alternatives_are_told_apart() -> None:
    care = {
        "id": "care",
        "all": [
            {"logic": "any", "requirement": {"pt_weeks": {"min": 6}, "conservative_therapy.nsaids.weeks": {"min": 6}}},
            {"requirement": {"conservative_therapy.failed": True}},
        ],
    }
    rules = [{"id": "need", "any": [{"id": "flag", "requirement": {"red_flags": True}}, care]}]
    (finding,) = assessed(criteria=rules, documents=[]).findings
    pt, nsaid = "conservative_therapy.physical_therapy.completed_weeks", "conservative_therapy.nsaids.weeks"
    assert [[gap.name for gap in way] for way in finding.ways] == [
        ["red_flags"],
        [pt, "conservative_therapy.failed"],
        [nsaid, "conservative_therapy.failed"],
    ]
    assert finding.needs == (
        "either a red flag (cauda equina signs, progressive deficit, suspected cancer, infection or fracture); or either at "
        "least 6 weeks of physical therapy or at least 6 weeks of an anti-inflammatory drug (NSAID), together with "
        "conservative care that did not help"
    )
    (finding,) = assessed(fact(pt, 8), criteria=rules, documents=[]).findings
    assert [[gap.name for gap in way] for way in finding.ways] == [["red_flags"], ["conservative_therapy.failed"]]


def test_a_way_that_begins_with_another_diagnosis_is_no_way() -> None:
    def branch(code: str, drug: str) -> dict[str, Any]:
        drugs = {"requirement": {f"drugs.{drug}.weeks": {"min": 12}}}
        return {"id": drug, "all": [{"requirement": {"diagnosis_includes": [code]}}, drugs]}

    rules = [{"id": "need", "any": [branch("M05.9", "methotrexate"), branch("L40.0", "acitretin")]}]
    codes = fact("diagnosis", ["M05.9"])
    (finding,) = assessed(codes, criteria=rules, documents=[]).findings
    assert finding.needs == "at least 12 weeks of methotrexate"
    assert len(finding.ways) == 1


names = st.sampled_from(["symptom_duration_weeks", "red_flags", "imaging.xray.done", "documents", "diagnosis", "age"])
values = (
    st.none()
    | st.booleans()
    | st.integers(-5, 20)
    | st.text(max_size=4)
    | st.lists(st.sampled_from(["visit-note", "M54.5"]))
)
facts = st.builds(fact, names, values, st.sampled_from([0.4, 0.6, 1.0]))
shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["value", "unit", "start", "coding", "code", "system"]), inner, max_size=3)
    ),
    max_leaves=5,
)
items = st.dictionaries(
    st.sampled_from(
        ["sequence", "quantity", "servicedDate", "servicedPeriod", "productOrService", "locationCodeableConcept"]
    ),
    shapes,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(facts, max_size=6), items)
def test_any_facts_and_any_item_are_assessed_the_same_way_twice(given_facts: list[Any], asked: dict[str, Any]) -> None:
    rules = policy()
    one = assess(rules, evidence(*given_facts), packet(asked), asked)
    assert 0 <= one.readiness <= 1
    assert one == assess(rules, evidence(*given_facts), packet(asked), asked)
    assert (one.recommendation.action == "approve") <= one.criteria.all_met
