"""gzip and zstd on the way in and out (RFC 9110 8.4 and 12.5.3): the same content, and bodies that are not what they say."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
import zstandard
from in_process import House
from rest_help import patient, refused

PACKED = {"gzip": gzip.compress, "zstd": zstandard.compress}
FHIR = {"Content-Type": "application/fhir+json"}


def large(id_: str) -> dict[str, Any]:
    return patient(id_, name=[{"family": "Adams", "given": ["Ann"] * 500}])


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_a_resource_travels_compressed(client: httpx.AsyncClient, coding: str) -> None:
    body = PACKED[coding](json.dumps(large("p")).encode())
    sent = await client.put("/Patient/p", content=body, headers={**FHIR, "Content-Encoding": coding})
    assert sent.status_code == 201
    plain = await client.get("/Patient/p", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/Patient/p", headers={"Accept-Encoding": coding})
    assert packed.headers["content-encoding"] == coding
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["etag"] == plain.headers["etag"]
    assert int(packed.headers["content-length"]) < len(plain.content) // 5
    head = await client.head("/Patient/p", headers={"Accept-Encoding": coding})
    assert head.headers["content-length"] == packed.headers["content-length"]
    search = await client.post("/Patient/_search", data={"_id": "p"}, headers={"Accept-Encoding": coding})
    assert search.headers["content-encoding"] == coding


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, zstd", "zstd"), ("gzip, zstd;q=0.5", "gzip"), ("gzip;q=0, zstd;q=0", None), ("br", None), ("identity", None),
        ("GZIP;Q=0.1", "gzip"), ("*", None), ("", None), ("gzip;q=nonsense", "gzip"),
    ],
)  # fmt: skip
async def test_who_gets_which(client: httpx.AsyncClient, accept: str, coding: str | None) -> None:
    await client.put("/Patient/p", json=large("p"))
    assert (await client.get("/Patient/p", headers={"Accept-Encoding": accept})).headers.get("content-encoding") == coding


async def test_what_is_small_stays_as_it_is(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    assert "content-encoding" not in (await client.get("/Patient/p", headers={"Accept-Encoding": "gzip"})).headers


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_bodies_that_are_not_what_they_say(client: httpx.AsyncClient, coding: str) -> None:
    whole = PACKED[coding](json.dumps(patient("p")).encode())
    headers = {**FHIR, "Content-Encoding": coding}
    for body in (
        b"{}",
        b"\x00" * 100,
        whole[:-5],
        whole[:3],
        whole + b"more",
        whole + whole,
    ):
        refused(await client.put("/Patient/p", content=body, headers=headers), 400, "content-coding", "http.body")
    refused(await client.put("/Patient/p", content=b"", headers=headers), 400, "body-missing")
    refused(await client.put("/Patient/p", content=PACKED[coding](b""), headers=headers), 400, "body-missing")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_a_body_that_grows(client: httpx.AsyncClient, app: House, coding: str) -> None:
    limit = app.services.settings.max_body
    bomb = PACKED[coding](b" " * (limit + 1))
    assert len(bomb) < limit // 100
    headers = {**FHIR, "Content-Encoding": coding}
    refused(await client.put("/Patient/p", content=bomb, headers=headers), 413, "body-too-large", "http.body")
    async with app.client(None) as nobody:
        assert (await nobody.put("/Patient/p", content=bomb, headers=headers)).status_code == 401
