"""The operations of subscriptions: three of the Backport guide 1.1, and three of ours (docs/subscriptions.md)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed
from server.subscriptions.names import EVENTS_OPERATION, STATUS_OPERATION, TOKEN_OPERATION

_ON: Final = ("Subscription",)
_IDS: Final = Parameter(
    "id", "id", "Of a Subscription; on the type, as many as are wanted (none: all of the caller's).", most=None
)
_SINCE: Final = "eventsSinceNumber"
_UNTIL: Final = "eventsUntilNumber"

STATUS: Final = Definition(
    id="subscription-status",
    code="status",
    title="Tell how subscriptions are",
    text="One status for each Subscription that the caller reaches, as a Bundle of type searchset.",
    levels=("type", "instance"),
    on=_ON,
    takes=(_IDS, Parameter("status", "code", "Those that are in one of these states.", most=None)),
    gives=(needed("return", "Bundle"),),
    url=STATUS_OPERATION,
    version="1.1.0",
)

EVENTS: Final = Definition(
    id="subscription-events",
    code="events",
    title="Tell earlier events of a subscription again",
    text="The events with the numbers that are asked for, a hundred or some 8 MiB at most, as a notification Bundle.",
    levels=("instance",),
    on=_ON,
    takes=(
        Parameter(_SINCE, "string", "The first number, 1 without it."),
        Parameter(_UNTIL, "string", "The last number."),
        Parameter("content", "code", "empty, id-only or full-resource; without it, what the Subscription asks for."),
    ),
    gives=(needed("return", "Bundle"),),
    url=EVENTS_OPERATION,
    version="1.1.0",
)

TOKEN: Final = Definition(
    id="subscription-get-ws-binding-token",
    code="get-ws-binding-token",
    title="Get a token for a websocket",
    text="A token by which the owner binds a websocket to Subscriptions with that channel.",
    levels=("type", "instance"),
    on=_ON,
    takes=(_IDS,),
    gives=(
        needed("token", "string"),
        needed("expiration", "dateTime"),
        Parameter("subscription", "string", "The ids that it is good for.", most=None),
        needed("websocket-url", "url"),
    ),
    url=TOKEN_OPERATION,
    version="1.1.0",
)

UNDELIVERED: Final = Definition(
    id="subscription-undelivered",
    code="undelivered",
    title="Tell which events were not taken",
    text="For the owner and administrators: the events that the endpoint has not taken yet, or was given up on, a hundred at most.",
    levels=("instance",),
    on=_ON,
    gives=(
        needed("events", "decimal", "How many events were numbered."),
        needed("delivered", "decimal", "The last one that was taken, with all before it."),
        needed("attempts", "decimal", "How often the next one was sent in vain."),
        Parameter("failing-since", "instant"),
        Parameter("error", "string", "Why the last attempt failed."),
        Parameter(
            "event",
            parts=(needed("number", "decimal"), needed("timestamp", "instant"), needed("type", "code")),
            most=None,
        ),
    ),
)

REPLAY: Final = Definition(
    id="subscription-replay",
    code="replay",
    title="Send events once more",
    text="For the owner and administrators: sends the events with these numbers to the endpoint once more, under their numbers. The "
    "Subscription must be active.",
    levels=("instance",),
    on=_ON,
    takes=(needed(_SINCE, "string", "The first number."), Parameter(_UNTIL, "string", "The last number.")),
    gives=(needed("count", "decimal", "How many will be sent."),),
    affects_state=True,
)

TOPICS_OPERATION: Final = Definition(
    id="subscription-topics",
    code="topics",
    title="Tell which topics there are",
    text="A Bundle of type searchset with one Basic for each topic, with the elements of R5's SubscriptionTopic as extensions.",
    levels=("type",),
    on=_ON,
    gives=(needed("return", "Bundle"),),
)
