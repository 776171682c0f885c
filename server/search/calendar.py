"""Dates of birth and death name people, so they are never plain columns: they are calendar terms, ranges a union of them.

A day carries its day, month and year; a date known to the month or year carries that and a mark of its own, since it
overlaps with ranges that begin or end inside it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

FIRST_YEAR: Final = 1850
LAST_YEAR: Final = 2150

_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def calendar_terms(text: str) -> Iterator[str]:
    """Terms of a FHIR date (the time of a dateTime names nobody and is left out)."""
    match = _DATE.match(text)
    if match is None:
        return
    year, month, day = match.groups()
    yield f"y{year}"
    if month is None:
        yield f"Y{year}"
        return
    yield f"m{year}-{month}"
    yield f"d{year}-{month}-{day}" if day else f"M{year}-{month}"


def equal_term(text: str) -> str | None:
    """The term of dates that lie wholly inside the given day, month or year; None if it is not a date."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    return f"{'d' if match[3] else 'm' if match[2] else 'y'}{text}"


def bounds(text: str) -> tuple[date, date] | None:
    """First and last day of a day, month or year; None if it is not one."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        if month:
            return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        return date(year, 1, 1), date(year, 12, 31)
    except (ValueError, calendar.IllegalMonthError):
        return None


def range_terms(first: date, last: date, *, wholly: bool = False) -> list[str]:
    """Terms of every date that overlaps [first, last], or lies `wholly` inside it: at most a few hundred.

    Dates before `FIRST_YEAR` and after `LAST_YEAR` are not in any range.
    """
    first, last = max(first, date(FIRST_YEAR, 1, 1)), min(last, date(LAST_YEAR, 12, 31))
    if first > last:
        return []
    terms = []
    if not wholly:
        terms += [f"Y{year:04}" for year in {first.year, last.year}]
        terms += [f"M{day:%Y-%m}" for day in {first.replace(day=1), last.replace(day=1)}]
    while first <= last:
        year_end = first.replace(month=12, day=31)
        if first.month == first.day == 1 and year_end <= last:
            terms.append(f"y{first.year:04}")
            first = year_end + timedelta(days=1)
            continue
        month_end = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if first.day == 1 and month_end <= last:
            terms.append(f"m{first:%Y-%m}")
            first = month_end + timedelta(days=1)
        else:
            terms.append(f"d{first.isoformat()}")
            first += timedelta(days=1)
    return sorted(set(terms))
