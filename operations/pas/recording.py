"""Making a request and its first answer true together: one commit, or nothing (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from operations.pas.answers import ItemAnswer
from operations.pas.authorizations import Authorization, id_of, memory, superseded
from operations.pas.claim_response import Frame, Verdict
from operations.pas.composing import Answer, Remembered, compose, expectation
from operations.pas.idempotency import Standing
from operations.pas.identity import trace_key
from operations.pas.intake import Intake
from operations.pas.keeping import Kept, keep, with_id
from operations.pas.known_resources import MASTER_TYPES
from operations.pas.provenance import first_decision
from operations.pas.updates import Plan, unreadable_holder
from operations.ports import Changes, Context, JobRequest, UniqueKey, Write
from profiles.json import Resource
from profiles.reading import identifiers


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What is to be said and done: the plan, the answers of the open items, sentences, and what happens later."""

    plan: Plan
    answers: Sequence[ItemAnswer] = ()
    notes: Sequence[str] = ()
    human_reviewed: bool = False
    answer_by: date | None = None
    response_id: str = ""
    jobs: Sequence[JobRequest] = field(default_factory=tuple)


async def record(
    given: Intake, first: FirstAnswer, prior: Authorization | None, standing: Standing, context: Context
) -> Answer:
    """Compose, store, commit. Raises KeyTakenError or VersionConflictError when somebody was faster, and stores nothing."""
    refused = bool(first.plan.errors)
    replaced = prior if prior is not None and not refused and not prior.is_error else None
    kept = await keep(given.request, context, given.identity.requestor, _claim_version(prior))
    frame = Frame(given.packet, context.base_url, context.pas_version, first.response_id, context.new_id())
    request_id = context.new_id()
    remembered = Remembered(
        {url: kept.local(url) or "" for url in kept.references},
        memory(
            f"Bundle/{request_id}",
            f"Bundle/{frame.bundle_id}",
            submitter(context),
            _worth_remembering(kept),
            f"ClaimResponse/{replaced.id}" if replaced is not None else None,
        ),
    )
    verdict = Verdict(
        answers=_in_order(given, [*first.answers, *first.plan.settled]),
        errors=first.plan.errors,
        notes=(*first.notes, *first.plan.notes, *_warnings(given)),
        header_action=_header_action(first.plan),
        human_reviewed=first.human_reviewed,
    )
    answer = compose(frame, verdict, context, remembered, expectation(frame, given.sequences), first.answer_by)
    changes = Changes(
        writes=[
            *kept.writes,
            Write(with_id(given.request.bundle, request_id)),
            *answer.writes(),
            first_decision(context, answer.response, kept.references.values()),
            *_supersede(replaced, frame.response_id),
        ],
        keys={
            **kept.keys,
            **dict.fromkeys(standing.keys, f"Bundle/{frame.bundle_id}"),
            **answer.number_keys(_known_numbers(replaced)),
        },
        replaces={**kept.replaces, **standing.replaces},
        jobs=list(first.jobs),
    )
    if not refused:
        changes = await _with_traces(changes, given, frame, context)
    await context.commit(changes)
    _note(kept, frame, given, context)
    return answer


def submitter(context: Context) -> str:
    """Who sent it, as inquiries compare it: the sending system, else the person."""
    return f"client:{context.caller.client}" if context.caller.client else f"subject:{context.caller.subject}"


async def _with_traces(changes: Changes, given: Intake, frame: Frame, context: Context) -> Changes:
    """Updates find what they update by its trace numbers; a number used again leads to the newest."""
    holder = f"ClaimResponse/{frame.response_id}"
    keys: dict[UniqueKey, str] = dict(changes.keys)
    replaces: dict[UniqueKey, str] = dict(changes.replaces)
    for trace in identifiers(given.packet.claim.resource):
        key = trace_key(given.identity, trace)
        earlier = await context.records.holder(key)
        keys[key] = holder
        if earlier is not None:
            if await context.records.read("ClaimResponse", id_of(earlier)) is None:
                raise unreadable_holder()
            replaces[key] = earlier
    return replace(changes, keys=keys, replaces=replaces)


def _in_order(given: Intake, answers: Sequence[ItemAnswer]) -> list[ItemAnswer]:
    """The Claim's order; what it does not name comes last."""
    place = {sequence: index for index, sequence in enumerate(given.sequences)}
    return sorted(answers, key=lambda each: place.get(each.sequence, len(place)))


def _header_action(plan: Plan) -> str | None:
    """A whole cancellation is also said of the whole."""
    return plan.cancelled_action if plan.cancelled_action else None


def _warnings(given: Intake) -> list[str]:
    """What we noticed without minding; at most a screenful."""
    return [f"Noticed at {each.expression}: {each.text}" for each in given.request.warnings[:20]]


def _worth_remembering(kept: Kept) -> dict[str, str]:
    """Stored references that later versions of the answer need: of people, organizations, coverages and the Claim."""
    found = {url: kept.local(url) or "" for url in kept.references}
    return {url: local for url, local in found.items() if local.partition("/")[0] in (*MASTER_TYPES, "Claim")}


def _claim_version(prior: Authorization | None) -> str | None:
    return f"{prior.claim}/_history/1" if prior is not None and prior.claim is not None else None


def _supersede(replaced: Authorization | None, successor: str) -> list[Write]:
    if replaced is None:
        return []
    response: Resource = superseded(replaced.response, f"ClaimResponse/{successor}")
    return [Write(response, replaced.version)]


def _known_numbers(replaced: Authorization | None) -> frozenset[str]:
    """Numbers that the replaced authorization gave out keep their key; the chain leads on from there."""
    if replaced is None:
        return frozenset()
    return frozenset(number for each in replaced.answers() for number in each.numbers)


def _note(kept: Kept, frame: Frame, given: Intake, context: Context) -> None:
    patient = given.packet.follow("patient")
    for url in (patient.reference if patient is not None else None, given.packet.claim.reference):
        local = kept.local(url) if url is not None else None
        if local is not None:
            context.note_entity(local)
    context.note_entity(f"ClaimResponse/{frame.response_id}")
