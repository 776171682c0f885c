"""The units of an export: each is a type of resource, of everybody or of one patient, walked in the order of the versions' times.

What is walked is the history (server/store/timeline.py), which tells the state of any moment: so all files are of one moment, whatever
is written meanwhile, and a place in it stays good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.access.access import Access
from server.bulk.asked import Asked
from server.bulk.scope import Scope
from server.rest.exchange import Exchange
from server.search.index_entries import TYPE_TERM, compartment_term
from server.search.timeline_terms import patient_term, type_term
from server.store.algebra import AnyOf
from server.store.timeline import Moment, Timeline

AT_ONCE: Final = 50
"""Versions that are opened at once."""
FEW: Final = 300
"""So many patients are walked one by one; of more, the whole type is walked, and others are passed over."""
MOST_COUNTED: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Unit:
    """`deleted`: what was deleted is told, instead of what is there. `patient`: None for everybody."""

    kind: Literal["output", "deleted"]
    type: str
    patient: str | None = None


def units_of(asked: Asked, scope: Scope) -> list[Unit]:
    """Type by type, so that a file holds one type; deletions last."""
    patients: Sequence[str | None] = (None,)
    if scope.patients is not None and len(scope.patients) <= FEW:
        patients = scope.patients
    kinds: tuple[Literal["output", "deleted"], ...] = ("output",) if asked.after is None else ("output", "deleted")
    return [Unit(kind, type_, patient) for kind in kinds for type_ in asked.types for patient in patients]


def plan_of(exchange: Exchange, asked: Asked, unit: Unit, after: Moment | None) -> Timeline:
    """What the store is asked for: the versions in force at the moment, or all that were stored since."""
    index = exchange.tenant.index
    term = type_term(index, unit.type) if unit.patient is None else patient_term(index, unit.type, unit.patient)
    since = None if asked.after is None else asked.after + 1
    at = (asked.moment, asked.moment) if unit.kind == "output" else None
    return Timeline((term,), since=since, at=at, descending=False, after=after, limit=AT_ONCE)


def is_of(asked: Asked, scope: Scope, unit: Unit, patients: Sequence[str]) -> bool:
    """Whether a version of these patients' records is exported by the unit: what is part of several records by the first of them."""
    if scope.patients is not None:
        own = [patient for patient in patients if patient in scope.members]
        return bool(own) and unit.patient in {None, min(own)}
    return bool(patients) or asked.level == "system"


def may_be_shown(exchange: Exchange, type_: str) -> Access | None:
    """What the caller may read of a type, if they may search it as well."""
    search = exchange.gate.access_if_any("s", type_)
    return None if search is None else exchange.gate.access_if_any("r", type_)


async def how_many(exchange: Exchange, units: Sequence[Unit]) -> int:
    """About how many resources will be looked at."""
    index, total = exchange.tenant.index, 0
    for unit in units:
        if unit.kind == "output":
            own = (index.term(unit.type, TYPE_TERM, ""),)
            terms = own if unit.patient is None else (compartment_term(index, unit.type, unit.patient),)
            total += await exchange.services.store.count((AnyOf(terms),), MOST_COUNTED)
    return total
