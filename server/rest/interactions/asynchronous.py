"""A request with `Prefer: respond-async` (R4 async.html; FHIR R5 async-bundle): checked, stored as a job, answered with 202.

What can be told at once is refused at once: a body that is no Bundle, a search that cannot be read, an operation that is not
there. All else is told by the answer that is fetched later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from operations.ports import Operation
from profiles import json
from profiles.outcome import refuse
from server.jobs.asked import KIND, handle_of, owner_of, payload_of
from server.jobs.too_many import refuse_too_many
from server.rest.exchange import Exchange
from server.rest.interactions.bundle import read_bundle
from server.rest.interactions.operation import authorize_operation, find_operation, raw_content
from server.rest.interactions.search import read_search
from server.rest.request import FHIR_JSON, Request
from server.rest.response import Response, outcome_response

ADDRESS: Final = "_async"
MAX_REQUEST: Final = 15 * 2**20
"""Bytes of a sealed request: a document of MongoDB has 16 MB."""


async def accept(exchange: Exchange) -> Response | None:
    """202 with the address of the status; None for an operation that is done at once or not at all. Raises FhirError."""
    request, services, repository = exchange.request, exchange.services, exchange.repository
    total = 1
    headers: tuple[str, ...] = ()
    if exchange.trail.interaction == "batch":
        type_, entries = read_bundle(exchange)
        exchange.trail.interaction = type_
        total = len(entries) if type_ == "batch" else 1
    elif exchange.trail.interaction == "operation":
        operation, type_name, _ = find_operation(exchange)
        if operation.streams or operation.makes_job or (operation.affects_state and not operation.repeatable):
            return None
        authorize_operation(exchange, operation, type_name)
        if request.method == "POST" and request.body:
            request = _in_json(request, operation)
            request.json()
        exchange.trail.interaction = f"${operation.code}"
        headers = operation.header_names
    else:
        read_search(exchange)
    name = services.new_id()
    sealed = repository.seal_job(KIND, services.clock(), payload_of(request, exchange.principal, headers))
    if len(sealed.body) > MAX_REQUEST:
        raise refuse("body-too-large", "The request is too large to be done later; send it in parts.", "http.body")
    job = replace(
        sealed,
        total=total,
        handle=handle_of(exchange.tenant, name),
        owner=owner_of(exchange.tenant, exchange.principal),
        created=repository.now(),
    )
    async with services.turns.of([("jobs", exchange.tenant.number)]):
        await refuse_too_many(services, exchange.tenant, job.owner)
        await exchange.store_together([], 202, [], [job])
        services.job_stored.set()
    answer = outcome_response(202, "Accepted; ask for the answer at the address in Content-Location.")
    return Response(202, answer.body, {"Content-Location": f"{request.base.url}/{ADDRESS}/{name}"})


def _in_json(request: Request, operation: Operation) -> Request:
    """A job's request is text: content that is sent as it is goes into a Binary."""
    content = raw_content(request, operation)
    if content is None:
        return request
    return replace(request, body=json.dumps(content), headers={**request.headers, "content-type": FHIR_JSON})
