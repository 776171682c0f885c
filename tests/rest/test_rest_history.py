"""History of an instance, of a type and of everything: what it tells, to whom, in which order, and in pages (R4 http.html#history)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, observation, patient, refused, statuses
from two_engines import ENGINES, house_on


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data", ASSENT_PROVENANCE="none") as opened:
        yield opened


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as opened:
        yield opened


def told(answer: httpx.Response) -> list[str]:
    """Reference and version of each entry."""
    assert answer.status_code == 200, answer.text
    names = []
    for item in answer.json().get("entry", []):
        reference = "/".join(item["fullUrl"].split("/")[-2:])
        names.append(f"{reference}/{item['response']['etag'][3:-1]}")
    return names


def following(answer: httpx.Response) -> str | None:
    return next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), None)


async def pages(client: httpx.AsyncClient, address: str) -> list[list[str]]:
    answer = await client.get(address)
    found = [told(answer)]
    while (url := following(answer)) is not None:
        answer = await client.get(url)
        found.append(told(answer))
    return found


async def time_of(client: httpx.AsyncClient, reference: str) -> str:
    """When a version was stored."""
    type_, id_, version = reference.split("/")
    for item in (await client.get(f"/{type_}/{id_}/_history?_count=100")).json()["entry"]:
        if item["response"]["etag"] == f'W/"{version}"':
            return str(item["response"]["lastModified"])
    raise LookupError(reference)


def shifted(instant: str, microseconds: int) -> str:
    return (datetime.fromisoformat(instant) + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def filled(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Patient/p1 1; Patient/p2 1; Observation/o 1, 2, deleted, 4; Organization/org 1; Patient/p1 2, one after the other."""
    await client.put("/Patient/p1", json=patient("p1"))
    await client.put("/Patient/p2", json=patient("p2"))
    await client.put("/Observation/o", json=observation("o"))
    await client.put("/Observation/o", json=observation("o", note=[{"text": "again"}]))
    await client.delete("/Observation/o")
    await client.put("/Observation/o", json=observation("o"))
    await client.put("/Organization/org", json={"resourceType": "Organization", "id": "org", "name": "x"})
    await client.put("/Patient/p1", json=patient("p1", active=True))
    return client


ALL = [
    "Patient/p1/2", "Organization/org/1", "Observation/o/4", "Observation/o/3", "Observation/o/2", "Observation/o/1", "Patient/p2/1",
    "Patient/p1/1",
]  # fmt: skip


async def test_type_and_system_tell_every_version_newest_first(filled: httpx.AsyncClient) -> None:
    assert told(await filled.get("/_history")) == ALL
    assert told(await filled.get("/Patient/_history")) == ["Patient/p1/2", "Patient/p2/1", "Patient/p1/1"]
    answer = (await filled.get("/Observation/_history")).json()
    assert (answer["resourceType"], answer["type"], answer["total"]) == ("Bundle", "history", 4)
    assert [
        (e["request"]["method"], e["request"]["url"], e["response"]["status"], "resource" in e) for e in answer["entry"]
    ] == [
        ("PUT", "Observation/o", "201", True),
        ("DELETE", "Observation/o", "204", False),
        ("PUT", "Observation/o", "200", True),
        ("POST", "Observation", "201", True),
    ]
    for item in answer["entry"]:
        assert item["response"]["lastModified"].endswith("Z")
        if "resource" in item:
            meta = item["resource"]["meta"]
            assert (f'W/"{meta["versionId"]}"', meta["lastUpdated"]) == (
                item["response"]["etag"], item["response"]["lastModified"],
            )  # fmt: skip
    assert (await filled.get("/Medication/_history")).json()["total"] == 0
    assert (await filled.get("/Observation/_history")).json()["entry"] == (
        await filled.get("/Observation/o/_history")
    ).json()["entry"]


async def test_pages_and_orders(filled: httpx.AsyncClient) -> None:
    for count in (1, 2, 3, 8, 9):
        found = await pages(filled, f"/_history?_count={count}")
        assert [name for page in found for name in page] == ALL
        assert {len(page) for page in found[:-1]} <= {count}
        assert all(found)
        found = await pages(filled, f"/_history?_count={count}&_sort=_lastUpdated")
        assert [name for page in found for name in page] == ALL[::-1]
    assert (await pages(filled, "/Observation/o/_history?_sort=_lastUpdated&_count=3"))[1] == ["Observation/o/4"]
    assert told(await filled.get("/_history?_sort=-_lastUpdated")) == ALL
    paged = (await filled.get("/Observation/_history?_count=2&_pretty=true")).json()
    assert "total" not in paged
    assert [link["relation"] for link in paged["link"]] == ["self", "next"]
    assert "_count=2&_cursor=" in paged["link"][1]["url"]
    assert (await filled.get("/Observation/o/_history?_count=2")).json()["total"] == 4


