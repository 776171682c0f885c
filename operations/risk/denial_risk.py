"""The denial risk of one assessed item: a logistic model over the policy's own findings (docs/risk.md gives every figure).

log-odds = log-odds(base rate of the policy) + the weights of all drivers. The base rate is the payer's, the weights are
assumptions of ours until outcomes are known; their order is fixed: not met > missing > met with low confidence > met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final, Literal

from operations.evidence.fact import Fact
from operations.policy.assessment import Assessment, CriterionFinding
from operations.policy.policy import DocumentRule

Band = Literal["low", "medium", "high"]
DriverKind = Literal["criterion", "document", "quantity", "code"]
DriverState = Literal["met", "low_confidence", "contested", "missing", "not_met", "over_limit", "not_billable"]

LOW_BELOW: Final = 0.2
HIGH_FROM: Final = 0.5
SURE_FROM: Final = 0.75
"""A criterion met with less confidence than this counts as met with low confidence."""

WEIGHTS: Final[dict[DriverState, float]] = {
    "not_met": 2.4,
    "missing": 1.3,
    "contested": 1.0,
    "low_confidence": 0.3,
    "met": -1.2,
    "over_limit": 0.5,
    "not_billable": 0.6,
}
"""In log-odds. `met` is what all criteria together take away when all are met: each met one has its share, by its weight in
the policy, so that a policy with many easy criteria cannot outweigh a hard one that is open. An exclusion that nothing in the
packet speaks of is no driver: silence earns nothing."""
DOCUMENT_WEIGHTS: Final[dict[str, float]] = {"deny": 1.6, "pend": 0.7}
_FLOOR, _CEILING = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Driver:
    """One reason for the figure. `weight` is in log-odds: above 0 raises the risk. `facts` are what it rests on."""

    kind: DriverKind
    key: str
    state: DriverState
    text: str
    weight: float
    facts: tuple[Fact, ...] = ()
    document: DocumentRule | None = None

    @property
    def direction(self) -> Literal["increases", "decreases"]:
        return "increases" if self.weight > 0 else "decreases"


@dataclass(frozen=True, slots=True)
class Risk:
    """`probability` that the payer denies, 0..1; `log_odds` before its bounds; `drivers` with the heaviest first."""

    probability: float
    log_odds: float
    band: Band
    drivers: tuple[Driver, ...]


def denial_risk(assessment: Assessment) -> Risk:
    """The risk that an item, as assessed, is denied. Deterministic."""
    weighed = [finding for finding in assessment.findings if finding.state != "not_shown" or finding.contested]
    drivers = [_criterion(assessment, finding, weighed) for finding in weighed]
    for document in assessment.documents:
        if document.missing:
            weight, text = DOCUMENT_WEIGHTS[document.rule.when_missing], f"Missing document: {document.rule.title}"
            drivers.append(Driver("document", document.rule.kind, "missing", text, weight, document=document.rule))
    if assessment.quantity.over or not assessment.quantity.comparable:
        text = "More is asked for than one request may get, or in a unit that cannot be compared"
        drivers.append(Driver("quantity", "quantity", "over_limit", text, WEIGHTS["over_limit"]))
    drivers += [
        Driver("code", warning.code, "not_billable", warning.text, WEIGHTS["not_billable"])
        for warning in assessment.warnings
    ]
    drivers.sort(key=lambda driver: (-abs(driver.weight), driver.kind, driver.key))
    base = assessment.policy.risk.base_rate
    log_odds = round(log(base / (1 - base)) + sum(driver.weight for driver in drivers), 6)
    probability = _probability(log_odds)
    return Risk(probability, log_odds, band_of(probability), tuple(drivers))


def band_of(probability: float) -> Band:
    """Below 0.2 low, from 0.5 high, medium between."""
    return "low" if probability < LOW_BELOW else "high" if probability >= HIGH_FROM else "medium"


def _probability(log_odds: float) -> float:
    bounded = max(-30.0, min(30.0, log_odds))
    return round(max(_FLOOR, min(_CEILING, 1 / (1 + exp(-bounded)))), 4)


def _criterion(assessment: Assessment, finding: CriterionFinding, weighed: Sequence[CriterionFinding]) -> Driver:
    state = _state(finding)
    weights = assessment.policy.risk.weights
    scale = weights.get(finding.rule_id, 1.0)
    if state == "met":
        scale /= sum(weights.get(each.rule_id, 1.0) for each in weighed) or 1.0
    words = finding.result.description or finding.rule_id
    text = {
        "met": f"Met: {words}",
        "low_confidence": f"Met, but on uncertain evidence: {words}",
        "contested": f"The evidence contradicts itself: {words}",
        "missing": f"Not shown: {words}",
        "not_met": f"Not met: {words}",
    }[state]
    return Driver("criterion", finding.rule_id, state, text, round(WEIGHTS[state] * scale, 4), finding.facts)


def _state(finding: CriterionFinding) -> DriverState:
    if finding.contested:
        return "contested"
    if finding.state == "not_met" or finding.state == "missing":
        return finding.state
    uncertain = finding.confidence is not None and finding.confidence < SURE_FROM
    return "low_confidence" if uncertain else "met"
