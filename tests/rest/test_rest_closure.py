"""`$closure` over HTTP: tables are begun, grow, are gone on from, and belong to their owners; on either store; many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import refused
from two_engines import ENGINES, house_on

from profiles.base_validation import validate_resource

ICD: str = "http://hl7.org/fhir/sid/icd-10-cm"
CS = "https://example.org/CodeSystem/rock"
ROCK = {
    "resourceType": "CodeSystem", "id": "rock", "url": CS, "status": "active", "content": "complete", "hierarchyMeaning": "is-a",
    "property": [{"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}],
    "concept": [
        {"code": "rock", "concept": [{"code": "igneous", "concept": [{"code": "basalt"}, {"code": "granite"}]}]},
        {"code": "one", "property": [{"code": "parent", "valueCode": "two"}]},
        {"code": "two", "property": [{"code": "parent", "valueCode": "one"}]},
    ],
}  # fmt: skip


@pytest.fixture
async def rocks(client: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await client.put("/CodeSystem/rock", json=ROCK)).status_code == 201
    return client


async def call(client: httpx.AsyncClient, *codes: str, name: str = "t", version: str | None = None) -> httpx.Response:
    rows: list[dict[str, Any]] = [{"name": "name", "valueString": name}]
    rows += [{"name": "concept", "valueCoding": {"system": CS, "code": code}} for code in codes]
    rows += [{"name": "version", "valueString": version}] if version is not None else []
    return await client.post("/$closure", json={"resourceType": "Parameters", "parameter": rows})


def entries(answer: httpx.Response) -> set[tuple[str, str | None, str]]:
    assert answer.status_code == 200, answer.text
    assert validate_resource(answer.json()) == []
    return {
        (element["code"], target.get("code"), target["equivalence"])
        for group in answer.json().get("group", [])
        for element in group["element"]
        for target in element["target"]
    }


def version_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    version: str = answer.json()["version"]
    return version


async def test_a_table_grows_by_what_is_new(rocks: httpx.AsyncClient) -> None:
    begun = await call(rocks)
    assert entries(begun) == set()
    first = await call(rocks, "basalt", "rock")
    assert entries(first) == {("basalt", "rock", "subsumes")}
    second = await call(rocks, "igneous", "basalt")
    assert entries(second) == {("basalt", "igneous", "subsumes"), ("igneous", "rock", "subsumes")}
    nothing = await call(rocks, "igneous")
    assert (entries(nothing), version_of(nothing)) == (set(), version_of(second))
    assert [int(version_of(one)) for one in (begun, first, second)] == [1, 2, 3]
    assert entries(await call(rocks, version=version_of(first))) == entries(second)
    assert entries(await call(rocks, version=version_of(begun))) == entries(first) | entries(second)
    assert entries(await call(rocks, version=version_of(second))) == set()


async def test_what_is_unknown_is_said_and_may_come_again(rocks: httpx.AsyncClient) -> None:
    await call(rocks)
    assert entries(await call(rocks, "basalt", "chalk")) == {("chalk", None, "unmatched")}
    assert entries(await call(rocks, "one", "two")) == {("one", "two", "equal"), ("two", "one", "equal")}
    more = {**ROCK, "concept": [*ROCK["concept"], {"code": "chalk", "concept": [{"code": "flint"}]}]}
    assert (await rocks.put("/CodeSystem/rock", json=more)).status_code == 200
    assert entries(await call(rocks, "flint", "chalk")) == {("flint", "chalk", "subsumes")}


async def test_what_is_refused(rocks: httpx.AsyncClient) -> None:
    assert (await call(rocks, "basalt")).status_code == 404
    assert (await call(rocks, version="1")).status_code == 404
    await call(rocks)
    await call(rocks, "basalt")
    for version, status in (("9", 422), ("0", 422), ("x", 400), ("-1", 400)):
        assert (await call(rocks, version=version)).status_code == status, version
    assert (await call(rocks, "basalt", version="1")).status_code == 400
    assert version_of(await call(rocks)) == "3"
    assert (await call(rocks, version="2")).status_code == 422
    for name in ("", "x" * 201):
        assert (await call(rocks, name=name)).status_code == 400
    assert (await call(rocks, *(f"code-{n}" for n in range(1001)))).status_code == 422
    bare = [{"name": "name", "valueString": "t"}, {"name": "concept", "valueCoding": {"code": "basalt"}}]
    assert (await rocks.post("/$closure", json={"resourceType": "Parameters", "parameter": bare})).status_code == 400
    refused(await rocks.post("/$closure", json={"resourceType": "Patient"}), 400, "structure")
    refused(await rocks.get("/$closure"), 405, "method-not-allowed")


async def test_a_table_belongs_to_who_began_it(rocks: httpx.AsyncClient, app: House) -> None:
    await call(rocks)
    async with app.client("doctor", subject="ann") as ann, app.client("doctor", subject="ben") as ben:
        assert (await call(ann, "basalt")).status_code == 404
        await call(ann)
        await call(ann, "basalt")
        assert (await call(ben, version="1")).status_code == 404
    async with app.client("auditor") as auditor:
        refused(await call(auditor), 403, "forbidden")
    async with app.client(None) as nobody:
        assert (await call(nobody)).status_code == 401


async def test_its_changes_are_audited_and_declared(rocks: httpx.AsyncClient) -> None:
    await call(rocks)
    found = (await rocks.get("/AuditEvent", params={"_sort": "-date", "_count": "1"})).json()
    assert "closure" in str(found["entry"][0]["resource"])
    statement = (await rocks.get("/metadata")).json()
    assert "closure" in [one["name"] for one in statement["rest"][0]["operation"]]
    told = (await rocks.get("/metadata", params={"mode": "terminology"})).json()
    assert told["closure"] == {"translation": False}
    assert validate_resource(told) == []


@pytest.mark.parametrize("engine", ENGINES)
async def test_callers_at_once_lose_nothing_and_it_outlives_the_server(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path) as house, house.client() as client:
        concepts = [{"code": "top", "concept": [{"code": f"code-{n}"} for n in range(12)]}]
        assert (await client.put("/CodeSystem/rock", json={**ROCK, "concept": concepts})).status_code == 201
        await call(client)
        await call(client, "top")
        answers = await asyncio.gather(*[call(client, f"code-{n}") for n in range(12)])
        assert sorted(int(version_of(one)) for one in answers) == list(range(3, 15))
        wanted = {(f"code-{n}", "top", "subsumes") for n in range(12)}
        assert set().union(*(entries(one) for one in answers)) == wanted
        assert entries(await call(client, version="2")) == wanted
        assert (await call(client, "code-0", name="other")).status_code == 404
    if engine == "sqlite":
        async with house_on(engine, tmp_path) as house, house.client() as client:
            assert entries(await call(client, version="2")) == wanted


async def test_diagnoses(client: httpx.AsyncClient) -> None:
    await call(client)
    codings = [{"system": ICD, "code": code} for code in ("M54", "M54.50", "m54.5")]
    rows = [{"name": "name", "valueString": "t"}, *({"name": "concept", "valueCoding": one} for one in codings)]
    answer = await client.post("/$closure", json={"resourceType": "Parameters", "parameter": rows})
    assert entries(answer) == {("M54.5", "M54", "subsumes"), ("M54.50", "M54", "subsumes"), ("M54.50", "M54.5", "subsumes")}
