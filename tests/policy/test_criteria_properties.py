"""What must hold for any evidence at all: total, deterministic, and more evidence never hurts a monotone criterion."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operations.policy.criteria import compile_criteria
from operations.policy.evidence_names import names_of
from profiles.json import dumps, loads

NAMES = (
    "diagnosis",
    "diagnoses",
    "symptom_duration_weeks",
    "pt_weeks",
    "medications",
    "mri_done",
    "mri_months_ago",
    "red_flags",
    "conservative_therapy",
    "imaging",
)
CRITERIA = [
    {"id": "weeks", "requirement": {"symptom_duration_weeks": {"min": 6}}},
    {"id": "codes", "requirement": {"diagnosis_includes": ["M54.5"]}, "match": "prefix"},
    {
        "id": "either",
        "any": [
            {"requirement": {"red_flags": True}},
            {"logic": "any", "requirement": {"physical_therapy_weeks": {"gte": 6}, "nsaid_trial_required": True}},
        ],
    },
    {"id": "many", "requirement": {"medications": {"count_gte": 2}}},
    {"id": "image", "requirement": {"imaging.mri.done": True}},
    {"id": "words", "requirement": {"imaging.mri.findings": {"contains": "disc"}}},
]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner),
    max_leaves=12,
)
bodies = anything | st.dictionaries(st.sampled_from(NAMES), anything)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_any_evidence_gives_a_result_that_is_json(evidence: Any) -> None:
    result = compile_criteria(CRITERIA).evaluate(evidence).document()
    assert result["rules_met"] + result["rules_failed"] == result["total_rules"] == len(CRITERIA)
    assert loads(dumps(result))["total_rules"] == len(CRITERIA)
    for rule in result["results"]:
        met = [detail["met"] for detail in rule["condition_details"]]
        assert rule["met"] is (any(met) if rule["logic"] == "any" else all(met))


@settings(max_examples=100, deadline=None)
@given(bodies)
def test_compiling_twice_judges_the_same(evidence: Any) -> None:
    one, other = compile_criteria(CRITERIA), compile_criteria(loads(dumps(CRITERIA)))
    assert one.evaluate(evidence).document() == other.evaluate(evidence).document() == one.evaluate(evidence).document()


typed = st.fixed_dictionaries(
    {},
    optional={
        "diagnosis": st.lists(st.sampled_from(["M54.5", "M54.50", "Z00"]), max_size=3),
        "symptom_duration_weeks": st.integers(0, 12),
        "pt_weeks": st.integers(0, 12),
        "conservative_therapy.physical_therapy.completed_weeks": st.integers(0, 12),
        "medications": st.lists(st.sampled_from(["ibuprofen", "gabapentin"]), max_size=3),
        "red_flags": st.booleans(),
        "mri_done": st.booleans(),
        "imaging.mri.findings": st.sampled_from(["disc herniation", "normal"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(typed, typed)
def test_more_evidence_never_turns_met_into_not_met(before: dict[str, Any], more: dict[str, Any]) -> None:
    """More evidence: further entries of lists, and values of names, or other names of the same matter, not given yet."""
    after = dict(before)
    for name, value in more.items():
        if isinstance(value, list):
            after[name] = [*before.get(name, []), *value]
        elif not set(names_of(name)) & before.keys() or (isinstance(value, int) and not isinstance(value, bool)):
            after.setdefault(name, value)
    criteria = compile_criteria(CRITERIA)
    for one, other in zip(criteria.evaluate(before).results, criteria.evaluate(after).results, strict=True):
        assert other.met or not one.met
