"""The page on evidence names every fact, with its kind and its merge rule."""

from __future__ import annotations

from pathlib import Path

from operations.evidence.merge import rule_of
from operations.evidence.vocabulary import VOCABULARY


def test_docs_list_every_name_with_its_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    for name, term in VOCABULARY.items():
        row = f"| `{name}` | {term.kind} | {term.unit or ''} | {rule_of(name.replace('<drug>', 'x'))} |"
        assert row in page, name
