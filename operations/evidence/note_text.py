"""Our `TextExtractor`: rules that find facts in the text of a note, sentence by sentence.

Each rule is a function in operations/evidence/text/, handed only the sentences that hold one of its cue words, so that a
note of four thousand characters is read in a few milliseconds and time grows with length alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Final

from operations.evidence.body_site import region_in
from operations.evidence.coded.attachments import MAX_TEXT
from operations.evidence.fact import Fact, Source
from operations.evidence.text import (
    complaint,
    conditions,
    drugs,
    examination,
    imaging,
    joint,
    migraine,
    oxygen,
    scores,
    sleep,
    therapy,
)
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import Reading, TextRule
from operations.evidence.text.sentences import Sentence, fold, sentences

_SPINAL: Final = rx(r"\b(?:back pain|low back|lower back|lumbar|spine|spinal|neck pain|cervical|sciatica|radiculopathy)\b")

ALL_RULES: Final[tuple[TextRule, ...]] = (
    *therapy.RULES,
    *drugs.RULES,
    *imaging.RULES,
    *joint.RULES,
    *complaint.RULES,
    *examination.RULES,
    *scores.RULES,
    *oxygen.RULES,
    *migraine.RULES,
    *sleep.RULES,
    *conditions.RULES,
)


class NoteRules:
    """The built-in extractor. Reads at most the first 262,144 characters (collect.py reports that the rest was not read).

    It keeps nothing of what it read: equal notes are read anew, so that no text of a patient stays in the process.
    """

    def __init__(self, rules: tuple[TextRule, ...] = ALL_RULES) -> None:
        self.rules = rules

    def extract(self, text: str, source: Source, as_of: date) -> Sequence[Fact]:
        """Facts stated in `text`, in the order of the sentences; the same fact is given once for a sentence."""
        text = text[:MAX_TEXT]
        low = fold(text)
        found = sentences(text, low)
        spinal, migraine = _SPINAL.search(low) is not None, "migraine" in low
        reading = Reading(found, source, as_of, _complaint_site(found), spinal, migraine)
        facts: dict[tuple[object, ...], Fact] = {}
        for index, rule in sorted(_due(self.rules, found, low)):
            if found[index].asks:
                continue
            for fact in self.rules[rule].read(found[index], reading):
                facts.setdefault((fact.name, repr(fact.value), index, fact.site, fact.topic), fact)
        return tuple(facts.values())


def _due(rules: Sequence[TextRule], found: Sequence[Sentence], low: str) -> set[tuple[int, int]]:
    """(sentence, rule) for every sentence that holds a cue of the rule: one scan of the note for each cue."""
    starts = [sentence.start for sentence in found]
    due: set[tuple[int, int]] = set()
    for number, rule in enumerate(rules):
        if rule.find is not None:
            due.update(
                (bisect_right(starts, place) - 1, number) for place in rule.find(low) if starts and place >= starts[0]
            )
        for cue in [cue for cue in rule.cues if cue in low]:
            place = low.find(cue)
            while place >= 0:
                index = bisect_right(starts, place) - 1
                if index >= 0:
                    due.add((index, number))
                    following = starts[index + 1] if index + 1 < len(starts) else len(low)
                else:
                    following = starts[0] if starts else len(low)
                place = low.find(cue, max(following, place + 1))
    return due


def _complaint_site(found: Sequence[Sentence]) -> str | None:
    for sentence in found[:8]:
        if sentence.section in ("complaint", "history", "none") and (site := region_in(sentence.low)) is not None:
            return site
    return None
