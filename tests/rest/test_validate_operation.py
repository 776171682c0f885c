"""`$validate` over HTTP: levels, modes, profiles, many at once, what is told, and that nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, refused
from two_engines import ENGINES, house_on
from validation_help import EXAMPLE, FIX, RULE, found, parameters, profile, required, store, validated

from profiles.base_validation import validate_resource

TOO_LITTLE = {"resourceType": "Patient", "contact": [{"gender": "male"}]}
"""Breaks pat-1."""
FINE = {
    "resourceType": "Patient",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient</div>'},
}
CONDITION = {
    "resourceType": "Condition", "subject": {"reference": "Patient/1"}, "code": {"coding": [{
        "system": "https://assent.example/fhir/CodeSystem/specialty", "code": "cardiology", "display": "Heart things"}]},
}  # fmt: skip


@pytest.mark.parametrize("path", ["/Patient/$validate", "/$validate", "/Patient/$validate?mode=create"])
async def test_what_is_wrong_is_told_with_rule_place_and_code(client: httpx.AsyncClient, path: str) -> None:
    outcome = await validated(client, path, {**TOO_LITTLE, "gender": "malee"})
    assert found(outcome) == [("code-invalid", "Patient.gender"), ("invariant", "Patient.contact[0]")]
    (broken,) = [issue for issue in outcome["issue"] if issue["code"] == "invariant" and issue["severity"] == "error"]
    assert {"url": RULE, "valueString": "pat-1"} in broken["extension"]
    assert validate_resource(outcome) == []


async def test_where_nothing_is_wrong_that_is_said(client: httpx.AsyncClient) -> None:
    assert found(await validated(client, "/Patient/$validate", FINE), None) == [("valid", None)]
    assert found(await validated(client, "/Patient/$validate", {"resourceType": "Patient"}), None) == [("valid", None)]


async def test_one_obvious_mend_is_suggested_and_mends(client: httpx.AsyncClient) -> None:
    outcome = await validated(client, "/Condition/$validate", CONDITION)
    (wrong,) = [issue for issue in outcome["issue"] if issue["details"]["coding"][0]["code"] == "display-invalid"]
    assert wrong["severity"] == "warning"
    patch = json.loads(next(part["valueString"] for part in wrong["extension"] if part["url"] == FIX))
    assert patch == [{"op": "replace", "path": "/code/coding/0/display", "value": "Cardiology"}]


async def test_codes_are_known_as_the_terminology_knows_them(client: httpx.AsyncClient) -> None:
    coding: Any = CONDITION["code"]
    unlike = {
        **CONDITION,
        "code": {"coding": [{**coding["coding"][0], "code": "astrology"}, {"system": "urn:x", "code": "a"}]},
    }
    assert found(await validated(client, "/Condition/$validate", unlike)) == [
        ("code-invalid", "Condition.code.coding[0].code")
    ]
    quantity = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    value = {"system": "http://unitsofmeasure.org", "code": "mg/dL", "value": 1}
    for code, expected in (("mg/dL", []), ("mgs", [("code-invalid", "Observation.value.ofType(Quantity).code")])):
        body = {**quantity, "valueQuantity": {**value, "code": code}}
        assert found(await validated(client, "/Observation/$validate", body)) == expected


async def test_a_profile_that_is_stored_holds_with_all_it_rests_on(client: httpx.AsyncClient) -> None:
    base = profile("base", required("Patient.active"))
    await store(client, profile("own", required("Patient.birthDate"), base=base["url"], version="2.0.0"), base)
    both = [("required-element", "Patient.active"), ("required-element", "Patient.birthDate")]
    for canonical in (f"{EXAMPLE}/own", f"{EXAMPLE}/own|2.0.0", f"{EXAMPLE}/own|2.0"):
        assert found(await validated(client, "/Patient/$validate", FINE, params={"profile": canonical})) == both
    claiming = {**FINE, "meta": {"profile": [f"{EXAMPLE}/own"]}}
    assert found(await validated(client, "/Patient/$validate", claiming)) == both
    asked = parameters(("resource", FINE), ("profile", f"{EXAMPLE}/own"), ("profile", f"{EXAMPLE}/base"))
    assert found(await validated(client, "/Patient/$validate", asked)) == both  # and each fault once


async def test_a_profile_that_nobody_knows_is_told_in_a_sentence(client: httpx.AsyncClient) -> None:
    await store(client, profile("own", required("Patient.birthDate"), version="2.0.0"))
    for canonical in (f"{EXAMPLE}/none", f"{EXAMPLE}/own|3.0.0"):
        outcome = await validated(client, "/Patient/$validate", FINE, params={"profile": canonical})
        assert found(outcome, None) == [("profile-unknown", "Patient")]
        assert "install" in outcome["issue"][0]["details"]["text"]
    claiming = {**FINE, "meta": {"profile": [f"{EXAMPLE}/none"]}}
    assert found(await validated(client, "/Patient/$validate", claiming), "warning") == [("profile-unknown", "Patient")]
    asked = parameters(("resource", claiming), ("profile", claiming["meta"]["profile"][0]))
    assert found(await validated(client, "/Patient/$validate", asked), None) == [("profile-unknown", "Patient")]


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_changes_in_the_store_counts_at_once(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        await store(client, profile("own", required("Patient.birthDate"), base=f"{EXAMPLE}/base"))
        asked = {"params": {"profile": f"{EXAMPLE}/own"}}
        assert found(await validated(client, "/Patient/$validate", FINE, **asked)) == [("profile-unusable", "Patient")]
        await store(client, profile("base", required("Patient.active")))
        assert len(found(await validated(client, "/Patient/$validate", FINE, **asked))) == 2
        await store(client, profile("base", {"id": "Patient.active", "path": "Patient.active", "max": "0"}))
        assert len(found(await validated(client, "/Patient/$validate", FINE, **asked))) == 1
        assert (await client.delete("/StructureDefinition/own")).status_code == 204
        assert found(await validated(client, "/Patient/$validate", FINE, **asked)) == [("profile-unknown", "Patient")]


async def test_what_was_asked_before_is_not_searched_again(app: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with app.client() as client:
        await store(client, profile("own", required("Patient.birthDate"), base=f"{EXAMPLE}/base"), profile("base"))
        asked = {"params": {"profile": f"{EXAMPLE}/own"}}
        before = await validated(client, "/Patient/$validate", {**FINE, "language": "en"}, **asked)
        searched: list[Any] = []
        find = app.services.store.find
        monkeypatch.setattr(type(app.services.store), "find", lambda self, plan: (searched.append(plan), find(plan))[1])
        assert await validated(client, "/Patient/$validate", {**FINE, "language": "en"}, **asked) == before
        assert searched == []
        await store(client, profile("base", required("Patient.active")))
        assert len(found(await validated(client, "/Patient/$validate", FINE, **asked))) == 2
        assert searched


async def test_the_newest_version_is_meant_where_none_is_named(client: httpx.AsyncClient) -> None:
    for number, path in (("1.10.0", "Patient.active"), ("1.9.0", "Patient.gender")):
        one = profile("own", required(path), version=number)
        await store(client, {**one, "id": f"own-{number}"})
    await store(client, {**profile("own", required("Patient.name"), version="2.0.0", status="retired"), "id": "own-2"})
    asked = {"params": {"profile": f"{EXAMPLE}/own"}}
    assert found(await validated(client, "/Patient/$validate", FINE, **asked)) == [("required-element", "Patient.active")]


async def test_stored_value_sets_and_questionnaires_are_used(client: httpx.AsyncClient) -> None:
    system = {
        "resourceType": "CodeSystem", "id": "fruit", "url": "urn:fruit", "status": "active", "content": "complete",
        "concept": [{"code": "lime"}, {"code": "plum"}],
    }  # fmt: skip
    value_set = {
        "resourceType": "ValueSet", "id": "fruit", "url": "https://example.org/ValueSet/fruit", "status": "active",
        "compose": {"include": [{"system": "urn:fruit"}], "exclude": [{"system": "urn:fruit", "concept": [{"code": "plum"}]}]},
    }  # fmt: skip
    bound = {
        "id": "Condition.code", "path": "Condition.code",
        "binding": {"strength": "required", "valueSet": value_set["url"]},
    }  # fmt: skip
    form = {
        "resourceType": "Questionnaire", "id": "form", "url": "https://example.org/Questionnaire/form", "status": "active",
        "item": [{"linkId": "1", "type": "boolean", "required": True}],
    }  # fmt: skip
    await store(client, system, value_set, profile("bound", bound, type_="Condition"), form)
    for code, errors in (
        ("lime", []),
        ("plum", ["Condition.code"]),
        ("pear", ["Condition.code", "Condition.code.coding[0].code"]),
    ):
        body = {**CONDITION, "code": {"coding": [{"system": "urn:fruit", "code": code}]}}
        outcome = await validated(client, "/Condition/$validate", body, params={"profile": f"{EXAMPLE}/bound"})
        assert sorted(str(place) for _, place in found(outcome)) == errors
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": form["url"], "status": "completed"}
    outcome = await validated(client, "/QuestionnaireResponse/$validate", response)
    assert found(outcome) == [("required-element", "QuestionnaireResponse.item")]


async def test_instances_and_modes(client: httpx.AsyncClient) -> None:
    await store(client, {**FINE, "id": "one"}, profile("own", required("Patient.birthDate")))
    at = "/Patient/one/$validate"
    assert found(await validated(client, at), None) == [("valid", None)]
    by_profile = {"mode": "profile", "profile": f"{EXAMPLE}/own"}
    assert found(await validated(client, at, params=by_profile)) == [("required-element", "Patient.birthDate")]
    assert found(await validated(client, at, {**FINE, "id": "one"}, params={"mode": "update"}), None) == [("valid", None)]
    assert found(await validated(client, at, FINE, params={"mode": "update"})) == [("id-mismatch", "Patient.id")]
    assert found(await validated(client, at, params={"mode": "delete"}), None) == [("valid", "Patient")]
    asked = parameters(("mode", "update"), ("resource", {"resourceType": "Group", "id": "one"}))
    assert ("structure", "Group") in found(await validated(client, at, asked))
    assert (await client.delete("/Patient/one")).status_code == 204
    assert found(await validated(client, at, params={"mode": "delete"}), "information") == [("gone", "Patient")]
    told = await validated(client, at, {**FINE, "id": "one"}, params={"mode": "update"})
    assert found(told, "warning") == [("gone", "Patient")]
    refused(await client.get(at), 410, "gone")
    refused(await client.get("/Patient/none/$validate"), 404, "not-found")


async def test_modes_say_what_the_caller_may_not_do(app: House) -> None:
    async with app.client() as client:
        await store(client, {**FINE, "id": "one"})
        assert found(await validated(client, "/$validate?mode=create", {"resourceType": "AuditEvent"}))[0] == (
            "read-only-type", "AuditEvent",
        )  # fmt: skip
    async with app.client("staff") as client:
        assert found(await validated(client, "/Patient/one/$validate?mode=delete")) == [("forbidden", "Patient")]
        told = await validated(client, "/ValueSet/$validate?mode=create", {"resourceType": "ValueSet", "status": "draft"})
        assert found(told) == [("forbidden", "ValueSet")]
    async with app.client("payer") as client:
        refused(await client.post("/$validate", json=FINE), 403, "forbidden")
        refused(await client.post("/Immunization/$validate", json={"resourceType": "Immunization"}), 403, "forbidden")


async def test_many_are_answered_each_in_their_order(client: httpx.AsyncClient) -> None:
    several = [FINE, TOO_LITTLE, {"resourceType": "Nothing"}, FINE]
    answer = await validated(client, "/$validate", parameters(*(("resource", one) for one in several)))
    assert answer["resourceType"] == "Parameters"
    by_parameters = [part["resource"] for part in answer["parameter"]]
    answer = await validated(client, "/$validate", bundle("batch", *({"resource": one} for one in several)))
    assert answer["type"] == "batch-response"
    assert [part["resource"] for part in answer["entry"]] == by_parameters
    assert [len(found(one)) for one in by_parameters] == [0, 1, 1, 0]
    as_one = await validated(client, "/Bundle/$validate", bundle("batch", {"resource": FINE}))
    assert ("invariant", "Bundle") in found(as_one)  # bdl-3: a batch's entries need a request
    empty = await validated(client, "/$validate", bundle("batch"))
    assert empty == {"resourceType": "Bundle", "type": "batch-response"}


async def test_inside_a_batch(client: httpx.AsyncClient) -> None:
    asked = bundle("batch", entry("POST", "Patient/$validate", FINE), entry("POST", "Patient/$validate", TOO_LITTLE))
    parts = (await client.post("", json=asked)).json()["entry"]
    assert [part["response"]["status"] for part in parts] == ["200", "200"]
    assert [len(found(part["resource"])) for part in parts] == [0, 1]


async def test_nothing_is_stored_but_an_audit_record_without_content(app: House) -> None:
    async with app.client() as client:
        await store(client, {**FINE, "id": "one"})
        secret = {**FINE, "id": "one", "name": [{"family": "Zyzzyva"}]}
        for path in ("/Patient/$validate?mode=create", "/Patient/one/$validate?mode=update", "/$validate"):
            await validated(client, path, secret)
        assert (await client.get("/Patient/one")).headers["etag"] == 'W/"1"'
        assert len((await client.get("/Patient")).json()["entry"]) == 1
        events = (await client.get("/AuditEvent?_count=50")).json()["entry"]
        done = [event["resource"] for event in events if '"validate"' in json.dumps(event["resource"]["subtype"])]
        assert [event["action"] for event in done] == ["E", "E", "E"]
        assert "Zyzzyva" not in json.dumps(events)
        assert any("Patient/one" in json.dumps(event.get("entity")) for event in done)


async def test_who_may_not_read_definitions_learns_nothing_of_them(app: House) -> None:
    async with app.client() as client:
        await store(client, profile("own", required("Patient.birthDate")))
    body = {**FINE, "meta": {"profile": [f"{EXAMPLE}/own"]}}
    async with app.client("payer") as client:
        known = await client.post("/Patient/$validate", json=body, params={"profile": f"{EXAMPLE}/own"})
        other = json.loads(json.dumps(body).replace("/own", "/none"))
        unknown = await client.post("/Patient/$validate", json=other, params={"profile": f"{EXAMPLE}/none"})
    assert known.text.replace("/own", "/none") == unknown.text
    assert ("definitions-unread", None) in found(known.json(), "information")


async def test_a_profile_of_another_tenant_is_unknown(app: House) -> None:
    async with app.client() as client:
        await store(client, profile("own", required("Patient.birthDate")))
        assert len(found(await validated(client, "/Patient/$validate", FINE, params={"profile": f"{EXAMPLE}/own"}))) == 1
    async with app.client(tenant="north") as client:
        base = f"{app.root}/t/north/fhir"
        outcome = await validated(client, f"{base}/Patient/$validate", FINE, params={"profile": f"{EXAMPLE}/own"})
        assert found(outcome) == [("profile-unknown", "Patient")]


async def test_a_patient_validates_by_what_the_tenant_has_defined(app: House) -> None:
    async with app.client() as client:
        await store(
            client,
            profile("own", required("QuestionnaireResponse.authored"), type_="QuestionnaireResponse"),
            {**FINE, "id": "one"},
        )
    body = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": "Patient/one"}}
    async with app.client("patient", patient="one") as client:
        asked = {"params": {"profile": f"{EXAMPLE}/own", "mode": "create"}}
        told = found(await validated(client, "/QuestionnaireResponse/$validate", body, **asked))
        assert told == [("forbidden", "QuestionnaireResponse"), ("required-element", "QuestionnaireResponse.authored")]
        refused(await client.get("/Patient/two/$validate"), 404, "not-found")
