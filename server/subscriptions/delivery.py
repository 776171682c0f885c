"""Delivers to one subscription, as a job: the handshake, then its events in the order of their numbers, until all are taken.

Each notification that was taken is committed with its audit record before the next one is sent, under the job's fence: a server that
dies in between sends that one again, and nothing is left out. What is not taken is sent again after growing pauses, for as long as
ASSENT_SUBSCRIPTION_RETRY says; then the Subscription has failed, and says so, and what was not taken waits to be asked for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import msgspec

from profiles.outcome import FhirError
from server.access.access import everything
from server.internal import Found, OwnRecords
from server.jobs.backoff import backoff
from server.jobs.step import Step
from server.repository import MICROSECOND, Prepared
from server.store.internal import Keep
from server.store.jobs import NewJob
from server.store.store import Commit, StaleVersionError
from server.subscriptions.channels.channel import NotTakenError
from server.subscriptions.matching import define
from server.subscriptions.notification import Shown, notification
from server.subscriptions.owner import TYPE
from server.subscriptions.payload import shown, some_shown
from server.subscriptions.records import EVENTS, PROGRESS, SUBSCRIBED, Progress, Subscribed, event_id
from server.subscriptions.restated import audit_of, restated
from server.subscriptions.sending import Sender
from server.subscriptions.subscriber import Subscriber, subscriber_of
from server.subscriptions.trail import told_records
from server.subscriptions.turn import NO_TURN, delivery_job, heartbeat_job, new_turn

AT_ONCE: Final = 20
"""So many notifications, ..."""

SECONDS: Final = 10.0
"""... or so long, and others have their turn."""

HANDSHAKES: Final = 3


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is stored together with the progress."""

    jobs: Sequence[NewJob] = ()
    records: Sequence[bytes] = ()
    put: Prepared | None = None
    changes: Sequence[Keep] = ()


async def deliver(step: Step) -> None:
    """A `Worker` (server/jobs/step.py). Raises StoreUnavailableError, LostLeaseError."""
    delivery = _Delivery(step)
    end = asyncio.get_running_loop().time() + SECONDS
    for _ in range(AT_ONCE):
        try:
            if not await delivery.goes_on():
                return
        except StaleVersionError:  # events came, or the Subscription changed: look again
            continue
        if asyncio.get_running_loop().time() > end:
            break
    await delivery.hand_on()


