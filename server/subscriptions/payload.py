"""What of an event is sent: as much as was asked for, and no more than the subscriber may read now.

Rights may have gone since an event was numbered. Then the event keeps its number and says nothing else: a gap would make the
subscriber ask again and again for what they will not get.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from operations.pas.result_notification import sent_bundle
from profiles.json import Resource
from profiles.reading import child, objects
from server.access.access import everything
from server.documents.apart import LARGEST_BODY
from server.repository import DamagedRecordError, Repository, Version
from server.subscriptions.notification import Item, Shown, item_of
from server.subscriptions.records import Content, Event, Subscribed
from server.subscriptions.subscriber import Subscriber

MOST_BYTES: Final = 2**23
"""About so many bytes of resources, and one more, are sent at once."""


async def some_shown(show: Callable[[int], Awaitable[Shown | None]], numbers: Sequence[int]) -> tuple[list[Shown], int]:
    """As many of the events with these numbers as are sent at once, and the number of the last of them."""
    told: list[Shown] = []
    size = last = 0
    for last in numbers:
        each = await show(last)
        if each is not None:
            told.append(each)
            size += each.size
        if size > MOST_BYTES:
            break
    return told, last


async def shown(subscriber: Subscriber, event: Event, content: Content) -> Shown:
    """The event for its subscriber; of what does not open any more, its number. Raises StoreUnavailableError."""
    try:
        return await _shown(subscriber, event, content)
    except DamagedRecordError as error:  # fsck tells which; the events behind it are not to wait for it
        subscriber.log.failure("damaged record in a notification", error)
        return Shown(event)


async def _shown(subscriber: Subscriber, event: Event, content: Content) -> Shown:
    repository = subscriber.repository
    version = await repository.read_version(everything(event.type), event.id, event.version)
    if version is None or not await subscriber.reads(version):
        return Shown(event)
    reference = f"{version.reference}/_history/{version.version}"
    told = Shown(event, (), version.patients, (reference,))
    if content == "empty":
        return told
    if event.bundle is not None:
        return replace(told, items=await _answer(repository, subscriber.subscribed, event, version, content))
    resource = None if version.deleted or content == "id-only" else _resource(version)
    size = 0 if resource is None else len(version.body)
    return replace(told, items=(item_of(subscriber.subscribed.base, event, resource),), size=size)


def _resource(version: Version) -> Resource | None:
    """What is too large for a record is too large to be sent around: the address is."""
    return None if len(version.body) > LARGEST_BODY else version.resource()


async def _answer(
    repository: Repository, subscribed: Subscribed, event: Event, version: Version, content: Content
) -> tuple[Item, ...]:
    """PAS 2.2.1: the whole response Bundle is the focus. PAS 2.0.1: the ClaimResponse is, and what it refers to stands beside it."""
    focus = item_of(subscribed.base, event, None)
    if content == "id-only" or event.bundle is None:
        return (focus,)
    id_, number = event.bundle
    stored = await repository.read_version(everything("Bundle"), id_, number)
    if stored is None:
        return (focus,)
    bundle = sent_bundle(stored.resource())
    if subscribed.pas == "2.2.1":
        return (Item(f"{subscribed.base}/Bundle/{id_}", "POST", "201", {**bundle, "id": id_}),)
    entries = objects(bundle.get("entry"))
    return tuple(Item(str(entry["fullUrl"]), "PUT", "200", child(entry, "resource")) for entry in entries)
