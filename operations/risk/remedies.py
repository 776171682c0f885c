"""What would lower the risk, and by how much: every gap is closed in turn and the engine is run again.

A gap is closed by supposing the least that would close it and that can truthfully be supplied (closing.py); the new
probability is what the engine then says, not an estimate. Where no single step reaches the low band, the smallest set that
does is sought. Where nothing that can be supplied would help, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from operations.evidence.fact import Fact
from operations.policy.assess import AssessmentInput, assess_input
from operations.policy.assessment import Assessment
from operations.policy.evidence_view import with_value
from operations.risk.closing import closing, instruction, proviso, supposed
from operations.risk.denial_risk import Band, Driver, DriverState, Risk, denial_risk

_COMBINED_AT_MOST: Final = 8
"""Gaps that are tried in combination, the most effective first."""


_PATIENT_STATE: Final = (
    "Nothing that can be supplied lowers this: it turns on the patient's state, which is as it is found."
)
_WHY: Final[dict[DriverState, str]] = {
    "not_met": _PATIENT_STATE,
    "missing": _PATIENT_STATE,
    "low_confidence": "Nothing can be supposed here: what was found can only be documented more clearly.",
    "contested": "Whoever wrote the record must say which is so; neither can be supposed.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `supply` what is unknown, `change` what the evidence says otherwise today, or `reduce` a quantity.

    `provided` says what must turn out to be so for the step to help, where nobody can bring that about.
    """

    kind: Literal["criterion", "document", "quantity"]
    key: str
    action: Literal["supply", "change", "reduce"]
    text: str
    facts: tuple[Fact, ...] = ()
    quantity: int | None = None
    provided: str | None = None


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


def without_remedy(risk: Risk, found: Sequence[Remedy]) -> tuple[str, ...]:
    """A sentence for each open criterion that nothing a practice can supply would help with."""
    helped = {step.key for remedy in found for step in remedy.steps}
    return tuple(
        f"[{driver.key}] {driver.text}. {_WHY[driver.state]}"
        for driver in risk.drivers
        if driver.kind == "criterion" and driver.weight > 0 and driver.key not in helped
    )


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
    if driver.kind == "criterion" and driver.state not in ("met", "contested"):
        finding = next(finding for finding in assessment.findings if finding.rule_id == driver.key)
        if parts := closing(finding.result, restate=driver.state == "low_confidence"):
            action: Literal["supply", "change"] = "change" if any(part.against for part in parts) else "supply"
            facts, text = tuple(part.fact for part in parts), instruction(parts)
            yield Step("criterion", driver.key, action, text, facts, provided=proviso(parts))
    elif driver.kind == "document" and driver.document is not None:
        fact = supposed("documents", [driver.document.kind])
        yield Step("document", driver.key, "supply", f"Attach: {driver.document.title}", (fact,))
    elif driver.kind == "quantity" and assessment.quantity.over and assessment.quantity.allowed is not None:
        allowed = assessment.quantity.allowed
        text = f"Ask for at most {allowed} {assessment.quantity.unit}"
        yield Step("quantity", "quantity", "reduce", text, quantity=allowed)
