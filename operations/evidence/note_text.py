"""Our `TextExtractor`: rules that find facts in the text of a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from operations.evidence.fact import Fact, Source


@dataclass(frozen=True, slots=True)
class NoteRules:
    """Rules that find facts in the text of a note."""

    def extract(self, text: str, source: Source, as_of: date) -> Sequence[Fact]:
        """Facts stated in `text`."""
        return ()
