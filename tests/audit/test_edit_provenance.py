"""Who changed what of a patient's record is told by a Provenance in the same commit; what a client sends along, in X-Provenance, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house

from profiles.base_validation import validate_resource
from profiles.provenance import PATIENT

DOCTOR = {"subject": "ann", "fhir_user": "Practitioner/ann"}
BLOOD = {
    "resourceType": "Observation",
    "id": "blood",
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "Patient/a"},
}
SENT = {
    "resourceType": "Provenance",
    "recorded": "2026-01-02T03:04:05Z",
    "agent": [{"who": {"display": "An older system"}}],
}


@pytest.fixture
async def ward(app: House) -> House:
    """Two patients, and an Observation of one of them."""
    async with app.client() as client:
        for id_ in ("a", "b"):
            await client.put(f"/Patient/{id_}", json={"resourceType": "Patient", "id": id_})
        assert (await client.put("/Observation/blood", json=BLOOD)).status_code == 201
    return app


async def told(house: House, role: str = "administrator", **options: Any) -> list[dict[str, Any]]:
    async with house.client(role, **options) as client:
        found = (await client.get("/Provenance?_sort=_lastUpdated&_count=100")).json()
    return [entry["resource"] for entry in found.get("entry", ())]


def targets(resource: dict[str, Any]) -> list[str]:
    return [target["reference"] for target in resource["target"]]


async def test_a_persons_update_and_patch_say_who_and_from_which_version(ward: House) -> None:
    async with ward.client("doctor", **DOCTOR) as doctor:
        purpose = {"X-Purpose-Of-Use": "TREAT"}
        assert (
            await doctor.put("/Observation/blood", json={**BLOOD, "status": "amended"}, headers=purpose)
        ).status_code == 200
        patch = [{"op": "replace", "path": "/status", "value": "final"}]
        headers = {"Content-Type": "application/json-patch+json"}
        assert (await doctor.patch("/Observation/blood", content=json.dumps(patch), headers=headers)).status_code == 200
    first, second = await told(ward)
    assert [validate_resource(each) for each in (first, second)] == [[], []]
    assert (targets(first), targets(second)) == (["Observation/blood/_history/2"], ["Observation/blood/_history/3"])
    assert first["entity"] == [{"role": "revision", "what": {"reference": "Observation/blood/_history/1"}}]
    assert first["agent"][0]["who"] == {"reference": "Practitioner/ann"}
    assert first["activity"]["coding"][0]["code"] == "UPDATE"
    assert first["reason"][0]["coding"][0]["code"] == "TREAT"
    assert "reason" not in second
    async with ward.client() as client:
        (event,) = (await client.get(f"/AuditEvent?entity=Provenance/{first['id']}&subtype=update")).json()["entry"]
        entities = {entity.get("what", {}).get("reference") for entity in event["resource"]["entity"]}
        assert {"Observation/blood/_history/2", f"Provenance/{first['id']}/_history/1"} <= entities


async def test_what_is_new_deleted_nobodys_or_by_no_person_has_none(ward: House) -> None:
    async with ward.client("doctor", **DOCTOR) as doctor, ward.client("doctor", subject="a service") as service:
        assert (await doctor.post("/Observation", json=BLOOD)).status_code == 201
        for _ in range(2):
            await doctor.put("/Organization/o", json={"resourceType": "Organization", "id": "o", "name": "O"})
        assert (await service.put("/Observation/blood", json={**BLOOD, "status": "amended"})).status_code == 200
        assert (await doctor.delete("/Observation/blood")).status_code == 204
        assert (await doctor.put("/Observation/blood", json=BLOOD)).status_code == 201
        stale = {"If-Match": 'W/"1"'}
        assert (await doctor.put("/Observation/blood", json=BLOOD, headers=stale)).status_code == 412
    assert await told(ward) == []


async def test_a_transaction_tells_of_each_patients_record_apart(ward: House) -> None:
    changes = [
        {**BLOOD, "status": "amended"},
        *({"resourceType": "Patient", "id": id_, "active": True} for id_ in ("a", "b")),
    ]
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}} for each in changes
    ]
    entries.append({"resource": {**BLOOD, "id": "new"}, "request": {"method": "PUT", "url": "Observation/new"}})
    async with ward.client("doctor", **DOCTOR) as doctor:
        answer = await doctor.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["entry"]) == 4
    found = {each["extension"][0]["valueReference"]["reference"]: sorted(targets(each)) for each in await told(ward)}
    assert found == {
        "Patient/a": ["Observation/blood/_history/2", "Patient/a/_history/2"], "Patient/b": ["Patient/b/_history/2"],
    }  # fmt: skip


async def test_it_is_seen_by_those_who_see_what_it_tells_of(ward: House) -> None:
    async with ward.client("doctor", **DOCTOR) as doctor:
        await doctor.put("/Observation/blood", json={**BLOOD, "status": "amended"})
        await doctor.put("/Patient/b", json={"resourceType": "Patient", "id": "b", "active": True})
    limited = {"scope": "patient/*.rs"}
    assert [targets(each) for each in await told(ward, "staff", patient="a", **limited)] == [
        ["Observation/blood/_history/2"]
    ]
    assert [targets(each) for each in await told(ward, "staff", patient="b", **limited)] == [["Patient/b/_history/2"]]
    consent = {
        "resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/a"},
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"text": "x"}], "policyRule": {"text": "x"}, "provision": {"type": "deny"},
    }  # fmt: skip
    async with ward.client() as client:
        assert (await client.post("/Consent", json=consent)).status_code == 201
    assert [targets(each) for each in await told(ward, "staff")] == [["Patient/b/_history/2"]]


async def test_none_but_what_is_sent_where_the_setting_says_so(tmp_path: Path) -> None:
    async with (
        running_house(tmp_path / "data", ASSENT_PROVENANCE="none") as house,
        house.client("doctor", **DOCTOR) as doctor,
    ):
        for version, more in ((1, {}), (2, {}), (3, {"X-Provenance": json.dumps(SENT)})):
            answer = await doctor.put("/Patient/a", json={"resourceType": "Patient", "id": "a"}, headers=more)
            assert answer.headers["etag"] == f'W/"{version}"'
        assert [targets(each) for each in await told(house)] == [["Patient/a/_history/3"]]


def along(content: Any = SENT) -> dict[str, Any]:
    return {"X-Provenance": json.dumps(content, ensure_ascii=False).encode()}


async def test_what_a_client_sends_along_is_stored_with_the_change_and_instead_of_ours(ward: House) -> None:
    sent = {**SENT, "agent": [{"who": {"display": "Étude d’Ángel"}}]}
    async with ward.client("doctor", **DOCTOR) as doctor:
        created = await doctor.post("/Observation", json=BLOOD, headers=along(sent))
        assert created.status_code == 201
        updated = await doctor.put("/Observation/blood", json={**BLOOD, "status": "amended"}, headers=along(sent))
        assert updated.status_code == 200
        new = await doctor.put("/Observation?identifier=urn:x|1", json={**BLOOD, "id": "n"}, headers=along(sent))
        assert new.status_code == 201
    found = await told(ward)
    assert [targets(each) for each in found] == [
        [f"Observation/{created.json()['id']}/_history/1"], ["Observation/blood/_history/2"], ["Observation/n/_history/1"],
    ]  # fmt: skip
    for each in found:
        assert (each["agent"], each["recorded"]) == (sent["agent"], SENT["recorded"])
        assert each["extension"] == [{"url": PATIENT, "valueReference": {"reference": "Patient/a"}}]


async def test_a_conditional_create_that_finds_one_stores_nothing(ward: House) -> None:
    async with ward.client("doctor", **DOCTOR) as doctor:
        answer = await doctor.post("/Observation", json=BLOOD, headers={**along(), "If-None-Exist": "_id=blood"})
        assert answer.status_code == 200
    assert await told(ward) == []


@pytest.mark.parametrize(
    "header",
    [
        b"{", b"\xff", b"[]", b'{"resourceType":"Patient"}', json.dumps({**SENT, "target": [{"reference": "Patient/b"}]}).encode(),
        json.dumps({**SENT, "agent": []}).encode(), json.dumps({**SENT, "recorded": "soon"}).encode(), b"[" * 5000,
    ],
    ids=["cut", "bytes", "list", "type", "target", "agent", "recorded", "deep"],
)  # fmt: skip
async def test_a_header_that_holds_none_stores_nothing_at_all(ward: House, header: bytes) -> None:
    async with ward.client("doctor", **DOCTOR) as doctor:
        answer = await doctor.put(
            "/Observation/blood", json={**BLOOD, "status": "amended"}, headers={"X-Provenance": header}
        )
        assert answer.status_code == 400, answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "soon" not in answer.text
        assert (await doctor.get("/Observation/blood")).json()["meta"]["versionId"] == "1"
    assert await told(ward) == []


async def test_who_may_not_store_provenance_may_not_send_it_along(ward: House) -> None:
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": "Patient/a"}}
    async with ward.client("payer") as payer:
        assert (await payer.post("/Task", json=task)).status_code == 201
        assert (await payer.post("/Task", json=task, headers=along())).status_code == 403
    other = {**SENT, "extension": [{"url": PATIENT, "valueReference": {"reference": "Patient/b"}}]}
    async with ward.client("staff", patient="a", scope="patient/*.cruds") as limited:
        assert (await limited.post("/Observation", json=BLOOD, headers=along(other))).status_code == 403
        assert (await limited.post("/Observation", json=BLOOD, headers=along())).status_code == 201
    assert len(await told(ward)) == 1


async def test_the_header_is_refused_where_nobody_heeds_it(ward: House) -> None:
    async with ward.client() as client:
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": []}
        answers: list[httpx.Response] = [
            await client.get("/Patient/a", headers=along()),
            await client.delete("/Observation/blood", headers=along()),
            await client.post("", json=bundle, headers=along()),
            await client.post("/Patient/$validate", json={"resourceType": "Patient"}, headers=along()),
        ]
        assert [answer.status_code for answer in answers] == [400] * 4
        assert (await client.get("/Observation/blood")).status_code == 200
