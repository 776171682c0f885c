"""The entries of a batch or transaction (R4 bundle.html, http.html#transaction): parsed, as requests, and as answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from profiles import json
from profiles.json import Json, Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.text import instant_range
from server.access.asking import BREAK_GLASS
from server.audit.purposes import HEADER as PURPOSE
from server.repository import instant
from server.rest.address import template_of
from server.rest.request import Request, parse_pairs
from server.rest.response import Response, http_date
from server.search.criteria import percent_encoded

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_CONDITIONS: Final = {
    "ifMatch": METHODS,
    "ifNoneMatch": frozenset({"GET", "HEAD", "PUT"}),
    "ifNoneExist": frozenset({"POST"}),
    "ifModifiedSince": frozenset({"GET", "HEAD"}),
}
"""Condition -> the methods that it can stand with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, its request parsed. `at` is its FHIRPath in the Bundle."""

    at: str
    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    full_url: str | None
    resource: Resource | None
    if_match: str | None
    if_none_match: str | None
    if_none_exist: str | None
    if_modified_since: int | None = None
    """Microseconds."""

    @property
    def writes(self) -> bool:
        return self.method in {"POST", "PUT", "PATCH", "DELETE"}


def parse_entry(item: Json, at: str, base: str) -> Entry:
    """`base`: the address of the FHIR base that the Bundle came to. Raises FhirError (400) for what is no entry of a request."""
    request = item.get("request") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(request, dict):
        raise refuse("bundle-entry", "Every entry needs a request with method and url.", f"{at}.request")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or method not in METHODS:
        raise refuse("bundle-entry", "An entry's method is GET, HEAD, POST, PUT, PATCH or DELETE.", f"{at}.request.method")
    if not isinstance(url, str) or not url:
        raise refuse("bundle-entry", "An entry's request needs a url.", f"{at}.request.url")
    conditions = _conditions(request, method, at)
    resource, full_url = item.get("resource"), item.get("fullUrl")
    if method in {"POST", "PUT", "PATCH"} and not (
        isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)
    ):
        raise refuse("bundle-entry", f"A {method} entry needs a resource.", f"{at}.resource")
    if method == "PATCH" and resource is not None:
        _patch_body(resource, at)
    if full_url is not None and not isinstance(full_url, str):
        raise refuse("bundle-entry", "fullUrl is a string.", f"{at}.fullUrl")
    segments, query = _address(url.removeprefix(base), f"{at}.request.url")
    if segments == ("",) and query and not method.startswith("P"):
        segments = ()  # a search of the whole system
    return Entry(
        at,
        method,
        segments,
        query,
        full_url,
        resource,
        conditions["ifMatch"],
        conditions["ifNoneMatch"],
        conditions["ifNoneExist"],
        _instant(conditions["ifModifiedSince"], at),
    )


def _patch_body(resource: Resource, at: str) -> tuple[bytes, str]:
    """(body, media type) of a PATCH entry. A patch that is no resource comes inside a Binary (R4 http.html#patch)."""
    if resource["resourceType"] != "Binary":
        return json.dumps(resource), "application/fhir+json"
    content_type, data = resource.get("contentType"), resource.get("data")
    if not isinstance(content_type, str) or not isinstance(data, str):
        raise refuse("bundle-entry", "The Binary of a PATCH entry needs contentType and data.", f"{at}.resource")
    try:
        return base64.b64decode("".join(data.split()), validate=True), content_type
    except ValueError as error:
        raise refuse("bundle-entry", "The data of a PATCH entry is not base64.", f"{at}.resource.data") from error


def _conditions(request: Resource, method: str, at: str) -> dict[str, str | None]:
    for name, methods in _CONDITIONS.items():
        if name in request and not isinstance(request[name], str):
            raise refuse("bundle-entry", f"{name} is a string.", f"{at}.request.{name}")
        if name in request and method not in methods:
            raise refuse("bundle-entry", f"{name} does not go with {method}.", f"{at}.request.{name}")
    return {name: request.get(name) for name in _CONDITIONS}


def _instant(text: str | None, at: str) -> int | None:
    found = instant_range(text) if text is not None else None
    if text is not None and found is None:
        raise refuse("bundle-entry", "ifModifiedSince is an instant.", f"{at}.request.ifModifiedSince")
    return None if found is None else found[0]


def _address(url: str, place: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise refuse("bundle-entry", "The entry's url is not a URL.", place) from error
    if split.fragment:  # what follows a # would silently be no part of the criteria
        raise refuse("bundle-entry", "The entry's url has a fragment; a # in a value is written %23.", place)
    if split.scheme or split.netloc:
        raise refuse(
            "bundle-entry", "The entry's url leads to another server; write it from this base on, as in Patient/1.", place
        )
    segments = tuple(unquote(part) for part in split.path.strip("/").split("/"))
    return segments, parse_pairs(percent_encoded(split.query).encode("ascii"))


_INHERITED: Final = frozenset({"authorization", "prefer", PURPOSE, BREAK_GLASS})
"""Headers of the whole that count for each entry."""


def request_of(whole: Request, entry: Entry) -> Request:
    """The request that the entry would be by itself, of the request that brought the Bundle."""
    headers = {name: value for name, value in whole.headers.items() if name in _INHERITED}
    body = b""
    if entry.resource is not None and entry.method == "PATCH":
        body, headers["content-type"] = _patch_body(entry.resource, entry.at)
    elif entry.resource is not None and entry.method in {"POST", "PUT"}:
        body = json.dumps(entry.resource)
        headers["content-type"] = "application/fhir+json"
    if entry.if_match is not None:
        headers["if-match"] = entry.if_match
    if entry.if_none_match is not None:
        headers["if-none-match"] = entry.if_none_match
    if entry.if_modified_since is not None:
        headers["if-modified-since"] = http_date(entry.if_modified_since)
    if entry.if_none_exist is not None:
        headers["if-none-exist"] = percent_encoded(entry.if_none_exist)
    return replace(
        whole,
        method=entry.method,
        segments=entry.segments,
        template=template_of(entry.segments),
        query=entry.query,
        headers=headers,
        body=body,
        inside_bundle=True,
    )


def without_content(request: Request, response: Response) -> Response:
    """What an entry's request is answered with: to HEAD all but the resource."""
    return replace(response, body=b"") if request.method == "HEAD" and response.status < 400 else response


def answered(response: Response) -> bytes:
    """The answer to an entry, as an entry of the response Bundle."""
    part: dict[str, Any] = {"status": str(response.status)}
    for header, name in (("Location", "location"), ("ETag", "etag")):
        if header in response.headers:
            part[name] = response.headers[header]
    if response.updated is not None:
        part["lastModified"] = instant(response.updated)
    failed = response.status >= 400
    if failed and response.body:
        part["outcome"] = json.loads(response.body)
    resource = b'"resource":' + response.body + b"," if response.body and not failed else b""
    return b"{" + resource + b'"response":' + json.dumps(part) + b"}"


def refused(error: FhirError) -> bytes:
    """The refusal of an entry that is no request."""
    outcome = {"resourceType": "OperationOutcome", "issue": [issue.to_fhir() for issue in error.issues]}
    return json.dumps({"response": {"status": str(error.status), "outcome": outcome}})


def response_bundle(type_: str, entries: Sequence[bytes]) -> Response:
    """JSON of FHIR has no empty arrays."""
    listed = b',"entry":[' + b",".join(entries) + b"]" if entries else b""
    return Response(200, b'{"resourceType":"Bundle","type":"' + type_.encode() + b'"' + listed + b"}")


def inside(error: FhirError, at: str) -> FhirError:
    """The refusal of an entry's content, its expressions seen from the Bundle."""
    return FhirError([_inside(issue, at) for issue in error.issues], error.status, error.headers)


def _inside(issue: Issue, at: str) -> Issue:
    expression = issue.expression or ""
    if expression.startswith(("http.", "Bundle.")) or not expression:
        return replace(issue, expression=at)
    head, dot, rest = expression.partition(".")
    if head == "resource":
        return replace(issue, expression=f"{at}.resource{dot}{rest}")
    return replace(issue, expression=f"{at}.resource{dot}{rest}" if head[:1].isupper() else f"{at}.resource.{expression}")
