"""Wordings that were once read as something they do not say: each gave a fact that could have approved a request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from note_reading import read

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
