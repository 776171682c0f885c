"""Imaging in notes: done, denied, or only ordered (which is no fact); its date, body region and findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Final

from operations.evidence.coded.elements import months_between
from operations.evidence.fact import Fact
from operations.evidence.phrases import study_spans
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import MENTIONS, Reading, TextRule, site_near
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, is_of_another, standing
from operations.evidence.text.times import dates, durations
from operations.evidence.text.undone import did_not_take_place
from profiles.json import Json

CUES: Final = ("mri", "magnetic", "ct ", "ct.", "ct,", "ct/", "ct:", "ct-", "tomogr", "cat scan", "x-ray", "xray", "x ray", "radiograph",
               "film", "duplex", "doppler", "pet ", "pet/", "pet-", "pet.", "pet,", "positron")  # fmt: skip
_RESULT: Final = rx(
    r"\b(?:show(?:s|ed|ing|n)|demonstrat(?:es|ed|ing)|reveal(?:s|ed|ing)|(?<!not )(?<!n't )(?:show|demonstrate|"
    r"reveal)\b|confirm(?:s|ed)|indicates|identified|"
    r"notable for|"
    r"consistent with|significant for|remarkable for|(?:is|are|was|were) (?:\w{1,14} ){0,2}?(?:unremarkable|normal|"
    r"negative|positive|"
    r"abnormal|stable|clear|within normal))\b|:"
)
_OBTAINED: Final = rx(
    r"^[^.;]{0,70}?\b(?:(?:was|were|is|are|has been|have been) (?:\w{1,14} ){0,2}?(?:obtained|taken|performed|"
    r"completed|done|reviewed)|"
    r"(?<!be )(?:obtained|taken|performed|completed|reviewed)\b(?! if)|results (?:were|are|show)|(?:findings|"
    r"results) (?:today|are|were|with|and)|"
    r"from (?:\d|january|february|march|april|may|june|july|august|september|october|november|december|an outside|"
    r"last|\w{1,12} (?:weeks?|months?))|"
    r"dated|last (?:week|month|year)|\w{1,12} (?:weeks?|months?|days?|years?) ago)\b"
)
_HAD: Final = rx(
    r"\b(?:reviewed|review of|reviewing|interpretation of|had|underwent|undergone|previous|prior|recent|last|latest|"
    r"obtained|on|per|by|"
    r"based on|looking at|given|results? of|findings (?:of|on)|seen on|work-?up (?:\w{1,12} ){0,3}with|got|received|with)\b"
    r"(?: (?:an?|the|his|her|their|of|and|my|today's|recent|previous|prior|outside|imaging|normal|abnormal|repeat|"
    r"plain|weight[\s-]bearing|"
    r"right|left|bilateral|lumbar|cervical|knee|hip|shoulder|abdominal|chest|spine|exam|\w{3,14}'s|x-ray,|,)){0,6} ?$"
)
_READ_NEG: Final = rx(r"\b(?:on|per|by|in) (?:an? |the |his |her |recent |prior |today's )?(?:\w{3,12} ){0,2}$")
_COMING: Final = rx(
    r"\b(?:will|to be|should|would|if|once|when|may|can|could|pending|want|wants|order(?!ed and)|schedul\w{1,3}|"
    r"recommend\w{0,4}|for)\b"
)
_TODAY: Final = rx(
    r"\b(?:obtained|taken|performed|done|completed|repeated)\b[^.;]{0,45}\b(?:today|(?:in|at) (?:the |"
    r"our )?(?:office|clinic))\b|"
    r"(?<!reviewed )(?<!review )\btoday(?:'s)?\b[^.;]{0,20}\b(?:show|reveal|demonstrat|x-?ray|mri|ct|film|radiograph)"
)
_AT_LAST: Final = rx(
    r"^[^.;]{0,80}?\b(?:but|and|then|later|finally|eventually)\b[^.;]{0,25}?\b(?:was|were|then|finally) (?:completed|"
    r"performed|obtained|done)\b"
)
_DONE_ON: Final = rx(r"\b(?<!not )(?<!be )(?:completed|performed|obtained|done|taken) (?:(?:on|in|dated) )?$")
_NOT_OF_STUDY: Final = rx(r"\b(?:symptoms|exam\w{0,9}|i|we|labs?|discuss\w{0,3}|believe)\b")
_ASIDE: Final = re.compile(r", (?:I|we|We|which) ")
_COUNT: Final = rx(r"\b(?P<n>two|three|four|2|3|4)(?: prior| previous)? pet(?:/ct| ct|-ct)? scans?")


def read_imaging(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`imaging.<kind>.done` and, of a study that was done, `months_ago`, `body_site` and `findings`."""
    low = sentence.low
    mentions = list(islice(study_spans(low), MENTIONS))
    for place, (kind, start, end) in enumerate(mentions):
        if kind in ("ct", "pet") and not _is_abbreviation(sentence, start, end):
            continue
        site = site_near(low, start, end)
        if is_denied(sentence, start, end):
            yield reading.fact(f"imaging.{kind}.done", False, sentence, 0.85, site=site)
            continue
        following = mentions[place + 1][1] if place + 1 < len(mentions) else len(low)
        if not did_not_take_place(low, start, end, following) and _was_done(sentence, reading, start, end):
            yield from _study(sentence, reading, kind, start, end, site)


