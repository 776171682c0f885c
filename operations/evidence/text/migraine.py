"""Migraine in notes: for how long headaches have been that frequent, and whether overuse of medication was dealt with.

Chronic migraine is fifteen headache days a month for more than three months (ICHD-3, 1.3): a length without a frequency, or
since when somebody has had migraine at all, says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from operations.evidence.coded.elements import months_between, tidy
from operations.evidence.fact import Fact
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import Reading, TextRule
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_of_another, standing
from operations.evidence.text.times import dates, durations

_FREQUENT: Final = rx(
    r"\b\d{1,2}(?: (?:to|-) \d{1,2})? (?:headache|migraine) days?\b|\b(?:headaches?|migraines?)[^.;]{0,30}? \d{1,2} days? "
    r"(?:per|a|each|out of the|/) ?month|\bchronic migraines?\b|\bdaily (?:headaches?|migraines?)\b|"
    r"\b(?:headache|migraine)s? (?:nearly |almost )?(?:daily|every day)\b"
)
_LASTING: Final = rx(
    r"\b(?:for|x|over|during|lasting|present)(?: (?:the|past|last|about|approximately|at|least|more|greater|than|over|a|total|of))"
    r"{0,5} ?(?:>|≥)? ?$|\b(?:past|last) ?$"
)
_MORE_THAN: Final = rx(r"(?:\b(?:more|greater|longer) than|\bover|>) ?$")
_SINCE: Final = rx(r"\bsince (?:early |late )?$")
_TRIAL: Final = rx(
    r"\b(?:tried|trials?|failed|took|taking|topiramate|propranolol|amitriptyline|each|apiece|despite|botox|botulinum)\b"
)
_JUST_OVER: Final = Decimal("0.1")

_OVERUSE: Final = (
    r"(?:(?:medication|analgesic|acute medication|triptan|opioid|drug)[\s-](?:overuse|rebound)|overus(?:e|ing)|\bmoh\b)"
)
_RULED_OUT: Final = rx(
    rf"\b(?:no (?:evidence of |signs? of |history of |current )?|without (?:evidence of )?|den(?:ies|ied) (?:any )?|not |"
    rf"never )(?:been )?(?:an? )?{_OVERUSE}"
)
_DEALT_WITH: Final = rx(
    rf"{_OVERUSE}(?: headaches?)?(?: \(moh\))? (?:has been |have been |was |were |is |been )*(?:also )?"
    r"(?:ruled out|excluded|addressed|treated|resolved|managed|corrected|not present|absent)\b"
)
_WITHDRAWN: Final = rx(
    rf"{_OVERUSE}[^.;]{{0,60}}?\b(?:weaned off|withdrawn|detoxified|discontinued|stopped|limited to|now limited|reduced to)\b"
)
_NOT_DEALT_WITH: Final = rx(
    rf"{_OVERUSE}(?: headaches?)? (?:has|have|was|is|were)(?:n't| not| never)(?: yet)?(?: been)? "
    r"(?:addressed|treated|managed|ruled out|excluded|evaluated|assessed)\b"
)


def read_duration(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`migraine.months`, of "more than" a length a tenth above it: policies ask for more than three months."""
    low = sentence.low
    frequent = _FREQUENT.search(low)
    if frequent is None or is_of_another(sentence, *frequent.span()) or standing(sentence, *frequent.span()) != "said":
        return
    for span in durations(low):
        before = low[max(0, span.start - 45) : span.start]
        if span.kind != "length" or not _LASTING.search(before) or _TRIAL.search(before):
            continue
        months = tidy(Decimal(span.months) + _JUST_OVER) if _MORE_THAN.search(before) else span.months
        yield reading.fact("migraine.months", months, sentence, 0.8)
        return
    for when in dates(low, reading.as_of):
        if _SINCE.search(low[max(0, when.start - 14) : when.start]):
            yield reading.fact("migraine.months", months_between(when.latest, reading.as_of), sentence, 0.75)
            return


def read_overuse(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`migraine.overuse_addressed`: overuse was ruled out, or treated; its mere mention says nothing."""
    low = sentence.low
    open_ = _NOT_DEALT_WITH.search(low)
    if open_ is not None and not is_of_another(sentence, *open_.span()):
        yield reading.fact("migraine.overuse_addressed", False, sentence, 0.8, span=open_.span())
        return
    for pattern in (_RULED_OUT, _DEALT_WITH, _WITHDRAWN):
        match = pattern.search(low)
        if match is None or is_of_another(sentence, *match.span()):
            continue
        if pattern is _RULED_OUT or standing(sentence, *match.span()) == "said":
            yield reading.fact("migraine.overuse_addressed", True, sentence, 0.75, span=match.span())
            return


RULES: Final = (
    TextRule(("headache", "migraine"), read_duration),
    TextRule(("overus", "rebound", "moh"), read_overuse),
)
