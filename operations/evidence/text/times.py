"""Lengths of time and dates in text: "6 to 8 weeks" (its lower end), "two months ago", "since January", "3/4/2026".

Only what is definite gives a number: "several weeks" gives none, and neither does "up to" or "less than" a length.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal

from operations.evidence.coded.elements import tidy
from operations.evidence.text.patterns import rx
from profiles.json import ExactDecimal

DurationKind = Literal["length", "ago", "future", "event", "other"]

_WORDS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "couple": 2, "couple of": 2,
}  # fmt: skip
_NUMBER: Final = r"\d{1,3}(?:\.\d)?|couple(?: of)?|" + "|".join(
    word for word in _WORDS if " " not in word and word != "couple"
)
_UNIT_DAYS: Final = {"d": Decimal(1), "w": Decimal(7), "m": Decimal("30.4375"), "y": Decimal("365.25")}
_DURATION: Final = rx(
    rf"(?<![\w.,/])(?:(?!1/2|1/4|3/4)(?P<over>\d{{1,2}})/)?(?P<low>{_NUMBER})(?: and a (?P<half>half))?(?:[\s-]?(?:-|"
    rf"to|or)[\s-]?(?P<high>{_NUMBER}))?\+?[\s-]{{0,2}}"
    r"(?:full |consecutive |whole |solid )?(?P<unit>days?|weeks?|wks?|months?|mos?|mths?|years?|yrs?)\b"
)
_AGO: Final = rx(r"^ ?(?:ago|prior\b|earlier|back\b|before\b)")
_AGE: Final = rx(r"^[\s-]?(?:olds?\b|of age|gestation|pregnant)")
_EVENT: Final = rx(
    r"^ ?(?:s/p|status[\s-]post|post[\s-]?op\w{0,9}|post\b|after|following|out from|from (?:surgery|injury|now)|later)"
)
_RATE_AFTER: Final = rx(r"^ ?(?:per|a|an|each|every|/|out of) ?(?:week|month|day|year|wk|mo)")
_BEFORE: Final = 28
_RATE_BEFORE: Final = rx(
    r"(?:every|per|each|times|\d ?x|once|twice|q|daily|days|hours|nights|drinks|week|sessions|visits|tabs?)[\s/]{0,3}$"
)
_FUTURE_BEFORE: Final = rx(
    r"(?:\bin|\bwithin|\bnext|\banother|\bin about|\bin approximately|\bfollow[\s-]?up|\breturn)[\s(]{0,3}$"
)
_SOME_OF_BEFORE: Final = rx(  # "half of the 12 weeks" is no number that we would reckon out
    r"(?:half|part|portion|most|some|third|quarter|fraction|few|rest|remainder|percent|%) (?:of )?(?:(?:the|an?|his|her|their|my|those|these) )?$"
)
_PAST_BEFORE: Final = rx(r"(?:past|last|previous|prior)[\s(]{0,2}$")
_BOUND_BEFORE: Final = rx(
    r"(?:less than|under|up to|almost|nearly|fewer than|at most|no more than|<|not quite|maximum of)[\s~]{0,3}$"
)

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE: Final = rx(
    r"(?<![\d/.-])(?:(?P<mm>\d{1,2})[/-](?P<dd>\d{1,2})[/-](?P<yy>(?:19|20)?\d\d)(?![\d/])"
    r"|(?P<iy>(?:19|20)\d\d)-(?P<im>\d\d)-(?P<id>\d\d)(?!\d)"
    r"|(?P<my_m>\d{1,2})/(?P<my_y>(?:19|20)\d\d)(?![\d/])"
    rf"|\b(?P<name>{_MONTH})\b\.?(?: (?P<nd>\d{{1,2}})(?:st|nd|rd|th)?(?![\d]),?)?(?: (?:of )?(?P<ny>(?:19|20)\d\d)\b)?"
    r"|\b(?P<rel>today|yesterday|this morning|this week|last week|last month|last year)\b"
    r"|\b(?:in|from|since|of|early|late) (?P<year>(?:19|20)\d\d)\b(?!-))"
)
_ALSO_WORDS: Final = frozenset({"may", "mar", "march", "sep", "dec", "jan", "oct"})
_MAY_MONTH: Final = rx(r"(?:in|since|of|early|late|mid|last|from|until|through|on) $")


_PLANNED: Final = (
    "the|an?|his|her|their|my|total|planned|prescribed|scheduled|recommended|ordered|approved|authorized|intended|required"
)
_PART_BEFORE: Final = rx(rf"(?<![\d./])(?P<part>{_NUMBER})[\s-]?(?:/|of|out of)[\s-]?(?:(?:{_PLANNED}) ){{0,4}}$")
"""Before "8 weeks" in "2 of 8 weeks"."""

_OF_A_WHOLE: Final = rx(rf"^ (?:out )?of (?:(?:{_PLANNED}) ){{1,4}}$")
"""Between "3 weeks" and "6 weeks" in "3 weeks of a planned 6 weeks"."""


@dataclass(frozen=True, slots=True)
class Duration:
    start: int
    end: int
    days: Decimal
    kind: DurationKind
    count: Decimal
    unit: str

    def before(self, day: date) -> date | None:
        """The day this long before `day`, by the calendar for months and years; None before the year 1."""
        if self.unit in "my" and self.count == int(self.count):
            month = day.year * 12 + day.month - 1 - int(self.count) * (12 if self.unit == "y" else 1)
            year, month = divmod(month, 12)
            last = calendar.monthrange(year, month + 1)[1] if year >= 1 else 0
            return date(year, month + 1, min(day.day, last)) if year >= 1 else None
        days = int(self.days)
        return day - timedelta(days=days) if day.toordinal() > days else None

    @property
    def weeks(self) -> int | ExactDecimal:
        """Completed weeks, to a tenth, rounded down; months and years count as at least thirteen weeks a quarter."""
        return tidy(self.days / 7)

    @property
    def months(self) -> int | ExactDecimal:
        return tidy(self.days / _UNIT_DAYS["m"] + Decimal("0.04"))


@dataclass(frozen=True, slots=True)
class DateSpan:
    """`day` is the earliest and `latest` the last day that is meant ("in March 2026"), never after the date of the note."""

    start: int
    end: int
    day: date
    latest: date


def durations(low: str) -> list[Duration]:
    """Every length of time in a lower-case sentence; of a range its lower end, of "2 of 8 weeks" the part."""
    found: list[Duration] = []
    for match in _DURATION.finditer(low):
        count = _count(match["low"])
        before, after = low[max(0, match.start() - _BEFORE) : match.start()], low[match.end() : match.end() + 24]
        if count is None or _BOUND_BEFORE.search(before) or _SOME_OF_BEFORE.search(before):
            continue
        if match["half"]:
            count += Decimal("0.5")
        kind = _kind(match, before, after)
        unit = match["unit"][0]
        start = match.start()
        if found and _OF_A_WHOLE.match(low[found[-1].end : start]):
            found[-1] = replace(found[-1], end=match.end())
            continue
        part = _PART_BEFORE.search(low[max(0, start - 60) : start])
        if match["over"] or part is not None:
            whole, count = count, _count(match["over"] or (part["part"] if part else "")) or count
            start -= 0 if part is None else len(part.group())
            if count > whole:
                continue
        found.append(Duration(start, match.end(), count * _UNIT_DAYS[unit], kind, count, unit))
    return found


def dates(low: str, as_of: date) -> list[DateSpan]:
    """Every date in a lower-case sentence that is not after `as_of`; a month without a year is the latest such month."""
    found = []
    for match in _DATE.finditer(low):
        day = _day(match, low, as_of)
        if day is not None and day <= as_of:
            found.append(DateSpan(_start_of(match), match.end(), day, min(_latest(match, day), as_of)))
    return found


def count_of(word: str) -> int | None:
    """The whole number that digits or a number word stand for."""
    value = _count(word)
    return int(value) if value is not None else None


def _count(word: str) -> Decimal | None:
    word = " ".join(word.split())
    if word in _WORDS:
        return Decimal(_WORDS[word])
    return Decimal(word) if word[:1].isdigit() else None


def _kind(match: re.Match[str], before: str, after: str) -> DurationKind:
    if _AGE.match(after) or _RATE_AFTER.match(after) or _RATE_BEFORE.search(before):
        return "other"
    if _AGO.match(after):
        return "ago"
    if _PAST_BEFORE.search(before):
        return "length"
    if _EVENT.match(after):
        return "event"
    return "future" if _FUTURE_BEFORE.search(before) else "length"


def _day(match: re.Match[str], low: str, as_of: date) -> date | None:
    if match["rel"]:
        back = {"yesterday": 1, "last week": 7, "last month": 30, "last year": 365}.get(" ".join(match["rel"].split()), 0)
        return as_of - timedelta(days=back)
    if match["iy"]:
        return _date(int(match["iy"]), int(match["im"]), int(match["id"]))
    if match["mm"]:
        year = int(match["yy"])
        return _date(year if year > 99 else 2000 + year, int(match["mm"]), int(match["dd"]))
    if match["my_y"]:
        return _date(int(match["my_y"]), int(match["my_m"]), 1)
    if match["year"]:
        return _date(int(match["year"]), 1, 1)
    return _named_month(match, low, as_of)


def _start_of(match: re.Match[str]) -> int:
    return match.start("year") if match["year"] else match.start()


def _latest(match: re.Match[str], day: date) -> date:
    if match["year"]:
        return date(day.year, 12, 31)
    if match["my_y"] or (match["name"] and not match["nd"]):
        return date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])
    return day


def _named_month(match: re.Match[str], low: str, as_of: date) -> date | None:
    month, day = _MONTHS[match["name"]], int(match["nd"] or 1)
    alone = match["name"] in _ALSO_WORDS and not match["nd"] and not match["ny"]
    if alone and not _MAY_MONTH.search(low[max(0, match.start() - 10) : match.start()]):
        return None
    if match["ny"]:
        return _date(int(match["ny"]), month, day)
    this_year = _date(as_of.year, month, day)
    return this_year if this_year is None or this_year <= as_of else _date(as_of.year - 1, month, day)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