def _is_abbreviation(sentence: Sentence, start: int, end: int) -> bool:
    written = sentence.raw[start:end]
    return len(written) > 3 or written.isupper()


def _was_done(sentence: Sentence, reading: Reading, start: int, end: int) -> bool:
    low = sentence.low
    if is_of_another(sentence, start, end):
        return False
    after, before = low[end : end + 140], low[max(0, start - 110) : start]
    stands = standing(sentence, start, end)
    if stands == "denied":
        return bool(_READ_NEG.search(before))
    result = _RESULT.search(after)
    told = (
        result is not None
        and (result.group() != ":" or sentence.section == "results" or _is_dated(after[: result.start()], reading))
        and not _COMING.search(after[: result.start()])
    )
    obtained = _OBTAINED.match(after)
    told = told or (obtained is not None and not _COMING.search(obtained.group())) or bool(_AT_LAST.match(after))
    if stands != "said":
        return told and stands == "planned" and "ordered and" in after
    if told or _HAD.search(before):
        return True
    return sentence.section == "results" and bool(dates(low, date.max - timedelta(days=1)))


def _is_dated(words: str, reading: Reading) -> bool:
    """True for the words between a study and its colon in "X-ray of the knee on 10/05/2026: no fracture"."""
    return bool(dates(words, reading.as_of))


def _study(sentence: Sentence, reading: Reading, kind: str, start: int, end: int, site: str | None) -> Iterator[Fact]:
    low = sentence.low
    day = _day_of(sentence, reading, start)

    def fact(name: str, value: Json, confidence: float) -> Fact:
        return reading.fact(f"imaging.{name}", value, sentence, confidence, site=site, as_of=day)

    yield fact(f"{kind}.done", True, 0.85)
    if day is not None:
        yield fact(f"{kind}.months_ago", months_between(day, reading.as_of), 0.8)
    if site is not None:
        yield fact(f"{kind}.body_site", _words_of_site(sentence, start, end, site), 0.8)
    result = _RESULT.search(low, end)
    if result is not None and not _NOT_OF_STUDY.search(low, end, result.start()):
        first = result.start() if result.group().startswith(("is", "are", "was", "were")) else result.end()
        findings = _ASIDE.split(sentence.raw[first:], maxsplit=1)[0].strip(" ,.:;")[:300]
        if findings:
            yield fact(f"{kind}.findings", findings, 0.75)
    if kind == "pet" and (counted := _COUNT.search(low)) is not None:
        number = {"two": 2, "three": 3, "four": 4}.get(counted["n"]) or int(counted["n"])
        yield fact("pet.count", number, 0.7)


def _day_of(sentence: Sentence, reading: Reading, start: int) -> date | None:
    """The study's day: a date or "two months ago" in the sentence, or today; the day of a review is not it."""
    low = sentence.low
    ago = [span for span in durations(low) if span.kind == "ago"]
    if ago and (day := ago[0].before(reading.as_of)) is not None:
        return day
    spans = [span for span in dates(low, reading.as_of) if low[span.start : span.end] != "today"]
    if spans:
        told = [span for span in spans if _DONE_ON.search(low, 0, span.start)]
        if len(told) == 1:
            return told[0].day
        return min(spans, key=lambda span: abs(span.start - start)).day
    return reading.as_of if _TODAY.search(low) else None


def _words_of_site(sentence: Sentence, start: int, end: int, site: str) -> str:
    window = sentence.raw[max(0, start - 40) : end + 60]
    side = next((word for word in ("bilateral", "right", "left") if word in window.lower()), "")
    return f"{side} {site.replace('-', ' ')}".strip()


RULES: Final = (TextRule(CUES, read_imaging),)
