"""The other ways to a subscriber: a websocket of the real program, bound by a token, and e-mail."""

from __future__ import annotations

import asyncio
import email
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from in_process import running_house
from live_server import LiveServer
from mail_server import mail_server
from rest_help import refused
from subscription_help import (
    INNER,
    PATIENCE,
    masked,
    parameters,
    status_of,
    subscribe,
    subscription,
    until_status,
    values_of,
)

from server.subscriptions.binding import bound, token_for

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Socket:
    """A client of RFC 6455."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, text: str) -> None:
        self._writer.write(masked(0x81, text.encode()))

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE):
            first, size = await self._reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
            return first & 0x0F, await self._reader.readexactly(size)

    async def told(self) -> dict[str, Any]:
        """The next notification."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 9:
                self._writer.write(masked(0x8A, payload))
                continue
            assert opcode == 1, (opcode, payload)
            found: dict[str, Any] = json.loads(payload)
            return found

    async def closed_with(self) -> int:
        while (found := await self.frame())[0] != 8:
            pass
        return int.from_bytes(found[1])


@asynccontextmanager
async def socket_at(url: str, path: str = "") -> AsyncIterator[Socket]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    target = path or parts.path
    writer.write(
        f"GET {target} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head:
        raise ConnectionRefusedError(head.decode())
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    yield Socket(reader, writer)
    writer.close()


def by_socket(*filters: str, content: str = "full-resource") -> dict[str, Any]:
    return subscription("urn:none", *filters, content=content, type="websocket")


async def test_a_websocket_is_told_behind_its_token(empty_server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {empty_server.token()}"}
    async with httpx.AsyncClient(base_url=empty_server.base, headers=headers, timeout=60) as client:
        id_ = await subscribe(client, by_socket("Basic"))
        granted = values_of((await client.get(f"/Subscription/{id_}/$get-ws-binding-token")).json())
        assert granted["subscription"] == id_
        async with socket_at(granted["websocket-url"]) as socket:
            socket.say(f"bind-with-token {granted['token']}")
            hello = status_of(await socket.told())
            assert (hello["type"], hello["subscription"]) == ("handshake", f"{empty_server.base}/Subscription/{id_}")
            for text in ("a", "b"):
                await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": text}})
            first, second = await socket.told(), await socket.told()
        assert [status_of(each)["events"][0]["event-number"] for each in (first, second)] == ["1", "2"]
        assert first["entry"][1]["resource"]["code"] == {"text": "a"}
        await client.post("/Basic", json={"resourceType": "Basic", "code": {"text": "while nobody listens"}})
        async with socket_at(granted["websocket-url"]) as socket:
            socket.say(f"bind-with-token {granted['token']}")
            await socket.told()
            assert status_of(await socket.told())["events"][0]["event-number"] == "3"


@pytest.mark.parametrize("text", ["hello", "bind-with-token x", "bind-with-token e30.00"], ids=["word", "none", "forged"])
async def test_who_has_no_token_is_hung_up_on(empty_server: LiveServer, text: str) -> None:
    async with socket_at(f"{empty_server.root}/subscriptions") as socket:
        socket.say(text)
        assert await socket.closed_with() == 1008


async def test_there_are_websockets_at_one_address_only(empty_server: LiveServer) -> None:
    with pytest.raises(ConnectionRefusedError, match="403"):
        async with socket_at(empty_server.root, "/fhir/Patient"):
            pass


async def test_tokens_are_for_owners_of_subscriptions_by_websocket(tmp_path: Path) -> None:
    async with (
        running_house(tmp_path / "data") as house,
        house.client("staff", subject="owner") as owner,
        house.client(subject="administrator") as administrator,
    ):
        id_ = await subscribe(owner, by_socket("Basic"))
        wanted = parameters(id=id_)
        answer = await owner.post("/Subscription/$get-ws-binding-token", json=wanted)
        token = values_of(answer.json())["token"]
        refused(await administrator.post("/Subscription/$get-ws-binding-token", json=wanted), 422, "subscription-channel")
        tenant = house.services.keyring.get("default")
        assert tenant is not None
        now = house.services.now()
        assert bound(tenant, token, now) == (id_,)
        assert bound(tenant, token, now + 3600 * 1_000_000) is None
        content, _, proof = token.partition(".")
        other = token_for(tenant, ["somebody-elses"], now + 10**9).partition(".")[0]
        assert bound(tenant, f"{other}.{proof}", now) is None
        assert bound(tenant, f"{content}.", now) is None


async def test_e_mail_says_nothing_where_anybody_may_look(tmp_path: Path) -> None:
    async with (
        mail_server() as (server, taken),
        running_house(tmp_path / "data", ASSENT_SMTP=server, ASSENT_SMTP_FROM="assent@example.org", **INNER) as house,
        house.client() as client,
    ):
        given = subscription("mailto:nell@example.org", "Patient", content="id-only", type="email")
        id_ = await subscribe(client, given)
        made = await client.post("/Patient", json={"resourceType": "Patient", "name": [{"family": "Hidden"}]})
        async with asyncio.timeout(PATIENCE):
            for pause in [0.02] * 10_000:
                if len(taken) == 2:
                    break
                await asyncio.sleep(pause)
        assert (await until_status(client, id_, "active"))["channel"]["type"] == "email"
    messages = [email.message_from_string(each.partition("\r\n.\r\n")[0], policy=default) for each in taken]
    assert {message["To"] for message in messages} == {"nell@example.org"}
    notified = messages[1]
    assert made.json()["id"] not in str(notified["Subject"])
    text, attached = notified.iter_parts()
    assert made.json()["id"] not in text.get_content()
    assert attached.get_content_type() == "application/fhir+json"
    told = json.loads(attached.get_content())
    assert status_of(told)["events"][0]["focus"].endswith(f"Patient/{made.json()['id']}")
    assert "Hidden" not in str(told)
