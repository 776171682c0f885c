"""Dates by R4's rules for prefixes and partial values (search 3.1.1.4.7), against an evaluation of intervals.

`birthdate` is sealed: a calendar of terms instead of a column. It must answer as a column would.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_house import matches

from profiles.outcome import FhirError

PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[float, float]


def fits(prefix: str, target: Span, asked: Span) -> bool:
    """The table of R4 search 3.1.1.4.2 ("Prefixes"), on closed intervals."""
    low, high = target
    contained = asked[0] <= low and high <= asked[1]
    if prefix in {"", "eq"}:
        return contained
    if prefix == "ne":
        return not contained
    if prefix in {"gt", "ge"}:
        return high > asked[1] or (prefix == "ge" and contained)
    if prefix in {"lt", "le"}:
        return low < asked[0] or (prefix == "le" and contained)
    return low > asked[1] if prefix == "sa" else high < asked[0]


# -- partial dates ---------------------------------------------------------------------------------------------------------


def span_of_date(text: str) -> Span:
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:
        first = last = date(*parts)
    elif len(parts) == 2:
        first, last = date(*parts, 1), date(*parts, monthrange(*parts)[1])
    else:
        first, last = date(parts[0], 1, 1), date(parts[0], 12, 31)
    return first.toordinal(), last.toordinal()


# Few years and the ends of months and years: that is where the rules differ.
days = st.one_of(
    st.dates(date(1999, 12, 28), date(2001, 1, 4)),
    st.sampled_from([date(2000, 2, 28), date(2000, 2, 29), date(2000, 3, 1), date(1900, 2, 28), date(1999, 1, 1)]),
    st.dates(date(1851, 1, 1), date(2149, 12, 31)),
)
partial_dates = st.builds(lambda day, length: day.isoformat()[:length], days, st.sampled_from([4, 7, 10]))


@given(target=partial_dates, asked=partial_dates, prefix=st.sampled_from(PREFIXES))
@settings(max_examples=700, deadline=None)
def test_birth_dates_compare_as_intervals_do(target: str, asked: str, prefix: str) -> None:
    found = matches({"resourceType": "Patient", "birthDate": target}, ("birthdate", f"{prefix}{asked}"))
    assert found == fits(prefix, span_of_date(target), span_of_date(asked))


@given(target=partial_dates, asked=st.lists(st.tuples(st.sampled_from(PREFIXES), partial_dates), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_birth_dates_separated_by_commas_are_alternatives(target: str, asked: list[tuple[str, str]]) -> None:
    found = matches({"resourceType": "Patient", "birthDate": target}, ("birthdate", ",".join(map("".join, asked))))
    assert found == any(fits(prefix, span_of_date(target), span_of_date(text)) for prefix, text in asked)


@given(target=partial_dates, first=partial_dates, last=partial_dates)
@settings(max_examples=300, deadline=None)
def test_a_range_of_birth_dates_is_two_criteria(target: str, first: str, last: str) -> None:
    pairs = (("birthdate", f"ge{first}"), ("birthdate", f"le{last}"))
    span = span_of_date(target)
    wanted = fits("ge", span, span_of_date(first)) and fits("le", span, span_of_date(last))
    assert matches({"resourceType": "Patient", "birthDate": target}, *pairs) == wanted


@pytest.mark.parametrize("prefix", PREFIXES)
def test_nobody_without_a_birth_date_is_found_by_one(prefix: str) -> None:
    assert not matches({"resourceType": "Patient"}, ("birthdate", f"{prefix}2000-01-01"))


def test_the_day_of_death_is_found_and_its_time_names_nobody() -> None:
    patient = {"resourceType": "Patient", "deceasedDateTime": "2020-03-04T23:30:00-05:00"}
    assert matches(patient, ("death-date", "2020-03-04"))
    assert matches(patient, ("death-date", "ge2020"))
    assert not matches(patient, ("death-date", "2020-03-05"))


# -- instants, periods, zones ----------------------------------------------------------------------------------------------


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def span_of(text: str) -> Span:
    """An evaluation of its own, by datetime.fromisoformat."""
    if len(text) <= 10:
        first, last = span_of_date(text)
        start = micros(datetime.combine(date.fromordinal(int(first)), datetime.min.time(), UTC))
        end = micros(datetime.combine(date.fromordinal(int(last)) + timedelta(days=1), datetime.min.time(), UTC)) - 1
        return start, end
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    width = timedelta(seconds=1)
    if "." in text:
        digits = len(text.partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0])
        width = timedelta(microseconds=10 ** (6 - digits))
    return micros(moment), micros(moment + width) - 1


zones = st.sampled_from(["Z", "+00:00", "-05:00", "+05:30", "+14:00", "-00:30"])
fractions = st.sampled_from(["", ".5", ".25", ".123", ".123456", ".000001"])
near_days = st.dates(date(2026, 2, 27), date(2026, 3, 2)).map(date.isoformat)
clocks = st.sampled_from(["00:00:00", "23:59:59", "04:30:00", "19:00:00", "18:30:00", "12:00:01"])
date_times = st.builds(
    lambda day, clock, fraction, zone: f"{day}T{clock}{fraction}{zone}", near_days, clocks, fractions, zones
)
near_dates = st.builds(lambda day, length: day[:length], near_days, st.sampled_from([4, 7, 10]))
values = st.one_of(near_dates, date_times)
queries = st.one_of(
    near_dates, date_times, st.builds(lambda day, zone: f"{day}T04:30{zone}", near_days, zones), near_days.map(lambda d: f"{d}T19:00")
)  # fmt: skip


def asked_span(text: str) -> Span:
    if "T" in text and len(text.partition("T")[2].partition("Z")[0].partition("+")[0].partition("-")[0]) == 5:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return micros(moment), micros(moment) + 59_999_999
    return span_of(text)


def observation(target: str | tuple[str | None, str | None]) -> dict[str, Any]:
    if isinstance(target, str):
        return {"resourceType": "Observation", "effectiveDateTime": target}
    period = {name: value for name, value in zip(("start", "end"), target, strict=True) if value is not None}
    return {"resourceType": "Observation", "effectivePeriod": period}


@given(target=values, asked=queries, prefix=st.sampled_from(PREFIXES))
@settings(max_examples=500, deadline=None)
def test_date_times_compare_as_intervals_in_utc(target: str, asked: str, prefix: str) -> None:
    found = matches(observation(target), ("date", f"{prefix}{asked}"))
    assert found == fits(prefix, span_of(target), asked_span(asked))


@given(start=st.none() | values, end=st.none() | values, asked=queries, prefix=st.sampled_from(PREFIXES))
@settings(max_examples=500, deadline=None)
def test_periods_compare_by_their_ends_and_an_open_end_reaches_on(
    start: str | None, end: str | None, asked: str, prefix: str
) -> None:
    found = matches(observation((start, end)), ("date", f"{prefix}{asked}"))
    if start is None and end is None:
        assert not found
        return
    low = span_of(start)[0] if start else float("-inf")
    high = span_of(end)[1] if end else float("inf")
    low, high = min(low, high), max(low, high)
    assert found == fits(prefix, (low, high), asked_span(asked))


def test_a_plus_in_the_query_string_may_arrive_as_a_space() -> None:
    target = observation("2026-03-01T05:30:00+05:30")
    assert matches(target, ("date", "2026-03-01T05:30:00 05:30"))
    assert matches(target, ("date", "2026-03-01T00:00:00Z"))


def test_approximately_is_a_day_around_a_day() -> None:
    target = observation("2026-03-01")
    for asked, wanted in [("2026-03-01", True), ("2026-03-02", True), ("2026-02-28", True), ("2026-03-04", False)]:
        assert matches(target, ("date", f"ap{asked}")) == wanted


BAD = [
    "2026-13", "2026-02-30", "2026-3-1", "26-03-01", "yesterday", "2026-03-01T25:00Z", "2026-03-01T", "xx2026", "ge", "gege2026",
    "2026-03-01T00:00:00+99:00", "0000", "20260301", "2026-03-01T10", "٢٠٢٦",
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("type_", "name"), [("Observation", "date"), ("Patient", "birthdate"), ("Patient", "_lastUpdated")]
)
def test_what_is_no_date_is_refused_with_an_example(type_: str, name: str, value: str) -> None:
    with pytest.raises(FhirError) as seen:
        matches({"resourceType": type_}, (name, value))
    (issue,) = seen.value.issues
    assert (seen.value.status, issue.code, issue.expression) == (400, "parameter-value", f"http.{name}")
    assert "2026-03-16" in issue.text or "needs a value" in issue.text
    assert value not in issue.text or value == "ge"
