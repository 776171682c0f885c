"""history of an instance, a type or everything (R4 http.html#history): every version, deletions too, in pages.

A caller who is limited to one patient sees the versions that lie in that patient's compartment, of records that lie there now
(docs/decisions, 0024).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.structure import resource_types
from server.access.access import Access
from server.erased import first_version
from server.internal import OwnRecords
from server.reach import personal_types
from server.repository import Listed, Version, instant
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.rest.history_query import HistoryQuery, links, read_history_query
from server.rest.response import Response
from server.rest.shape import Shape, shown
from server.search.index_schema import HISTORY
from server.search.timeline_terms import patient_term, type_term
from server.store.timeline import Moment, Timeline

_AT_ONCE: Final = 100


async def history_instance(exchange: Exchange) -> Response:
    type_, id_, _ = exchange.request.segments
    query = read_history_query(exchange)
    current = await exchange.repository.read(exchange.access, id_)
    if current is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    exchange.trail.note(f"{type_}/{id_}")
    first, last = await _span(exchange, current, query)
    total = last - first + 1 if exchange.access.is_whole else None
    if query.after is not None:
        first, last = (first, query.after.version - 1) if query.descending else (query.after.version + 1, last)
    found = [entry async for entry in _versions(exchange, current, first, last, query)]
    return _answer(exchange, query, found[: query.count], _rest(found, query), total)


async def history_type(exchange: Exchange) -> Response:
    (type_, _) = exchange.request.segments
    return await _of_types(exchange, {type_: exchange.access})


async def history_system(exchange: Exchange) -> Response:
    """Of all types that the caller may search; AuditEvents have no versions."""
    types = sorted(resource_types() - {AUDIT_TYPE})
    granted = {type_: access for type_ in types if (access := exchange.gate.access_if_any("s", type_)) is not None}
    if not granted:
        exchange.authorize("s", types[0])
    return await _of_types(exchange, granted)


async def _of_types(exchange: Exchange, accesses: dict[str, Access]) -> Response:
    query = read_history_query(exchange)
    for type_ in accesses:
        exchange.services.index_state.check(type_, (HISTORY,))
    exchange.trail.query = "&".join(f"{name}={value}" for name, value in query.text)[:4000]
    terms = {_term(exchange, access): access for access in accesses.values()}
    limited = any(access.compartment is not None for access in accesses.values())
    plan = Timeline(tuple(terms), limited, query.since, query.at, query.descending, query.after, query.count)
    found, rest = await exchange.repository.timeline(terms, plan)
    for version, _ in found:
        exchange.trail.note(f"{version.reference}/_history/{version.version}")
    return _answer(exchange, query, found, rest, None)


def _term(exchange: Exchange, access: Access) -> int:
    """What the versions that the caller may see of a type are listed under; others may be there as well."""
    if access.compartment is not None and access.type in personal_types():
        return patient_term(exchange.tenant.index, access.type, access.compartment)
    return type_term(exchange.tenant.index, access.type)


async def _span(exchange: Exchange, current: Version, query: HistoryQuery) -> tuple[int, int]:
    """The first and last version that are asked for: those of one record are numbered in the order of their times."""
    own = OwnRecords(exchange.services.store, exchange.tenant, exchange.services.now)
    oldest = await first_version(own, f"{current.type}/{current.id}")

    async def first_since(moment: int) -> int:
        """The first version that was stored then or later."""
        low, high = oldest, current.version + 1
        while low < high:
            middle = (low + high) // 2
            stored = await _stored(exchange, current, middle)
            low, high = (low, middle) if stored is None or stored[0] >= moment else (middle + 1, high)
        return low

    first, last = oldest, current.version
    if query.at is not None:
        first, last = await first_since(query.at[0]), await first_since(query.at[1] + 1) - 1
        before = await _stored(exchange, current, first - 1) if first > oldest else None
        if before is not None and not before[1]:
            following = await _stored(exchange, current, first)
            if following is None or following[0] > query.at[0]:
                first -= 1  # in force when the interval began
    if query.since is not None:
        first = max(first, await first_since(query.since))
    return first, max(last, first - 1)


async def _stored(exchange: Exchange, current: Version, number: int) -> tuple[int, bool] | None:
    """When a version was stored, and whether it is a deletion."""
    if number == current.version:
        return current.updated, current.deleted
    return await exchange.repository.stored_at(current.type, current.id, number)


async def _versions(
    exchange: Exchange, current: Version, first: int, last: int, query: HistoryQuery
) -> AsyncIterator[Listed]:
    """From `first` to `last` in the order that is asked for, one more than the page takes; those that the caller may see."""
    given = 0
    while first <= last and given <= query.count:
        size = _AT_ONCE if not exchange.access.is_whole else min(_AT_ONCE, query.count + 1 - given)
        low, high = (max(first, last - size + 1), last) if query.descending else (first, min(last, first + size - 1))
        found = await exchange.repository.history(exchange.access, current.id, low, high)
        for entry in found if query.descending else reversed(found):
            if given <= query.count:
                given += 1
                yield entry
        first, last = (first, low - 1) if query.descending else (high + 1, last)


def _rest(found: list[Listed], query: HistoryQuery) -> Moment | None:
    if len(found) <= query.count:
        return None
    version, _ = found[query.count - 1]
    return Moment(version.updated, 0, version.version)


def _answer(
    exchange: Exchange, query: HistoryQuery, found: list[Listed], rest: Moment | None, total: int | None
) -> Response:
    for version, _ in found:
        exchange.trail.patients.update(version.patients)
    head: Resource = {"resourceType": "Bundle", "type": "history"}
    if total is None and rest is None and query.after is None:
        total = len(found)
    if total is not None:
        head["total"] = total
    head["link"] = links(exchange, query, rest)
    base = exchange.request.base.url
    entries = b",".join(_entry(base, version, revived, query.shape) for version, revived in found)
    return Response(200, json.dumps(head)[:-1] + (b',"entry":[' + entries + b"]}" if found else b"}"))


def _entry(base: str, version: Version, revived: bool, shape: Shape) -> bytes:
    """How the version came to be. What was deleted before was created anew by an update (R4 http.html#upsert)."""
    created = version.version == 1 or revived
    method = "DELETE" if version.deleted else "POST" if version.version == 1 else "PUT"
    status = "204" if version.deleted else "201" if created else "200"
    url = version.type if method == "POST" else version.reference
    parts = {
        "request": {"method": method, "url": url},
        "response": {"status": status, "etag": version.etag, "lastModified": instant(version.updated)},
    }
    full_url = json.dumps({"fullUrl": f"{base}/{version.reference}"})[:-1]
    resource = b"" if version.deleted else b',"resource":' + shown(version, shape)
    return full_url + resource + b"," + json.dumps(parts)[1:]
