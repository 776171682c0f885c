"""What docs/policies.md prints works as printed."""

from __future__ import annotations

import re
from pathlib import Path

from operations.policy.criteria import compile_criteria
from operations.policy.custom_operators import OPERATORS
from operations.policy.library import bundled_policies
from operations.policy.policy_document import read_policy
from profiles.json import loads

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_printed_documents_are_read() -> None:
    (document,), (criteria,) = blocks("policy"), blocks("criteria")
    assert read_policy(loads(document)).id == "example-lumbar-mri"
    compiled = compile_criteria(loads(criteria))
    result = compiled.evaluate({"age": 40, "red_flags": True, "diagnosis": ["M54.59"]})
    met = [rule.rule_id for rule in result.results if rule.met]
    assert met == ["age", "diagnosis", "necessity", "no_infection"]


def test_every_operator_and_every_shipped_code_is_named() -> None:
    assert [name for name in OPERATORS if not re.search(rf"[`\s]{name}[`\s]", PAGE)] == []
    codes = {
        code.value
        for policy in bundled_policies()
        for code in policy.codes
        if re.fullmatch(r"[A-Z]\d{4}|\d{5}", code.value)
    }
    ranges = {str(code) for low, high in ((64490, 64495), (64633, 64636)) for code in range(low, high + 1)}
    assert sorted(code for code in codes - ranges if code not in PAGE) == []
