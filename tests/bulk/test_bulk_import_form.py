"""`$import` of files that come with the request: read as they arrive, imported as others are, and nothing of them is left behind."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bulk_client import LATER, downloaded
from hypothesis import given
from hypothesis import strategies as st
from in_process import House
from two_engines import ENGINES, house_on

from profiles import json
from profiles.outcome import FhirError
from server.rest.form import Form

COUNTS = "https://assent.example/fhir/bulk-import"
BOUNDARY = "--x-y"


def ndjson(type_: str, *ids: str) -> bytes:
    return b"".join(json.dumps({"resourceType": type_, "id": id_}) + b"\n" for id_ in ids)


def form(*parts: tuple[str, bytes]) -> bytes:
    made = b"a preamble that nobody reads\r\n"
    for name, content in parts:
        made += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
        made += content + b"\r\n"
    return made + f"--{BOUNDARY}--\r\nan epilogue".encode()


HEADERS = LATER | {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def read(pieces: AsyncIterator[bytes]) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    reader = Form(HEADERS["Content-Type"], pieces)
    while (name := await reader.part()) is not None:
        found.append((name, b"".join([piece async for piece in reader.content()])))
    return found


near_misses = st.sampled_from([b"\r\n", b"--", b"--x", f"\r\n--{BOUNDARY[:-1]}".encode(), b"\r", b"", b"x", b"\0\n"])
contents = st.lists(near_misses | st.binary(max_size=9), max_size=9).map(b"".join)


@given(parts=st.lists(st.tuples(st.sampled_from(["Patient", "b"]), contents), max_size=4), size=st.integers(1, 40))
def test_a_form_is_read_whatever_pieces_it_comes_in(parts: list[tuple[str, bytes]], size: int) -> None:
    made = form(*parts)
    assert asyncio.run(read(in_pieces(made, size))) == parts


@pytest.mark.parametrize("cut", [0, 10, 40, 60, 110, 130])
def test_a_form_that_ends_before_its_time_is_refused(cut: int) -> None:
    with pytest.raises(FhirError):
        asyncio.run(read(in_pieces(form(("Patient", b"x" * 40))[:cut], 7)))


@pytest.mark.parametrize("engine", ENGINES)
async def test_files_come_with_the_request(engine: str, tmp_path: Path) -> None:
    people, things = [f"p{n}" for n in range(150)], ndjson("Basic", "b").replace(b"}", b',"code":{"text":"x"}}')
    large = ndjson("Patient", *people) + b" " * 900_000 + b"\n" + ndjson("Patient", "last")
    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        body = form(("Patient", large), ("Basic", gzip.compress(things)), ("Basic", b""))
        answer = await client.post("/$import", content=in_pieces(body, 100_000), headers=HEADERS)
        assert answer.status_code == 202, answer.text
        found = await downloaded(client, answer.headers["Content-Location"])
        assert found.manifest["extension"][COUNTS] == {"stored": 152, "changed": 0, "same": 0, "refused": 0}
        assert (await client.get("/Patient/last")).status_code == 200
        assert (await client.get("/Binary/x")).status_code == 404
        assert await house.services.store.blobs.listed(b"", 9) == []


REFUSED = {
    "who": (HEADERS, form(("Patient", b"{}")), "doctor", 403),
    "nobody": (HEADERS, form(("Patient", b"{}")), None, 401),
    "now": ({"Content-Type": HEADERS["Content-Type"]}, form(("Patient", b"{}")), "administrator", 400),
    "name": (HEADERS, form(("Patient", b"x" * 900_000), ("Nothing", b"{}")), "administrator", 400),
    "audit": (HEADERS, form(("AuditEvent", b"{}")), "administrator", 400),
    "empty": (HEADERS, form(), "administrator", 400),
    "cut": (HEADERS, form(("Patient", b"x" * 900_000))[:-40], "administrator", 400),
    "no boundary": (LATER | {"Content-Type": "multipart/form-data"}, form(("Patient", b"{}")), "administrator", 400),
    "packed": (HEADERS | {"Content-Encoding": "gzip"}, gzip.compress(form(("Patient", b"{}"))), "administrator", 415),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_leaves_nothing(app: House, case: str) -> None:
    headers, body, role, status = REFUSED[case]
    async with app.client(role) as client:
        answer = await client.post("/$import", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert await app.services.store.blobs.listed(b"", 9) == []
