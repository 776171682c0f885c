"""patch (R4 http.html#patch): a resource, named by its id or by criteria, is changed by a patch of its current version.

A patch is relative: one that lost a race is applied anew to what the other made of the resource. Whoever patches learns what is
there (tests, the answer), and so needs the right to read besides the right to update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from profiles import fhirpath_patch, json_patch, merge_patch
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from server.repository import Prepared, Version, instant
from server.rest.exchange import Exchange
from server.rest.interactions import write
from server.rest.interactions.conditional import ADDRESS, address_criteria
from server.rest.matching import in_turn, look_up, still_matches
from server.rest.request import Request, refuse_unknown
from server.rest.response import Response, version_headers
from server.store.store import StaleVersionError

Patch = Callable[[Resource], Json]
"""Makes of a resource, which is its own to change, what it shall be. Raises FhirError (422)."""


def _json_patch(content: Json) -> Patch:
    operations = json_patch.read_patch(content)
    return lambda resource: json_patch.apply_patch(operations, resource)


def _merge_patch(content: Json) -> Patch:
    if not isinstance(content, dict):
        raise refuse("patch-format", "A merge patch of a resource is a JSON object.", "http.body")
    return lambda resource: merge_patch.apply_patch(content, resource)


def _fhirpath_patch(content: Json) -> Patch:
    operations = fhirpath_patch.read_patch(content)
    return lambda resource: fhirpath_patch.apply_patch(operations, resource)


def _plain_json_patch(content: Json) -> Patch:
    """What came as no more than JSON, by its shape: a list, a Parameters resource, or what shall be merged (as fhirpy sends it)."""
    if isinstance(content, dict):
        return _fhirpath_patch(content) if content.get("resourceType") == "Parameters" else _merge_patch(content)
    return _json_patch(content)


READERS: Final[Mapping[str, Callable[[Json], Patch]]] = {
    json_patch.MEDIA_TYPE: _json_patch,
    merge_patch.MEDIA_TYPE: _merge_patch,
    "application/fhir+json": _fhirpath_patch,
}
"""Media type -> what reads a patch of that format."""
_PLAIN: Final = "application/json"


async def patch(exchange: Exchange) -> Response:
    """PATCH Type/id."""
    type_, id_ = exchange.request.segments
    write.refuse_written_by_server(type_)
    refuse_unknown(exchange.request.query)
    change = read_patch(exchange.request)

    async def attempt() -> Response:
        return await _store(exchange, await present(exchange, type_, id_), change)

    return await in_turn(exchange, [turn(type_, id_)], attempt)


async def conditional_patch(exchange: Exchange) -> Response:
    """PATCH Type?criteria: 404 where nothing matches, 412 where several do."""
    (type_,) = exchange.request.segments
    write.refuse_written_by_server(type_)
    change = read_patch(exchange.request)
    criteria = address_criteria(exchange, type_)

    async def attempt() -> Response:
        lookup = await look_up(exchange, criteria, ADDRESS)
        if lookup.found is None:
            raise refuse("not-found", "Nothing that you may see matches the criteria.", ADDRESS)
        async with exchange.services.turns.of([(exchange.tenant.number, *turn(type_, lookup.found.id))]):
            current = await present(exchange, type_, lookup.found.id)
            if not still_matches(exchange, criteria, current):
                raise StaleVersionError(current.record.key)
            return await _store(exchange, current, change)

    return await in_turn(exchange, [criteria.key], attempt)


async def _store(exchange: Exchange, current: Version, change: Patch) -> Response:
    prepared = await prepare_patch(exchange, current, change)
    await exchange.store_together([prepared], 200, [], [], exchange.told_of([prepared], 200))
    return write.written(exchange, prepared.version, 200)


def turn(type_: str, id_: str) -> tuple[str, ...]:
    """What those who patch one resource take turns for; behind that of a condition in the order of turns."""
    return ("patch", type_, id_)


def read_patch(request: Request) -> Patch:
    """The body as a patch. Raises FhirError: 400, 415, 422."""
    reader = _plain_json_patch if request.media_type == _PLAIN else READERS.get(request.media_type)
    if reader is None:
        text = "A patch is a JSON Patch, a merge patch or a FHIRPath Patch (Parameters); send its Content-Type: "
        text += ", ".join(READERS) + "."
        error = refuse("content-type", text, "http.Content-Type")
        error.headers["Accept-Patch"] = ", ".join(READERS)
        raise error
    return reader(request.parsed())


async def present(exchange: Exchange, type_: str, id_: str) -> Version:
    """What is to be patched. Raises FhirError: 403, 404, 410."""
    reading = exchange.authorize("r", type_)
    current = await exchange.repository.read(exchange.access, id_)
    if current is None or not await exchange.repository.admits(reading, current):
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    await write.require_within(exchange, current)
    if current.deleted:
        error = refuse("gone", "The resource was deleted; only an update brings it back.", "http.url")
        error.headers.update(version_headers(current))
        raise error
    return current


def patched(exchange: Exchange, current: Version, change: Patch) -> Resource:
    """What the patch makes of the current version, checked as every write is. Raises FhirError: 400, 412, 422."""
    write.check_if_match(exchange, current)
    write.check_if_none_match(exchange, current)
    if current.content is not None:
        raise refuse("not-supported", "A Binary of this size cannot be patched; replace it with PUT.", "http.method")
    resource = change(current.resource())
    if not isinstance(resource, dict) or (resource.get("resourceType"), resource.get("id")) != (current.type, current.id):
        raise _protected("resourceType" if not isinstance(resource, dict) else "id")
    meta = resource.get("meta")
    for name, own in (("versionId", str(current.version)), ("lastUpdated", instant(current.updated))):
        if isinstance(meta, dict) and meta.get(name, own) != own:
            raise _protected(f"meta.{name}")
    return write.check_content(resource)


async def prepare_patch(exchange: Exchange, current: Version, change: Patch) -> Prepared:
    """The next version. Raises FhirError."""
    prepared = exchange.repository.prepare(patched(exchange, current, change), current.id, current)
    await write.require_within(exchange, prepared.version)
    return prepared


def _protected(element: str) -> FhirError:
    text = "A patch may not change resourceType, id, meta.versionId or meta.lastUpdated: the server sets them."
    return refuse("patch-protected", text, element)
