"""Chains and `_has`, from the inside and from the outside: the same answers, the caller's own right at every step, bounded costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from search_world import observation, ref

from server.search import outside, resolve

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import ids, refused

SEARCHES = [
    ("/Observation?subject:Patient.gender=male", ["o3", "o2"]),
    ("/Observation?subject.gender=female&code=b", ["o1"]),
    ("/Observation?subject:Patient.organization.name=north", ["o3", "o2"]),
    ("/Observation?subject:Patient.organization:Organization.partof.name=head", ["o3", "o2"]),
    ("/Patient?_has:Observation:patient:code=b", ["p2", "p1"]),
    ("/Patient?_has:Observation:patient:code=a", ["p1"]),
    ("/Patient?_has:Observation:patient:code=c&gender=female", []),
    ("/Organization?_has:Patient:organization:_has:Observation:patient:code=a", ["south"]),
    ("/Observation?subject:Patient._has:Observation:patient:code=c", ["o3", "o2"]),
    ("/Observation?subject:Patient.name:contains=e", ["o1", "o0"]),
    ("/Patient?_has:Observation:patient:status:missing=false&organization.name=south", ["p1"]),
]
"""Newest first, as types are listed by the order in which they were stored, observations by their date."""


@pytest.fixture
async def filled(app: House, client: httpx.AsyncClient) -> House:
    for resource in (
        {"resourceType": "Organization", "id": "head", "name": "Head"},
        {"resourceType": "Organization", "id": "north", "name": "North", "partOf": ref("Organization/head")},
        {"resourceType": "Organization", "id": "south", "name": "South"},
        {"resourceType": "Patient", "id": "p1", "gender": "female", "name": [{"family": "Steel"}], "managingOrganization": ref("Organization/south")},
        {"resourceType": "Patient", "id": "p2", "gender": "male", "name": [{"family": "Wood"}], "managingOrganization": ref("Organization/north")},
        observation("o0", "Patient/p1", "a", "2026-01-01"),
        observation("o1", "Patient/p1", "b", "2026-01-02"),
        observation("o2", "Patient/p2", "b", "2026-01-03"),
        observation("o3", "Patient/p2", "c", "2026-01-04"),
        observation("o4", "Patient/gone", "c", "2026-01-05"),
    ):  # fmt: skip
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code == 201, answer.text
    return app


@pytest.mark.parametrize("limits", [{}, {"FEW": 0}, {"WIDE": 1}, {"FEW": 1}, {"MOST_OPENED": 0}], ids=str)
async def test_from_the_inside_and_from_the_outside(
    filled: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(resolve, name, value)
    for address, wanted in SEARCHES:
        assert ids(await client.get(address)) == wanted, address
        counted = (await client.get(f"{address}&_summary=count")).json()
        assert counted["total"] == len(wanted), address


@pytest.mark.parametrize("few", [1000, 0])
async def test_what_may_not_be_seen_links_nothing(filled: House, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(resolve, "FEW", few)
    async with filled.client(scope="user/Observation.rs user/Patient.rs?gender=male") as client:
        assert ids(await client.get("/Observation?subject:Patient.gender:missing=false")) == ["o3", "o2"]
        assert ids(await client.get("/Observation?subject:Patient.gender=female")) == []
        assert ids(await client.get("/Patient?_has:Observation:patient:code=b")) == ["p2"]
        assert ids(await client.get("/Observation?subject:Patient.organization.name=north")) == []
    async with filled.client(scope="user/Patient.rs") as client:
        assert ids(await client.get("/Patient?_has:Observation:patient:code=b")) == []
    async with filled.client(scope="user/Patient.r user/Observation.rs") as client:  # may read patients, not search them
        assert ids(await client.get("/Observation?subject:Patient.gender=male")) == []


async def test_lists_open_only_what_the_caller_may_see(filled: House, client: httpx.AsyncClient) -> None:
    own: dict[str, Any] = {"resourceType": "List", "id": "l", "status": "current", "mode": "working"}
    listed = {**own, "entry": [{"item": ref("Patient/p1")}, {"item": ref("Patient/p2")}, {"item": ref("Patient/gone")}]}
    assert (await client.put("/List/l", json=listed)).status_code == 201
    assert ids(await client.get("/Patient?_list=l")) == ["p2", "p1"]
    assert ids(await client.get("/Observation?subject:Patient._list=l&code=c")) == ["o3"]
    async with filled.client(scope="user/List.rs user/Patient.rs?gender=male") as other:
        assert ids(await other.get("/Patient?_list=l")) == ["p2"]
    async with filled.client(scope="user/Patient.rs") as other:
        assert ids(await other.get("/Patient?_list=l")) == []


async def test_a_link_that_leads_to_too_much_is_refused(
    filled: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "FEW", 0)
    for filter_ in ("not (subject.gender eq male)", "subject.gender eq male or code eq a"):
        refused(await client.get("/Observation", params={"_filter": filter_}), 400, "search-too-costly", "http.subject")
    monkeypatch.setattr(outside, "MOST_ASKED", 1)
    refused(await client.get("/Patient?_has:Observation:patient:code=b"), 400, "search-too-costly")
    monkeypatch.setattr(resolve, "MOST_SEARCHES", 1)
    refused(await client.get("/Observation?subject:Patient.organization.name=north"), 400, "search-too-costly")


async def test_conditions_look_at_the_resource_alone(filled: House, client: httpx.AsyncClient) -> None:
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    for criteria in (
        "subject:Patient.name=steel",
        "_has:Provenance:target:_id=x",
        "_list=l",
        "code:in=http://example.org/vs",
        "encounter:below=e",
    ):
        answer = await client.post("/Observation", json=body, headers={"If-None-Exist": criteria})
        refused(answer, 400, "not-supported")


@pytest.mark.parametrize(
    "criteria",
    ["code:text=migr", "code:text=migr&value-quantity:missing=true", "_filter=code pr true and not (status ne final)", "_content=migraine", "_id:missing=false&code:text=migraine"],
)  # fmt: skip
async def test_conditions_take_the_whole_language_of_one_resource(client: httpx.AsyncClient, criteria: str) -> None:
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "Migraine"}}
    headers = {"If-None-Exist": criteria}
    assert (await client.post("/Observation", json=body, headers=headers)).status_code == 201
    assert (await client.post("/Observation", json=body, headers=headers)).status_code == 200
