"""Policy criteria: parsed once into closures, then evaluated against any evidence JSON (DESIGN section 7).

A rule has a `requirement` (operations/policy/requirement.py) or is made of rules: `"any": [rules]` or `"all": [rules]`, so that
"a red flag, or six weeks of care" can be said. `"exclusion": true` turns a rule round: it fails when the evidence shows what it
requires ("not with an active infection"); silence lets it pass, and proves nothing (exclusion.py). docs/policies.md has it all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Final

from operations.policy.condition import Check, compile_condition
from operations.policy.criteria_result import CriteriaResult, RuleResult
from operations.policy.custom_operators import OPERATORS
from operations.policy.exclusion import Logic, combine, excluded
from operations.policy.operators import Operators
from operations.policy.requirement import RuleContext, read_requirement
from profiles.json import Json
from profiles.outcome import FhirError, Issue

_MAX_DEPTH: Final = 6
_RULE_KEYS: Final = ("id", "description", "logic", "requirement", "field", "match", "exclusion", "any", "all")

EvaluateRule = Callable[[Json], RuleResult]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Compiled criteria. `rule_ids` are those of the top level, in the policy's order."""

    rule_ids: tuple[str, ...]
    nested_rule_ids: frozenset[str]
    rules: tuple[EvaluateRule, ...]

    def evaluate(self, evidence: Json) -> CriteriaResult:
        """Judge evidence, nested or flat. Total: any JSON gives a result."""
        return CriteriaResult(tuple(rule(evidence) for rule in self.rules))


def compile_criteria(document: Json, operators: Operators = OPERATORS, expression: str = "criteria") -> Criteria:
    """Compile `{"criteria": [rules]}` or a bare list of rules.

    Raises `FhirError` (422) with one issue for everything that is wrong: criteria-operator for an unknown operator, which it
    names beside the known ones, criteria-invalid for the rest. `expression` says where the rules stand.
    """
    issues: list[Issue] = []
    rules = document.get("criteria") if isinstance(document, dict) else document
    if not isinstance(rules, list) or not rules:
        text = "Criteria are a list of rules with at least one entry, or an object with such a list under 'criteria'."
        raise FhirError([Issue("criteria-invalid", text, expression)], 422)
    seen: list[str] = []
    compiled = [_Reader(operators, issues, seen).rule(rule, f"{expression}[{i}]", None) for i, rule in enumerate(rules)]
    duplicates = sorted({name for name in seen if seen.count(name) > 1})
    issues += [Issue("criteria-invalid", f"Two rules have the id '{name}'.", expression) for name in duplicates]
    if issues:
        raise FhirError(issues, 422)
    top = tuple(rule_id for rule_id, _ in compiled)
    return Criteria(top, frozenset(seen).difference(top), tuple(rule for _, rule in compiled))


