"""HL7's validator vectors: the share on which we agree with the reference, and that each miss is explained."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import validator_vectors as vectors

DOCS = Path(__file__).resolve().parents[2] / "docs" / "validation.md"


@pytest.mark.slow
@pytest.mark.skipif(
    not (vectors.FOLDER.is_dir() and vectors.CORE.is_file()),
    reason="the validator vectors and the R4 core package are not beside this checkout",
)
def test_the_reference_is_agreed_with(capsys: pytest.CaptureFixture[str]) -> None:
    asked: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    missed: list[str] = []
    for vector in vectors.vectors():
        if vectors.inapplicable(vector):
            continue
        asked[vector.module] += 1
        if vectors.agrees(vector, vectors.run(vector)):
            agreed[vector.module] += 1
        else:
            missed.append(vector.name)
    share = sum(agreed.values()) / sum(asked.values())
    with capsys.disabled():
        modules = ", ".join(f"{module} {agreed[module]}/{asked[module]}" for module in sorted(asked))
        print(f"\nvalidator vectors: {sum(agreed.values())} of {sum(asked.values())} ({share:.1%}); {modules}")
    explained = DOCS.read_text()
    assert [name for name in missed if f"`{name}`" not in explained] == []
    assert share >= 0.95
