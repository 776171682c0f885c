"""Turns what was stored into events: the audit trail, read in the order of its commits, is the outbox (docs/decisions, 0052).

Every commit carries an audit record that says what it stored, in batches that are numbered without gaps in the order of the commits. So
a change and the note that it took place are one, no write costs more because others subscribe, and nothing that was not stored is told.
Events, their numbers and the place in the trail are one commit as well: a server that dies goes on behind it, and of two servers one
wins, and the other looks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from profiles.outcome import FhirError
from server.audit.batches import BatchBrokenError, opened
from server.internal import DamagedInternalError, Found, OwnRecords
from server.repository import MICROSECOND, DamagedRecordError, Repository
from server.rest.exchange import Services
from server.seal.keyring import Tenant
from server.search.catalogue import use
from server.store.internal import Drop, Internal, Keep
from server.store.jobs import NewJob
from server.store.store import AuditBatch, Commit, StaleVersionError, StoreUnavailableError
from server.subscriptions.matching import Definition, Matcher, change_of, define
from server.subscriptions.records import (
    EVENTS,
    FEEDS,
    PROGRESS,
    SUBSCRIBED,
    Event,
    Feed,
    Progress,
    Subscribed,
    event_id,
)
from server.subscriptions.turn import NO_TURN, delivery_job, new_turn

POLL_SECONDS: Final = 0.5
AT_ONCE: Final = 100
"""Batches that are read together."""

EVENTS_AT_ONCE: Final = 200
"""About so many events are stored in one commit."""

NOTE_EVERY: Final = 1000
"""So many batches without an event, and the place is noted all the same."""

DAY: Final = 24 * 3600 * MICROSECOND


class _OvertakenError(Exception):
    """Another server noted its place in the trail."""


@dataclass(slots=True)
class _Place:
    """Where one tenant's trail is looked through, as this server knows it; `version` is that of the record that was noted last."""

    found: Found[Feed]
    at: Feed
    edition: bytes = b"?"
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    """By type."""


