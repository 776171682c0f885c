"""What would lower the risk, and by how much: every gap is closed in turn and the engine is run again.

A gap is closed by supposing the least facts that would close it (operations/policy/evidence_view.py); the new probability is
what the engine then says, not an estimate. Where no single step reaches the low band, the smallest set that does is sought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from operations.evidence.fact import Fact, Source
from operations.policy.assess import AssessmentInput, assess_input
from operations.policy.assessment import Assessment
from operations.policy.condition import Condition, ConditionResult
from operations.policy.criteria_result import RuleResult
from operations.policy.evidence_view import with_value
from operations.policy.operators import Witness
from operations.risk.denial_risk import Band, Driver, Risk, denial_risk
from profiles.json import Json

_COMBINED_AT_MOST: Final = 8
"""Gaps that are tried in combination, the most effective first."""
_NOT_TO_BE_CHANGED: Final = frozenset({"diagnosis", "age", "sex"})
"""What a request must not be bent to: a remedy never proposes another diagnosis or another patient."""
_SUPPOSITION: Final = Source("urn:assent:supposition", "supposed")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `supply` what is unknown, `change` what the evidence says otherwise today, or `reduce` a quantity."""

    kind: Literal["criterion", "document", "quantity"]
    key: str
    action: Literal["supply", "change", "reduce"]
    text: str
    facts: tuple[Fact, ...] = ()
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """Steps taken together, and what the engine then says.

    `reduction` is from the present probability. Where that is so high that one step does not show in it, it may be 0;
    `log_odds` tells the steps apart all the same.
    """

    steps: tuple[Step, ...]
    probability: float
    band: Band
    reduction: float
    log_odds: float


def remedies(given: AssessmentInput, assessment: Assessment, risk: Risk) -> tuple[Remedy, ...]:
    """Single steps by reduction, largest first; behind them, when none reaches the low band, the smallest set that does.

    When not even all steps together reach it, that set of all is given: the best that can be had.
    """
    steps = tuple(step for driver in risk.drivers for step in _steps(assessment, driver))
    tried = [remedy for step in steps if (remedy := _try(given, risk, (step,))).log_odds < risk.log_odds]
    tried.sort(key=lambda remedy: (remedy.log_odds, remedy.steps[0].kind, remedy.steps[0].key))
    if risk.band == "low" or len(tried) < 2 or any(remedy.band == "low" for remedy in tried):
        return tuple(tried)
    return (*tried, _smallest_set(given, risk, [remedy.steps[0] for remedy in tried]))


def _smallest_set(given: AssessmentInput, risk: Risk, steps: Sequence[Step]) -> Remedy:
    """All sets of two of the most effective steps, then ever longer runs of the most effective."""
    pairs = [_try(given, risk, pair) for pair in combinations(steps[:_COMBINED_AT_MOST], 2)]
    reaching = [remedy for remedy in pairs if remedy.band == "low"]
    if reaching:
        return min(reaching, key=lambda remedy: remedy.log_odds)
    best = pairs[0]
    for count in range(3, len(steps) + 1):
        best = _try(given, risk, tuple(steps[:count]))
        if best.band == "low":
            break
    return best


def _try(given: AssessmentInput, risk: Risk, steps: tuple[Step, ...]) -> Remedy:
    view = given.view.supposing(fact for step in steps for fact in step.facts)
    item = given.item
    for step in steps:
        if step.quantity is not None:
            item = with_value(item, "quantity.value", step.quantity)
    after = denial_risk(assess_input(replace(given, view=view, item=item)))
    reduction = round(risk.probability - after.probability, 4)
    return Remedy(steps, after.probability, after.band, reduction, after.log_odds)


