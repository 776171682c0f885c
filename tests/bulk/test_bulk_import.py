"""`$import`: each line once under its own id, what is not taken told with its line, files from Binaries and from addresses."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulk_client import LATER, downloaded, exported
from bulk_damage import damage
from in_process import House, running_house
from two_engines import ENGINES, house_on

from profiles import json
from server.bulk import import_job
from server.bulk.import_asked import Input
from server.bulk.import_lines import Line, brought

COUNTS = "https://assent.example/fhir/bulk-import"
Resource = dict[str, Any]


@dataclass
class Files:
    """Files at addresses, which the server of the test may reach."""

    port: int
    content: dict[str, bytes] = field(default_factory=dict)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        content = found.content[asked.removeprefix("/")]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+ndjson\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        found = Files(server.sockets[0].getsockname()[1])
        yield found


@pytest.fixture
async def fetching(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that may fetch them."""
    async with running_house(tmp_path / "data", ASSENT_INNER_NETWORKS="127.0.0.0/8") as house, house.client() as client:
        yield client


def patient(number: int, **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": f"p{number}", "gender": "other", **more}


def ndjson(*resources: Resource | str) -> bytes:
    return "\n".join(each if isinstance(each, str) else json.dumps(each).decode() for each in resources).encode()


def asked(*files: tuple[str, str], format_: str = "application/fhir+ndjson") -> Resource:
    inputs = [
        {"name": "input", "part": [{"name": "type", "valueCode": type_}, {"name": "url", "valueUri": url}]}
        for type_, url in files
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "inputFormat", "valueCode": format_}, *inputs]}


