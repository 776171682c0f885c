"""Drugs in notes: taken, failed, not tolerated, never tried; how long, and what they brought. A prescription is a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from operations.evidence.drug_facts import DrugUse, Outcome, contraindicated, drug_facts, nsaid_facts
from operations.evidence.fact import Fact
from operations.evidence.ingredients import Ingredient, by_word, named_in
from operations.evidence.text.outcome import outcome_in
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import MENTIONS, Reading, TextRule
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, standing
from operations.evidence.text.times import Duration, dates, durations

_CLASS: Final = rx(
    r"\bnsaids?\b|\banti[\s-]?inflammator(?:y|ies)\b(?! (?:diet|response|cream))|"
    r"nonsteroidal anti[\s-]?inflammator(?:y|ies)"
)
_TAKEN: Final = rx(
    r"\b(?:tr(?:ied|ials?)|(?:not|poorly) tolerated|did not tolerate|took|takes|taking|taken|has been on|"
    r"have been on|uses|used|using|utili[sz](?:es|ed|ing)|is on|was on|remains on|still on|on (?=\w{5,20} \d)|"
    r"placed on|started (?:on|taking)|was started|managed with|treated with|treating with|alternating|despite|failed|"
    r"failure of|continu(?:es|ed|ing)|"
    r"maintained on|compliant with|adherent|stopped|discontinued|relief (?:with|from)|controlled (?:on|with)|"
    r"doing well on|stable on|with \w{4,20} (?:\d|without|for)|"
    r"for pain control|has had|had|received|after|completed|increase (?:her|his|the)|refill\w{0,3}|switched from|"
    r"did not help|helpful|provid(?:es|ed|ing)|minimal|without)\b"
)
_CONTINUE: Final = rx(
    r"\bcontinu(?:e|es|ed|ing)\b(?: (?:to|taking|take|takes|using|use|with|on|her|his|the|current|daily|"
    r"over[\s-]the[\s-]counter|otc|home|same|dose|of|utilizing|utilize|and|\w{4,15}|,)){0,5} ?$"
)
_ADJUSTED: Final = rx(
    r"\b(?:increase|decrease|titrate|adjust|refill(?:ed)?|taper|wean)(?: (?:her|his|the|current|dose|dosage|of|off))* ?$"
)
_STARTING: Final = rx(
    r"\b(?:start|starting|initiate|prescrib\w{1,5}|begin|add|switch(?:ing)? to|change to|dispense|rx|new prescription)\b"
)
_CONTRA: Final = rx(
    r"\b(?:allerg(?:y|ic|ies) to|intoleran(?:t|ce) (?:to|of)|unable to take|cannot take|can't take|"
    r"contraindicat\w{2,4}|not able to take|"
    r"could not tolerate|did not tolerate|unable to tolerate|couldn't tolerate|cannot tolerate|not tolerate|"
    r"should avoid|avoid)\b"
)
_CONTRA_AFTER: Final = rx(
    r"^ (?:is|are|was|were) (?:\w{1,12} )?contraindicated\b|^ (?:was |is |were )?(?:not|poorly) tolerated|"
    r"^ (?:allergy|intolerance)\b"
)
_REGIMEN: Final = rx(
    r"^(?: \w{1,12}){0,2}? \d{1,4}(?:\.\d+)? ?(?:mg|mcg|units?|ml|g)\b[^.;]{0,20}\b(?:daily|nightly|bid|tid|qhs|qd|"
    r"weekly|twice|once|every|at bedtime|per day|a day|with meals)\b"
)
_SWITCHED: Final = rx(r"\b(?:from|stopped|discontinued|off of|failed) ?$")
_BREAK: Final = rx(
    r"\bbut\b|\bhowever\b|;|, (?:and|then) (?=(?:he|she|they|has|had|was|failed|tried|could|did)\b)|\bwhile\b|"
    r", which\b|, (?=(?:failed|tried)\b)"
    r"|\band (?=(?:could|did|failed|was|has|had|does|cannot|stopped)\b)"
)
_NEGATION: Final = rx(r"\b(?:den(?:y|ies|ied|ying)|no|not|never|without|\w{2,6}n't)\b")
_WORD: Final = re.compile(r"[a-z]{1,30}")
_OF_TAKING: Final = frozenset(
    re.findall(
        r"\w+",
        "ever any prior previous previously other he she they that has have had been tried trying taken taking take takes used "
        "using use uses on a an the trial trials of or and nor started starting received history nsaid nsaids steroids opioids "
        "yet physical therapy injections injection surgery chiropractic acupuncture imaging medications medication such as dmards biologics oral inflammatory anti",
    )
)
_LISTED: Final = rx(
    r"^(?: \d{1,4}(?:\.\d+)? ?(?:mg|mcg|g|units?))?(?: (?:daily|nightly|bid|tid|qd|weekly|prn|twice daily|once daily|"
    r"sodium))* ?"
    r"(?:,? ?(?:and|or|as well as|then|nor|/|&)|,)? ?$"
)
_TRIED: Final = rx(r"\b(?:tried|failed|trials?|without (?:benefit|relief|improvement))\b")
_FORMER: Final = rx(
    r"\b(?:used to|previously|in the past|no longer|stopped|discontinued|formerly|history of|hospitali[sz]ed)\b"
)
_MIGRAINE: Final = rx(r"\bmigraines?\b|\bheadaches?\b|\bprevent(?:ive|ives|ative|ion)\b|\bprophyla\w{2,6}\b")
_LINK_AFTER: Final = rx(
    r"^[^.;]{0,50}?\b(?:for|x|over)(?: (?:the|past|last|about|approximately|at|least|more|than|over|a|total|of)){0,4} ?$"
)
_LINK_BEFORE: Final = rx(r"^ ?(?:(?:course|trial) )?(?:of|on|with|taking|using) (?:\w{1,14} ){0,2}?$|^ $")
_EACH_BEFORE: Final = rx(r"\b(?:each|all)\b[^.;]{0,25}$")
_EACH_AFTER: Final = rx(r"^ ?(?:each|apiece)\b")
_EACH: Final = rx(r"\beach (?:taken |tried |given )?for\b|(?:weeks?|months?) (?:each|apiece)\b")
_SINCE: Final = rx(r"\bsince (?:early |late )?$")
_FOLLOW_UP: Final = ("this ", "it ", "these ", "they ", "neither ", "none ", "nothing ", "both ", "but ")
_PREVENTIVES: Final = rx(
    r"\b(?P<n>two|three|four|five|\d)(?: (?:different|other|prior|oral|classes of|preventive))* (?:preventive|"
    r"prophylactic)(?: (?:medication|drug|agent))?"
    r"(?: classes| medications| agents| therapies| drugs|s)?"
)
_SIXTY: Final = 60
_COUNTS: Final = {"two": 2, "three": 3, "four": 4, "five": 5}


@dataclass(frozen=True, slots=True)
class _Mention:
    """A drug, or the class of NSAIDs (None), where it stands, and where the others of the sentence stand."""

    drug: Ingredient | None
    start: int
    end: int
    others: tuple[int, ...]

    @property
    def limit(self) -> int | None:
        """Where the next drug is named."""
        return min((other for other in self.others if other > self.start), default=None)


def read_drugs(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Facts of every drug that the sentence names."""
    low = sentence.low
    found: list[tuple[Ingredient | None, int, int]] = list(named_in(low))
    found += [(None, match.start(), match.end()) for match in _CLASS.finditer(low)]
    for drug, start, end in sorted(found, key=lambda mention: mention[1])[:MENTIONS]:
        others = tuple(other for _, other, _ in found[: 2 * MENTIONS] if other != start)
        yield from _mention(sentence, reading, _Mention(drug, start, end, others))


