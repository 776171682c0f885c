"""What the server keeps of a subscription beside the resource: records of its own (server/store/internal.py), sealed as all are.

A subscription has two, because two hands write them: what is wanted, with the resource; and how far it is, with events and
deliveries. Each event is a record by itself. A tenant's feed says up to where its audit trail was looked through. Times are
microseconds since 1970.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from server.internal import Kind

Content = Literal["empty", "id-only", "full-resource"]
Channel = Literal["rest-hook", "websocket", "email"]
Status = Literal["requested", "active", "error", "off"]


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a Subscription asks for. `filters` are (type, search) of resources, or ("", identifier) of organizations; seconds.

    `until`: when it ends by itself (0: never). `most`: events in one notification.
    """

    topic: str
    channel: Channel
    content: Content
    media: str
    endpoint: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    heartbeat: int = 0
    timeout: int = 10
    most: int = 1
    until: int = 0


class Subscribed(msgspec.Struct, frozen=True, omit_defaults=True):
    """`asked` is the subscriber with the rights of the moment at which they asked (server/jobs/asked.py), `since` the last batch
    of the audit trail then. `round` counts how often a handshake was asked for.

    `account` and `client`: whether the subscriber had an account, and was a registered client: then it must still be so.
    """

    id: str
    wanted: Wanted
    asked: dict[str, Any]
    base: str
    pas: Literal["2.2.1", "2.0.1"]
    since: int
    round: int = 1
    off: bool = False
    account: bool = False
    client: bool = False


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """`events` were numbered, up to `delivered` they were taken. `turn` names the one job that may deliver (0: none is stored).

    `round` is that of the last handshake. `again`: events (from, to) that are to be sent once more.
    """

    id: str
    status: Status = "requested"
    events: int = 0
    delivered: int = 0
    turn: int = 0
    round: int = 0
    failures: int = 0
    failing_since: int = 0
    error: str = ""
    sent: int = 0
    again: tuple[tuple[int, int], ...] = ()


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that a subscription is told of: version `version` of `type`/`id`. `bundle` is (id, version) of a PAS answer."""

    number: int
    at: int
    type: str
    id: str
    version: int
    interaction: Literal["create", "update", "delete"]
    bundle: tuple[str, int] | None = None


class Feed(msgspec.Struct, frozen=True):
    """All of the trail up to batch `seq` was looked through, and `written` of what the batch after it stored."""

    seq: int
    written: int = 0


SUBSCRIBED: Final = Kind("subscription", Subscribed)
PROGRESS: Final = Kind("subscription-progress", Progress)
EVENTS: Final = Kind("subscription-event", Event)
FEEDS: Final = Kind("subscription-feed", Feed)

FEED: Final = "feed"
"""The name of a tenant's feed."""


def event_id(subscription: str, number: int) -> str:
    """What an event is known by."""
    return f"{subscription}/{number}"
