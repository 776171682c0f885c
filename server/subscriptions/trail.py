"""What the audit trail says of a notification: who was told what of whose record, or was not, since they may not see it any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.audit.trail import Trail
from server.subscriptions.notification import Shown
from server.subscriptions.subscriber import Subscriber

_FAILED: Final = "subscription-endpoint"
_WITHHELD: Final = "forbidden"


def told_records(subscriber: Subscriber, told: Sequence[Shown], recorded: int, status: int) -> list[bytes]:
    """Encoded records: one for what was sent (200, or 502 where the endpoint did not say that it took it), one for what was not."""
    records = []
    open_ = [each for each in told if each.references]
    if open_:
        trail = _trail(subscriber, open_)
        for each in open_:
            for reference in each.references:
                trail.note(reference, each.patients)
        records.append(trail.encode(recorded, status, _FAILED if status != 200 else ""))
    hidden = [each for each in told if not each.references]
    if hidden:
        trail = _trail(subscriber, hidden)
        for each in hidden:
            trail.note(f"{each.event.type}/{each.event.id}/_history/{each.event.version}")
        records.append(trail.encode(recorded, 403, _WITHHELD))
    return records


def _trail(subscriber: Subscriber, told: Sequence[Shown]) -> Trail:
    base = subscriber.trail
    numbers = ",".join(str(each.event.number) for each in told)
    query = f"subscription=Subscription/{subscriber.subscribed.id}&event={numbers}"
    return Trail(base.request_id, "", "$notify", "R", subscriber.principal, query=query, purpose=base.purpose)