def read_preventives(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`drugs.preventive_classes` where a number of failed or tried preventives is stated, and those of 60 days or more."""
    low = sentence.low
    match = _PREVENTIVES.search(low)
    if match is None or standing(sentence, *match.span()) != "said" or not re.search(r"tried|fail|trial", low):
        return
    number = _COUNTS.get(match["n"]) or int(match["n"])
    yield reading.fact("drugs.preventive_classes", number, sentence, 0.75, span=match.span())
    lengths = [span for span in durations(low) if span.kind == "length" and span.start >= match.end()]
    if any(span.days >= _SIXTY and _of_each(low, match.end(), span) for span in lengths):
        yield reading.fact("drugs.preventive_classes_60_days", number, sentence, 0.75, span=match.span())


def _of_each(low: str, start: int, span: Duration) -> bool:
    return bool(_EACH_BEFORE.search(low[start : span.start]) or _EACH_AFTER.match(low[span.end : span.end + 12]))


def _mention(sentence: Sentence, reading: Reading, mention: _Mention) -> Iterator[Fact]:
    drug, start, end, low = mention.drug, mention.start, mention.end, sentence.low
    if _is_contraindicated(sentence, low, start, end):
        if drug is not None and standing(sentence, start, end) != "other":
            yield from contraindicated(drug, DrugUse(reading.where(sentence), "text", 0.75, reading.as_of))
        if "tolerat" not in low:
            return
    if _never_taken(sentence, start, end):
        use = DrugUse(reading.where(sentence), "text", 0.8, reading.as_of, taken=False)
        yield from drug_facts(drug, use) if drug is not None else nsaid_facts(use)
        return
    clause = _clause(low, mention)
    confidence = _taken(sentence, start, end, low[clause[0] : clause[1]])
    if confidence is None:
        return
    use = DrugUse(
        reading.where(sentence),
        "text",
        confidence,
        reading.as_of,
        weeks=_weeks(sentence, reading, mention),
        outcome=_outcome(sentence, reading, mention, clause),
        for_migraine=_is_preventive(low, reading),
        current=not _FORMER.search(low),
    )
    yield from drug_facts(drug, use) if drug is not None else nsaid_facts(use)


def _outcome(sentence: Sentence, reading: Reading, mention: _Mention, clause: tuple[int, int]) -> Outcome | None:
    """What is said after the drug (or after the list of drugs it stands in), else before it, else in the next sentence."""
    low = sentence.low
    if re.search(r"\bif\b", low):
        return None
    first, last = mention.start, mention.start
    for other in sorted(mention.others, reverse=True):
        if other < first and _LISTED.match(_after_word(low, other, first)):
            first = other
    for other in sorted(mention.others):
        if other > last and _LISTED.match(_after_word(low, last, other)):
            last = other
    following = min((other for other in mention.others if other > last), default=len(low))
    found = outcome_in(low[last : min(following, max(clause[1], last))])
    preceding = max((other for other in mention.others if other < first), default=0)
    if found is None:
        found = outcome_in(low[max(preceding, clause[0]) : first])
    if found is None:
        found = outcome_in(low[max(preceding, clause[0]) : min(following, max(clause[1], last))])
    if found is None and (not mention.others or "neither" in low):
        found = outcome_in(low[mention.start :])
    return found or _later(sentence, reading)


def _after_word(low: str, start: int, end: int) -> str:
    """The text from the end of the word at `start` to `end`."""
    while start < end and (low[start].isalpha() or low[start] == "-"):
        start += 1
    return low[start:end]


def _never_taken(sentence: Sentence, start: int, end: int) -> bool:
    """True when taking the drug is denied, and not something about it (side effects, holding it, a change of dose)."""
    low = sentence.low
    if not is_denied(sentence, start, end) or outcome_in(low) is not None:
        return False
    negations = list(_NEGATION.finditer(low, 0, start))
    if not negations:
        return True
    between = _WORD.findall(low[negations[-1].end() : start])
    return all(word in _OF_TAKING or by_word(word) is not None for word in between)


def _is_contraindicated(sentence: Sentence, low: str, start: int, end: int) -> bool:
    if sentence.section == "allergies":
        return not re.search(r"\bno (?:known|allerg)|nkda|denies", low)
    if _CONTRA_AFTER.match(low[end : end + 40]):
        return True
    before = _CONTRA.search(low, max(0, start - 45), start)
    if before is None or before.group() in ("should avoid", "avoid"):
        return False
    return not re.search(r"\b(?:no|not|denies)\b", low[max(0, before.start() - 12) : before.start()])


def _taken(sentence: Sentence, start: int, end: int, clause: str) -> float | None:
    """How surely the drug was or is being taken, or None."""
    low = sentence.low
    stands = standing(sentence, start, end)
    if stands == "other":
        return None
    before = low[max(0, start - 70) : start]
    if _STARTING.search(before) and not _SWITCHED.search(before):
        return None
    if sentence.section == "medications":
        return 0.75 if stands != "denied" else None
    if _CONTINUE.search(before) or (_ADJUSTED.search(before) and sentence.section in ("plan", "assessment")):
        return None if "discontinue" in before else 0.65
    if stands == "said" and _REGIMEN.match(low[end : end + 60]):
        return 0.75
    if stands == "said" and _EACH.search(low):
        return 0.65
    if stands == "said" and _TAKEN.search(low):
        return 0.85 if _TAKEN.search(clause) else 0.65
    if (
        stands == "denied"
        and outcome_in(clause) in ("no relief", "minimal relief")
        and re.search(r"tried|taking|took|failed|fails?", low)
    ):
        return 0.7
    return None


def _is_preventive(low: str, reading: Reading) -> bool:
    """The drug is spoken of as a migraine preventive: by name, or as tried in a note that is about migraine."""
    return bool(_MIGRAINE.search(low)) or (reading.migraine and bool(_TRIED.search(low)))


def _clause(low: str, mention: _Mention) -> tuple[int, int]:
    """The part of the sentence that speaks of this drug; "and did not help" begins another only if another drug follows."""
    first, last = 0, len(low)
    for match in _BREAK.finditer(low):
        word = match.group()
        if word.startswith((", which", "but")) and match.start() >= mention.end:
            continue
        if word.startswith("and") and not any(other >= match.end() for other in (*mention.others, mention.start)):
            continue
        if match.end() <= mention.start:
            first = match.end()
        elif match.start() >= mention.end:
            last = match.start()
            break
    return first, last


def _weeks(sentence: Sentence, reading: Reading, mention: _Mention) -> int | Decimal | None:
    low, start, end = sentence.low, mention.start, mention.end
    limit = mention.limit or len(low)
    for span in durations(low):
        if span.kind != "length":
            continue
        if span.start >= end and _shares(low, mention, span):
            return span.weeks
        if end <= span.start < limit and _LINK_AFTER.match(low[end : span.start]):
            return span.weeks
        if span.end <= start and start - span.end <= 40 and _LINK_BEFORE.match(low[span.end : start]):
            return span.weeks
    for when in dates(low, reading.as_of):
        if end <= when.start <= limit and _SINCE.search(low[max(0, when.start - 14) : when.start]):
            return max(0, (reading.as_of - when.latest).days // 7)
    return None


def _shares(low: str, mention: _Mention, span: Duration) -> bool:
    """True where each drug of a list was taken for `span`: "A, B and C each for 8 weeks"."""
    if not _of_each(low, mention.end, span):
        return False
    places = [mention.start, *sorted(other for other in mention.others if mention.start < other < span.start)]
    return all(_LISTED.match(_after_word(low, first, second)) for first, second in pairwise(places))


def _later(sentence: Sentence, reading: Reading) -> Outcome | None:
    following = reading.after(sentence)
    if following is None or not following.low.startswith(_FOLLOW_UP) or named_in(following.low):
        return None
    found = outcome_in(following.low)
    return found if found in ("no relief", "minimal relief", "not tolerated") else None


RULES: Final = (
    TextRule(("nsaid", "inflammator"), read_drugs, lambda low: (start for _, start, _ in named_in(low))),
    TextRule(("prevent", "prophyla"), read_preventives),
)