async def test_since_is_inclusive_and_at_is_what_was_in_force(filled: httpx.AsyncClient) -> None:
    changed, gone = await time_of(filled, "Observation/o/2"), await time_of(filled, "Observation/o/3")
    for address in ("/Observation/_history", "/Observation/o/_history"):

        async def asked(query: str, address: str = address) -> list[int]:
            return [int(name.rpartition("/")[2]) for name in told(await filled.get(f"{address}?{query}"))]

        assert await asked(f"_since={changed}") == [4, 3, 2]
        assert await asked(f"_since={shifted(changed, 1)}") == [4, 3]
        assert await asked(f"_since={changed}&_sort=_lastUpdated&_count=2") == [2, 3]
        assert await asked("_since=2020") == [4, 3, 2, 1]
        assert await asked("_since=2999-01") == []
        assert await asked(f"_at={shifted(changed, -1)}") == [1]
        assert await asked(f"_at={changed}") == [2]
        assert await asked(f"_at={shifted(gone, -1)}") == [2]
        assert await asked(f"_at={gone}") == [3]
        assert await asked(f"_at={shifted(gone, 1)}") == []
        assert await asked("_at=2999") == [4]
        assert await asked("_at=2019") == []
        assert await asked(f"_at={changed[:4]}") == [4, 3, 2, 1]
        assert await asked(f"_at={changed[:4]}&_since={gone}") == [4, 3]
        moved = quote(datetime.fromisoformat(changed).astimezone().isoformat())
        assert await asked(f"_since={moved}") == [4, 3, 2]
    assert told(await filled.get("/_history?_at=2999")) == [
        "Patient/p1/2",
        "Organization/org/1",
        "Observation/o/4",
        "Patient/p2/1",
    ]
    nothing = (await filled.get("/Observation/o/_history?_at=2019")).json()
    assert nothing["total"] == 0
    assert "entry" not in nothing


async def test_what_a_history_does_not_take(filled: httpx.AsyncClient, house: House) -> None:
    for address in ("/_history", "/Patient/_history", "/Patient/p1/_history"):
        refused(await filled.get(f"{address}?_count=x"), 400, "parameter-value", "http._count")
        assert len((await filled.get(f"{address}?_count=0")).json()["entry"]) == 1
        refused(await filled.get(f"{address}?_since=yesterday"), 400, "parameter-value", "http._since")
        refused(await filled.get(f"{address}?_at=ge2020"), 400, "parameter-value", "http._at")
        refused(await filled.get(f"{address}?_at=2020&_at=2021"), 400, "parameter-value", "http._at")
        refused(await filled.get(f"{address}?_sort=name"), 400, "parameter-value", "http._sort")
        refused(await filled.get(f"{address}?_summary=count"), 400, "parameter-value", "http._summary")
        refused(await filled.get(f"{address}?_cursor=AAAA"), 400, "bad-cursor", "http._cursor")
        refused(await filled.get(f"{address}?_cursor=%C3%A4"), 400, "bad-cursor", "http._cursor")
        refused(await filled.post(address, json=patient()), 405, "method-not-allowed")
    refused(await filled.get("/AuditEvent/_history"), 405, "read-only-type")
    refused(await filled.get("/NoType/_history"), 404, "unknown-type")
    async with house.client("auditor") as auditor:
        assert told(await auditor.get("/_history")) == []
        refused(await auditor.get("/Patient/_history"), 403, "forbidden")
    async with house.client("staff", scope="user/Organization.rs") as narrow:
        assert told(await narrow.get("/_history")) == ["Organization/org/1"]
    async with house.client("staff", scope="user/Organization.r") as reader:
        refused(await reader.get("/_history"), 403, "forbidden")
        refused(await reader.get("/Organization/_history"), 403, "forbidden")
        assert told(await reader.get("/Organization/org/_history")) == ["Organization/org/1"]


async def test_a_cursor_is_for_one_caller_and_one_history(filled: httpx.AsyncClient, house: House) -> None:
    url = following(await filled.get("/_history?_count=2"))
    assert url is not None
    cursor = url.partition("_cursor=")[2]
    for address in (
        f"/_history?_count=3&_cursor={cursor}", f"/_history?_cursor={cursor}", f"/Patient/_history?_count=2&_cursor={cursor}",
        f"/_history?_count=2&_cursor={cursor[:-2]}", f"/_history?_count=2&_since=2020&_cursor={cursor}",
    ):  # fmt: skip
        refused(await filled.get(address), 400, "bad-cursor")
    async with house.client(subject="somebody-else") as other:
        refused(await other.get(url), 400, "bad-cursor")
    async with house.client(tenant="north") as other:
        refused(await other.get(f"{house.root}/t/north/fhir/_history?_count=2&_cursor={cursor}"), 400, "bad-cursor")


