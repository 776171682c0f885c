"""Dates and times plus durations, and the periods between them (FHIRPath 2.0 6.7 and 3.0, "Date/Time Arithmetic").

Calendar semantics: a month added to 31 January is the last day of February. Where a value is less precise than the duration,
the duration is first reduced to the precision of the value. Fractions count for seconds and milliseconds only.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from profiles.fhirpath.quantities import calendar_factor
from profiles.fhirpath.temporal import Date, DateTime, Fields, Temporal, Time
from profiles.fhirpath.values import CALENDAR_UNITS, Quantity

_DATE_UNITS: Final = ("year", "month", "day", "hour", "minute", "second")
_TIME_UNITS: Final = ("hour", "minute", "second")
_UCUM_UNITS: Final = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_CLOCK_SECONDS: Final = {"hour": 3600, "minute": 60, "second": 1}


class DurationError(ValueError):
    """The quantity is no duration that can be added to this value."""


def add(value: Temporal, duration: Quantity, sign: int) -> Temporal:
    """`value` plus (sign 1) or minus (sign -1) a duration. Raises DurationError (unit, or a year out of range)."""
    if duration.kind == "calendar":
        unit = CALENDAR_UNITS[duration.unit]
    elif duration.kind == "ucum" and duration.unit in _UCUM_UNITS:
        unit = _UCUM_UNITS[duration.unit]
    else:
        raise DurationError
    amount = Fraction(duration.value) * sign
    if isinstance(value, Time):
        return _add_to_time(value, amount, unit)
    if isinstance(value, Date) and unit not in {"year", "month", "week", "day"}:
        raise DurationError
    try:
        return _add_to_date(value, amount, unit)
    except (ValueError, OverflowError) as error:
        raise DurationError from error


def _whole(amount: Fraction) -> int:
    return int(amount)


def _add_to_time(value: Time, amount: Fraction, unit: str) -> Time:
    if unit in {"year", "month", "week", "day"}:
        raise DurationError
    amount, unit = _reduced(amount, unit, _TIME_UNITS[len(value.fields) - 1])
    seconds = _seconds(value.fields) + _to_seconds(amount, unit)
    return Time(_clock(seconds % 86_400, value.fields, amount, unit))


def _reduced(amount: Fraction, unit: str, finest: str) -> tuple[Fraction, str]:
    """The duration in the finest unit that the value has, if it is given in a finer one."""
    if unit == "millisecond":
        amount, unit = amount / 1000, "second"
    if unit == "week":
        amount, unit = _whole(amount) * Fraction(7), "day"
    order = (*_DATE_UNITS,)
    if order.index(unit) <= order.index(finest):
        return (amount if unit == "second" else Fraction(_whole(amount))), unit
    scale = calendar_factor(unit, finest)
    if unit != "second":
        amount = Fraction(_whole(amount))
    if finest == "year" and unit not in {"month"}:
        scale = calendar_factor(unit, "day") / 365
    return Fraction(_whole(amount * scale)), finest


def _seconds(clock: Fields) -> Fraction:
    return sum((Fraction(field) * unit for unit, field in zip((3600, 60, 1), clock, strict=False)), Fraction(0))


def _to_seconds(amount: Fraction, unit: str) -> Fraction:
    return amount * _CLOCK_SECONDS[unit]


def _clock(seconds: Fraction, like: Fields, amount: Fraction, unit: str) -> Fields:
    """Seconds since midnight as fields of the precision of `like`."""
    whole = int(seconds)
    fields: Fields = (whole // 3600, whole % 3600 // 60)
    if len(like) < 3:
        return fields[: len(like)]
    rest = seconds - whole // 60 * 60
    places = _places(Decimal(like[2]))
    if unit == "second":
        places = max(places, _fraction_places(amount))
    exact = Decimal(rest.numerator) / Decimal(rest.denominator)
    return (*fields, exact.quantize(Decimal(1).scaleb(-places)))


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _fraction_places(amount: Fraction) -> int:
    """Digits after the point of an amount of seconds (durations are decimals, so that there are finitely many)."""
    places = 0
    while amount.denominator != 1 and places < 20:
        amount *= 10
        places += 1
    return places


def _add_to_date(value: Date | DateTime, amount: Fraction, unit: str) -> Date | DateTime:
    amount, unit = _reduced(amount, unit, _DATE_UNITS[len(value.fields) - 1])
    if unit in {"year", "month"}:
        fields = _add_months(value.fields, _whole(amount) * (12 if unit == "year" else 1))
    elif unit == "day":
        fields = _add_days(value.fields[:3], _whole(amount)) + value.fields[3:]
    else:
        clock = value.fields[3:]
        total = _seconds(clock) + _to_seconds(amount, unit)
        days, seconds = divmod(total, 86_400)
        fields = _add_days(value.fields[:3], int(days)) + _clock(seconds, clock, amount, unit)
    return Date(fields) if isinstance(value, Date) else DateTime(fields, value.offset)


def _add_months(fields: Fields, months: int) -> Fields:
    month = int(fields[1]) if len(fields) > 1 else 1
    index = int(fields[0]) * 12 + month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise DurationError
    moved: Fields = (year, month + 1)
    if len(fields) > 2:
        moved += (min(int(fields[2]), monthrange(year, month + 1)[1]),)
    return moved[: len(fields)] + fields[3:]


def _add_days(fields: Fields, days: int) -> Fields:
    moved = date(*map(int, fields)) + timedelta(days=days)
    return (moved.year, moved.month, moved.day)


# -- periods between ---------------------------------------------------------------------------------------------------------


def periods(start: Temporal, end: Temporal, unit: str, *, boundaries: bool) -> int | None:
    """Whole periods from start to end, or the boundaries crossed. None if a value is less precise. Raises DurationError."""
    allowed = _TIME_UNITS if isinstance(start, Time) else _DATE_UNITS if isinstance(start, DateTime) else _DATE_UNITS[:3]
    if unit not in {
        *allowed,
        *(() if isinstance(start, Time) else ("week",)),
        *(("millisecond",) if "second" in allowed else ()),
    }:
        raise DurationError
    if type(start) is not type(end):
        raise DurationError
    finest = {"week": "day", "millisecond": "second"}.get(unit, unit)
    needed = (_TIME_UNITS if isinstance(start, Time) else _DATE_UNITS).index(finest) + 1
    if len(start.fields) < needed or len(end.fields) < needed:
        return None
    if unit in {"year", "month"}:
        return _calendar_periods(start, end, unit, boundaries=boundaries)
    first, last = _moments(start, unit), _moments(end, unit)
    length = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}.get(unit, Fraction(1, 1000))
    if not boundaries:
        return _whole(Fraction(last - first) / length)
    shift = 0 if unit != "week" else 86_400 * 7  # day 0 of the proleptic calendar is a Sunday
    return int((last + shift) // length - (first + shift) // length)


def _calendar_periods(start: Temporal, end: Temporal, unit: str, *, boundaries: bool) -> int:
    months = [int(v.fields[0]) * 12 + (int(v.fields[1]) - 1 if len(v.fields) > 1 else 0) for v in (start, end)]
    if boundaries:
        return int(end.fields[0]) - int(start.fields[0]) if unit == "year" else months[1] - months[0]
    crossed = months[1] - months[0]
    rest = [v.fields[2:] for v in (start, end)]
    if crossed > 0 and rest[1] < rest[0]:
        crossed -= 1
    elif crossed < 0 and rest[1] > rest[0]:
        crossed += 1
    return int(Fraction(crossed, 12)) if unit == "year" else crossed


def _moments(value: Temporal, unit: str) -> Fraction:
    """Seconds since the year 0; zones are normalized for units below the day."""
    if isinstance(value, Time):
        return _seconds(value.fields)
    days = date(*map(int, value.fields[:3])).toordinal()
    seconds = Fraction(days * 86_400)
    if unit in {"week", "day"}:
        return seconds
    offset = value.offset if isinstance(value, DateTime) and value.offset is not None else 0
    return seconds + _seconds(value.fields[3:]) - offset * 60
