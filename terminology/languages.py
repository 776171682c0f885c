"""Languages a caller wants displays in: the form of Accept-Language (RFC 9110 12.5.4), tags of BCP 47 matched by RFC 4647.

`displayLanguage` of FHIR R4 is a code; R5 gives it the form of the header, which includes a single tag.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Languages:
    """What is wanted, best first. `others`: whether a display in any other language will do (not after `*;q=0`)."""

    text: str
    ranges: tuple[str, ...]
    others: bool = True

    def rank(self, tag: str | None) -> int | None:
        """The place of a language among those wanted (0 is best); None where it is not wanted by name."""
        if tag is None:
            return None
        low = tag.lower()
        for place, wanted in enumerate(self.ranges):
            if low == wanted or low.startswith(f"{wanted}-"):
                return place
        return None

    @property
    def names(self) -> str:
        """The ranges as a person reads them."""
        return ",".join(self.ranges) or "--"


def parse_languages(header: str | None) -> Languages | None:
    """Reads `de, en;q=0.5, *;q=0`. Empty or unreadable text, and a bare `*`, mean no wish: None."""
    if header is None:
        return None
    wanted: list[tuple[float, int, str]] = []
    others = True
    for place, part in enumerate(header[:500].split(",")):
        tag, _, rest = part.partition(";")
        weight = _weight(rest)
        name = tag.strip().lower()
        if name == "*":
            others = weight > 0
        elif name and weight > 0 and name.replace("-", "").isalnum():
            wanted.append((-weight, place, name))
    if not wanted:
        return None
    return Languages(header, tuple(name for _, _, name in sorted(wanted)), others)


def _weight(text: str) -> float:
    name, _, number = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0
