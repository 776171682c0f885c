"""`$validate` asked what makes no sense, costs too much, or by definitions that mean harm: clear answers, and nobody else suffers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import FHIR, bundle, refused
from validation_help import EXAMPLE, found, parameters, profile, required, store, validated

from operations.validation.shelf import MOST_WANTED

PATIENT: dict[str, Any] = {"resourceType": "Patient"}
NONSENSE: dict[str, tuple[Any, str]] = {
    "no body": (None, "body-missing"),
    "Parameters without a resource": (parameters(("profile", f"{EXAMPLE}/a")), "body-missing"),
    "null as parameters": ({"resourceType": "Parameters", "parameter": None}, "structure"),
    "texts as parameters": ({"resourceType": "Parameters", "parameter": ["x"]}, "structure"),
    "an object as parameters": ({"resourceType": "Parameters", "parameter": {"name": "resource"}}, "structure"),
    "a parameter without a name": ({"resourceType": "Parameters", "parameter": [{}]}, "unknown-parameter"),
    "an unknown parameter": (parameters(("resource", PATIENT), ("resources", PATIENT)), "unknown-parameter"),
    "a text as the resource": (
        {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": "x"}]},
        "parameter-value",
    ),
    "a number as the mode": (
        {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueInteger": 1}]},
        "parameter-value",
    ),
    "an object as the profile": (
        {"resourceType": "Parameters", "parameter": [{"name": "profile", "valueUri": {"a": 1}}]},
        "parameter-value",
    ),
    "an empty profile": (parameters(("resource", PATIENT), ("profile", "")), "parameter-value"),
    "two modes": (parameters(("resource", PATIENT), ("mode", "create"), ("mode", "create")), "parameter-value"),
    "an unknown mode": (parameters(("resource", PATIENT), ("mode", "destroy")), "parameter-value"),
    "an instance's mode": (parameters(("resource", PATIENT), ("mode", "delete")), "parameter-value"),
    "a mode that needs a profile": (parameters(("resource", PATIENT), ("mode", "profile")), "parameter-value"),
    "ten thousand profiles": (
        parameters(("resource", PATIENT), *(("profile", f"{EXAMPLE}/{n}") for n in range(10_000))),
        "parameter-value",
    ),
    "too many resources": (parameters(*[("resource", PATIENT)] * 2001), "parameter-value"),
    "too many entries": (bundle("batch", *[{"resource": PATIENT}] * 2001), "parameter-value"),
}


@pytest.mark.parametrize(("body", "code"), NONSENSE.values(), ids=NONSENSE)
async def test_a_question_without_sense_is_refused(client: httpx.AsyncClient, body: Any, code: str) -> None:
    content = None if body is None else json.dumps(body)
    refused(await client.post("/$validate", content=content, headers=FHIR), 400, code)


async def test_addresses_and_queries_without_sense(client: httpx.AsyncClient) -> None:
    await store(client, {**PATIENT, "id": "one"})
    refused(await client.get("/Patient/$validate"), 400, "body-missing")
    refused(await client.get("/$validate?resource=x"), 400, "parameter-value")
    refused(await client.get("/Patient/one/$validate?profil=x"), 400, "unknown-parameter")
    refused(await client.get("/Patient/one/$validate?mode=profile"), 400, "parameter-value")
    refused(await client.post("/Patient/$validate", content="[1]", headers=FHIR), 400, "structure")
    refused(await client.post("/Patient/$validate", content="{", headers=FHIR), 400, "body-not-json")
    several = parameters(("resource", PATIENT), ("resource", PATIENT))
    refused(await client.post("/Patient/one/$validate", json=several), 400, "parameter-value")


@pytest.mark.parametrize(
    "body",
    [{}, {"resourceType": "Nope"}, {"resourceType": ["Patient"]}, {"resourceType": None}, {"resourceType": "Resource"}],
    ids=json.dumps,
)
async def test_what_is_no_resource_is_told_as_a_fault(client: httpx.AsyncClient, body: Any) -> None:
    assert [code for code, _ in found(await validated(client, "/$validate", body))] == ["structure"]


async def test_entries_of_any_kind_are_answered(client: httpx.AsyncClient) -> None:
    asked = {"resourceType": "Bundle", "type": "batch", "entry": [{}, {"resource": 5}, {"resource": PATIENT}]}
    answer = await validated(client, "/$validate", asked)
    assert [len(found(part["resource"])) for part in answer["entry"]] == [1, 1, 0]


async def test_definitions_that_lead_nowhere_or_in_circles(client: httpx.AsyncClient) -> None:
    chain = [profile(f"c{n}", required("Patient.active"), base=f"{EXAMPLE}/c{n + 1}") for n in range(12)]
    other = {"id": "Patient.link.other", "path": "Patient.link.other"}
    target = {"type": [{"code": "Reference", "targetProfile": [f"{EXAMPLE}/self"]}]}
    await store(
        client,
        profile("a", base=f"{EXAMPLE}/b"),
        profile("b", base=f"{EXAMPLE}/a"),
        *chain,
        profile("self", {**other, **target}, required("Patient.birthDate")),
        profile("lying", snapshot={"element": [{"id": "x", "path": "Group.x"}, {"path": "Group"}]}),
        profile("typed", type_="Observation"),
    )
    unusable = [("profile-unusable", "Patient")]
    expected = {"a": unusable, "c0": unusable, "typed": [("type-invalid", "Patient")]}
    for name, told in expected.items():
        assert (
            found(await validated(client, "/Patient/$validate", PATIENT, params={"profile": f"{EXAMPLE}/{name}"})) == told
        )
    await validated(client, "/Patient/$validate", PATIENT, params={"profile": f"{EXAMPLE}/lying"})
    linked = {**PATIENT, "id": "1", "link": [{"other": {"reference": "#"}, "type": "refer"}]}
    told = await validated(client, "/Patient/$validate", linked, params={"profile": f"{EXAMPLE}/self"})
    assert ("required-element", "Patient.birthDate") in found(told)


async def test_more_unknown_names_than_are_looked_for(client: httpx.AsyncClient) -> None:
    await store(client, profile("own", required("Patient.birthDate")))

    def naming(count: int) -> Any:
        return {**PATIENT, "extension": [{"url": f"{EXAMPLE}/x{n}", "valueString": "a"} for n in range(count)]}

    refused(await client.post("/Patient/$validate", json=naming(MOST_WANTED + 1)), 422, "validation-limit")
    told = await validated(client, "/Patient/$validate", naming(400))
    assert found(told, "warning")[-1] == ("validation-limit", None)
    assert len(told["issue"]) == 201
    odd = ["urn:a,b", "urn:a|b", "urn:a$b\\", " urn:x", "urn:\u0000", "urn:" + "x" * 5000, "", "a b"]
    await validated(client, "/Patient/$validate", {**PATIENT, "meta": {"profile": odd}})
    own = await validated(client, "/Patient/$validate", PATIENT, params={"profile": f"{EXAMPLE}/own"})
    assert found(own) == [("required-element", "Patient.birthDate")]


async def test_no_number_of_warnings_hides_a_fault(client: httpx.AsyncClient) -> None:
    extensions = [{"url": f"{EXAMPLE}/x{n}", "valueString": "a"} for n in range(500)]
    told = await validated(
        client, "/Patient/$validate", {**PATIENT, "extension": extensions, "contact": [{"gender": "male"}]}
    )
    assert found(told) == [("invariant", "Patient.contact[0]")]


async def test_a_resource_of_megabytes(client: httpx.AsyncClient) -> None:
    component = {"code": {"coding": [{"system": "urn:x", "code": "y"}]}, "valueQuantity": {"value": 1}}
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "component": [component] * 20_000}
    assert found(await validated(client, "/Observation/$validate", body)) == []


async def test_an_expression_that_never_ends_is_no_fault_of_the_resource(client: httpx.AsyncClient) -> None:
    endless = "descendants().select(%resource.descendants().select(%resource.descendants())).count() > 0"
    rule = {"key": "endless", "severity": "error", "human": "x", "expression": endless}
    await store(client, profile("endless", {"id": "Patient", "path": "Patient", "constraint": [rule]}))
    body = {**PATIENT, "name": [{"given": ["a"] * 40}] * 40}
    told = await validated(client, "/Patient/$validate", body, params={"profile": f"{EXAMPLE}/endless"})
    assert found(told) == []
    assert found(told, "warning") == [("invariant-unchecked", "Patient")]


async def test_many_who_ask_at_once_for_what_was_never_asked_for_all_get_the_whole_answer(app: House) -> None:
    async with app.client() as client:
        chain = [
            profile(f"c{n}", required(f"Patient.{name}"), base=f"{EXAMPLE}/c{n + 1}")
            for n, name in enumerate(("active", "name"))
        ]
        await store(client, *chain, profile("c2", required("Patient.birthDate")))
        asked = {"params": {"profile": f"{EXAMPLE}/c0"}}
        answers = await asyncio.gather(*(validated(client, "/Patient/$validate", PATIENT, **asked) for _ in range(20)))
        assert {len(found(answer)) for answer in answers} == {3}
