"""Oxygen in notes: saturation and PaO2 on room air, minutes of sleep at the qualifying value, improvement on oxygen.

The terms are those of Medicare's home oxygen policy (NCD 240.2): a qualifying value counts with the condition of its test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Final

from operations.evidence.coded.elements import tidy
from operations.evidence.coded.observation import in_range
from operations.evidence.fact import Fact
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import MENTIONS, Reading, TextRule
from operations.evidence.text.scores import day_beside, is_measured
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_of_another, standing

_SATURATION: Final = rx(
    r"\b(?:spo2|sao2|o2 sat\w{0,8}|oxygen saturation\w?|pulse ox\w{0,6}|saturation\w?|sats|"
    r"desaturat\w{2,4}(?: to)?)\b[^.;\d]{0,45}?(?P<v>\d{2,3}) ?%?(?!\d)"
)
_PAO2: Final = rx(r"\bpao2\b[^.;\d]{0,25}?(?P<v>\d{2,3})(?: ?mm ?hg)?")
_DROPPING: Final = rx(
    r"\b(?:drop\w{0,4}|decreas\w{1,3}|desaturat\w{2,4}|f[ae]ll\w{0,3}|down|went|nadir)(?: \w{1,8})? (?:to|"
    r"of) (?P<v>\d{2,3}) ?%?(?!\d)"
)
_ROOM_AIR: Final = rx(r"\broom air\b|\bon ra\b|\bra\b|without (?:supplemental )?oxygen")
_ON_OXYGEN: Final = rx(
    r"\bon (?:\d(?:\.\d)?|one|two|three|four) ?(?:l\b|lpm|liters?)|\bnasal cannula\b|supplemental oxygen at"
)
_EXERTION: Final = rx(r"\b(?:ambulat\w{1,4}|walk\w{0,3}|exerti\w{1,4}|exercise|6[\s-]minute)\b")
_SLEEP: Final = rx(r"\b(?:sleep|asleep|nocturnal|overnight|sleeping)\b")
_REST: Final = rx(r"\b(?:at rest|resting|seated|sitting|awake)\b")
_PERCENT: Final = rx(r"(?<![\d.])\d{2,3} ?%")
_QUALIFYING: Final = 88
_MINUTES: Final = r"(?<![\d.,/])(?P<v>\d{1,3}(?:\.\d{1,2})?) ?(?P<u>minutes?|mins?|hours?|hrs?)\b"
_LOW_VALUE: Final = r"(?P<limit>\d{2}) ?(?:%|percent)?"
_AT_OR_BELOW: Final = (
    r"(?:(?:at or |equal to or |was |were |of )?(?:below|under|less than|equal to|at) (?:or equal to )?|[<≤]=? ?|"
    r"(?:to|of|at|was|were|is|nadir) )"
)
_LOW_FOR: Final = rx(rf"{_AT_OR_BELOW}(?:or (?:below|under|less than) )?{_LOW_VALUE}[^.;\d]{{0,45}}?{_MINUTES}")
_FOR_LOW: Final = rx(
    rf"{_MINUTES}(?:[^.;\d]|(?<=o)2){{0,45}}?{_AT_OR_BELOW}(?:or (?:below|under|less than) )?{_LOW_VALUE}(?!\d)"
)
_T88: Final = rx(rf"\bt(?P<limit>88)\b[^.;\d]{{0,20}}?{_MINUTES}")
_SATURATED: Final = rx(r"\b(?:spo2|sao2|o2|oxygen|oximetry|saturation\w?|sats?|desaturat\w{2,5}|t88)\b")
_BETTER: Final = rx(
    r"\b(?:improv\w{1,4}|recover\w{0,3}|corrected|corrects|increas\w{1,3}|rose|rises|came up|comes up|return\w{0,3}|normali[sz]\w{1,3})\b"
)
_NOT_BETTER: Final = rx(
    r"\b(?:no improvement|(?:did|does|do)(?:n't| not) (?:improve|recover|correct|increase|rise)|without improvement|"
    r"fail(?:ed|s) to (?:improve|recover|correct))\b"
)
_WITH_OXYGEN: Final = rx(
    r"\b(?:(?:on|with|at|to) (?:\d(?:\.\d)?|one|two|three|four|five|six) ?(?:l\b|lpm|liters?)|nasal cannula|"
    r"(?:with|on) (?:the )?(?:addition of |application of |use of |administration of )?(?:supplemental |portable )?(?:oxygen|o2)\b)"
)


def read_oxygen(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Saturation and PaO2 on room air, each with the condition of its test; on oxygen, or without "room air", no fact."""
    low = sentence.low
    if not _ROOM_AIR.search(low):
        return
    values = [("oxygen.sao2", match) for match in islice(_SATURATION.finditer(low), MENTIONS)]
    values += [("oxygen.sao2", match) for match in islice(_DROPPING.finditer(low), MENTIONS)] if values else []
    values += [("oxygen.pao2", match) for match in islice(_PAO2.finditer(low), MENTIONS)]
    places = sorted({match.start("v") for _, match in values} | {match.start() for match in _PERCENT.finditer(low)})
    for name, match in values:
        earlier = max((place for place in places if place < match.start("v")), default=0)
        later = min((place for place in places if place > match.start("v")), default=len(low))
        around = low[match.start("v") if earlier else 0 : later]
        if _ON_OXYGEN.search(around) or not in_range(name, int(match["v"])) or not is_measured(sentence, match):
            continue
        yield from _oxygen_facts(name, sentence, reading, match, _test_condition(around))