async def test_in_batch_and_transaction(filled: httpx.AsyncClient) -> None:
    entries = [
        entry("GET", "_history?_count=2"),
        entry("GET", "Observation/_history"),
        entry("GET", "Observation/o/_history"),
    ]
    for type_ in ("batch", "transaction"):
        answer = await filled.post("", json=bundle(type_, *entries), headers={"Prefer": "return=representation"})
        assert statuses(answer) == ["200", "200", "200"]
        assert [len(item["resource"]["entry"]) for item in answer.json()["entry"]] == [2, 4, 4]


async def test_a_patient_sees_what_lies_in_the_own_record_only(client: httpx.AsyncClient, house: House) -> None:
    """moved: p2, then p1. lost: p1, then p2. gone: p1, deleted. both: p2 and p1 (performer), then p1."""
    for name in ("p1", "p2"):
        await client.put(f"/Patient/{name}", json=patient(name))
    await client.put("/Observation/moved", json=observation("moved", "Patient/p2", note=[{"text": "secret of p2"}]))
    await client.put("/Observation/moved", json=observation("moved", "Patient/p1"))
    await client.put("/Observation/lost", json=observation("lost", "Patient/p1"))
    await client.put("/Observation/lost", json=observation("lost", "Patient/p2", note=[{"text": "secret of p2"}]))
    await client.put("/Observation/gone", json=observation("gone", "Patient/p1"))
    await client.delete("/Observation/gone")
    await client.put("/Observation/theirs", json=observation("theirs", "Patient/p2", note=[{"text": "secret of p2"}]))
    await client.delete("/Observation/theirs")
    await client.put("/Organization/org", json={"resourceType": "Organization", "id": "org", "name": "x"})
    for number in range(30):
        await client.put(f"/Observation/x{number}", json=observation(f"x{number}", "Patient/p2"))
    own = ["Observation/gone/2", "Observation/gone/1", "Observation/moved/2"]
    async with house.client("patient", patient="p1") as limited:
        for address in ("/Observation/_history", "/Observation/_history?_count=1", "/Observation/_history?_count=2"):
            found = await pages(limited, address)
            assert [name for page in found for name in page] == own
            assert all(found)
        whole = await limited.get("/Observation/_history")
        assert whole.json()["total"] == 3
        assert "secret" not in whole.text
        assert told(await limited.get("/_history")) == ["Organization/org/1", *own, "Patient/p1/1"]
        assert told(await limited.get("/_history?_sort=_lastUpdated&_at=2999")) == [
            "Patient/p1/1", "Observation/moved/2", "Organization/org/1",
        ]  # fmt: skip
        for name in ("moved", "gone"):
            mine = [full for full in own if f"/{name}/" in full]
            assert [n for page in await pages(limited, f"/Observation/{name}/_history?_count=1") for n in page] == mine
        for name in ("lost", "theirs", "x1"):
            refused(await limited.get(f"/Observation/{name}/_history"), 404, "not-found")
    async with house.client("patient", patient="nobody") as stranger:
        assert told(await stranger.get("/_history")) == ["Organization/org/1"]


async def test_the_history_is_audited_with_what_it_showed(filled: httpx.AsyncClient) -> None:
    assert told(await filled.get("/Observation/_history?_count=3"))
    events = (await filled.get("/AuditEvent?_count=1000")).json()["entry"]
    (event,) = [
        item["resource"] for item in events if {"history-type"} == {sub["code"] for sub in item["resource"]["subtype"]}
    ]
    names = {what["what"].get("reference") for what in event["entity"] if "what" in what}
    assert {"Observation/o/_history/4", "Observation/o/_history/3", "Observation/o/_history/2", "Patient/p1"} <= names


async def test_pages_lose_and_repeat_nothing_while_others_write(filled: httpx.AsyncClient) -> None:
    """Those who page backwards see what was there; those who page forwards see what came after it as well."""
    written = 0
    for sort in ("-_lastUpdated", "_lastUpdated"):
        answer = await filled.get(f"/_history?_count=2&_sort={sort}")
        found = told(answer)
        before = set(told(await filled.get("/_history?_count=1000")))
        while (url := following(answer)) is not None and len(found) < len(before) + 20:
            written += 1
            answer, *_ = await asyncio.gather(
                filled.get(url),
                filled.put("/Patient/p1", json=patient("p1")),
                filled.post("/Observation", json=observation()),
            )
            found += told(answer)
        assert len(found) == len(set(found))
        assert before <= set(found)
    assert written > 3


async def test_it_is_read_from_a_store_that_is_bound_to_this_tenant(house: House) -> None:
    async with house.client() as mine, house.client(tenant="north") as theirs:
        theirs.base_url = httpx.URL(f"{house.root}/t/north/fhir")
        await mine.put("/Patient/p", json=patient("p"))
        await theirs.put("/Patient/p", json=patient("p", active=False))
        await theirs.put("/Patient/q", json=patient("q"))
        assert told(await mine.get("/_history")) == ["Patient/p/1"]
        body: dict[str, Any] = (await theirs.get("/_history")).json()
        assert [item["fullUrl"] for item in body["entry"]] == [f"{house.root}/t/north/fhir/Patient/{name}" for name in "qp"]
