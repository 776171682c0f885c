"""Conditional create, update and delete (R4 http.html#ccreate, #cond-update, 3.1.0.7.1): the resource is meant by a search.

What the caller may not find does not match: it is created anew as if there were nothing, and never refused with 412, so that
the answer does not tell of other people's records. docs/rest.md has the answers for none, one and several matches.
"""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from server.repository import Prepared, Version
from server.rest.exchange import Exchange
from server.rest.interactions import write
from server.rest.matching import Lookup, ambiguous, claims, find, in_turn, look_up, read_criteria
from server.rest.request import FORMAT_PARAMETERS, parse_pairs
from server.rest.response import Response, deleted_response
from server.search.criteria import Criteria, percent_encoded, placed, query_part
from server.store.store import StaleVersionError

HEADER: Final = "http.If-None-Exist"
ADDRESS: Final = "http.url"
MAX_DELETED: Final = 1000
"""Resources that one conditional delete may delete, where several are allowed at all."""


async def create(exchange: Exchange) -> Response:
    """create; with If-None-Exist, or criteria in the address as fhirpy has them there, only where nothing matches."""
    text = exchange.request.headers.get("if-none-exist")
    in_address = any(name not in FORMAT_PARAMETERS for name, _ in exchange.request.query)
    if text is None and not in_address:
        return await write.create(exchange)
    if text is not None and in_address:
        raise refuse("condition-criteria", "The criteria are in If-None-Exist or in the address, not in both.", HEADER)
    (type_,) = exchange.request.segments
    resource = write.checked_body(exchange, type_)
    place = ADDRESS if text is None else HEADER
    criteria = address_criteria(exchange, type_) if text is None else _header_criteria(exchange, type_, text)

    async def attempt() -> Response:
        lookup = await look_up(exchange, criteria, place)
        if lookup.found is not None:
            return _found(exchange, lookup.found)
        prepared = exchange.repository.prepare(resource, exchange.services.new_id(), None)
        await write.require_within(exchange, prepared.version)
        await exchange.store_together(
            [prepared], 201, claims(exchange, lookup, prepared), [], exchange.told_of([prepared], 201)
        )
        return write.written(exchange, prepared.version, 201)

    return await in_turn(exchange, [criteria.key], attempt)


def _header_criteria(exchange: Exchange, type_: str, text: str) -> Criteria:
    try:
        text = text.encode("latin-1").decode()  # as an ASGI server hands out header bytes
    except UnicodeError as error:
        raise refuse("condition-criteria", "If-None-Exist is not in UTF-8.", HEADER) from error
    criteria = if_none_exist(exchange, type_, text, HEADER)
    exchange.trail.query = criteria.text[:4000]
    return criteria


def if_none_exist(exchange: Exchange, type_: str, text: str, place: str) -> Criteria:
    """The criteria of an If-None-Exist header or an entry's ifNoneExist. Raises FhirError (400, 403)."""
    try:
        query = percent_encoded(query_part(text, type_, exchange.request.base.url))
        pairs = parse_pairs(query.encode("ascii"))
    except FhirError as error:
        raise placed(error, place) from error
    return read_criteria(exchange, type_, pairs, place)


def _found(exchange: Exchange, version: Version) -> Response:
    """The answer to a create that was not needed: what is there."""
    exchange.trail.action = "R"
    exchange.trail.note(f"{version.reference}/_history/{version.version}", version.patients)
    return write.written(exchange, version, 200)


async def update(exchange: Exchange) -> Response:
    """PUT Type?criteria: update what matches, or create where nothing does."""
    (type_,) = exchange.request.segments
    resource = write.checked_body(exchange, type_)
    criteria = address_criteria(exchange, type_)

    async def attempt() -> Response:
        lookup = await look_up(exchange, criteria, ADDRESS)
        prepared, created = await prepare_target(exchange, resource, lookup, f"{type_}.id")
        keys = claims(exchange, lookup, prepared) if created else []
        status = 201 if created else 200
        await exchange.store_together([prepared], status, keys, [], exchange.told_of([prepared], status))
        return write.written(exchange, prepared.version, status)

    return await in_turn(exchange, [criteria.key], attempt)


async def prepare_target(
    exchange: Exchange, resource: Resource, lookup: Lookup, place: str, new_id: str | None = None
) -> tuple[Prepared, bool]:
    """The next version of what matches, or a new resource; and whether it is new (R4 http.html#cond-update).

    `place` is where the resource's own id stands. Raises FhirError: 400 when that is not the id of the match, 409 when
    nothing matches and it is another resource's; StaleVersionError when the match changed since it was found.
    """
    given = resource.get("id")
    if lookup.found is not None:
        if given is not None and given != lookup.found.id:
            raise refuse("id-mismatch", "The resource's id is not that of the one which matches the criteria.", place)
        prepared, created = await write.prepare_update(exchange, resource, lookup.found.id)
        if prepared.version.version != lookup.found.version + 1:
            raise StaleVersionError(prepared.put.key)
        return prepared, created
    if given is not None:
        prepared, created = await write.prepare_update(exchange, resource, given)
        if not created:
            raise refuse("id-in-use", "Nothing matches the criteria, and the resource's id is that of another one.", place)
        return prepared, True
    write.check_if_match(exchange, None)
    exchange.authorize("c", resource["resourceType"])
    prepared = exchange.repository.prepare(resource, new_id or exchange.services.new_id(), None)
    await write.require_within(exchange, prepared.version)
    return prepared, True


async def delete(exchange: Exchange) -> Response:
    """DELETE Type?criteria: none and one match as an ordinary delete; several only where a setting allows it."""
    (type_,) = exchange.request.segments
    write.refuse_written_by_server(type_)
    criteria = address_criteria(exchange, type_)
    most = MAX_DELETED if exchange.services.settings.conditional_delete == "multiple" else 1

    async def attempt() -> Response:
        found = await find(exchange, criteria, most + 1)
        if len(found) > most:
            raise ambiguous(ADDRESS)
        if not found:
            write.check_if_match(exchange, None)
        for version in found:
            await write.require_within(exchange, version)
            write.check_if_match(exchange, version)
        prepared = [exchange.repository.prepare_deletion(version) for version in found]
        if prepared:
            await exchange.store_together(prepared, 204, [], [], exchange.told_of(prepared, 204))
        return deleted_response(prepared[0].version) if len(prepared) == 1 else Response(204)

    return await in_turn(exchange, [criteria.key], attempt)


def address_criteria(exchange: Exchange, type_: str) -> Criteria:
    """The criteria in the address, without what any address may have (`_format`, `_pretty`)."""
    pairs = tuple(pair for pair in exchange.request.query if pair[0] not in FORMAT_PARAMETERS)
    criteria = read_criteria(exchange, type_, pairs, ADDRESS)
    exchange.trail.query = criteria.text[:4000]
    return criteria
