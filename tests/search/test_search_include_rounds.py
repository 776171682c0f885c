"""`_include` and `_revinclude`: rounds, everything, versions, canonical targets, bounds, and what the caller may see of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from test_search_bundle import code_of, ids, store

from server.search import inclusion

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area


def organization(id_: str, part_of: str | None = None) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": id_,
        "name": id_,
        **({"partOf": {"reference": part_of}} if part_of else {}),
    }


def patient(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def observation(id_: str, subject: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": subject},
        **more,
    }


def provenance(id_: str, *targets: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance", "id": id_, "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": {"display": "x"}}],
        "target": [{"reference": target} for target in targets],
    }  # fmt: skip


WORLD = [
    organization("top", "Organization/bottom"), organization("middle", "Organization/top"), organization("bottom", "Organization/middle"),
    patient("p1", managingOrganization={"reference": "Organization/bottom"}), patient("p2", managingOrganization={"reference": "Organization/top"}),
    observation("o1", "Patient/p1"), observation("o2", "Patient/p1", derivedFrom=[{"reference": "Observation/o1"}]), observation("o3", "Patient/p2"),
    provenance("v1", "Observation/o1", "Observation/o3"), provenance("v2", "Provenance/v1"), provenance("v3", "Patient/p2"),
]  # fmt: skip


@pytest.fixture(params=ENGINES)
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with house_on(request.param, tmp_path / "data", ASSENT_PROVENANCE="none") as house, house.client() as made:
        await store(made, *WORLD)
        yield made


async def along(client: httpx.AsyncClient, query: str) -> list[str]:
    """The ids of what is included, sorted; each comes once."""
    answer = await client.get(f"/{query}")
    assert answer.status_code == 200, answer.text
    found = ids(answer.json(), "include")
    addresses = [item["fullUrl"] for item in answer.json().get("entry", [])]
    assert len(set(addresses)) == len(addresses)
    return sorted(found)


async def test_rounds(client: httpx.AsyncClient) -> None:
    for query, expected in [
        ("Observation?_id=o1&_include=Observation:subject&_include=Patient:organization", "p1"),
        ("Observation?_id=o1&_include=Observation:subject&_include:iterate=Patient:organization", "bottom p1"),
        ("Observation?_id=o1&_include=Observation:subject&_include:iterate=Patient:organization&_include:recurse=Organization:partof", "bottom middle p1 top"),
        ("Organization?_id=top&_include:iterate=Organization:partof", "bottom middle"),
        ("Observation?_id=o2&_include=*", "o1 p1"),
        ("Observation?_id=o2&_include:iterate=*", "bottom middle o1 p1 top"),
        ("Observation?_id=o2&_include=Observation:*:Patient", "p1"),
        ("Patient?_id=p2&_revinclude=Observation:subject", "o3"),
        ("Patient?_id=p1&_revinclude=Observation:patient", "o1 o2"),
        ("Patient?_revinclude=Observation:subject:Group", ""),
        ("Patient?_id=p1&_revinclude=Observation:subject&_revinclude=Provenance:target", "o1 o2"),
        ("Patient?_id=p1&_revinclude=Observation:subject&_revinclude:iterate=Provenance:target", "o1 o2 v1 v2"),
        ("Patient?_id=p2&_revinclude=Provenance:*&_revinclude=Observation:*", "o3 v3"),
        ("Patient?_id=p2&_revinclude=Observation:subject&_include=Patient:organization", "o3 top"),
        ("Organization?_id=bottom&_revinclude=Patient:organization&_revinclude:iterate=Observation:subject", "o1 o2 p1"),
        ("Observation?_id=none&_include=*&_revinclude=*", ""),
    ]:  # fmt: skip
        assert await along(client, query) == expected.split(), query
    assert {"o3", "v3"} <= set(await along(client, "Patient?_id=p2&_revinclude=*"))


async def test_a_reference_to_a_version_brings_that_version(client: httpx.AsyncClient) -> None:
    await store(
        client, patient("p3", gender="male"), observation("o4", "Patient/p3/_history/1"), observation("o5", "Patient/p3")
    )
    await store(client, patient("p3", gender="female"), observation("o6", "Patient/p3/_history/9"))
    query = "/Observation?_include=Observation:subject&_id="
    shown = {}
    for asked in ("o4", "o5", "o6", "o4,o5"):
        bundle = (await client.get(query + asked)).json()
        shown[asked] = sorted(item["resource"]["gender"] for item in bundle["entry"] if item["search"]["mode"] == "include")
    assert shown == {"o4": ["male"], "o5": ["female"], "o6": [], "o4,o5": ["female", "male"]}


async def test_canonical_references_bring_definitions_and_are_followed_back(client: httpx.AsyncClient) -> None:
    def questionnaire(id_: str, version: str) -> dict[str, Any]:
        return {"resourceType": "Questionnaire", "id": id_, "status": "active", "url": "urn:q", "version": version}

    def answers(id_: str, canonical: str) -> dict[str, Any]:
        return {"resourceType": "QuestionnaireResponse", "id": id_, "status": "completed", "questionnaire": canonical}

    await store(
        client, questionnaire("q1", "1"), answers("a1", "urn:q|1"), answers("a2", "urn:q"), answers("a3", "urn:q|3")
    )
    await store(client, questionnaire("q2", "2"))
    query = "QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire&_id="
    assert [await along(client, query + id_) for id_ in ("a1", "a2", "a3")] == [["q1"], ["q2"], []]
    back = "Questionnaire?_id=q1&_revinclude=QuestionnaireResponse:questionnaire"
    assert await along(client, back) == ["a1", "a2", "a3"]


async def test_too_much_is_refused_and_never_cut_short(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inclusion, "MAX_INCLUDED", 2)
    assert await along(client, "Patient?_id=p2&_revinclude=Observation:subject&_revinclude=Provenance:target") == [
        "o3",
        "v3",
    ]
    answer = await client.get("/Patient?_revinclude=Observation:subject")
    assert (answer.status_code, code_of(answer)) == (400, "search-too-costly")
    monkeypatch.setattr(inclusion, "MAX_INCLUDED", 1000)
    monkeypatch.setattr(inclusion, "MAX_ASKED", 3)
    assert code_of(await client.get("/Patient?_revinclude=*")) == "search-too-costly"


async def test_each_target_needs_its_own_right(app: House) -> None:
    async with app.client() as admin:
        await store(admin, *WORLD)
    query = "/Patient?_id=p1&_revinclude=Observation:subject&_include=Patient:organization&_revinclude:iterate=Provenance:target"
    for scope, expected in [
        ("user/Patient.rs", []),
        ("user/Patient.rs user/Observation.r", []),
        ("user/Patient.rs user/Observation.s", ["o1", "o2"]),
        ("user/Patient.rs user/Organization.s", []),
        ("user/Patient.rs user/Organization.r", ["bottom"]),
        ("user/Patient.rs user/Provenance.rs", []),
        ("user/*.rs", ["bottom", "o1", "o2", "v1", "v2"]),
    ]:
        async with app.client("staff", scope=scope) as narrow:
            answer = await narrow.get(query)
            found = [id_ for id_ in ids(answer.json(), "include") if len(id_) < 10]
            assert sorted(found) == expected, scope
    async with app.client("staff", scope="patient/*.rs", patient="p2") as other:
        found = (await other.get("/Patient?_revinclude=Observation:subject&_revinclude:iterate=Provenance:target")).json()
        assert (ids(found), sorted(id_ for id_ in ids(found, "include") if len(id_) < 10)) == (["p2"], ["o3", "v3"])
