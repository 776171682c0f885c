"""Scopes with search parameters open what matches them and nothing else, to read, to search and to write (SMART App Launch 2.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from access_help import (
    CATEGORIES,
    bundle,
    code_of,
    entry,
    ids,
    labelled,
    observation,
    patient,
    put,
    refused,
    statuses,
    total,
)
from in_process import House

LAB = f"user/Observation.cruds?category={CATEGORIES}|laboratory"


@pytest.fixture
async def filled(app: House) -> House:
    async with app.client() as client:
        await put(
            client,
            patient("p1"),
            patient("p2"),
            labelled("lab1", "laboratory", effectiveDateTime="2026-01-01"),
            labelled("lab2", "laboratory", "p2", effectiveDateTime="2026-01-03"),
            labelled("vital1", "vital-signs", effectiveDateTime="2026-01-02"),
            labelled("vital2", "vital-signs", "p2", effectiveDateTime="2026-01-04"),
            observation("none", "Patient/p1", effectiveDateTime="2026-01-05"),
            {"resourceType": "Organization", "id": "org", "name": "x"},
        )
    return app


@pytest.fixture
async def lab(filled: House) -> AsyncIterator[httpx.AsyncClient]:
    async with filled.client(scope=LAB) as client:
        yield client


async def test_only_what_matches_is_read_and_found(lab: httpx.AsyncClient) -> None:
    for id_ in ("vital1", "none", "missing"):
        for address in (f"/Observation/{id_}", f"/Observation/{id_}/_history", f"/Observation/{id_}/_history/1"):
            refused(await lab.get(address), 404, "not-found")
    assert (await lab.get("/Observation/lab1")).status_code == 200
    assert ids(await lab.get("/Observation")) == ["lab2", "lab1"]
    assert ids(await lab.get("/Observation?_sort=date")) == ["lab1", "lab2"]
    assert ids(await lab.get("/Observation?category=vital-signs")) == []
    assert ids(await lab.get("/Observation?category:not=laboratory")) == []
    assert ids(await lab.get("/Observation?_id=vital1,lab1")) == ["lab1"]
    assert await total(lab, "Observation") == 2
    assert await total(lab, "Observation?patient=p1") == 1
    refused(await lab.get("/Patient/p1"), 403, "forbidden")
    assert [e["resource"]["id"] for e in (await lab.get("/Observation/_history")).json()["entry"]] == ["lab2", "lab1"]
    assert [e["resource"]["id"] for e in (await lab.get("/_history")).json()["entry"]] == ["lab2", "lab1"]


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("user/Observation.rs?category=laboratory", {"lab1", "lab2"}),
        ("user/Observation.rs?category=laboratory,vital-signs", {"lab1", "lab2", "vital1", "vital2"}),
        ("user/Observation.rs?category=laboratory&patient=Patient/p1", {"lab1"}),
        ("user/Observation.rs?category=laboratory&category=vital-signs", set()),
        ("user/Observation.rs?category=laboratory user/Observation.rs?patient=p2", {"lab1", "lab2", "vital2"}),
        ("user/Observation.rs?date=ge2026-01-03", {"lab2", "vital2", "none"}),
        ("user/Observation.rs?date=ge2026-01-03&category:not=laboratory", {"vital2", "none"}),
        ("user/Observation.rs?category:not=laboratory patient/Observation.rs", {"lab1", "vital1", "vital2", "none"}),
        ("patient/Observation.rs?category=laboratory", {"lab1"}),
        ("patient/Observation.rs?category=laboratory user/Observation.rs?_id=vital2", {"lab1", "vital2"}),
        ("user/Observation.rs?category=laboratory user/Observation.rs", {"lab1", "lab2", "vital1", "vital2", "none"}),
        ("user/Observation.r user/Observation.s?category=laboratory", {"lab1", "lab2"}),
        ("user/*.rs?category=vital-signs", {"vital1", "vital2"}),
        ("user/*.rs?_id=none,vital1", {"none", "vital1"}),
    ],
)
async def test_parameters_are_all_to_match_and_scopes_are_alternatives(filled: House, scope: str, found: set[str]) -> None:
    async with filled.client(scope=scope, patient="p1") as client:
        assert set(ids(await client.get("/Observation"))) == found
        assert await total(client, "Observation") == len(found)
        assert {
            e["resource"]["id"] for e in (await client.get("/Observation/_history?_count=2")).json().get("entry", [])
        } <= found
        if "user/Observation.r " not in scope:
            for id_ in ("lab1", "lab2", "vital1", "vital2", "none"):
                assert (await client.get(f"/Observation/{id_}")).status_code == (200 if id_ in found else 404), id_


@pytest.mark.parametrize(
    "scope",
    [
        "user/Observation.rs?colour=red",
        "user/Observation.rs?_count=5",
        "user/Observation.rs?_include=Observation:subject",
        "user/Observation.rs?date=yesterday",
        "user/Observation.rs?category:in=http://example.org/vs",
    ],
)
async def test_what_is_no_criterion_of_the_type_opens_nothing(filled: House, scope: str) -> None:
    async with filled.client(scope=scope) as client:
        refused(await client.get("/Observation"), 403, "forbidden")
        refused(await client.get("/Observation/lab1"), 403, "forbidden")
        refused(await client.get("/_history"), 403, "forbidden")


async def test_a_parameter_opens_only_the_types_that_have_it(filled: House) -> None:
    async with filled.client(scope="user/*.rs?category=laboratory") as client:
        refused(await client.get("/Organization/org"), 403, "forbidden")
        assert ids(await client.get("/Observation?_include=Observation:subject"), "include") == []


async def test_writes_lie_within_before_and_after(filled: House, lab: httpx.AsyncClient) -> None:
    assert (await lab.put("/Observation/lab1", json=labelled("lab1", "laboratory"))).status_code == 200
    made = await lab.post("/Observation", json=_without_id("laboratory"))
    assert made.status_code == 201
    for answer in (
        await lab.put("/Observation/lab1", json=labelled("lab1", "vital-signs")),
        await lab.post("/Observation", json=_without_id("vital-signs")),
        await lab.patch(
            "/Observation/lab1",
            json=[{"op": "remove", "path": "/category"}],
            headers={"Content-Type": "application/json-patch+json"},
        ),
        await lab.post("", json=bundle("transaction", entry("POST", "Observation", _without_id("vital-signs")))),
        await lab.post("/Observation", json=_without_id("vital-signs"), headers={"If-None-Exist": "_id=x"}),
    ):
        refused(answer, 403, "forbidden")
    for id_ in ("vital1", "new"):
        refused(await lab.put(f"/Observation/{id_}", json=labelled(id_, "laboratory")), 404, "not-found")
        refused(await lab.delete(f"/Observation/{id_}"), 404, "not-found")
        refused(await lab.put(f"/Observation?_id={id_}", json=labelled(id_, "laboratory")), 404, "not-found")
        assert (await lab.delete(f"/Observation?_id={id_}")).status_code == 204
        inside = await lab.post(
            "", json=bundle("batch", entry("GET", f"Observation/{id_}"), entry("DELETE", f"Observation/{id_}"))
        )
        assert statuses(inside) == ["404", "404"]
    assert (await lab.delete("/Observation/lab1")).status_code == 204
    refused(await lab.get("/Observation/lab1"), 410, "gone")
    async with filled.client() as everybody:
        assert (await everybody.get("/Observation/vital1")).json()["meta"]["versionId"] == "1"
        assert (await everybody.delete("/Observation/vital2")).status_code == 204
    refused(await lab.get("/Observation/vital2"), 404, "not-found")


def _without_id(code: str) -> dict[str, object]:
    return {name: value for name, value in labelled("x", code).items() if name != "id"}


async def test_a_condition_sees_what_the_caller_sees(lab: httpx.AsyncClient) -> None:
    """What is hidden does not match, and is no reason for a 412."""
    made = await lab.post("/Observation", json=_without_id("laboratory"), headers={"If-None-Exist": "_id=vital1"})
    assert made.status_code == 201
    assert (
        await lab.post(
            "/Observation", json=_without_id("laboratory"), headers={"If-None-Exist": "date=2026-01-01,2026-01-02"}
        )
    ).status_code == 200


async def test_a_record_that_leaves_the_reach_is_gone_from_it_with_its_past(filled: House, lab: httpx.AsyncClient) -> None:
    async with filled.client() as everybody:
        await put(everybody, labelled("lab1", "vital-signs"))
    for address in ("/Observation/lab1", "/Observation/lab1/_history/1", "/Observation/lab1/_history"):
        refused(await lab.get(address), 404, "not-found")
    assert [e["resource"]["id"] for e in (await lab.get("/Observation/_history")).json()["entry"]] == ["lab2"]
    async with filled.client() as everybody:
        await put(everybody, labelled("lab1", "laboratory"))
    history = (await lab.get("/Observation/lab1/_history")).json()
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["3", "1"]
    refused(await lab.get("/Observation/lab1/_history/2"), 404, "not-found")


async def test_pages_are_full_and_end_where_nothing_more_is_to_be_seen(filled: House) -> None:
    """Whatever lies between and behind what is seen, pages and links are as if it were not there."""
    async with filled.client() as everybody:
        for number in range(12):
            await put(everybody, labelled(f"m{number}", "laboratory" if number % 4 == 0 else "vital-signs", "p1"))
    scope = "user/Observation.rs?category=laboratory&patient=p1 user/Observation.rs?_id=m1"
    async with filled.client(scope=scope) as client:
        for address, size in (("/Observation?_sort=_lastUpdated&", 2), ("/Observation/_history?", 2), ("/_history?", 2)):
            seen: list[str] = []
            url = f"{address}_count={size}"
            pages = 0
            while url:
                page = (await client.get(url)).json()
                found = [e["resource"]["id"] for e in page.get("entry", [])]
                seen += found
                pages += 1
                url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
                assert len(found) == size or not url
            assert (sorted(seen), pages) == (["lab1", "m0", "m1", "m4", "m8"], 3), address


async def test_operations_are_not_opened_by_a_part(filled: House) -> None:
    async with filled.client(scope="user/Observation.rs?category=laboratory user/Patient.rs?_id=p1") as client:
        answer = await client.post("/Observation/$validate", json={"resourceType": "Parameters"})
        assert (answer.status_code, code_of(answer)) == (403, "forbidden")
