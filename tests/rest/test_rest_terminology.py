"""Terminology over HTTP: stored and built-in content, GET and POST, types and instances, tenants apart, who may ask."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from in_process import House

from profiles.base_validation import validate_resource

CS = "https://example.org/CodeSystem/fruit"
VS = "https://example.org/ValueSet/fruit"
CODE_SYSTEM = {
    "resourceType": "CodeSystem", "id": "fruit", "url": CS, "version": "1", "status": "active", "content": "complete",
    "property": [{"code": "colour", "type": "code"}],
    "concept": [
        {"code": "lime", "display": "Lime", "property": [{"code": "colour", "valueCode": "green"}], "concept": [{"code": "key-lime"}]}
    ],
}  # fmt: skip
VALUE_SET = {
    "resourceType": "ValueSet", "id": "fruit", "url": VS, "version": "1", "status": "active",
    "compose": {"include": [{"valueSet": [f"{VS}-inner"]}]},
}  # fmt: skip
INNER = {**VALUE_SET, "id": "inner", "url": f"{VS}-inner", "compose": {"include": [{"system": CS}]}}
MAP = {
    "resourceType": "ConceptMap", "id": "fruit", "url": "https://example.org/map", "status": "active",
    "group": [{"source": CS, "target": "urn:fr", "element": [{"code": "lime", "target": [{"code": "citron", "equivalence": "equal"}]}]}],
}  # fmt: skip


@pytest.fixture
async def stored(client: httpx.AsyncClient) -> httpx.AsyncClient:
    for resource in (CODE_SYSTEM, VALUE_SET, INNER, MAP):
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code == 201, answer.text
    return client


def result(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return {row["name"]: next((v for k, v in row.items() if k != "name"), None) for row in answer.json()["parameter"]}


async def test_stored_sets_are_expanded_by_url_by_id_and_as_sent(stored: httpx.AsyncClient) -> None:
    for answer in (
        await stored.get("/ValueSet/$expand", params={"url": VS, "property": "colour"}),
        await stored.get("/ValueSet/fruit/$expand", params={"property": "colour"}),
        await stored.post("/ValueSet/$expand?property=colour", json=VALUE_SET),
    ):
        assert answer.status_code == 200, answer.text
        assert [row["code"] for row in answer.json()["expansion"]["contains"]] == ["lime", "key-lime"]
        assert validate_resource(answer.json()) == []


async def test_codes_are_checked_looked_up_compared_and_translated(stored: httpx.AsyncClient) -> None:
    checked = result(await stored.get("/ValueSet/$validate-code", params={"url": VS, "system": CS, "code": "lime"}))
    assert (checked["result"], checked["display"]) == (True, "Lime")
    wrong = result(await stored.get("/CodeSystem/fruit/$validate-code", params={"code": "lemon"}))
    assert wrong["result"] is False
    assert result(await stored.get("/CodeSystem/$lookup", params={"system": CS, "code": "lime"}))["display"] == "Lime"
    compared = await stored.get("/CodeSystem/$subsumes", params={"system": CS, "codeA": "lime", "codeB": "key-lime"})
    assert result(compared)["outcome"] == "subsumes"
    assert result(await stored.get("/ConceptMap/$translate", params={"system": CS, "code": "lime"}))["result"] is True
    assert result(await stored.get("/ConceptMap/fruit/$translate", params={"system": CS, "code": "lime"}))["result"] is True
    body = {"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": VS}, {
        "name": "validation", "resource": {"resourceType": "Parameters", "parameter": [
            {"name": "coding", "valueCoding": {"system": CS, "code": "lime"}}]}}]}  # fmt: skip
    (one,) = (await stored.post("/ValueSet/$batch-validate-code", json=body)).json()["parameter"]
    assert {"name": "result", "valueBoolean": True} in one["resource"]["parameter"]


async def test_a_new_version_counts_at_once(stored: httpx.AsyncClient) -> None:
    more = {**CODE_SYSTEM, "concept": [*CODE_SYSTEM["concept"], {"code": "lemon"}]}
    assert (await stored.put("/CodeSystem/fruit", json=more)).status_code == 200
    assert result(await stored.get("/CodeSystem/$validate-code", params={"url": CS, "code": "lemon"}))["result"] is True


async def test_what_every_server_knows(client: httpx.AsyncClient) -> None:
    found = await client.get("/ValueSet/$expand", params={"url": "http://hl7.org/fhir/ValueSet/administrative-gender"})
    assert {row["code"] for row in found.json()["expansion"]["contains"]} == {"male", "female", "other", "unknown"}
    params = {"url": "https://assent.example/fhir/ValueSet/specialty", "filter": "cardio", "count": "3"}
    assert len((await client.get("/ValueSet/$expand", params=params)).json()["expansion"]["contains"]) == 3


async def test_refusals_say_what_is_wrong(client: httpx.AsyncClient) -> None:
    for path, status, code in (
        ("/ValueSet/$expand?url=urn:none", 404, "not-found"),
        ("/ValueSet/$expand", 400, "required"),
        ("/ValueSet/$expand?url=urn:none&count=x", 404, "not-found"),
        ("/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&count=-1", 400, "value"),
        ("/CodeSystem/$lookup?system=urn:none&code=1", 404, "not-found"),
        ("/ValueSet/none/$expand", 404, "not-found"),
        ("/ValueSet/$expand?colour=green", 400, "invalid"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (status, code), path
    assert (await client.post("/ValueSet/$expand", json={"resourceType": "Patient"})).status_code == 400


async def test_only_those_who_may_read_definitions_may_ask_and_only_in_their_tenant(
    stored: httpx.AsyncClient, app: House
) -> None:
    params = {"url": CS, "code": "lime"}
    async with app.client("auditor") as auditor:
        assert (await auditor.get("/CodeSystem/$validate-code", params=params)).status_code == 403
    async with app.client("doctor") as doctor:
        assert result(await doctor.get("/CodeSystem/$validate-code", params=params))["result"] is True
    async with app.client(None) as nobody:
        assert (await nobody.get("/CodeSystem/$validate-code", params=params)).status_code == 401


async def test_what_terminology_can_do_is_told_without_a_token(app: House) -> None:
    async with app.client(None) as nobody:
        told = (await nobody.get("/metadata", params={"mode": "terminology"})).json()
        assert validate_resource(told) == []
        assert {"name": "tx-resource"} in told["expansion"]["parameter"]
        assert (await nobody.get("/metadata", params={"mode": "full"})).json()["resourceType"] == "CapabilityStatement"


async def test_questions_in_a_batch(stored: httpx.AsyncClient) -> None:
    url = f"CodeSystem/$validate-code?url={CS}&code=lime"
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url}}]}
    (entry,) = (await stored.post("/", json=batch)).json()["entry"]
    assert {"name": "result", "valueBoolean": True} in entry["resource"]["parameter"]
