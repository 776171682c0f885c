"""PATCH: by id, by criteria and in Bundles; what it may change, for whom, and what it answers (R4 http.html#patch)."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, exact, ids, observation, patient, refused, statuses

PATCH = {"Content-Type": "application/json-patch+json"}
URN = "urn:uuid:00000000-0000-4000-8000-000000000000"


def replaced(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def added(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


async def patch(client: httpx.AsyncClient, address: str, *operations: Any, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.patch(address, content=json.dumps(operations), headers={**PATCH, **given})


def patch_entry(url: str, *operations: Any, **request: Any) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(operations).encode()).decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    return entry("PATCH", url, binary, **request)


@pytest.fixture
async def filled(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await client.put("/Patient/p", json=patient("p", active=True, name=[{"family": "Adams"}], birthDate="1970-01-01"))
    return client


async def test_a_patch_makes_the_next_version(filled: httpx.AsyncClient, app: House) -> None:
    answer = await patch(filled, "/Patient/p", replaced("/name/0/family", "Berg"), added("/gender", "female"))
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["location"] == f"{app.base}/Patient/p/_history/2"
    body = answer.json()
    assert (body["name"], body["gender"], body["active"]) == ([{"family": "Berg"}], "female", True)
    assert (body["id"], body["meta"]["versionId"]) == ("p", "2")
    assert (await filled.get("/Patient/p")).json() == body
    assert (await filled.get("/Patient/p/_history/1")).json()["name"] == [{"family": "Adams"}]
    assert ids(await filled.get("/Patient?family=berg")) == ["p"]
    assert ids(await filled.get("/Patient?family=adams")) == []
    history = (await filled.get("/Patient/p/_history")).json()["entry"]
    assert [item["request"]["method"] for item in history] == ["PUT", "POST"]
    assert (await patch(filled, "/Patient/p", Prefer="return=minimal")).content == b""
    outcome = await patch(filled, "/Patient/p", Prefer="return=OperationOutcome")
    assert outcome.json()["resourceType"] == "OperationOutcome"


async def test_numbers_and_order_of_elements_stay(client: httpx.AsyncClient) -> None:
    text = '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50,"unit":"kg"},"status":"final","code":{"text":"x"}}'
    await client.put("/Observation/o", content=text, headers={"Content-Type": "application/fhir+json"})
    body = '[{"op":"add","path":"/component","value":[{"code":{"text":"y"},"valueQuantity":{"value":0.10000000000000000001}}]}]'
    answer = await client.patch("/Observation/o", content=body, headers=PATCH)
    assert b'"value":1.50' in answer.content
    assert b'"value":0.10000000000000000001' in answer.content
    assert list(exact(answer)) == [
        "resourceType", "id", "meta", "valueQuantity", "status", "code", "component",
    ]  # fmt: skip
    assert (await client.get("/Observation/o")).content == answer.content
    exactly = {"op": "test", "path": "/valueQuantity/value", "value": 1.5}
    assert (await patch(client, "/Observation/o", exactly)).status_code == 200


async def test_a_test_that_does_not_hold_changes_nothing(filled: httpx.AsyncClient) -> None:
    wrong = {"op": "test", "path": "/active", "value": False}
    answer = await patch(filled, "/Patient/p", replaced("/birthDate", "1980-01-01"), wrong)
    refused(answer, 422, "patch-test", "http.body[1]")
    assert (await filled.get("/Patient/p")).json()["birthDate"] == "1970-01-01"
    held = {"op": "test", "path": "/meta/versionId", "value": "1"}
    assert (await patch(filled, "/Patient/p", held, replaced("/active", False))).status_code == 200
    refused(await patch(filled, "/Patient/p", held, replaced("/active", False)), 422, "patch-test")


@pytest.mark.parametrize(
    ("operations", "code", "expression"),
    [
        ([replaced("/resourceType", "Observation")], "patch-protected", "id"),
        ([replaced("/id", "q")], "patch-protected", "id"),
        ([{"op": "remove", "path": "/id"}], "patch-protected", "id"),
        ([replaced("", [])], "patch-protected", "resourceType"),
        ([replaced("", {"resourceType": "Patient", "id": "other"})], "patch-protected", "id"),
        ([replaced("/meta/versionId", "7")], "patch-protected", "meta.versionId"),
        ([replaced("/meta/lastUpdated", "2020-01-01T00:00:00Z")], "patch-protected", "meta.lastUpdated"),
        ([{"op": "remove", "path": ""}], "patch-target", "http.body"),
        ([{"op": "remove", "path": "/photo"}], "patch-target", "http.body[0].path"),
        ([{"op": "copy", "from": "/name", "path": "/name/-"}] * 40, "patch-too-costly", None),
    ],
)  # fmt: skip
async def test_what_a_patch_may_not_do(
    filled: httpx.AsyncClient, operations: list[Any], code: str, expression: str | None
) -> None:
    refused(await patch(filled, "/Patient/p", *operations), 422, code, expression)
    assert (await filled.get("/Patient/p")).headers["etag"] == 'W/"1"'


async def test_meta_may_be_replaced_but_for_what_the_server_sets(filled: httpx.AsyncClient) -> None:
    tag = {"system": "urn:t", "code": "x"}
    answer = await patch(filled, "/Patient/p", replaced("/meta", {"tag": [tag]}))
    assert answer.json()["meta"]["tag"] == [tag]
    assert answer.json()["meta"]["versionId"] == "2"
    assert (await patch(filled, "/Patient/p", {"op": "remove", "path": "/meta"})).json()["meta"]["versionId"] == "3"


async def test_the_result_is_checked_as_every_write(filled: httpx.AsyncClient) -> None:
    refused(await patch(filled, "/Patient/p", added("/nonsense", 1)), 400, "unknown-element", "Patient.nonsense")
    refused(await patch(filled, "/Patient/p", replaced("/birthDate", "soon")), 400, "primitive-format", "Patient.birthDate")
    assert (await patch(filled, "/Patient/p", {"op": "remove", "path": "/name/0"})).status_code == 400
    assert (await filled.get("/Patient/p")).headers["etag"] == 'W/"1"'


async def test_bodies_that_are_no_json_patch(filled: httpx.AsyncClient) -> None:
    for kind in (
        "application/xml-patch+xml",
        "application/fhir+turtle",
        "text/plain",
    ):
        answer = await filled.patch("/Patient/p", content="[]", headers={"Content-Type": kind})
        refused(answer, 415, "content-type", "http.Content-Type")
        assert (
            answer.headers["accept-patch"]
            == "application/json-patch+json, application/merge-patch+json, application/fhir+json"
        )
    for body, status, code in [
        (b"", 400, "body-missing"), (b"[", 400, "body-not-json"), (b"{}", 400, "patch-format"), (b'"\xff"', 400, "body-not-json"),
        (b'[{"op":"add","path":"/a","path":"/b","value":1}]', 400, "structure"), (b"[null]", 400, "patch-format"),
        (b"[" * 100_000, 400, "body-not-json"), (b"[" * 500 + b"]" * 500, 400, "patch-format"),
        (b'[{"op":"test","path":"","value":' + b"[" * 500 + b"]" * 500 + b"}]", 422, "patch-too-costly"),
    ]:  # fmt: skip
        refused(await filled.patch("/Patient/p", content=body, headers=PATCH), status, code)
    charset = {"Content-Type": "application/json-patch+json; charset=utf-8"}
    assert (await filled.patch("/Patient/p", content="[]", headers=charset)).status_code == 200


async def test_what_is_not_there_and_versions(filled: httpx.AsyncClient) -> None:
    refused(await patch(filled, "/Patient/none"), 404, "not-found")
    refused(await patch(filled, "/NoType/p"), 404, "unknown-type")
    refused(await patch(filled, "/AuditEvent/p"), 405, "read-only-type")
    refused(await patch(filled, "/Patient/p?_summary=true"), 400, "unknown-parameter")
    assert (await patch(filled, "/Patient/p?_pretty=true", If_Match='W/"1"')).text.startswith("{\n")
    refused(await patch(filled, "/Patient/p", If_Match='W/"1"'), 412, "version-conflict", "http.If-Match")
    refused(await patch(filled, "/Patient/p", If_Match="1"), 400, "if-match-format")
    refused(await patch(filled, "/Patient/p", If_None_Match="*"), 412, "version-conflict")
    await filled.delete("/Patient/p")
    answer = await patch(filled, "/Patient/p")
    refused(answer, 410, "gone")
    assert answer.headers["etag"] == 'W/"3"'


async def test_by_criteria(filled: httpx.AsyncClient) -> None:
    await filled.put("/Patient/q", json=patient("q", name=[{"family": "Cole"}]))
    answer = await patch(filled, "/Patient?family=Adams", replaced("/active", False))
    assert (answer.status_code, answer.json()["id"], answer.headers["etag"]) == (200, "p", 'W/"2"')
    refused(await patch(filled, "/Patient?family=Nobody", replaced("/active", False)), 404, "not-found", "http.url")
    refused(await patch(filled, "/Patient?_lastUpdated=gt2000", replaced("/active", False)), 412, "multiple-matches")
    refused(await patch(filled, "/Patient", replaced("/active", False)), 400, "condition-criteria")
    refused(await patch(filled, "/Patient?_count=1", replaced("/active", False)), 400, "condition-criteria")
    refused(
        await patch(filled, "/Patient?family=Adams", replaced("/active", True), If_Match='W/"1"'), 412, "version-conflict"
    )
    gone = await patch(filled, "/Patient?family=Adams", replaced("/name/0/family", "Else"))
    assert gone.status_code == 200
    refused(await patch(filled, "/Patient?family=Adams", replaced("/active", True)), 404, "not-found")


async def test_in_a_batch(filled: httpx.AsyncClient) -> None:
    answer = await filled.post(
        "",
        json=bundle(
            "batch", patch_entry("Patient/p", replaced("/active", False)), patch_entry("Patient?family=Adams", added("/gender", "male")),
            patch_entry("Patient/p", replaced("/active", True), ifMatch='W/"1"'), entry("PATCH", "Patient/p", {"resourceType": "Basic"}),
            patch_entry("Patient/none"), entry("PATCH", "Patient/p", {"resourceType": "Binary", "contentType": "application/json-patch+json"}),
            entry("PATCH", "Patient/p", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "#"}),
            entry("PATCH", "Patient/p"),
        ),
    )  # fmt: skip
    assert statuses(answer) == ["200", "200", "412", "400", "404", "400", "400", "400"]
    assert answer.json()["entry"][1]["resource"]["gender"] == "male"


async def test_in_a_transaction(filled: httpx.AsyncClient) -> None:
    await filled.put("/Observation/o", json=observation("o", "Patient/other"))
    body = bundle(
        "transaction",
        entry("POST", "Organization", {"resourceType": "Organization", "name": "x"}, URN),
        patch_entry("Patient/p", added("/managingOrganization", {"reference": URN}), ifMatch='W/"1"'),
        patch_entry("Observation?subject=Patient/other", replaced("/subject/reference", "Patient?family=Adams")),
        entry("GET", "Patient/p"),
    )
    answer = await filled.post("", json=body)
    assert statuses(answer) == ["201", "200", "200", "200"]
    place = answer.json()["entry"][0]["response"]["location"].split("/_history")[0].removeprefix(f"{House.base}/")
    assert (await filled.get("/Patient/p")).json()["managingOrganization"] == {"reference": place}
    assert (await filled.get("/Observation/o")).json()["subject"] == {"reference": "Patient/p"}
    assert answer.json()["entry"][1]["response"]["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        (patch_entry("Patient/none"), 404, "not-found"),
        (patch_entry("Patient?family=Nobody"), 404, "not-found"),
        (patch_entry("Patient"), 400, "bundle-entry"),
        (patch_entry("Patient/p", ifMatch='W/"9"'), 412, "version-conflict"),
        (patch_entry("Patient/p", {"op": "test", "path": "/active", "value": 1}), 422, "patch-test"),
        (patch_entry("Patient/p", added("/nonsense", 1)), 400, "unknown-element"),
        (patch_entry("Patient/p", replaced("/id", "x")), 422, "patch-protected"),
        (entry("PATCH", "Patient/p", {"resourceType": "Basic"}), 400, "patch-format"),
        (patch_entry("Patient/p", ifNoneExist="x"), 400, "bundle-entry"),
    ],
)
async def test_one_patch_that_cannot_be_done_stops_the_transaction(
    filled: httpx.AsyncClient, item: dict[str, Any], status: int, code: str
) -> None:
    answer = await filled.post("", json=bundle("transaction", entry("POST", "Patient", patient(active=False)), item))
    refused(answer, status, code)
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert ids(await filled.get("/Patient")) == ["p"]


async def test_two_entries_for_one_resource_are_refused(filled: httpx.AsyncClient) -> None:
    for other in (patch_entry("Patient/p"), entry("PUT", "Patient/p", patient("p")), entry("DELETE", "Patient/p")):
        body = bundle("transaction", patch_entry("Patient?family=Adams", replaced("/active", False)), other)
        refused(await filled.post("", json=body), 400, "bundle-duplicate")


async def test_who_may_patch(filled: httpx.AsyncClient, app: House) -> None:
    await filled.put("/Patient/q", json=patient("q"))
    await filled.put("/Observation/o", json=observation("o", "Patient/p"))
    async with app.client("staff", scope="user/Patient.u") as blind:
        refused(await patch(blind, "/Patient/p", replaced("/active", False)), 403, "forbidden")
    async with app.client("staff", scope="user/Patient.r") as reader:
        refused(await patch(reader, "/Patient/p", replaced("/active", False)), 403, "forbidden")
    async with app.client("staff", scope="user/Patient.ru") as writer:
        assert (await patch(writer, "/Patient/p", replaced("/active", False))).status_code == 200
        refused(await patch(writer, "/Patient?family=Adams", replaced("/active", False)), 403, "forbidden")
    async with app.client("staff", scope="patient/*.rus", patient="p") as limited:
        assert (await patch(limited, "/Patient/p", replaced("/active", True))).status_code == 200
        assert (await patch(limited, "/Observation/o", added("/note", [{"text": "x"}]))).status_code == 200
        hidden = await patch(limited, "/Patient/q", {"op": "test", "path": "/active", "value": True})
        absent = await patch(limited, "/Patient/none", {"op": "test", "path": "/active", "value": True})
        refused(hidden, 404, "not-found")
        assert hidden.content == absent.content
        refused(await patch(limited, "/Patient?_id=q", replaced("/active", False)), 404, "not-found")
        away = await patch(limited, "/Observation/o", replaced("/subject/reference", "Patient/q"))
        refused(away, 403, "forbidden")
        refused(await limited.post("", json=bundle("transaction", patch_entry("Patient/q"))), 404, "not-found")
    assert (await filled.get("/Patient/q")).headers["etag"] == 'W/"1"'


async def test_a_patch_is_audited_as_an_update_of_that_version(filled: httpx.AsyncClient) -> None:
    await patch(filled, "/Patient/p", replaced("/active", False))
    await patch(filled, "/Patient?family=Adams", replaced("/active", True))
    events = [item["resource"] for item in (await filled.get("/AuditEvent?_count=1000")).json()["entry"]]
    patches = [event for event in events if event["subtype"][0]["code"] == "patch"]
    assert [event["action"] for event in patches] == ["U", "U"]
    for event, number in zip(patches, (3, 2), strict=True):
        assert f"Patient/p/_history/{number}" in {
            what["what"].get("reference") for what in event["entity"] if "what" in what
        }


async def test_the_capability_statement_says_it(client: httpx.AsyncClient) -> None:
    statement = (await client.get("/metadata")).json()
    assert statement["patchFormat"] == [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/fhir+json",
    ]
    rest = statement["rest"][0]
    assert {"code": "history-system"} in rest["interaction"]
    for resource in rest["resource"]:
        codes = {item["code"] for item in resource["interaction"]}
        assert ({"patch", "history-type", "history-instance"} <= codes) == (resource["type"] != "AuditEvent")


def fhirpath_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """A Parameters of operations; `path` and `type` by their names, all other members as the part's value is named."""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "operation", "part": [{"name": name, **value} for name, value in operation.items()]}
            for operation in operations
        ],
    }


