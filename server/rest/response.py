"""A FHIR response as bytes, and the ones that all interactions share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from time import gmtime
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, Issue, operation_outcome
from server.repository import MICROSECOND, Version

CONTENT_TYPE: Final = "application/fhir+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """Status, body and extra headers. A body is JSON bytes unless `content_type` says otherwise.

    With a `stream`, its pieces are the body, `length` bytes in all (None: nobody knows); it may raise in the middle, and then the
    connection ends. Whoever takes no piece for `patience` seconds is left.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = CONTENT_TYPE
    refusal: str = ""
    """Our error code when this is a refusal: for the audit trail."""
    stream: AsyncIterator[bytes] | None = None
    length: int | None = 0
    patience: float | None = None
    updated: int | None = None
    """When the version that the answer is about was stored, in microseconds: the headers tell whole seconds."""


def resource_response(resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(resource), headers or {})


def version_response(
    version: Version, status: int, headers: dict[str, str] | None = None, *, body: bytes | None = None
) -> Response:
    """A version as it is stored, with ETag and Last-Modified."""
    told = {**version_headers(version), **(headers or {})}
    return Response(status, version.body if body is None else body, told, updated=version.updated)


def version_headers(version: Version) -> dict[str, str]:
    return {"ETag": version.etag, "Last-Modified": http_date(version.updated)}


def deleted_response(version: Version) -> Response:
    """A resource is deleted, by this version of it or one before."""
    return Response(204, b"", {"ETag": version.etag}, updated=version.updated)


def http_date(updated: int) -> str:
    return _http_date(updated // MICROSECOND)


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    year, month, day, hour, minute, second, weekday, *_ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"


def error_response(error: FhirError) -> Response:
    body = json.dumps(operation_outcome(error.issues))
    return Response(error.status, body, dict(error.headers), refusal=error.issues[0].code)


def outcome_response(status: int, text: str, code: str = "information") -> Response:
    """An OperationOutcome that says what was done (Prefer: return=OperationOutcome)."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "information", "code": "informational", "details": {"text": text}}],
    }
    return Response(status, json.dumps(outcome))


def internal_error(request_id: str) -> Response:
    issue = Issue("internal", f"The server failed. Ask its operator to look for request {request_id} in the log.")
    return Response(500, json.dumps(operation_outcome([issue])), refusal="internal")


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
