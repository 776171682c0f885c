"""The CapabilityStatement claims nothing that is not there: this calls everything that it claims."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from in_process import House
from live_server import LiveServer
from rest_help import FHIR, bundle, code_of, entry, refused, statuses

from profiles.base_validation import validate_resource
from profiles.search_parameters import search_parameters
from profiles.structure import resource_types

VALUES = {
    "string": "x", "token": "x", "reference": "Patient/x", "date": "2026-01-01", "number": "1", "quantity": "1", "uri": "urn:x",
}  # fmt: skip


def value_of(type_: str, parameter: dict[str, str]) -> str:
    """A value of the right form."""
    if parameter["type"] == "composite":
        components = search_parameters(type_)[parameter["name"]].components
        return "$".join(VALUES[component.type] for component in components)
    return {"_filter": "_id%20eq%20x", "_list": "x", "near": "1|1"}.get(parameter["name"]) or VALUES[parameter["type"]]


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> httpx.Client:
    return live_server.client()


@pytest.fixture(scope="module")
def statement(client: httpx.Client) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/metadata").json()
    return content


def rest(statement: dict[str, Any]) -> dict[str, Any]:
    (only,) = statement["rest"]
    return dict(only)


def test_it_is_valid_and_says_what_we_are(statement: dict[str, Any], live_server: LiveServer) -> None:
    assert validate_resource(statement) == []
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["kind"] == "instance"
    assert statement["implementation"]["url"] == live_server.base
    assert "application/fhir+json" in statement["format"]
    assert rest(statement)["security"]["service"]
    assert {resource["type"] for resource in rest(statement)["resource"]} == resource_types()


def test_it_is_there_without_a_token_and_for_both_bases(live_server: LiveServer) -> None:
    assert httpx.get(f"{live_server.base}/metadata").status_code == 200
    older = httpx.get(f"{live_server.root}/pas-2.0.1/fhir/metadata").json()
    assert older["implementation"]["url"] == f"{live_server.root}/pas-2.0.1/fhir"
    assert "2.0.1" in older["implementation"]["description"]
    assert httpx.get(f"{live_server.base}/metadata?_pretty=true").text.startswith("{\n")


@pytest.mark.slow
def test_every_interaction_of_every_type_is_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    for resource in rest(statement)["resource"]:
        type_ = resource["type"]
        codes = {interaction["code"] for interaction in resource["interaction"]}
        body = {"resourceType": type_, "id": "no-such"}
        calls = {
            "read": client.get(f"/{type_}/no-such"),
            "vread": client.get(f"/{type_}/no-such/_history/1"),
            "search-type": client.get(f"/{type_}?_count=1"),
            "create": client.post(f"/{type_}", json={**body, "no-such": 1}),
            "update": client.put(f"/{type_}/no-such", json={**body, "no-such": 1}),
            "delete": client.delete(f"/{type_}/no-such"),
            "patch": client.patch(
                f"/{type_}/no-such", content="[]", headers={"Content-Type": "application/json-patch+json"}
            ),
            "history-instance": client.get(f"/{type_}/no-such/_history"),
            "history-type": client.get(f"/{type_}/_history?_count=1"),
        }
        assert codes <= set(calls)
        for code, answer in calls.items():
            there = answer.status_code != 405
            assert there == (code in codes), (type_, code, answer.text)
            if there and code in {"search-type", "history-type"}:
                assert answer.status_code == 200, answer.text
            elif there and code in {"create", "update"}:
                assert (answer.status_code, code_of(answer)) == (400, "unknown-element"), answer.text
            elif there:
                assert answer.status_code == 404, (type_, code, answer.text)


def test_what_is_not_claimed_is_not_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    claimed = {interaction["code"] for interaction in rest(statement)["interaction"]}
    assert claimed == {"batch", "transaction", "history-system", "search-system"}
    assert client.get("/_history?_count=1").status_code == 200
    assert client.get("/?_type=Patient&_count=1").status_code == 200
    assert client.post("/_search?_type=Patient&_count=1").status_code == 200
    refused(client.get("/_search?_type=Patient"), 405, "method-not-allowed")
    refused(
        client.patch("/Patient/p01", content="<x/>", headers={"Content-Type": "application/xml-patch+xml"}),
        415,
        "content-type",
    )
    own = next(resource for resource in rest(statement)["resource"] if resource["type"] == "AuditEvent")
    assert (own["conditionalCreate"], own["conditionalUpdate"], own["conditionalDelete"]) == (False, False, "not-supported")
    refused(client.put("/AuditEvent?outcome=0", json={"resourceType": "AuditEvent"}), 405, "read-only-type")
    refused(client.delete("/AuditEvent?outcome=0"), 405, "read-only-type")


def test_conditional_interactions_are_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    patient = next(resource for resource in rest(statement)["resource"] if resource["type"] == "Patient")
    claimed = (patient["conditionalCreate"], patient["conditionalUpdate"], patient["conditionalDelete"])
    assert claimed == (True, True, "single")
    body = {"resourceType": "Patient", "identifier": [{"system": "urn:capability", "value": "1"}]}
    query = "identifier=urn:capability|1"
    assert client.post("/Patient", json=body, headers={"If-None-Exist": query}).status_code == 201
    assert client.post("/Patient", json=body, headers={"If-None-Exist": query}).status_code == 200
    assert client.put(f"/Patient?{query}", json=body).status_code == 200
    assert client.delete(f"/Patient?{query}").status_code == 204


def test_batch_and_transaction_are_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    for type_ in {interaction["code"] for interaction in rest(statement)["interaction"]} - {
        "history-system",
        "search-system",
    }:
        answer = client.post("", json={"resourceType": "Bundle", "type": type_}, headers=FHIR)
        assert answer.status_code == 200, answer.text


def all_found(client: httpx.Client, addresses: list[str]) -> None:
    """Asks many addresses in batches."""
    for start in range(0, len(addresses), 500):
        part = addresses[start : start + 500]
        answer = client.post("", json=bundle("batch", *[entry("GET", address) for address in part]))
        for address, status, item in zip(part, statuses(answer), answer.json()["entry"], strict=True):
            assert status == "200", (address, item)


@pytest.mark.slow
def test_every_search_parameter_is_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    asked = [
        f"{resource['type']}?{parameter['name']}={value_of(resource['type'], parameter)}&_count=1"
        for resource in rest(statement)["resource"]
        for parameter in resource["searchParam"]
        if parameter["name"] != "_has"
    ]
    assert len(asked) > 1000
    all_found(client, asked)


@pytest.mark.slow
def test_every_include_is_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    includes = [
        (resource["type"], item) for resource in rest(statement)["resource"] for item in resource.get("searchInclude", [])
    ]
    assert len(includes) > 300
    all_found(client, [f"{type_}?_include={item}&_id=none" for type_, item in includes])
    back = {item for resource in rest(statement)["resource"] for item in resource["searchRevInclude"]}
    assert len(back) > 300
    all_found(client, [f"Patient?_revinclude={item}&_id=none" for item in sorted(back)])
    patient = next(resource for resource in rest(statement)["resource"] if resource["type"] == "Patient")
    assert {"*", "Provenance:target", "Observation:subject", "Claim:patient"} <= set(patient["searchRevInclude"])


def test_every_compartment_is_there(client: httpx.Client, statement: dict[str, Any]) -> None:
    named = {url.rpartition("/")[2] for url in rest(statement)["compartment"]}
    assert named == {"device", "encounter", "patient", "practitioner", "relatedperson"}
    owners = [type_ for type_ in resource_types() if type_.lower() in named]
    all_found(client, [f"{owner}/none/*?_count=1" for owner in owners])
    common = {parameter["name"] for parameter in rest(statement)["searchParam"]}
    assert {"_id", "_lastUpdated", "_tag"} <= common


async def test_every_operation_is_there(practice: House) -> None:
    async with practice.client() as client:
        statement = (await client.get("/metadata")).json()
        found = [("", operation) for operation in rest(statement).get("operation", [])]
        for resource in rest(statement)["resource"]:
            found += [(resource["type"], operation) for operation in resource.get("operation", [])]
        names = {operation["name"] for _, operation in found}
        assert {"submit", "inquire", "preview-risk", "evaluate"} <= names
        for type_, operation in found:
            prefix = f"/{type_}" if type_ else ""
            answers = [await client.post(f"{prefix}/${operation['name']}", json={})]
            if type_:
                answers.append(await client.post(f"{prefix}/no-such/${operation['name']}", json={}))
            codes = [None if answer.status_code < 400 else code_of(answer) for answer in answers]
            assert any(code != "unknown-operation" for code in codes), operation
            assert all(answer.status_code < 500 for answer in answers), operation
            assert operation["definition"].startswith(("http://", "https://"))
