"""Does a request that was sent with `Prefer: respond-async` (R4 async.html): a batch entry by entry, everything else as one.

Each entry is done exactly once. Its effect, its audit record, its answer and the count are one commit, wherever the answer is
known before the commit; an entry that only reads, or an operation, is done again when the server was killed before its answer was
stored, and operations that may be asked for in this way find out what they have done already (operations/ports.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from profiles import json
from profiles.json import Json
from profiles.outcome import FhirError, operation_outcome, refuse
from server.audit.trail import Trail
from server.jobs.asked import request_in
from server.jobs.step import Step
from server.rest.dispatch import answer
from server.rest.exchange import Told
from server.rest.interactions.entries import answered, parse_entry, refused, request_of, without_content
from server.rest.request import Request
from server.rest.response import Response
from server.store.store import Commit, StoreUnavailableError

MAX_ANSWER: Final = 14 * 2**20
"""Bytes of one answer: what a document of MongoDB takes."""

_OUTAGES: Final = frozenset({"unavailable", "storage-full"})


class Entry:
    """One entry of a step under way: a `Keeper` that stores its answer with its effect."""

    def __init__(self, step: Step, number: int, room: int) -> None:
        self._step = step
        self._number = number
        self._room = room

    async def commit(self, commit: Commit, told: Told | None = None) -> None:
        if told is None:
            await self._step.commit(commit)
        else:
            await self._step.commit_result(commit, self._number, self.content(told.response), complete=told.complete)

    def content(self, response: Response) -> bytes:
        """The answer as an entry of the response Bundle; without its resource where it is too large."""
        part = answered(response)
        if len(part) <= self._room:
            return part
        told = refuse("job-result-size", "This was done, and its resource is too large to be kept for later.")
        slim = json.loads(answered(replace(response, body=b"")))
        slim["response"]["outcome"] = operation_outcome([replace(told.issues[0], severity="warning")])
        return json.dumps(slim)


async def do_request(step: Step) -> None:
    """A `Worker` (server/jobs/step.py)."""
    request = request_in(step.payload)
    entries = batch_entries(request)
    if entries is None:
        await _whole(step, request)
    else:
        await _batch(step, request, entries)
    trail = Trail(request.request_id, request.address, "batch" if entries is not None else "$async-done")
    trail.principal = request.principal
    await step.finish([trail.encode(step.services.now(), 200)])


def batch_entries(request: Request) -> list[Json] | None:
    """What a batch is made of; None for every other request."""
    if request.template or request.method != "POST":
        return None
    body = request.resource()
    return list(body.get("entry", ())) if body.get("type") == "batch" else None


async def _batch(step: Step, request: Request, entries: Sequence[Json]) -> None:
    size = await step.size_of_results()
    limit = step.services.settings.job_result_bytes
    for number in range(step.done, len(entries)):
        keeper = Entry(step, number, min(MAX_ANSWER, max(limit - size, 0)))
        try:
            part = request_of(request, parse_entry(entries[number], f"Bundle.entry[{number}]", request.base.url))
        except FhirError as error:
            content = refused(error)
        else:
            content = keeper.content(await _respond(step, part, keeper))
        step.keep(number, content)
        size += len(content)


async def _whole(step: Step, request: Request) -> None:
    """Anything but a batch is one part, also a transaction."""
    if step.done:
        return
    keeper = Entry(step, 0, min(MAX_ANSWER, step.services.settings.job_result_bytes))
    stored = await step.result(0)
    if stored is not None:  # a transaction that was stored, and whose reads were not made
        step.keep(0, await _with_reads(step, request, stored, keeper))
        return
    step.keep(0, keeper.content(await _respond(step, request, keeper)))


async def _with_reads(step: Step, request: Request, stored: bytes, keeper: Entry) -> bytes:
    content = json.loads(stored)
    given = request.resource()["entry"]
    parts = content.get("resource", {}).get("entry", [])
    for number, part in enumerate(parts):
        if part is None:
            read = request_of(request, parse_entry(given[number], f"Bundle.entry[{number}]", request.base.url))
            parts[number] = json.loads(answered(await _respond(step, read, keeper)))
    return json.dumps(content)


async def _respond(step: Step, request: Request, keeper: Entry) -> Response:
    """Raises StoreUnavailableError where the store did not take part, so that the job is tried again."""
    response = await answer(replace(step.services, keeper=keeper), request)
    if response.refusal in _OUTAGES:
        raise StoreUnavailableError("The store did not answer a job.")
    return without_content(request, response)
