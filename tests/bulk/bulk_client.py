"""A client of Bulk Data Access as an analyst would write one: kick off, poll, download, compare."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

LATER = {"Prefer": "respond-async"}
EXTENSION = "https://assent.example/fhir/bulk-file"
Resource = dict[str, Any]


@dataclass
class Exported:
    """A manifest, and what its files hold: lines by kind."""

    address: str
    manifest: dict[str, Any]
    output: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    error: list[str] = field(default_factory=list)


async def kicked_off(client: httpx.AsyncClient, path: str, *, lenient: bool = False, **options: Any) -> str:
    """The address of the status."""
    prefer = {"Prefer": "respond-async, handling=lenient"} if lenient else LATER
    method = "POST" if "json" in options else "GET"
    answer = await client.request(method, path, headers=prefer, **options)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Content-Location"])


async def finished(client: httpx.AsyncClient, address: str) -> httpx.Response:
    """The first answer that is not 202; asks more often than it is told to."""
    for _ in range(3000):
        answer = await client.get(address)
        if answer.status_code != 202:
            return answer
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-Progress"]
        await asyncio.sleep(0.03)
    raise AssertionError("it is never done")


async def exported(client: httpx.AsyncClient, path: str, **options: Any) -> Exported:
    """Everything that an export gives, each file held against its count, size and hash."""
    return await downloaded(client, await kicked_off(client, path, **options))


async def downloaded(client: httpx.AsyncClient, address: str) -> Exported:
    answer = await finished(client, address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "Expires" in answer.headers
    found = Exported(address, answer.json())
    for kind in ("output", "deleted", "error"):
        for file in found.manifest[kind]:
            getattr(found, kind).extend(await lines_of(client, file))
    return found


async def lines_of(client: httpx.AsyncClient, file: dict[str, Any]) -> list[str]:
    answer = await client.get(file["url"], headers={"Accept": "application/fhir+ndjson"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+ndjson"
    told = file["extension"][EXTENSION]
    assert (told["size"], told["sha256"]) == (len(answer.content), hashlib.sha256(answer.content).hexdigest())
    assert answer.content.endswith(b"\n")
    found = answer.text[:-1].split("\n")
    assert file["count"] == len(found)
    return found


def by_type(manifest: dict[str, Any]) -> dict[str, int]:
    """How many resources of each type its output lists."""
    counts: Counter[str] = Counter()
    for file in manifest["output"]:
        counts[file["type"]] += file["count"]
    return dict(counts)
