"""A criterion with the facts that it rests on, what it still lacks, and whether the evidence disagrees about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.evidence.fact import Fact
from operations.evidence.vocabulary import VOCABULARY
from operations.policy.assessment import CriterionFinding, MissingFact
from operations.policy.condition import Condition, ConditionResult, State
from operations.policy.criteria import EvaluateRule
from operations.policy.criteria_result import RuleResult
from operations.policy.evidence_view import EvidenceView, with_value
from operations.policy.policy import Policy
from profiles.json import Json, dumps


def criterion_finding(policy: Policy, rule: EvaluateRule, result: RuleResult, view: EvidenceView) -> CriterionFinding:
    """What there is to say of one top-level rule, given its result on the view's document."""
    facts: dict[int, Fact] = {}
    weakest: list[float] = []
    for condition in result.all_conditions():
        if (condition.state == "met") is result.met or not result.met:
            support = _support(condition, view)
            facts.update((id(fact), fact) for fact in support)
            if condition.state == "met" and support:
                weakest.append(max(fact.confidence for fact in support))
    contested = _contested(rule, result, view)
    confidence = _confidence(result, weakest)
    return CriterionFinding(result, tuple(facts.values()), tuple(_gaps(policy, result)), contested, confidence)


def _support(result: ConditionResult, view: EvidenceView) -> tuple[Fact, ...]:
    """The facts behind a condition: those that satisfy it by themselves when it is met, else all that were weighed."""
    facts = view.facts_for(result.condition.name)
    if result.state != "met":
        return facts
    satisfying = tuple(fact for fact in facts if _satisfies(result.condition, fact.value))
    return satisfying or facts


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


def _gaps(policy: Policy, result: RuleResult) -> Iterator[MissingFact]:
    if result.met:
        return
    kinds = tuple(rule.kind for rule in policy.documents if result.rule_id in rule.proves)
    if result.exclusion:
        for condition in result.all_conditions():
            if condition.state == "met":
                yield _gap(condition, f"not ({condition.condition.text})", "not_met", kinds)
        return
    for condition in result.conditions:
        if condition.state != "met":
            yield _gap(condition, condition.condition.text, condition.state, kinds)
    for rule in result.rules:
        nested = tuple(doc.kind for doc in policy.documents if rule.rule_id in doc.proves)
        for gap in _gaps(policy, rule):
            yield MissingFact(gap.name, gap.condition, gap.meaning, gap.state, gap.shown, gap.documents or nested or kinds)


def _gap(result: ConditionResult, text: str, state: State, kinds: tuple[str, ...]) -> MissingFact:
    name = result.condition.name
    shown = None if result.patient_value is None else _short(result.patient_value)
    return MissingFact(name, text, meaning_of(name), state, shown, kinds)


def meaning_of(name: str) -> str:
    """Plain words for a name of the vocabulary, with its unit."""
    term = VOCABULARY.get(name)
    if term is None and name.startswith("drugs."):
        drug, leaf = name.split(".")[1], name.rpartition(".")[2]
        term = VOCABULARY.get(f"drugs.<drug>.{leaf}")
        return f"{drug}: {term.meaning}" if term else name
    if term is None:
        return name
    return term.meaning.partition(": ")[0] if term.kind == "list" else term.meaning


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."