def _oxygen_facts(
    name: str, sentence: Sentence, reading: Reading, match: re.Match[str], condition: str | None
) -> Iterator[Fact]:
    day = day_beside(sentence.low, reading, match.span()) or reading.as_of
    yield reading.fact(name, int(match["v"]), sentence, 0.8, span=match.span(), topic=condition, as_of=day)
    if condition is not None:
        yield reading.fact("oxygen.condition", condition, sentence, 0.8, topic=condition, as_of=day)
    days = (reading.as_of - day).days
    yield reading.fact("oxygen.test_days_ago", days, sentence, 0.7, topic=condition, as_of=day)


def _test_condition(around: str) -> str | None:
    if _EXERTION.search(around):
        return "exertion"
    return "sleep" if _SLEEP.search(around) else "rest" if _REST.search(around) else None


def read_sleep_minutes(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`oxygen.sleep_minutes`: how long the saturation was at or below 88 % in sleep, without oxygen."""
    low = sentence.low
    asleep = _SLEEP.search(low) or "t88" in low
    if not (asleep and _SATURATED.search(low)) or _ON_OXYGEN.search(low):
        return
    for pattern in (_T88, _LOW_FOR, _FOR_LOW):
        match = pattern.search(low)
        if match is None or is_of_another(sentence, *match.span()) or standing(sentence, *match.span()) != "said":
            continue
        strictly = "or" not in match.group() and re.search(r"below|under|less than|<(?!=)", match.group())
        if int(match["limit"]) <= _QUALIFYING + bool(strictly):
            minutes = Decimal(match["v"]) * (60 if match["u"].startswith("h") else 1)
            yield reading.fact("oxygen.sleep_minutes", tidy(minutes), sentence, 0.8, span=match.span(), topic="sleep")
            return


def read_improvement(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`oxygen.improves_with_oxygen`: what oxygen did to the value on exertion, in the sentence or the one after it."""
    low = sentence.low
    given = _WITH_OXYGEN.search(low)
    if given is None or is_of_another(sentence, *given.span()):
        return
    before = reading.before(sentence)
    scene = low if before is None or _EXERTION.search(low) else f"{before.low} {low}"
    if not (_EXERTION.search(scene) and _SATURATED.search(scene)) or _SLEEP.search(low):
        return
    worse = _NOT_BETTER.search(low)
    if worse is not None:
        yield reading.fact("oxygen.improves_with_oxygen", False, sentence, 0.8, span=worse.span(), topic="exertion")
        return
    better = _BETTER.search(low)
    if better is not None and standing(sentence, *better.span()) == "said":
        yield reading.fact("oxygen.improves_with_oxygen", True, sentence, 0.8, span=better.span(), topic="exertion")


RULES: Final = (
    TextRule(("spo2", "sao2", "sat", "pulse ox", "pao2"), read_oxygen),
    TextRule(("minute", " min", "hour", " hr"), read_sleep_minutes),
    TextRule(("oxygen", "o2", "cannula", " lpm", "liter", " l "), read_improvement),
)
