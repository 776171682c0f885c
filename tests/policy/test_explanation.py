"""The sentences of a decision: plain words, each quote once, and the resource that each criterion rests on."""

from __future__ import annotations

from typing import Any

import pytest
from policy_world import day, evidence, fact, item, packet, policy

from operations.evidence.fact import Fact, Source
from operations.evidence.vocabulary import VOCABULARY
from operations.payer.explanation import explained, headline
from operations.policy.assess import assess
from operations.policy.condition_words import condition_words, fact_words, subject_of
from operations.policy.fact_phrases import PHRASES, SUBJECTS
from operations.policy.library import bundled_policies

NOTE = "https://ehr.example/fhir/DocumentReference/n"


def sentences(*facts: Any, **changes: Any) -> tuple[str, ...]:
    asked = item()
    return explained(assess(policy(**changes), evidence(*facts), packet(asked), asked))


def quoted(name: str, value: Any, quote: str, start: int = 0) -> Fact:
    source = Source(NOTE, "DocumentReference.content[0].attachment.data", quote, start, start + len(quote))
    return Fact(name, value, source, "text", 0.9, day("2026-11-10"))


CARE = {
    "id": "care",
    "description": "Six weeks of care that failed",
    "requirement": {"pt_weeks": {"min": 6}, "conservative_therapy.failed": True},
}


def test_a_quote_that_shows_two_facts_is_printed_once_with_its_note() -> None:
    words = "8 weeks of PT without relief"
    weeks = quoted("conservative_therapy.physical_therapy.completed_weeks", 8, words)
    failed = quoted("conservative_therapy.failed", True, words)
    assert sentences(weeks, failed, criteria=[CARE], documents=[]) == (
        '[care] Met: Six weeks of care that failed. Evidence: "8 weeks of PT without relief" (DocumentReference/n, 2026-11-10).',
    )


def test_what_is_missing_is_said_in_plain_words() -> None:
    (sentence,) = sentences(criteria=[CARE], documents=[])
    wanted = "at least 6 weeks of physical therapy and conservative care that did not help"
    assert sentence == f"[care] Not shown: Six weeks of care that failed; needed: {wanted}."
    short = fact("conservative_therapy.physical_therapy.completed_weeks", 4)
    (sentence,) = sentences(short, criteria=[CARE], documents=[])
    assert sentence.startswith("[care] Not met: Six weeks of care that failed; needed: at least 6 weeks")
    assert sentence.endswith("Weighed: 4 weeks of physical therapy (Observation/1).")


def test_an_exclusion_is_said_without_a_double_negative() -> None:
    old = {
        "id": "old",
        "description": "No MRI in the last 6 months",
        "exclusion": True,
        "requirement": {"imaging.mri.done": True, "imaging.mri.months_ago": {"lt": 6}},
    }
    assert sentences(criteria=[old], documents=[]) == ("[old] Nothing in the packet shows an MRI less than 6 months ago.",)
    (sentence,) = sentences(fact("imaging.mri.done", True), criteria=[old], documents=[])
    assert sentence.startswith("[old] Not shown: No MRI in the last 6 months; needed: an MRI at least 6 months ago.")


def test_the_headline_names_policy_and_version() -> None:
    asked = item()
    assessment = assess(policy(), evidence(), packet(asked), asked)
    assert headline(assessment, "Denied") == "Denied: A test policy, policy test-policy version 2026.1."


def test_every_name_of_the_vocabulary_has_a_phrase_and_no_other_has() -> None:
    assert set(PHRASES) == set(VOCABULARY)
    assert set(SUBJECTS) <= set(VOCABULARY)
    assert all(("{}" in PHRASES[name]) is (term.kind != "boolean") for name, term in VOCABULARY.items())


def test_every_condition_of_every_bundled_policy_reads_as_words() -> None:
    for each in bundled_policies():
        for result in each.criteria.evaluate({}).results:
            for condition in result.all_conditions():
                for turned in (False, True):
                    words = condition_words(condition.condition, turned)
                    assert "{" not in words, words
                    assert "_" not in words, words
                    assert not {"gte", "lte", "eq", "true", "any_in"} & set(words.split()), words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("body.bmi", 31, "a body-mass index of 31 kg/m2"),
        ("red_flags", False, "the absence of a red flag"),
        ("diagnosis", ["M54.50", "M51.26"], "diagnosis M54.50 and M51.26"),
        ("conservative_therapy.months_ago", 2, "conservative care 2 months ago"),
        ("drugs.methotrexate.weeks", 14, "14 weeks of methotrexate"),
        ("payer_specific.score", 3, "payer specific score: 3"),
    ],
)
def test_facts_read_as_words(name: str, value: Any, words: str) -> None:
    assert fact_words(fact(name, value)).startswith(words)


def test_what_is_to_be_written_down_does_not_say_how_it_came_out() -> None:
    assert subject_of("drugs.topiramate.outcome") == "what topiramate brought"
    assert subject_of("body.bmi") == "most recent body-mass index"
