"""The trail as compliance tools take it: NDJSON and CSV, over REST and from the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from audit_help import Audited, audited_on
from program import assent, refused
from two_engines import ENGINES

from profiles.base_validation import validate_resource
from server.audit.export import COLUMNS, csv_rows

EVIL = ("=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "  =1+1", '=HYPERLINK("http://evil.example")')


@pytest.fixture(params=ENGINES)
async def audited(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Audited]:
    async with audited_on(request.param, tmp_path / "data") as made:
        yield made


async def export(audited: Audited, **query: str) -> httpx.Response:
    async with audited.house.client("auditor") as client:
        return await client.get("/AuditEvent/$export-trail", params=query)


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def used(audited: Audited) -> None:
    async with audited.house.client("doctor", subject="dr-who", fhir_user="Practitioner/who") as doctor:
        await doctor.put("/Patient/p1", json={"resourceType": "Patient", "id": "p1"})
        await doctor.get("/Patient/p1", headers={"X-Purpose-Of-Use": "TREAT"})
        await doctor.get('/Patient?name=Müller,%0A"x"')
        await doctor.get("/Patient/none")


async def test_every_event_is_in_it_as_it_is_read(audited: Audited) -> None:
    await used(audited)
    answer = await export(audited)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+ndjson"
    assert "attachment" in answer.headers["content-disposition"]
    events = [json.loads(line) for line in answer.content.splitlines()]
    assert [event["subtype"][0]["code"] for event in events] == ["update", "read", "search-type", "read", "operation"]
    assert events[-1]["subtype"][1]["code"] == "export-trail"  # the export is an event, before it begins
    async with audited.house.client("auditor") as client:
        for event in events:
            assert (await client.get(f"/AuditEvent/{event['id']}")).json() == event
            assert validate_resource(event) == []


async def test_csv_says_the_same(audited: Audited) -> None:
    await used(audited)
    answer = await export(audited, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = rows_of(answer)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["interaction"] for row in rows] == ["update", "read", "search-type", "read", "$export-trail"]
    assert rows[1] | {"id": "", "recorded": "", "request_id": "", "address": ""} == {
        "id": "", "recorded": "", "action": "R", "interaction": "read", "outcome": "0", "status": "200", "refusal": "",
        "user": "dr-who", "user_reference": "Practitioner/who", "roles": "doctor", "client": "assent-cli", "address": "",
        "purpose": "TREAT", "patients": "Patient/p1", "entities": "Patient/p1/_history/1", "query": "", "request_id": "",
    }  # fmt: skip
    assert rows[2]["query"] == 'name=Müller,\n"x"'
    assert rows[3]["refusal"] == "not-found"


async def test_a_period_is_cut_out(audited: Audited) -> None:
    await used(audited)
    everything = [json.loads(line) for line in (await export(audited)).content.splitlines()]
    second, fourth = everything[1]["recorded"], everything[3]["recorded"]
    part = await export(audited, **{"from": second, "to": fourth})
    assert [json.loads(line) for line in part.content.splitlines()] == everything[1:3]
    assert (await export(audited, to="2020-01-01")).content == b""
    assert (await export(audited, **{"from": "2099-01-01"})).content == b""
    today = everything[0]["recorded"][:10]
    assert len((await export(audited, **{"from": today, "to": "2099-01-01"})).content.splitlines()) > 5


async def test_the_period_is_found_among_many(audited: Audited) -> None:
    async with audited.house.client() as client:
        for number in range(150):
            await client.get(f"/Patient/n{number}")
    everything = [json.loads(line) for line in (await export(audited)).content.splitlines()]
    for place in (0, 1, 77, 149):
        found = await export(audited, **{"from": everything[place]["recorded"], "to": everything[150]["recorded"]})
        assert [json.loads(line) for line in found.content.splitlines()] == everything[place:150]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026",
        "to=2026-13-01",
        "from=2026-01-01T00:00:00",
        "format=xml",
        "limit=1",
        "from=9999-12-31",
    ],
)
async def test_bad_periods_and_forms_are_refused_or_empty(tmp_path: Path, query: str) -> None:
    async with audited_on("sqlite", tmp_path / "data") as audited, audited.house.client("auditor") as client:
        answer = await client.get(f"/AuditEvent/$export-trail?{query}")
        assert answer.status_code == (200 if "9999" in query else 400)


async def test_who_may_and_how(tmp_path: Path) -> None:
    async with audited_on("sqlite", tmp_path / "data") as audited:
        for role in ("doctor", "staff", "payer"):
            async with audited.house.client(role) as client:
                assert (await client.get("/AuditEvent/$export-trail")).status_code == 403
        async with audited.house.client() as client:
            entry = {"request": {"method": "GET", "url": "AuditEvent/$export-trail"}}
            bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
            inside = (await client.post("", json=bundle)).json()["entry"][0]
            assert inside["response"]["status"].startswith("400")
            later = await client.get("/AuditEvent/$export-trail", headers={"Prefer": "respond-async"})
            assert later.status_code == 200  # a preference that is not heeded
            assert (await client.head("/AuditEvent/$export-trail")).status_code == 200


async def test_a_damaged_batch_shows_in_its_place_and_the_rest_goes_on(audited: Audited) -> None:
    await used(audited)
    audited.change(lambda rows: [rows[0], replace(rows[1], body=rows[1].body[:-1] + b"\0"), *rows[2:]])
    events = [json.loads(line) for line in (await export(audited)).content.splitlines()]
    assert [event["resourceType"] for event in events[:4]] == ["AuditEvent", "OperationOutcome", "AuditEvent", "AuditEvent"]
    rows = rows_of(await export(audited, format="csv"))
    assert rows[1]["interaction"] == "damaged"


def test_no_cell_is_a_formula() -> None:
    for text in EVIL:
        (row,) = csv.reader(io.StringIO(csv_rows([(text, "x")]).decode(), newline=""))
        assert row == [f"'{text}", "x"]
    for harmless in ("", "a=1", "Patient/p-1", "2026", " "):
        assert csv_rows([(harmless, "x")]).decode().startswith(harmless)


async def test_what_a_caller_writes_does_not_become_a_formula(audited: Audited) -> None:
    async with audited.house.client("staff", subject="=cmd|' /C calc'!A0") as client:
        await client.get("/Patient?name==1+1")
    row = rows_of(await export(audited, format="csv"))[0]
    assert row["user"].startswith("'=")


# -- the command line ------------------------------------------------------------------------------------------------------


async def test_from_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with audited_on("sqlite", data) as audited:
        await used(audited)
        beside = assent("audit", "verify", data=data)
        assert (beside.returncode, beside.stderr) == (0, "")
        assert beside.stdout.startswith("default: 4 records hold together; head 4:")
    head = beside.stdout.split()[-1]
    written = assent("audit", "export", data=data)
    events = [json.loads(line) for line in written.stdout.splitlines()]
    assert [event["subtype"][0]["code"] for event in events] == ["update", "read", "search-type", "read", "audit-export"]
    rows = list(csv.DictReader(io.StringIO(assent("audit", "export", "--format", "csv", data=data).stdout)))
    assert len(rows) == 6
    assert assent("audit", "export", "--to", "2020-01-01", data=data).stdout == ""
    assert assent("audit", "verify", "--tenant", "default", "--witness", head, data=data).returncode == 0
    told = json.loads(assent("audit", "verify", "--json", data=data).stdout)
    assert told["broken"] == []
    wrong = assent("audit", "verify", "--tenant", "default", "--witness", head[:-1] + "g", data=data)
    assert wrong.returncode == 1
    assert "truncated" in wrong.stdout
    refused(assent("audit", "verify", "--witness", head, data=data), "--tenant")
    refused(assent("audit", "verify", "--tenant", "nobody", data=data), "no tenant")
    refused(assent("audit", "export", "--from", "soon", data=data), "--from")
    refused(assent("audit", "verify", data=tmp_path / "nothing"), "no store")
