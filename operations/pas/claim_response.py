"""The ClaimResponse that goes out: parties, outcome, one answer per item, notes, errors (PAS 2.2.1 profile-claimresponse)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from operations.packet import Packet
from operations.pas.answers import ItemAnswer, adjudication, review_action, review_number
from operations.pas.notes import Notes
from operations.payer.determination import SIMULATED_REVIEW, BusinessError
from profiles.json import Resource
from profiles.outcome import ERROR_CODE_SYSTEM
from profiles.pas_names import (
    AUTHORIZATION_ID_SYSTEM,
    CERTIFIED,
    CERTIFIED_PARTIAL,
    CLAIM_RESPONSE,
    ERROR_ELEMENT,
    ERROR_FOLLOWUP,
    ERROR_PATH,
    NOT_CERTIFIED,
    PENDED,
    PRE_AUTH_PERIOD,
    REVIEWER,
    TRANSMISSION_IDENTIFIERS,
    X12_FOLLOWUP,
    X12_REJECT_REASON,
)
from profiles.reading import child, extension, objects, text

Version = Literal["2.2.1", "2.0.1"]
_CERTIFYING = frozenset({CERTIFIED, CERTIFIED_PARTIAL})
_SWAPPED = {
    "applicationSenderCode": "applicationReceiverCode",
    "applicationReceiverCode": "applicationSenderCode",
    "interchangeSenderID": "interchangeReceiverID",
    "interchangeReceiverID": "interchangeSenderID",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays the same over all versions of one answer. `base_url` is where the ClaimResponse has its fullUrl."""

    packet: Packet
    base_url: str
    version: Version
    response_id: str
    bundle_id: str

    @property
    def response_url(self) -> str:
        return f"{self.base_url}/ClaimResponse/{self.response_id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ClaimResponse is to say: answers or errors, sentences about the whole, a header review action."""

    answers: Sequence[ItemAnswer] = ()
    errors: Sequence[BusinessError] = ()
    notes: Sequence[str] = ()
    header_action: str | None = None
    human_reviewed: bool = False
    extra: Resource = field(default_factory=dict)
    """Elements that a remote payer gave for the whole (`preAuthPeriod`, `preAuthRef`, `disposition`)."""


def claim_response(frame: Frame, verdict: Verdict, now: datetime, communication_urls: Sequence[str] = ()) -> Resource:
    """The ClaimResponse with references by the request's fullUrls."""
    claim = frame.packet.claim.resource
    notes = Notes(len({each.sequence for each in verdict.answers}))
    items = [_numbered(each.element, each, notes) for each in verdict.answers if each.element is not None]
    added = [
        _numbered(each.added, each if each.element is None else None, notes)
        for each in verdict.answers
        if each.added is not None
    ]
    error = [_error(each, notes) for each in verdict.errors]
    for note in verdict.notes:
        notes.number(note)
    response: Resource = {
        "resourceType": "ClaimResponse",
        "id": frame.response_id,
        "meta": {"profile": [CLAIM_RESPONSE]},
        "extension": _extensions(claim, verdict),
        "identifier": [
            *objects(claim.get("identifier")),
            {"system": AUTHORIZATION_ID_SYSTEM, "value": frame.response_id},
        ],
        "status": "active",
        "type": claim.get("type"),
        "use": "preauthorization",
        "patient": _party(frame.packet, "patient"),
        "created": now.isoformat(timespec="seconds"),
        "insurer": _party(frame.packet, "insurer"),
        "requestor": _party(frame.packet, "provider"),
        "request": request_reference(frame.packet),
        "outcome": "error" if verdict.errors else outcome(verdict.answers, frame.version),
        "disposition": verdict.extra.get("disposition"),
        "preAuthRef": verdict.extra.get("preAuthRef") or _single_number(verdict.answers),
        "preAuthPeriod": _whole_period(verdict.answers) or verdict.extra.get("preAuthPeriod"),
        "item": items,
        "addItem": added,
        "adjudication": [adjudication(verdict.header_action)] if verdict.header_action else [],
        "processNote": notes.written(),
        "communicationRequest": [{"reference": url} for url in communication_urls],
        "error": error,
    }
    return {name: value for name, value in response.items() if value not in (None, [], {})}


