"""`POST /Claim/$submit`: a PAS request Bundle in, the payer's answer out (PAS 2.2.1 Claim-submit).

The order: form (4xx) -> the same request again? -> which payer -> which items are open -> decision -> one commit of request,
resources, answer, numbers and later work. Who loses a race for a key reads again and finds the winner's answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from operations.pas.answers import with_provider
from operations.pas.authorizations import Authorization
from operations.pas.business_rules import business_errors
from operations.pas.circumstances import authorized_provider
from operations.pas.deciding import answered, determine, still_waiting
from operations.pas.definitions import SUBMIT_DEFINITION
from operations.pas.disclosure import refuse_withheld
from operations.pas.forwarding import forward
from operations.pas.idempotency import Standing, standing_of
from operations.pas.intake import Intake, intake
from operations.pas.later import decide_jobs
from operations.pas.receiving import receive
from operations.pas.recording import FirstAnswer, record
from operations.pas.response import as_sent
from operations.pas.services import PasServices
from operations.pas.updates import Plan, find_prior, plan
from operations.payer.determination import Determination
from operations.payer.directory import Choice
from operations.payer.payer import Case
from operations.payer.scenarios import HEADER, asked_scenario
from operations.ports import (
    Context,
    KeyTakenError,
    Operation,
    OperationInput,
    OperationOutput,
    VersionConflictError,
)
from profiles.json import dumps
from profiles.outcome import refuse

TRIES: Final = 6


def claim_submit(services: PasServices) -> Operation:
    """The operation, working with these payers and settings."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        if given.resource is None:
            raise refuse("body-missing", "Send a PAS request Bundle as the body.", "Bundle")
        request = await receive(given.resource, "submit", services, context)
        scenario = asked_scenario(given.headers, request.claim.resource)
        received = intake(request, scenario, context)
        for _ in range(TRIES):
            try:
                return OperationOutput(await _answer(received, context, services))
            except (KeyTakenError, VersionConflictError):
                continue
        raise refuse("pas-busy", "Others are changing the same authorization; send the same request again.")

    return Operation(SUBMIT_DEFINITION, run, "c", header_names=(HEADER,), repeatable=True, reads_itself=True)


async def _answer(given: Intake, context: Context, services: PasServices) -> bytes:
    """The bytes of the response Bundle. Raises KeyTakenError or VersionConflictError when somebody was faster."""
    standing = await standing_of(given.identity, given.digest, given.scenario, context, update=given.update)
    if standing.answer is not None:
        context.note_entity(f"Bundle/{standing.answer['id']}")
        return dumps(as_sent(standing.answer))
    choice = await services.directory.choose(given.packet, context)
    await refuse_withheld(given, choice, context)
    if given.scenario is not None and not choice.allows_scenarios and choice.refused is None:
        raise refuse("pas-scenario-refused", "This payer takes no test scenarios; send the request without one.")
    prior = await find_prior(given.request, given.identity, context) if given.update else None
    if choice.endpoint is not None:
        return await forward(given, choice, prior, standing, context, services)
    return await _decided(given, choice, prior, standing, context, services)


async def _decided(
    given: Intake,
    choice: Choice,
    prior: Authorization | None,
    standing: Standing,
    context: Context,
    services: PasServices,
) -> bytes:
    planned = _plan(given, choice, prior, services)
    determination = Determination()
    if choice.payer is not None and not planned.errors:
        case = Case(
            given.packet,
            planned.open,
            given.request.bundle,
            choice.insurer,
            context,
            services.settings,
            given.scenario,
        )
        determination = await determine(choice.payer, case)
    if determination.errors:
        planned = Plan((), errors=determination.errors)
    response_id = context.new_id()
    later = (*determination.later, *still_waiting(planned.settled, context, services.settings))
    first = FirstAnswer(
        planned,
        () if planned.errors else answered(determination, planned.open, given.packet, context, services.settings),
        (*determination.notes, *((choice.note,) if choice.note is not None and not planned.errors else ())),
        determination.human_reviewed,
        max((each.answer_by for each in later if each.answer_by is not None), default=None),
        response_id,
        decide_jobs(later, response_id, context.pas_version, given.scenario),
    )
    return dumps((await record(given, first, prior, standing, context)).bundle)


def _plan(given: Intake, choice: Choice, prior: Authorization | None, services: PasServices) -> Plan:
    if choice.refused is not None:
        return Plan((), errors=(choice.refused,))
    planned = plan(given.request, given.items, prior, services.settings.cancelled_action)
    errors = planned.errors or business_errors(given.packet, planned.open)
    if errors:
        return Plan((), errors=errors)
    providers = {item.sequence: authorized_provider(item, given.packet) for item in given.items}
    settled = tuple(with_provider(each, providers.get(each.sequence)) for each in planned.settled)
    return replace(planned, settled=settled)
