"""Reading the `requirement` of a rule into conditions: every short form of DESIGN section 7.

{"symptom_duration_weeks": {"min": 6}}              a name and bounds (min, max, or both)
{"symptom_duration_weeks": {"gte": 6}}              a name and operators
{"field": "...", "operator": "...", "value": ...}   spelled out; also a list of these
{"min": 18, "max": 65}                              bounds alone: the field is the rule's `field`, else its id
{"diagnosis_includes": [...]}  {"physical_therapy_weeks": ...}  {"nsaid_trial_required": true}
{"mri_done": true}  {"mri_max_months_ago": 6}       the named short forms
{"conservative_therapy.nsaids.trialed": true}       a dotted path and a plain value (a list: any of it)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from operations.policy.condition import Condition, Test
from operations.policy.operators import Operators, is_scalar
from profiles.json import Json
from profiles.outcome import Issue

_BOUNDS: Final = {"min": "gte", "max": "lte"}


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What the reading of a requirement must know: the rule's id, its default field, where it stands, the operators."""

    rule_id: str
    field: str
    expression: str
    prefix_match: bool
    operators: Operators


def read_requirement(requirement: Json, rule: RuleContext, issues: list[Issue]) -> tuple[Condition, ...]:
    """The conditions of a requirement; what cannot be read becomes an issue."""
    if isinstance(requirement, list):
        return tuple(
            condition
            for index, entry in enumerate(requirement)
            for condition in _read_one(entry, rule, f"{rule.expression}[{index}]", issues)
        )
    return tuple(_read_one(requirement, rule, rule.expression, issues))


def _read_one(requirement: Json, rule: RuleContext, at: str, issues: list[Issue]) -> Iterator[Condition]:
    if not isinstance(requirement, dict) or not requirement:
        issues.append(_invalid(f"The requirement of rule '{rule.rule_id}' must be an object that is not empty.", at))
    elif "field" in requirement or "operator" in requirement:
        yield from _spelled_out(requirement, rule, at, issues)
    elif all(key in _BOUNDS or key in rule.operators for key in requirement):
        yield from _conditions(rule.field, requirement, rule, at, issues)
    else:
        for key, expected in requirement.items():
            yield from _named(key, expected, rule, f"{at}.{key}", issues)


def _spelled_out(entry: dict[str, Json], rule: RuleContext, at: str, issues: list[Issue]) -> Iterator[Condition]:
    field, operator = entry.get("field", rule.field), entry.get("operator")
    if not isinstance(field, str) or not field or not isinstance(operator, str) or "value" not in entry:
        issues.append(_invalid(f"Rule '{rule.rule_id}': a condition needs field, operator and value.", at))
        return
    yield from _conditions(field, {operator: entry["value"]}, rule, at, issues)


def _named(key: str, expected: Json, rule: RuleContext, at: str, issues: list[Issue]) -> Iterator[Condition]:
    if key == "diagnosis_includes":
        yield from _diagnosis(expected, rule, at, issues)
    elif key == "nsaid_trial_required":
        if not isinstance(expected, bool):
            issues.append(_invalid(f"Rule '{rule.rule_id}': nsaid_trial_required is true or false.", at))
        elif expected:
            yield from _conditions("nsaid_trialed", {"eq": True}, rule, at, issues)
    elif key == "mri_max_months_ago":
        yield from _conditions("mri_months_ago", {"lte": expected}, rule, at, issues)
    elif isinstance(expected, dict):
        yield from _conditions(key, expected, rule, at, issues)
    elif isinstance(expected, list):
        yield from _conditions(key, {"in_family" if rule.prefix_match else "any_in": expected}, rule, at, issues)
    elif is_scalar(expected):
        yield from _conditions(key, {"eq": expected}, rule, at, issues)
    else:
        issues.append(_invalid(f"Rule '{rule.rule_id}': a condition cannot require null.", at))


def _diagnosis(expected: Json, rule: RuleContext, at: str, issues: list[Issue]) -> Iterator[Condition]:
    prefix = rule.prefix_match
    if isinstance(expected, dict):
        prefix = expected.get("match") == "prefix"
        expected = expected.get("codes")
    if isinstance(expected, str):
        expected = [expected]
    yield from _conditions("diagnosis", {"in_family" if prefix else "any_in": expected}, rule, at, issues)


def _conditions(
    field: str, wanted: dict[str, Json], rule: RuleContext, at: str, issues: list[Issue]
) -> Iterator[Condition]:
    if wanted.keys() == _BOUNDS.keys():
        wanted = {"between": [wanted["min"], wanted["max"]]}
    tests = []
    for word, expected in wanted.items():
        name = _BOUNDS.get(word, word)
        operator = rule.operators.get(name)
        if operator is None:
            known = ", ".join(sorted(rule.operators))
            text = f"Rule '{rule.rule_id}' uses the unknown operator '{word}'; known operators: {known}."
            issues.append(Issue("criteria-operator", text, at))
        elif fault := operator.fault(expected):
            issues.append(_invalid(f"Rule '{rule.rule_id}', {field} {name}: {fault}.", at))
        else:
            tests.append(Test(operator, expected))
    if not wanted:
        issues.append(_invalid(f"Rule '{rule.rule_id}': {field} has nothing that it must be.", at))
    if tests:
        yield Condition(field, tuple(tests))


def _invalid(text: str, at: str) -> Issue:
    return Issue("criteria-invalid", text, at)
