"""The hits of a compiled search, in order: found in the store, opened, and held against every check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from time import perf_counter
from typing import Final

from profiles import json
from profiles.json import Resource
from server.audit.log import reach_of
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.compile import Compiled
from server.search.work import Work, too_costly
from server.store.algebra import AnyOf, Clause, Hit, Plan, Position
from server.store.store import Record

MAX_EXAMINED: Final = 20_000
"""How many decrypted candidates one search may look at."""

FETCHED_AT_ONCE: Final = 100

_PERSON: Final = "1"
"""What an event says of the patients whom it names (audit-entity-type)."""

Found = tuple[Hit, Version]


async def matches(
    exchange: Exchange,
    type_: str,
    compiled: Compiled,
    after: Position | None,
    wanted: int,
    most: int = MAX_EXAMINED,
    work: Work | None = None,
) -> AsyncGenerator[Found, None]:
    """Up to `wanted` hits that pass every check, in order, starting after a position. `work` counts what that costs.

    Raises FhirError: 400 when more than `most` candidates would have to be opened, 503 while the index does not hold all of them.
    """
    exchange.services.index_state.check(type_, compiled.codes)
    clauses = telling(compiled.clauses)
    examined, given = 0, 0
    work = Work() if work is None else work
    batch = min(wanted, FETCHED_AT_ONCE) if compiled.is_exact else FETCHED_AT_ONCE
    while given < wanted:
        moment = perf_counter()
        hits = await exchange.services.store.find(Plan(clauses, compiled.order, after, batch))
        moment = work.spent("index", moment)
        versions = await _open_hits(exchange, type_, hits)
        work.spent("open", moment)
        work.asked, work.rows, work.opened = work.asked + 1, work.rows + len(hits), work.opened + len(versions)
        for hit in hits:
            version = versions.pop(hit.rid, None)
            if version is None:
                continue
            whole = version if version.body_apart is None else await exchange.repository.whole(version)
            if await _passes(exchange, compiled, whole):
                given += 1
                work.matched += 1
                yield hit, whole
                if given == wanted:
                    return
        if len(hits) < batch:
            return
        examined += len(hits)
        if examined >= most:
            raise too_costly(type_, most, compiled.codes, work.why)
        after = Position(hits[-1].value, hits[-1].rid)
        await asyncio.sleep(0)  # the embedded store never waits: other requests have their turn between two looks


def telling(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    """Without the first clause, the type's, where other terms say what is wanted: all terms are of one type."""
    return clauses[1:] if any(isinstance(clause, AnyOf) for clause in clauses[1:]) else clauses


async def _passes(exchange: Exchange, compiled: Compiled, version: Version) -> bool:
    """A record may have gone over to another patient since the store found it."""
    if not compiled.access.is_whole and not await exchange.repository.admits(compiled.access, version):
        return False
    if compiled.checks:
        resource = version.resource()
        if not all(check(resource) for check in compiled.checks):
            return False
    for link in compiled.links:
        if not await link(version):
            return False
    return True


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
