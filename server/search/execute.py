"""Run a compiled search: hits from the store, checked, included, and joined into a searchset from their stored bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final
from urllib.parse import urlencode

from profiles import json
from profiles.json import Resource
from profiles.outcome import Issue, operation_outcome, refuse
from profiles.references import parse_reference
from server.audit.log import reach_of
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.compile import Compiled, compile_query
from server.search.cursor import make_cursor, read_cursor
from server.search.query import Query
from server.search.registry import indexed_parameters
from server.search.results import Include
from server.search.terms import local_reference
from server.store.algebra import AnyOf, Clause, Hit, Plan, Position
from server.store.store import Record

MAX_EXAMINED: Final = 20_000
"""How many decrypted candidates one search may look at."""

PAGE_BYTES: Final = 32 * 2**20
"""A page ends with the match that goes beyond this many bytes."""

FETCHED_AT_ONCE: Final = 100
MAX_COUNTED: Final = 1_000_000
MAX_INCLUDED: Final = 1000

_PERSON: Final = "1"
"""What an event says of the patients whom it names (audit-entity-type)."""

Found = tuple[Hit, Version]


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


async def matches(
    exchange: Exchange, type_: str, compiled: Compiled, after: Position | None, wanted: int
) -> AsyncGenerator[Found, None]:
    """Up to `wanted` hits that pass every check, in order, starting after a position. Raises FhirError, also (503) while the index
    does not hold all of them."""
    exchange.services.index_state.check(type_, compiled.codes)
    clauses = telling(compiled.clauses)
    examined, given = 0, 0
    batch = min(wanted, FETCHED_AT_ONCE) if compiled.is_exact else FETCHED_AT_ONCE
    while given < wanted:
        hits = await exchange.services.store.find(Plan(clauses, compiled.order, after, batch))
        versions = await _open_hits(exchange, type_, hits)
        for hit in hits:
            version = versions.pop(hit.rid, None)
            whole = None if version is None else await exchange.repository.whole(version)
            if whole is not None and await _passes(exchange, compiled, whole):
                given += 1
                yield hit, whole
                if given == wanted:
                    return
        if len(hits) < batch:
            return
        examined += len(hits)
        if examined >= MAX_EXAMINED:
            raise refuse(
                "search-too-costly", "Too many candidates have to be decrypted; add a criterion that narrows the search."
            )
        after = Position(hits[-1].value, hits[-1].rid)


def telling(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    """Without the first clause, the type's, where other terms say what is wanted: all terms are of one type."""
    return clauses[1:] if any(isinstance(clause, AnyOf) for clause in clauses[1:]) else clauses


async def _passes(exchange: Exchange, compiled: Compiled, version: Version) -> bool:
    """A record may have gone over to another patient since the store found it."""
    if not compiled.access.is_whole and not await exchange.repository.admits(compiled.access, version):
        return False
    if not compiled.checks:
        return True
    resource = version.resource()
    return all(check(resource) for check in compiled.checks)


async def _open_hits(exchange: Exchange, type_: str, hits: list[Hit]) -> dict[int, Version]:
    rids = [hit.rid for hit in hits]
    if type_ == AUDIT_TYPE:
        events = await exchange.services.audit.fetch(exchange.tenant, rids)
        return {rid: as_version(event) for rid, event in events.items()}
    records = await exchange.services.store.fetch(rids)
    repository = exchange.repository
    return {rid: repository.open(record, type_) for rid, record in records.items() if not record.deleted}


def as_version(event: Resource) -> Version:
    """An AuditEvent is one version, and never changes."""
    people = (entity for entity in event["entity"] if entity["type"]["code"] == _PERSON)
    reach = reach_of(tuple(entity["what"]["reference"].removeprefix("Patient/") for entity in people))
    return Version(AUDIT_TYPE, event["id"], 1, 0, False, json.dumps(event), reach, Record(0, b"", 1, 0, False, b""))


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
