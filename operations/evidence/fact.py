"""A fact about the patient or the packet, with where it was found and how sure we are (DESIGN section 5).

Planned is not done and unknown is not false: only what happened, or is expressly denied, becomes a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from operations.packet import Entry
from profiles.json import Json


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact stands: resource (fullUrl or versioned reference), element (FHIRPath), and for text the span.

    `start` and `end` are character offsets in the decoded note; `quote` is the text between them.
    """

    reference: str
    expression: str
    quote: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """`name` is a dotted path of the evidence document (docs/evidence.md lists all names); confidence is in (0, 1].

    `as_of` is the day that the value is true at: the day of a study or measurement, else the date of the note. `site` is the
    body region that the fact is about (text/body_site.py) and `topic` what it says within the name (which red flag, which
    side of an examination, which session): facts of one name with different topics do not contradict each other.
    """

    name: str
    value: Json
    source: Source
    method: Literal["coded", "text", "questionnaire", "request"]
    confidence: float
    as_of: date | None = None
    site: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in the packet that was not read, and why (a sentence without PHI). It is no evidence of anything."""

    reference: str
    expression: str
    reason: str


class TextExtractor(Protocol):
    """Finds facts in the text of one note. Implementations may be rules (ours) or an outside service.

    `as_of` is the date of the note: "two months ago" counts back from it. Spans are character offsets in `text`.
    """

    def extract(self, text: str, source: Source, as_of: date) -> Sequence[Fact]: ...


class FactCollector(Protocol):
    """Finds facts in the coded elements of one resource."""

    def __call__(self, entry: Entry, as_of: date) -> Iterable[Fact]: ...
