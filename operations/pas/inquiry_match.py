"""Query by example: whether an authorization is like the Claim of an inquiry (PAS 2.2.1 profile-claim-inquiry).

What the inquiry leaves out matters not. An item of the inquiry asks for one item with all that it names; one hit suffices.
"""

from __future__ import annotations

from datetime import date

from operations.packet import Packet
from operations.pas.answers import ItemAnswer
from operations.pas.claim_view import RequestedItem, diagnosis_codings, requested_items
from operations.pas.redeciding import Standing
from profiles.json import Json, Resource
from profiles.pas_names import (
    CERT_EFFECTIVE_DATE,
    CERT_EXPIRATION_DATE,
    CERT_ISSUE_DATE,
    PRE_AUTH_ISSUE_DATE,
    PRE_AUTH_PERIOD,
    PRODUCT_CODE_END,
    REVIEW_ACTION_CODE,
    same_system,
)
from profiles.reading import Coded, child, codings, extension, text

Span = tuple[str, str]
"""Two days as YYYY-MM-DD, both included; an open end is the first or last day there is."""

_EVER = ("0000-01-01", "9999-12-31")


def matches(inquiry: Packet, known: Standing) -> bool:
    asked, had = inquiry.claim.resource, known.packet.claim.resource
    return _dates_match(asked, known) and _diagnoses_match(asked, had) and _items_match(asked, known)


def _dates_match(asked: Resource, known: Standing) -> bool:
    wanted = _span(asked.get("billablePeriod"))
    if wanted is None:
        return True
    spans = _service_spans(known.packet.claim.resource)
    return any(_overlap(wanted, span) for span in spans)


def _service_spans(claim: Resource) -> list[Span]:
    """When the services are; where no date says it, when they were asked for."""
    spans = [span for each in requested_items(claim) if (span := _serviced(each.element)) is not None]
    whole = _span(claim.get("billablePeriod"))
    if whole is not None:
        spans.append(whole)
    created = text(claim.get("created"))
    return spans or ([(created[:10], created[:10])] if created is not None else [])


def _diagnoses_match(asked: Resource, had: Resource) -> bool:
    wanted = {each for _, codes in diagnosis_codings(asked) for each in codes}
    return not wanted or not wanted.isdisjoint({each for _, codes in diagnosis_codings(had) for each in codes})


def _items_match(asked: Resource, known: Standing) -> bool:
    wanted = requested_items(asked)
    answers = {each.sequence: each for each in known.authorization.answers()}
    had = requested_items(known.packet.claim.resource)
    return not wanted or any(_item_matches(each, item, answers.get(item.sequence)) for each in wanted for item in had)


def _item_matches(wanted: RequestedItem, item: RequestedItem, answer: ItemAnswer | None) -> bool:
    if not _product_matches(wanted, item):
        return False
    span = _serviced(wanted.element)
    of_item = _serviced(item.element)
    if span is not None and of_item is not None and not _overlap(span, of_item):
        return False
    return _decision_matches(wanted.element, answer)


def _product_matches(wanted: RequestedItem, item: RequestedItem) -> bool:
    if not wanted.products or wanted.any_service:
        return True
    ends = {
        each.system: each.code for each in codings(extension(wanted.element, PRODUCT_CODE_END).get("valueCodeableConcept"))
    }
    return any(_in_range(first, ends.get(first.system), each) for first in wanted.products for each in item.products)


def _in_range(first: Coded, last: str | None, code: Coded) -> bool:
    if same_system(first.system) != same_system(code.system):
        return False
    if last is None or len(last) != len(first.code) or len(code.code) != len(first.code):
        return first.code == code.code
    return first.code <= code.code <= last


def _decision_matches(wanted: Resource, answer: ItemAnswer | None) -> bool:
    element = answer.element if answer is not None else None
    action = codings(extension(wanted, REVIEW_ACTION_CODE).get("valueCodeableConcept"))
    if action and (answer is None or answer.action not in {each.code for each in action}):
        return False
    issued = text(extension(element, PRE_AUTH_ISSUE_DATE).get("valueDate"))
    period = child(extension(element, PRE_AUTH_PERIOD), "valuePeriod")
    told = (
        (CERT_ISSUE_DATE, issued),
        (CERT_EFFECTIVE_DATE, text(period.get("start"))),
        (CERT_EXPIRATION_DATE, text(period.get("end"))),
    )
    for url, day in told:
        asked = extension(wanted, url)
        span = _date_or_period(asked, "value")
        if span is not None and (day is None or not _overlap(span, (day[:10], day[:10]))):
            return False
    return True


def _serviced(element: Resource) -> Span | None:
    return _date_or_period(element, "serviced")


def _date_or_period(element: Resource, name: str) -> Span | None:
    day = _day(element.get(f"{name}Date"))
    return (day, day) if day is not None else _span(element.get(f"{name}Period"))


def _span(period: Json) -> Span | None:
    if not isinstance(period, dict):
        return None
    start, end = _day(period.get("start")), _day(period.get("end"))
    if start is None and end is None:
        return None
    return start or _EVER[0], end or _EVER[1]


def _day(value: Json) -> str | None:
    """The day of a full date or dateTime."""
    try:
        return date.fromisoformat(value[:10]).isoformat() if isinstance(value, str) and len(value) >= 10 else None
    except ValueError:
        return None


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
