"""Updates and cancellations: which items keep their decision, which are decided again (PAS 2.2.1, 3.4; spec-46, -64 to -72).

An update resends everything. What is flagged as added or changed is decided anew, what is cancelled is answered so, the
rest keeps decision and number. An item that was forgotten keeps its decision too, as an addItem: it was never cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from operations.pas.answers import ItemAnswer, adjudication, pended_reference, review_number
from operations.pas.authorizations import Authorization, current, id_of, read_authorization
from operations.pas.claim_view import RequestedItem, quoted_numbers
from operations.pas.identity import RequestIdentity, number_holder, telling_identifier, trace_key
from operations.payer.determination import BusinessError, DocumentAsk
from operations.ports import Context
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.pas_claim_rules import is_whole_cancel
from profiles.pas_names import (
    AUTHORIZATION_NUMBER,
    AUTHORIZED_DETAIL,
    AUTHORIZED_PROVIDER,
    CANCELLED,
    CERTIFIED,
    CERTIFIED_PARTIAL,
    ITEM_TRACE_NUMBER,
    NOT_CERTIFIED,
    PENDED,
    SERVICE_LINE_NUMBER,
)
from profiles.pas_request import PasRequest
from profiles.reading import Coded, child, extension, extensions, identifier, identifiers, objects, text, whole

CANCELLED_NOTE: Final = "Cancelled at the requestor's wish."
"""Tells a cancelled item, whatever review action is set to say so."""

_CERTIFYING: Final = frozenset({CERTIFIED, CERTIFIED_PARTIAL})


@dataclass(frozen=True, slots=True)
class Plan:
    """`settled` needs no payer; `open` does. `cancelled_action` is set when the whole request is cancelled."""

    open: tuple[RequestedItem, ...]
    settled: tuple[ItemAnswer, ...] = ()
    errors: tuple[BusinessError, ...] = ()
    notes: tuple[str, ...] = ()
    cancelled_action: str | None = None


def is_update(request: PasRequest) -> bool:
    return bool(objects(request.claim.resource.get("related")))


async def find_prior(request: PasRequest, identity: RequestIdentity, context: Context) -> Authorization | None:
    """The authorization in force that the request updates: by the prior Claim's identifier, else by the numbers quoted.

    Raises `FhirError` (409, pas-duplicate-request) where one has the prior's identifier and cannot be read: it is not
    decided anew behind its back.
    """
    for trace in _prior_traces(request):
        holder = await context.records.holder(trace_key(identity, trace))
        if holder is None:
            continue
        found = await read_authorization(context, id_of(holder))
        in_force = await current(context, found) if found is not None else None
        if in_force is None or in_force.superseded_by is not None:
            raise unreadable_holder()
        return in_force
    for number in sorted(quoted_numbers(request.claim.resource)):
        holder = await number_holder(number, identity.insurer, context)
        found = await read_authorization(context, id_of(holder)) if holder is not None else None
        if found is not None and _same_requestor(found, identity):
            return await current(context, found)
    return None


def unreadable_holder() -> FhirError:
    """A trace number that stands for an authorization which was deleted, or which the caller may not see."""
    sentence = (
        "The trace number stands for an authorization that was deleted or is not for this caller to see. "
        "Use a new identifier for a new request."
    )
    return refuse("pas-duplicate-request", sentence, "Bundle.entry[0].resource.identifier")


def is_cancelled(answer: ItemAnswer) -> bool:
    return answer.action == CANCELLED or CANCELLED_NOTE in answer.notes


def is_wholly_cancelled(authorization: Authorization) -> bool:
    answers = authorization.answers()
    return bool(answers) and all(map(is_cancelled, answers))


def _prior_traces(request: PasRequest) -> list[Coded]:
    traces = identifiers(request.prior.resource) if request.prior is not None else []
    for related in objects(request.claim.resource.get("related")):
        named = identifier(child(related, "claim").get("identifier"))
        if named is not None:
            traces.append(named)
    return traces


def _same_requestor(found: Authorization, identity: RequestIdentity) -> bool:
    literal = text(child(found.sent_response, "requestor").get("reference"))
    for entry in objects(found.bundle.get("entry")):
        if entry.get("fullUrl") == literal:
            known = telling_identifier(child(entry, "resource"))
            return known is not None and f"{known.system}|{known.code}" == identity.requestor
    return False


def plan(request: PasRequest, items: tuple[RequestedItem, ...], prior: Authorization | None, cancelled: str) -> Plan:
    """What is to be done about each item. `cancelled` is the review action that says so (X12 306 `C` unless configured)."""
    whole = is_whole_cancel(request.claim.resource)
    if not is_update(request):
        return Plan(items)
    if prior is None or prior.is_error:
        return _without_prior(items, cancelled, whole=whole)
    standing = {each.sequence: each for each in answers_with_asks(prior)}
    refused = _refusal(standing)
    if refused is not None:
        return Plan((), errors=(refused,))
    if whole:
        return _cancel_all(items, standing, cancelled)
    open_items: list[RequestedItem] = []
    settled: list[ItemAnswer] = []
    for item in items:
        kept = standing.get(item.sequence)
        if item.cancelled:
            settled.append(_cancelled(item.sequence, item.element, kept, cancelled))
        elif kept is not None and item.changed is None:
            settled.append(_kept(kept))
        else:
            open_items.append(item)
    forgotten = [each for sequence, each in standing.items() if sequence not in {item.sequence for item in items}]
    settled += [_forgotten(each) for each in forgotten]
    return Plan(tuple(open_items), tuple(settled))


def answers_with_asks(prior: Authorization) -> list[ItemAnswer]:
    """The standing answers; what was asked for and has not come is asked for again."""
    asked: dict[int, list[DocumentAsk]] = {}
    for entry in objects(prior.bundle.get("entry")):
        request = child(entry, "resource")
        line = whole(extension(request, SERVICE_LINE_NUMBER).get("valuePositiveInt"))
        if request.get("resourceType") != "CommunicationRequest" or line is None:
            continue
        code = next((text(each.get("contentString")) for each in objects(request.get("payload"))), None)
        words = next((text(each.get("text")) for each in objects(request.get("note"))), None)
        asked.setdefault(line, []).append(DocumentAsk("other", words or "The document asked for before.", code))
    return [
        replace(each, asks=tuple(asked.get(each.sequence, ()))) if each.action == PENDED else each
        for each in prior.answers()
    ]


def _without_prior(items: tuple[RequestedItem, ...], cancelled: str, *, whole: bool) -> Plan:
    if whole:
        text = "No authorization with the identifier or numbers of the prior Claim is known here, so nothing was cancelled."
        error = BusinessError("AA", "C", "not-found", text, "Bundle.entry[0].resource.related[0].claim")
        return Plan((), errors=(error,))
    note = "The prior Claim is not known here; the update is treated as a new request."
    taken_back = tuple(_cancelled(item.sequence, item.element, None, cancelled) for item in items if item.cancelled)
    return Plan(tuple(item for item in items if not item.cancelled), taken_back, notes=(note,))


def _refusal(standing: dict[int, ItemAnswer]) -> BusinessError | None:
    denied = any(each.action == NOT_CERTIFIED for each in standing.values())
    related = "Bundle.entry[0].resource.related[0].claim"
    if standing and all(each.action == NOT_CERTIFIED or is_cancelled(each) for each in standing.values()):
        if denied:
            text = "The request was denied; a denied request cannot be updated. Send a new request."
        else:
            text = "The authorization was cancelled; a cancelled one cannot be updated. Send a new request."
        return BusinessError("33", "N", "pas-related", text, related)
    return None


def _cancel_all(items: Sequence[RequestedItem], standing: dict[int, ItemAnswer], cancelled: str) -> Plan:
    sent = {item.sequence: item.element for item in items}
    if not sent:
        sent = {sequence: each.element or {} for sequence, each in standing.items()}
    answers = [_cancelled(sequence, element, standing.get(sequence), cancelled) for sequence, element in sent.items()]
    answers += [
        replace(_cancelled(sequence, each.element or {}, each, cancelled), element=None, added=_as_added(each, cancelled))
        for sequence, each in standing.items()
        if sequence not in sent
    ]
    return Plan((), tuple(answers), cancelled_action=cancelled)


def _cancelled(sequence: int, element: Resource, kept: ItemAnswer | None, action: str) -> ItemAnswer:
    carried = [dict(each) for each in extensions(element, ITEM_TRACE_NUMBER)]
    number = _number(kept)
    if number is not None:
        carried.append({"url": AUTHORIZATION_NUMBER, "valueString": number})
    answered: Resource = {"extension": carried} if carried else {}
    answered["itemSequence"] = sequence
    answered["adjudication"] = [adjudication(action)]
    return ItemAnswer(sequence, answered, (CANCELLED_NOTE,))


def _number(kept: ItemAnswer | None) -> str | None:
    return (review_number(kept.added) or review_number(kept.element)) if kept is not None else None


def _kept(answer: ItemAnswer) -> ItemAnswer:
    """An answer carried over. Whom it authorized is said again from the new request, whose addresses may differ."""
    element = answer.element
    if element is None:
        return answer
    carried = [each for each in objects(element.get("extension")) if each.get("url") != AUTHORIZED_PROVIDER]
    rest = {name: value for name, value in element.items() if name != "extension"}
    return replace(answer, element={"extension": carried, **rest} if carried else rest)


def _forgotten(answer: ItemAnswer) -> ItemAnswer:
    """What was cancelled before is over, and needs no word about what stands."""
    added = answer.added or _as_added(answer, answer.action or PENDED)
    if is_cancelled(answer):
        return ItemAnswer(answer.sequence, None, answer.notes, added)
    note = "Not sent again with this update; its decision stands."
    if answer.action != NOT_CERTIFIED:
        note += " Cancel it expressly to end it."
    return ItemAnswer(answer.sequence, None, tuple(dict.fromkeys((*answer.notes, note))), added)


def _as_added(answer: ItemAnswer, action: str) -> Resource:
    """An item that the update does not name, said as an addItem with its old sequence number."""
    element = answer.element or answer.added or {}
    product = _product(answer)
    number = _number(answer)
    reference = pended_reference(element)
    carried = [each for each in objects(element.get("extension")) if each.get("url") == ITEM_TRACE_NUMBER]
    if reference is not None:
        carried += [each for each in objects(element.get("extension")) if each.get("valueString") == reference]
    if number is not None and action not in _CERTIFYING:
        carried.append({"url": AUTHORIZATION_NUMBER, "valueString": number})
    added: Resource = {"extension": carried} if carried else {}
    added["itemSequence"] = [answer.sequence]
    added["productOrService"] = product
    same = action == answer.action
    added["adjudication"] = (
        element.get("adjudication")
        if same and element
        else [adjudication(action, number if action in _CERTIFYING else None)]
    )
    return added


def _product(answer: ItemAnswer) -> Resource:
    """The service as it was authorized, or as it was asked for."""
    detail = extension(extension(answer.element, AUTHORIZED_DETAIL), "productOrServiceCode").get("valueCodeableConcept")
    for found in (child(answer.added, "productOrService"), detail):
        if isinstance(found, dict) and found:
            return found
    return {"text": "as in the earlier request"}
