"""Strings and dates in the forms that search compares (FHIR R4 3.1.1.4.6 "string", 3.1.1.4.7 "date").

Strings match regardless of case, accents and white space: compatibility decomposition, combining marks dropped, full case
folding, white space folded to one space. The Unicode version is Python's (`UNICODE_VERSION`); who stores normalized text
should store that beside it.

Dates become intervals of microseconds since 1970-01-01T00:00Z, both ends included: `2026-03` runs to the last microsecond
of March. Where a value names no zone, it is read as UTC, on both sides of a comparison.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import isleap, monthrange
from datetime import date
from typing import Final

from profiles.json import Json

UNICODE_VERSION: Final = unicodedata.unidata_version

# Letters that Unicode does not decompose, though people type them without their stroke or ligature; kinds of apostrophe
# and hyphen that keyboards and word processors swap.
_PLAIN: Final = str.maketrans(
    {
        "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
        "‘": "'", "’": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "—": "-",
    }
)  # fmt: skip


def normalize(text: str) -> str:
    """A string as search compares it; idempotent. It may become empty."""
    if text.isascii():
        return " ".join(text.lower().replace("`", "'").split())
    folded = text
    for _ in range(2):  # folding case can bring marks back (U+0130), so that one pass would not settle every string
        decomposed = unicodedata.normalize("NFKD", folded.translate(_PLAIN))
        folded = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().translate(_PLAIN)
    return " ".join(unicodedata.normalize("NFKD", folded).split())


MICROSECOND: Final = 1_000_000
"""Microseconds in a second."""
_DAY: Final = 86_400 * MICROSECOND
_EPOCH: Final = date(1970, 1, 1).toordinal()

_DATE_TIME: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)


def instant_range(text: Json) -> tuple[int, int] | None:
    """The first and last microsecond that a date, dateTime, instant or search value covers; None if it is none.

    Partial values (`2026`, `2026-03`), minutes without seconds, and values without a zone (UTC) are taken.
    """
    match = _DATE_TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        low = (date(int(year), int(month or 1), int(day or 1)).toordinal() - _EPOCH) * _DAY
    except ValueError:
        return None
    if hour is not None:
        return _within_day(low, (int(hour), int(minute), second), fraction, zone)
    if day is not None:
        return low, low + _DAY - 1
    if month is not None:
        return low, low + monthrange(int(year), int(month))[1] * _DAY - 1
    return low, low + (366 if isleap(int(year)) else 365) * _DAY - 1


def _within_day(
    day: int, clock: tuple[int, int, str | None], fraction: str | None, zone: str | None
) -> tuple[int, int] | None:
    hour, minute, second = clock
    offset = _offset(zone)
    if hour > 23 or minute > 59 or int(second or 0) > 60 or offset is None:
        return None
    low = day + ((hour * 60 + minute - offset) * 60 + int(second or 0)) * MICROSECOND
    if second is None:
        return low, low + 60 * MICROSECOND - 1
    if fraction is None:
        return low, low + MICROSECOND - 1
    digits = fraction[:6]
    unit: int = 10 ** (6 - len(digits))
    low += int(digits) * unit
    return low, low + unit - 1


def _offset(zone: str | None) -> int | None:
    """Minutes east of UTC; None for an offset that no place has."""
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    if minutes > 14 * 60 or int(zone[4:]) > 59:
        return None
    return -minutes if zone[0] == "-" else minutes


def period_range(period: Json) -> tuple[int | None, int | None] | None:
    """(first, last) microsecond of a Period; None for an end that is open or unreadable, and None if both are."""
    if not isinstance(period, dict):
        return None
    start, end = instant_range(period.get("start")), instant_range(period.get("end"))
    if start is None and end is None:
        return None
    return (start[0] if start else None, end[1] if end else None)
