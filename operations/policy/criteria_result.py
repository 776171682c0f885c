"""The result of evaluating criteria, in the shape of DESIGN section 7, with what lies behind it.

Rules combine by three-valued logic, in which exclusions have a state of their own (operations/policy/exclusion.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from operations.policy.condition import ConditionResult, State
from operations.policy.exclusion import Logic
from profiles.json import Resource


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule. `conditions` are its own, `rules` those of the rules nested in it.

    For an exclusion, `state` is met when the evidence shows that what is excluded is not so, and not shown when nothing
    speaks of it; the conditions' own states stay as found.
    """

    rule_id: str
    description: str
    logic: Logic
    state: State
    conditions: tuple[ConditionResult, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    exclusion: bool = False

    @property
    def met(self) -> bool:
        """True as well for an exclusion that nothing speaks of: it lets the request pass (`state` tells the two apart)."""
        return self.state in ("met", "not_shown")

    def all_conditions(self) -> Iterator[ConditionResult]:
        """Own conditions and those of nested rules, in the order of the policy."""
        yield from self.conditions
        for rule in self.rules:
            yield from rule.all_conditions()

    def details(self, turned: bool = False, passes: bool = False) -> Iterator[Resource]:
        """`condition_details`: for an exclusion each condition reads `not (...)` and is met when it does not hold.

        A condition of an exclusion that nothing speaks of has no `patient_value` and is met where the rule passes (`passes`
        says that a rule around it does).
        """
        if self.exclusion:
            turned, passes = not turned, self.met
        for condition in self.conditions:
            detail = condition.document()
            if turned:
                silent = condition.state == "missing"
                met = passes if silent else condition.state == "not_met"
                detail |= {"condition": f"not ({detail['condition']})", "met": met}
                if silent:
                    detail.setdefault("reason", "nothing in the evidence speaks of it")
            yield detail
        for rule in self.rules:
            yield from rule.details(turned, passes)

    def document(self) -> Resource:
        """The entry of `results`; a rule made of rules shows them under `rules` as well."""
        entry: Resource = {
            "rule_id": self.rule_id,
            "description": self.description,
            "met": self.met,
            "logic": self.logic,
            "condition_details": list(self.details()),
        }
        if self.rules:
            entry["rules"] = [rule.document() for rule in self.rules]
        return entry


@dataclass(frozen=True, slots=True)
class CriteriaResult:
    """All rules of a policy against one evidence document."""

    results: tuple[RuleResult, ...]

    @property
    def all_met(self) -> bool:
        return all(rule.met for rule in self.results)

    def document(self) -> Resource:
        """The result JSON of DESIGN section 7."""
        met = sum(rule.met for rule in self.results)
        return {
            "results": [rule.document() for rule in self.results],
            "all_criteria_met": self.all_met,
            "total_rules": len(self.results),
            "rules_met": met,
            "rules_failed": len(self.results) - met,
        }
