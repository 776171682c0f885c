"""A criterion with the facts that it rests on, what it still lacks, and whether the evidence disagrees about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.evidence.fact import Fact
from operations.policy.assessment import CriterionFinding
from operations.policy.condition import Condition, ConditionResult
from operations.policy.criteria import EvaluateRule
from operations.policy.criteria_result import RuleResult
from operations.policy.evidence_view import EvidenceView, with_value
from operations.policy.policy import Policy
from operations.policy.ways import needed_words, ways_to_meet
from profiles.json import Json


def criterion_finding(policy: Policy, rule: EvaluateRule, result: RuleResult, view: EvidenceView) -> CriterionFinding:
    """What there is to say of one top-level rule, given its result on the view's document."""
    facts: dict[int, Fact] = {}
    confidences: list[float] = []
    for condition, holds in _weighed(result):
        support = _support(condition, holds, view)
        facts.update((id(fact), fact) for fact in support)
        if holds is not None and support:
            confidences.append(max(fact.confidence for fact in support))
    return CriterionFinding(
        result=result,
        facts=tuple(facts.values()),
        ways=ways_to_meet(policy, result),
        needs=needed_words(result),
        contested=_contested(rule, result, view),
        confidence=_confidence(result, confidences) if result.met else None,
    )


def _weighed(result: RuleResult) -> Iterator[tuple[ConditionResult, bool | None]]:
    """The conditions that a rule rests on: those that carry it when it is met, else all that were weighed.

    With each, whether the facts must satisfy it (True), must not (False: it is excluded), or are only shown (None).
    """
    if not result.met:
        yield from ((condition, None) for condition in result.all_conditions())
    elif result.exclusion:
        refuted = (each for each in result.all_conditions() if each.state == "not_met" and not each.reason)
        yield from ((condition, False) for condition in refuted)
    else:
        yield from ((condition, True) for condition in result.conditions if condition.state == "met")
        for rule in result.rules:
            if rule.met:
                yield from _weighed(rule)


def _support(result: ConditionResult, holds: bool | None, view: EvidenceView) -> tuple[Fact, ...]:
    """The facts behind a condition: those that bear it out, or all where it takes several together (a list, a tally)."""
    facts = view.facts_for(result.condition.name) or (view.facts_for(result.path) if result.path else ())
    if holds is None:
        return facts
    bearing_out = tuple(fact for fact in facts if _satisfies(result.condition, fact.value) is holds)
    return bearing_out or facts


def _satisfies(condition: Condition, value: Json) -> bool:
    return value is not None and all(test.operator.check(value, test.expected).met for test in condition.tests)


def _confidence(result: RuleResult, confidences: Sequence[float]) -> float | None:
    """An `any` rests on its best part, an `all` on its weakest."""
    if not confidences:
        return None
    return max(confidences) if result.logic == "any" else min(confidences)


def _contested(rule: EvaluateRule, result: RuleResult, view: EvidenceView) -> bool:
    names = {condition.condition.name for condition in result.all_conditions()}
    for contradiction in view.contradictions:
        if contradiction.name in names:
            values = [fact.value for fact in contradiction.facts]
            states = {rule(with_value(view.document, contradiction.name, value)).state for value in values}
            if len(states) > 1:
                return True
    return False
