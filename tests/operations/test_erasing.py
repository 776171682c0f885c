"""`$purge`, `DELETE .../_history` and cascading deletions, on both stores: what goes, what stays, the receipt, and who may."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import bundle, code_of, entry, ids, observation, patient, refused
from two_engines import ENGINES, house_on

from server.store.store import Index
from server.store.upkeep import NewIndex
from server.upkeep.fsck import Fsck

LARGE = "QUJD" * 30_000
RESOURCES: list[dict[str, Any]] = [
    patient("a", name=[{"family": "Alpha"}]),
    patient("b", name=[{"family": "Beta"}]),
    observation("o1", "Patient/a"),
    observation("o2", "Patient/a"),
    observation("o3", "Patient/b"),
    {"resourceType": "Binary", "id": "scan", "contentType": "text/plain", "data": LARGE, "securityContext": {"reference": "Patient/a"}},
    {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {"text": "x"}, "result": [{"reference": "Observation/o1"}]},
    {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
     "member": [{"entity": {"reference": "Patient/a"}}, {"entity": {"reference": "Patient/b"}}]},
]  # fmt: skip


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data") as house:
        async with house.client() as client:
            answer = await client.post(
                "", json=bundle("transaction", *(entry("PUT", f"{r['resourceType']}/{r['id']}", r) for r in RESOURCES))
            )
            assert answer.status_code == 200, answer.text
            assert (await client.put("/Patient/a", json=patient("a", name=[{"family": "Aleph"}]))).status_code == 200
            assert (await client.delete("/Observation/o2")).status_code == 204
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client


def asking(what: str, **more: bool) -> dict[str, Any]:
    flags = [{"name": name, "valueBoolean": value} for name, value in more.items()]
    return {"resourceType": "Parameters", "parameter": [{"name": "what", "valueCode": what}, *flags]}


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {"erased": []}
    for part in answer.json()["parameter"]:
        (value,) = [part[key] for key in part if key.startswith("value")]
        if part["name"] == "erased":
            found["erased"].append(value["reference"])
        else:
            found[part["name"]] = value
    return found


async def test_a_history_goes_and_the_resource_stays(house: House, client: httpx.AsyncClient) -> None:
    dry = told(await client.post("/Patient/a/$purge", json=asking("history", dryRun=True)))
    assert (dry["done"], dry["resources"], dry["versions"]) == (False, 1, 1)
    assert (await client.get("/Patient/a/_history/1")).status_code == 200
    done = told(await client.delete("/Patient/a/_history"))
    assert (done["done"], done["versions"], done["receipt"], done["residue"]) == (True, 1, dry["receipt"], 0)
    assert (await client.get("/Patient/a/_history/1")).status_code == 404
    assert (await client.get("/Patient/a")).json()["name"][0]["family"] == "Aleph"
    history = (await client.get("/Patient/a/_history")).json()
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["2"]
    assert history["total"] == 1
    for period in ("_since=2100", "_at=2100"):
        later = (await client.get(f"/Patient/a/_history?{period}")).json()
        assert later["total"] == len(later.get("entry", [])) == (period == "_at=2100")
    assert ids(await client.get("/Patient?family=aleph")) == ["a"]
    again = told(await client.delete("/Patient/a/_history"))
    assert (again["resources"], again["versions"]) == (0, 0)
    assert (await client.put("/Patient/a", json=patient("a"), headers={"If-Match": 'W/"2"'})).status_code == 200


async def test_a_whole_record_goes_with_a_receipt_in_the_trail(house: House, client: httpx.AsyncClient) -> None:
    done = told(await client.post("/Patient/a/$purge", json=asking("everything")))
    told_of = {name for name in done["erased"] if not name.startswith("Provenance/")}  # the server's own, of the edit
    assert told_of == {"Patient/a", "Observation/o1", "Observation/o2", "Binary/scan"}
    assert done["resources"] == len(done["erased"])
    assert (done["versions"], done["kept"], done["residue"]) == (2 + done["resources"], 1, 0)
    for name in done["erased"]:
        refused(await client.get(f"/{name}"), 404, "not-found")
        refused(await client.get(f"/{name}/_history"), 404, "not-found")
    everything = (await client.get("/_history?_count=200")).text
    assert "Aleph" not in everything
    assert "Alpha" not in everything
    assert ids(await client.get("/Observation?subject=Patient/a")) == []
    assert ids(await client.get("/Observation")) == ["o3"]
    assert (await client.get("/Group/g")).status_code == 200
    event = (await client.get("/AuditEvent?_sort=-date&_count=20")).json()["entry"]
    (purged,) = [e["resource"] for e in event if "'purge'" in str(e["resource"].get("subtype"))]
    names = [str(entity.get("what", {}).get("reference", "")) for entity in purged["entity"]]
    assert {"Patient/a", "Observation/o1", "Observation/o2", "Binary/scan"} <= set(names)
    asked = [base64.b64decode(entity["query"]).decode() for entity in purged["entity"] if "query" in entity]
    assert asked == [f"what=everything resources={done['resources']} versions={done['versions']} receipt={done['receipt']}"]
    assert (await client.get("/AuditEvent/$verify")).json()["parameter"][0]["valueBoolean"] is True
    assert (await client.put("/Patient/a", json=patient("a"))).json()["meta"]["versionId"] == "1"
    for _ in range(200):
        if not await house.services.store.blobs.listed(b"", 10):
            break
        await asyncio.sleep(0.05)
    assert await house.services.store.blobs.listed(b"", 10) == [], "contents that lie apart go by a job of the same commit"


async def test_a_deleted_resource_can_be_erased(house: House, client: httpx.AsyncClient) -> None:
    refused(await client.get("/Observation/o2"), 410, "gone")
    assert told(await client.post("/Observation/o2/$purge", json=asking("record")))["versions"] == 2
    refused(await client.get("/Observation/o2"), 404, "not-found")


async def test_what_is_not_asked_rightly_takes_nothing(house: House, client: httpx.AsyncClient) -> None:
    refused(await client.post("/Observation/o1/$purge", json=asking("everything")), 400, "parameter-value")
    refused(await client.post("/Patient/a/$purge", json=asking("all")), 400, "parameter-value")
    refused(await client.post("/Patient/a/$purge", json={"resourceType": "Parameters"}), 400, "required-element")
    refused(await client.get("/Patient/a/$purge?what=record"), 405, "method-not-allowed")
    refused(await client.post("/Patient/nobody/$purge", json=asking("record")), 404, "not-found")
    refused(await client.delete("/Patient/nobody/_history"), 404, "not-found")
    refused(await client.delete("/Patient/a/_history?_x=1"), 400, "unknown-parameter")
    refused(await client.delete("/AuditEvent/x/_history"), 405, "read-only-type")
    async with (
        house.client("doctor") as doctor,
        house.client("patient", patient="a") as self_,
        house.client(scope="user/*.rs") as reader,
    ):
        for caller in (doctor, self_, reader):
            assert code_of(await caller.post("/Patient/a/$purge", json=asking("record"))) == "forbidden"
            assert code_of(await caller.delete("/Patient/a/_history")) == "forbidden"
    assert (await client.get("/Patient/a/_history/1")).status_code == 200


@pytest.mark.parametrize("way", ["parameter", "header"])
async def test_a_deletion_takes_with_it_what_refers(house: House, client: httpx.AsyncClient, way: str) -> None:
    asked = ("/Observation/o1?_cascade=delete", {}) if way == "parameter" else ("/Observation/o1", {"X-Cascade": "delete"})
    answer = await client.delete(asked[0], headers=asked[1])
    assert answer.status_code == 200, answer.text
    texts = sorted(issue["details"]["text"] for issue in answer.json()["issue"])
    assert texts == ["Deleted: DiagnosticReport/r, as version 2.", "Deleted: Observation/o1, as version 2."]
    refused(await client.get("/DiagnosticReport/r"), 410, "gone")
    assert (await client.get("/DiagnosticReport/r/_history/1")).status_code == 200
    assert (await client.get("/Patient/a")).status_code == 200
    assert (await client.delete("/Observation/o1?_cascade=delete")).status_code == 204


async def test_a_cascade_goes_all_the_way_or_not_at_all(house: House, client: httpx.AsyncClient) -> None:
    refused(await client.delete("/Patient/a?_cascade=yes"), 400, "parameter-value")
    refused(await client.delete("/Patient/a?_cascad=delete"), 400, "unknown-parameter")
    async with house.client(scope="user/Patient.cruds user/Observation.rs") as narrow:
        refused(await narrow.delete("/Patient/a?_cascade=delete"), 403, "forbidden")
        assert (await client.get("/Patient/a")).status_code == 200
    assert (await client.delete("/Patient/a?_cascade=delete")).status_code == 200
    for name in ("Patient/a", "Observation/o1", "DiagnosticReport/r", "Group/g"):
        refused(await client.get(f"/{name}"), 410, "gone")
    assert (await client.get("/Patient/b")).status_code == 200


async def test_what_was_erased_is_not_missing(house: House, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.put("/Patient/b", json=patient("b"))
    assert told(await client.delete("/Patient/b/_history"))["versions"] == 2
    await client.put("/Patient/b", json=patient("b"))
    assert told(await client.delete("/Patient/b/_history"))["versions"] == 1
    await client.delete("/Patient/a/_history")
    assert told(await client.post("/Patient/a/$purge", json=asking("record")))["resources"] == 1
    await client.put("/Patient/a", json=patient("a"))
    services = house.services
    found = [
        finding
        async for finding in Fsck(services.store, services.keyring, lambda tenant: (house.base,), mend=False).run(
            lambda count: None
        )
    ]
    assert [finding.sentence for finding in found] == []


async def test_what_is_not_findable_is_found_again(house: House, client: httpx.AsyncClient) -> None:
    store = house.services.store
    rows = [row for row in await store.upkeep.rows(0, 100) if not row.record.deleted]
    await store.upkeep.reindex([NewIndex(row.record.rid, row.record.version, Index(row.index.order)) for row in rows])
    assert ids(await client.get("/Observation?subject=Patient/a")) == []
    for body in (asked_types("Observation"), None):
        started = await client.post("/$reindex", json=body)
        assert started.status_code == 202, started.text
        address = started.headers["content-location"]
        answer = await client.get(address)
        while answer.status_code == 202:
            assert "done" in answer.headers["x-progress"]
            await asyncio.sleep(0.05)
            answer = await client.get(address)
        counted = {p["name"]: p["valueInteger"] for p in answer.json()["entry"][0]["resource"]["parameter"]}
        assert counted["damaged"] == 0
        assert counted["changed"] > 0
        assert ids(await client.get("/Observation?subject=Patient/a")) == ["o1"]
    assert ids(await client.get("/Patient?family=aleph")) == ["a"]
    refused(await client.post("/$reindex", json=asked_types("Nothing")), 400, "parameter-value")
    async with house.client("doctor") as doctor:
        refused(await doctor.post("/$reindex"), 403, "forbidden")


def asked_types(*types: str) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": type_} for type_ in types]}


async def test_what_says_of_nobody_goes_with_what_refers_to_it(house: House, client: httpx.AsyncClient) -> None:
    def document(who: str, content: str) -> dict[str, Any]:
        attachment = {"contentType": "text/plain", "url": f"Binary/{content}"}
        found = {
            "resourceType": "DocumentReference",
            "id": f"{who}-{content}",
            "status": "current",
            "content": [{"attachment": attachment}],
        }
        return {**found, "subject": {"reference": f"Patient/{who}"}}

    for name in ("own", "shared"):
        await client.put(
            f"/Binary/{name}", json={"resourceType": "Binary", "id": name, "contentType": "text/plain", "data": "aGVsbG8="}
        )
    for made in (document("a", "own"), document("a", "shared"), document("b", "shared")):
        assert (await client.put(f"/DocumentReference/{made['id']}", json=made)).status_code == 201
    bundle_ = {"resourceType": "Bundle", "id": "sent", "type": "collection"}
    await client.put("/Bundle/sent", json=bundle_)
    await client.put(
        "/Observation/o1",
        json=observation("o1", "Patient/a", extension=[{"url": "urn:x", "valueReference": {"reference": "Bundle/sent"}}]),
    )
    done = told(await client.post("/Patient/a/$purge", json=asking("everything")))
    assert {"Binary/own", "Bundle/sent", "DocumentReference/a-shared"} <= set(done["erased"])
    assert done["kept"] == 2
    assert (await client.get("/Binary/shared")).status_code == 200
    assert (await client.get("/DocumentReference/b-shared")).status_code == 200
    refused(await client.get("/Binary/own", headers={"Accept": "application/fhir+json"}), 404, "not-found")
