"""Dates relative to a day, and note texts as lines (server/sample/placeholders.py)."""

from __future__ import annotations

from base64 import b64decode
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sample.placeholders import fill

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{today}}", "2026-11-22"),
        ("{{today-42d}}", "2026-10-11"),
        ("{{today+2w}}T09:30:00Z", "2026-12-06T09:30:00Z"),
        ("{{today-47y-118d}}", "1979-07-27"),
        ("from {{today-1d}} to {{today+1d}}", "from 2026-11-21 to 2026-11-23"),
        ("no date at all", "no date at all"),
    ],
)
def test_dates_are_counted_from_the_given_day(text: str, expected: str) -> None:
    assert fill({"a": [text]}, DAY) == {"a": [expected]}


def test_a_year_from_leap_day_leads_to_the_28th() -> None:
    assert fill("{{today-1y}}", date(2028, 2, 29)) == "2027-02-28"


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(0, 9999))
def test_days_are_exact_at_any_time(day: date, back: int) -> None:
    assert fill(f"{{{{today-{back}d}}}}", day) == (day - timedelta(days=back)).isoformat()


def test_lines_of_an_attachment_become_its_base64_text_with_dates_filled() -> None:
    filled = fill({"attachment": {"data": ["Seen {{today}}.", "Ärztin: ½ tablet."]}}, DAY)
    assert b64decode(filled["attachment"]["data"]).decode() == "Seen 2026-11-22.\nÄrztin: ½ tablet.\n"


def test_other_values_are_left_alone() -> None:
    value = {"valueDecimal": 1.5, "flag": True, "nothing": None, "data": "AAAA"}
    assert fill(value, DAY) == value


@pytest.mark.parametrize("text", ["{{tomorrow}}", "{{today-3x}}", "{{today - 3d}}", "{{today-3d"])
def test_a_placeholder_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        fill([text], DAY)
