"""The search parameters that tenants store themselves, kept ready (FHIR R4 searchparameter.html; docs/decisions, 0055).

One look at a tenant's edition of search says whether what is kept still holds: at most every two seconds, and at once where this server
stored a change itself. What is kept costs a request no more than a look into a dictionary.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Final

import msgspec

from profiles.json import JsonError, Resource
from profiles.outcome import FhirError
from profiles.posted_search_parameters import TYPE, Find, parameters_of
from profiles.search_parameters import SearchParameter
from server.access.access import everything
from server.repository import DamagedRecordError, Repository
from server.search.catalogue import NO_PARAMETERS, Catalogue, State, has_entries, using
from server.search.compile import compile_query
from server.search.index_entries import INDEX_FORMATS
from server.search.query import parse_query
from server.store.algebra import Plan, Position
from server.store.store import Commit, Store, changes_search

LOOK_SECONDS: Final = 2.0
"""After so long at the latest a server knows of what another one stored."""

MOST_OF_TYPE: Final = 200
"""Parameters of a tenant's own that a type may have: each is looked for in whatever is written."""

_AT_ONCE: Final = 200
_SETTING: Final = "own-search"

_Place = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """A SearchParameter resource as it is stored. `order`: when it came to be."""

    id: str
    version: int
    order: int
    resource: Resource
    _made: list[Mapping[str, SearchParameter] | None] = field(default_factory=list, compare=False, repr=False)

    def made(self, find: Find) -> Mapping[str, SearchParameter] | None:
        """What it adds, by type; None where it cannot be applied. Once made it is kept: one for all types takes a tenth of a second.

        Composite ones are made anew each time, as what their components are like may have changed.
        """
        if self._made:
            return self._made[0]
        try:
            made = parameters_of(self.resource, find)
        except FhirError:
            made = None
        if self.resource.get("type") != "composite":
            self._made.append(made)
        return made


@dataclass(slots=True)
class _Kept:
    catalogue: Catalogue
    looked: float
    read: dict[_Place, Stored]


@dataclass(slots=True)
class OwnParameters:
    """One to a server."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when parameters were changed here."""
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _changes: dict[int, int] = field(default_factory=dict)
    _looks: dict[int, asyncio.Task[Catalogue]] = field(default_factory=dict)
    """Looks that are under way: whoever comes meanwhile shares one, its failure too. One that a change overtook is shared no more."""

    def kept(self, tenant: int) -> Catalogue | None:
        """What needs no look at the store."""
        kept = self._kept.get(tenant)
        return kept.catalogue if kept is not None and time.monotonic() - kept.looked < LOOK_SECONDS else None

    async def of(self, repository: Repository) -> Catalogue:
        """The catalogue of the repository's tenant. Raises StoreUnavailableError."""
        number = repository.tenant.number
        if (kept := self.kept(number)) is not None:
            return kept
        look = self._looks.get(number)
        if look is None:
            look = self._looks[number] = asyncio.create_task(self.anew(repository))
            look.add_done_callback(partial(self._ended, number))
        return await asyncio.shield(look)  # a caller who leaves takes nothing away from the others

    def _ended(self, tenant: int, look: asyncio.Task[Catalogue]) -> None:
        if self._looks.get(tenant) is look:
            del self._looks[tenant]
        if not look.cancelled():
            look.exception()  # it is told to those who wait, if there still are any

    async def anew(self, repository: Repository) -> Catalogue:
        """As `of`, as the store has it now."""
        number, looked = repository.tenant.number, time.monotonic()
        changes, kept = self._changes.get(number, 0), self._kept.get(number)
        edition = await repository.store.edition(number, "search")
        if kept is None or kept.catalogue.edition != edition:
            with using(NO_PARAMETERS):
                read = await _read(repository, kept.read if kept is not None else {})
            done = await indexed_states(repository.store, number)
            made = await asyncio.to_thread(catalogue_of, list(read.values()), done, edition)
            kept = _Kept(made, looked, read)
        overtaken = self._changes.get(number, 0) != changes
        kept.looked = looked if not overtaken else -LOOK_SECONDS
        self._kept[number] = kept
        return kept.catalogue

    def changed(self, commit: Commit) -> None:
        """To be told of every commit, whatever became of it, before it is answered."""
        if changes_search(commit):
            self.forget(commit.tenant)

    def forget(self, tenant: int) -> None:
        """Look again before anything else is done for the tenant."""
        self._changes[tenant] = self._changes.get(tenant, 0) + 1
        if (kept := self._kept.get(tenant)) is not None:
            kept.looked = -LOOK_SECONDS
        self._looks.pop(tenant, None)
        self.woken.set()


