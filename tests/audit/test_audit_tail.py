"""The live tail: events as they are made, over real HTTP; resumed, ended with the token, bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from live_server import LiveServer
from tokens import bearer

from server.audit.tail import LISTENERS

SSE = {"Accept": "text/event-stream"}
GUARD = 30.0


class Stream:
    """What comes in, as (id, event)."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, dict[str, Any]]:
        id_ = ""
        async with asyncio.timeout(GUARD):
            async for line in self._lines:
                if line.startswith("id: "):
                    id_ = line[4:]
                elif line.startswith("data: "):
                    return id_, json.loads(line[6:])
        raise EOFError

    async def ended(self) -> bool:
        try:
            async with asyncio.timeout(GUARD):
                async for _ in self._lines:
                    pass
        except httpx.RemoteProtocolError:
            return True
        return True


@asynccontextmanager
async def listening(server: LiveServer, role: str = "auditor", base: str = "", **options: Any) -> AsyncIterator[Stream]:
    headers = {**SSE, **options.pop("headers", {})}
    token = server.token(role, **options)
    async with (
        httpx.AsyncClient(headers={**bearer(token), **headers}, timeout=GUARD) as client,
        client.stream("GET", f"{base or server.base}/AuditEvent/$tail") as response,
    ):
        yield Stream(response)


async def asks(server: LiveServer, path: str, base: str = "", **options: Any) -> None:
    async with httpx.AsyncClient(headers=bearer(server.token("administrator", **options)), timeout=GUARD) as client:
        await client.get(f"{base or server.base}/{path}")


async def test_events_come_as_they_are_made_and_only_those_of_the_tenant(empty_server: LiveServer) -> None:
    other = f"{empty_server.root}/t/elsewhere/fhir"
    await asks(empty_server, "Patient/x", other, tenant="elsewhere")
    async with listening(empty_server) as stream:
        assert stream.status == 200
        assert stream.response.headers["content-type"] == "text/event-stream"
        seen = []
        await asks(empty_server, "Patient/secret", other, tenant="elsewhere")
        for number in range(3):
            await asks(empty_server, f"Patient/t{number}")
        while len(seen) < 3:
            id_, event = await stream.next()
            assert event["id"] == id_
            text = json.dumps(event)
            assert "secret" not in text
            if "Patient/t" in text:
                seen.append(id_)
        assert len(set(seen)) == 3


async def test_a_listener_goes_on_where_it_was(empty_server: LiveServer) -> None:
    async with listening(empty_server) as stream:
        await asks(empty_server, "Patient/first")
        while True:
            id_, event = await stream.next()
            if "Patient/first" in json.dumps(event):
                break
    for number in range(3):
        await asks(empty_server, f"Patient/missed{number}")
    async with listening(empty_server, headers={"Last-Event-ID": id_}) as stream:
        missed = []
        while len(missed) < 3:
            _, event = await stream.next()
            missed += [entity["what"]["reference"] for entity in event["entity"]
                       if "Patient/missed" in entity.get("what", {}).get("reference", "")
                       and entity["type"]["code"] == "2"]  # fmt: skip
    assert missed == [f"Patient/missed{number}" for number in range(3)]


async def test_it_ends_with_the_token(empty_server: LiveServer) -> None:
    """A token of one second: there is a leeway of five."""
    async with listening(empty_server, lifetime=1) as stream:
        assert stream.status == 200
        assert await stream.ended()


@pytest.mark.parametrize("role", ["doctor", "staff", "payer"])
async def test_who_may_not_listen(empty_server: LiveServer, role: str) -> None:
    async with listening(empty_server, role) as stream:
        assert stream.status == 403


async def test_what_is_asked_wrongly_is_refused(empty_server: LiveServer) -> None:
    for id_ in ("x", "0" * 32, "f" * 32, "../etc"):
        async with listening(empty_server, headers={"Last-Event-ID": id_}) as stream:
            assert stream.status == 400, id_
    async with listening(empty_server, headers={"Accept": "application/fhir+json"}) as stream:
        assert stream.status == 406


async def test_listeners_are_bounded_and_those_who_left_make_room(empty_server: LiveServer) -> None:
    async with asyncio.timeout(4 * GUARD):
        tasks = [listening(empty_server) for _ in range(LISTENERS)]
        opened = [await context.__aenter__() for context in tasks]
        assert {stream.status for stream in opened} == {200}
        async with listening(empty_server) as one_too_many:
            assert one_too_many.status == 429
        for context in tasks:
            await context.__aexit__(None, None, None)
        while True:
            async with listening(empty_server) as stream:
                if stream.status == 200:
                    return
            await asks(empty_server, "Patient/x")  # a piece that nobody takes is how a server learns
            await asyncio.sleep(0.2)
