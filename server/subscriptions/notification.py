"""A notification: a Bundle of type history that begins with the subscription's status as Parameters (backport-subscription-notification-r4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import uuid4

from profiles.json import Resource
from server.repository import instant
from server.subscriptions.names import NOTIFICATION_PROFILE, STATUS_PROFILE
from server.subscriptions.records import Event, Progress, Subscribed

Type = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]

_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}
_ERROR_SYSTEM: Final = "https://assent.example/fhir/CodeSystem/subscription-error"


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of an event. `resource` is None where it is not sent, or was deleted."""

    url: str
    method: str
    status: str
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as its subscriber may see it: without items, nothing but that it took place."""

    event: Event
    items: Sequence[Item] = field(default_factory=tuple)
    patients: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """What is told of, for the audit trail."""
    size: int = 0
    """About how many bytes of it are sent."""


def item_of(base: str, event: Event, resource: Resource | None) -> Item:
    """The item of an event about one resource."""
    method, status = _METHODS[event.interaction]
    return Item(f"{base}/{event.type}/{event.id}", method, status, resource)


def status_parameters(
    subscribed: Subscribed, progress: Progress, type_: Type, shown: Sequence[Shown] = (), status: str = ""
) -> Resource:
    """The status; numbers are strings, as R4's profile has it."""
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": f"{subscribed.base}/Subscription/{subscribed.id}"}},
        {"name": "topic", "valueCanonical": subscribed.wanted.topic},
        {"name": "status", "valueCode": status or ("off" if subscribed.off else progress.status)},
        {"name": "type", "valueCode": type_},
        {"name": "events-since-subscription-start", "valueString": str(progress.events)},
    ]
    for each in shown:
        part: list[Resource] = [
            {"name": "event-number", "valueString": str(each.event.number)},
            {"name": "timestamp", "valueInstant": instant(each.event.at)},
        ]
        names = ["focus", *["additional-context"] * (len(each.items) - 1)]
        part += [
            {"name": name, "valueReference": {"reference": item.url}} for name, item in zip(names, each.items, strict=False)
        ]
        parameters.append({"name": "notification-event", "part": part})
    if progress.error:
        concept = {"coding": [{"system": _ERROR_SYSTEM, "code": "not-delivered"}], "text": progress.error}
        parameters.append({"name": "error", "valueCodeableConcept": concept})
    return {
        "resourceType": "Parameters",
        "id": str(uuid4()),
        "meta": {"profile": [STATUS_PROFILE]},
        "parameter": parameters,
    }


def notification(
    subscribed: Subscribed, progress: Progress, type_: Type, now: int, shown: Sequence[Shown] = (), status: str = ""
) -> Resource:
    """`now` in microseconds. Every entry has a request and a response, as a history's must."""
    told = status_parameters(subscribed, progress, type_, shown, status)
    request = {"method": "GET", "url": f"{subscribed.base}/Subscription/{subscribed.id}/$status"}
    entries: list[Resource] = [
        {
            "fullUrl": f"urn:uuid:{told['id']}",
            "resource": told,
            "request": request,
            "response": {"status": "200"},
        }
    ]
    entries += [_entry(item) for each in shown for item in each.items]
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "meta": {"profile": [NOTIFICATION_PROFILE]},
        "type": "history",
        "timestamp": instant(now),
        "entry": entries,
    }


def _entry(item: Item) -> Resource:
    url = item.url.rpartition("/")[0] if item.method == "POST" else item.url
    entry: Resource = {"fullUrl": item.url}
    if item.resource is not None:
        entry["resource"] = item.resource
    return {**entry, "request": {"method": item.method, "url": url}, "response": {"status": item.status}}
