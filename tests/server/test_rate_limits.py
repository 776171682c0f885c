"""Limits as callers meet them: FHIR, OAuth and pages, each in its own words; refused before anything is read, stored or recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house

from server.oauth.routes import OAUTH_ROUTES

PATIENT = {"resourceType": "Patient"}


def refused(answer: httpx.Response, policy: str) -> None:
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["ratelimit"].startswith(f'"{policy}";r=0;t=')
    assert f'"{policy}";q=' in answer.headers["ratelimit-policy"]


def refused_as_fhir(answer: httpx.Response, policy: str) -> None:
    refused(answer, policy)
    assert answer.headers["content-type"].startswith("application/fhir+json")
    issue = answer.json()["issue"][0]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("throttled", "rate-limited")


async def audited(house: House) -> int:
    return sum(batch.count for batch in await house.services.store.audit_batches(0, 100_000))


async def test_reads_and_writes_of_an_account_are_counted_apart(tmp_path: Path) -> None:
    limits = "reads=3/3600,writes=2/3600"
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS=limits) as house, house.client() as client:
        made = await client.post("/Patient", json=PATIENT)
        assert made.headers["ratelimit"].startswith('"writes";r=1;t=')
        assert made.headers["ratelimit-policy"].startswith('"writes";q=2;w=3600, "client";')
        path = f"/Patient/{made.json()['id']}"
        assert (await client.get(path)).status_code == 200
        assert (await client.get("/Patient/none")).headers["ratelimit"].startswith('"reads";r=1;'), (
            "refusals count and say so"
        )
        assert (await client.post("/Patient/_search", data={"name": "x"})).status_code == 200
        before = await audited(house)
        for method in ("GET", "HEAD"):
            answer = await client.request(method, path)
            assert answer.status_code == 429
        refused_as_fhir(await client.get(path), "reads")
        assert await audited(house) == before, "nothing was looked at, so nothing is recorded"
        assert (await client.put(path, json={**PATIENT, "id": path.rpartition("/")[2]})).status_code == 200
        refused_as_fhir(answer := await client.post("/Patient", json=PATIENT), "writes")
        assert answer.headers["connection"] == "close"
        async with house.client(subject="somebody-else") as other:
            assert (await other.get(path)).status_code == 200
        assert sum(b"rate limited" in line for line in house.log) == 2, (
            "one line for each limit, and not one for each request"
        )


async def test_entries_of_a_bundle_are_counted_each(tmp_path: Path) -> None:
    entry = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS="writes=10/3600") as house, house.client() as client:
        for kind in ("batch", "transaction"):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry] * 5}
            assert (await client.post("", json=bundle)).status_code == 200
        refused_as_fhir(await client.post("/Patient", json=PATIENT), "writes")


async def test_an_app_is_counted_for_all_who_use_it(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS="client=2/3600") as house:
        for name in ("ann", "bob"):
            async with house.client(subject=name) as client:
                assert (await client.get("/Patient/x")).status_code == 404
        async with house.client(subject="cleo") as client:
            refused_as_fhir(await client.get("/Patient/x"), "client")


async def test_whoever_has_no_good_token_is_counted_by_address_and_no_body_is_read(tmp_path: Path) -> None:
    read: list[str] = []

    async def body() -> Any:
        read.append("read")
        yield b"{}"

    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS="open=3/3600") as house, house.client(None) as nobody:
        assert (await nobody.get("/metadata")).status_code == 200
        assert (await nobody.post("/Patient", content=body())).status_code == 401
        assert (await nobody.get("/Patient", headers={"Authorization": "Bearer guess"})).status_code == 401
        for answer in (await nobody.get("/Patient"), await nobody.get("/metadata"), await nobody.get(f"{house.root}/")):
            refused_as_fhir(answer, "open")
        refused(await nobody.get(f"{house.root}/oauth/jwks"), "open")
        assert (await nobody.get(f"{house.root}/health")).status_code == 200
        assert (await nobody.get(f"{house.root}/ready")).status_code == 200
        async with house.client() as somebody:
            assert (await somebody.get("/Patient")).status_code == 200, "a token of the same address is not concerned"
    assert read == []


async def test_bad_download_links_are_counted_and_good_ones_are_not(tmp_path: Path) -> None:
    limits = "bad-links=3/3600"
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS=limits) as house, house.client() as client:
        text = {"Content-Type": "text/plain", "X-Security-Context": "Patient/p1"}
        await client.put("/Patient/p1", json={**PATIENT, "id": "p1"})
        assert (await client.put("/Binary/note", content=b"a note", headers=text)).status_code == 201
        link = next(
            part["valueUrl"]
            for part in (await client.get("/Binary/note/$signed-link")).json()["parameter"]
            if part["name"] == "url"
        )
        async with house.client(None) as nobody:
            for _ in range(3):
                assert (await nobody.get(f"{house.root}/documents/guess")).status_code == 403
            before = await audited(house)
            refused_as_fhir(await nobody.get(f"{house.root}/documents/guess"), "bad-links")
            assert await audited(house) == before
            assert (await nobody.get(link)).status_code == 200


@pytest.mark.parametrize("route", OAUTH_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_of_the_authorization_server_has_a_limit(limited: House, route: Any) -> None:
    """As JSON for programs, as a page for people; before the body is read."""
    async with limited.client(None) as nobody:
        answers = [await nobody.request(route.method, f"{limited.root}{route.path}") for _ in range(2)]
    refused(answers[1], route.policy)
    if route.for_people:
        assert answers[1].headers["content-type"].startswith("text/html")
        assert "Too many requests" in answers[1].text
        assert "frame-ancestors 'none'" in answers[1].headers["content-security-policy"]
    else:
        assert answers[1].json()["error"] == "temporarily_unavailable"
    assert ("access-control-allow-origin" in answers[1].headers) is route.any_origin


async def test_directories_have_a_limit_too(limited: House) -> None:
    async with limited.client(None) as nobody:
        answers = [await nobody.get(f"{limited.root}/scim/v2/Users") for _ in range(2)]
    refused(answers[1], "tokens")
    assert answers[1].json()["status"] == "429"


@pytest.fixture
async def limited(tmp_path: Path) -> Any:
    names = ("open", "forms", "tokens", "registration")
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS=",".join(f"{name}=1/3600" for name in names)) as house:
        yield house


async def test_nothing_is_limited_when_it_is_off(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_RATE_LIMITS="off") as house, house.client() as client:
        answer = await client.get("/Patient")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers
