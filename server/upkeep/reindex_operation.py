"""`$reindex`: makes a tenant's records findable anew by what they say, as a job with progress (ours; `assent reindex` does it for all).

For administrators. Answered with 202 and the address of the job's status (docs/jobs.md). Requests are answered meanwhile as ever: each
record changes from the one state to the other at once, and one that somebody writes in between is left as it was written.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from operations.definition import Definition, Parameter, needed
from operations.given_values import values
from operations.policy.fhir_parameters import parameters
from operations.ports import Changes, Context, JobRequest, Operation, OperationInput, OperationOutput
from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.structure import resource_types
from server.audit.trail import Trail
from server.auth.access_token import fhir_bases
from server.jobs.asked import request_in
from server.jobs.step import Step
from server.rest.interactions.entries import answered
from server.rest.response import Response
from server.search.index_entries import TYPE_TERM
from server.store.algebra import AnyOf
from server.store.upkeep import NewIndex, Row
from server.upkeep.record_check import RecordCheck

KIND: Final = "reindex"
AT_ONCE: Final = 32
MOST_COUNTED: Final = 100_000_000

REINDEX: Final = Definition(
    id="system-reindex",
    code="reindex",
    title="Make everything findable anew",
    text="Looks through the tenant's records and mends what they are found by, as a job: the answer is 202 with the address of its "
    "status. For administrators.",
    levels=("system",),
    takes=(Parameter("type", "code", "Only resources of this type; it may be repeated. Default: all.", most=None),),
    gives=(
        needed("looked-at", "integer", "Records that were looked at. (Of the job; the call itself is answered with 202.)"),
        needed("changed", "integer", "Records that were not found by what they say, and are now."),
        needed("damaged", "integer", "Records that do not open: `assent fsck` names them."),
    ),
    affects_state=True,
)


async def _run(given: OperationInput, context: Context) -> OperationOutput:
    """Raises FhirError: parameter-value (400)."""
    types = [str(each) for each in values(given, "type")]
    if not resource_types().issuperset(types):
        raise refuse("parameter-value", "Every type is an R4 resource type.", "Parameters.parameter.where(name = 'type')")
    name = context.new_id()
    await context.commit(Changes(jobs=[JobRequest(KIND, context.now(), {"types": types}, name)]))
    told = {"text": "Accepted; ask how far it is at the address in Content-Location."}
    outcome: Resource = {"severity": "information", "code": "informational", "details": told}
    where = {"Content-Location": f"{context.base_url}/_async/{name}"}
    return OperationOutput({"resourceType": "OperationOutcome", "issue": [outcome]}, 202, where)


REINDEX_OPERATION: Final = Operation(REINDEX, _run, "u", roles=frozenset({"administrator"}), every_type=True)


async def reindex_tenant(step: Step) -> None:
    """A `Worker` (server/jobs/step.py): notes how far it is after each batch, and goes on from there."""
    store, work = step.services.store, step.payload["work"]
    bases = fhir_bases(step.services.settings.base_url, step.tenant.name)
    check, types = RecordCheck(store, step.tenant, bases, step.services.own_parameters), frozenset(work["types"]) or None
    place = await step.position() or {"after": 0, "looked": 0, "changed": 0, "damaged": 0}
    total = await findable(step)
    began = monotonic()
    while rows := await store.upkeep.rows(place["after"], AT_ONCE):
        own = [row for row in rows if row.tenant == step.tenant.number]
        changed, damaged = await mend(step, check, own, types)
        place = {
            "after": rows[-1].record.rid,
            "looked": place["looked"] + len(own),
            "changed": place["changed"] + changed,
            "damaged": place["damaged"] + damaged,
        }
        await step.note(place, place["looked"], max(total, place["looked"]) + 1)
        await asyncio.sleep(monotonic() - began)  # as long as the batch took: requests come first
        began = monotonic()
    await _end(step, place)


async def findable(step: Step) -> int:
    """About how many records the tenant has: how many others have is not told, not by a progress either."""
    index = step.tenant.index
    terms = tuple(sorted(index.term(type_, TYPE_TERM, "") for type_ in resource_types()))
    return await step.services.store.count((AnyOf(terms),), MOST_COUNTED)


async def mend(step: Step, check: RecordCheck, rows: list[Row], types: frozenset[str] | None) -> tuple[int, int]:
    """(how many were changed, how many do not open)."""
    lost = await step.services.store.upkeep.unfindable(rows)
    entries: list[NewIndex] = []
    damaged = 0
    for row in rows:
        index = await check.index(row, types)
        if index is None:
            damaged += 1
        elif index is not row.index or row.record.rid in lost:
            entries.append(NewIndex(row.record.rid, row.record.version, index))
    if entries:
        await step.services.store.upkeep.reindex(entries)
    return len(entries), damaged


async def _end(step: Step, place: Resource) -> None:
    told = parameters(
        {"name": name, "valueInteger": place[key]}
        for name, key in (("looked-at", "looked"), ("changed", "changed"), ("damaged", "damaged"))
    )
    step.done, step.total = place["looked"], place["looked"] + 1
    step.keep(0, answered(Response(200, json.dumps(told))))
    request = request_in(step.payload)
    trail = Trail(request.request_id, request.address, "$reindex-done")
    trail.principal = request.principal
    await step.finish([trail.encode(step.services.now(), 200)])
