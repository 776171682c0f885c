"""Asking for more: the payer's CommunicationRequests, and the PAS Task that says the same to a work list (PAS 2.2.1, 4.5).

One CommunicationRequest a document and item (its profile admits one payload), one Task for all documents asked for by
code (PAS ainfo-7). The profiles make the provider derive the Task; test kits want it in the response, so we send it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from operations.packet import Packet
from operations.pas.answers import ItemAnswer
from operations.pas.claim_response import Frame, request_reference
from operations.pas.identity import behind, party_identifier
from operations.payer.determination import DocumentAsk
from profiles.json import Resource
from profiles.pas_names import (
    ATTACHMENT_CONTROL_SYSTEM,
    COMMUNICATION_REQUEST,
    LOINC,
    PAS_TEMP,
    SERVICE_LINE_NUMBER,
    TASK,
    X12_REPORT_TYPE,
)
from profiles.reading import objects

ANY_CLINICAL_NOTE: Final = "11506-3"
"""LOINC code for a progress note: asked for where the policy names no code of its own."""

_PHYSICIAN_REPORT: Final = "PY"
_OF_A_PHYSICIAN: Final = frozenset({"visit-note", "order", "treatment-plan"})


@dataclass(frozen=True, slots=True)
class InformationRequest:
    """What goes beside the ClaimResponse, each resource under its id, references by fullUrl."""

    communications: tuple[Resource, ...] = ()
    tasks: tuple[Resource, ...] = ()


def information_request(
    frame: Frame, answers: Sequence[ItemAnswer], now: datetime, answer_by: date | None, ids: Sequence[str]
) -> InformationRequest:
    """Requests for everything that pended answers ask for. `ids` are fresh: one an ask, and one for the Task."""
    asked = [(each.sequence, ask) for each in answers for ask in each.asks]
    if not asked:
        return InformationRequest()
    fresh = iter(ids)
    communications = tuple(_communication(frame.packet, line, ask, next(fresh), now) for line, ask in asked)
    return InformationRequest(communications, (_task(frame, asked, next(fresh), now, answer_by),))


def with_carried(asked: InformationRequest, carried: Sequence[Resource]) -> InformationRequest:
    """New requests after those that stand from before."""
    before = [each for each in carried if each.get("resourceType") == "CommunicationRequest"]
    tasks = [each for each in carried if each.get("resourceType") == "Task"]
    return InformationRequest((*before, *asked.communications), (*tasks, *asked.tasks))


def asks_in(answers: Sequence[ItemAnswer]) -> int:
    return sum(len(each.asks) for each in answers)


def _communication(packet: Packet, line: int, ask: DocumentAsk, id: str, now: datetime) -> Resource:
    request: Resource = {
        "resourceType": "CommunicationRequest",
        "id": id,
        "meta": {"profile": [COMMUNICATION_REQUEST]},
        "extension": [{"url": SERVICE_LINE_NUMBER, "valuePositiveInt": line}],
        "identifier": [{"system": ATTACHMENT_CONTROL_SYSTEM, "value": id}],
        "status": "active",
    }
    if ask.kind in _OF_A_PHYSICIAN:
        request["category"] = [{"coding": [{"system": X12_REPORT_TYPE, "code": _PHYSICIAN_REPORT}]}]
    request["medium"] = [{"coding": [{"system": PAS_TEMP, "code": "CDEX"}]}]
    patient = packet.follow("patient")
    if patient is not None:
        request["subject"] = {"reference": patient.reference}
    request["payload"] = [{"contentString": ask.loinc or ANY_CLINICAL_NOTE}]
    request["authoredOn"] = now.isoformat(timespec="seconds")
    insurer, provider = packet.follow("insurer"), packet.follow("provider")
    if insurer is not None:
        request["requester"] = {"reference": insurer.reference}
    if provider is not None:
        people = [provider, *behind(provider, packet)]
        recipient = next((each for each in people if each.type in ("Organization", "Practitioner")), provider)
        request["recipient"] = [{"reference": recipient.reference}]
        request["sender"] = {"reference": provider.reference}
    request["note"] = [{"text": ask.text}]
    return request


def _task(
    frame: Frame, asked: Sequence[tuple[int, DocumentAsk]], id: str, now: datetime, answer_by: date | None
) -> Resource:
    patient = frame.packet.follow("patient")
    traces = objects(frame.packet.claim.resource.get("identifier"))
    task: Resource = {
        "resourceType": "Task",
        "id": id,
        "meta": {"profile": [TASK]},
        "identifier": traces[:1],
        "status": "requested",
        "statusReason": {"text": "The payer needs documents before it can decide."},
        "intent": "order",
        "code": {"coding": [{"system": PAS_TEMP, "code": "attachment-request-code"}]},
        "for": {"reference": patient.reference} if patient is not None else None,
        "authoredOn": now.isoformat(timespec="seconds"),
        "requester": _identified(frame.packet, "insurer"),
        "owner": _identified(frame.packet, "provider"),
        "reasonCode": {"coding": [{"system": PAS_TEMP, "code": "priorAuthorization"}]},
        "reasonReference": request_reference(frame.packet),
        "restriction": {"period": {"end": answer_by.isoformat()}} if answer_by is not None else None,
        "input": [
            {
                "type": {"coding": [{"system": PAS_TEMP, "code": "payer-url"}]},
                "valueUrl": f"{frame.base_url}/$submit-attachment",
            },
            *(_needed(line, ask) for line, ask in asked),
        ],
    }
    return {name: value for name, value in task.items() if value is not None}


def _needed(line: int, ask: DocumentAsk) -> Resource:
    coding = {"system": LOINC, "code": ask.loinc or ANY_CLINICAL_NOTE}
    return {
        "extension": [{"url": SERVICE_LINE_NUMBER, "valuePositiveInt": line}],
        "type": {"coding": [{"system": PAS_TEMP, "code": "attachments-needed"}]},
        "valueCodeableConcept": {"coding": [coding], "text": ask.text},
    }


def _identified(packet: Packet, element: str) -> Resource:
    """A party by its identifier, as the PAS Task wants it (a PractitionerRole by its organization or practitioner)."""
    party = packet.follow(element)
    found = party_identifier(party, packet) if party is not None else None
    if found is None:
        return {"identifier": {"value": "unknown"}, "display": "not identified in the request"}
    named = {"system": found.system, "value": found.code} if found.system else {"value": found.code}
    return {"identifier": named}
