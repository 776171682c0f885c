"""What is taken away for good: the versions of a resource, all of a patient's record, and the commit that does it.

One commit erases every record that is named, with the audit record that tells of it; contents that lie apart are named by a job of the
same commit, which takes them away as often as it takes. AuditEvents stay, and so do uniqueness keys, which name nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

from operations.ports import Erasure, KeptVersion, VersionConflictError
from profiles.definition_types import is_definition
from profiles.outcome import refuse
from profiles.posted_search_parameters import TYPE as SEARCHED_BY
from profiles.structure import resource_types
from server.erased import marks
from server.internal import OwnRecords
from server.repository import Repository, Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.timeline_terms import patient_term, timeline_terms
from server.store.store import Commit, Erase, StaleVersionError
from server.store.timeline import Timeline

KIND: Final = "drop-contents"
MOST: Final = 1000
"""Resources that are erased in one commit."""
_AT_ONCE: Final = 200
_TURN: Final = 16


async def versions_of(repository: Repository, type_: str, id_: str) -> list[Version]:
    """Newest first, whatever anybody may see. Raises DamagedRecordError."""
    key = repository.tenant.index.record_key(type_, id_)
    found: list[Version] = []
    before: int | None = None
    while page := await repository.store.history(key, before, _AT_ONCE):
        found += [repository.open(record, type_, id_) for record in page]
        before = page[-1].version
        await asyncio.sleep(0)
    return found


async def kept_versions(repository: Repository, type_: str, id_: str) -> list[KeptVersion]:
    return [
        KeptVersion(each.version, each.deleted, each.patients, hashlib.sha256(each.record.body).hexdigest())
        for each in await versions_of(repository, type_, id_)
    ]


async def ever_in_record(repository: Repository, patient: str) -> list[tuple[str, str]]:
    """Raises FhirError (400) for more than `MOST`."""
    index = repository.tenant.index
    types = {patient_term(index, type_, patient): type_ for type_ in sorted(resource_types() - {AUDIT_TYPE})}
    found: dict[tuple[str, str], None] = {}
    plan: Timeline | None = Timeline(tuple(types), limit=_AT_ONCE)
    while plan is not None:
        page = await repository.store.timeline(plan)
        for entry in page.listed:
            version = repository.open(entry.record, types[entry.term])
            found[version.type, version.id] = None
        if len(found) > MOST:
            words = f"The record has more than {MOST} resources: erase some of them by themselves first."
            raise refuse("search-too-costly", words)
        plan = None if page.rest is None else Timeline(tuple(types), after=page.rest, limit=_AT_ONCE)
    return sorted(found)


async def commit_erasures(exchange: Exchange, erasures: Sequence[Erasure]) -> None:
    """One commit. Raises VersionConflictError where something was changed meanwhile."""
    repository, contents = exchange.repository, list[str]()
    erased: list[Erase] = []
    for number, each in enumerate(erasures, 1):
        versions = await versions_of(repository, each.type, each.id)
        if not versions or versions[0].version != each.expected:
            raise VersionConflictError
        gone = versions if each.whole else versions[1:]
        erased.append(_erase(repository, each, gone))
        contents += [name.id.hex() for one in gone for name in (one.content, one.body_apart) if name is not None]
        if number % _TURN == 0:
            await asyncio.sleep(0)
    jobs = [repository.seal_job(KIND, exchange.services.clock(), {"contents": contents})] if contents else []
    own = OwnRecords(repository.store, repository.tenant, repository.now)
    below = [(f"{each.type}/{each.id}", 0 if each.whole else each.expected) for each in erasures]
    internals = [mark async for mark in marks(own, below)]
    record = exchange.trail.encode(repository.now(), 200)
    commit = Commit(exchange.tenant.number, jobs=jobs, audit=[record], erasures=erased, internals=internals)
    try:
        await exchange.services.commit(repository.renewed(commit, []))
    except StaleVersionError as error:
        raise VersionConflictError from error
    exchange.trail.committed = True
    if jobs:
        exchange.services.job_stored.set()


def _erase(repository: Repository, erasure: Erasure, gone: Sequence[Version]) -> Erase:
    index = repository.tenant.index
    listed = [
        (term, version.updated, version.version)
        for version in gone
        for term in timeline_terms(index, erasure.type, version.patients)
    ]
    return Erase(
        index.record_key(erasure.type, erasure.id),
        erasure.expected,
        erasure.whole,
        listed,
        definition=is_definition(erasure.type),
        consent=erasure.type == "Consent",
        search=erasure.type == SEARCHED_BY,
    )
