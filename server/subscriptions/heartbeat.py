"""Heartbeats: a subscriber who heard nothing for as long as they said hears that nothing happened."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec

from server.internal import OwnRecords
from server.jobs.step import Step
from server.repository import MICROSECOND
from server.store.store import Commit, StaleVersionError
from server.subscriptions.channels.channel import NotTakenError
from server.subscriptions.notification import notification
from server.subscriptions.records import PROGRESS, SUBSCRIBED
from server.subscriptions.sending import Sender
from server.subscriptions.subscriber import subscriber_of
from server.subscriptions.turn import heartbeat_job


async def beat(step: Step) -> None:
    """A `Worker` (server/jobs/step.py): sends one where it is due, and leaves a job for the next. Raises StoreUnavailableError."""
    services, id_, round_ = step.services, str(step.payload["subscription"]), int(step.payload["round"])
    own = OwnRecords(services.store, step.tenant, services.now)
    known, found = await SUBSCRIBED.read(own, id_), await PROGRESS.read(own, id_)
    finished = Commit(step.tenant.number, finished_job=(step.job.id, step.job.fence))
    if known is None or found is None or known.value.off or known.value.round != round_ or found.value.status != "active":
        await services.store.commit(finished)
        return
    subscribed, progress = known.value, found.value
    period = subscribed.wanted.heartbeat * MICROSECOND
    over = 0 < subscribed.wanted.until <= services.now()
    if not period or over or await subscriber_of(services, step.tenant, subscribed) is None:
        await services.store.commit(finished)
        return
    now, repository = services.now(), step.repository()
    if now < progress.sent + period:
        job = heartbeat_job(repository, id_, round_, progress.sent + period)
        await services.store.commit(repository.renewed(replace(finished, jobs=[job]), []))
        return
    with suppress(NotTakenError):  # nothing is lost: the next one comes
        sender = Sender(services.outgoing, services.settings)
        await sender.send(subscribed, notification(subscribed, progress, "heartbeat", now))
    job = heartbeat_job(repository, id_, round_, now + period)
    beaten = PROGRESS.change(own, found, msgspec.structs.replace(progress, sent=now))
    try:
        await services.store.commit(repository.renewed(replace(finished, jobs=[job], internals=[beaten]), []))
    except StaleVersionError:  # something was delivered meanwhile, and says when
        await services.store.commit(repository.renewed(replace(finished, jobs=[job]), []))