class _Delivery:
    """One lease of the job."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._services = step.services
        self._own = OwnRecords(step.services.store, step.tenant, step.services.now)
        self._repository = step.repository()
        self._id = str(step.payload["subscription"])
        self._turn = int(step.payload["turn"])
        self._took = False
        self._found: Found[Progress] | None = None
        self._sender = Sender(step.services.outgoing, step.services.settings)

    async def goes_on(self) -> bool:
        """One thing at a time: whether there may be more to do. False: the job is finished. Raises StaleVersionError."""
        known = await SUBSCRIBED.read(self._own, self._id)
        self._found = await PROGRESS.read(self._own, self._id)
        progress = self._found.value if self._found is not None else Progress(self._id)
        if known is None or await self._is_gone():
            await self._forget(known)
            return False
        if self._turn == NO_TURN:
            self._turn, self._took = new_turn(), True
            progress = msgspec.structs.replace(progress, failures=0, failing_since=0)
        elif progress.turn != self._turn and not self._took:
            await self._finish(None)
            return False
        progress = msgspec.structs.replace(progress, turn=self._turn)
        return await self._do(known, progress)

    async def _do(self, known: Found[Subscribed], progress: Progress) -> bool:
        subscribed, now = known.value, self._services.now()
        if subscribed.off:
            await self._end(subscribed, progress, "off", "")
            return False
        if 0 < subscribed.wanted.until <= now:
            over = SUBSCRIBED.change(self._own, known, msgspec.structs.replace(subscribed, off=True))
            await self._end(subscribed, progress, "off", "", _Beside(changes=[over]))
            return False
        subscriber = await subscriber_of(self._services, self._step.tenant, subscribed)
        fault = "The subscriber is not let in any more." if subscriber is None else self._fault(subscribed)
        if subscriber is None or fault:
            await self._end(subscribed, progress, "error", fault)
            return False
        if progress.round != subscribed.round:
            return await self._shake_hands(subscribed, progress)
        numbers = _next_numbers(subscribed, progress)
        if not numbers:
            await self._finish(msgspec.structs.replace(progress, turn=NO_TURN))
            return False
        return await self._tell(subscriber, progress, numbers)

    def _fault(self, subscribed: Subscribed) -> str:
        """What keeps it from being matched by the rules of this version of the server."""
        try:
            define(subscribed, self._step.tenant)
        except FhirError:
            return "The filter cannot be read any more."
        return ""

    async def _shake_hands(self, subscribed: Subscribed, progress: Progress) -> bool:
        now = self._services.now()
        try:
            await self._sender.send(subscribed, notification(subscribed, progress, "handshake", now, status="requested"))
        except NotTakenError as error:
            failures = progress.failures + 1
            if failures < HANDSHAKES:
                await self._try_again(msgspec.structs.replace(progress, failures=failures, error=str(error)))
            else:
                await self._end(subscribed, progress, "error", str(error))
            return False

        def active(before: Progress) -> Progress:
            fine = _fine(before, now)
            return msgspec.structs.replace(fine, status="active", round=subscribed.round)

        jobs = []
        if subscribed.wanted.heartbeat and subscribed.wanted.channel != "websocket":
            due = now + subscribed.wanted.heartbeat * MICROSECOND
            jobs.append(heartbeat_job(self._repository, self._id, subscribed.round, due))
        put = await restated(self._repository, self._id, "active", "")
        await self._keep(progress, active, _Beside(jobs, put=put))
        return True

    async def _tell(self, subscriber: Subscriber, progress: Progress, numbers: Sequence[int]) -> bool:
        """One notification."""
        subscribed, now = subscriber.subscribed, self._services.now()
        told, last = await some_shown(partial(self._shown, subscriber), numbers)
        if told:
            try:
                await self._sender.send(subscribed, notification(subscribed, progress, "event-notification", now, told))
            except NotTakenError as error:
                records = told_records(subscriber, told, self._services.now(), 502)
                return await self._not_taken(subscribed, progress, str(error), records)
        records = told_records(subscriber, told, self._services.now(), 200)
        now = self._services.now()
        again = progress.again[0] if progress.again else None
        await self._keep(progress, lambda before: _fine(_taken(before, again, last), now), _Beside(records=records))
        return True

    async def _shown(self, subscriber: Subscriber, number: int) -> Shown | None:
        found = await EVENTS.read(self._own, event_id(self._id, number))
        return await shown(subscriber, found.value, subscriber.subscribed.wanted.content) if found is not None else None

    async def _not_taken(self, subscribed: Subscribed, progress: Progress, why: str, records: Sequence[bytes]) -> bool:
        now = self._services.now()
        since = progress.failing_since or now
        failing = msgspec.structs.replace(progress, failures=progress.failures + 1, failing_since=since, error=why)
        if now - since >= self._services.settings.subscription_retry * MICROSECOND:
            await self._end(subscribed, failing, "error", why, _Beside(records=records))
        else:
            await self._try_again(failing, records)
        return False

    async def _is_gone(self) -> bool:
        """Deleted, or taken out of the store with its history."""
        stored = await self._repository.read(everything(TYPE), self._id)
        return stored is None or stored.deleted

    async def _forget(self, known: Found[Subscribed] | None) -> None:
        """There is no Subscription any more."""
        gone = [] if self._found is None else [PROGRESS.drop(self._found)]
        gone += [] if known is None else [SUBSCRIBED.drop(known)]
        finished = (self._step.job.id, self._step.job.fence)
        await self._services.store.commit(Commit(self._step.tenant.number, internals=gone, finished_job=finished))

    # -- storing -----------------------------------------------------------------------------------------------------------

    async def _try_again(self, progress: Progress, records: Sequence[bytes] = ()) -> None:
        pause = backoff(progress.failures, secrets.randbelow(1000) / 1000)
        await self._next_job(progress, self._services.now() + int(pause * MICROSECOND), records)

    async def hand_on(self) -> None:
        """Others have their turn; another job goes on at once."""
        while True:
            self._found = await PROGRESS.read(self._own, self._id)
            if self._found is None or self._found.value.turn != self._turn:
                await self._finish(None)
                return
            with suppress(StaleVersionError):
                await self._next_job(self._found.value, 0)
                self._services.job_stored.set()
                return

    async def _next_job(self, progress: Progress, due: int, records: Sequence[bytes] = ()) -> None:
        turn = new_turn()
        jobs = [delivery_job(self._repository, self._id, turn, due, again=progress.failures > 0)]

        def handed_on(before: Progress) -> Progress:
            said = {"failures": progress.failures, "failing_since": progress.failing_since, "error": progress.error}
            return msgspec.structs.replace(before, turn=turn, **said)

        await self._keep(progress, handed_on, _Beside(jobs, records), finishes=True)

    async def _end(
        self,
        subscribed: Subscribed,
        progress: Progress,
        status: Literal["error", "off"],
        why: str,
        beside: _Beside = _Beside(),
    ) -> None:
        """Nothing is sent any more, until the Subscription is requested again."""

        def ended(before: Progress) -> Progress:
            return msgspec.structs.replace(before, status=status, error=why, turn=NO_TURN, round=subscribed.round)

        put = await restated(self._repository, self._id, status, why)
        await self._keep(progress, ended, replace(beside, put=put), finishes=True)

    async def _keep(
        self,
        progress: Progress,
        change: Callable[[Progress], Progress],
        beside: _Beside,
        *,
        finishes: bool = False,
    ) -> None:
        """Store what came of something that was sent. Events that were numbered meanwhile do not make that undone."""
        while True:
            try:
                if finishes:
                    await self._finish(change(progress), beside)
                else:
                    await self._step.commit(self._commit(change(progress), beside))
            except StaleVersionError as error:
                self._found = await PROGRESS.read(self._own, self._id)
                if error.key != PROGRESS.key(self._own.tenant, self._id) or self._found is None:
                    raise
                if not self._took and self._found.value.turn != self._turn:
                    raise
                progress = msgspec.structs.replace(self._found.value, turn=self._turn)
            else:
                self._took = False  # from here on the record says whose turn it is
                return

    async def _finish(self, progress: Progress | None, beside: _Beside = _Beside()) -> None:
        commit = self._commit(progress, beside)
        await self._services.store.commit(replace(commit, finished_job=(self._step.job.id, self._step.job.fence)))

    def _commit(self, progress: Progress | None, beside: _Beside) -> Commit:
        changes, put = [*beside.changes], beside.put
        if progress is not None and self._found is None:
            changes.append(PROGRESS.add(self._own, self._id, progress))
        elif progress is not None and self._found is not None:
            changes.append(PROGRESS.change(self._own, self._found, progress))
        audit = [*beside.records, *([audit_of(self._services, put)] if put is not None else [])]
        puts = [put.put] if put is not None else []
        commit = Commit(self._step.tenant.number, puts, jobs=beside.jobs, audit=audit, internals=changes)
        return self._repository.renewed(commit, ["Subscription"] * len(puts))


def _fine(progress: Progress, now: int) -> Progress:
    """Once something was taken."""
    return msgspec.structs.replace(progress, failures=0, failing_since=0, error="", sent=now)


def _next_numbers(subscribed: Subscribed, progress: Progress) -> list[int]:
    """The events of the next notification: first what is to be sent once more."""
    if progress.status != "active" or subscribed.wanted.channel == "websocket":
        return []
    first, last = progress.again[0] if progress.again else (progress.delivered + 1, progress.events)
    return list(range(first, min(last, first + subscribed.wanted.most - 1) + 1))


def _taken(before: Progress, range_: tuple[int, int] | None, last: int) -> Progress:
    """Once everything up to `last` was taken: of a range that was to be sent once more, or of what is new."""
    if range_ is None:
        return msgspec.structs.replace(before, delivered=max(before.delivered, last))
    others = [each for each in before.again if each != range_]
    left = [(last + 1, range_[1])] if last < range_[1] else []
    return msgspec.structs.replace(before, again=(*left, *others))
