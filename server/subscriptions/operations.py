"""The operations of subscriptions: `$status`, `$events`, `$get-ws-binding-token`, `$undelivered`, `$replay`, `$topics`.

The caller reaches their own Subscriptions, administrators all (server/subscriptions/owner.py). What `$events` shows is what both the
subscriber and the caller may read at this moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import msgspec

from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles import json
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.reading import objects, text
from server.internal import Found, OwnRecords
from server.repository import MICROSECOND, DamagedRecordError, Repository, instant
from server.rest.exchange import Services
from server.seal.keyring import Tenant
from server.store.store import Commit, StaleVersionError
from server.subscriptions.binding import SECONDS, token_for
from server.subscriptions.definitions import EVENTS as EVENTS_DEFINITION
from server.subscriptions.definitions import REPLAY, STATUS, TOKEN, TOPICS_OPERATION, UNDELIVERED
from server.subscriptions.names import CHANGED
from server.subscriptions.notification import Shown, notification, status_parameters
from server.subscriptions.payload import shown, some_shown
from server.subscriptions.records import (
    EVENTS,
    PROGRESS,
    SUBSCRIBED,
    Content,
    Event,
    Progress,
    Subscribed,
    Wanted,
    event_id,
)
from server.subscriptions.subscriber import subscriber_of
from server.subscriptions.topics import TOPICS, as_basic
from server.subscriptions.turn import NO_TURN, delivery_job, new_turn

TYPE: Final = "Subscription"
MOST_EVENTS: Final = 100
MOST_RANGES: Final = 20
SOCKET_PATH: Final = "/subscriptions"
"""Where websockets are opened, under the server's own address."""


def subscription_operations(services: Services) -> tuple[Operation, ...]:
    desk = _Desk(services)
    return (
        Operation(STATUS, desk.status, "r"),
        Operation(EVENTS_DEFINITION, desk.events, "r", discloses=True),
        Operation(TOKEN, desk.token, "r"),
        Operation(UNDELIVERED, desk.undelivered, "r"),
        Operation(REPLAY, desk.replay, "u"),
        Operation(TOPICS_OPERATION, desk.topics, "r"),
    )