async def stored_parameters(repository: Repository) -> list[Stored]:
    """All SearchParameters of the repository's tenant. Raises StoreUnavailableError."""
    return list((await _read(repository, {})).values())


async def _read(repository: Repository, known: Mapping[_Place, Stored]) -> dict[_Place, Stored]:
    """All SearchParameters of the tenant; those that were read before are not read again, and damaged ones are left out."""
    compiled = compile_query(parse_query(TYPE, ()), repository.tenant.index, repository.base_url, everything(TYPE))
    found: dict[_Place, Stored] = {}
    after: Position | None = None
    while True:
        hits = await repository.store.find(Plan(compiled.clauses, compiled.order, after, _AT_ONCE))
        orders = {hit.rid: int(hit.value) for hit in hits}
        for rid, record in (await repository.store.fetch(list(orders))).items():
            place = (record.key, record.version)
            if place in known:
                found[place] = known[place]
            elif not record.deleted:
                try:
                    version = await repository.whole(repository.open(record, TYPE))
                    found[place] = Stored(version.id, version.version, orders[rid], version.resource())
                except (DamagedRecordError, JsonError):  # `assent fsck` names it
                    continue
        if len(hits) < _AT_ONCE:
            return found
        after = Position(hits[-1].value, hits[-1].rid)


def catalogue_of(stored: Sequence[Stored], done: Mapping[str, State], edition: bytes) -> Catalogue:
    """What comes of the resources. Of two parameters of one code the older counts; what cannot be applied is left out.

    `done`: those that every record was indexed by, as they were then.
    """
    by_type: dict[str, dict[str, SearchParameter]] = {}
    owners: dict[tuple[str, str], str] = {}
    states: dict[str, State] = {}
    named: dict[tuple[str, str], SearchParameter] = {}
    find = Catalogue(named=named).like
    for each in sorted(stored, key=lambda one: (one.resource.get("type") == "composite", one.order, one.id)):
        made = each.made(find)
        if made is None:
            continue
        own = {}
        for type_, parameter in made.items():
            there = by_type.setdefault(type_, {})
            if parameter.code not in there and len(there) < MOST_OF_TYPE:
                own[type_] = there[parameter.code] = parameter
                owners[type_, parameter.code] = each.id
            if isinstance(url := each.resource.get("url"), str):
                named.setdefault((type_, url), parameter)
        states[each.id] = State(each.version, _digest(own))
    waiting = frozenset(id_ for id_, state in states.items() if not still_holds(done.get(id_), state))
    return Catalogue(
        {type_: own for type_, own in by_type.items() if own},
        _pending(by_type, owners, waiting),
        states,
        waiting,
        not waiting and done.keys() <= states.keys(),
        edition,
        owners,
        named,
    )


def _pending(
    by_type: Mapping[str, Mapping[str, SearchParameter]], owners: Mapping[tuple[str, str], str], waiting: frozenset[str]
) -> dict[str, frozenset[str]]:
    found = {
        type_: frozenset(code for code, one in own.items() if owners[type_, code] in waiting and has_entries(type_, one))
        for type_, own in by_type.items()
    }
    return {type_: codes for type_, codes in found.items() if codes}


def still_holds(before: State | None, now: State) -> bool:
    """Whether what was indexed by one version is by another: it says the same, and nothing was between them, such as a deletion."""
    return before is not None and before.digest == now.digest and before.version <= now.version <= before.version + 1


def _digest(own: Mapping[str, SearchParameter]) -> str:
    rules = [(type_, one.code, one.type, one.paths, INDEX_FORMATS.get(one.type)) for type_, one in sorted(own.items())]
    return blake2b(json.dumps(rules).encode(), digest_size=8).hexdigest()


# -- what every record is indexed by -------------------------------------------------------------------------------------


async def indexed_states(store: Store, tenant: int) -> dict[str, State]:
    """The SearchParameters that every record of a tenant was indexed by, by id. Raises StoreUnavailableError."""
    return _decoded(await store.get_setting(f"{_SETTING}/{tenant}"))


async def note_indexed(store: Store, tenant: int, before: Mapping[str, State], now: Mapping[str, State]) -> bool:
    """False where it is no more what it was before. Raises StoreUnavailableError."""
    name = f"{_SETTING}/{tenant}"
    kept = await store.get_setting(name)
    if _decoded(kept) != before:
        return False
    value = msgspec.json.encode(now)
    return await store.put_setting(name, value, only_if_absent=kept is None, replaces=kept) == value


def _decoded(kept: bytes | None) -> dict[str, State]:
    try:
        return {} if kept is None else msgspec.json.decode(kept, type=dict[str, State])
    except msgspec.DecodeError:
        return {}
