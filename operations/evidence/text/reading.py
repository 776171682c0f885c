"""One note being read: its sentences, and the making of facts with exact spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from operations.evidence.body_site import region_spans
from operations.evidence.fact import Fact, Source
from operations.evidence.text.sentences import Sentence
from profiles.json import Json

MENTIONS: Final = 12
"""Things of one kind that are looked at in one sentence: more are no sentence a person wrote."""

_NEAR_BEFORE: Final = 18
_NEAR_AFTER: Final = 45


@dataclass(frozen=True, slots=True)
class Reading:
    """`as_of` is the date of the note; `complaint_site` the body region of the complaint, when one is named."""

    sentences: list[Sentence]
    source: Source
    as_of: date
    complaint_site: str | None = None
    spinal: bool = False
    migraine: bool = False
    """The note is about the spine, so that bladder signs and radiating pain mean what they mean there."""

    def fact(
        self,
        name: str,
        value: Json,
        sentence: Sentence,
        confidence: float,
        *,
        span: tuple[int, int] | None = None,
        site: str | None = None,
        topic: str | None = None,
        as_of: date | None = None,
    ) -> Fact:
        """A fact whose span is that of the sentence, or of `span` inside it."""
        where = self.where(sentence, span)
        return Fact(name, value, where, "text", confidence, as_of or self.as_of, site, topic)

    def where(self, sentence: Sentence, span: tuple[int, int] | None = None) -> Source:
        first, last = span or (0, len(sentence.raw))
        start = sentence.start + first
        note = self.source
        return Source(note.reference, note.expression, sentence.raw[first:last], start, start + last - first)

    def before(self, sentence: Sentence) -> Sentence | None:
        return self.sentences[sentence.index - 1] if sentence.index else None

    def after(self, sentence: Sentence) -> Sentence | None:
        following = sentence.index + 1
        return self.sentences[following] if following < len(self.sentences) else None


@dataclass(frozen=True, slots=True)
class TextRule:
    """Reads one sentence. Only sentences that hold one of the `cues` (lower case), or a place that `find` gives, are handed
    to it."""

    cues: tuple[str, ...]
    read: Callable[[Sentence, Reading], Iterator[Fact]] = field(repr=False)
    find: Callable[[str], Iterable[int]] | None = field(default=None, repr=False)


def site_near(low: str, start: int, end: int) -> str | None:
    """The body region that something at `start` to `end` is about: beside it, else the only one in the sentence."""
    spans = region_spans(low)
    after = [region for region, first, _ in spans if 0 <= first - end <= _NEAR_AFTER and ";" not in low[end:first]]
    before = [region for region, _, last in spans if 0 <= start - last <= _NEAR_BEFORE]
    if before:
        return before[-1]
    if after:
        return after[0]
    regions = {region for region, _, _ in spans}
    return regions.pop() if len(regions) == 1 else None
