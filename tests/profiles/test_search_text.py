"""Strings and dates in the forms that search compares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.primitives import primitive_check
from profiles.text import instant_range, normalize, period_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Peter  James\t", "peter james"),
        ("Ångström", "angstrom"),
        ("A\u030angstro\u0308m", "angstrom"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("Łódź", "lodz"),
        ("O’Brien", "o'brien"),
        ("Jean‑Luc", "jean-luc"),
        ("ﬁn", "fin"),
        ("Åse\u00a0Bø", "ase bo"),
        ("Σίσυφος", "σισυφοσ"),
        ("", ""),
        (" \u0301 ", ""),
    ],
)
def test_case_accents_and_white_space_do_not_matter(text: str, expected: str) -> None:
    assert normalize(text) == expected


@given(st.text(max_size=20))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@given(st.text(st.characters(max_codepoint=0x250), max_size=20))
def test_case_never_matters(text: str) -> None:
    assert normalize(text.upper().lower()) == normalize(text.lower())


def micro(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-03-02", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("2026-03-02T09:30", "2026-03-02T09:30:00Z", "2026-03-02T09:31:00Z"),
        ("2026-03-02T09:30Z", "2026-03-02T09:30:00Z", "2026-03-02T09:31:00Z"),
        ("2026-03-02T09:30:00", "2026-03-02T09:30:00Z", "2026-03-02T09:30:01Z"),
        ("2026-03-02T09:30:00+02:00", "2026-03-02T07:30:00Z", "2026-03-02T07:30:01Z"),
        ("2026-03-02T00:30:00+02:00", "2026-03-01T22:30:00Z", "2026-03-01T22:30:01Z"),
        ("2026-03-02T09:30:00-05:30", "2026-03-02T15:00:00Z", "2026-03-02T15:00:01Z"),
        ("2026-03-02T09:30:00.5Z", "2026-03-02T09:30:00.5Z", "2026-03-02T09:30:00.6Z"),
        ("2026-03-02T09:30:00.123Z", "2026-03-02T09:30:00.123Z", "2026-03-02T09:30:00.124Z"),
        ("2026-03-02T09:30:00.1234567Z", "2026-03-02T09:30:00.123456Z", "2026-03-02T09:30:00.123457Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z"),
    ],
)
def test_a_date_covers_all_that_it_leaves_open(text: str, first: str, after: str) -> None:
    assert instant_range(text) == (micro(first), micro(after) - 1)


def test_the_ends_of_the_calendar() -> None:
    assert instant_range("9999") == (micro("9999-01-01T00:00:00Z"), micro("9999-12-31T23:59:59.999999Z"))
    assert instant_range("9999-12-31") is not None
    assert instant_range("0001-01-01T00:00:00+14:00") is not None


@pytest.mark.parametrize(
    "value",
    ["", "x", "26", "2026-13", "2026-02-30", "0000", "2026-03-02T24:00:00Z", "2026-03-02T09:60Z", "2026-03-02T09", "2026-3-2",
     "2026-03-02T09:30:61Z", "2026-03-02T09:30:00+15:00", "2026-03-02T09:30:00+02:60", "2026-03-02 09:30", " 2026", "２０２６",
     "2026-03-02T09:30:00.Z", None, 2026, {}, ["2026"]],
)  # fmt: skip
def test_what_is_no_date_has_no_range(value: object) -> None:
    assert instant_range(value) is None


@given(st.text("0123456789-:TZ+.", max_size=26))
def test_every_valid_date_time_has_a_range(text: str) -> None:
    found = instant_range(text)
    if primitive_check("dateTime")(text):
        assert found is not None
    if found is not None:
        assert found[0] <= found[1]


def test_periods() -> None:
    start, end = micro("2026-01-01T00:00:00Z"), micro("2026-02-01T00:00:00Z") - 1
    assert period_range({"start": "2026-01-01", "end": "2026-01"}) == (start, end)
    assert period_range({"start": "2026-01-01"}) == (start, None)
    assert period_range({"end": "2026-01"}) == (None, end)
    assert period_range({"start": "x", "end": "2026-01"}) == (None, end)
    for value in ({}, {"start": None}, {"start": {}, "end": []}, None, "2026", []):
        assert period_range(value) is None
