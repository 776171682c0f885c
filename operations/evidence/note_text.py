"""Our `TextExtractor`: rules that find facts in the text of a note, sentence by sentence.

Each rule is a function in operations/evidence/text/, handed only the sentences that hold one of its cue words, so that a
note of four thousand characters is read in a few milliseconds and time grows with length alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from operations.evidence.body_site import region_in
from operations.evidence.coded.attachments import MAX_TEXT
from operations.evidence.fact import Fact, Source
from operations.evidence.text import complaint, conditions, drugs, examination, imaging, scores, sleep, therapy
from operations.evidence.text.reading import Reading, TextRule
from operations.evidence.text.sentences import Sentence, sentences

ALL_RULES: Final[tuple[TextRule, ...]] = (
    *therapy.RULES,
    *drugs.RULES,
    *imaging.RULES,
    *complaint.RULES,
    *examination.RULES,
    *scores.RULES,
    *sleep.RULES,
    *conditions.RULES,
)


@dataclass(frozen=True, slots=True)
class NoteRules:
    """The built-in extractor. Reads at most the first 262,144 characters (collect.py reports that the rest was not read)."""

    rules: tuple[TextRule, ...] = ALL_RULES

    def extract(self, text: str, source: Source, as_of: date) -> Sequence[Fact]:
        """Facts stated in `text`, in the order of the sentences; the same fact is given once for a sentence."""
        found = sentences(text[:MAX_TEXT])
        reading = Reading(found, source, as_of, _complaint_site(found))
        facts: dict[tuple[object, ...], Fact] = {}
        for sentence in found:
            for rule in self.rules:
                if any(cue in sentence.low for cue in rule.cues):
                    for fact in rule.read(sentence, reading):
                        facts.setdefault((fact.name, repr(fact.value), sentence.index, fact.site, fact.topic), fact)
        return tuple(facts.values())


def _complaint_site(found: Sequence[Sentence]) -> str | None:
    for sentence in found[:8]:
        if sentence.section in ("complaint", "history", "none") and (site := region_in(sentence.low)) is not None:
            return site
    return None
