"""Reading elements of resources whose shape nobody has checked: whatever is not of the right kind is simply not there.

Nothing here raises on any JSON value (FHIR R4 datatypes: CodeableConcept, Reference, Period, Quantity, dateTime).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from operations.evidence.fact import Source
from operations.packet import Entry
from profiles.json import ExactDecimal, Json

Resolve = Callable[[str, Entry], Entry | None]
"""Follows a reference found in a resource, as `Packet.resolve` does."""

_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?=T|$)")
_LIMIT: Final = Decimal(10) ** 9
_MAX_ELEMENTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Coding:
    system: str
    code: str
    display: str
    path: str
    """FHIRPath below the concept, such as `.coding[0].code`."""


def resource_of(entry: Entry) -> dict[str, Any]:
    return obj(entry.resource)


def type_of(entry: Entry) -> str:
    return text(resource_of(entry).get("resourceType"))


def obj(value: Json) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a list with their index; at most two thousand are looked at."""
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value[:_MAX_ELEMENTS]) if isinstance(item, dict)]


def text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def codings(concept: Json) -> Iterator[Coding]:
    for index, coding in items(obj(concept).get("coding")):
        code = text(coding.get("code")).strip()
        yield Coding(text(coding.get("system")), code, text(coding.get("display")), f".coding[{index}].code")


def codes(concept: Json) -> set[str]:
    return {coding.code for coding in codings(concept) if coding.code}


def words(*concepts: Json) -> str:
    """Text and displays of concepts or plain strings, lower case, at most 2,000 characters each."""
    parts: list[str] = []
    for concept in concepts:
        if isinstance(concept, str):
            parts.append(concept)
        elif isinstance(concept, list):
            parts.extend(words(item) for item in concept[:50] if isinstance(item, (dict, str)))
        else:
            parts.append(text(obj(concept).get("text")))
            parts.extend(coding.display for coding in codings(concept))
    return " | ".join(part[:2000].lower() for part in parts if part)


def reference(value: Json) -> str:
    return text(obj(value).get("reference"))


def day(value: Json, *, latest: bool = False) -> date | None:
    """The calendar day of a FHIR date or dateTime; a year or month alone gives its first day, or its last if `latest`."""
    match = _DATE.match(text(value))
    if match is None:
        return None
    year, month, dom = int(match[1]), int(match[2] or (12 if latest else 1)), match[3]
    if not (1 <= year <= 9999 and 1 <= month <= 12):
        return None
    last = calendar.monthrange(year, month)[1]
    number = int(dom) if dom else (last if latest else 1)
    return date(year, month, number) if 1 <= number <= last else None


def period(value: Json) -> tuple[date | None, date | None]:
    """Start and end of a Period; of an imprecise date the reading that makes the period shorter."""
    held = obj(value)
    return day(held.get("start"), latest=True), day(held.get("end"))


def when(resource: dict[str, Any], *names: str) -> date | None:
    """The first of some date, dateTime or Period elements that has a day; a Period counts by its end, else its start."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, dict):
            start, end = period(value)
            found = end or start
        else:
            found = day(value)
        if found is not None:
            return found
    return None


def number(value: Json) -> int | Decimal | None:
    """A finite number of sensible size (below a thousand million); booleans and strings are none."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    if isinstance(value, Decimal) and (not value.is_finite() or not -12 <= value.adjusted() <= 9):
        return 0 if value == 0 else None
    return value if -_LIMIT < value < _LIMIT else None


def tidy(value: int | Decimal, places: int = 1) -> int | ExactDecimal:
    """A computed number with at most `places` decimals, rounded down, as JSON will show it."""
    scaled = int(Decimal(value) * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    sign = "-" if scaled < 0 else ""
    return ExactDecimal(f"{sign}{whole}.{rest:0{places}d}".rstrip("0")) if rest else int(f"{sign}{whole}")


def weeks_between(start: date, end: date) -> int:
    """Whole weeks that have passed."""
    return max(0, (end - start).days // 7)


def months_between(past: date, now: date) -> int | ExactDecimal:
    """Calendar months from `past` to `now`, to a tenth and rounded up, so that "six months and a day" is more than six."""
    if past >= now:
        return 0
    months = (now.year - past.year) * 12 + now.month - past.month
    days = now.day - past.day
    if days == 0 or (days < 0 and now.day == calendar.monthrange(now.year, now.month)[1] and past.day > now.day):
        return months
    if days < 0:
        months, days = months - 1, days + 30
    tenths = min(9, max(1, -(-days * 10 // 31)))
    return tidy(Decimal(months * 10 + tenths) / 10)


def source(entry: Entry, path: str) -> Source:
    """`path` is the FHIRPath below the resource, such as `code.coding[0].code`."""
    return Source(entry.reference, f"{type_of(entry)}.{path}" if path else type_of(entry))
