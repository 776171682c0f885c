"""The shared examples, wherever they lie beside the checkout; tests that need them are skipped where they are absent."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from profiles import json

SHARED = Path(os.environ.get("ASSENT_SHARED") or Path(__file__).resolve().parents[3] / "shared")
DATA = SHARED / "data"
CORE_PACKAGE = DATA / "ig" / "hl7.fhir.r4.core-4.0.1.tgz"

needs_examples = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
needs_core = pytest.mark.skipif(not CORE_PACKAGE.is_file(), reason="the R4 core package is not beside this checkout")


def paths(pattern: str, step: int = 1) -> list[Path]:
    return sorted(DATA.glob(pattern))[::step]


def read(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def resources_of(value: Any) -> Iterator[dict[str, Any]]:
    """A resource and, for a Bundle, those in its entries."""
    yield value
    for entry in value.get("entry") or []:
        if isinstance(entry.get("resource"), dict):
            yield from resources_of(entry["resource"])
