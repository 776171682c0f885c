"""Tenants do not know of each other: another tenant's token sees nothing, by any interaction and at any address."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from in_process import House, running_house
from rest_help import bundle, entry, ids, observation, patient, refused, statuses


async def north(app: House, **options: str) -> httpx.AsyncClient:
    client = app.client(tenant="north", **options)
    client.base_url = httpx.URL(f"{app.root}/t/north/fhir")
    return client


@pytest.fixture
async def filled(app: House, client: httpx.AsyncClient) -> House:
    await client.put("/Patient/p1", json=patient("p1", name=[{"family": "Adams"}], birthDate="1970-01-01"))
    await client.put("/Observation/o1", json=observation("o1", effectiveDateTime="2026-01-01"))
    return app


async def test_another_tenant_sees_nothing_by_any_interaction(filled: House) -> None:
    other = await north(filled)
    refused(await other.get("/Patient/p1"), 404, "not-found")
    refused(await other.get("/Patient/p1/_history/1"), 404, "not-found")
    refused(await other.get("/Patient/p1/_history"), 404, "not-found")
    refused(await other.delete("/Patient/p1"), 404, "not-found")
    refused(await other.put("/Patient/p1", json=patient("p1"), headers={"If-Match": 'W/"1"'}), 412, "version-conflict")
    for query in (
        "",
        "?family=adams",
        "?birthdate=1970-01-01",
        "?_id=p1",
        "?_lastUpdated=gt2020",
        "?family:exact=Adams",
        "?birthdate=gt1900",
    ):
        assert ids(await other.get(f"/Patient{query}")) == []
    for query in (
        "?date=ge2020",
        "?subject=Patient/p1",
        "?_sort=date",
        "?_sort=_lastUpdated",
        "?subject:Patient=p1&_include=Observation:subject",
    ):
        assert ids(await other.get(f"/Observation{query}")) == []
    assert (await other.get("/Patient?_summary=count")).json()["total"] == 0
    answer = await other.post("", json=bundle("batch", entry("GET", "Patient/p1"), entry("GET", "Patient")))
    assert statuses(answer) == ["404", "200"]
    events = (await other.get("/AuditEvent?_count=1000")).json()["entry"]
    assert all(event["resource"]["source"]["site"].endswith("/t/north/fhir") for event in events)


async def test_the_same_ids_live_side_by_side(filled: House, client: httpx.AsyncClient) -> None:
    other = await north(filled)
    created = await other.put("/Patient/p1", json=patient("p1", name=[{"family": "Berg"}]))
    assert created.status_code == 201
    assert created.headers["location"] == f"{filled.root}/t/north/fhir/Patient/p1/_history/1"
    assert ids(await other.get("/Patient?family=berg")) == ["p1"]
    assert ids(await client.get("/Patient?family=berg")) == []
    assert (await client.get("/Patient/p1")).json()["name"][0]["family"] == "Adams"
    assert (await other.get("/Patient")).json()["link"][0]["url"] == f"{filled.root}/t/north/fhir/Patient"
    await other.delete("/Patient/p1")
    assert (await client.get("/Patient/p1")).status_code == 200


async def test_included_resources_are_of_the_own_tenant(filled: House) -> None:
    other = await north(filled)
    await other.put("/Observation/o2", json=observation("o2", subject=f"{filled.base}/Patient/p1"))
    await other.put("/Observation/o3", json=observation("o3", subject="Patient/p1"))
    answer = await other.get("/Observation?_include=Observation:subject")
    assert sorted(ids(answer)) == ["o2", "o3"]
    assert ids(answer, "include") == []


async def test_a_token_is_good_at_its_own_tenant_s_addresses_only(filled: House) -> None:
    async with filled.client(None) as client:
        cases = [
            (filled.token(), "/t/north/fhir"), (filled.token(tenant="north"), "/fhir"), (filled.token(tenant="north"), "/t/south/fhir"),
            (filled.token(tenant="north"), "/t/NORTH/fhir"),
            (filled.token(), "/t//fhir"), (filled.token(), "/t/north/pas-2.0.1/fhir"),
        ]  # fmt: skip
        for token, base in cases:
            for address in ("Patient/p1", "Patient", "Patient/p1/_history"):
                answer = await client.get(f"{filled.root}{base}/{address}", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code in {401, 404}, (base, answer.text)
                assert "Adams" not in answer.text
        for base in ("/t/north/fhir", "/t/north/pas-2.0.1/fhir"):
            good = {"Authorization": f"Bearer {filled.token(tenant='north')}"}
            assert (await client.get(f"{filled.root}{base}/Patient", headers=good)).status_code == 200


async def test_a_tenant_may_have_the_longest_name_that_a_token_can_say(app: House) -> None:
    name = "x" * 63
    async with app.client(tenant=name) as client:
        client.base_url = httpx.URL(f"{app.root}/t/{name}/fhir")
        assert (await client.put("/Patient/p", json=patient("p"))).status_code == 201


async def test_new_tenants_asked_for_at_once_are_all_there_after_a_restart(tmp_path: Path) -> None:
    names = [f"t{n}" for n in range(12)]
    data = tmp_path / "data"

    async def put(house: House, name: str) -> int:
        async with house.client(tenant=name) as client:
            client.base_url = httpx.URL(f"{house.root}/t/{name}/fhir")
            return (await client.put("/Patient/p", json=patient("p", name=[{"family": name}]))).status_code

    async with running_house(data) as house:
        codes = await asyncio.gather(*[put(house, name) for name in names for _ in range(2)])
        assert set(codes) <= {200, 201, 409}
        assert codes.count(201) == 12
    async with running_house(data) as house:
        for name in names:
            async with house.client(tenant=name) as client:
                client.base_url = httpx.URL(f"{house.root}/t/{name}/fhir")
                assert ids(await client.get(f"/Patient?family={name}")) == ["p"]
