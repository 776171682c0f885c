"""Whether an ICD-10-CM code may be billed is a matter of the date of service."""

from __future__ import annotations

from datetime import date

import pytest

from terminology.icd10_validity import Validity, billable_on, normalize_icd10

LUMBAR_DISC = ("M51.360", "M51.361", "M51.362", "M51.369")


@pytest.mark.parametrize(
    ("code", "day", "expected"),
    [
        ("M54.5", date(2021, 9, 30), Validity(True)),
        ("M54.5", date(2021, 10, 1), Validity(False, ("M54.50", "M54.51", "M54.59"))),
        ("M54.50", date(2021, 9, 30), Validity(False, ("M54.5",))),
        ("M54.50", date(2021, 10, 1), Validity(True)),
        ("M51.36", date(2024, 9, 30), Validity(True)),
        ("M51.36", date(2024, 10, 1), Validity(False, LUMBAR_DISC)),
        ("m5136", date(2026, 1, 1), Validity(False, LUMBAR_DISC)),
        ("M51.369", date(2024, 10, 1), Validity(True)),
        ("E66.813", date(2024, 9, 30), Validity(False, ("E66.8",))),
        ("M51.26", date(2026, 1, 1), Validity(True, known=False)),
        ("", date(2026, 1, 1), Validity(True, known=False)),
    ],
)
def test_billable_on(code: str, day: date, expected: Validity) -> None:
    assert billable_on(code, day) == expected


@pytest.mark.parametrize(("code", "normal"), [(" m545 ", "M54.5"), ("M54.5", "M54.5"), ("I10", "I10"), ("M5.45", "M54.5")])
def test_codes_are_written_in_one_way(code: str, normal: str) -> None:
    assert normalize_icd10(code) == normal
