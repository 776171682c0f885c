"""Numbers with a name: BMI, weight, HbA1c, pain, Epworth, AHI, headache days, disability index.

A goal, a threshold or a bound is not a measurement ("A1c goal below 7", "BMI over 30 is required").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from operations.evidence.coded.elements import months_between, tidy
from operations.evidence.coded.observation import in_range
from operations.evidence.fact import Fact
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import Reading, TextRule
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_of_another, standing
from operations.evidence.text.times import dates, durations
from profiles.json import ExactDecimal

_FILL: Final = r"[^.;\d<>≥≤]{0,45}?"
_VALUE: Final = r"(?P<v>\d{1,3}(?:\.\d{1,2})?)(?!\d|\.\d)"
_NO_UNIT_OF_TIME: Final = r"(?! ?(?:months?|weeks?|days?|years?|hours?|mg|units?|/\d|%? (?:to\b|-)))"


_IS_INDEX: Final = r"(?<!index of )(?<!index was )(?<!index is )(?<!ahi of )(?<!ahi was )(?<!ahi is )(?<!ahi )(?<!rdi of )(?<!rdi )(?<!rdi was )"
_A_RATE: Final = r"(?! ?(?:/|\(?per\b|an?\b|each\b|every\b|hourly\b|in (?:an?|one) h))"
_EVENTS: Final = rx(  # a count: never the last digits of an index, never events an hour
    rf"{_IS_INDEX}(?<![\d.,/])\b(?P<v>\d{{1,4}}) (?:(?:respiratory|apneic|obstructive|scored|total|recorded|"
    rf"sleep) ){{0,3}}events\b{_A_RATE}"
)


@dataclass(frozen=True, slots=True)
class _Score:
    name: str
    cues: tuple[str, ...]
    pattern: re.Pattern[str]
    confidence: float = 0.85


_NAMED: Final = rf"{_FILL}(?<![\d.]){_VALUE}"
_NOT_A_BMI: Final = r"(?! ?(?:percentile|months?|weeks?|years?|days?))"
_BMI: Final = rx(rf"\b(?:bmi|body mass index)\b{_NAMED}{_NOT_A_BMI}")
_HBA1C: Final = rx(rf"\b(?:hemoglobin a1c|hba1c|hgba1c|a1c)\b{_NAMED}{_NO_UNIT_OF_TIME}")
_EPWORTH: Final = rx(rf"\b(?:epworth(?: sleepiness)?(?: scale)?|ess)\b(?: \(ess\))?{_NAMED}(?:/24| out of 24)?")
_INDEX: Final = r"(?:ahi|apnea[\s-]hypopnea index|rdi|respiratory disturbance index)"
_AHI: Final = rx(rf"\b{_INDEX}\b(?: \((?:ahi|rdi)\))?{_NAMED}")
_ODI: Final = rx(rf"\b(?:odi|oswestry(?: disability index)?)\b(?: \(odi\))?{_NAMED} ?%?")

_OF_TEN: Final = r"(?P<v>\d{1,2}) ?(?:/ ?10\b| out of (?:10|ten)\b)"
_PAIN: Final = rx(rf"\bpain\b[^.;]{{0,60}}?(?<![\d./]){_OF_TEN}")
_PAIN_AFTER: Final = rx(rf"(?<![\d./-]){_OF_TEN}(?: \w{{1,12}}){{0,3}} pain")

_DAYS: Final = r"\b(?P<v>\d{1,2})(?: (?:to|-) \d{1,2})?"
_BY_MONTH: Final = r"(?! (?:per|a|/|each) (?:week|year))"
_DAYS_A_MONTH: Final = (
    r"(?:on |occurring |about |approximately |for |occur ){0,3}(?P<v>\d{1,2}) days? (?:per|a|each|out of the|/) ?month"
)
_OF_THESE: Final = r"\b(?P<v>\d{1,2}) of (?:which|these|those|them) (?:are|were|being|is) (?:\w{1,12} )?migraine"

_SCORES: Final = (
    _Score("body.bmi", ("bmi", "mass"), _BMI),
    _Score("labs.hba1c", ("a1c",), _HBA1C),
    _Score("sleep.epworth", ("epworth", "ess"), _EPWORTH),
    _Score("sleep.ahi", ("ahi", "rdi", "index"), _AHI),
    _Score("function.odi_percent", ("odi", "oswestry"), _ODI),
    _Score("function.pain_score", ("10", " ten"), _PAIN),
    _Score("function.pain_score", ("10", " ten"), _PAIN_AFTER),
    _Score("migraine.headache_days", ("headache",), rx(rf"{_DAYS} headache days?\b{_BY_MONTH}")),
    _Score("migraine.headache_days", ("headache",), rx(rf"\bheadaches? {_DAYS_A_MONTH}")),
    _Score("migraine.migraine_days", ("migraine",), rx(_OF_THESE)),
    _Score("migraine.migraine_days", ("migraine",), rx(rf"{_DAYS} migraine days?\b{_BY_MONTH}")),
    _Score("migraine.migraine_days", ("migraine",), rx(rf"\bmigraines? {_DAYS_A_MONTH}")),
    _Score("sleep.events", ("events",), _EVENTS),
)
_WEIGHT: Final = rx(
    r"\b(?:weight|weighs|wt)\b(?: (?:is|was|of|today|currently|at))*:? ?(?P<v>\d{2,3}(?:\.\d{1,2})?) ?(?P<u>kg|"
    r"kilograms?|lbs?|pounds)\b"
)
_GOAL: Final = rx(
    r"\b(?:goal|target|below|under|less than|above|over|greater than|more than|at least|exceed\w{0,3}|threshold|"
    r"require[ds]?|criteria|if|until|between|reduc\w{1,4}|"
    r"cutoff|at one point|used to|previous(?:ly)?|at best|normal (?:is|range)|aim\w{0,3})\b|[<>≥≤]"
)
_BESIDE: Final = rx(
    r" ?%?(?: (?:kg/m2|kg|lbs?|pounds|mmhg|mm hg|today|taken|on|in|from|as of|dated|measured|room air|ra|at rest|/hr|"
    r"events/hour|events per hour|percent|this|last seen))* ?\(? ?(?:on |in |from )?"
)
_NOW: Final = rx(
    r"^[^.;]{0,50}?\b(?:now|currently|down to|up to|(?:de|in)creased to|improved to|worsened to)(?: (?:at|"
    r"is))? (?P<v>\d{1,2}(?:\.\d{1,2})?)(?!\d|\.\d)"
)
_FOLLOWED: Final = frozenset({"labs.hba1c", "body.bmi"})
_AGES: Final = {"body.bmi": "body.months_ago", "labs.hba1c": "labs.hba1c_months_ago", "body.weight_kg": "body.months_ago"}
_POUND: Final = ExactDecimal("0.45359237")


def read_scores(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """The first value of each score in the sentence."""
    low = sentence.low
    seen: set[str] = set()
    for score in _SCORES:
        if score.name in seen or not any(cue in low for cue in score.cues):
            continue
        match = score.pattern.search(low)
        if match is None or not is_measured(sentence, match):
            continue
        newer = _NOW.match(low[match.end() : match.end() + 80]) if score.name in _FOLLOWED else None
        value = _number(newer["v"] if newer else match["v"])
        span = (match.start(), match.end() + newer.end()) if newer else match.span()
        if in_range(score.name, value):
            seen.add(score.name)
            yield from _measured(score.name, value, score.confidence, sentence, reading, span)
    match = _WEIGHT.search(low)
    if match is not None and is_measured(sentence, match):
        kilograms = _number(match["v"])
        if match["u"].startswith(("lb", "pound")):
            kilograms = tidy(kilograms * _POUND)
        yield from _measured("body.weight_kg", kilograms, 0.8, sentence, reading, match.span())


def is_measured(sentence: Sentence, match: re.Match[str]) -> bool:
    """The value is the patient's own and was found: no goal, no limit of a rule, nobody else's."""
    low = sentence.low
    around = low[max(0, match.start() - 20) : match.end()]
    if _GOAL.search(around) or is_of_another(sentence, *match.span()):
        return False
    return standing(sentence, match.start(), match.end()) == "said"


def _measured(
    name: str, value: int | ExactDecimal, confidence: float, sentence: Sentence, reading: Reading, span: tuple[int, int]
) -> Iterator[Fact]:
    day = day_beside(sentence.low, reading, span)
    yield reading.fact(name, value, sentence, confidence, span=span, as_of=day)
    fresh = day is not None or sentence.section in ("results", "exam") or "today" in sentence.low
    if name in _AGES and fresh:
        ago = months_between(day or reading.as_of, reading.as_of)
        yield reading.fact(_AGES[name], ago, sentence, confidence * 0.8, as_of=day)


def day_beside(low: str, reading: Reading, span: tuple[int, int]) -> date | None:
    """The day that stands beside the value, not one that belongs to another value of the sentence."""
    start, end = span
    for ago in durations(low):
        if ago.kind == "ago" and _BESIDE.fullmatch(low[end : ago.start] if ago.start >= end else ""):
            return ago.before(reading.as_of)
    found = dates(low, reading.as_of)
    beside = [when.day for when in found if when.start >= end and _BESIDE.fullmatch(low[end : when.start])]
    leading = [
        when.day for when in found if when.end <= start and start - when.end <= 40 and "," not in low[when.end : start][3:]
    ]
    return next(iter([*beside, *leading]), None)


def _number(written: str) -> int | ExactDecimal:
    return ExactDecimal(written) if "." in written else int(written)


RULES: Final = (
    TextRule(("bmi", "body mass", "a1c", "epworth", " ess ", " ess:", "(ess", "ahi", "apnea-hyp", "apnea hyp", "rdi", "respiratory dist", "odi", "oswestry", "pain", "headache", "migraine", "events", "weigh", "wt"), read_scores),
)  # fmt: skip
