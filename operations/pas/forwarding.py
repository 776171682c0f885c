"""Requests to remote payers: nothing is sent twice by two callers, and nothing is lost when we stop in between.

First the request is stored as pended and its keys are claimed; only then it is forwarded; then the answer becomes a new
version. A job that was stored with the request finishes what a crash, a timeout or a pended answer leaves open.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal

from operations.pas.authorizations import Authorization
from operations.pas.claim_view import requested_items
from operations.pas.composing import Answer
from operations.pas.deciding import answered, pending
from operations.pas.idempotency import Standing
from operations.pas.identity import party_key
from operations.pas.inquiry_bundle import inquiry_bundle
from operations.pas.intake import Intake
from operations.pas.later import forward_job
from operations.pas.recording import FirstAnswer, record
from operations.pas.redeciding import NewAnswer, redecide, standing
from operations.pas.redeciding import Standing as Known
from operations.pas.remote_answer import ReadAnswer, read_answer
from operations.pas.services import PasServices
from operations.pas.updates import Plan
from operations.payer.determination import BusinessError, Determination
from operations.payer.directory import Choice
from operations.payer.payer import Case
from operations.ports import Changes, Context, JobRequest, KeyTakenError, VersionConflictError
from profiles.json import Resource, dumps
from profiles.outcome import FhirError
from profiles.pas_names import PENDED
from profiles.reading import text, whole

LONGEST_WAIT: Final = timedelta(days=1)
UNABLE_TO_RESPOND: Final = "42"
_FORWARDED: Final = "The request was forwarded to the payer; its decision follows. Ask for it with $inquire."


async def forward(
    given: Intake,
    choice: Choice,
    prior: Authorization | None,
    standing_keys: Standing,
    context: Context,
    services: PasServices,
) -> bytes:
    """The bytes of the answer: the payer's, or "pended" while it has none. Raises `FhirError` with the payer's own 4xx."""
    settings = services.settings
    response_id = context.new_id()
    due = context.now() + settings.remote_retry_after
    first = FirstAnswer(
        Plan(given.items),
        answered(Determination(pending(given.items, _FORWARDED)), given.items, given.packet, context, settings),
        response_id=response_id,
        jobs=[forward_job(due, response_id, context.pas_version, 1)],
    )
    pended = await record(given, first, prior, standing_keys, context)
    case = Case(
        given.packet,
        given.items,
        given.request.bundle,
        choice.insurer,
        context,
        settings,
        given.scenario,
        choice.endpoint,
    )
    try:
        answer = await _exchange(case, response_id, services, polls=False)
    except FhirError as error:
        if error.status < 500:
            raise
        return dumps(pended.bundle)
    return dumps(answer.bundle if answer is not None else pended.bundle)


async def forward_again(payload: Resource, context: Context, services: PasServices) -> None:
    """Finish what is open with a remote payer; does nothing where the answer is there already."""
    known = await standing(context, text(payload.get("claimResponse")) or "")
    if known is None or not known.pended:
        return
    polls = payload.get("polls") is True
    if not polls and known.authorization.version > 1:
        return
    choice = await services.directory.choose(known.packet, context)
    attempt = whole(payload.get("attempt")) or 1
    if choice.endpoint is None or attempt > services.settings.remote_attempts:
        await _give_up(known, payload, context)
        return
    items = requested_items(known.packet.claim.resource)
    case = Case(
        known.packet,
        items,
        known.request_bundle,
        choice.insurer,
        context,
        services.settings,
        endpoint=choice.endpoint,
        attempt=attempt + 1,
    )
    try:
        answer = await _exchange(case, known.authorization.id, services, polls=polls, version=_version(payload))
    except FhirError as error:
        if error.status < 500:
            return
        answer = None
    if answer is None:
        await _try_later(known, case, _version(payload), polls=polls)


async def _exchange(
    case: Case,
    response_id: str,
    services: PasServices,
    *,
    polls: bool,
    version: Literal["2.2.1", "2.0.1"] | None = None,
) -> Answer | None:
    """Ask the payer and store its answer; None when it has none yet. Raises `FhirError` as the connector does."""
    if services.remote is None:
        return None
    version = version or case.context.pas_version
    try:
        bundle = await asyncio.wait_for(_asked(case, response_id, services, polls=polls), _seconds(case))
    except TimeoutError:
        return None
    except FhirError as error:
        if error.status < 500:
            await _store_refusal(error, response_id, version, case.context)
        raise
    return await _store_answer(bundle, case, response_id, version) if bundle is not None else None


def _seconds(case: Case) -> float:
    return case.settings.answer_within.total_seconds()


async def _asked(case: Case, response_id: str, services: PasServices, *, polls: bool) -> Resource | None:
    if not polls or services.remote is None:
        determination = await services.remote.review(case) if services.remote is not None else Determination()
        return determination.remote.bundle if determination.remote is not None else None
    known = await standing(case.context, response_id)
    if known is None:
        return None
    found = await services.remote.ask(case, inquiry_bundle(known, case.context))
    return found[0] if found else None


async def _store_answer(
    bundle: Resource, case: Case, response_id: str, version: Literal["2.2.1", "2.0.1"]
) -> Answer | None:
    """The payer's answer as a new version of ours; None when it breaks the rules, or somebody stored one meanwhile."""
    known = await standing(case.context, response_id)
    if known is None:
        return None
    sequences = tuple(item.sequence for item in case.items)
    read = read_answer(bundle, case.context, sequences)
    if not read.answers and not read.errors:
        return None
    insurer = known.packet.follow("insurer")
    if known.authorization.version > 1 and _tells_nothing_new(read, known):
        return None
    open_left = any(each.action == PENDED for each in read.answers) or len(read.answers) < len(sequences)
    jobs: list[JobRequest] = []
    if open_left and not read.errors:
        due = case.context.now() + case.settings.remote_poll_after
        jobs.append(forward_job(due, response_id, version, case.attempt + 1, polls=True))
    new = NewAnswer(
        read.answers,
        read.errors,
        read.notes,
        read.human_reviewed,
        None,
        jobs,
        read.foreign,
        read.extra,
        party_key(insurer, known.packet),
    )
    try:
        return await redecide(known, new, version, case.context)
    except (KeyTakenError, VersionConflictError):
        return None
    except FhirError as error:
        if any(issue.code != "pas-response" for issue in error.issues):
            raise
        return None


