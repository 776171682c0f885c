"""How facts become one document, and how disagreement is reported instead of settled."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from evidence_records import AS_OF, claim, evidence_of, note

from operations.evidence.evidence import Evidence
from operations.evidence.fact import Fact, Source
from operations.evidence.merge import kind_of, rule_of
from operations.evidence.note_text import NoteRules
from operations.evidence.vocabulary import VOCABULARY, is_known

DAY = date(2026, 11, 1)
EARLIER = date(2026, 5, 1)
Method = Literal["coded", "text", "questionnaire", "request"]


def fact(
    name: str, value: Any, method: Method = "text", day: date | None = DAY, confidence: float = 0.8, **more: Any
) -> Fact:
    return Fact(name, value, Source(f"urn:{method}:{value}", "x"), method, confidence, day, **more)


def value(*facts: Fact) -> Any:
    found: Any = Evidence(facts).document()
    for part in facts[0].name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def test_every_name_has_a_rule_and_a_kind() -> None:
    for name in VOCABULARY:
        assert kind_of(name) == VOCABULARY[name].kind
        assert rule_of(name)
    assert kind_of("drugs.methotrexate.weeks") == "number"
    assert is_known("drugs.methotrexate.weeks")
    assert kind_of("drugs.methotrexate.colour") is None
    assert kind_of("nonsense") is None


def test_the_document_is_nested_by_the_names() -> None:
    facts = (fact("conservative_therapy.physical_therapy.completed_weeks", 6), fact("imaging.mri.done", True))
    assert Evidence(facts).document() == {
        "conservative_therapy": {"physical_therapy": {"completed_weeks": 6}},
        "imaging": {"mri": {"done": True}},
    }


def test_courses_take_the_longest_and_measurements_the_latest() -> None:
    assert value(fact("drugs.naproxen.weeks", 4), fact("drugs.naproxen.weeks", 9, day=EARLIER)) == 9
    assert value(fact("body.bmi", 36, day=EARLIER), fact("body.bmi", 31)) == 31
    assert value(fact("imaging.mri.months_ago", 9), fact("imaging.mri.months_ago", 2)) == 2


def test_coded_beats_text_on_the_same_day_and_the_disagreement_is_listed() -> None:
    evidence = Evidence((fact("body.bmi", 31), fact("body.bmi", 36, "coded")))
    assert evidence.document() == {"body": {"bmi": 36}}
    (dispute,) = evidence.contradictions()
    assert dispute.name == "body.bmi"
    assert dispute.chosen is not None
    assert dispute.chosen.method == "coded"
    assert [one.value for one in evidence.facts_for("body.bmi")] == [36, 31]


def test_equal_sources_that_disagree_settle_nothing() -> None:
    evidence = Evidence((fact("sleep.ahi", 12), fact("sleep.ahi", 31)))
    assert evidence.document() == {}
    (dispute,) = evidence.contradictions()
    assert dispute.chosen is None
    assert len(dispute.facts) == 2


def test_values_that_round_differently_agree() -> None:
    assert Evidence((fact("body.bmi", 34), fact("body.bmi", Decimal("34.2")))).contradictions() == ()


def test_what_happened_against_an_express_denial() -> None:
    done, denied = fact("imaging.mri.done", True), fact("imaging.mri.done", False)
    evidence = Evidence((done, denied))
    assert evidence.document() == {}
    assert evidence.contradictions()[0].chosen is None
    assert value(fact("imaging.mri.done", True, "coded"), denied) is True
    assert value(denied) is False


def test_a_denial_before_the_event_is_no_contradiction() -> None:
    evidence = Evidence((fact("imaging.mri.done", True), fact("imaging.mri.done", False, day=EARLIER)))
    assert evidence.contradictions() == ()
    assert evidence.document() == {"imaging": {"mri": {"done": True}}}


def test_a_state_follows_its_latest_report() -> None:
    assert value(fact("function.limited", True, day=EARLIER), fact("function.limited", False)) is False
    assert value(fact("function.limited", False, day=EARLIER), fact("function.limited", True)) is True


def test_topics_do_not_contradict_each_other() -> None:
    evidence = Evidence((fact("red_flags", True, topic="suspected-cancer"), fact("red_flags", False, topic="incontinence")))
    assert evidence.contradictions() == ()
    assert evidence.document() == {"red_flags": True}


def test_a_general_denial_speaks_against_every_topic() -> None:
    evidence = Evidence((fact("red_flags", True, topic="incontinence"), fact("red_flags", False)))
    assert evidence.contradictions()[0].chosen is None
    assert evidence.document() == {}


def test_a_course_and_the_denial_of_any_course() -> None:
    name = "conservative_therapy.physical_therapy.completed_weeks"
    evidence = Evidence((fact(name, 6), fact(name, 0)))
    assert evidence.document() == {}
    assert len(evidence.contradictions()) == 1
    assert value(fact(name, 6), fact(name, 0, day=EARLIER)) == 6


def test_tallies_count_topics_or_take_the_stated_number() -> None:
    name = "conservative_therapy.injections.count"
    counted = [fact(name, 1, topic=f"2026-0{month}-01") for month in (3, 5, 5, 8)]
    assert value(*counted) == 3
    assert value(*counted, fact(name, 5)) == 5


def test_lists_are_united() -> None:
    assert value(fact("medications", ["ibuprofen"]), fact("medications", ["naproxen", "ibuprofen"])) == [
        "ibuprofen",
        "naproxen",
    ]


def test_low_confidence_and_wrong_kinds_stay_out_but_are_kept() -> None:
    weak, wrong, alien = fact("body.bmi", 31, confidence=0.4), fact("body.bmi", "31"), fact("made.up", True)
    evidence = Evidence((weak, wrong, alien, fact("red_flags", 1)))
    assert evidence.document() == {}
    assert len(evidence.facts) == 4
    assert evidence.facts_for("body.bmi") == ()


def test_a_study_elsewhere_does_not_count_for_the_request() -> None:
    facts = (fact("imaging.xray.done", True, site="shoulder"), fact("imaging.mri.done", True, site="knee"))
    evidence = Evidence(facts, focus=frozenset({"knee"}))
    assert evidence.document() == {"imaging": {"mri": {"done": True}}}
    assert [one.site for one in evidence.facts_elsewhere("imaging.xray.done")] == ["shoulder"]


def test_signs_in_the_leg_count_for_the_lumbar_spine() -> None:
    facts = (fact("exam.neuro_deficit", True, site="ankle-foot"), fact("imaging.xray.done", True, site="ankle-foot"))
    evidence = Evidence(facts, focus=frozenset({"lumbar-spine"}))
    assert evidence.document() == {"exam": {"neuro_deficit": True}}


def test_date_and_findings_are_of_the_study_that_counts() -> None:
    knee, spine = {"site": "knee"}, {"site": "lumbar-spine"}
    facts = (
        fact("imaging.mri.done", True, day=EARLIER, **knee),
        fact("imaging.mri.months_ago", 6, day=EARLIER, **knee),
        fact("imaging.mri.done", True, day=DAY, **spine),
        fact("imaging.mri.months_ago", 0, day=DAY, **spine),
    )
    assert Evidence(facts).document()["imaging"]["mri"] == {"done": True, "months_ago": 0}
    assert Evidence(facts, focus=frozenset({"knee"})).document()["imaging"]["mri"] == {"done": True, "months_ago": 6}


def test_more_facts_leave_the_first_evidence_as_it_was() -> None:
    first = Evidence((fact("body.bmi", 31),))
    second = first.with_facts([fact("age", 50, "request")])
    assert first.document() == {"body": {"bmi": 31}}
    assert second.document() == {"body": {"bmi": 31}, "age": 50}


CONTRADICTORY = """HISTORY OF PRESENT ILLNESS

He has had low back pain for 8 weeks. He reports one episode of urinary incontinence last week.

REVIEW OF SYSTEMS

Genitourinary: Denies urinary incontinence.
"""


def test_history_against_review_of_systems_is_reported_with_both_spans() -> None:
    facts = NoteRules().extract(CONTRADICTORY, Source("note", "x"), AS_OF)
    evidence = Evidence(tuple(facts))
    assert "red_flags" not in evidence.document()
    (dispute,) = evidence.contradictions()
    assert dispute.chosen is None
    quotes = [one.source.quote or "" for one in dispute.facts]
    assert any("one episode" in quote for quote in quotes)
    assert any("Denies" in quote for quote in quotes)


def test_a_note_of_another_day_counts_back_from_the_request() -> None:
    old = note("MRI of the lumbar spine two months ago showed a herniation.", day="2026-08-22")
    assert evidence_of(claim(), old).document()["imaging"]["mri"]["months_ago"] == 5


@pytest.mark.parametrize("method", ["coded", "text", "questionnaire", "request"])
def test_methods_are_all_ranked(method: Method) -> None:
    assert value(fact("body.bmi", 31, method)) == 31
