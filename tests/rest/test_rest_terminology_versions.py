"""Stored definitions in many versions, over HTTP on either store: which one counts, and that a change counts at once everywhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from two_engines import ENGINES, house_on, mongodb_environment

from operations.terminology.content import StoredContent
from operations.terminology.stored_definitions import SMALL, Definition, Shelf

CS = "https://example.org/CodeSystem/fruit"
VS = "https://example.org/ValueSet/fruit"
MAP = "https://example.org/ConceptMap/fruit"


def code_system(id_: str, version: str | None, *codes: str, **more: Any) -> dict[str, Any]:
    versioned = {"version": version} if version else {}
    concept = [{"code": code} for code in codes]
    head = {"resourceType": "CodeSystem", "id": id_, "url": CS, "status": "active", "content": "complete"}
    return {**head, **versioned, "concept": concept, **more}


def value_set(id_: str, edition: str, **include: Any) -> dict[str, Any]:
    rule = {"system": CS, **include}
    head = {"resourceType": "ValueSet", "id": id_, "url": VS, "version": edition, "status": "active"}
    return {**head, "compose": {"include": [rule]}}


def concept_map(id_: str, version: str, target: str) -> dict[str, Any]:
    element = {"code": "lime", "target": [{"code": target, "equivalence": "equal"}]}
    group = {"source": CS, "target": "urn:other", "element": [element]}
    head = {"resourceType": "ConceptMap", "id": id_, "url": MAP, "version": version, "status": "active"}
    return {**head, "group": [group]}


async def put(client: httpx.AsyncClient, *resources: dict[str, Any]) -> None:
    for resource in resources:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code in (200, 201), answer.text


async def outputs(client: httpx.AsyncClient, path: str, **params: str) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return {row["name"]: next((v for k, v in row.items() if k != "name"), None) for row in answer.json()["parameter"]}


async def has(client: httpx.AsyncClient, code: str, **more: str) -> bool:
    found: bool = (await outputs(client, "/CodeSystem/$validate-code", url=CS, code=code, **more))["result"]
    return found


async def in_set(client: httpx.AsyncClient, url: str, code: str) -> bool:
    found: bool = (await outputs(client, "/ValueSet/$validate-code", url=url, system=CS, code=code))["result"]
    return found


async def test_the_latest_version_counts_where_none_is_named_and_any_can_be_named(client: httpx.AsyncClient) -> None:
    await put(
        client, code_system("c9", "1.9", "old"), code_system("c10", "1.10", "new"), code_system("c2", None, "bare"),
        value_set("v1", "1.0.0", version="1.9"), value_set("v2", "1.1.0"), value_set("v3", "0.9.0", version="1.*"),
    )  # fmt: skip
    assert [await has(client, code) for code in ("old", "new", "bare")] == [False, True, False]
    assert await has(client, "old", version="1.9")
    assert await in_set(client, f"{VS}|1.0.0", "old")
    assert not await in_set(client, f"{VS}|1.0.0", "new")
    assert await in_set(client, VS, "new")
    assert await in_set(client, f"{VS}|1.0.x", "old")
    assert await in_set(client, f"{VS}|0.9.0", "new")
    missing = await client.get("/ValueSet/$validate-code", params={"url": f"{VS}|7", "system": CS, "code": "new"})
    assert missing.status_code == 404


async def test_of_two_resources_of_one_version_the_one_stored_last_counts(client: httpx.AsyncClient) -> None:
    await put(client, code_system("a", "1", "first"), code_system("b", "1", "second"))
    assert [await has(client, code) for code in ("first", "second")] == [False, True]
    await put(client, code_system("a", "1", "first", "again"))
    assert [await has(client, code) for code in ("again", "second")] == [True, False]
    assert (await client.delete("/CodeSystem/a")).status_code in (200, 204)
    assert await has(client, "second")


async def test_more_versions_than_fit_on_a_page(client: httpx.AsyncClient) -> None:
    entries = [
        {"resource": code_system(f"v{n}", f"1.{n}", f"code-{n}"), "request": {"method": "PUT", "url": f"CodeSystem/v{n}"}}
        for n in range(130)
    ]
    answer = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text
    assert [await has(client, f"code-{n}") for n in (128, 129)] == [False, True]
    assert await has(client, "code-7", version="1.7")


async def test_supplements_in_versions(client: httpx.AsyncClient) -> None:
    url = f"{CS}-names"
    await put(client, code_system("base", "1", "lime"))
    for version, name in (("1", "Limone"), ("2", "Limette")):
        designation = {"language": "de", "value": name}
        concept = {"concept": [{"code": "lime", "designation": [designation]}]}
        head = {"url": url, "content": "supplement", "supplements": CS}
        await put(client, {**code_system(f"s{version}", version, **concept), **head})
    lookup = {"system": CS, "code": "lime", "displayLanguage": "de"}
    for wanted, name in ((url, "Limette"), (f"{url}|1", "Limone")):
        assert (await outputs(client, "/CodeSystem/$lookup", **lookup, useSupplement=wanted))["display"] == name


async def test_concept_maps_by_version_and_by_the_systems_of_a_concept(client: httpx.AsyncClient) -> None:
    await put(client, concept_map("m1", "1", "old"), concept_map("m2", "2", "new"))

    def targets(answer: httpx.Response) -> list[str]:
        matches = [row["part"] for row in answer.json()["parameter"] if row["name"] == "match"]
        return [part["valueCoding"]["code"] for match in matches for part in match if part["name"] == "concept"]

    for params, wanted in (
        ({"url": MAP}, ["new"]), ({"url": f"{MAP}|1"}, ["old"]), ({"url": MAP, "conceptMapVersion": "1"}, ["old"]), ({}, ["new"]),
    ):  # fmt: skip
        found = await client.get("/ConceptMap/$translate", params={"system": CS, "code": "lime", **params})
        assert targets(found) == wanted, params
    concept = {"coding": [{"system": "urn:unheard", "code": "x"}, {"system": CS, "code": "lime"}]}
    body = {"resourceType": "Parameters", "parameter": [{"name": "codeableConcept", "valueCodeableConcept": concept}]}
    assert targets(await client.post("/ConceptMap/$translate", json=body)) == ["new"]


async def test_a_set_that_imports_hundreds_of_stored_sets(client: httpx.AsyncClient) -> None:
    parts = [{**value_set(f"p{n}", "1", concept=[{"code": f"code-{n}"}]), "url": f"{VS}-{n}"} for n in range(200)]
    whole = {**value_set("whole", "1"), "compose": {"include": [{"valueSet": [part["url"]]} for part in parts]}}
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in (*parts, whole, code_system("c", "1", *(f"code-{n}" for n in range(200))))
    ]
    answer = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text
    assert await in_set(client, VS, "code-199")
    assert not await in_set(client, VS, "code-200")


async def test_a_url_with_commas_and_bars_is_one_url(client: httpx.AsyncClient) -> None:
    odd = "urn:odd,https://example.org/$x"
    await put(client, {**code_system("odd", "1", "a"), "url": odd}, code_system("other", "1", "b"))
    found = await outputs(client, "/CodeSystem/$validate-code", url=odd, code="a")
    assert found["result"] is True
    assert (await outputs(client, "/CodeSystem/$validate-code", url=f"urn:no,{CS}", code="b"))["result"] is False


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_change_counts_at_once(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path) as house, house.client() as client:
        for n in range(4):
            await put(client, code_system("c", "1", f"code-{n}"))
            assert [await has(client, f"code-{m}") for m in (n - 1, n)] == [False, True]
        assert (await client.delete("/CodeSystem/c")).status_code in (200, 204)
        assert not await has(client, "code-3")


@pytest.mark.slow
async def test_a_change_by_another_server_counts_at_once(tmp_path: Path) -> None:
    with mongodb_environment() as environment:
        async with running_house(tmp_path / "one", **environment) as one:
            (tmp_path / "two").mkdir()
            for name in ("master.key", "signing-key.pem"):
                (tmp_path / "two" / name).write_bytes((tmp_path / "one" / name).read_bytes())
                (tmp_path / "two" / name).chmod(0o600)
            async with running_house(tmp_path / "two", **environment) as two, one.client() as here, two.client() as there:
                for n in range(4):
                    await put((here, there)[n % 2], code_system("c", "1", f"code-{n}"))
                    for client in (here, there):
                        assert [await has(client, f"code-{m}") for m in (n - 1, n)] == [False, True]


async def test_a_question_costs_the_store_no_search_while_nothing_changes(
    client: httpx.AsyncClient, app: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(client, code_system("c", "1", "lime"), value_set("v", "1"))
    assert await in_set(client, VS, "lime")
    plans: list[object] = []
    find = app.services.store.find

    async def counted(plan: Any) -> Any:
        plans.append(plan)
        return await find(plan)

    monkeypatch.setattr(type(app.services.store), "find", lambda self, plan: counted(plan))
    assert await in_set(client, VS, "lime")
    assert await has(client, "lime")
    assert not await has(client, "lemon")
    assert plans == []
    await put(client, code_system("c", "1", "lemon"))
    assert await has(client, "lemon")
    assert plans != []


async def test_what_is_held_is_bounded_and_large_definitions_are_read_again(client: httpx.AsyncClient, app: House) -> None:
    shelf = Shelf(most_bytes=3 * SMALL, most_searches=10)
    content = StoredContent(shelf=shelf)
    names = "x" * 2000
    for n in range(4):
        concept = [{"code": f"code-{m}", "display": names} for m in range(60 + n)]
        await put(client, {**code_system(f"c{n}", "1"), "url": f"{CS}-{n}", "concept": concept})
    contexts: list[Any] = []
    operation = app.services.operations["type", "CodeSystem", "validate-code"]

    async def caught(given: Any, context: Any) -> Any:
        contexts.append(context)
        return await operation.run(given, context)

    operations = app.services.operations
    assert isinstance(operations, dict)
    operations["type", "CodeSystem", "validate-code"] = replace(operation, run=caught)
    await has(client, "none")

    async def size(n: int) -> int:
        return await content.answer(
            lambda catalogue: sum(len(one.take().codes) for one in catalogue.code_systems(f"{CS}-{n}")), contexts[0]
        )

    for _ in range(2):
        assert [await size(n) for n in range(4)] == [60, 61, 62, 63]
    assert await asyncio.gather(*[size(n % 4) for n in range(12)]) == [60 + n % 4 for n in range(12)]
    assert shelf.bytes_held <= 3 * SMALL
    assert [await size(n) for n in range(10, 40)] == [0] * 30
    assert shelf.searches_kept <= 10


def test_a_definition_is_skimmed_not_read() -> None:
    class Stored:
        id, version, updated = "x", 3, 5
        body = b'{"url":"u","version":"2","content":"fragment","concept":[{"code":"a"}],"other":[{"deep":[1,2]}]}'

    found = Definition("CodeSystem", Stored())
    assert (found.version, found.content, found.stored, found.size) == ("2", "fragment", 3, len(Stored.body))
