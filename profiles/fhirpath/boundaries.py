"""The least and greatest value that a number, date or time may stand for, and how precise it is (FHIRPath 3.0, 5.9).

A decimal written with n digits after the point stands for half a unit of the last digit either way. A date stands for all its
days, in any zone if it names none. Results are given to the asked-for precision: towards minus infinity for the low and plus
infinity for the high boundary, so that they are always bounds. Precisions count digits: 4 for a year, 17 with milliseconds.
"""

from __future__ import annotations

from calendar import monthrange
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from profiles.fhirpath.numbers import MAX_PLACES, rounded
from profiles.fhirpath.temporal import EAST, WEST, Date, DateTime, Fields, Time

_DEFAULT_PLACES: Final = 8
_DATE_DIGITS: Final = (4, 6, 8, 10, 12, 14)
_TIME_DIGITS: Final = (2, 4, 6)


def digits(value: Decimal | int | Date | DateTime | Time) -> int:
    """`precision()`: digits after the point of a number, digits of a date or time."""
    if isinstance(value, int):
        return 0
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0
    steps = _TIME_DIGITS if isinstance(value, Time) else _DATE_DIGITS
    last = value.fields[-1]
    return steps[len(value.fields) - 1] + (digits(last) if isinstance(last, Decimal) else 0)


def of_number(value: Decimal, places: int | None, *, high: bool) -> Decimal | None:
    """The boundary of a number; None if so many digits are not supported."""
    places = _DEFAULT_PLACES if places is None else places
    if not 0 <= places < MAX_PLACES:
        return None
    half = Decimal(5).scaleb(-digits(value) - 1)
    bound = rounded(value + half if high else value - half, places, ROUND_CEILING if high else ROUND_FLOOR)
    return bound if bound else abs(bound)


def of_date(value: Date | DateTime, precision: int | None, *, high: bool) -> Date | DateTime | None:
    """The boundary of a date; a Date becomes a DateTime only if that much precision is asked for."""
    if precision is None:
        precision = 8 if isinstance(value, Date) else 17
    length = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 6}.get(precision)
    if length is None:
        return None
    fields = _minute_of_hour(value.fields)
    fields = _filled_date(fields, high=high)
    fields = _filled_clock(fields, 3, precision == 17, high=high)[:length]
    if length <= 3:
        return Date(fields) if isinstance(value, Date) or length < 4 else DateTime(fields)
    offset = value.offset if isinstance(value, DateTime) else None
    return DateTime(fields, offset if offset is not None else (WEST if high else EAST))


def _minute_of_hour(fields: Fields) -> Fields:
    """FHIR knows no time with an hour only: `T08` is read as `T08:00`."""
    return (*fields, 0) if len(fields) == 4 else fields


def _filled_date(fields: Fields, *, high: bool) -> Fields:
    if len(fields) < 2:
        fields = (*fields, 12 if high else 1)
    if len(fields) < 3:
        fields = (*fields, monthrange(int(fields[0]), int(fields[1]))[1] if high else 1)
    return fields


def _filled_clock(fields: Fields, start: int, milliseconds: bool, *, high: bool) -> Fields:
    """Hour, minute and second behind `start` fields; seconds with three digits if milliseconds are asked for."""
    clock = fields[start:]
    for index, highest in enumerate((23, 59)):
        if len(clock) <= index:
            clock = (*clock, highest if high else 0)
    if len(clock) < 3:
        clock = (*clock, Decimal("59.999") if high else Decimal("0.000"))
    second = Decimal(clock[2])
    if milliseconds:
        lacking = 3 - digits(second)
        top = Decimal("0.999") if digits(second) == 0 else Decimal(10 ** max(0, lacking) - 1).scaleb(-3)
        second = rounded(second + top if high and lacking > 0 else second, 3, ROUND_FLOOR)
    else:
        second = Decimal(int(second))
    return (*fields[:start], *clock[:2], second)


def of_time(value: Time, precision: int | None, *, high: bool) -> Time | None:
    precision = 9 if precision is None else precision
    length = {2: 1, 4: 2, 6: 3, 9: 3}.get(precision)
    return None if length is None else Time(_filled_clock(value.fields, 0, precision == 9, high=high)[:length])
