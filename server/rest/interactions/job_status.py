"""The status of a request that is done later (R4 async.html; Bulk Data's conventions): GET asks, DELETE cancels.

202 with X-Progress and Retry-After while it waits or is being done; then 200 with a Bundle of type batch-response: the answers to
a batch's entries, or one entry with the answer to anything else. Only who asked learns that it is there, and an administrator.
"""

from __future__ import annotations

from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from server.bindings import job_part_binding
from server.bulk.manifest import MANIFESTS, manifest
from server.jobs.asked import covers, handle_of, owner_of, principal_in
from server.jobs.reasons import read_reason
from server.repository import MICROSECOND
from server.rest.exchange import Exchange
from server.rest.interactions.entries import response_bundle
from server.rest.request import refuse_unknown
from server.rest.response import Response, http_date, outcome_response
from server.store.jobs import JobStatus

PARTS: Final = 200
LONGEST_WAIT: Final = 30
_ADMINISTRATOR: Final = "administrator"


async def status(exchange: Exchange) -> Response:
    """How it stands, or what came of it. Raises FhirError: 404, or 500 for one that failed."""
    job = await visible_job(exchange)
    if job.closed is None:
        return await _under_way(exchange, job)
    await require_rights(exchange, job)
    if job.closed == "failed":
        why = (await read_reason(exchange.services.store.jobs, exchange.services.keyring, job)).get("why", "")
        done = f" {job.done} of {job.total} parts were done, and what they stored stays." if job.done else ""
        raise refuse("job-failed", f"This could not be done. {why}{done}")
    if job.kind in MANIFESTS:
        return await manifest(exchange, job)
    response = response_bundle("batch-response", await _results(exchange, job))
    return Response(200, response.body, {"Expires": http_date(job.until)})


async def cancel(exchange: Exchange) -> Response:
    """Nobody goes on with it from this moment; what was done stays. A finished one's answer is thrown away. Raises FhirError."""
    job = await visible_job(exchange)
    jobs = exchange.services.store.jobs
    kept = exchange.services.now() + exchange.services.settings.job_result_ttl * MICROSECOND
    if job.closed is None and await jobs.cancel(job.id, kept):
        now = await jobs.status(job.id) or job
        if job.kind in MANIFESTS:  # its files go at once
            await jobs.forget(job.id)
        text = f"Cancelled. {now.done} of {now.total} parts were done, and what they stored stays."
    else:
        await jobs.forget(job.id)
        text = "It was done already; its answer is thrown away."
    return outcome_response(202, text)


async def visible_job(exchange: Exchange) -> JobStatus:
    """The job at the address, for whoever asked for it, and for an administrator of everything. Raises FhirError (404)."""
    refuse_unknown(exchange.request.query)
    handle = handle_of(exchange.tenant, exchange.request.segments[1])
    job = await exchange.services.store.jobs.find(handle)
    own = job is not None and job.owner == owner_of(exchange.tenant, exchange.principal)
    if job is None or not (own or _administers(exchange)):
        raise _not_found()
    if job.closed == "cancelled" or (job.closed is not None and 0 < job.until <= exchange.services.now()):
        raise _not_found()
    return job


async def require_rights(exchange: Exchange, job: JobStatus) -> None:
    """Raises FhirError (404). What came of it was found with the rights of then: a token with fewer, or for another patient, does not get it."""
    body = await exchange.services.store.jobs.body(job.id)
    if body is None:
        raise _not_found()
    payload = exchange.repository.open_job(job.kind, body)
    if not (_administers(exchange) or covers(exchange.principal, principal_in(payload))):
        raise _not_found()


def _administers(exchange: Exchange) -> bool:
    decision = exchange.services.decide(exchange.principal, "r", "*")
    return _ADMINISTRATOR in exchange.principal.roles and decision.granted and decision.compartment is None


async def _under_way(exchange: Exchange, job: JobStatus) -> Response:
    progress = f"{job.state}: {job.done} of {job.total} done"
    body: Resource = json.loads(outcome_response(202, f"Not done yet ({progress}).").body)
    if job.attempts > 1:
        why = (await read_reason(exchange.services.store.jobs, exchange.services.keyring, job)).get("why")
        if why:
            body["issue"].append(
                {"severity": "warning", "code": "transient", "details": {"text": f"It is tried again. Last time: {why}"}}
            )
    headers = {"X-Progress": progress, "Retry-After": str(_retry_after(job, exchange.services.now()))}
    return Response(202, json.dumps(body), headers)


def _retry_after(job: JobStatus, now: int) -> int:
    """Seconds: about as long as the rest will take at the speed so far, or a part of the time since it was asked for."""
    age = max(now - job.created, 0) / MICROSECOND
    rest = age * (job.total - job.done) / job.done if job.done else age / 4
    return max(1, min(LONGEST_WAIT, round(rest)))


async def _results(exchange: Exchange, job: JobStatus) -> list[bytes]:
    tenant, parts = exchange.tenant, exchange.services.store.jobs.parts
    results: list[bytes] = []
    while found := await parts(job.id, len(results), PARTS):
        results += [tenant.cipher.open(sealed, job_part_binding(tenant.number, job.id, number)) for number, sealed in found]
    return results


def _not_found() -> Exception:
    return refuse(
        "not-found", "There is no such request, or it was cancelled, or its answer is no longer kept.", "http.url"
    )
