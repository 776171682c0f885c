"""A subscriber's endpoint, and Subscriptions to send to it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import repeat
from typing import Any

import httpx
from in_process import House

from server.subscriptions.names import CHANGED, CONTENT, FILTER, PAS_TOPIC

PATIENCE = 60.0
"""Seconds, generous: what is waited for takes a few milliseconds."""

INNER = {"ASSENT_INNER_NETWORKS": "127.0.0.0/8"}


@dataclass
class Call:
    headers: dict[str, str]
    body: bytes

    @property
    def bundle(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def status(self) -> dict[str, Any]:
        return status_of(self.bundle)


def status_of(bundle: dict[str, Any]) -> dict[str, Any]:
    """The status of a notification by name; events as a list of their parts by name."""
    return flat_status(bundle["entry"][0]["resource"])


def flat_status(parameters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"events": []}
    for each in parameters["parameter"]:
        if each["name"] == "notification-event":
            found["events"].append({part["name"]: _value(part) for part in each["part"]})
        else:
            found[each["name"]] = _value(each)
    return found


def _value(part: dict[str, Any]) -> Any:
    value = next(value for name, value in part.items() if name.startswith("value"))
    return value["reference"] if isinstance(value, dict) and "reference" in value else value


@dataclass
class Hook:
    """Answers each POST with what `answer` says (a status), and keeps it."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], int] = lambda call: 200
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, type_: str) -> list[Call]:
        return [call for call in self.calls if call.status["type"] == type_]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for call in self.of("event-notification") for event in call.status["events"]]

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not met():
                self.changed.clear()
                if not met():
                    await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        call = Call(headers, await reader.readexactly(int(headers["content-length"])))
        status = self.answer(call)
        self.calls.append(call)
        self.changed.set()
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running_hook() -> AsyncIterator[Hook]:
    hook = Hook("")
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield hook


def subscription(
    endpoint: str, *filters: str, topic: str = CHANGED, content: str = "full-resource", **channel: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "a test",
        "criteria": topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": CONTENT, "valueCode": content}]},
            **channel,
        },
    }
    if filters:
        made["_criteria"] = {"extension": [{"url": FILTER, "valueString": each} for each in filters]}
    return made


def pas_subscription(endpoint: str, *filters: str, **channel: Any) -> dict[str, Any]:
    return subscription(endpoint, *filters, topic=PAS_TOPIC, **channel)


async def subscribe(client: httpx.AsyncClient, resource: dict[str, Any], status: str = "active") -> str:
    """The id, once the server has said what came of it."""
    answer = await client.post("/Subscription", json=resource)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "requested"
    id_ = str(answer.json()["id"])
    await until_status(client, id_, status)
    return id_


async def until_status(
    client: httpx.AsyncClient, id_: str, status: str, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    return await until(client, f"/Subscription/{id_}", lambda found: bool(found["status"] == status), meanwhile)


async def until(
    client: httpx.AsyncClient,
    path: str,
    met: Callable[[dict[str, Any]], bool],
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """What is at an address, once it is as it should be."""
    async with asyncio.timeout(PATIENCE):
        for pause in repeat(0.02):
            found: dict[str, Any] = (await client.get(path)).json()
            if met(found):
                return found
            meanwhile()
            await asyncio.sleep(pause)
    raise TimeoutError


def parameters(**values: str) -> dict[str, Any]:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, "valueString": value} for name, value in values.items()],
    }


def values_of(holder: dict[str, Any], of: str = "parameter") -> dict[str, Any]:
    """Parameters, or the parts of one, by name; those without a value are left out."""
    return {each["name"]: _value(each) for each in holder[of] if any(name.startswith("value") for name in each)}


class AheadOfTime:
    """Sets the clock of a running application ahead."""

    def __init__(self, house: House) -> None:
        self._seconds = 0.0
        services = house.services
        clock = services.clock
        object.__setattr__(services, "clock", lambda: clock() + timedelta(seconds=self._seconds))

    def by(self, seconds: float) -> None:
        self._seconds += seconds


def masked(first: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """A websocket client's frame (RFC 6455 section 5.2)."""
    mask = mask or os.urandom(4)
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0x80 | 126]) + size.to_bytes(2)
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8)
    return bytes([first]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
