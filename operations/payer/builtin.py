"""The payer that lives here: decides by the policies in the store, the same way for the same request (DESIGN section 5).

What a policy recommends becomes an X12 review action: approve A1, modify A6, deny A3, pend A4. Where no policy applies, the
payer's own default holds: no authorization needed (NA), or review (A4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from operations.evidence.collect import collect_evidence, for_item
from operations.evidence.evidence import Evidence
from operations.pas.claim_view import RequestedItem
from operations.payer.determination import SIMULATED_REVIEW, Determination, ItemDecision, Later, Reason
from operations.payer.explanation import asks_of, explained, headline
from operations.payer.payer import Case
from operations.payer.scenarios import by_scenario, unavailable
from operations.payer.validity import answer_by, period
from operations.policy.assess import assess
from operations.policy.assessment import Assessment
from operations.policy.item_policy import policy_for_item
from profiles.pas_names import CERTIFIED, MODIFIED, NO_ACTION, NOT_CERTIFIED, PENDED
from profiles.reading import objects


@dataclass(frozen=True, slots=True)
class BuiltinPayer:
    """Holds no state: everything comes with the case."""

    async def review(self, case: Case) -> Determination:
        if case.scenario == "unavailable":
            raise unavailable()
        if case.scenario == "slow" and case.attempt == 1:
            await case.settings.sleep(case.settings.slow_seconds)
        elif case.scenario is not None and case.scenario != "slow":
            return by_scenario(case, case.scenario)
        evidence = cache(lambda: collect_evidence(case.packet))
        decisions = [await _decision(case, item, evidence) for item in case.items]
        return Determination(tuple(decisions), later=_later(case, decisions))


async def _decision(case: Case, item: RequestedItem, evidence: Callable[[], Evidence]) -> ItemDecision:
    if item.any_service:
        return _without_policy(case, item, "manual-review")
    found = await policy_for_item(case.context, case.packet, case.insurer, item.element)
    policy = found.choice.policy
    if policy is None:
        return _without_policy(case, item, found.without)
    known = for_item(evidence(), case.packet, _place(case, item))
    return _by_policy(case, item, assess(policy, known, case.packet, item.element))


def _place(case: Case, item: RequestedItem) -> int:
    elements = objects(case.packet.claim.resource.get("item"))
    return next((place for place, each in enumerate(elements) if each is item.element), 0)


def _by_policy(case: Case, item: RequestedItem, assessment: Assessment) -> ItemDecision:
    recommendation = assessment.recommendation
    notes = explained(assessment)
    term = period(case, recommendation.days_valid)
    match recommendation.action:
        case "approve":
            reason = Reason("criteria-met", headline(assessment, "All criteria are met"))
            return ItemDecision(item.sequence, CERTIFIED, (reason,), notes, term)
        case "modify":
            reason = Reason("quantity-above-maximum", headline(assessment, "All criteria are met, for fewer units"))
            quantity = Decimal(recommendation.quantity) if recommendation.quantity is not None else None
            return ItemDecision(item.sequence, MODIFIED, (reason,), notes, term, quantity)
        case "deny":
            reason = Reason("criteria-not-met", headline(assessment, "Not every criterion is met"))
            return ItemDecision(item.sequence, NOT_CERTIFIED, (reason,), notes)
        case _:
            return _pended(case, item, assessment, notes)


def _pended(case: Case, item: RequestedItem, assessment: Assessment, notes: tuple[str, ...]) -> ItemDecision:
    for_review = all(reason.state in ("met", "not_shown", "note") for reason in assessment.recommendation.reasons)
    if case.waited and for_review:
        return _reviewed(case, item, notes, assessment.recommendation.days_valid)
    if case.waited:
        reason = Reason("information-not-received", headline(assessment, "What was asked for was not received in time"))
        return ItemDecision(item.sequence, NOT_CERTIFIED, (reason,), notes)
    if for_review:
        reason = Reason("review", headline(assessment, "All criteria are met; a reviewer decides"))
        return ItemDecision(item.sequence, PENDED, (reason,), notes)
    reason = Reason("information-missing", headline(assessment, "More is needed before a decision"))
    return ItemDecision(item.sequence, PENDED, (reason,), notes, asks=asks_of(assessment))


def _without_policy(case: Case, item: RequestedItem, default: str) -> ItemDecision:
    if default == "no-authorization-required":
        text = "This payer requires no authorization for this service."
        return ItemDecision(item.sequence, NO_ACTION, (Reason("no-authorization-required", text),))
    if case.waited:
        return _reviewed(case, item, ())
    text = "No policy of this payer applies to this service; the request goes to review."
    return ItemDecision(item.sequence, PENDED, (Reason("review", text),))


def _reviewed(case: Case, item: RequestedItem, notes: tuple[str, ...], days: int | None = None) -> ItemDecision:
    """What review ends with; a setting, since no person sits behind the built-in payer, and the answer says so."""
    said = (*notes, SIMULATED_REVIEW)
    if case.settings.review_outcome == "approve":
        reason = Reason("certified-after-review", "Certified after review.")
        return ItemDecision(item.sequence, CERTIFIED, (reason,), said, period(case, days))
    reason = Reason("denied-after-review", "Denied after review.")
    return ItemDecision(item.sequence, NOT_CERTIFIED, (reason,), said)


def _later(case: Case, decisions: list[ItemDecision]) -> tuple[Later, ...]:
    """When pended items come back: those under review soon, those that wait for documents when the wait is over."""
    now = case.context.now()
    waiting = tuple(each.sequence for each in decisions if each.action == PENDED and each.asks)
    reviewing = tuple(each.sequence for each in decisions if each.action == PENDED and not each.asks)
    later = []
    if reviewing and case.settings.review_outcome != "person":
        later.append(Later(now + case.settings.review_for, reviewing))
    if waiting:
        later.append(Later(now + case.settings.information_wait, waiting, answer_by(case)))
    return tuple(later)