@dataclass(slots=True)
class _Reader:
    operators: Operators
    issues: list[Issue]
    seen: list[str]

    def rule(self, rule: Json, at: str, default_id: str | None, depth: int = 1) -> tuple[str, EvaluateRule]:
        if not isinstance(rule, dict):
            return self.refuse("A rule must be an object.", at)
        rule_id = rule.get("id", default_id)
        if not isinstance(rule_id, str) or not rule_id:
            return self.refuse("A rule needs an id that is a text.", f"{at}.id")
        if depth > _MAX_DEPTH:
            return self.refuse(f"Rules are nested more than {_MAX_DEPTH} deep.", at)
        self.seen.append(rule_id)
        self.check_keys(rule, rule_id, at)
        description = rule.get("description", "")
        if not isinstance(description, str):
            return self.refuse(f"The description of rule '{rule_id}' must be a text.", f"{at}.description")
        exclusion = rule.get("exclusion", False)
        if not isinstance(exclusion, bool):
            return self.refuse(f"The exclusion of rule '{rule_id}' must be true or false.", f"{at}.exclusion")
        groups = [key for key in ("any", "all") if key in rule]
        if len(groups) + ("requirement" in rule) != 1:
            return self.refuse(f"Rule '{rule_id}' needs exactly one of requirement, any and all.", at)
        if groups:
            return rule_id, self.group(rule, rule_id, description, exclusion, at, depth)
        return rule_id, self.plain(rule, rule_id, description, exclusion, at)

    def plain(self, rule: dict[str, Json], rule_id: str, description: str, exclusion: bool, at: str) -> EvaluateRule:
        logic, match, field = rule.get("logic", "all"), rule.get("match", "exact"), rule.get("field", rule_id)
        if logic not in ("all", "any"):
            self.issue(f"The logic of rule '{rule_id}' must be all or any.", f"{at}.logic")
        if match not in ("exact", "prefix"):
            self.issue(f"The match of rule '{rule_id}' must be exact or prefix.", f"{at}.match")
        if not isinstance(field, str):
            self.issue(f"The field of rule '{rule_id}' must be a text.", f"{at}.field")
            field = rule_id
        context = RuleContext(rule_id, field, f"{at}.requirement", match == "prefix", self.operators)
        before = len(self.issues)
        conditions = read_requirement(rule["requirement"], context, self.issues)
        if not conditions and len(self.issues) == before:
            self.issue(f"Rule '{rule_id}' requires nothing.", f"{at}.requirement")
        checks = tuple(compile_condition(condition) for condition in conditions)
        kind: Logic = "any" if logic == "any" else "all"
        return partial(_evaluate_plain, rule_id, description, kind, exclusion, checks)

    def group(
        self, rule: dict[str, Json], rule_id: str, description: str, exclusion: bool, at: str, depth: int
    ) -> EvaluateRule:
        logic: Logic = "any" if "any" in rule else "all"
        members = rule[logic]
        if not isinstance(members, list) or not members:
            return self.refuse(f"'{logic}' of rule '{rule_id}' must be a list of rules.", f"{at}.{logic}")[1]
        if rule.get("logic", logic) != logic:
            self.issue(f"Rule '{rule_id}' says {logic} and another logic at once.", f"{at}.logic")
        compiled = tuple(
            self.rule(member, f"{at}.{logic}[{index}]", f"{rule_id}.{index + 1}", depth + 1)[1]
            for index, member in enumerate(members)
        )
        return partial(_evaluate_group, rule_id, description, logic, exclusion, compiled)

    def check_keys(self, rule: dict[str, Json], rule_id: str, at: str) -> None:
        """Other keys are the author's own notes, unless they look like a slip of the pen."""
        for key in rule.keys() - set(_RULE_KEYS):
            if close := get_close_matches(key, _RULE_KEYS, 1, 0.8):
                self.issue(f"Rule '{rule_id}' has the unknown key '{key}'; did you mean '{close[0]}'?", f"{at}.{key}")

    def issue(self, text: str, at: str) -> None:
        self.issues.append(Issue("criteria-invalid", text, at))

    def refuse(self, text: str, at: str) -> tuple[str, EvaluateRule]:
        self.issue(text, at)
        return "", partial(_evaluate_group, "", "", "all", False, ())


def _evaluate_plain(
    rule_id: str, description: str, logic: Logic, exclusion: bool, checks: tuple[Check, ...], evidence: Json
) -> RuleResult:
    results = tuple(check(evidence) for check in checks)
    state = excluded(results, (), logic) if exclusion else combine((result.state for result in results), logic)
    return RuleResult(rule_id, description, logic, state, conditions=results, exclusion=exclusion)


def _evaluate_group(
    rule_id: str, description: str, logic: Logic, exclusion: bool, members: tuple[EvaluateRule, ...], evidence: Json
) -> RuleResult:
    results = tuple(member(evidence) for member in members)
    states = [result.state for result in results]
    state = excluded((), states, logic) if exclusion else combine(states, logic)
    return RuleResult(rule_id, description, logic, state, rules=results, exclusion=exclusion)