def replacing(path: str, **value: Any) -> dict[str, Any]:
    return {"type": {"valueCode": "replace"}, "path": {"valueString": path}, "value": value}


async def test_each_format_gives_the_same(client: httpx.AsyncClient) -> None:
    formats: list[tuple[str, Any]] = [
        ("application/json-patch+json", [replaced("/birthDate", "1971-02-03"), added("/gender", "female")]),
        ("application/merge-patch+json", {"birthDate": "1971-02-03", "gender": "female"}),
        (
            "application/fhir+json",
            fhirpath_patch(
                replacing("Patient.birthDate", valueDate="1971-02-03"),
                {
                    "type": {"valueCode": "add"},
                    "path": {"valueString": "Patient"},
                    "name": {"valueString": "gender"},
                    "value": {"valueCode": "female"},
                },
            ),
        ),
    ]
    results = []
    for kind, body in formats:
        await client.put("/Patient/p", json=patient("p", name=[{"family": "Adams"}], birthDate="1970-01-01"))
        answer = await client.patch("/Patient/p", content=json.dumps(body), headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        results.append({name: value for name, value in answer.json().items() if name != "meta"})
        assert ids(await client.get("/Patient?birthdate=1971-02-03&gender=female")) == ["p"]
    assert results[0] == results[1] == results[2]


async def test_a_fhirpath_patch_in_a_transaction(filled: httpx.AsyncClient) -> None:
    body = bundle(
        "transaction",
        entry("POST", "Organization", {"resourceType": "Organization", "name": "x"}, URN),
        entry(
            "PATCH",
            "Patient?family=Adams",
            fhirpath_patch(
                {
                    "type": {"valueCode": "add"},
                    "path": {"valueString": "Patient"},
                    "name": {"valueString": "managingOrganization"},
                    "value": {"valueReference": {"reference": URN}},
                }
            ),
        ),
    )
    answer = await filled.post("", json=body)
    assert statuses(answer) == ["201", "200"]
    reference = (await filled.get("/Patient/p")).json()["managingOrganization"]["reference"]
    assert reference.startswith("Organization/")


async def test_what_other_formats_may_not_do(filled: httpx.AsyncClient) -> None:
    async def sent(kind: str, body: Any) -> httpx.Response:
        return await filled.patch("/Patient/p", content=json.dumps(body), headers={"Content-Type": kind})

    merge, fhir = "application/merge-patch+json", "application/json"
    refused(await sent(merge, {"id": None}), 422, "patch-protected")
    refused(await sent(merge, {"resourceType": "Basic"}), 422, "patch-protected")
    refused(await sent(merge, {"nonsense": 1}), 400, "unknown-element")
    refused(await sent(merge, [1]), 400, "patch-format")
    refused(await sent(fhir, fhirpath_patch(replacing("Patient.id", valueId="x"))), 422, "patch-protected")
    refused(await sent(fhir, fhirpath_patch(replacing("Patient.birthDate", valueDate="never"))), 400, "primitive-format")
    answer = await sent(
        fhir, fhirpath_patch(replacing("Patient.active", valueBoolean=False), replacing("Patient.photo", valueUrl="x"))
    )
    refused(answer, 422, "patch-target", "Parameters.parameter[1]")
    assert (await filled.get("/Patient/p")).headers["etag"] == 'W/"1"'


async def test_what_is_no_more_than_json_is_told_by_its_shape(filled: httpx.AsyncClient) -> None:
    async def sent(body: Any) -> httpx.Response:
        return await filled.patch("/Patient/p", content=json.dumps(body), headers={"Content-Type": "application/json"})

    before = (await filled.get("/Patient/p")).json()
    assert (await sent([replaced("/birthDate", "1971-02-03")])).json()["birthDate"] == "1971-02-03"
    assert "birthDate" not in (await sent({"birthDate": None})).json()
    added_again = (await sent(fhirpath_patch(replacing("Patient.active", valueBoolean=False)))).json()
    assert added_again["active"] is False
    assert added_again.get("name") == before.get("name")
    refused(await sent({"resourceType": "Basic"}), 422, "patch-protected")
    refused(await sent({"parameter": []}), 400, "unknown-element")
    refused(await sent("x"), 400, "patch-format")
    refused(await sent(7), 400, "patch-format")
