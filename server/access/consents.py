"""The consents of all tenants as rules, kept until one of them changes: seen at once by the server that stored the change, and by
others within a second.

An active Consent that cannot be enforced is refused when it is to be stored. One that is there all the same (from a time or a way that
did not look) hides its patient's whole record: what a patient has said is never followed in part. So does one that is damaged and does
not open; where nobody can tell whose it is, what may be of any patient is kept back (`Held.unreadable`), and the operator is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from profiles import json
from profiles.json import JsonError, Resource
from profiles.outcome import FhirError
from server.access.access import everything
from server.access.consent_rules import Rule, Rules, rules_of
from server.access.consent_view import Held
from server.access.damaged_consent import patient_behind
from server.logs import EventLog
from server.reach import patients_of
from server.repository import DamagedRecordError, Prepared, Repository
from server.search.compile import compile_query
from server.search.query import parse_query
from server.store.algebra import Plan, Position
from server.store.store import Commit, Record

TYPE: Final = "Consent"
LOOK_SECONDS: Final = 1.0
_AT_ONCE: Final = 200

_Place = tuple[bytes, int]
"""A record's key and version."""

_NOBODY_KNOWS: Final = ""
"""Stands for the patient of a consent of whom nobody can tell."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A consent that does not open: its tenant's name, its version, and whether it is known whose it is."""

    tenant: str
    version: int
    is_known: bool


def log_damaged(log: EventLog, damaged: Damaged) -> None:
    """Tells the operator what is hidden for it."""
    hidden = "the record of its patient is hidden" if damaged.is_known else "all records of patients are kept back"
    log.event(
        "error",
        f"a consent does not open: {hidden}, see assent fsck",
        tenant=damaged.tenant,
        kind=TYPE,
        version=damaged.version,
    )


@dataclass(slots=True)
class _Kept:
    """What is known of one tenant. `looked` by the monotonic clock."""

    held: Held
    edition: bytes
    opt_in: bool
    looked: float
    read: dict[_Place, Rules | None]


@dataclass(slots=True)
class Consents:
    """One to a server. `opts_in`: whether a tenant, by its name, hides what no patient has permitted. `tell` is for the operator."""

    opts_in: Callable[[str], bool]
    tell: Callable[[Damaged], None] = lambda damaged: None
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _looks: dict[tuple[int, bool], asyncio.Task[Held]] = field(default_factory=dict)
    """Looks that are under way: whoever comes meanwhile shares one, its failure too. One that a change overtook is shared no more."""

    async def held(self, repository: Repository) -> Held:
        """The rules of the repository's tenant. Raises StoreUnavailableError."""
        tenant = repository.tenant
        kept, opt_in = self._kept.get(tenant.number), self.opts_in(tenant.name)
        if kept is not None and kept.opt_in == opt_in and time.monotonic() - kept.looked < LOOK_SECONDS:
            return kept.held
        look = self._looks.get((tenant.number, opt_in))
        if look is None:
            look = asyncio.create_task(self._look(repository, opt_in))
            self._looks[tenant.number, opt_in] = look
            look.add_done_callback(partial(self._ended, (tenant.number, opt_in)))
        return await asyncio.shield(look)  # a caller who leaves takes nothing away from the others

    def _ended(self, name: tuple[int, bool], look: asyncio.Task[Held]) -> None:
        if self._looks.get(name) is look:
            del self._looks[name]
        if not look.cancelled():
            look.exception()  # it is told to those who wait, if there still are any

    async def _look(self, repository: Repository, opt_in: bool) -> Held:
        number, looked = repository.tenant.number, time.monotonic()
        kept = self._kept.get(number)
        edition = await repository.store.edition(number, "consents")
        if kept is None or kept.edition != edition or kept.opt_in != opt_in:
            read = await _read(repository, kept.read if kept is not None else {}, self.tell)
            kept = _Kept(_held(read.values(), opt_in), edition, opt_in, looked, read)
        overtaken = self._looks.get((number, opt_in)) is not asyncio.current_task()
        kept.looked = looked if not overtaken else -LOOK_SECONDS
        self._kept[number] = kept
        return kept.held

    def changed(self, commit: Commit) -> None:
        """To be told of every commit, whatever became of it, before it is answered."""
        if not any(put.consent for put in commit.puts) and not any(each.consent for each in commit.erasures):
            return
        if (kept := self._kept.get(commit.tenant)) is not None:
            kept.looked = -LOOK_SECONDS
        for name in [name for name in self._looks if name[0] == commit.tenant]:
            del self._looks[name]


def _held(read: Iterable[Rules | None], opt_in: bool) -> Held:
    by_patient: dict[str, tuple[Rule, ...]] = {}
    for rules in read:
        if rules is not None:
            by_patient[rules.patient] = (*by_patient.get(rules.patient, ()), rules.root)
    unreadable = by_patient.pop(_NOBODY_KNOWS, None) is not None
    return Held.of(by_patient, opt_in, unreadable=unreadable)


async def _read(
    repository: Repository, known: dict[_Place, Rules | None], tell: Callable[[Damaged], None]
) -> dict[_Place, Rules | None]:
    """All consents of the tenant as they are now; those that were read before are not read again."""
    compiled = compile_query(parse_query(TYPE, ()), repository.tenant.index, repository.base_url, everything(TYPE))
    found: dict[_Place, Rules | None] = {}
    after: Position | None = None
    while True:
        hits = await repository.store.find(Plan(compiled.clauses, compiled.order, after, _AT_ONCE))
        for record in (await repository.store.fetch([hit.rid for hit in hits])).values():
            place = (record.key, record.version)
            if place in known:
                found[place] = known[place]
            elif not record.deleted:
                found[place] = await _rules(repository, record, tell)
        if len(hits) < _AT_ONCE:
            return found
        after = Position(hits[-1].value, hits[-1].rid)
        await asyncio.sleep(0)  # others have their turn


async def _rules(repository: Repository, record: Record, tell: Callable[[Damaged], None]) -> Rules | None:
    try:
        version = await repository.whole(repository.open(record, TYPE))
        return _enforced(version.resource(), repository.base_url)
    except (DamagedRecordError, JsonError):
        patient = await patient_behind(repository, record)
        tell(Damaged(repository.tenant.name, record.version, patient is not None))
        return Rules(_NOBODY_KNOWS if patient is None else patient, Rule(False))


def _enforced(consent: Resource, base_url: str) -> Rules | None:
    try:
        return rules_of(consent, base_url)
    except FhirError:
        patients = patients_of(consent)
        return Rules(patients[0], Rule(False)) if patients else None


def check_consents(prepared: Iterable[Prepared], base_url: str) -> None:
    """Raises FhirError (422) for an active Consent that says what cannot be enforced, whoever stores it."""
    for item in prepared:
        if item.version.type == TYPE and not item.version.deleted:
            rules_of(json.loads(item.version.body), base_url)
