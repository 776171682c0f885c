"""The risk model and its remedies: order of weights, determinism, and figures that are re-runs, not guesses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_world import evidence, fact, item, packet, policy

from operations.policy.assess import AssessmentInput, assess_input, assessment_input
from operations.risk.denial_risk import HIGH_FROM, LOW_BELOW, WEIGHTS, Risk, band_of, denial_risk
from operations.risk.remedies import Remedy, remedies, without_remedy

WEEKS = fact("symptom_duration_weeks", 8)
FLAG = fact("red_flags", True)
STATES = (
    "red_flags",
    "exam.radiculopathy",
    "exam.neuro_deficit",
    "function.limited",
    "infection.active",
    "cancer.suspected",
    "autism.diagnosed",
)
CARES = (
    "sleep.evaluated",
    "exam.reexamined",
    "screening.tuberculosis",
    "screening.hepatitis_b",
    "mobility.face_to_face",
    "autism.treatment_plan",
)
NOTE = fact("documents", ["visit-note"])


def given_of(*facts: Any, asked: Any = None, **changes: Any) -> AssessmentInput:
    asked = asked or item()
    return assessment_input(policy(**changes), evidence(*facts), packet(asked), asked)


def risk_of(*facts: Any, **changes: Any) -> Risk:
    return denial_risk(assess_input(given_of(*facts, **changes)))


def remedies_of(*facts: Any, **changes: Any) -> tuple[Remedy, ...]:
    given = given_of(*facts, **changes)
    assessment = assess_input(given)
    return remedies(given, assessment, denial_risk(assessment))


def test_not_met_weighs_more_than_missing_and_that_more_than_uncertain() -> None:
    not_met = risk_of(fact("symptom_duration_weeks", 2), FLAG, NOTE)
    missing = risk_of(FLAG, NOTE)
    uncertain = risk_of(fact("symptom_duration_weeks", 8, confidence=0.6), FLAG, NOTE)
    met = risk_of(WEEKS, FLAG, NOTE)
    assert not_met.probability > missing.probability > uncertain.probability > met.probability
    assert WEIGHTS["not_met"] > WEIGHTS["missing"] > WEIGHTS["low_confidence"] > 0 > WEIGHTS["met"]
    assert met.band == "low"
    assert {driver.direction for driver in met.drivers} == {"decreases"}


def test_drivers_come_heaviest_first_with_their_evidence() -> None:
    risk = risk_of(fact("symptom_duration_weeks", 2), FLAG)
    assert [driver.key for driver in risk.drivers] == ["weeks", "visit-note", "need"]
    assert risk.drivers[0].facts[0].value == 2
    assert risk.drivers[0].direction == "increases"
    assert risk.drivers[2].facts == (FLAG,)


def test_the_policy_sets_the_base_rate_and_the_weight_of_its_rules() -> None:
    assert risk_of(WEEKS, FLAG, NOTE, risk={"base_rate": 0.05}).probability < risk_of(WEEKS, FLAG, NOTE).probability
    heavy = risk_of(FLAG, NOTE, risk={"base_rate": 0.2, "weights": {"weeks": 2}})
    assert heavy.probability > risk_of(FLAG, NOTE).probability
    assert heavy.drivers[0].weight == pytest.approx(2 * WEIGHTS["missing"])


def test_many_easy_criteria_do_not_outweigh_a_hard_one_that_is_open() -> None:
    easy = [{"id": f"e{n}", "requirement": {f"x{n}": True}, "exclusion": True} for n in range(20)]
    hard = {"id": "hard", "requirement": {"imaging.advanced_joint_disease": True}}
    few = risk_of(criteria=[hard, *easy[:2]], documents=[])
    many = risk_of(criteria=[hard, *easy], documents=[])
    assert few.band == many.band == "medium"
    met = fact("imaging.advanced_joint_disease", True)
    assert risk_of(met, criteria=[hard, *easy], documents=[]).probability == pytest.approx(
        risk_of(met, criteria=[hard], documents=[]).probability, abs=0.001
    )


def test_silence_is_no_driver() -> None:
    silent = {"id": "light", "requirement": {"body.bmi": {"gte": 45}}, "exclusion": True}
    weeks = {"id": "weeks", "requirement": {"symptom_duration_weeks": {"min": 6}}}
    alone, beside = (risk_of(criteria=rules, documents=[]) for rules in ([weeks], [weeks, silent]))
    assert [driver.key for driver in beside.drivers] == ["weeks"]
    assert beside.log_odds == alone.log_odds
    shown = risk_of(fact("body.bmi", 30), criteria=[weeks, silent], documents=[])
    assert [driver.key for driver in shown.drivers] == ["weeks", "light"], "evidence against it is one"
    assert shown.log_odds < alone.log_odds


def test_bands_have_their_cut_points() -> None:
    assert [band_of(p) for p in (0.0, LOW_BELOW - 0.0001, LOW_BELOW, HIGH_FROM - 0.0001, HIGH_FROM, 1.0)] == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]


def test_a_code_that_cannot_be_billed_and_a_quantity_beyond_the_limit_raise_the_risk() -> None:
    plain = risk_of(WEEKS, FLAG, NOTE).probability
    assert risk_of(WEEKS, FLAG, NOTE, fact("diagnosis", ["M54.5"])).probability > plain
    assert risk_of(WEEKS, FLAG, NOTE, asked=item(quantity=9)).probability > plain


CARE = "conservative_therapy.physical_therapy.completed_weeks"
THERAPY = {"id": "therapy", "description": "Six weeks of therapy", "requirement": {CARE: {"min": 6}}}


def test_a_remedy_is_what_the_engine_says_when_the_gap_is_closed() -> None:
    (remedy,) = remedies_of(fact(CARE, 2), criteria=[THERAPY], documents=[])
    now, then = (risk_of(fact(CARE, weeks), criteria=[THERAPY], documents=[]).probability for weeks in (2, 6))
    assert (remedy.probability, remedy.reduction) == (then, pytest.approx(now - then))
    assert (remedy.steps[0].action, remedy.steps[0].facts[0].value) == ("change", 6)
    assert remedy.steps[0].text == "Obtain or document at least 6 weeks of physical therapy"


def test_remedies_are_sorted_and_a_set_is_sought_where_no_single_one_suffices() -> None:
    found = remedies_of(risk={"base_rate": 0.3})
    singles = [remedy for remedy in found if len(remedy.steps) == 1]
    assert [remedy.reduction for remedy in singles] == sorted((remedy.reduction for remedy in singles), reverse=True)
    assert all(remedy.band != "low" for remedy in singles)
    combined = found[-1]
    assert len(combined.steps) > 1
    assert combined.band == "low"
    smaller = [remedy for remedy in found[:-1] if len(remedy.steps) >= len(combined.steps)]
    assert smaller == []


def test_a_hopeless_request_still_shows_every_step_and_what_all_of_them_bring() -> None:
    rules = [{"id": f"r{n}", "requirement": {name: True}} for n, name in enumerate(CARES)]
    found = remedies_of(*(fact(name, False) for name in CARES), criteria=rules, documents=[])
    assert len(found) == len(CARES) + 1
    assert (len(found[-1].steps), found[-1].band) == (len(CARES), "low")
    assert found[-1].reduction > 0.9


@pytest.mark.parametrize("name", [*STATES, "disease.severity", "age", "drugs.methotrexate.contraindicated"])
@pytest.mark.parametrize("known", [True, False])
def test_no_remedy_asserts_a_state_of_the_patient(name: str, known: bool) -> None:
    wanted: Any = {"disease.severity": ["severe"], "age": {"min": 18}}.get(name, True)
    value: Any = {"disease.severity": "mild", "age": 3}.get(name, False)
    criteria = [{"id": "state", "description": "The state", "requirement": {name: wanted}}]
    given = given_of(*([fact(name, value)] if known else []), criteria=criteria, documents=[])
    assessment = assess_input(given)
    risk = denial_risk(assessment)
    assert remedies(given, assessment, risk) == ()
    (sentence,) = without_remedy(risk, ())
    assert "Nothing that can be supplied lowers this" in sentence


def test_of_a_red_flag_and_care_only_care_is_proposed() -> None:
    care = {"id": "care", "requirement": {CARE: {"min": 6}, "conservative_therapy.failed": True, "exam.reexamined": True}}
    criteria = [{"id": "need", "any": [{"id": "flag", "requirement": {"red_flags": True}}, care]}]
    (remedy,) = remedies_of(criteria=criteria, documents=[])
    assert [each.name for each in remedy.steps[0].facts] == [CARE, "conservative_therapy.failed", "exam.reexamined"]
    assert remedy.steps[0].text == (
        "Obtain or document at least 6 weeks of physical therapy and another examination after conservative care; "
        "Document: what the conservative care brought"
    )
    assert remedy.steps[0].provided == "conservative care that did not help", "how it came out is not ours to say"
    helped = fact("conservative_therapy.failed", False)
    assert remedies_of(helped, criteria=criteria, documents=[]) == (), "care that helped has not failed"


def test_a_measurement_may_be_made_and_never_made_up() -> None:
    criteria = [{"id": "obesity", "requirement": {"body.bmi": {"min": 30}}}]
    (remedy,) = remedies_of(criteria=criteria, documents=[])
    assert remedy.steps[0].text == "Measure and document: most recent body-mass index"
    assert remedy.steps[0].provided == "a body-mass index of at least 30 kg/m2"
    assert remedies_of(fact("body.bmi", 24), criteria=criteria, documents=[]) == ()


def test_uncertain_evidence_may_be_documented_more_clearly_unless_it_is_a_state() -> None:
    (remedy,) = remedies_of(fact(CARE, 8, confidence=0.6), criteria=[THERAPY], documents=[], risk={"base_rate": 0.3})
    assert remedy.steps[0].text.startswith("Document more clearly")
    flag = [{"id": "flag", "requirement": {"red_flags": True}}]
    assert remedies_of(fact("red_flags", True, confidence=0.6), criteria=flag, documents=[]) == ()


def test_an_exclusion_that_is_half_shown_is_settled_by_a_date() -> None:
    requirement = {"imaging.mri.done": True, "imaging.mri.months_ago": {"lt": 6}}
    criteria = [{"id": "none", "exclusion": True, "requirement": requirement}]
    (remedy,) = remedies_of(fact("imaging.mri.done", True), criteria=criteria, documents=[])
    assert (remedy.steps[0].text, remedy.steps[0].provided) == (
        "Document: when the MRI was done",
        "an MRI at least 6 months ago",
    )


def test_attaching_a_document_and_asking_for_less_are_remedies_too() -> None:
    (attach,) = remedies_of(WEEKS, FLAG, risk={"base_rate": 0.4})
    assert (attach.steps[0].kind, attach.steps[0].key, attach.steps[0].action) == ("document", "visit-note", "supply")
    assert attach.probability == risk_of(WEEKS, FLAG, NOTE, risk={"base_rate": 0.4}).probability
    (less,) = remedies_of(WEEKS, FLAG, NOTE, asked=item(quantity=5))
    assert (less.steps[0].action, less.steps[0].quantity) == ("reduce", 2)
    assert less.probability == risk_of(WEEKS, FLAG, NOTE).probability


def test_no_remedy_proposes_another_diagnosis_or_another_patient() -> None:
    criteria = [
        {"id": "code", "requirement": {"diagnosis_includes": ["M54.5"]}},
        {"id": "adult", "requirement": {"age": {"min": 18}}},
    ]
    found = remedies_of(fact("diagnosis", ["Z00.0"]), fact("age", 3), NOTE, criteria=criteria, documents=[])
    assert found == ()
    assert remedies_of(NOTE, criteria=criteria, documents=[]) == (), "nor one that is not stated"


def test_of_alternatives_the_one_nearest_to_the_evidence_is_proposed() -> None:
    criteria = [
        {
            "id": "need",
            "any": [
                {"id": "flag", "requirement": {"red_flags": True}},
                {"id": "care", "requirement": {"pt_weeks": {"min": 6}, "exam.reexamined": True}},
            ],
        }
    ]
    weeks = fact("conservative_therapy.physical_therapy.completed_weeks", 8)
    (near,) = remedies_of(weeks, criteria=criteria, documents=[])
    assert [each.name for each in near.steps[0].facts] == ["exam.reexamined"]
    (not_denied,) = remedies_of(fact("red_flags", False), criteria=criteria, documents=[])
    assert "red_flags" not in [each.name for each in not_denied.steps[0].facts]


def test_no_remedy_denies_what_an_exclusion_found() -> None:
    for name, value, requirement in (
        ("infection.active", True, True),
        ("imaging.pet.count", 5, {"min": 4}),
        ("medications", ["tirzepatide"], ["tirzepatide"]),
    ):
        criteria = [{"id": "none", "requirement": {name: requirement}, "exclusion": True}]
        assert remedies_of(fact(name, value), criteria=criteria, documents=[]) == ()


names = ["symptom_duration_weeks", "red_flags", "imaging.xray.done", "documents", "diagnosis"]
values = (
    st.booleans() | st.integers(0, 12) | st.lists(st.sampled_from(["visit-note", "imaging-report", "M54.5"]), max_size=2)
)
facts = st.lists(st.builds(fact, st.sampled_from(names), values, st.sampled_from([0.6, 1.0])), max_size=5)


@settings(max_examples=100, deadline=None)
@given(facts, st.sampled_from([0.02, 0.2, 0.45]), st.integers(1, 5))
def test_any_evidence_gives_one_figure_and_every_remedy_lowers_it(given_facts: Any, base: float, quantity: int) -> None:
    given = given_of(*given_facts, asked=item(quantity=quantity), risk={"base_rate": base})
    assessment = assess_input(given)
    risk = denial_risk(assessment)
    assert risk == denial_risk(assess_input(given))
    assert 0.01 <= risk.probability <= 0.99
    for remedy in remedies(given, assessment, risk):
        assert remedy.reduction >= 0
        assert remedy.log_odds < risk.log_odds
        assert remedy.band == band_of(remedy.probability)
        assert remedy.probability == pytest.approx(risk.probability - remedy.reduction)
