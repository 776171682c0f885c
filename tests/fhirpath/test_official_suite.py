"""HL7's FHIRPath tests for R4 (run when they lie beside the checkout). docs/fhirpath.md explains each miss."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fhirpath_suite import SUITE, cases, failure, misses

pytestmark = pytest.mark.skipif(not SUITE.is_file(), reason="HL7's FHIRPath tests are not beside this checkout")

DOCS = Path(__file__).parents[2] / "docs" / "fhirpath.md"


def test_the_official_suite_passes(capsys: pytest.CaptureFixture[str]) -> None:
    total, wrong = sum(1 for _ in cases()), misses()
    with capsys.disabled():
        print(f"\nFHIRPath R4 suite: {total - len(wrong)} of {total} pass ({(total - len(wrong)) / total:.1%})")
        for name, what in wrong.items():
            print(f"  {name}: {what}")
    assert len(wrong) <= total // 100


def test_every_miss_is_explained_in_the_docs() -> None:
    explained = set(re.findall(r"^\| `([\w-]+/[\w-]+)`", DOCS.read_text("utf-8"), re.MULTILINE))
    known = {f"{case.group}/{case.name}" for case in cases()}
    missed = set(misses())
    assert missed <= explained
    assert explained & known == missed, "the docs explain what passes"


def test_a_wrong_answer_would_be_noticed() -> None:
    """The comparison itself: of the cases with one output, none passes with another's output."""
    some = [case for case in cases() if len(case.outputs) == 1 and not case.invalid][::40]
    assert some
    for case in some:
        other = case.__class__(
            case.group, case.name, case.expression, case.input, ((None, "@9999"),), None, case.strict, case.predicate
        )
        assert failure(other) is not None
