"""A file of a finished export (Bulk Data Access, Bulk Data Output File Request): whole, packed, or from where a download broke off.

Only who asked for the export gets it, with a token of at least the same rights, and an administrator. A file never changes: its
ETag is its hash, and a range of it (RFC 9110 section 14) is good for as long as the file is kept.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from profiles.outcome import refuse
from server.accept import weighted
from server.bulk.files import File, read_file
from server.bulk.manifest import MANIFESTS, files_of, kept_manifest
from server.documents.ranges import UnsatisfiableError, asked_range
from server.rest.exchange import Exchange
from server.rest.interactions.binary_read import begun
from server.rest.interactions.job_status import require_rights, visible_job
from server.rest.response import Response, http_date
from server.store.jobs import JobStatus

NDJSON: Final = "application/fhir+ndjson"
PATIENCE: Final = 120.0
"""Seconds for which nobody takes anything, until a download is left."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_LEVEL: Final = 4


async def download(exchange: Exchange) -> Response:
    """200 or 206. Raises FhirError (404, 416), DamagedRecordError."""
    job = await visible_job(exchange)
    await require_rights(exchange, job)
    file = await _file(exchange, job)
    exchange.trail.tell(file.name)
    request = exchange.request
    headers = {
        "ETag": f'"{file.sha256}"',
        "Expires": http_date(job.until),
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
        "Content-Disposition": f'attachment; filename="{file.name}"',
    }
    condition = request.headers.get("if-range")
    asked = request.headers.get("range") if condition in {None, headers["ETag"]} and request.method == "GET" else None
    try:
        part = asked_range(asked, file.size)
    except UnsatisfiableError as error:
        refusal = refuse("range", "The range lies outside of the file.", "http.Range")
        refusal.headers["Content-Range"] = f"bytes */{file.size}"
        raise refusal from error
    start, end = part or (0, file.size)
    jobs = exchange.services.store.jobs
    stream = await begun(read_file(jobs, exchange.tenant, job.id, file, start, end))
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        return Response(206, b"", headers, NDJSON, stream=stream, length=end - start, patience=PATIENCE)
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(200, b"", headers, NDJSON, stream=_packed(stream), length=None, patience=PATIENCE)
    return Response(200, b"", headers, NDJSON, stream=stream, length=file.size, patience=PATIENCE)


async def _file(exchange: Exchange, job: JobStatus) -> File:
    """Raises FhirError (404)."""
    if job.kind in MANIFESTS and job.closed == "done":
        for file in files_of(await kept_manifest(exchange, job)):
            if file.name == exchange.request.segments[2]:
                return file
    raise refuse("not-found", "There is no such file, or it is no longer kept.", "http.url")


def takes_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding header names gzip."""
    return any(name == "gzip" and weight > 0 for name, _, weight in weighted(accept))


async def _packed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    async for piece in pieces:
        packed = await asyncio.to_thread(packer.compress, piece)
        if packed:
            yield packed
    yield packer.flush()
