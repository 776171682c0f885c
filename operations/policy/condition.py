"""One condition of a rule: a named value, and what it must be (DESIGN section 7).

A condition is met, not met (the evidence says otherwise, or says it in a form that cannot be compared) or missing (the
evidence says nothing). Unknown is not false, so the last two are told apart although both show as `met: false`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from operations.evidence.vocabulary import VOCABULARY
from operations.policy.evidence_names import DIAGNOSIS, Found, canonical_name, find_values
from operations.policy.operators import Operator, same
from profiles.json import Json, Resource, dumps

State = Literal["met", "not_shown", "not_met", "missing"]
"""Of a condition, or of a rule. `not_shown` is for exclusions alone: nothing speaks of what they exclude (exclusion.py)."""


@dataclass(frozen=True, slots=True)
class Test:
    """An operator and what it compares with."""

    operator: Operator
    expected: Json


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is the name that the policy wrote; several tests on one field must all hold (`gte 6 and lt 10`)."""

    field: str
    tests: tuple[Test, ...]

    @property
    def name(self) -> str:
        """The vocabulary's name for the field."""
        return canonical_name(self.field)

    @property
    def text(self) -> str:
        """`symptom_duration_weeks gte 6`."""
        return " and ".join(f"{self.field} {test.operator.name} {_shown(test.expected)}" for test in self.tests)


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How one condition came out. `path` is the name under which the evidence gave `patient_value`."""

    condition: Condition
    state: State
    patient_value: Json = None
    path: str | None = None
    reason: str | None = None

    def document(self) -> Resource:
        """The entry of `condition_details` (DESIGN section 7)."""
        detail: Resource = {
            "condition": self.condition.text,
            "patient_value": self.patient_value,
            "met": self.state == "met",
        }
        if self.reason is not None:
            detail["reason"] = self.reason
        return detail


Check = Callable[[Json], ConditionResult]


def compile_condition(condition: Condition) -> Check:
    """The closure that judges any evidence JSON by this condition; it never raises."""
    open_list = _is_open_list(condition.name)

    def judge(found: Found) -> ConditionResult:
        verdicts = [test.operator.check(found.value, test.expected) for test in condition.tests]
        reason = next((verdict.reason for verdict in verdicts if verdict.reason), None)
        if all(verdict.met for verdict in verdicts):
            return ConditionResult(condition, "met", found.value, found.path)
        if reason is None and (found.value == [] or (open_list and isinstance(found.value, list))):
            return ConditionResult(condition, "missing", found.value, found.path, "the evidence does not list it")
        return ConditionResult(condition, "not_met", found.value, found.path, reason)

    def check(evidence: Json) -> ConditionResult:
        found, blocked = find_values(evidence, condition.field)
        if not found:
            if blocked:
                return ConditionResult(condition, "not_met", None, blocked[0].path, blocked[0].reason)
            return ConditionResult(condition, "missing")
        results = [judge(each) for each in found]
        best = next((result for result in results if result.state == "met"), results[0])
        return _with_disagreement(best, results)

    return check


def _is_open_list(name: str) -> bool:
    """Lists such as comorbidities name what is known and deny nothing; the request's diagnoses are its own, in full."""
    term = VOCABULARY.get(name)
    return term is not None and term.kind == "list" and name != DIAGNOSIS


def _with_disagreement(best: ConditionResult, results: list[ConditionResult]) -> ConditionResult:
    others = [r for r in results if r is not best and (r.state == "met") != (best.state == "met")]
    if not others or all(same(r.patient_value, best.patient_value) for r in others):
        return best
    said = f"the evidence disagrees with itself: {best.path} and {others[0].path} differ"
    return ConditionResult(best.condition, best.state, best.patient_value, best.path, best.reason or said)


def _shown(expected: Json) -> str:
    if isinstance(expected, str):
        return expected
    if isinstance(expected, list):
        return "[" + ", ".join(dumps(entry).decode() for entry in expected) + "]"
    return dumps(expected).decode()
