"""From findings to what the policy says to do: approve, modify, pend or deny, with every reason (DESIGN section 5).

A criterion that the evidence contradicts outright, or a missing document that the policy makes a condition, denies (or pends,
as the policy's review mode says); what is merely unknown, or contested, asks for more. One definite denial outweighs open
questions; asking for more outweighs approving.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.policy.assessment import (
    Action,
    CodeWarning,
    CriterionFinding,
    DocumentFinding,
    QuantityFinding,
    Reason,
    Recommendation,
)
from operations.policy.policy import Policy
from operations.policy.ways import silence

_WEIGHT: Final[dict[Action, int]] = {"approve": 0, "modify": 1, "pend": 2, "deny": 3}


def recommend(
    policy: Policy,
    findings: tuple[CriterionFinding, ...],
    documents: tuple[DocumentFinding, ...],
    quantity: QuantityFinding,
    warnings: tuple[CodeWarning, ...],
) -> Recommendation:
    """The action that weighs most among those that the findings call for, and the reasons of all of them."""
    calls: list[tuple[Action, Reason]] = [
        *(_of_criterion(policy, finding) for finding in findings),
        *_of_documents(documents),
        *_of_quantity(quantity),
    ]
    action: Action = max((call for call, _ in calls), key=_WEIGHT.__getitem__, default="approve")
    reasons = [reason for _, reason in calls]
    reasons += [Reason("code", "note", warning.text) for warning in warnings]
    if action in ("approve", "modify") and policy.review.all_met == "pend":
        action = "pend"
        reasons.append(Reason("review", "note", "All criteria are met; this policy leaves the approval to a reviewer."))
    granted = quantity.allowed if action == "modify" else None
    return Recommendation(action, tuple(reasons), granted, quantity.unit, policy.terms.days_valid)


def _of_criterion(policy: Policy, finding: CriterionFinding) -> tuple[Action, Reason]:
    rule_id, words = finding.rule_id, finding.result.description or finding.rule_id
    if finding.contested and finding.state != "met":
        text = f"The evidence contradicts itself: {words}"
        return "pend", Reason("contradiction", "contested", text, rule_id, facts=finding.facts)
    if finding.state == "not_shown":
        return "approve", Reason("criterion", "not_shown", silence(finding.result), rule_id)
    if finding.state == "met":
        text = f"Met: {words}" + (" (some evidence says otherwise, but is outweighed)" if finding.contested else "")
        return "approve", Reason("criterion", "met", text, rule_id, facts=finding.facts)
    needs = f"; needed: {finding.needs}" if finding.needs else ""
    if finding.state == "not_met":
        text = f"Not met: {words}{needs}"
        return policy.review.not_met, Reason("criterion", "not_met", text, rule_id, facts=finding.facts)
    text = f"Not shown: {words}{needs}"
    return policy.review.missing, Reason("criterion", "missing", text, rule_id, facts=finding.facts)


def _of_documents(documents: tuple[DocumentFinding, ...]) -> Iterator[tuple[Action, Reason]]:
    for finding in documents:
        if finding.missing:
            text = f"Missing document: {finding.rule.title}"
            yield finding.rule.when_missing, Reason("document", "missing", text, document=finding.rule)


def _of_quantity(quantity: QuantityFinding) -> Iterator[tuple[Action, Reason]]:
    if not quantity.comparable:
        text = f"The quantity is not given in {quantity.unit}, in which the policy's limit counts."
        yield "pend", Reason("quantity", "missing", text)
    elif quantity.over:
        text = f"At most {quantity.allowed} {quantity.unit} may be authorized for one request."
        yield "modify", Reason("quantity", "limit", text)
