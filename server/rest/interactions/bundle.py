"""batch and transaction (R4 http.html#transaction): many interactions in one request.

A batch judges and answers every entry by itself. A transaction is one commit: all references between its entries are
resolved, every entry is authorized and checked, then everything is stored together with one audit record, or nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from profiles import json
from profiles.json import Json, Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.reference_rewriting import rewrite_references
from profiles.references import iter_references, parse_reference
from server.auth.decision import Letter
from server.repository import Prepared, Version, instant
from server.rest.address import template_of
from server.rest.exchange import Exchange, check_type
from server.rest.interactions import write
from server.rest.request import Request, parse_pairs
from server.rest.response import Response

MAX_ENTRIES: Final = 2000
_ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "GET": 3, "HEAD": 3}
_LETTERS: Final[dict[str, Letter]] = {"POST": "c", "PUT": "u", "DELETE": "d"}
_CONDITIONS: Final = ("ifNoneExist", "ifNoneMatch", "ifModifiedSince")


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


async def bundle(exchange: Exchange) -> Response:
    """POST to the base."""
    body = exchange.request.resource()
    if body["resourceType"] != "Bundle":
        raise refuse("bundle-type", "Only a Bundle of type batch or transaction can be posted to the base.", "resourceType")
    if body.get("type") not in ("batch", "transaction"):  # a tuple, since the type may be any JSON
        raise refuse("bundle-type", "The Bundle's type must be batch or transaction here.", "Bundle.type")
    given = body.get("entry", [])
    if not isinstance(given, list) or len(given) > MAX_ENTRIES:
        raise refuse("bundle-entry", f"Bundle.entry must be a list of at most {MAX_ENTRIES} entries.", "Bundle.entry")
    if body["type"] == "batch":
        return await _batch(exchange, given)
    exchange.trail.interaction = "transaction"
    return await _transaction(exchange, [_parse(item, f"Bundle.entry[{number}]") for number, item in enumerate(given)])


def _parse(item: Json, at: str) -> Entry:
    request = item.get("request") if isinstance(item, dict) else None
    if not isinstance(request, dict):
        raise refuse("bundle-entry", "Every entry needs a request with method and url.", f"{at}.request")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or method not in _ORDER:
        raise refuse("bundle-entry", "An entry's method is GET, HEAD, POST, PUT or DELETE.", f"{at}.request.method")
    if not isinstance(url, str) or not url:
        raise refuse("bundle-entry", "An entry's request needs a url.", f"{at}.request.url")
    for condition in _CONDITIONS:
        if condition in request:
            raise refuse(
                "not-supported", f"Conditional entries ({condition}) are not supported yet.", f"{at}.request.{condition}"
            )
    resource, full_url, if_match = item.get("resource"), item.get("fullUrl"), request.get("ifMatch")
    if method in {"POST", "PUT"} and not (isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)):
        raise refuse("bundle-entry", f"A {method} entry needs a resource.", f"{at}.resource")
    if full_url is not None and not isinstance(full_url, str):
        raise refuse("bundle-entry", "fullUrl is a string.", f"{at}.fullUrl")
    if if_match is not None and not isinstance(if_match, str):
        raise refuse("bundle-entry", "ifMatch is a string.", f"{at}.request.ifMatch")
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise refuse("bundle-entry", "The entry's url is not a URL.", f"{at}.request.url") from error
    segments = tuple(unquote(part) for part in split.path.strip("/").split("/"))
    query = parse_pairs(split.query.encode("ascii", "replace"))
    return Entry(at, method, segments, query, full_url, resource, if_match)


async def _batch(exchange: Exchange, given: Sequence[Json]) -> Response:
    entries: list[bytes] = []
    exchange.trail.committed = bool(given)
    for number, item in enumerate(given):
        try:
            entry = _parse(item, f"Bundle.entry[{number}]")
            response = await exchange.respond(_request(exchange, entry))
        except FhirError as error:
            entries.append(_refused(error))
            exchange.trail.committed = False  # nobody has noted this entry: the batch leaves a record of its own
            continue
        entries.append(_answered(exchange, response))
    return Response(200, b'{"resourceType":"Bundle","type":"batch-response"' + _list(entries) + b"}")


def _request(exchange: Exchange, entry: Entry) -> Request:
    headers = {name: value for name, value in exchange.request.headers.items() if name in {"authorization", "prefer"}}
    body = b""
    if entry.resource is not None and entry.method in {"POST", "PUT"}:
        body = json.dumps(entry.resource)
        headers["content-type"] = "application/fhir+json"
    if entry.if_match is not None:
        headers["if-match"] = entry.if_match
    return replace(
        exchange.request,
        method=entry.method,
        segments=entry.segments,
        template=template_of(entry.segments),
        query=entry.query,
        headers=headers,
        body=body,
        inside_bundle=True,
    )


def _answered(exchange: Exchange, response: Response) -> bytes:
    part: dict[str, Any] = {"status": str(response.status)}
    for header, name in (("Location", "location"), ("ETag", "etag")):
        if header in response.headers:
            part[name] = response.headers[header]
    failed = response.status >= 400
    if failed and response.body:
        part["outcome"] = json.loads(response.body)
    resource = b'"resource":' + response.body + b"," if response.body and not failed else b""
    return b"{" + resource + b'"response":' + json.dumps(part) + b"}"


def _refused(error: FhirError) -> bytes:
    outcome = {"resourceType": "OperationOutcome", "issue": [issue.to_fhir() for issue in error.issues]}
    return json.dumps({"response": {"status": str(error.status), "outcome": outcome}})


@dataclass(frozen=True, slots=True)
class Change:
    """What one writing entry of a transaction does."""

    entry: Entry
    prepared: Prepared
    status: int


async def _transaction(exchange: Exchange, entries: list[Entry]) -> Response:
    addresses = _addresses(exchange, entries)
    _refuse_overlap(entries, addresses)
    full_urls = _full_urls(entries, addresses)
    changes: dict[str, Change] = {}
    for entry in sorted(entries, key=lambda item: _ORDER[item.method]):
        if entry.method in {"POST", "PUT", "DELETE"}:
            change = await _change(exchange, entry, addresses[entry.at], full_urls)
            if change is not None:
                changes[entry.at] = change
    if changes:
        exchange.trail.action = "E"
        await exchange.commit([change.prepared for change in changes.values()], status=200)
    parts: list[bytes] = []
    for entry in entries:
        if entry.at in changes:
            parts.append(_stored(exchange, changes[entry.at]))
        elif entry.method == "DELETE":
            parts.append(b'{"response":{"status":"204"}}')
        else:
            parts.append(_answered(exchange, await exchange.respond(_request(exchange, entry))))
    return Response(200, b'{"resourceType":"Bundle","type":"transaction-response"' + _list(parts) + b"}")


def _list(entries: list[bytes]) -> bytes:
    """JSON of FHIR has no empty arrays."""
    return b',"entry":[' + b",".join(entries) + b"]" if entries else b""


def _addresses(exchange: Exchange, entries: list[Entry]) -> dict[str, tuple[str, str]]:
    """entry -> (type, id) that it writes."""
    addresses: dict[str, tuple[str, str]] = {}
    for entry in entries:
        shape = (entry.method, len(entry.segments))
        if shape[0] in {"GET", "HEAD"}:
            continue
        if shape not in {("POST", 1), ("PUT", 2), ("DELETE", 2)} or entry.query:
            text = "Inside a transaction, POST goes to a type, PUT and DELETE to a type and id, without search parameters."
            raise refuse("bundle-entry", text, f"{entry.at}.request.url")
        check_type(entry.segments[0])
        id_ = exchange.services.new_id() if entry.method == "POST" else entry.segments[1]
        write.check_id(id_)
        addresses[entry.at] = (entry.segments[0], id_)
    return addresses


def _refuse_overlap(entries: list[Entry], addresses: dict[str, tuple[str, str]]) -> None:
    seen: dict[tuple[str, str], str] = {}
    urls: dict[str, str] = {}
    for entry in entries:
        if entry.at in addresses:
            address = addresses[entry.at]
            if address in seen:
                raise refuse("bundle-duplicate", f"{seen[address]} and {entry.at} change the same resource.", entry.at)
            seen[address] = entry.at
        if entry.full_url is not None and entry.method in {"POST", "PUT"}:
            if entry.full_url in urls:
                raise refuse(
                    "bundle-duplicate",
                    f"{urls[entry.full_url]} and {entry.at} have the same fullUrl.",
                    f"{entry.at}.fullUrl",
                )
            urls[entry.full_url] = entry.at


async def _change(exchange: Exchange, entry: Entry, address: tuple[str, str], full_urls: dict[str, str]) -> Change | None:
    type_, id_ = address
    try:
        write.refuse_written_by_server(type_)
        decision = exchange.authorize(_LETTERS[entry.method], type_)
        part = replace(exchange, decision=decision, request=_request(exchange, entry))
        if entry.method == "DELETE":
            return await _deletion(part, entry, type_, id_)
        resource = _resolved(entry, full_urls)
        if resource["resourceType"] != type_:
            raise refuse("id-mismatch", "The entry's resource is not of the type in its url.", "resource.resourceType")
        if entry.method == "POST":
            write.check_content({**resource, "id": id_})
            prepared = exchange.repository.prepare(resource, id_, None)
            write.require_own_compartment(part, prepared.version)
            return Change(entry, prepared, 201)
        if resource.get("id") != id_:
            raise refuse("id-mismatch", "The resource's id must be the id in the entry's url.", "resource.id")
        write.check_content(resource)
        prepared, created = await write.prepare_update(part, resource, id_)
        return Change(entry, prepared, 201 if created else 200)
    except FhirError as error:
        raise FhirError([_inside(issue, entry.at) for issue in error.issues], error.status, error.headers) from error


async def _deletion(part: Exchange, entry: Entry, type_: str, id_: str) -> Change | None:
    current = await part.visible(type_, id_, part.decision)
    if current is None or current.deleted:
        return None
    write.require_own_compartment(part, current)
    write.check_if_match(part, current)
    return Change(entry, part.repository.prepare_deletion(current), 204)


def _inside(issue: Issue, at: str) -> Issue:
    """The same issue, its expression seen from the Bundle."""
    expression = issue.expression or ""
    if expression.startswith(("http.", "Bundle.")) or not expression:
        return replace(issue, expression=at)
    head, dot, rest = expression.partition(".")
    if head == "resource":
        return replace(issue, expression=f"{at}.resource{dot}{rest}")
    return replace(issue, expression=f"{at}.resource{dot}{rest}" if head[:1].isupper() else f"{at}.resource.{expression}")


def _full_urls(entries: list[Entry], addresses: dict[str, tuple[str, str]]) -> dict[str, str]:
    """fullUrl -> `Type/id` that the entry's resource is stored under."""
    return {
        entry.full_url: "/".join(addresses[entry.at])
        for entry in entries
        if entry.full_url is not None and entry.method in {"POST", "PUT"}
    }


