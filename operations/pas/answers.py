"""An answered item: the `ClaimResponse.item` (and addItem) that says a payer's decision (PAS 2.2.1, profile-claimresponse).

The decision is only in the reviewAction extension of the adjudication; sequence numbers are the request's (spec-34).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from operations.pas.circumstances import NONE_KNOWN, Circumstances
from operations.pas.claim_view import RequestedItem
from operations.payer.determination import DocumentAsk, ItemDecision, Reason
from profiles.json import Resource
from profiles.pas_names import (
    ADJUDICATION,
    ADMINISTRATION_REFERENCE_NUMBER,
    AUTHORIZATION_NUMBER,
    AUTHORIZED_DETAIL,
    AUTHORIZED_PROVIDER,
    CERTIFIED,
    CERTIFIED_PARTIAL,
    COPIED_TO_ADD_ITEM,
    DECISION_REASON_SYSTEM,
    ITEM_TRACE_NUMBER,
    MODIFIED,
    NOT_CERTIFIED,
    PENDED,
    PRE_AUTH_ISSUE_DATE,
    PRE_AUTH_PERIOD,
    REQUESTED_SERVICE_DATE,
    REVIEW_ACTION,
    REVIEW_ACTION_CODE,
    REVIEW_ACTIONS,
    X12_DECISION_REASON,
    X12_REVIEW_ACTION,
)
from profiles.reading import child, codings, extension, extensions, objects, text, whole

_NUMBERED: Final = frozenset({CERTIFIED, CERTIFIED_PARTIAL})
_REASONED: Final = frozenset({NOT_CERTIFIED, CERTIFIED_PARTIAL, MODIFIED})
_COPIED_ELEMENTS: Final = ("modifier", "servicedDate", "servicedPeriod", "locationCodeableConcept", "unitPrice")


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """`element` and `added` carry no noteNumber yet: the notes are numbered when the ClaimResponse is put together."""

    sequence: int
    element: Resource | None
    notes: tuple[str, ...] = ()
    added: Resource | None = None
    asks: tuple[DocumentAsk, ...] = ()

    @property
    def action(self) -> str | None:
        return review_action(self.element or self.added)

    @property
    def numbers(self) -> frozenset[str]:
        """Every number that the answer gives out."""
        return numbers_in(self.element) | numbers_in(self.added)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Where fresh numbers come from, the day of the decision, and the licensed reason codes that an operator may have."""

    authorization: Callable[[], str]
    pended: Callable[[], str]
    today: date
    reason_codes: Mapping[str, str]


def answer(
    decision: ItemDecision,
    item: RequestedItem,
    numbering: Numbering,
    around: Circumstances = NONE_KNOWN,
    pended_reference: str | None = None,
) -> ItemAnswer:
    """The answer to one item. `around` is what an authorization repeats; `pended_reference` one given out before."""
    modified = decision.action == MODIFIED
    carried: list[Resource] = [dict(each) for each in extensions(item.element, ITEM_TRACE_NUMBER)]
    if decision.action in _NUMBERED and not modified:
        carried += _certified(decision, item, numbering, around)
    if decision.action == PENDED:
        pended_reference = pended_reference or numbering.pended()
    if pended_reference is not None:
        carried.append({"url": ADMINISTRATION_REFERENCE_NUMBER, "valueString": pended_reference})
    serviced = _requested_date(item.element)
    if serviced is not None:
        carried.append(serviced)
    number = numbering.authorization() if decision.action in _NUMBERED else None
    element: Resource = {"extension": carried} if carried else {}
    element["itemSequence"] = item.sequence
    element["adjudication"] = [adjudication(decision.action, number, decision.reasons, numbering.reason_codes)]
    notes = (*dict.fromkeys(reason.text for reason in decision.reasons), *decision.notes)
    added = _added(decision, item, numbering, around) if modified else None
    return ItemAnswer(item.sequence, element, notes, added, decision.asks if decision.action == PENDED else ())


def adjudication(
    action: str, number: str | None = None, reasons: tuple[Reason, ...] = (), codes: Mapping[str, str] | None = None
) -> Resource:
    """An adjudication of category `submitted` with the reviewAction."""
    inner: list[Resource] = [{"url": "number", "valueString": number}] if number is not None else []
    if action in _REASONED:
        inner += [{"url": "reasonCode", "valueCodeableConcept": _concept(each, codes or {})} for each in reasons]
    coding = {"system": X12_REVIEW_ACTION, "code": action, "display": REVIEW_ACTIONS.get(action, action)}
    inner.append({"url": REVIEW_ACTION_CODE, "valueCodeableConcept": {"coding": [coding]}})
    return {
        "extension": [{"url": REVIEW_ACTION, "extension": inner}],
        "category": {"coding": [{"system": ADJUDICATION, "code": "submitted"}]},
    }


def _concept(reason: Reason, codes: Mapping[str, str]) -> Resource:
    """The licensed code where the operator has it; always our own code and the words."""
    coding = [{"system": DECISION_REASON_SYSTEM, "code": reason.code}]
    if reason.code in codes:
        coding.insert(0, {"system": X12_DECISION_REASON, "code": codes[reason.code]})
    return {"coding": coding, "text": reason.text}


