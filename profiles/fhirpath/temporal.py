"""Dates, dates with time and times of day, each with the precision it was written with (FHIRPath 2.0 4.1.5 to 4.1.7, 6.1, 6.2).

`fields` holds what is known: year, month, day, hour, minute, second for dates, hour, minute, second for times. Seconds are
a Decimal that keeps its digits; `offset` is minutes east of UTC, None where the value names no zone.

Comparing: component by component; unknown (None) where one value ends before a difference is found. Zones are normalized
where both are known. Where one only is known, the other may lie from 12 hours west to 14 hours east of UTC: the answer is
known only if it is the same for all of them.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

EAST, WEST = 14 * 60, -12 * 60
_DAY: Final = 86_400

_DATE_TIME: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?P<T>T(?:(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:\.[0-9]{1,28})?))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?"
)
_TIME: Final = re.compile(r"T?(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:\.[0-9]{1,28})?))?)?")

Fields = tuple[int | Decimal, ...]


@dataclass(frozen=True, slots=True)
class Date:
    fields: Fields

    def __str__(self) -> str:
        return _date_text(self.fields)


@dataclass(frozen=True, slots=True)
class DateTime:
    fields: Fields
    offset: int | None = None

    def __str__(self) -> str:
        day, clock = self.fields[:3], self.fields[3:]
        return _date_text(day) + (f"T{_clock_text(clock)}{_zone_text(self.offset)}" if clock else "")


@dataclass(frozen=True, slots=True)
class Time:
    fields: Fields

    def __str__(self) -> str:
        return _clock_text(self.fields)


Temporal = Date | DateTime | Time


def parse_date(text: str) -> Date | None:
    """`2012`, `2012-03`, `2012-03-02`; None for anything else."""
    match = _DATE_TIME.fullmatch(text)
    if match is None or match["T"] is not None:
        return None
    fields = _calendar_fields(match)
    return None if fields is None else Date(fields)


def parse_date_time(text: str) -> DateTime | None:
    """A date, alone or with `T` and as much of a time and zone as is known; None for anything else."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    day = _calendar_fields(match)
    clock = _clock_fields(match)
    if day is None or clock is None or (clock and len(day) < 3):
        return None
    zone = match["zone"]
    if zone is None or zone == "Z":
        return DateTime(day + clock, None if zone is None else 0)
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    if minutes > EAST or int(zone[4:]) > 59:
        return None
    return DateTime(day + clock, -minutes if zone[0] == "-" else minutes)


def parse_time(text: str) -> Time | None:
    """`10`, `10:30`, `10:30:00.000`, with or without a `T` before it; None for anything else."""
    match = _TIME.fullmatch(text)
    fields = None if match is None else _clock_fields(match)
    return None if fields is None else Time(fields)


def _calendar_fields(match: re.Match[str]) -> Fields | None:
    year, month, day = int(match["year"]), match["month"], match["day"]
    if year == 0 or (month is not None and not 1 <= int(month) <= 12):
        return None
    if month is None:
        return (year,)
    if day is None:
        return (year, int(month))
    return (year, int(month), int(day)) if 1 <= int(day) <= monthrange(year, int(month))[1] else None


def _clock_fields(match: re.Match[str]) -> Fields | None:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    if hour is None:
        return ()
    if int(hour) > 23 or (minute is not None and int(minute) > 59):
        return None
    if minute is None:
        return (int(hour),)
    if second is None:
        return (int(hour), int(minute))
    return (int(hour), int(minute), Decimal(second)) if Decimal(second) < 61 else None


def _date_text(fields: Fields) -> str:
    return "-".join(f"{field:0{4 if index == 0 else 2}d}" for index, field in enumerate(map(int, fields)))


def _clock_text(fields: Fields) -> str:
    parts = [f"{int(field):02d}" for field in fields[:2]]
    if len(fields) == 3:
        second = Decimal(fields[2])
        parts.append(f"{second:f}" if second >= 10 else f"0{second:f}")
    return ":".join(parts)


def _zone_text(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def offset_of(value: Temporal) -> int | None:
    return value.offset if isinstance(value, DateTime) else None


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where the precision or the zones leave it open. Times compare with times only."""
    left_offset, right_offset = offset_of(left), offset_of(right)
    if left_offset == right_offset:
        return _compare_fields(left.fields, right.fields)
    if left_offset is not None and right_offset is not None:
        return _compare_fields(_in_utc(left.fields, left_offset), _in_utc(right.fields, right_offset))
    left_low, left_high = _seconds_range(left)
    right_low, right_high = _seconds_range(right)
    if left_high < right_low:
        return -1
    return 1 if right_high < left_low else None


def _compare_fields(left: Fields, right: Fields) -> int | None:
    for mine, other in zip(left, right, strict=False):
        if mine != other:
            return -1 if mine < other else 1
    return 0 if len(left) == len(right) else None


def same_precision(left: Temporal, right: Temporal) -> bool:
    return len(left.fields) == len(right.fields)


def _in_utc(fields: Fields, offset: int) -> Fields:
    """The same moment in UTC, to the same precision; a value without a time of day is not moved."""
    if offset == 0 or len(fields) < 4:
        return fields
    shift = timedelta(minutes=offset)
    year, month, day, hour, minute = (*map(int, fields[:5]), *(0,) * (5 - len(fields[:5])))
    whole = datetime(year, month, day, hour, minute, tzinfo=UTC)
    try:
        moved = whole - shift
    except OverflowError:
        return fields
    parts: Fields = (moved.year, moved.month, moved.day, moved.hour, moved.minute)
    return parts[: len(fields)] + fields[5:]


def _seconds_range(value: Temporal) -> tuple[Decimal, Decimal]:
    """The first and last second since the year 1, in UTC, that a date may mean, whatever its zone if it names none."""
    fields = value.fields
    year, month, day = (*map(int, fields[:3]), *(1,) * (3 - len(fields[:3])))
    low = Decimal((date(year, month, day).toordinal()) * _DAY)
    length = [Decimal(366 * _DAY), Decimal(31 * _DAY), Decimal(_DAY), Decimal(3600), Decimal(60), Decimal(0)][
        len(fields) - 1
    ]
    clock = fields[3:]
    for unit, field in zip((3600, 60, 1), clock, strict=False):
        low += unit * Decimal(field)
    offset = offset_of(value)
    earliest, latest = (EAST, WEST) if offset is None else (offset, offset)
    return low - earliest * 60, low + length - latest * 60