def _tells_nothing_new(read: ReadAnswer, known: Known) -> bool:
    """True for an answer that leaves everything as we know it: no new version, no notice to anybody."""
    before = {each.sequence: (each.action, each.numbers) for each in known.authorization.answers()}
    after = {each.sequence: (each.action, each.numbers) for each in read.answers}
    return not read.errors and before == {**before, **after}


async def _try_later(known: Known, case: Case, version: Literal["2.2.1", "2.0.1"], *, polls: bool) -> None:
    """The waits double, up to a day."""
    first = case.settings.remote_poll_after if polls else case.settings.remote_retry_after
    wait = min(first * 2 ** min(case.attempt, 16), LONGEST_WAIT)
    due = case.context.now() + wait
    job = forward_job(due, known.authorization.id, version, case.attempt + 1, polls=polls)
    await case.context.commit(Changes(jobs=[job]))


async def _give_up(known: Known, payload: Resource, context: Context) -> None:
    text = "The payer could not be reached, or did not decide, in the time that we try. Send the request again."
    error = BusinessError(UNABLE_TO_RESPOND, "R", "pas-payer-unavailable", text)
    await _store_error(known, error, _version(payload), context)


async def _store_refusal(error: FhirError, response_id: str, version: Literal["2.2.1", "2.0.1"], context: Context) -> None:
    """What the payer refused is no longer pended here, and its identifier is free for the correction."""
    known = await standing(context, response_id)
    if known is not None:
        text = " ".join(issue.text for issue in error.issues)[:2000]
        path = error.issues[0].expression if error.issues else None
        await _store_error(known, BusinessError("33", "C", "pas-payer-refused", text, path), version, context)


async def _store_error(known: Known, error: BusinessError, version: Literal["2.2.1", "2.0.1"], context: Context) -> None:
    with suppress(KeyTakenError, VersionConflictError):
        await redecide(known, NewAnswer(errors=[error]), version, context)


def _version(payload: Resource) -> Literal["2.2.1", "2.0.1"]:
    return "2.0.1" if payload.get("version") == "2.0.1" else "2.2.1"