def _steps(assessment: Assessment, driver: Driver) -> Iterator[Step]:
    if driver.kind == "criterion" and driver.state != "met":
        finding = next(finding for finding in assessment.findings if finding.rule_id == driver.key)
        facts = _closing(finding.result, driver.state in ("contested", "low_confidence"))
        if facts:
            changes = finding.result.exclusion or _against_evidence(finding.result.all_conditions(), facts) > 0
            text = finding.result.description or finding.rule_id
            words = f"{'Show that by now' if changes else 'Show'}: {text} ({_wanted(finding.result, facts)})"
            yield Step("criterion", driver.key, "change" if changes else "supply", words, facts)
    elif driver.kind == "document" and driver.document is not None:
        fact = Fact("documents", [driver.document.kind], _SUPPOSITION, "request", 1.0)
        yield Step("document", driver.key, "supply", f"Attach: {driver.document.title}", (fact,))
    elif driver.kind == "quantity" and assessment.quantity.over and assessment.quantity.allowed is not None:
        allowed = assessment.quantity.allowed
        text = f"Ask for at most {allowed} {assessment.quantity.unit}"
        yield Step("quantity", "quantity", "reduce", text, quantity=allowed)


def _wanted(result: RuleResult, facts: tuple[Fact, ...]) -> str:
    """The conditions that the supposed facts would meet, as the policy writes them."""
    names = {fact.name for fact in facts}
    texts = (each.condition.text for each in result.all_conditions() if each.condition.name in names)
    return "; ".join(dict.fromkeys(f"not ({text})" if result.exclusion else text for text in texts))


def _closing(result: RuleResult, restate: bool) -> tuple[Fact, ...]:
    """The least facts that make a rule met, or none where none can be named. `restate` says met conditions once more.

    Of alternatives, the one is taken that goes least against the evidence, then needs least, then is met for the most part.
    """
    if result.exclusion:
        return _denials(result)
    ways: list[tuple[tuple[ConditionResult, ...], tuple[Fact, ...]]] = [
        ((each,), _condition_facts(each, restate)) for each in result.conditions if restate or each.state != "met"
    ]
    nested = [rule for rule in result.rules if restate or rule.state != "met"]
    ways += [(tuple(rule.all_conditions()), _closing(rule, restate)) for rule in nested]
    if result.logic == "any":
        possible = [way for way in ways if way[1]]
        return min(possible, key=_effort)[1] if possible else ()
    return tuple(fact for _, facts in ways for fact in facts) if all(facts for _, facts in ways) else ()


def _effort(way: tuple[tuple[ConditionResult, ...], tuple[Fact, ...]]) -> tuple[int, int, float]:
    conditions, facts = way
    met = sum(condition.state == "met" for condition in conditions)
    return _against_evidence(conditions, facts), len(facts), -met / max(len(conditions), 1)


def _against_evidence(conditions: Iterable[ConditionResult], facts: tuple[Fact, ...]) -> int:
    """How many of the supposed facts go against what the evidence says today."""
    denied = {condition.condition.name for condition in conditions if condition.state == "not_met"}
    return len(denied & {fact.name for fact in facts})


def _denials(result: RuleResult) -> tuple[Fact, ...]:
    """An exclusion is closed by showing that what excludes is not so, where that is a yes or no."""
    facts = tuple(
        Fact(condition.condition.name, False, _SUPPOSITION, "request", 1.0)
        for condition in result.all_conditions()
        if condition.state == "met" and condition.patient_value is True
    )
    return facts if len(facts) == sum(condition.state == "met" for condition in result.all_conditions()) else ()


def _condition_facts(result: ConditionResult, restate: bool) -> tuple[Fact, ...]:
    if result.state == "met" and not restate:
        return ()
    if result.state == "not_met" and result.condition.name in _NOT_TO_BE_CHANGED:
        return ()
    witness = Witness(result.patient_value) if result.state == "met" else _witness(result.condition)
    if witness is None:
        return ()
    return (Fact(result.condition.name, witness.value, _SUPPOSITION, "request", 1.0),)


def _witness(condition: Condition) -> Witness | None:
    """A value that satisfies every test of the condition, if one of the operators names it."""
    for test in condition.tests:
        witness = test.operator.witness(test.expected)
        if witness is not None and _satisfies_all(condition, witness.value):
            return witness
    return None


def _satisfies_all(condition: Condition, value: Json) -> bool:
    return all(test.operator.check(value, test.expected).met for test in condition.tests)
