"""Reads one sentence with the built-in rules, and checks the span of every fact on the way."""

from __future__ import annotations

from datetime import date
from typing import Any

from operations.evidence.evidence import Evidence
from operations.evidence.fact import Source
from operations.evidence.note_text import NoteRules

AS_OF = date(2026, 11, 22)


def read(text: str, section: str = "HISTORY OF PRESENT ILLNESS") -> dict[str, Any]:
    """The settled value of every name that the rules find in `text`, standing in a section."""
    note = f"{section}\n\n{text}\n" if section else text
    facts = NoteRules().extract(note, Source("DocumentReference/1", "DocumentReference.content[0].attachment.data"), AS_OF)
    for fact in facts:
        start, end = fact.source.start, fact.source.end
        assert start is not None
        assert note[start:end] == fact.source.quote
        assert 0 < fact.confidence <= 1
    evidence = Evidence(tuple(facts))
    flat: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        else:
            flat[path] = value

    walk(evidence.document(), "")
    return flat