def outcome(answers: Sequence[ItemAnswer], version: Version) -> str:
    """How far the processing is; never the decision. PAS 2.0.1 says `queued` for what is pended altogether."""
    pended = [each.action == PENDED for each in answers]
    if pended and all(pended):
        return "complete" if version == "2.2.1" else "queued"
    return "partial" if any(pended) else "complete"


def request_reference(packet: Packet) -> Resource:
    """How the response names the Claim: by address and by trace number."""
    reference: Resource = {"reference": packet.claim.reference}
    traces = objects(packet.claim.resource.get("identifier"))
    if traces:
        reference["identifier"] = traces[0]
    return reference


def _numbered(element: Resource, answer: ItemAnswer | None, notes: Notes) -> Resource:
    if answer is None or not answer.notes:
        return element
    numbered: Resource = {}
    for name, value in element.items():
        if name == "adjudication":
            numbered["noteNumber"] = list(dict.fromkeys(notes.number(each, answer.sequence) for each in answer.notes))
        numbered[name] = value
    return numbered


def _party(packet: Packet, element: str) -> Resource | None:
    found = packet.follow(element)
    return {"reference": found.reference} if found is not None else None


def _extensions(claim: Resource, verdict: Verdict) -> list[Resource]:
    found: list[Resource] = []
    codes = objects(extension(claim, TRANSMISSION_IDENTIFIERS).get("extension"))
    swapped = [
        {"url": _SWAPPED[each["url"]], "valueString": each["valueString"]}
        for each in codes
        if each.get("url") in _SWAPPED and text(each.get("valueString")) is not None
    ]
    if {"applicationSenderCode", "applicationReceiverCode"} <= {each["url"] for each in swapped}:
        order = list(_SWAPPED)
        swapped.sort(key=lambda each: order.index(each["url"]))
        found.append({"url": TRANSMISSION_IDENTIFIERS, "extension": swapped})
    if any(each.action == NOT_CERTIFIED or SIMULATED_REVIEW in each.notes for each in verdict.answers):
        flag = {"url": "wasHumanReviewedFlag", "valueBoolean": verdict.human_reviewed}
        found.append({"url": REVIEWER, "extension": [flag]})
    return found


def _single_number(answers: Sequence[ItemAnswer]) -> str | None:
    """`preAuthRef` where one number stands for the whole answer; the items carry theirs in any case."""
    elements = [
        element for each in answers for element in (each.element, each.added) if review_action(element) in _CERTIFYING
    ]
    numbers = {number for element in elements if (number := review_number(element)) is not None}
    return numbers.pop() if len(numbers) == 1 else None


def _whole_period(answers: Sequence[ItemAnswer]) -> Resource | None:
    periods = [
        child(extension(element, PRE_AUTH_PERIOD), "valuePeriod")
        for each in answers
        for element in (each.element, each.added)
        if element is not None
    ]
    starts = [start for period in periods if (start := text(period.get("start"))) is not None]
    ends = [end for period in periods if (end := text(period.get("end"))) is not None]
    whole = {"start": min(starts)} if starts else {}
    return {**whole, "end": max(ends)} if ends else whole or None


def _error(error: BusinessError, notes: Notes) -> Resource:
    element = [{"url": "processNote", "valuePositiveInt": notes.number(error.text)}]
    if error.element is not None:
        element.append({"url": "error", "valueString": error.element})
    followup = {"coding": [{"system": X12_FOLLOWUP, "code": error.followup}]}
    carried: list[Resource] = [
        {"url": ERROR_FOLLOWUP, "valueCodeableConcept": followup},
        {"url": ERROR_ELEMENT, "extension": element},
    ]
    if error.path is not None:
        carried.append({"url": ERROR_PATH, "valueString": error.path})
    coding = [{"system": X12_REJECT_REASON, "code": error.code}, {"system": ERROR_CODE_SYSTEM, "code": error.error}]
    return {"extension": carried, "code": {"coding": coding, "text": error.text}}
