"""Finds the shared clinical notes, which are not part of this repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def _lines(name: str) -> list[dict[str, Any]]:
    root = Path(__file__).resolve().parents[2]
    shared = Path(os.environ.get("ASSENT_SHARED") or root.parent / "shared")
    file = shared / "data" / "notes" / name
    if not file.is_file():
        pytest.skip("the shared notes are not here (set ASSENT_SHARED)")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


@pytest.fixture(scope="session")
def notes() -> dict[str, str]:
    """The text of every shared note by its id."""
    return {line["id"]: line["note"] for line in _lines("aci-bench.jsonl")}


@pytest.fixture(scope="session")
def gold() -> list[dict[str, Any]]:
    """The annotated notes."""
    return _lines("evidence-gold.jsonl")
