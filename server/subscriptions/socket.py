"""The websocket channel: whoever sends `bind-with-token TOKEN` is sent the notifications of the Subscriptions that it is good for.

What was sent counts as taken: nobody says so on a websocket. A subscriber who comes back goes on behind that, and asks for what was lost
on the way by number ($events). Whatever server a socket is at, it learns of events from the store.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from profiles import json
from profiles.json import Resource
from server.internal import OwnRecords
from server.repository import MICROSECOND
from server.rest.exchange import Services
from server.seal.keyring import Tenant
from server.store.store import Commit, StaleVersionError, StoreUnavailableError
from server.subscriptions.binding import bound, tenant_named
from server.subscriptions.notification import Shown, notification
from server.subscriptions.operations import SOCKET_PATH
from server.subscriptions.payload import shown, some_shown
from server.subscriptions.records import EVENTS, PROGRESS, SUBSCRIBED, Progress, event_id
from server.subscriptions.subscriber import Subscriber, subscriber_of
from server.subscriptions.trail import told_records
from server.websocket.frames import Code

BIND: Final = "bind-with-token "
BIND_SECONDS: Final = 20.0
"""Whoever has not bound anything by then is hung up on."""

POLL_SECONDS: Final = 0.5
MOST_SOCKETS: Final = 200
MOST_BOUND: Final = 100


class Sockets:
    """All websockets of this server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, of type websocket."""
        await receive()  # connect
        if scope["path"] != SOCKET_PATH or self._open >= MOST_SOCKETS:
            await send({"type": "websocket.close", "code": Code.BUSY})
            return
        self._open += 1
        try:
            await send({"type": "websocket.accept"})
            code = await _Session(self._services, receive, send).run()
            await send({"type": "websocket.close", "code": code})
        except OSError:  # nobody is there any more
            return
        finally:
            self._open -= 1


@dataclass(slots=True)
class _Bound:
    tenant: Tenant
    cursor: int
    sent: int


class _Session:
    """One websocket."""

    def __init__(self, services: Services, receive: Receive, send: Send) -> None:
        self._services = services
        self._receive = receive
        self._send = send
        self._bound: dict[str, _Bound] = {}

    async def run(self) -> Code:
        """Until either side has had enough; why it is closed. Raises OSError."""
        begun = asyncio.get_running_loop().time()
        listening = asyncio.ensure_future(self._receive())
        try:
            while not self._services.leaving.is_set():
                await asyncio.wait({listening}, timeout=POLL_SECONDS)
                if listening.done():
                    event = listening.result()
                    if event["type"] == "websocket.disconnect":
                        return Code.NORMAL
                    listening = asyncio.ensure_future(self._receive())
                    if not await self._bind(event.get("text") or ""):
                        return Code.POLICY
                with suppress(StoreUnavailableError):  # it is looked again
                    await self._tell()
                if not self._bound and asyncio.get_running_loop().time() > begun + BIND_SECONDS:
                    return Code.POLICY
            return Code.RESTART
        finally:
            listening.cancel()

    async def _bind(self, text: str) -> bool:
        """Whether what came was a token that is good."""
        token = text.removeprefix(BIND).strip() if text.startswith(BIND) else ""
        tenant = self._services.keyring.get(tenant_named(token) or "")
        ids = bound(tenant, token, self._services.now()) if tenant is not None else None
        if tenant is None or ids is None or len(self._bound) + len(ids) > MOST_BOUND:
            return False
        own = self._own(tenant)
        for id_ in ids:
            subscriber = await self._subscriber(own, id_)
            if subscriber is None:
                continue
            found = await PROGRESS.read(own, id_)
            progress = found.value if found is not None else Progress(id_)
            self._bound[id_] = _Bound(tenant, progress.delivered, self._services.now())
            await self._say(notification(subscriber.subscribed, progress, "handshake", self._services.now()))
        return True

    async def _tell(self) -> None:
        """Everything that there is to say. Raises StoreUnavailableError, OSError."""
        for id_, each in list(self._bound.items()):
            own = self._own(each.tenant)
            found = await PROGRESS.read(own, id_)
            if found is None:
                if await SUBSCRIBED.read(own, id_) is None:
                    del self._bound[id_]
                continue
            events, period = found.value.events, 0
            if events > each.cursor or await self._is_quiet(own, id_, each):
                subscriber = await self._subscriber(own, id_)
                if subscriber is None:
                    del self._bound[id_]
                    continue
                period = subscriber.subscribed.wanted.heartbeat
                while each.cursor < events:
                    await self._tell_some(own, subscriber, found.value, each)
                if period and each.sent + period * MICROSECOND <= self._services.now():
                    await self._say(notification(subscriber.subscribed, found.value, "heartbeat", self._services.now()))
                    each.sent = self._services.now()

    async def _is_quiet(self, own: OwnRecords, id_: str, each: _Bound) -> bool:
        """Whether it may be time for a heartbeat."""
        if self._services.now() < each.sent + MICROSECOND:
            return False
        known = await SUBSCRIBED.read(own, id_)
        if known is None or known.value.off:
            return True
        period = known.value.wanted.heartbeat * MICROSECOND
        return bool(period) and each.sent + period <= self._services.now()

    async def _tell_some(self, own: OwnRecords, subscriber: Subscriber, progress: Progress, each: _Bound) -> None:
        wanted = subscriber.subscribed.wanted

        async def show(number: int) -> Shown | None:
            found = await EVENTS.read(own, event_id(progress.id, number))
            return await shown(subscriber, found.value, wanted.content) if found is not None else None

        numbers = range(each.cursor + 1, min(progress.events, each.cursor + wanted.most) + 1)
        told, last = await some_shown(show, numbers)
        if told:
            now = self._services.now()
            await self._say(notification(subscriber.subscribed, progress, "event-notification", now, told))
        await self._taken(own, progress.id, last, told_records(subscriber, told, self._services.now(), 200))
        each.cursor, each.sent = last, self._services.now()

    async def _taken(self, own: OwnRecords, id_: str, last: int, records: list[bytes]) -> None:
        """Note how far it is, with the audit records; whatever was numbered meanwhile."""
        while True:
            found = await PROGRESS.read(own, id_)
            changes = []
            if found is not None and found.value.delivered < last:
                changes = [PROGRESS.change(own, found, msgspec.structs.replace(found.value, delivered=last))]
            try:
                await own.store.commit(Commit(own.tenant.number, internals=changes, audit=records))
            except StaleVersionError:
                continue
            return

    async def _subscriber(self, own: OwnRecords, id_: str) -> Subscriber | None:
        """None where nothing may be sent any more."""
        known = await SUBSCRIBED.read(own, id_)
        if known is None or known.value.off or known.value.wanted.channel != "websocket":
            return None
        if 0 < known.value.wanted.until <= own.now():
            return None
        return await subscriber_of(self._services, own.tenant, known.value)

    async def _say(self, bundle: Resource) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(bundle).decode()})

    def _own(self, tenant: Tenant) -> OwnRecords:
        return OwnRecords(self._services.store, tenant, self._services.now)
