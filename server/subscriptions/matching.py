"""Which subscriptions a change concerns: by topic, type, filter, and by what the subscriber may read at this moment.

A number is given only to what the subscriber could look up themselves, so that neither numbers nor gaps tell of anything hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from operations.pas.result_notification import response_bundle_id, sender_identifiers, sent_bundle, sent_by
from profiles.json import Resource
from profiles.references import parse_reference
from server.access.access import everything
from server.repository import Repository, Version
from server.rest.exchange import Services
from server.seal.keyring import Tenant
from server.search.criteria import Criteria
from server.search.index_entries import index_resource
from server.subscriptions.records import Event, Subscribed
from server.subscriptions.subscriber import Subscriber, subscriber_of
from server.subscriptions.topics import TOPICS, Interaction
from server.subscriptions.wanted import criteria_of

RESPONSE: Final = "ClaimResponse"


@dataclass(frozen=True, slots=True)
class Definition:
    """A subscription with its filters compiled: the criteria of each type, all of which must be met."""

    subscribed: Subscribed
    criteria: Mapping[str, tuple[Criteria, ...]]
    organizations: frozenset[str] = frozenset()

    @property
    def interactions(self) -> Collection[Interaction]:
        return TOPICS[self.subscribed.wanted.topic].interactions

    @property
    def is_pas(self) -> bool:
        return TOPICS[self.subscribed.wanted.topic].kind == "pas"


def define(subscribed: Subscribed, tenant: Tenant) -> Definition:
    """Raises FhirError where the filter cannot be read by the present rules of search."""
    wanted = subscribed.wanted
    if TOPICS[wanted.topic].kind == "pas":
        return Definition(subscribed, {RESPONSE: ()}, frozenset(value for _, value in wanted.filters))
    criteria: dict[str, tuple[Criteria, ...]] = {}
    for type_, query in wanted.filters:
        found = criteria_of(type_, query, tenant.index, subscribed.base)
        criteria[type_] = (*criteria.get(type_, ()), *([found] if found is not None else []))
    return Definition(subscribed, criteria)


@dataclass(frozen=True, slots=True)
class Change:
    """A version that a commit stored, and what else it stored: all as `Type/id/_history/version`."""

    type: str
    id: str
    number: int
    beside: Sequence[str]


def change_of(reference: str, beside: Sequence[str]) -> Change | None:
    """What an entity of the trail names; None for what is no version."""
    found = parse_reference(reference)
    if found is None or found.type is None or found.id is None or found.version is None or not found.version.isdigit():
        return None
    return Change(found.type, found.id, int(found.version), beside)


class Matcher:
    """For one tenant and one look at its trail: subscribers and versions are read once."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant
        self._repository = Repository(services.store, tenant, services.base_url(tenant), services.clock)
        self._subscribers: dict[str, Subscriber | None] = {}

    async def concerned(
        self, change: Change, seq: int, definitions: Sequence[Definition]
    ) -> list[tuple[Subscribed, Event]]:
        """The subscriptions that are told of it, each with an event that has no number yet. Raises StoreUnavailableError."""
        among = [each for each in definitions if seq > each.subscribed.since and not each.subscribed.off]
        if not among:
            return []
        access = everything(change.type)
        version = await self._repository.read_version(access, change.id, change.number)
        if version is None:  # purged since
            return []
        interaction = await self._interaction(version)
        what = version
        if version.deleted:
            before = await self._repository.read_version(access, change.id, change.number - 1)
            if before is None:
                return []
            what = before
        told: list[tuple[Subscribed, Event]] = []
        look = _Look(self._repository, self._tenant, what)
        for each in among:
            if interaction not in each.interactions or not look.fits(each, change.type):
                continue
            event = Event(0, version.updated, change.type, change.id, change.number, interaction)
            if each.is_pas:
                bundle = await self._answer(look.resource, change, each)
                if bundle is None:
                    continue
                event = Event(0, version.updated, change.type, change.id, change.number, interaction, bundle)
            subscriber = await self._subscriber(each.subscribed)
            if subscriber is not None and await subscriber.reads(version):
                told.append((each.subscribed, event))
        return told

    async def _interaction(self, version: Version) -> Interaction:
        """What was before is not opened for it: it may be damaged, and is no reason not to tell of what came after it."""
        if version.deleted:
            return "delete"
        before = await self._repository.stored_at(version.type, version.id, version.version - 1)
        return "create" if before is None or before[1] else "update"

    async def _subscriber(self, subscribed: Subscribed) -> Subscriber | None:
        if subscribed.id not in self._subscribers:
            self._subscribers[subscribed.id] = await subscriber_of(self._services, self._tenant, subscribed)
        return self._subscribers[subscribed.id]

    async def _answer(self, response: Resource, change: Change, definition: Definition) -> tuple[str, int] | None:
        """The Bundle (id, version) with which a payer's answer changed, where it is for this subscriber.

        PAS: the system that sent the request is told, and no other; an answer that an update replaced has not changed.
        """
        asked = definition.subscribed.asked
        name = f"client:{asked['client_id']}" if asked["client_id"] else f"subject:{asked['subject']}"
        id_ = response_bundle_id(response)
        if id_ is None or sent_by(response) != name:
            return None
        start = f"Bundle/{id_}/_history/"
        stored = next((each for each in change.beside if each.startswith(start)), None)
        if stored is None:
            return None
        number = int(stored.removeprefix(start))
        if definition.organizations:
            bundle = await self._repository.read_version(everything("Bundle"), id_, number)
            known = sender_identifiers(sent_bundle(bundle.resource())) if bundle is not None else frozenset()
            if known.isdisjoint(definition.organizations):
                return None
        return id_, number


class _Look:
    """A version as filters see it; parsed and indexed when the first one asks."""

    def __init__(self, repository: Repository, tenant: Tenant, version: Version) -> None:
        self._repository = repository
        self._tenant = tenant
        self._version = version
        self.resource: Resource = {} if version.deleted else version.resource()
        self._index = (
            index_resource(self.resource, version.patients, tenant.index, version.updated, repository.base_url)
            if self.resource
            else None
        )

    def fits(self, definition: Definition, type_: str) -> bool:
        criteria = definition.criteria.get(type_)
        if criteria is None or self._index is None:
            return False
        index = self._index
        return all(each.met_by(index, self.resource) for each in criteria)
