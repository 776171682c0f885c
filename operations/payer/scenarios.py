"""Answers that a tester can ask the built-in payer for, whatever the policies say; honoured only where a payer allows it.

Asked for by the header `Assent-Scenario`, or by a tag of our system `payer-scenario` on the Claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from operations.pas.claim_view import RequestedItem
from operations.payer.determination import Determination, DocumentAsk, ItemDecision, Later, Reason
from operations.payer.payer import Case
from operations.payer.validity import answer_by, period
from profiles.json import Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.pas_names import CERTIFIED, CERTIFIED_PARTIAL, MODIFIED, NOT_CERTIFIED, PENDED, SCENARIO_SYSTEM
from profiles.reading import child, objects, text

SCENARIOS: Final = (
    "approve",
    "deny",
    "partial",
    "modify",
    "pend-approve",
    "more-information",
    "slow",
    "unavailable",
)
HEADER: Final = "assent-scenario"


def asked_scenario(headers: Mapping[str, str], claim: Resource) -> str | None:
    """The scenario asked for. Raises `FhirError` (400) for one that does not exist; a header precedes a tag."""
    asked = text(headers.get(HEADER))
    at = None
    if asked is None:
        for place, tag in enumerate(objects(child(claim, "meta").get("tag"))):
            if tag.get("system") == SCENARIO_SYSTEM:
                asked = text(tag.get("code")) or ""
                at = f"Bundle.entry[0].resource.meta.tag[{place}].code"
                break
    if asked is not None and asked not in SCENARIOS:
        raise refuse("pas-unknown-scenario", "Known scenarios are: " + ", ".join(SCENARIOS) + ".", at)
    return asked


def unavailable() -> FhirError:
    """The payer is out of service, and nothing was taken in: send the same request again later."""
    issue = Issue("pas-payer-unavailable", "The payer is out of service. Send the same request again later.")
    return FhirError([issue], 503, {"Retry-After": "30"})


def by_scenario(case: Case, scenario: str) -> Determination:
    """The decision for every item of the case. `slow` and `unavailable` are no decisions and are not asked for here."""
    return _DECIDED_BY[scenario](case)


def _approve(case: Case) -> Determination:
    return Determination(tuple(_certified(case, item) for item in case.items))


def _deny(case: Case) -> Determination:
    return Determination(tuple(_denied(item) for item in case.items))


def _certify_in_part(case: Case) -> Determination:
    return Determination(tuple(_partial(case, item, place) for place, item in enumerate(case.items)))


def _modify(case: Case) -> Determination:
    return Determination(tuple(_modified(case, item) for item in case.items))


def _pend_then_approve(case: Case) -> Determination:
    if case.waited:
        return _approve(case)
    due = case.context.now() + case.settings.pend_for
    return Determination(tuple(_pended(item) for item in case.items), later=(Later(due, sequences(case)),))


def _ask_for_more(case: Case) -> Determination:
    if not case.waited:
        return _asking(case)
    reason = Reason("information-not-received", "Denied: the documents asked for were not received in time.")
    return Determination(tuple(ItemDecision(item.sequence, NOT_CERTIFIED, (reason,)) for item in case.items))


def sequences(case: Case) -> tuple[int, ...]:
    return tuple(item.sequence for item in case.items)


def _reason(text: str) -> tuple[Reason, ...]:
    return (Reason("decided-by-scenario", text),)


def _certified(case: Case, item: RequestedItem) -> ItemDecision:
    reasons = _reason("Certified, as the scenario asked for.")
    return ItemDecision(item.sequence, CERTIFIED, reasons, period=period(case))


def _denied(item: RequestedItem) -> ItemDecision:
    return ItemDecision(item.sequence, NOT_CERTIFIED, _reason("Denied, as the scenario asked for."))


def _pended(item: RequestedItem) -> ItemDecision:
    return ItemDecision(item.sequence, PENDED, _reason("Pended, as the scenario asked for; it will be decided shortly."))


def _partial(case: Case, item: RequestedItem, place: int) -> ItemDecision:
    """Of several items every second one; of one item half of its units."""
    if item.quantity is not None and item.quantity > 1:
        return _less(case, item, CERTIFIED_PARTIAL, "Certified in part: fewer units, as the scenario asked for.")
    if place % 2:
        return _denied(item)
    if len(case.items) > 1:
        return _certified(case, item)
    reasons = _reason("Certified in part: for a shorter time, as the scenario asked for.")
    return ItemDecision(item.sequence, CERTIFIED_PARTIAL, reasons, period=period(case, case.settings.valid_days // 3))


def _modified(case: Case, item: RequestedItem) -> ItemDecision:
    return _less(case, item, MODIFIED, "Modified, as the scenario asked for: what is authorized is in addItem.")


def _less(case: Case, item: RequestedItem, action: str, text: str) -> ItemDecision:
    asked = item.quantity if item.quantity is not None and item.quantity > 0 else Decimal(1)
    half = max(Decimal(1), asked // 2)
    quantity = min(half, asked)
    short = period(case, max(1, case.settings.valid_days // 3))
    return ItemDecision(item.sequence, action, _reason(text), period=short, quantity=quantity)


def _asking(case: Case) -> Determination:
    ask = DocumentAsk("visit-note", "The visit note that led to the order.", "34117-2")
    text = "Pended for information, as the scenario asked for: the visit note is missing."
    decisions = tuple(ItemDecision(item.sequence, PENDED, _reason(text), asks=(ask,)) for item in case.items)
    due = case.context.now() + case.settings.information_wait
    return Determination(decisions, later=(Later(due, sequences(case), answer_by(case)),))


_DECIDED_BY: Final[Mapping[str, Callable[[Case], Determination]]] = {
    "approve": _approve,
    "deny": _deny,
    "partial": _certify_in_part,
    "modify": _modify,
    "pend-approve": _pend_then_approve,
    "more-information": _ask_for_more,
}
