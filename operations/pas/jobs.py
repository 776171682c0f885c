"""Durable work of prior authorization: deciding what was pended, and asking remote payers again.

Each handler finds out what is already done: run twice, it decides once.
"""

from __future__ import annotations

from typing import Final, Literal

from operations.packet import Packet
from operations.pas.answers import pended_reference
from operations.pas.claim_view import requested_items
from operations.pas.deciding import answered, determine
from operations.pas.forwarding import forward_again
from operations.pas.later import DECIDE, FORWARD, decide_jobs
from operations.pas.redeciding import NewAnswer, Standing, redecide, standing
from operations.pas.services import PasServices
from operations.pas.stored_packet import packet_from_store
from operations.payer.directory import registered_insurer
from operations.payer.payer import Case
from operations.ports import Context, JobHandler, KeyTakenError, VersionConflictError
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.reading import text, whole

TRIES: Final = 6


def pas_jobs(services: PasServices) -> dict[str, JobHandler]:
    """The handlers by kind, working with these payers and settings."""

    async def decide(payload: Resource, context: Context) -> None:
        await _decide(payload, context, services)

    async def forward(payload: Resource, context: Context) -> None:
        await forward_again(payload, context, services)

    return {DECIDE: decide, FORWARD: forward}


async def _decide(payload: Resource, context: Context, services: PasServices) -> None:
    """Put the pended items named in the job before the built-in payer again."""
    for _ in range(TRIES):
        known = await standing(context, text(payload.get("claimResponse")) or "")
        if known is None:
            return
        named = {whole(each) for each in payload.get("sequences", ())}
        open_sequences = [sequence for sequence in known.pended if sequence in named]
        if not open_sequences:
            return
        try:
            await _decide_now(known, frozenset(open_sequences), payload, context, services)
        except (KeyTakenError, VersionConflictError):
            continue
        return
    raise refuse("pas-busy", "Others are changing the same authorization.")


async def _decide_now(
    known: Standing, sequences: frozenset[int], payload: Resource, context: Context, services: PasServices
) -> None:
    packet = await _evidence_packet(known, context)
    items = tuple(each for each in requested_items(packet.claim.resource) if each.sequence in sequences)
    insurer = known.packet.follow("insurer")
    scenario = text(payload.get("scenario"))
    attempt = whole(payload.get("attempt")) or 2
    version = version_in(payload)
    case = Case(
        packet,
        items,
        known.request_bundle,
        await registered_insurer(insurer.resource, context) if insurer is not None else None,
        context,
        services.settings,
        None if scenario == "unavailable" else scenario,
        waited=payload.get("waited") is True,
        attempt=attempt,
    )
    determination = await determine(services.builtin, case)
    references = {
        each.sequence: reference
        for each in known.authorization.answers()
        if (reference := pended_reference(each.element)) is not None
    }
    of_request = tuple(each for each in requested_items(known.packet.claim.resource) if each.sequence in sequences)
    answers = answered(determination, of_request, known.packet, context, services.settings, references)
    answer_by = max((each.answer_by for each in determination.later if each.answer_by is not None), default=None)
    jobs = decide_jobs(determination.later, known.authorization.id, version, scenario, attempt)
    new = NewAnswer(answers, (), determination.notes, determination.human_reviewed, answer_by, jobs)
    await redecide(known, new, version, context)


async def _evidence_packet(known: Standing, context: Context) -> Packet:
    """The stored Claim with what it refers to now, else the request as it was received."""
    reference = known.authorization.claim
    kind, _, logical_id = (reference or "").partition("/")
    claim = await context.records.read(kind, logical_id) if kind == "Claim" and logical_id else None
    if claim is None:
        return known.packet
    packet = await packet_from_store(claim, context)
    return packet if packet.follow("patient") is not None else known.packet


def version_in(payload: Resource) -> Literal["2.2.1", "2.0.1"]:
    return "2.0.1" if payload.get("version") == "2.0.1" else "2.2.1"
