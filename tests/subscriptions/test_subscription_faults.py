"""What goes wrong for one subscriber, or with one record, is in nobody else's way."""

from __future__ import annotations

import asyncio
import ipaddress
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
from in_process import running_house
from subscription_help import INNER, Hook, status_of, subscribe, subscription, until

from server.outgoing import Outgoing, OutgoingError, outgoing_client
from server.store.sqlite.sqlite_store import FILE_NAME
from server.subscriptions.names import TIMEOUT
from server.subscriptions.records import PROGRESS, SUBSCRIBED
from server.subscriptions.turn import DELIVERY_AGAIN

BASIC = {"resourceType": "Basic", "code": {"text": "x"}}


class Tarpit:
    """Takes handshakes, and never answers anything else. `held` are those that wait for an answer at this moment."""

    def __init__(self) -> None:
        self.url = ""
        self.held = 0
        self.changed = asyncio.Event()

    async def until(self, held: int) -> None:
        while self.held < held:
            self.changed.clear()
            await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if b'"handshake"' in await reader.readexactly(size):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        else:
            self.held += 1
            self.changed.set()
            await reader.read()
            self.held -= 1
        writer.close()


@asynccontextmanager
async def running_tarpit() -> AsyncIterator[Tarpit]:
    tarpit = Tarpit()
    server = await asyncio.start_server(tarpit.serve, "127.0.0.1", 0)
    tarpit.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield tarpit


async def test_endpoints_that_never_answer_keep_nobody_else_waiting(tmp_path: Path, hook: Hook) -> None:
    """Also where there are more of them than deliveries at a time: once they failed they have places of their own."""
    patience = {"extension": [{"url": TIMEOUT, "valueUnsignedInt": 1}]}
    async with running_house(tmp_path / "data", **INNER) as house, house.client() as client, running_tarpit() as tarpit:
        for _ in range(6):
            await subscribe(client, subscription(tarpit.url, "Basic", extension=[{"url": TIMEOUT, "valueUnsignedInt": 30}]))
        await client.post("/Basic", json=BASIC)
        async with asyncio.timeout(20):
            await tarpit.until(6)
        failing = await subscribe(client, subscription(tarpit.url, "Basic", **patience))
        await subscribe(client, subscription(hook.url, "Basic"))
        await client.post("/Basic", json=BASIC)
        await hook.until(lambda: bool(hook.events))
        assert tarpit.held >= 6
        told = await until(
            client, f"/Subscription/{failing}/$undelivered", lambda found: "in time" in str(found["parameter"])
        )
        assert {"name": "error", "valueString": "The address did not answer in time."} in told["parameter"]
        kinds = [job.kind for job in await house.services.store.jobs.listed(0, 99)]
        assert DELIVERY_AGAIN in kinds


async def test_a_damaged_record_is_a_number_and_what_follows_is_told(tmp_path: Path, hook: Hook) -> None:
    taking = False
    hook.answer = lambda call: 200 if taking or call.status["type"] != "event-notification" else 503
    data = tmp_path / "data"
    async with running_house(data, **INNER) as house, house.client() as client:
        id_ = await subscribe(client, subscription(hook.url, "Basic"))
        for name in ("one", "two"):
            assert (await client.put(f"/Basic/{name}", json=BASIC | {"id": name})).status_code == 201
        await hook.until(lambda: bool(hook.events))
        key = house.services.keyring.by_number(1).index.record_key("Basic", "one")
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE resource SET body = x'00' WHERE key = ?", (key,))
    taking, seen = True, len(hook.calls)
    async with running_house(data, **INNER) as house, house.client() as client:
        await hook.until(lambda: len(hook.calls) >= seen + 2)
        events = (await client.get(f"/Subscription/{id_}/$events")).json()
        assert ["focus" in event for event in status_of(events)["events"]] == [False, True]
        assert b"damaged record in a notification" in b"".join(house.log)
    told = [(event["event-number"], "focus" in event) for call in hook.calls[seen:] for event in call.status["events"]]
    assert told == [("1", False), ("2", True)]


@pytest.mark.parametrize("kind", ["subscription", "subscription-progress"])
async def test_a_damaged_subscription_is_in_no_other_ones_way(tmp_path: Path, hook: Hook, kind: str) -> None:
    data = tmp_path / "data"
    async with running_house(data, **INNER) as house, house.client() as client:
        broken = await subscribe(client, subscription(hook.url, "Basic"))
        whole = await subscribe(client, subscription(hook.url, "Basic"))
        own = house.services.keyring.by_number(1)
        key = next(each for each in (SUBSCRIBED, PROGRESS) if each.name == kind).key(own, broken)
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        changed = connection.execute("UPDATE internal SET body = x'00' WHERE key = ?", (key,))
        assert changed.rowcount == 1
    async with running_house(data, **INNER) as house, house.client() as client:
        for _ in range(2):
            assert (await client.post("/Basic", json=BASIC)).status_code == 201
        await hook.until(lambda: len(hook.events) >= 2)
        assert b"damaged subscription" in b"".join(house.log)
    assert {call.status["subscription"].rpartition("/")[2] for call in hook.of("event-notification")} == {whole}


async def test_a_subscriber_has_the_time_that_was_agreed_on() -> None:
    """And not that of the client that is used to reach them."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    inner = (ipaddress.ip_network("127.0.0.0/8"),)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        assert await Outgoing(client, inner).send("http://127.0.0.1/", b"", [], 30) == 204
    assert seen[0].extensions["timeout"]["read"] == 30
    async with outgoing_client() as client, running_tarpit() as tarpit:
        with pytest.raises(OutgoingError, match="in time"):
            await Outgoing(client, inner).send(tarpit.url, b"{}", [], 0.2)
