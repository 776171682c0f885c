"""The result of evaluating criteria, in the shape of DESIGN section 7, with what lies behind it.

Rules combine by three-valued logic: `all` is not met as soon as one part is not met, and missing when nothing is against it
but something is unknown; `any` is met by one part, and missing when no part is met but one is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from operations.policy.condition import ConditionResult, State
from profiles.json import Resource

Logic = Literal["all", "any"]


def combine(states: Iterable[State], logic: Logic) -> State:
    """The state of a rule from those of its parts (at least one)."""
    seen = set(states)
    if logic == "any":
        return "met" if "met" in seen else "missing" if "missing" in seen else "not_met"
    return "not_met" if "not_met" in seen else "missing" if "missing" in seen else "met"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule. `conditions` are its own, `rules` those of the rules nested in it.

    For an exclusion, `state` is met unless the evidence shows what is excluded; the conditions' own states stay as found.
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
        return self.state == "met"

    def all_conditions(self) -> Iterator[ConditionResult]:
        """Own conditions and those of nested rules, in the order of the policy."""
        yield from self.conditions
        for rule in self.rules:
            yield from rule.all_conditions()

    def details(self, turned: bool = False) -> Iterator[Resource]:
        """`condition_details`: for an exclusion each condition reads `not (...)` and is met when it does not hold."""
        turned ^= self.exclusion
        for condition in self.conditions:
            detail = condition.document()
            if turned:
                detail |= {"condition": f"not ({detail['condition']})", "met": condition.state != "met"}
            yield detail
        for rule in self.rules:
            yield from rule.details(turned)

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
