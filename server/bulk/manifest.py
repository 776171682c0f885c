"""What a finished export or import is told as: the manifest of Bulk Data Access (response, complete status), with counts and hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from profiles import json
from profiles.json import Resource
from profiles.pas_names import ASSENT
from server.bulk.files import File, file_in, read_part
from server.jobs.asked import request_in
from server.repository import instant
from server.rest.exchange import Exchange
from server.rest.response import Response, http_date
from server.store.jobs import JobStatus

MANIFEST: Final = 1
"""The number of the part that lists the files, when all are whole."""

MANIFESTS: Final = frozenset({"export", "import"})
"""The kinds of jobs whose result is one."""
_HASH: Final = f"{ASSENT}/bulk-file"


async def manifest(exchange: Exchange, job: JobStatus) -> Response:
    """200 of type application/json, until when it is kept. Raises DamagedRecordError."""
    kept = await kept_manifest(exchange, job)
    base = f"{exchange.request.base.url}/_async/{exchange.request.segments[1]}"
    body: Resource = {
        "transactionTime": instant(kept["moment"]),
        "request": await _asked_at(exchange, job),
        "requiresAccessToken": True,
    }
    files = files_of(kept)
    for kind in ("output", "deleted", "error"):
        body[kind] = [_listed(file, base) for file in files if file.kind == kind]
    if "counts" in kept:
        body["extension"] = {f"{ASSENT}/bulk-import": kept["counts"]}
    return Response(200, json.dumps(body), {"Expires": http_date(job.until)}, "application/json")


async def kept_manifest(exchange: Exchange, job: JobStatus) -> Resource:
    """As the worker left it. Raises DamagedRecordError."""
    content = await read_part(exchange.services.store.jobs, exchange.tenant, job.id, MANIFEST)
    found: Resource = json.loads(content)
    return found


def files_of(kept: Resource) -> Sequence[File]:
    """The files of a kept manifest."""
    return [file_in(each) for each in kept["files"]]


def _listed(file: File, base: str) -> Resource:
    told = {"size": file.size, "sha256": file.sha256}
    return {"type": file.type, "url": f"{base}/{file.name}", "count": file.count, "extension": {_HASH: told}}


async def _asked_at(exchange: Exchange, job: JobStatus) -> str:
    """The address of the kick-off."""
    body = await exchange.services.store.jobs.body(job.id)
    if body is None:
        return ""
    request = request_in(exchange.repository.open_job(job.kind, body))
    address = f"{request.base.url}/{'/'.join(request.segments)}"
    return f"{address}?{urlencode(request.query)}" if request.query else address