def _resolved(entry: Entry, full_urls: dict[str, str]) -> Resource:
    """The entry's resource with references to other entries rewritten (R4 bundle.html#references).

    A Bundle that is to be stored stays as it is: its references are between its own entries.
    """
    if entry.resource is not None and entry.resource["resourceType"] == "Bundle":
        return entry.resource
    mapping = full_urls
    reference = parse_reference(entry.full_url) if entry.full_url is not None else None
    if reference is not None and reference.kind == "absolute" and reference.base is not None:
        base = reference.base + "/"
        mapping = full_urls | {url.removeprefix(base): name for url, name in full_urls.items() if url.startswith(base)}
    resource = rewrite_references(entry.resource or {}, mapping)
    for holder, key, expression in iter_references(resource):
        if holder[key].startswith("urn:"):
            raise refuse("reference-unresolved", "The reference names no entry of the transaction.", expression)
    return resource


def _stored(exchange: Exchange, change: Change) -> bytes:
    version: Version = change.prepared.version
    part = {
        "status": str(change.status),
        "location": f"{exchange.request.base.url}/{version.reference}/_history/{version.version}",
        "etag": version.etag,
        "lastModified": instant(version.updated),
    }
    wanted = exchange.request.prefer.get("return") == "representation" and not version.deleted
    resource = b'"resource":' + version.body + b"," if wanted else b""
    return b"{" + resource + b'"response":' + json.dumps(part) + b"}"
