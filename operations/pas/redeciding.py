"""A later decision: the same authorization gets a new version of its ClaimResponse and of its response Bundle.

Items that were not put before the payer again keep their answer; a pended reference stays the same for its item's life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from operations.packet import Packet
from operations.pas.answers import ItemAnswer
from operations.pas.authorizations import Authorization, id_of, read_authorization, remembered, version_of
from operations.pas.claim_response import Frame, Verdict
from operations.pas.claim_view import requested_items
from operations.pas.composing import NOTHING_FOREIGN, Answer, Foreign, Remembered, compose, expectation
from operations.pas.provenance import later_decision
from operations.pas.request import packet_from_bundle
from operations.payer.determination import BusinessError
from operations.ports import Changes, Context, JobRequest, UniqueKey, Write
from profiles.json import Resource
from profiles.pas_names import PENDED, SERVICE_LINE_NUMBER
from profiles.reading import child, extension, objects, whole


@dataclass(frozen=True, slots=True)
class Standing:
    """An authorization that may be decided on, with the request that it answers."""

    authorization: Authorization
    request_bundle: Resource
    packet: Packet

    @property
    def pended(self) -> tuple[int, ...]:
        return tuple(each.sequence for each in self.authorization.answers() if each.action == PENDED)


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """What changes: answers of some items, or errors of the whole; what is said beside; what happens next."""

    answers: Sequence[ItemAnswer] = ()
    errors: Sequence[BusinessError] = ()
    notes: Sequence[str] = ()
    human_reviewed: bool = False
    answer_by: date | None = None
    jobs: Sequence[JobRequest] = ()
    foreign: Foreign = NOTHING_FOREIGN
    extra: Resource = field(default_factory=dict)
    issuer: str = ""
    """Who gave out the numbers: empty for ours, a remote payer's key for its own."""


async def standing(context: Context, response_id: str) -> Standing | None:
    """The authorization with this id, if it is in force; None when it was replaced, or is gone."""
    authorization = await read_authorization(context, response_id)
    if authorization is None or authorization.superseded_by is not None:
        return None
    bundle = await context.records.read("Bundle", id_of(authorization.request_bundle))
    if bundle is None:
        return None
    return Standing(authorization, bundle, packet_from_bundle(bundle, context.now()))


async def redecide(known: Standing, new: NewAnswer, version: Literal["2.2.1", "2.0.1"], context: Context) -> Answer:
    """Store and return the new version. Raises KeyTakenError or VersionConflictError when somebody was faster."""
    authorization = known.authorization
    frame = Frame(known.packet, authorization.base_url, version, authorization.id, str(authorization.bundle["id"]))
    changed = {each.sequence: each for each in new.answers}
    answers = [] if new.errors else [changed.get(each.sequence, each) for each in authorization.answers()]
    verdict = Verdict(
        answers,
        new.errors,
        (*new.notes, *authorization.general_notes()),
        human_reviewed=new.human_reviewed,
        extra=new.extra,
    )
    waiting = {each.sequence for each in answers if each.action == PENDED and each.sequence not in changed}
    carried = _standing_requests(authorization, waiting)
    answer = compose(
        frame,
        verdict,
        context,
        Remembered(authorization.local(), remembered(authorization.response)),
        expectation(frame, tuple(item.sequence for item in requested_items(known.packet.claim.resource))),
        new.answer_by,
        carried,
        new.foreign,
    )
    before = frozenset(number for each in authorization.answers() for number in each.numbers)
    closed = await _closed(authorization, carried, context)
    await context.commit(
        Changes(
            writes=[
                *answer.writes(authorization.version, version_of(authorization.bundle)),
                later_decision(context, answer.response, authorization.version),
                *closed,
            ],
            keys=await _free(answer.number_keys(before, new.issuer), new.issuer, context),
            jobs=list(new.jobs),
        )
    )
    context.note_entity(f"ClaimResponse/{authorization.id}")
    return answer


def _asking(authorization: Authorization) -> list[Resource]:
    """What the payer asked with, as it was sent."""
    sent = [child(entry, "resource") for entry in objects(authorization.bundle.get("entry"))]
    return [each for each in sent if each.get("resourceType") in ("CommunicationRequest", "Task")]


def _standing_requests(authorization: Authorization, waiting: set[int]) -> list[Resource]:
    """What still waits for documents."""
    asking = _asking(authorization)
    lines = {
        str(each["id"]): whole(extension(each, SERVICE_LINE_NUMBER).get("valuePositiveInt"))
        for each in asking
        if each["resourceType"] == "CommunicationRequest"
    }
    if not any(line in waiting for line in lines.values()):
        return []
    return [each for each in asking if each["resourceType"] == "Task" or lines[str(each["id"])] in waiting]


async def _closed(authorization: Authorization, carried: Sequence[Resource], context: Context) -> list[Write]:
    """Requests for information that nobody needs to answer any more."""
    kept = {str(each["id"]) for each in carried}
    writes = []
    for each in _asking(authorization):
        stored = await context.records.read(str(each["resourceType"]), str(each["id"]))
        if stored is not None and str(each["id"]) not in kept and stored.get("status") in ("active", "requested"):
            writes.append(Write({**stored, "status": "completed"}, version_of(stored)))
    return writes


async def _free(keys: dict[UniqueKey, str], issuer: str, context: Context) -> dict[UniqueKey, str]:
    """Our numbers must be unique; a remote payer may use one again, which then leads to the first that had it."""
    if not issuer:
        return keys
    return {key: holder for key, holder in keys.items() if await context.records.holder(key) is None}
