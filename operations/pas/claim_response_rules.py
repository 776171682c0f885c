"""Rules of the ClaimResponse in a PAS response (PAS 2.2.1 profile-claimresponse, profile-claiminquiryresponse; 4.2 to 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from operations.pas.answers import pended_reference, review_action, review_number
from operations.pas.response_fault import Fault
from profiles.json import Json, Resource
from profiles.pas_names import (
    ADJUDICATION,
    AUTHORIZED_DETAIL,
    CERTIFIED,
    CERTIFIED_PARTIAL,
    DATA_ABSENT_REASON,
    MODIFIED,
    NOT_CERTIFIED,
    PENDED,
    PRE_AUTH_ISSUE_DATE,
    PRE_AUTH_PERIOD,
    REVIEW_ACTION,
    REVIEW_ACTIONS,
    REVIEWER,
    X12_QUANTITY_UNIT,
    X12_REJECT_REASON,
)
from profiles.reading import child, codings, extension, extensions, has_code, identifiers, numbered, objects, text, whole

_OUTCOMES: Final = {
    "2.2.1": frozenset({"complete", "error", "partial"}),
    "2.0.1": frozenset({"complete", "error", "partial", "queued"}),
}


def claim_response_faults(
    response: Resource,
    at: str,
    version: Literal["2.2.1", "2.0.1"],
    kind: Literal["submit", "inquire"],
    sequences: Sequence[int] | None,
) -> Iterator[Fault]:
    yield from _header_faults(response, at, version, kind)
    yield from _note_faults(response, at)
    items = list(numbered(response.get("item")))
    added = list(numbered(response.get("addItem")))
    added_sequences = [_only(each.get("itemSequence")) for _, each in added]
    for place, item in items:
        yield from _item_faults(item, f"{at}.item[{place}]", added_sequences)
    for place, each in added:
        yield from _added_faults(each, f"{at}.addItem[{place}]")
    yield from _sequence_faults(response, at, sequences)
    denied = any(review_action(item) == NOT_CERTIFIED for _, item in items)
    flag = extension(extension(response, REVIEWER), "wasHumanReviewedFlag").get("valueBoolean")
    if denied and not isinstance(flag, bool) and kind == "submit":
        yield Fault("a denial says whether a person reviewed it", f"{at}.extension")


def _header_faults(response: Resource, at: str, version: str, kind: str) -> Iterator[Fault]:
    fixed = (("status", "active"), ("use", "preauthorization"))
    for name, value in fixed:
        if response.get(name) != value:
            yield Fault(f"{name} is {value}", f"{at}.{name}")
    for name in ("type", "created"):
        if not response.get(name):
            yield Fault(f"{name} is there", f"{at}.{name}")
    for name in ("patient", "insurer", "requestor"):
        if text(child(response, name).get("reference")) is None:
            yield Fault(f"{name} is referred to", f"{at}.{name}")
    request = child(response, "request")
    if not (request.get("reference") or request.get("identifier") or extension(request, DATA_ABSENT_REASON)):
        yield Fault("request names the Claim, or says why it does not", f"{at}.request")
    if not identifiers(response) or not all(system for system, _ in identifiers(response)):
        yield Fault("identifiers have system and value", f"{at}.identifier")
    if response.get("outcome") not in _OUTCOMES[version]:
        yield Fault("outcome says how far the processing is", f"{at}.outcome")
    yield from _error_faults(response, at)
    if kind == "inquire" and "communicationRequest" in response:
        yield Fault("an inquiry response has no communicationRequest", f"{at}.communicationRequest")


def _error_faults(response: Resource, at: str) -> Iterator[Fault]:
    errors = objects(response.get("error"))
    if bool(errors) != (response.get("outcome") == "error"):
        yield Fault("outcome is error exactly when there are errors", f"{at}.outcome")
    for place, error in enumerate(errors):
        if not any(each.system == X12_REJECT_REASON for each in codings(error.get("code"))):
            yield Fault("an error has an X12 reject reason", f"{at}.error[{place}].code")


def _note_faults(response: Resource, at: str) -> Iterator[Fault]:
    known: set[int] = set()
    for place, note in numbered(response.get("processNote")):
        number = whole(note.get("number"))
        if number is None or number in known or text(note.get("text")) is None:
            yield Fault("a process note has a number of its own and a text", f"{at}.processNote[{place}]")
        else:
            known.add(number)
    for name in ("item", "addItem"):
        for place, each in numbered(response.get(name)):
            numbers = each.get("noteNumber", [])
            if not isinstance(numbers, list) or not all(number in known for number in numbers if whole(number)):
                yield Fault("a note number leads to a process note", f"{at}.{name}[{place}].noteNumber")


def _item_faults(item: Resource, at: str, added_sequences: Sequence[int | None]) -> Iterator[Fault]:
    sequence, action = whole(item.get("itemSequence")), review_action(item)
    yield from _adjudication_faults(item, at)
    if action not in REVIEW_ACTIONS:
        yield Fault("the decision of an item is a known review action", f"{at}.adjudication")
    number = review_number(item)
    if action in (CERTIFIED, CERTIFIED_PARTIAL) and number is None:
        yield Fault("what is certified has an authorization number", f"{at}.adjudication")
    if action in (NOT_CERTIFIED, PENDED) and number is not None:
        yield Fault("what is not certified has no authorization number", f"{at}.adjudication")
    if action == NOT_CERTIFIED:
        reasons = [
            reason
            for each in objects(item.get("adjudication"))
            for reason in extensions(extension(each, REVIEW_ACTION), "reasonCode")
        ]
        if not reasons or not item.get("noteNumber"):
            yield Fault("a denial has a reason code and a note", f"{at}.adjudication")
        if extension(item, PRE_AUTH_PERIOD):
            yield Fault("a denial has no authorization period", f"{at}.extension")
    if action == PENDED and pended_reference(item) is None:
        yield Fault("what is pended has a reference number", f"{at}.extension")
    if action == MODIFIED and sequence not in added_sequences:
        yield Fault("a modified item has an addItem with its sequence (spec-36)", at)
    issued = extension(item, PRE_AUTH_ISSUE_DATE).get("valueDate")
    if issued is not None and (not isinstance(issued, str) or len(issued) != 10):
        yield Fault("the issue date is a full date", f"{at}.extension")
    for detail in extensions(item, AUTHORIZED_DETAIL):
        yield from _quantity_faults(extension(detail, "quantity").get("valueQuantity"), f"{at}.extension.quantity")


def _added_faults(added: Resource, at: str) -> Iterator[Fault]:
    if _only(added.get("itemSequence")) is None:
        yield Fault("an addItem has exactly one itemSequence", f"{at}.itemSequence")
    if not isinstance(added.get("productOrService"), dict):
        yield Fault("an addItem names the service", f"{at}.productOrService")
    if extension(added, AUTHORIZED_DETAIL):
        yield Fault("an addItem carries no authorized detail", f"{at}.extension")
    yield from _adjudication_faults(added, at)
    yield from _quantity_faults(added.get("quantity"), f"{at}.quantity")


def _adjudication_faults(element: Resource, at: str) -> Iterator[Fault]:
    adjudications = objects(element.get("adjudication"))
    if not adjudications or not all(has_code(each.get("category"), "submitted", ADJUDICATION) for each in adjudications):
        yield Fault("an answer has adjudications of category submitted", f"{at}.adjudication")
    if sum(len(extensions(each, REVIEW_ACTION)) for each in adjudications) != 1:
        yield Fault("an answer has one review action", f"{at}.adjudication")


def _quantity_faults(quantity: Json, at: str) -> Iterator[Fault]:
    if quantity is None:
        return
    if not isinstance(quantity, dict) or "value" not in quantity or not (quantity.get("unit") or quantity.get("code")):
        yield Fault("a quantity has a value, and a unit or code (prof-2)", at)
    elif "code" in quantity and quantity.get("system") != X12_QUANTITY_UNIT:
        yield Fault("a quantity's code is of X12 (prof-3)", at)


def _sequence_faults(response: Resource, at: str, sequences: Sequence[int] | None) -> Iterator[Fault]:
    answered = [whole(each.get("itemSequence")) for each in objects(response.get("item"))]
    if None in answered or len(set(answered)) != len(answered):
        yield Fault("every item has an itemSequence of its own", f"{at}.item")
    if sequences is not None and response.get("outcome") != "error":
        if not set(sequences) <= set(answered):
            yield Fault("every submitted item is answered (spec-46)", f"{at}.item")
        if sequences and not set(answered) <= set(sequences):
            yield Fault("only submitted items are answered as items (spec-34)", f"{at}.item")


def _only(value: Json) -> int | None:
    return whole(value[0]) if isinstance(value, list) and len(value) == 1 else None