async def uploaded(client: httpx.AsyncClient, content: bytes) -> str:
    answer = await client.post("/Binary", content=content, headers={"Content-Type": "application/fhir+ndjson"})
    if answer.status_code == 415:
        answer = await client.post("/Binary", content=content, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201, answer.text
    return "Binary/" + answer.headers["Location"].split("/Binary/")[1].split("/")[0]


async def imported(client: httpx.AsyncClient, *files: tuple[str, str]) -> tuple[dict[str, int], list[str]]:
    answer = await client.post("/$import", json=asked(*files), headers=LATER)
    assert answer.status_code == 202, answer.text
    found = await downloaded(client, answer.headers["Content-Location"])
    assert found.output == []
    counts: dict[str, int] = found.manifest["extension"][COUNTS]
    return counts, [json.loads(line.encode())["issue"][0]["details"]["text"] for line in found.error]


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_line_is_stored_or_told_of(engine: str, tmp_path: Path) -> None:
    lines = [
        *(patient(number) for number in range(150)),
        "{",
        '{"resourceType": "Observation", "id": "o", "status": "final"}',
        {"resourceType": "Patient", "gender": "other"},
        patient(900, gender="f"),
        "",
        patient(3, gender="male"),
        patient(4),
        '{"resourceType": "Patient", "id": "x", "id": "y"}',
    ]
    async with house_on(engine, tmp_path / "data", ASSENT_BULK_SETTLE="0") as house, house.client() as client:
        file = await uploaded(client, ndjson(*lines))
        counts, faults = await imported(client, ("Patient", file))
        assert counts == {"stored": 150, "changed": 1, "same": 1, "refused": 5}
        assert [fault.split(":")[0] for fault in faults] == [
            f"input 1 (Patient), line {n}" for n in (151, 152, 153, 154, 158)
        ]
        assert (await client.get("/Patient/p3")).json()["gender"] == "male"
        assert (await client.get("/Patient/p149")).json()["meta"]["versionId"] == "1"

        again, _ = await imported(client, ("Patient", f"{house.base}/{file}"))
        assert again == {"stored": 0, "changed": 2, "same": 150, "refused": 5}  # p3 there and back

        out = await exported(client, "/$export", params={"_type": "Patient"})
        assert len(out.output) == 150
        told = (await client.get("/Provenance", params={"target": "Patient/p7"})).json()
        assert len(told["entry"]) == 1


async def test_large_lines_are_few_in_a_commit(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    store = import_job._Work._store

    async def counted(work: import_job._Work, given: Input, batch: Sequence[Line]) -> None:
        sizes.append(len(batch))
        await store(work, given, batch)

    monkeypatch.setattr(import_job._Work, "_store", counted)
    monkeypatch.setattr(import_job, "BYTES", 2500)
    lines = ndjson(*(patient(n, name=[{"text": "x" * 1000}]) for n in range(7)))
    counts, faults = await imported(client, ("Patient", await uploaded(client, lines)))
    assert (counts["stored"], faults) == (7, [])
    assert sizes == [3, 3, 1]


async def test_one_that_the_server_refuses_does_not_keep_the_others_out(client: httpx.AsyncClient) -> None:
    wrong = {"resourceType": "Binary", "id": "b", "contentType": "application/pdf", "data": "SGVsbG8="}
    good = [{"resourceType": "Binary", "id": f"g{n}", "contentType": "text/plain", "data": "SGVsbG8="} for n in range(6)]
    counts, faults = await imported(client, ("Binary", await uploaded(client, ndjson(*good[:3], wrong, *good[3:]))))
    assert counts == {"stored": 6, "changed": 0, "same": 0, "refused": 1}
    assert faults[0].startswith("input 1 (Binary), line 4: ")


REFUSED: dict[str, tuple[Any, int]] = {
    "no input": ({"resourceType": "Parameters", "parameter": [{"name": "inputFormat", "valueCode": "ndjson"}]}, 400),
    "format": (asked(("Patient", "Binary/x"), format_="text/csv"), 400),
    "type": (asked(("Nothing", "Binary/x")), 400),
    "audit": (asked(("AuditEvent", "Binary/x")), 400),
    "scheme": (asked(("Patient", "file:///etc/passwd")), 400),
    "id": (asked(("Patient", "Binary/../x")), 400),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_wrong_is_refused_at_once(case: str, client: httpx.AsyncClient) -> None:
    body, status = REFUSED[case]
    answer = await client.post("/$import", json=body, headers=LATER)
    assert answer.status_code == status, answer.text


async def test_it_is_for_administrators_and_only_later(app: House) -> None:
    body = asked(("Patient", "Binary/x"))
    async with app.client("doctor") as doctor, app.client() as client, app.client(None) as nobody:
        assert (await doctor.post("/$import", json=body, headers=LATER)).status_code == 403
        assert (await nobody.post("/$import", json=body, headers=LATER)).status_code == 401
        assert (await client.post("/$import", json=body)).status_code == 400
        assert (await client.get("/$import", headers=LATER)).status_code == 405


async def test_files_that_cannot_be_had_are_told_of(client: httpx.AsyncClient) -> None:
    """An address inside of the house is none that the server would fetch."""
    good = await uploaded(client, ndjson(patient(1)))
    files = (("Patient", "Binary/nothing"), ("Patient", "https://127.0.0.1/x.ndjson"), ("Patient", good))
    counts, faults = await imported(client, *files)
    assert counts == {"stored": 1, "changed": 0, "same": 0, "refused": 2}
    assert [fault.split(":")[0] for fault in faults] == ["input 1 (Patient)", "input 2 (Patient)"]


async def test_an_address_is_fetched(fetching: httpx.AsyncClient, files: Files) -> None:
    files.content = {"patients.ndjson": ndjson(*(patient(number) for number in range(30)))}
    counts, faults = await imported(fetching, ("Patient", files.url("patients.ndjson")))
    assert (counts["stored"], faults) == (30, [])


async def test_files_may_be_packed_and_begin_with_a_mark(fetching: httpx.AsyncClient, files: Files) -> None:
    lines = ndjson(patient(1), patient(2))
    whole = gzip.compress(b"\xef\xbb\xbf" + lines + b"\n") + gzip.compress(ndjson(patient(3)))
    files.content = {
        "mark": b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n"),
        "packed": whole,
        "cut": whole[:-9],
        "broken": whole[:40] + b"\0" * 9 + whole[49:],
        "one": b"\x1f",
        "nothing": b"",
    }
    counts, faults = await imported(fetching, *(("Patient", files.url(name)) for name in files.content))
    assert counts == {"stored": 3, "changed": 0, "same": 2, "refused": 3}
    assert [fault.split(":")[0] for fault in faults] == [
        "input 3 (Patient)",
        "input 4 (Patient)",
        "input 5 (Patient), line 1",
    ]
    assert "no whole gzip file" in faults[0]


async def test_a_damaged_record_is_one_line_that_is_not_taken(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house, house.client() as client:
        await imported(client, ("Patient", await uploaded(client, ndjson(*(patient(n) for n in range(5))))))
        damaged = house.services.keyring.by_number(1).index.record_key("Patient", "p3")
    damage(tmp_path / "data", damaged)
    async with running_house(tmp_path / "data") as house, house.client() as client:
        lines = ndjson(*(patient(n, active=True) for n in range(5)))
        counts, faults = await imported(client, ("Patient", await uploaded(client, lines)))
    assert counts == {"stored": 0, "changed": 4, "same": 0, "refused": 1}
    assert faults[0].startswith("input 1 (Patient), line 4: What is stored under this id is damaged")


def test_what_a_line_brings() -> None:
    assert brought(b"  ", "Patient") is None
    assert isinstance(brought(b'{"resourceType":"Patient","id":"a"}', "Patient"), dict)
    for bad in (b"[]", b"1", b"\xff", b'{"resourceType":"Patient","id":"a b"}', b"[" * 5000):
        assert isinstance(brought(bad, "Patient"), tuple)
