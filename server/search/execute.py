"""Run a compiled search: hits from the store, checked, included, and joined into a searchset from their stored bytes."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final
from urllib.parse import urlencode

from profiles import json
from profiles.json import Resource
from profiles.outcome import Issue, operation_outcome, refuse
from profiles.references import parse_reference
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.compile import Compiled, compile_query
from server.search.cursor import make_cursor, read_cursor
from server.search.hits import MAX_EXAMINED, Found, matches, telling
from server.search.query import Query
from server.search.registry import indexed_parameters
from server.search.results import Include
from server.search.terms import local_reference
from server.store.algebra import Position

PAGE_BYTES: Final = 32 * 2**20
"""A page ends with the match that goes beyond this many bytes."""

MAX_COUNTED: Final = 1_000_000
MAX_INCLUDED: Final = 1000


async def run_search(exchange: Exchange, query: Query) -> bytes:
    """The searchset Bundle as bytes. Raises FhirError for bad values, cursors and searches that cost too much."""
    if query.type == AUDIT_TYPE:
        await exchange.services.audit.catch_up()
    repository = exchange.repository
    compiled = compile_query(query, exchange.tenant.index, repository.base_url, exchange.access)
    total = await _total(exchange, query, compiled) if query.results.count_only or query.results.total else None
    if query.results.count_only:
        return _bundle(exchange, query, [], [], total, None)
    after = read_cursor(exchange.tenant.cipher, query, exchange.principal.subject)
    page, more = await _page(exchange, query, compiled, after)
    for _, version in page:  # the trail names whose records were seen: reading the trail itself is not that
        exchange.trail.note(version.reference, version.patients if query.type != AUDIT_TYPE else ())
    included = await _included(exchange, query.results.includes, [version for _, version in page])
    last = Position(page[-1][0].value, page[-1][0].rid) if more else None
    return _bundle(exchange, query, [version for _, version in page], included, total, last)


async def _page(exchange: Exchange, query: Query, compiled: Compiled, after: Position | None) -> tuple[list[Found], bool]:
    """At most `query.results.count` hits, fewer where they are large (R4 search.html#count lets a server), and whether more follow."""
    page: list[Found] = []
    size = 0
    async with aclosing(matches(exchange, query.type, compiled, after, query.results.count + 1)) as found:
        async for item in found:
            if len(page) == query.results.count or size > PAGE_BYTES:
                return page, True
            page.append(item)
            size += len(item[1].body)
    return page, False


async def _total(exchange: Exchange, query: Query, compiled: Compiled) -> int:
    exchange.services.index_state.check(query.type, compiled.codes)
    if compiled.is_exact:
        return await exchange.services.store.count(telling(compiled.clauses), MAX_COUNTED)
    hidden = compiled.access.hidden(exchange.tenant.index) if not compiled.checks else None
    if hidden is not None:
        count = exchange.services.store.count
        left_out = await count(telling((*compiled.clauses, hidden)), MAX_COUNTED)
        return await count(telling(compiled.clauses), MAX_COUNTED) - left_out
    total = 0
    async for _ in matches(exchange, query.type, compiled, None, MAX_EXAMINED):
        total += 1
    return total


async def _included(exchange: Exchange, includes: tuple[Include, ...], page: list[Version]) -> list[Version]:
    """What the page's resources refer to, each once, inside what the caller may see."""
    seen = {version.reference for version in page}
    found: list[Version] = []
    for include in includes:
        extract = indexed_parameters(include.source)[include.code].extract
        for version in page:
            if version.type != include.source:
                continue
            for value in extract(version.resource()):
                text = value.value.get("reference") if isinstance(value.value, dict) else value.value
                target = await _target(exchange, include, text, seen)
                if target is not None:
                    found.append(target)
                    if len(found) > MAX_INCLUDED:
                        raise refuse("search-too-costly", "The _include brings too many resources; ask for smaller pages.")
    return found


async def _target(exchange: Exchange, include: Include, text: object, seen: set[str]) -> Version | None:
    if not isinstance(text, str):
        return None
    reference = parse_reference(local_reference(text, exchange.repository.base_url))
    if reference is None or reference.kind != "relative" or reference.type is None or reference.id is None:
        return None
    name = f"{reference.type}/{reference.id}"
    if name in seen or (include.target is not None and include.target != reference.type):
        return None
    access = exchange.gate.access_if_any("r", reference.type)
    version = None if access is None else await exchange.repository.read(access, reference.id)
    if version is None or version.deleted:
        return None
    seen.add(name)
    exchange.trail.note(version.reference, version.patients)
    return version


def _bundle(
    exchange: Exchange, query: Query, page: list[Version], included: list[Version], total: int | None, last: Position | None
) -> bytes:
    base = exchange.request.base.url
    own = [(name, value) for name, value in query.text if name != "_cursor"]
    links = [{"relation": "self", "url": _link(base, query.type, own)}]
    if last is not None:
        cursor = make_cursor(exchange.tenant.cipher, query, exchange.principal.subject, last)
        links.append({"relation": "next", "url": _link(base, query.type, [*own, ("_cursor", cursor)])})
    head: Resource = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        head["total"] = total
    head["link"] = links
    entries = [_entry(base, version, b"match") for version in page]
    entries += [_entry(base, version, b"include") for version in included]
    if query.ignored:
        entries.append(_outcome_entry(query.ignored))
    return json.dumps(head)[:-1] + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")


def _link(base: str, type_: str, pairs: list[tuple[str, str]]) -> str:
    return f"{base}/{type_}?{urlencode(pairs)}" if pairs else f"{base}/{type_}"


def _entry(base: str, version: Version, mode: bytes) -> bytes:
    full_url = f"{base}/{version.reference}".encode()
    return b'{"fullUrl":"' + full_url + b'","resource":' + version.listed + b',"search":{"mode":"' + mode + b'"}}'


def _outcome_entry(ignored: tuple[Issue, ...]) -> bytes:
    return json.dumps({"resource": operation_outcome(ignored), "search": {"mode": "outcome"}})