class SubscriptionFeed:
    """One to a server; `run` until it is cancelled."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._places: dict[int, _Place] = {}
        self._damaged: set[int] = set()

    async def run(self) -> None:
        while True:
            self._services.changed.clear()
            more = False
            with suppress(StoreUnavailableError):
                more = await self.turn()
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._services.changed.wait(), POLL_SECONDS)

    async def turn(self) -> bool:
        """Look through what came since the last look; whether there is more. Raises StoreUnavailableError."""
        more = False
        for record in await self._services.store.internals.listed(None, FEEDS.name, 0, b"", 10_000):
            with suppress(KeyError):  # a tenant of this moment comes with the next look
                tenant = await self._services.keyring.found(record.tenant)
                if not self._services.keyring.is_retired(tenant.number) and tenant.number not in self._damaged:
                    more |= await self._looked(tenant, record)
        return more

    async def _looked(self, tenant: Tenant, record: Internal) -> bool:
        """False as well where another server was faster: it goes on."""
        try:
            return await self._look(tenant, FEEDS.open(tenant, record))
        except _OvertakenError:
            self._places.pop(tenant.number, None)
            return False
        except DamagedInternalError as error:  # fsck tells which; whoever mends it starts the server anew
            self._log_damage(error)
            self._damaged.add(tenant.number)
            return False

    async def _look(self, tenant: Tenant, found: Found[Feed]) -> bool:
        store = self._services.store
        place = self._places.get(tenant.number)
        if place is None or place.found.version != found.version:
            known = place
            place = self._places[tenant.number] = _Place(found, found.value)
            if known is not None:
                place.edition, place.definitions = known.edition, known.definitions
        batches = await store.audit_batches(place.at.seq, AT_ONCE)
        if not batches:
            return False
        await self._learn(tenant, place)  # after the batches: who subscribed before one of them is known
        if place.definitions:
            await self._tell(tenant, place, batches)
        else:
            place.at = Feed(batches[-1].seq)
        if place.at.seq - place.found.value.seq >= NOTE_EVERY:
            await self._commit(tenant, place, place.at, [], [])
        return len(batches) == AT_ONCE

    async def _learn(self, tenant: Tenant, place: _Place) -> None:
        """The definitions of this moment."""
        own = await self._services.own_parameters.of(self._repository(tenant))
        use(own)  # what is told of is looked at by them as well
        edition = own.edition + await self._services.store.edition(tenant.number, "subscriptions")
        if edition == place.edition:
            return
        definitions: dict[str, list[Definition]] = {}
        seen: set[str] = set()
        async for found in SUBSCRIBED.all(self._own(tenant), self._log_damage):  # the others are told all the same
            if found.value.off or found.value.id in seen:
                continue
            seen.add(found.value.id)
            with suppress(FhirError):  # its filter is none any more: whoever delivers says so
                definition = define(found.value, tenant)
                for type_ in definition.criteria:
                    definitions.setdefault(type_, []).append(definition)
        place.edition, place.definitions = edition, definitions

    async def _tell(self, tenant: Tenant, place: _Place, batches: Sequence[AuditBatch]) -> None:
        """Store the events of some batches, and move on."""
        matcher = Matcher(self._services, tenant)
        for batch in batches:
            if batch.tenant == tenant.number:
                await self._tell_batch(tenant, place, batch, matcher)
            place.at = Feed(batch.seq)
            await asyncio.sleep(0)

    async def _tell_batch(self, tenant: Tenant, place: _Place, batch: AuditBatch, matcher: Matcher) -> None:
        told: list[tuple[Subscribed, Event]] = []
        done = place.at.written if batch.seq == place.at.seq + 1 else 0
        number = 0
        for beside in self._stored(tenant, batch):
            for reference in beside:
                number += 1
                if number <= done:
                    continue
                change = change_of(reference, beside)
                definitions = place.definitions.get(change.type) if change is not None else None
                if change is None or definitions is None:
                    continue
                try:
                    told += await matcher.concerned(change, batch.seq, definitions)
                except DamagedRecordError as error:  # fsck tells which; nothing else is in its way
                    self._services.log.failure("damaged record", error)
                if len(told) >= EVENTS_AT_ONCE:
                    await self._store(tenant, place, Feed(batch.seq - 1, number), told)
                    told = []
        if told:
            await self._store(tenant, place, Feed(batch.seq), told)

    def _stored(self, tenant: Tenant, batch: AuditBatch) -> list[Sequence[str]]:
        """What each record's commit stored."""
        try:
            records = opened(tenant, batch).records
        except BatchBrokenError as error:  # $verify and fsck tell where; nothing else is in its way
            self._services.log.failure("damaged audit record", error)
            return []
        return [each.entities[first : first + count] for each in records for first, count in (each.written,) if count]

    async def _store(self, tenant: Tenant, place: _Place, at: Feed, told: Sequence[tuple[Subscribed, Event]]) -> None:
        """One commit: the events with their numbers, who is to deliver them, the place. Tried again as long as a delivery was faster."""
        own = self._own(tenant)
        repository = self._repository(tenant)
        until = self._services.now() + self._services.settings.subscription_event_days * DAY
        by_subscription: dict[str, list[Event]] = {}
        for subscribed, event in told:
            by_subscription.setdefault(subscribed.id, []).append(event)
        while True:
            internals: list[Keep | Drop] = []
            jobs: list[NewJob] = []
            for id_, events in by_subscription.items():
                try:
                    found = await PROGRESS.read(own, id_)
                except DamagedInternalError as error:  # nobody knows which numbers were given: none is
                    self._log_damage(error)
                    continue
                progress = found.value if found is not None else Progress(id_)
                numbered = [
                    msgspec.structs.replace(event, number=number)
                    for number, event in enumerate(events, progress.events + 1)
                ]
                internals += [EVENTS.add(own, event_id(id_, event.number), event, until) for event in numbered]
                turn = progress.turn or new_turn()
                if progress.turn == NO_TURN:
                    jobs.append(delivery_job(repository, id_, turn))
                following = msgspec.structs.replace(progress, events=progress.events + len(events), turn=turn)
                internals.append(
                    PROGRESS.change(own, found, following) if found is not None else PROGRESS.add(own, id_, following)
                )
            if await self._commit(tenant, place, at, internals, jobs):
                return

    def _repository(self, tenant: Tenant) -> Repository:
        return Repository(self._services.store, tenant, self._services.base_url(tenant), self._services.clock)

    async def _commit(
        self, tenant: Tenant, place: _Place, at: Feed, internals: Sequence[Keep | Drop], jobs: Sequence[NewJob]
    ) -> bool:
        """False where a progress record was changed meanwhile. Raises StoreUnavailableError, and _OvertakenError."""
        own = self._own(tenant)
        noted = FEEDS.change(own, place.found, at)
        repository = self._repository(tenant)
        commit = repository.renewed(Commit(tenant.number, jobs=jobs, internals=[noted, *internals]), [])
        try:
            await self._services.store.commit(commit)
        except StaleVersionError as error:
            if error.key == place.found.key:
                raise _OvertakenError from error
            return False
        place.found = Found(at, noted.key, noted.version, noted.updated, noted.until)
        place.at = at
        if jobs:
            self._services.job_stored.set()
        return True

    def _own(self, tenant: Tenant) -> OwnRecords:
        return OwnRecords(self._services.store, tenant, self._services.now)

    def _log_damage(self, error: DamagedInternalError) -> None:
        self._services.log.failure("damaged subscription", error)
