"""The processNotes of a ClaimResponse: what is said once and numbered, and which items each sentence is about (R4 ClaimResponse).

Where several items are answered, a sentence names those that it is about: readers see the notes in one list.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.json import Resource

_NAMED: Final = re.compile(r"(Items? \d+(, \d+)*|Every item): ")


class Notes:
    """Numbered in the order of their first use; one note serves all items that say the same. `items` are answered."""

    def __init__(self, items: int) -> None:
        self._items = items
        self._about: dict[str, dict[int, None]] = {}
        self._numbers: dict[str, int] = {}

    def number(self, note: str, sequence: int | None = None) -> int:
        """The number of a sentence about an item, or about the whole."""
        about = self._about.setdefault(note, {})
        if sequence is not None:
            about[sequence] = None
        return self._numbers.setdefault(note, len(self._numbers) + 1)

    def written(self) -> list[Resource]:
        return [
            {"number": number, "type": "display", "text": self._naming(tuple(self._about[note])) + note}
            for note, number in self._numbers.items()
        ]

    def _naming(self, about: tuple[int, ...]) -> str:
        if self._items < 2 or not about:
            return ""
        if len(about) == self._items:
            return "Every item: "
        return f"Item{'s' if len(about) > 1 else ''} {', '.join(map(str, about))}: "


def unnamed(note: str, items: int) -> str:
    """A sentence as it was before `Notes` named its items, of so many that were answered."""
    return _NAMED.sub("", note, count=1) if items > 1 and _NAMED.match(note) else note
