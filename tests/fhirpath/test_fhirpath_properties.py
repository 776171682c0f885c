"""Laws that hold for all values: equality and equivalence, order, boundaries, arithmetic of dates and units."""

from __future__ import annotations

import datetime as python
import re
import warnings
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from profiles.fhirpath import Date, DateTime, FhirPathError, Quantity, Time, compile_expression
from profiles.fhirpath.boundaries import of_date, of_number, of_time
from profiles.fhirpath.date_arithmetic import DurationError, add
from profiles.fhirpath.equality import ItemSet, equal, equivalent
from profiles.fhirpath.temporal import compare, parse_date, parse_date_time, parse_time

FEW = settings(deadline=None, max_examples=80)

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-10_000, max_value=10_000)
DATES = st.dates(python.date(2, 1, 1), python.date(9990, 12, 31)).map(lambda d: Date((d.year, d.month, d.day)))
PARTIAL_DATES = st.builds(lambda d, n: Date(d.fields[:n]), DATES, st.integers(1, 3))
OFFSETS = st.one_of(st.none(), st.sampled_from([0, 60, -300, 14 * 60, -12 * 60, 345]))
SECONDS = st.decimals(min_value=0, max_value=59, places=3)
CLOCKS = st.builds(lambda h, m, s, n: (h, m, s)[:n], st.integers(0, 23), st.integers(0, 59), SECONDS, st.integers(2, 3))
DATE_TIMES = st.builds(lambda d, c, o: DateTime(d.fields + c, o), DATES, CLOCKS, OFFSETS)
TIMES = st.builds(Time, CLOCKS)
QUANTITIES = st.builds(
    Quantity, DECIMALS, st.sampled_from(["mg", "g", "kg", "cm", "m", "[in_i]", "1", "%", "nounit", "mm[Hg]", "kPa", "Cel"])
)
DURATIONS = st.builds(
    lambda v, u: Quantity(Decimal(v), u, "calendar"),
    st.integers(0, 500),
    st.sampled_from(["years", "months", "weeks", "days"]),
)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-5, 5),
    DECIMALS,
    st.text(max_size=3),
    PARTIAL_DATES,
    DATE_TIMES,
    TIMES,
    QUANTITIES,
    DURATIONS,
)


@FEW
@given(VALUES, VALUES)
def test_equality_is_symmetric_and_of_oneself(left: Any, right: Any) -> None:
    assert equal(left, right) == equal(right, left)
    assert equal(left, left) is True
    assert equivalent(left, left) is True
    assert equivalent(left, right) is equivalent(right, left)


@FEW
@given(VALUES, VALUES)
def test_what_is_equal_is_equivalent(left: Any, right: Any) -> None:
    if equal(left, right):
        assert equivalent(left, right)


@FEW
@given(st.lists(VALUES, max_size=12))
def test_a_set_holds_no_two_equals_and_knows_its_members(values: list[Any]) -> None:
    found = ItemSet(lambda steps: None, values)
    assert all(value in found for value in values)
    numbers = [v for v in found.items if not isinstance(v, Quantity)]  # a number is equal to a quantity without a unit
    assert all(equal(a, b) is not True for i, a in enumerate(numbers) for b in numbers[i + 1 :])


@FEW
@given(DATE_TIMES, DATE_TIMES, DATE_TIMES)
def test_order_of_moments_is_an_order(a: DateTime, b: DateTime, c: DateTime) -> None:
    forth, back = compare(a, b), compare(b, a)
    assert (forth is None) == (back is None)
    assert forth is None or back is None or forth == -back
    if compare(a, b) == -1 and compare(b, c) == -1:
        assert compare(a, c) in {-1, None}


@FEW
@given(DATE_TIMES)
def test_dates_are_written_as_they_are_read(value: DateTime) -> None:
    assert parse_date_time(str(value)) == value
    assert parse_date(str(Date(value.fields[:3]))) == Date(value.fields[:3])
    assert parse_time(str(Time(value.fields[3:]))) == Time(value.fields[3:])
    text = f"@{value}"
    assert compile_expression(f"{text} = {text}").test(None) is True


@FEW
@given(st.one_of(DECIMALS, st.integers(-99, 99).map(Decimal)), st.integers(0, 12))
def test_boundaries_of_numbers_enclose_them(value: Decimal, places: int) -> None:
    low, high = of_number(value, places, high=False), of_number(value, places, high=True)
    assert low is not None
    assert high is not None
    assert low <= value <= high
    assert -low == of_number(-value, places, high=True)


@FEW
@given(st.one_of(PARTIAL_DATES, DATE_TIMES))
def test_boundaries_of_dates_enclose_them(value: Date | DateTime) -> None:
    low, high = of_date(value, 17, high=False), of_date(value, 17, high=True)
    assert low is not None
    assert high is not None
    assert compare(low, high) in {-1, 0}
    for bound in (low, high):
        assert compare(bound, value) in {None, 0}, "nothing is known to lie outside"


