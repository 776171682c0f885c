"""A note as sentences with exact character offsets, each in the section of the note that it stands in.

Sections are found by headings on their own line, or labels before a colon. All work is linear in the length of the note;
a sentence is cut at six hundred characters, so that no later pattern can take long on any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Section = Literal[
    "none", "complaint", "history", "past", "family", "social", "medications", "allergies", "review", "exam", "results",
    "assessment", "plan"
]  # fmt: skip

_HEADINGS: Final[dict[Section, str]] = {
    "complaint": "chief complaint|cc|reason for visit|reason for consultation",
    "history": "history of present illness|hpi|history|interval history|subjective|present illness|interim history",
    "past": "past medical history|medical history|pmh|past history|past medical and surgical history|surgical history|"
    "past surgical history|psh|problem list|active problems|diagnoses|diagnosis|obstetric history",
    "family": "family history|fh|family medical history|family hx",
    "social": "social history|sh|social hx",
    "medications": "medications|current medications|medication list|home medications|meds|current outpatient medications",
    "allergies": "allergies|drug allergies|allergies and intolerances",
    "review": "review of systems|ros|review of symptoms",
    "exam": "physical exam|physical examination|exam|examination|objective|pe|vitals|vitals reviewed|vital signs|"
    "musculoskeletal exam|neurologic exam|neurological exam",
    "results": "results|labs|imaging|laboratory data|diagnostic studies|data reviewed|data|findings|imaging studies|"
    "laboratory results|diagnostics|radiology|test results|lab results|tests|impression|conclusion|technique|comparison",
    "assessment": "assessment|assessment and plan|assessment & plan|a/p|a&p|ap|medical reasoning|medical decision making|mdm",
    "plan": "plan|instructions|recommendations|additional testing|medical treatment|specialist referrals|"
    "patient education and counseling|treatment plan|plan of care|orders|follow-up|follow up|disposition|"
    "patient instructions|patient agreements|treatment|procedures ordered|next steps|recommendation",
}
_SECTION: Final[dict[str, Section]] = {name: section for section, names in _HEADINGS.items() for name in names.split("|")}

_LINE: Final = re.compile(r"[^\n]+")
_LABEL: Final = re.compile(r"[ \t•*·–—-]{0,8}([A-Za-z][A-Za-z &/,-]{1,60}?)[ \t]?:")
_BULLET: Final = re.compile(r"[ \t]{0,8}(?:[•*·–—-]|\d{1,2}[.)])[ \t]")
_END: Final = re.compile(r"(?<=\w)\?+(?=\s)|[.!?]+[\"')\]]{0,2}(?=\s+[\"'(\[]{0,2}[A-Z0-9•*-])|;(?=\s)")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:dr|mr|mrs|ms|st|vs|approx|no|pt|wks?|mos?|yrs?|q\.?d|b\.?i\.?d|t\.?i\.?d|e\.g|i\.e|inc|jr|sr|"
    r"dept|fig|[a-z])$"
)
_MAX_SENTENCE: Final = 600
_WRAPPED: Final = 55
"""A line at least this long that does not end a sentence was probably wrapped by the writer's system."""

_FOLD: Final = str.maketrans(
    "\u2018\u2019\u201c\u201d\u2010\u2011\u2012\u2013\u2014\u00a0\t\n\r\u2009\u202f", "''\"\"-----      "
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`raw` is the note from `start` on; `low` the same in lower case, character for character, with plain quotes."""

    raw: str
    low: str
    start: int
    section: Section
    index: int

    @property
    def asks(self) -> bool:
        """A question ("Tried metformin?") states nothing; its answer stands elsewhere and names nothing."""
        return self.raw.endswith("?")


def fold(text: str) -> str:
    """Lower case with plain quotes, hyphens and spaces, keeping every character's place."""
    plain = text.translate(_FOLD)
    low = plain.lower()
    if len(low) == len(plain):
        return low
    return "".join(c if len(lowered := c.lower()) != 1 else lowered for c in plain)


def sentences(text: str, low: str) -> list[Sentence]:
    """All sentences of a note in their order; `low` is the folded text."""
    found: list[Sentence] = []
    for start, end, section in _blocks(text):
        for first, last in _split(text, low, start, end):
            own, skip = _labelled(text[first : first + 90])
            if own is not None and first > start and skip < last - first:
                section, first = own, first + skip
            found.append(Sentence(text[first:last], low[first:last], first, section, len(found)))
    return found


def _blocks(text: str) -> Iterator[tuple[int, int, Section]]:
    """Runs of text that belong together: a line, or wrapped lines joined; headings are left out."""
    section: Section = "none"
    begun: tuple[int, int, Section] | None = None
    previous = ""
    for match in _LINE.finditer(text):
        line = match.group()
        stripped = line.strip()
        if not stripped:
            continue
        gap = text[begun[1] : match.start()].count("\n") if begun else 2
        if begun and gap == 1 and _continues(previous, line):
            begun = (begun[0], match.end(), begun[2])
            previous = stripped
            continue
        if begun:
            yield begun
            begun = None
        previous = stripped
        heading = _heading(stripped)
        if heading is not None:
            section = heading
            continue
        own, skip = _labelled(line)
        if own is not None and skip == len(line.rstrip()):
            section = own
            continue
        if own is not None and not _BULLET.match(line):
            section = own
        begun = (match.start() + skip, match.end(), own or section)
    if begun:
        yield begun


def _continues(previous: str, line: str) -> bool:
    stripped = line.strip()
    if previous[-1:] in ".!?:" or _BULLET.match(line) or _heading(stripped) is not None:
        return False
    if _labelled(line)[0] is not None:
        return False
    return stripped[:1].islower() or len(previous) >= _WRAPPED


def _heading(stripped: str) -> Section | None:
    """The section of a line that is nothing but a heading; an unknown heading in capitals ends the section before it."""
    if len(stripped) > 60:
        return None
    name = stripped.rstrip(":").strip().lower()
    if name in _SECTION:
        return _SECTION[name]
    shouted = stripped.isupper() and len(stripped) > 5 and " " in stripped and not any(c.isdigit() for c in stripped)
    return "none" if shouted and stripped[-1] not in ".," else None


def _labelled(line: str) -> tuple[Section | None, int]:
    """The section that a label at the beginning of a line names, and where the text after it starts."""
    match = _LABEL.match(line)
    if match is None:
        return None, 0
    section = _SECTION.get(match[1].strip().lower())
    return (section, match.end()) if section is not None else (None, 0)


def _split(text: str, low: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    first = start
    for match in _END.finditer(text, start, end):
        if match.group().startswith(".") and _ABBREVIATION.search(low[max(first, match.start() - 8) : match.start()]):
            continue
        yield from _cut(text, first, match.end())
        first = match.end()
    yield from _cut(text, first, end)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > _MAX_SENTENCE:
        place = text.rfind(" ", start + _MAX_SENTENCE // 2, start + _MAX_SENTENCE)
        place = place if place > 0 else start + _MAX_SENTENCE
        yield start, place
        start = place + 1
    if end > start:
        yield start, end
