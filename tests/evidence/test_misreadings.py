"""Wordings that were once read as something they do not say: each gave a fact that could have approved a request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from note_reading import AS_OF, read

from operations.evidence.fact import Source
from operations.evidence.note_text import NoteRules

PT = "conservative_therapy.physical_therapy"

LOW_SUSPICION = [
    "Low suspicion for malignancy.",
    "Suspicion for malignancy is low.",
    "Low index of suspicion for spinal infection.",
    "No high suspicion for metastatic disease.",
    "Cancer is unlikely; no significant concern for malignancy.",
    "The mass is not concerning for malignancy.",
    "I doubt this is suspicious for malignancy.",
    "Suspected fracture was ruled out.",
    "Suspected spinal infection has been excluded.",
    "The scan was negative for suspected fracture.",
    "Concern for discitis is low.",
    "Concerning for degenerative change rather than malignancy.",
    "Without evidence of a lesion suspicious for malignancy.",
    "Suspected metastasis is unlikely.",
]

SUSPICION = [
    "Findings concerning for malignancy.",
    "Low back pain with suspicion for malignancy.",
    "There is no doubt that this is suspicious for malignancy.",
    "Low-grade fever with suspected discitis.",
    "Doubt infection, but suspected vertebral fracture.",
    "High suspicion for metastatic disease.",
]


@pytest.mark.parametrize("text", LOW_SUSPICION)
def test_low_suspicion_is_neither_a_red_flag_nor_suspected_cancer(text: str) -> None:
    found = read(text)
    assert found.get("red_flags") is not True
    assert found.get("cancer.suspected") is not True
    assert found.get("infection.active") is not True


@pytest.mark.parametrize("text", SUSPICION)
def test_suspicion_stays_a_red_flag(text: str) -> None:
    assert read(text).get("red_flags") is True


@pytest.mark.parametrize(
    ("text", "ahi", "events"),
    [
        ("AHI of 22.4 events/hour.", Decimal("22.4"), None),
        ("AHI 22.45 events/hr.", Decimal("22.45"), None),
        ("AHI of 22 events per hour.", 22, None),
        ("AHI was 31 events/h.", 31, None),
        ("AHI of 22 events.", 22, None),
        ("There were 7 events an hour.", None, None),
        ("172 events were scored.", None, 172),
        ("A total of 172 respiratory events, AHI 24.5 events/hour.", Decimal("24.5"), 172),
    ],
)
def test_a_rate_of_events_is_no_count_of_events(text: str, ahi: object, events: int | None) -> None:
    found = read(text)
    assert found.get("sleep.ahi") == ahi
    assert found.get("sleep.events") == events


PARTS: list[tuple[str, str, int]] = [
    ("Completed only 2 of 8 weeks of physical therapy.", "completed_weeks", 2),
    ("Completed 2 out of 8 weeks of physical therapy.", "completed_weeks", 2),
    ("Attended 2/8 weeks of physical therapy.", "completed_weeks", 2),
    ("He did 3 weeks of a planned 6-week course of physical therapy.", "completed_weeks", 3),
    ("He completed 8 of 8 weeks of physical therapy.", "completed_weeks", 8),
    ("Completed 4 of 12 sessions of physical therapy.", "sessions", 4),
    ("Attended 2/12 visits of physical therapy.", "sessions", 2),
    ("She attended 5 of the prescribed 16 visits of physical therapy.", "sessions", 5),
    ("She attended 3 of 10 scheduled physical therapy visits.", "sessions", 3),
]


@pytest.mark.parametrize(("text", "leaf", "number"), PARTS)
def test_of_a_course_only_the_part_that_was_done_counts(text: str, leaf: str, number: int) -> None:
    assert read(text).get(f"{PT}.{leaf}") == number


@pytest.mark.parametrize(
    "text", ["Completed 12 of 8 weeks of physical therapy.", "Attended 20 of 12 visits of physical therapy."]
)
def test_a_part_larger_than_the_whole_gives_no_number(text: str) -> None:
    found: dict[str, Any] = read(text)
    assert f"{PT}.completed_weeks" not in found
    assert f"{PT}.sessions" not in found


NOT_DONE = [
    "Patient had MRI scheduled on 2026-11-10 but cancelled.",
    "A CT of the chest was scheduled for 10/02/2026 but he no-showed.",
    "She missed her MRI on 10/02/2026.",
    "The MRI was declined by the patient on 10/02/2026.",
    "MRI rescheduled from 10/02/2026.",
    "MRI was attempted on 10/02/2026 but could not be completed.",
    "He could not tolerate the MRI on 10/02/2026.",
    "MRI was denied by insurance on 10/02/2026.",
    "She had an MRI ordered but not yet done.",
    "MRI from 10/02/2026 is pending.",
    "Awaiting the knee x-ray.",
    "CT-guided core needle biopsy was performed on 10/02/2026.",
    "MRI-guided breast biopsy was performed.",
    "CT and ultrasound-guided drainage was performed.",
    "She underwent CT simulation on 10/02/2026.",
]


@pytest.mark.parametrize("text", NOT_DONE)
def test_a_study_that_did_not_take_place_is_not_done(text: str) -> None:
    found = {name: value for name, value in read(text).items() if name.startswith("imaging.")}
    assert all(value is False for value in found.values()), found


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("MRI was cancelled in May but was performed on 10/22/2026.", 1),
        ("She had an MRI on 10/22/2026 that showed stenosis, and surgery was cancelled.", 1),
        ("He had an MRI on 10/22/2026 and declined surgery.", 1),
        ("X-ray of the lumbar spine on 10/22/2026: disc narrowing.", 1),
        ("Recent lumbar MRI was reviewed.", None),
        ("Recent lumbar MRI was reviewed today.", None),
    ],
)
def test_a_study_that_was_done_has_its_own_day_or_none(text: str, months: int | None) -> None:
    found = read(text)
    kind = "xray" if "X-ray" in text else "mri"
    assert found.get(f"imaging.{kind}.done") is True
    assert found.get(f"imaging.{kind}.months_ago") == months


@pytest.mark.parametrize(
    ("text", "advanced"),
    [
        ("X-rays of the knee show mild joint space narrowing.", False),
        ("X-rays of the knee show mild to moderate joint space narrowing.", False),
        ("X-rays of the knee show joint space narrowing.", False),
        ("X-rays of the knee show small osteophytes, mild narrowing of the joint space and slight sclerosis.", False),
        ("Knee x-ray showed Kellgren-Lawrence grade 2 changes.", False),
        ("Mild osteoarthritis, not severe, of the knee on x-ray.", False),
        ("X-rays of the knee show severe joint space narrowing.", True),
        ("X-rays of the hip show joint space narrowing, osteophytes and subchondral sclerosis.", True),
        ("Knee x-ray: Kellgren-Lawrence grade 4.", True),
        ("Bone-on-bone changes in the knee.", True),
        ("Moderate to severe osteoarthritis of the left hip on films.", True),
    ],
)
def test_joint_disease_is_advanced_only_where_it_is_graded_so(text: str, advanced: bool) -> None:
    assert (read(text).get("imaging.advanced_joint_disease") is True) is advanced


@pytest.mark.parametrize("text", ["MRI shows severe central stenosis.", "There is moderate foraminal stenosis."])
def test_a_finding_on_a_film_is_no_severity_of_disease(text: str) -> None:
    assert "disease.severity" not in read(text)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("He stopped physical therapy because of travel.", None),
        ("She tried physical therapy, discontinued due to work schedule.", None),
        ("He attended physical therapy but stopped because of increased pain.", "not tolerated"),
    ],
)
def test_stopping_is_no_intolerance_unless_harm_is_named(text: str, outcome: str | None) -> None:
    assert read(text).get(f"{PT}.outcome") == outcome


@pytest.mark.parametrize(
    "text", ["Metformin caused diarrhea, stopped.", "She took metformin; metformin led to nausea and was stopped."]
)
def test_harm_that_ended_a_drug_is_intolerance(text: str) -> None:
    found = read(text)
    assert found["drugs.metformin.outcome"] == "not tolerated"
    assert found["drugs.metformin.contraindicated"] is True


@pytest.mark.parametrize(
    "text", ["Tried on metformin? Not documented.", "Tried on metformin? not documented.", "Completed MRI?"]
)
def test_a_question_states_nothing(text: str) -> None:
    assert read(text) == {}


@pytest.mark.parametrize(
    ("text", "limited"),
    [
        ("He has no trouble with ADLs except he cannot put on socks.", True),
        ("Independent with all ADLs except bathing.", True),
        ("No difficulty walking other than trouble with stairs.", True),
        ("Independent with all ADLs.", False),
        ("He has no difficulty walking.", False),
    ],
)
def test_an_exception_turns_a_denial(text: str, limited: bool) -> None:
    assert read(text).get("function.limited") is limited


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("She completed 8 weeks of physical therapy with no relief.", True),
        ("8 weeks of physical therapy without benefit.", True),
        ("8 weeks of physical therapy with good relief.", None),
        ("He completed physical therapy and then took naproxen, which did not help.", None),
    ],
)
def test_therapy_without_relief_is_failed_conservative_care(text: str, failed: bool | None) -> None:
    assert read(text).get("conservative_therapy.failed") is failed


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Examined again on 2026-11-10 after therapy.", True),
        ("Re-examination on 11/10/2026 after physical therapy.", True),
        ("Follow-up visit after physical therapy.", True),
        ("Follow up after physical therapy.", None),
        ("Follow-up visit in 6 weeks after physical therapy.", None),
        ("She will be examined again after therapy.", None),
    ],
)
def test_examined_again_after_care(text: str, seen: bool | None) -> None:
    found = read(text)
    assert found.get("exam.reexamined") is seen
    assert "conservative_therapy.months_ago" not in found


def test_a_course_between_two_dates_has_its_length_and_its_end() -> None:
    found = read("PT: 12 visits from 8/1/2026 to 9/22/2026 without benefit.")
    assert found[f"{PT}.sessions"] == 12
    assert found[f"{PT}.completed_weeks"] == 7
    assert found[f"{PT}.outcome"] == "no relief"
    assert found["conservative_therapy.months_ago"] == 2


@pytest.mark.parametrize(
    ("text", "active"),
    [
        ("Cellulitis of left leg, on antibiotics.", True),
        ("Pneumonia, on IV antibiotics.", True),
        ("History of cellulitis, resolved.", None),
        ("Pneumonia last year.", None),
        ("At risk of cellulitis.", None),
    ],
)
def test_infection_is_active_while_it_is_treated(text: str, active: bool | None) -> None:
    assert read(text).get("infection.active") is active


def test_each_drug_of_a_list_has_the_weeks_of_each() -> None:
    found = read("Tried topiramate, propranolol, and amitriptyline each for 8 weeks.")
    assert [found.get(f"drugs.{drug}.weeks") for drug in ("topiramate", "propranolol", "amitriptyline")] == [8, 8, 8]


def test_the_rules_remember_no_note() -> None:
    rules = NoteRules()
    source = Source("DocumentReference/1", "DocumentReference.content[0].attachment.data")
    before = dict(vars(rules))
    first = rules.extract("She completed 8 weeks of physical therapy.", source, AS_OF)
    assert rules.extract("She completed 8 weeks of physical therapy.", source, AS_OF) is not first
    assert vars(rules) == before == {"rules": rules.rules}


@pytest.mark.parametrize("part", ["half of the", "part of the", "most of her", "50% of the", "a third of the"])
def test_a_fraction_of_a_course_gives_no_number_of_weeks(part: str) -> None:
    assert f"{PT}.completed_weeks" not in read(f"She completed {part} 12 weeks of physical therapy.")


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("X-rays of the right knee show a fracture.", "a fracture"),
        ("Chest x-ray did not show any evidence of airspace disease.", None),
    ],
)
def test_what_a_film_did_not_show_is_no_finding(text: str, findings: str | None) -> None:
    assert read(text).get("imaging.xray.findings") == findings