def _certified(decision: ItemDecision, item: RequestedItem, numbering: Numbering, around: Circumstances) -> list[Resource]:
    carried: list[Resource] = [{"url": PRE_AUTH_ISSUE_DATE, "valueDate": numbering.today.isoformat()}]
    if decision.period is not None:
        carried.append({"url": PRE_AUTH_PERIOD, "valuePeriod": _period(decision.period)})
    detail = _detail(decision, item)
    if detail:
        carried.append({"url": AUTHORIZED_DETAIL, "extension": detail})
    if around.provider is not None:
        carried.append(_provider(around.provider))
    return [*carried, *around.stay, *around.diagnosis]


def _provider(reference: str) -> Resource:
    named = {"url": "provider", "valueReference": {"reference": reference}}
    return {"url": AUTHORIZED_PROVIDER, "extension": [named]}


def with_provider(kept: ItemAnswer, provider: str | None) -> ItemAnswer:
    """A certified item that an update carries over, with who is authorized at the address that the update gives."""
    if kept.element is None or provider is None or kept.action not in _NUMBERED:
        return kept
    carried = [*objects(kept.element.get("extension")), _provider(provider)]
    return replace(kept, element={**kept.element, "extension": carried})


def _detail(decision: ItemDecision, item: RequestedItem) -> list[Resource]:
    """What is certified: the service as asked for, and how much of it."""
    detail: list[Resource] = []
    product = item.element.get("productOrService")
    if isinstance(product, dict):
        detail.append({"url": "productOrServiceCode", "valueCodeableConcept": product})
    detail += [
        {"url": "modifier", "valueCodeableConcept": each} for each in objects(item.element.get("modifier")) if codings(each)
    ]
    quantity = _quantity(item, decision.quantity if decision.quantity is not None else item.quantity)
    if quantity is not None:
        detail.append({"url": "quantity", "valueQuantity": quantity})
    return detail


def _quantity(item: RequestedItem, amount: Decimal | None) -> Resource | None:
    """The quantity in the requested unit. PAS admits X12 codes only (prof-3): another code is left out, its unit stays."""
    if amount is None:
        return None
    asked = child(item.element, "quantity")
    value = asked.get("value") if amount == item.quantity else _plain(amount)
    return {"value": value, "unit": item.unit or "unit"}


def _plain(amount: Decimal) -> int | Decimal:
    return int(amount) if amount == amount.to_integral_value() else amount


def _added(decision: ItemDecision, item: RequestedItem, numbering: Numbering, around: Circumstances) -> Resource:
    """What is authorized in place of what was asked for (A6; PAS spec-36, -37): an addItem with the same sequence."""
    carried = [dict(each) for url in COPIED_TO_ADD_ITEM for each in extensions(item.element, url)]
    carried = [each for each in carried if "valueReference" not in each]
    carried.append({"url": PRE_AUTH_ISSUE_DATE, "valueDate": numbering.today.isoformat()})
    if decision.period is not None:
        carried.append({"url": PRE_AUTH_PERIOD, "valuePeriod": _period(decision.period)})
    carried += around.stay
    added: Resource = {"extension": carried, "itemSequence": [item.sequence]}
    added["productOrService"] = item.element.get("productOrService") or {"text": "as requested"}
    added.update({name: item.element[name] for name in _COPIED_ELEMENTS if name in item.element})
    quantity = _quantity(item, decision.quantity)
    if quantity is not None:
        added["quantity"] = quantity
    added["adjudication"] = [adjudication(CERTIFIED, numbering.authorization())]
    return added


def _period(period: tuple[date, date]) -> Resource:
    return {"start": period[0].isoformat(), "end": period[1].isoformat()}


def _requested_date(element: Resource) -> Resource | None:
    day = text(element.get("servicedDate"))
    if day is not None:
        return {"url": REQUESTED_SERVICE_DATE, "valueDateTime": day}
    period = element.get("servicedPeriod")
    return {"url": REQUESTED_SERVICE_DATE, "valuePeriod": period} if isinstance(period, dict) and period else None


def review_action(element: Resource | None) -> str | None:
    """The review action code of an item, addItem or header adjudication, if it has one."""
    for each in objects((element or {}).get("adjudication")):
        concept = extension(extension(each, REVIEW_ACTION), REVIEW_ACTION_CODE).get("valueCodeableConcept")
        for coding in codings(concept):
            return coding.code
    return None


def review_number(element: Resource | None) -> str | None:
    """The authorization number of an item or addItem, if it was given one."""
    for each in objects((element or {}).get("adjudication")):
        found = text(extension(extension(each, REVIEW_ACTION), "number").get("valueString"))
        if found is not None:
            return found
    return None


def pended_reference(element: Resource | None) -> str | None:
    """The administration reference number of an item, if it was pended."""
    return text(extension(element, ADMINISTRATION_REFERENCE_NUMBER).get("valueString"))


def numbers_in(element: Resource | None) -> frozenset[str]:
    """Every number that an item or addItem gives out."""
    found = (
        review_number(element),
        pended_reference(element),
        text(extension(element, AUTHORIZATION_NUMBER).get("valueString")),
    )
    return frozenset(each for each in found if each is not None)


def sequence_of(element: Resource, *, added: bool = False) -> int | None:
    """`itemSequence` of an item, or the first one of an addItem."""
    held = element.get("itemSequence")
    if added:
        held = held[0] if isinstance(held, list) and held else None
    return whole(held)
