"""Makes what is stored findable by a tenant's new search parameters, as a job, and lets go of what those that are gone were found by.

Each search by a parameter that is not indexed everywhere looks at its hits meanwhile, so that every answer is right; what is written is
entered at once. A `Worker` of server/jobs: notes how far it is after each batch, and goes on from there after a kill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Final

from profiles.json import Resource
from server.auth.access_token import fhir_bases
from server.jobs.step import Step
from server.logs import EventLog
from server.repository import Repository
from server.rest.exchange import Services
from server.search.catalogue import Catalogue, State
from server.search.own_parameters import LOOK_SECONDS, indexed_states, note_indexed, still_holds
from server.store.store import SEARCH_EDITION, Commit, StoreUnavailableError, edition_setting, new_edition
from server.upkeep.record_check import RecordCheck
from server.upkeep.reindex_operation import AT_ONCE, findable, mend

KIND: Final = "search-parameters"

SETTLE: Final = timedelta(seconds=LOOK_SECONDS + 3)
"""A job begins when every server writes by the new parameters, and what was under way before is stored."""
SETTLE_ALONE: Final = timedelta(seconds=1)

_ASKED: Final = "own-search-asked"


class OwnIndexKeeper:
    """Stores a job for each tenant whose parameters and index are not the same, whoever changed them. `run` until it is cancelled."""

    def __init__(self, services: Services, log: EventLog, *, alone: bool) -> None:
        self._services = services
        self._log = log
        self._settle = SETTLE_ALONE if alone else SETTLE
        self._seen: bytes | None = b"?"

    async def run(self) -> None:
        woken = self._services.own_parameters.woken
        while True:
            woken.clear()
            try:
                await self.look()
            except StoreUnavailableError:
                self._seen = b"?"
            try:
                await asyncio.wait_for(woken.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Raises StoreUnavailableError."""
        edition = await self._services.store.get_setting(SEARCH_EDITION)
        if edition == self._seen:
            return
        for name in list(self._services.keyring.entries()):
            tenant = self._services.keyring.get(name)
            if tenant is not None:
                base = self._services.base_url(tenant)
                await self._ask(Repository(self._services.store, tenant, base, self._services.clock))
        self._seen = edition

    async def _ask(self, repository: Repository) -> None:
        catalogue = await self._services.own_parameters.anew(repository)
        if catalogue.is_settled:
            return
        store, name = self._services.store, f"{_ASKED}/{repository.tenant.number}"
        wanted = catalogue.edition + repr(sorted(catalogue.states.items())).encode()
        before = await store.get_setting(name)
        if before == wanted:
            return
        job = repository.seal_job(KIND, self._services.clock() + self._settle, {})
        await self._services.commit(Commit(repository.tenant.number, jobs=[job]))
        await store.put_setting(name, wanted, only_if_absent=before is None, replaces=before)


async def index_own(step: Step) -> None:
    """A `Worker`. Raises LostLeaseError, StoreUnavailableError."""
    repository, own, store = step.repository(), step.services.own_parameters, step.services.store
    catalogue = await own.anew(repository)
    if catalogue.is_settled:  # another job has done it, or this one before a kill
        step.done = step.total
        await step.finish()
        return
    place = await step.position() or await _start(step, catalogue)
    check = RecordCheck(store, step.tenant, fhir_bases(step.services.settings.base_url, step.tenant.name), own)
    total, began = await findable(step), monotonic()
    while rows := await store.upkeep.rows(place["after"], AT_ONCE):
        of_tenant = [row for row in rows if row.tenant == step.tenant.number]
        await mend(step, check, of_tenant, None)
        place = {**place, "after": rows[-1].record.rid, "looked": place["looked"] + len(of_tenant)}
        await step.note(place, place["looked"], max(total, place["looked"]) + 1)
        await asyncio.sleep(monotonic() - began)  # as long as the batch took: requests come first
        began = monotonic()
    while not await _note(step, repository, place):  # another server noted something in between
        continue
    await store.put_setting(edition_setting(step.tenant.number, "search"), new_edition())
    await store.put_setting(SEARCH_EDITION, new_edition())
    own.forget(step.tenant.number)
    step.done, step.total = place["looked"], place["looked"]
    await step.finish()


async def _start(step: Step, catalogue: Catalogue) -> Resource:
    """What the whole of the records will be indexed by, and what will be entered nowhere, when this job is done."""
    done = await indexed_states(step.services.store, step.tenant.number)
    gone = sorted(done.keys() - catalogue.states.keys())
    return {"after": 0, "looked": 0, "gone": gone, "states": {id_: list(one) for id_, one in catalogue.states.items()}}


async def _note(step: Step, repository: Repository, place: Resource) -> bool:
    before = await indexed_states(step.services.store, step.tenant.number)
    catalogue = await step.services.own_parameters.anew(repository)
    begun = {id_: State(*one) for id_, one in place["states"].items()}
    return await note_indexed(
        step.services.store,
        step.tenant.number,
        before,
        indexed_now(before, begun, frozenset(place["gone"]), catalogue.states),
    )


def indexed_now(
    before: Mapping[str, State], begun: Mapping[str, State], gone: frozenset[str], now: Mapping[str, State]
) -> dict[str, State]:
    """What every record is indexed by when all were looked at: as it was when that began, where it is the same by now.

    What has gone since is kept, so that the next job lets go of its entries; what had gone before is forgotten.
    """
    found: dict[str, State] = {}
    for id_ in sorted(before.keys() | begun.keys()):
        known = [one for one in (begun.get(id_), before.get(id_)) if one is not None]
        present = now.get(id_)
        if present is None:
            if id_ not in gone:
                found[id_] = known[0]
        elif any(still_holds(one, present) for one in known):
            found[id_] = present
    return found