class _Desk:
    """The functions of the operations, with what they need of the server."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def topics(self, given: OperationInput, context: Context) -> OperationOutput:
        return OperationOutput(_searchset([as_basic(topic) for topic in TOPICS.values()]))

    async def status(self, given: OperationInput, context: Context) -> OperationOutput:
        own = self._own(context)
        wanted = _values(given, "status") if given.resource_id is None else []
        found: list[Resource] = []
        for resource in await _named(given, context):
            subscribed, progress = await _kept(own, resource, context.base_url)
            told = status_parameters(subscribed, progress, "query-status", status=str(resource["status"]))
            if not wanted or resource["status"] in wanted:
                found.append(told)
        return OperationOutput(_searchset(found))

    async def events(self, given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value (400)."""
        own = self._own(context)
        subscribed, progress = await _kept(own, await _one(given, context), context.base_url)
        content = _content(given, subscribed.wanted)
        first = _number(given, "eventsSinceNumber", 1)
        last = min(_number(given, "eventsUntilNumber", progress.events), progress.events, first + MOST_EVENTS - 1)
        subscriber = await subscriber_of(self._services, own.tenant, subscribed)

        async def show(number: int) -> Shown | None:
            found = await EVENTS.read(own, event_id(subscribed.id, number))
            if found is None:
                return None
            visible = subscriber is not None and await _sees(context, found.value)
            each = (
                await shown(subscriber, found.value, content) if subscriber is not None and visible else Shown(found.value)
            )
            for reference in each.references:
                context.note_entity(reference)
            return each

        told, _ = await some_shown(show, range(first, last + 1))
        return OperationOutput(notification(subscribed, progress, "query-event", own.now(), told))

    async def token(self, given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError (422) where there is nothing to bind."""
        own = self._own(context)
        ids: list[str] = []
        for resource in await _named(given, context):
            subscribed, _ = await _kept(own, resource, context.base_url)
            asked = subscribed.asked
            mine = (asked.get("client_id"), asked.get("subject")) == (context.caller.client, context.caller.subject)
            if mine and subscribed.wanted.channel == "websocket" and not subscribed.off:
                ids.append(subscribed.id)
        if not ids:
            raise refuse("subscription-channel", "None of these is a Subscription of yours with a websocket.", "http.id")
        until = own.now() + SECONDS * MICROSECOND
        address = self._services.settings.base_url.replace("http", "ws", 1) + SOCKET_PATH
        parameters: list[Resource] = [
            {"name": "token", "valueString": token_for(own.tenant, ids, until)},
            {"name": "expiration", "valueDateTime": instant(until)},
            *({"name": "subscription", "valueString": id_} for id_ in ids),
            {"name": "websocket-url", "valueUrl": address},
        ]
        headers = {"Cache-Control": "no-store"}
        return OperationOutput({"resourceType": "Parameters", "parameter": parameters}, headers=headers)

    async def undelivered(self, given: OperationInput, context: Context) -> OperationOutput:
        own = self._own(context)
        subscribed, progress = await _kept(own, await _one(given, context), context.base_url)
        parameters: list[Resource] = [
            {"name": "events", "valueDecimal": progress.events},
            {"name": "delivered", "valueDecimal": progress.delivered},
            {"name": "attempts", "valueDecimal": progress.failures},
        ]
        if progress.failing_since:
            parameters.append({"name": "failing-since", "valueInstant": instant(progress.failing_since)})
        if progress.error:
            parameters.append({"name": "error", "valueString": progress.error})
        for number in range(progress.delivered + 1, min(progress.events, progress.delivered + MOST_EVENTS) + 1):
            found = await EVENTS.read(own, event_id(subscribed.id, number))
            if found is not None:
                parameters.append(_undelivered(found.value))
        return OperationOutput({"resourceType": "Parameters", "parameter": parameters})

    async def replay(self, given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value (400), subscription-status (422)."""
        own = self._own(context)
        resource = await _one(given, context)
        subscribed, _ = await _kept(own, resource, context.base_url)
        while True:
            found = await PROGRESS.read(own, subscribed.id)
            if found is None or found.value.status != "active" or subscribed.wanted.channel == "websocket":
                text_ = (
                    "Events are sent to a Subscription that is active; what it missed is sent when it is requested again."
                )
                raise refuse("subscription-status", text_, "Subscription.status")
            first = _number(given, "eventsSinceNumber", 1)
            last = min(_number(given, "eventsUntilNumber", found.value.events), found.value.events)
            if first > last:
                raise refuse("parameter-value", "There are no events with these numbers.", "http.eventsSinceNumber")
            if len(found.value.again) >= MOST_RANGES:
                raise refuse("subscription-status", "Much is to be sent once more already; try again later.")
            if await self._send_again(own, found, first, last):
                count = {"name": "count", "valueDecimal": last - first + 1}
                return OperationOutput({"resourceType": "Parameters", "parameter": [count]})

    async def _send_again(self, own: OwnRecords, found: Found[Progress], first: int, last: int) -> bool:
        """False where something was delivered meanwhile."""
        progress = found.value
        repository = Repository(own.store, own.tenant, self._services.base_url(own.tenant), self._services.clock)
        turn = progress.turn or new_turn()
        jobs = [delivery_job(repository, progress.id, turn)] if progress.turn == NO_TURN else []
        following = msgspec.structs.replace(progress, turn=turn, again=(*progress.again, (first, last)))
        commit = Commit(own.tenant.number, jobs=jobs, internals=[PROGRESS.change(own, found, following)])
        try:
            await self._services.commit(repository.renewed(commit, []))
        except StaleVersionError:
            return False
        return True

    def _own(self, context: Context) -> OwnRecords:
        tenant: Tenant | None = self._services.keyring.get(context.tenant)
        if tenant is None:
            raise LookupError(context.tenant)  # who asks was let in as a caller of that tenant
        return OwnRecords(self._services.store, tenant, self._services.now)


def _searchset(resources: Sequence[Resource]) -> Resource:
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return {**bundle, "entry": entries} if entries else bundle


async def _one(given: OperationInput, context: Context) -> Resource:
    """The Subscription that the operation is called on. Raises FhirError (404)."""
    found = await context.records.read(TYPE, given.resource_id or "")
    if found is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    return found


async def _named(given: OperationInput, context: Context) -> list[Resource]:
    """The Subscription of the address; else those that are named, else all that the caller reaches."""
    if given.resource_id is not None:
        return [await _one(given, context)]
    ids = _values(given, "id")
    if ids:
        read = [await context.records.read(TYPE, id_) for id_ in dict.fromkeys(ids)]
        return [each for each in read if each is not None]
    return [json.loads(each.body) async for each in context.records.find(TYPE, {})]


async def _kept(own: OwnRecords, resource: Resource, base_url: str) -> tuple[Subscribed, Progress]:
    """What the server keeps of a Subscription; of one that was never asked for, that there is nothing."""
    id_ = str(resource["id"])
    subscribed, progress = await SUBSCRIBED.read(own, id_), await PROGRESS.read(own, id_)
    if subscribed is None:
        criteria = text(resource.get("criteria")) or ""
        topic = criteria if criteria in TOPICS else CHANGED
        nothing = Wanted(topic, "rest-hook", "empty", "application/fhir+json")
        return Subscribed(id_, nothing, {}, base_url, "2.2.1", 0, off=True), Progress(id_, "off")
    known = progress.value if progress is not None else Progress(id_)
    return subscribed.value, known if known.round == subscribed.value.round else _asked_anew(known)


def _asked_anew(progress: Progress) -> Progress:
    """Asked for anew: what was said before does not count."""
    return msgspec.structs.replace(progress, status="requested", error="")


async def _sees(context: Context, event: Event) -> bool:
    """Whether the caller may read what the event is about."""
    if not context.may("r", event.type):
        return False
    number = event.version - 1 if event.interaction == "delete" else event.version
    try:
        return await context.records.read_version(event.type, event.id, number) is not None
    except (FhirError, DamagedRecordError):
        return False


def _undelivered(event: Event) -> Resource:
    return {
        "name": "event",
        "part": [
            {"name": "number", "valueDecimal": event.number},
            {"name": "timestamp", "valueInstant": instant(event.at)},
            {"name": "type", "valueCode": event.type},
        ],
    }


def _content(given: OperationInput, wanted: Wanted) -> Content:
    asked = _values(given, "content")
    if not asked:
        return wanted.content
    for content in get_args(Content):
        if asked[0] == content:
            known: Content = content
            return known
    raise refuse("parameter-value", f"The content is one of {', '.join(get_args(Content))}.", "http.content")


def _number(given: OperationInput, name: str, default: int) -> int:
    asked = _values(given, name)
    if not asked:
        return default
    if not asked[0].isascii() or not asked[0].isdigit() or len(asked[0]) > 15 or int(asked[0]) < 1:
        raise refuse("parameter-value", "Events are numbered from 1 on.", f"http.{name}")
    return int(asked[0])


def _values(given: OperationInput, name: str) -> list[str]:
    """All that was given under a name, in the address or the body; their form was checked already."""
    found = list(given.query.get(name, ()))
    for entry in objects((given.resource or {}).get("parameter")):
        if entry.get("name") == name:
            found += [str(value) for key, value in entry.items() if key.startswith("value") and _is_simple(value)]
    return found


def _is_simple(value: Json) -> bool:
    return isinstance(value, str | int)