@FEW
@given(TIMES)
def test_boundaries_of_times_enclose_them(value: Time) -> None:
    low, high = of_time(value, None, high=False), of_time(value, None, high=True)
    assert low is not None
    assert high is not None
    assert compare(low, high) in {-1, 0}
    assert compare(low, value) in {None, 0}


@FEW
@given(DATES, st.integers(0, 5_000))
def test_days_can_be_taken_back(value: Date, days: int) -> None:
    later = add(value, Quantity(Decimal(days), "days", "calendar"), 1)
    assert add(later, Quantity(Decimal(days), "days", "calendar"), -1) == value
    year, month, day = map(int, value.fields)
    moved = python.date(year, month, day) + python.timedelta(days=days)
    assert later == Date((moved.year, moved.month, moved.day))


@FEW
@given(st.one_of(PARTIAL_DATES, DATE_TIMES), DURATIONS)
def test_adding_a_duration_never_goes_back_and_keeps_the_precision(value: Date | DateTime, duration: Quantity) -> None:
    try:
        later = add(value, duration, 1)
    except DurationError:
        assume(False)
        return
    assert compare(value, later) in {-1, 0}
    assert len(later.fields) == len(value.fields)
    assert type(later) is type(value)


@FEW
@given(DATE_TIMES, st.integers(0, 10**7))
def test_seconds_are_exact(value: DateTime, milliseconds: int) -> None:
    assume(len(value.fields) == 6)
    duration = Quantity(Decimal(milliseconds), "milliseconds", "calendar")
    later = add(value, duration, 1)
    back = add(later, duration, -1)
    assert compare(back, value) == 0
    text = f"@{value}.difference(@{later}, 'millisecond')"
    assert compile_expression(text).evaluate(None) == [milliseconds]


@FEW
@given(DECIMALS, st.sampled_from([("kg", "g"), ("[in_i]", "cm"), ("h", "min"), ("mm[Hg]", "kPa"), ("L", "dm3")]))
def test_conversions_go_there_and_back(value: Decimal, units: tuple[str, str]) -> None:
    text = f"({value:f} '{units[0]}').toQuantity('{units[1]}').toQuantity('{units[0]}') ~ ({value:f} '{units[0]}')"
    assert compile_expression(text).test(None) is True


@FEW
@given(QUANTITIES, QUANTITIES)
def test_order_and_sum_of_quantities_agree(left: Quantity, right: Quantity) -> None:
    assume(left.unit != "1" and right.unit != "1")
    constants = {"l": left, "r": right}
    less = compile_expression("%l < %r").evaluate(None, constants=constants)
    difference = compile_expression("(%l - %r)").evaluate(None, constants=constants)
    if less:
        assert less == [difference[0].value < 0]
    assert bool(less) == bool(difference)


@FEW
@given(st.lists(st.one_of(st.integers(-9, 9), DECIMALS), min_size=1, max_size=8))
def test_aggregates(numbers: list[Any]) -> None:
    decimals: list[Any] = [Decimal(number) for number in numbers]
    constants = {"n": decimals}

    def one(expression: str) -> Any:
        return compile_expression(expression).evaluate(None, constants=constants)[0]

    assert one("%n.sum()") == sum(decimals)
    assert one("%n.aggregate($this + $total, 0)") == sum(decimals)
    assert one("%n.min()") == min(decimals)
    assert one("%n.max()") == max(decimals)
    assert one("%n.sort() = %n.sort($this)") is True
    assert [*compile_expression("%n.sort($this desc)").evaluate(None, constants=constants)] == sorted(
        decimals, reverse=True
    )


@FEW
@given(st.text(max_size=12))
def test_text_round_trips(text: str) -> None:
    def one(expression: str) -> Any:
        return compile_expression(expression).evaluate(None, constants={"t": text})[0]

    for target in ("hex", "base64", "urlbase64"):
        assert one(f"%t.encode('{target}').decode('{target}')") == text
    for target in ("html", "json"):
        assert one(f"%t.escape('{target}').unescape('{target}')") == text
    assert one("%t.toChars().join() = %t or %t = ''") is True
    assert one("%t.split('a').join('a')") == text
    assert one("%t.length()") == len(text)


@FEW
@given(st.text(alphabet="ab(|)*+?[]^$.\\{}1,", max_size=10), st.text(alphabet="ab1", max_size=8))
def test_regular_expressions_agree_with_pythons(pattern: str, text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of Python's, about sets within sets
            expected = re.search(pattern, text, re.DOTALL) is not None
    except (re.error, OverflowError):
        return
    try:
        result = compile_expression("%t.matches(%p)").test(None, constants={"t": text, "p": pattern})
    except FhirPathError:
        return
    assert result is expected
