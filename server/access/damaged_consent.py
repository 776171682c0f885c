"""Whose consent it is that does not open any more: told by what is left of it, so that it hides one record and not everybody's.

An earlier version may still open; and what the record is found by tells of each patient whether it is theirs, though it names nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from server.access.access import everything
from server.repository import DamagedRecordError, Repository
from server.search.compile import compile_query
from server.search.index_entries import compartment_term
from server.search.query import parse_query
from server.store.algebra import Plan, Position
from server.store.store import Record

MOST_PATIENTS: Final = 50_000
"""So many are asked whether the consent is theirs, once for each consent that is damaged: some seconds."""

_TYPE: Final = "Consent"
_EARLIER: Final = 20
_AT_ONCE: Final = 200


async def patient_behind(repository: Repository, record: Record) -> str | None:
    """The patient's id; None where nobody can tell. Raises StoreUnavailableError."""
    rows = await repository.store.upkeep.rows(record.rid - 1, 1)
    terms = frozenset(rows[0].index.terms) if rows and rows[0].record.key == record.key else frozenset[int]()
    if not terms:
        return None

    def is_theirs(patient: str) -> bool:
        return compartment_term(repository.tenant.index, _TYPE, patient) in terms

    for patient in await _of_earlier_versions(repository, record):
        if is_theirs(patient):
            return patient
    left = MOST_PATIENTS
    async for patient in _patients(repository):
        if left == 0 or is_theirs(patient):
            return patient if left else None
        left -= 1
    return None


async def _of_earlier_versions(repository: Repository, record: Record) -> list[str]:
    found: list[str] = []
    for earlier in await repository.store.history(record.key, record.version, _EARLIER):
        with suppress(DamagedRecordError):
            found += repository.open(earlier, _TYPE).patients
    return found


async def _patients(repository: Repository) -> AsyncIterator[str]:
    compiled = compile_query(
        parse_query("Patient", ()), repository.tenant.index, repository.base_url, everything("Patient")
    )
    after: Position | None = None
    while True:
        hits = await repository.store.find(Plan(compiled.clauses, compiled.order, after, _AT_ONCE))
        for record in (await repository.store.fetch([hit.rid for hit in hits])).values():
            with suppress(DamagedRecordError):
                yield repository.open(record, "Patient").id
        if len(hits) < _AT_ONCE:
            return
        after = Position(hits[-1].value, hits[-1].rid)
        await asyncio.sleep(0)  # others have their turn
