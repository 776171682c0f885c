"""`$export` (Bulk Data Access 2.0, 3.0): what is in it, of which moment, for whom, and how its files are had."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulk_client import EXTENSION, LATER, by_type, downloaded, exported, finished, kicked_off
from bulk_damage import damage, damage_content
from in_process import House, running_house
from two_engines import ENGINES, house_on

from profiles import json

Resource = dict[str, Any]


def patient(id_: str, **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": id_, "name": [{"family": f"F{id_}"}], "gender": "other", **more}


def observation(id_: str, subject: str, **more: Any) -> Resource:
    code = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    about = {"subject": {"reference": f"Patient/{subject}"}}
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": code, **about, **more}


async def put(client: httpx.AsyncClient, *resources: Resource) -> None:
    for resource in resources:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code in {200, 201}, answer.text


GROUP = {
    "resourceType": "Group",
    "id": "g",
    "type": "person",
    "actual": True,
    "member": [
        {"entity": {"reference": "Patient/a"}},
        {"entity": {"reference": "Patient/b"}, "inactive": True},
        {"entity": {"reference": "Practitioner/x"}},
    ],
}
MADE = (
    patient("a"),
    patient("b"),
    patient("c"),
    observation("o1", "a"),
    observation("o2", "a", status="amended"),
    observation("o3", "b"),
    {"resourceType": "Practitioner", "id": "x"},
    GROUP,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "data", ASSENT_BULK_SETTLE="0") as house:
        async with house.client() as client:
            await put(client, *MADE)
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client


def names(lines: list[str]) -> set[str]:
    return {f"{each['resourceType']}/{each['id']}" for each in (json.loads(line.encode()) for line in lines)}


@pytest.mark.parametrize("engine", ENGINES)
async def test_everything_is_there_as_it_is_stored_with_what_was_deleted_since(engine: str, tmp_path: Path) -> None:
    async with (
        house_on(engine, tmp_path / "data", ASSENT_BULK_SETTLE="0") as house,
        house.client() as client,
    ):
        await put(client, *MADE)
        first = await exported(client, "/$export")
        assert sorted(by_type(first.manifest).items()) == [
            ("Group", 1),
            ("Observation", 3),
            ("Patient", 3),
            ("Practitioner", 1),
        ]
        for line in first.output:
            resource = json.loads(line.encode())
            stored = await client.get(f"/{resource['resourceType']}/{resource['id']}")
            assert stored.text == line
        assert first.manifest["request"] == f"{house.base}/$export"
        assert first.manifest["requiresAccessToken"] is True
        assert (first.deleted, first.error) == ([], [])

        await put(client, patient("a", gender="female"), observation("o4", "c"))
        for gone in ("Observation/o1", "Observation/o3", "Practitioner/x"):
            assert (await client.delete(f"/{gone}")).status_code == 204
        await put(client, observation("o3", "b"))
        since = first.manifest["transactionTime"]
        second = await exported(client, "/$export", params={"_since": since, "_type": "Patient,Observation,Practitioner"})
        assert names(second.output) == {"Patient/a", "Observation/o4", "Observation/o3"}
        bundles = [json.loads(line.encode()) for line in second.deleted]
        assert {entry["request"]["url"] for bundle in bundles for entry in bundle["entry"]} == {
            "Observation/o1",
            "Practitioner/x",
        }
        assert all(entry["request"]["method"] == "DELETE" for bundle in bundles for entry in bundle["entry"])

        before = await exported(client, "/$export", params={"_until": since, "_type": "Patient,Observation,Practitioner"})
        assert sorted(before.output) == sorted(line for line in first.output if '"Group"' not in line)

        of_a = await exported(client, "/Group/g/$export", params={"_type": "Observation,Patient"})
        assert names(of_a.output) == {"Patient/a", "Observation/o2"}


async def test_patients_and_groups_take_what_is_part_of_their_records(client: httpx.AsyncClient) -> None:
    every = await exported(client, "/Patient/$export")
    assert names(every.output) == {
        "Patient/a",
        "Patient/b",
        "Patient/c",
        "Observation/o1",
        "Observation/o2",
        "Observation/o3",
        "Group/g",
    }
    group = await exported(client, "/Group/g/$export")
    assert names(group.output) == {"Patient/a", "Observation/o1", "Observation/o2", "Group/g"}
    assert "members that are no patients" in group.error[0]
    listed = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "valueReference": {"reference": "Patient/b"}},
            {"name": "patient", "valueReference": {"reference": "Patient/nobody"}},
            {"name": "_type", "valueString": "Patient,Observation"},
        ],
    }
    named = await exported(client, "/Patient/$export", json=listed)
    assert names(named.output) == {"Patient/b", "Observation/o3"}
    assert len(named.error) == 1
    outside = await exported(client, "/Group/g/$export", json=listed)
    assert outside.output == []


async def test_many_patients_are_found_by_going_through_the_types(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.bulk.units.FEW", 0)
    group = await exported(client, "/Group/g/$export", params={"_since": "2020-01-01T00:00:00Z"})
    assert names(group.output) == {"Patient/a", "Observation/o1", "Observation/o2", "Group/g"}
    assert (await client.delete("/Observation/o2")).status_code == 204
    assert (await client.delete("/Observation/o3")).status_code == 204
    later = await exported(client, "/Group/g/$export", params={"_since": group.manifest["transactionTime"]})
    gone = [entry["request"]["url"] for line in later.deleted for entry in json.loads(line.encode())["entry"]]
    assert (names(later.output), gone) == (set(), ["Observation/o2"])


async def test_filters_and_elements_narrow_it(client: httpx.AsyncClient) -> None:
    ways = ["Observation?status=amended", "Observation?subject=Patient/b"]
    found = await exported(client, "/$export", params={"_type": "Observation,Patient", "_typeFilter": ways})
    assert names(found.output) == {"Observation/o2", "Observation/o3", "Patient/a", "Patient/b", "Patient/c"}
    chained = await exported(
        client, "/$export", params={"_type": "Observation", "_typeFilter": "Observation?subject:Patient.family=Fb"}
    )
    assert names(chained.output) == {"Observation/o3"}
    slim = await exported(
        client, "/$export", params={"_type": "Patient,Observation", "_elements": "id,Patient.name,status"}
    )
    for line in slim.output:
        resource = json.loads(line.encode())
        assert resource["meta"]["tag"][-1]["code"] == "SUBSETTED"
        assert "gender" not in resource
        assert "subject" not in resource
        assert ("name" in resource) == (resource["resourceType"] == "Patient")


REFUSED = {
    "format": ({"_outputFormat": "text/csv"}, "parameter-value"),
    "since": ({"_since": "yesterday"}, "parameter-value"),
    "type": ({"_type": "Patient,Nothing"}, "not-supported"),
    "audit": ({"_type": "AuditEvent"}, "not-supported"),
    "filter of another type": ({"_type": "Patient", "_typeFilter": "Observation?status=final"}, "parameter-value"),
    "filter that shows": ({"_typeFilter": "Patient?_include=x"}, "parameter-value"),
    "filter unknown": ({"_typeFilter": "Patient?colour=red"}, "unknown-parameter"),
    "elements": ({"_type": "Patient", "_elements": "colour"}, "not-supported"),
    "associated": ({"includeAssociatedData": "LatestProvenanceResources"}, "not-supported"),
    "organized": ({"organizeOutputBy": "Patient"}, "not-supported"),
    "unknown": ({"_colour": "red"}, "unknown-parameter"),
    "patients": ({"patient": "Patient/a"}, "unknown-parameter"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_wrong_is_refused_at_once(case: str, client: httpx.AsyncClient) -> None:
    params, code = REFUSED[case]
    answer = await client.get("/$export", params=params, headers=LATER)
    assert answer.status_code == 400, answer.text
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == code


async def test_what_is_not_supported_is_left_out_where_the_caller_is_lenient(client: httpx.AsyncClient) -> None:
    params = {"_type": "Practitioner,Nothing", "organizeOutputBy": "Patient", "includeAssociatedData": "x"}
    params["allowPartialManifests"] = "true"  # which nothing needs to be said of
    found = await exported(client, "/$export", params=params, lenient=True)
    assert names(found.output) == {"Practitioner/x"}
    assert len(found.error) == 3
    assert (await client.get("/$export")).status_code == 400  # without respond-async


async def test_only_who_may_read_gets_it(house: House) -> None:
    system = "system/Patient.rs system/Observation.r"
    async with house.client("staff", scope=system, subject="feed") as feed:
        found = await exported(feed, "/$export")
        assert set(by_type(found.manifest)) == {"Patient"}  # what may be read and not searched is not listed
        refused = await feed.get("/$export", params={"_type": "Observation"}, headers=LATER)
        assert refused.status_code == 403
        assert (await feed.get("/Group/g/$export", headers=LATER)).status_code == 403
    file = found.manifest["output"][0]["url"]
    async with house.client("patient", patient="a", fhir_user="Patient/a") as own:
        assert (await own.get("/$export", headers=LATER)).status_code == 403
        assert (await own.get("/Patient/$export", headers=LATER)).status_code == 403
    async with house.client(None) as nobody:
        assert (await nobody.get("/$export", headers=LATER)).status_code == 401
        assert (await nobody.get(file)).status_code == 401
    async with house.client("staff", scope=system, subject="other") as other:
        assert [(await other.get(url)).status_code for url in (found.address, file)] == [404, 404]
        assert (await other.delete(found.address)).status_code == 404
    async with house.client("staff", scope="system/Observation.rs", subject="feed") as fewer:
        assert (await fewer.get(file)).status_code == 404


async def test_scopes_with_search_parameters_limit_it(house: House) -> None:
    scope = "system/Observation.rs?status=amended system/Patient.rs"
    async with house.client("staff", scope=scope, subject="feed") as feed:
        listed = (await feed.get("/Observation")).json()
        assert [entry["resource"]["id"] for entry in listed["entry"]] == ["o2"]
        found = await exported(feed, "/$export", params={"_since": "2020-01-01T00:00:00Z"})
        assert names(found.output) == {"Patient/a", "Patient/b", "Patient/c", "Observation/o2"}
        async with house.client() as client:
            for id_ in ("o1", "o2"):
                assert (await client.delete(f"/Observation/{id_}")).status_code == 204
        later = await exported(feed, "/$export", params={"_since": found.manifest["transactionTime"]})
        gone = [entry["request"]["url"] for line in later.deleted for entry in json.loads(line.encode())["entry"]]
        assert gone == ["Observation/o2"]


async def test_a_file_is_had_in_parts_and_packed(client: httpx.AsyncClient, house: House) -> None:
    found = await exported(client, "/$export", params={"_type": "Observation"})
    file = found.manifest["output"][0]
    whole = (await client.get(file["url"], headers={"Accept-Encoding": "identity"})).content
    answer = await client.get(file["url"], headers={"Range": "bytes=100-"})
    assert (answer.status_code, answer.content) == (206, whole[100:])
    tag = f'"{file["extension"][EXTENSION]["sha256"]}"'
    again = await client.get(file["url"], headers={"Range": "bytes=0-9", "If-Range": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (206, whole[:10], tag)
    other = await client.get(file["url"], headers={"Range": "bytes=0-9", "If-Range": '"x"'})
    assert (other.status_code, other.content) == (200, whole)
    assert (await client.get(file["url"], headers={"Range": f"bytes={len(whole)}-"})).status_code == 416
    async with client.stream("GET", file["url"], headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(b"".join([piece async for piece in packed.aiter_raw()])) == whole
    assert (await client.get(f"{found.address}/Observation.9.ndjson")).status_code == 404
    events = (await client.get("/AuditEvent", params={"_count": "50", "_sort": "-date"})).json()["entry"]
    codes = {subtype["code"] for event in events for subtype in event["resource"]["subtype"]}
    assert {"export", "export-part", "export-done", "async-file"} <= codes
    part = next(event["resource"] for event in events if "export-part" in str(event["resource"]["subtype"]))
    people = {entity["what"]["reference"] for entity in part["entity"] if "Patient/" in str(entity.get("what"))}
    assert people == {"Patient/a", "Patient/b"}


async def test_large_exports_are_many_files_and_binaries_are_whole(tmp_path: Path) -> None:
    async with (
        running_house(tmp_path / "data", ASSENT_BULK_SETTLE="0", ASSENT_BULK_FILE_BYTES="4096") as house,
        house.client() as client,
    ):
        await put(client, *(patient(f"p{number}") for number in range(60)))
        content = b"".join(b"%09d\n" % number for number in range(350_000))  # more than two pieces
        made = await client.post("/Binary", content=content, headers={"Content-Type": "text/plain"})
        assert made.status_code == 201, made.text
        found = await exported(client, "/$export", params={"_type": "Patient,Binary"})
        files = [file for file in found.manifest["output"] if file["type"] == "Patient"]
        assert len(files) > 1
        assert by_type(found.manifest) == {"Patient": 60, "Binary": 1}
        binary = next(json.loads(line.encode()) for line in found.output if '"Binary"' in line)
        assert made.headers["Location"].split("/_history")[0].endswith(binary["id"])
        stored = await client.get(f"/Binary/{binary['id']}", headers={"Accept": "application/fhir+json"})
        assert stored.json() == binary


async def test_what_is_damaged_is_told_of_and_everything_else_is_exported(tmp_path: Path) -> None:
    data, text = tmp_path / "data", {"Content-Type": "text/plain"}
    async with running_house(data) as house, house.client() as client:
        await put(client, *MADE)
        await client.post("/Binary", content=b"z" * 3_000_000, headers=text)
        small = {"resourceType": "Binary", "id": "small", "contentType": "text/plain", "data": "SGVsbG8="}
        await put(client, small)
        damaged = house.services.keyring.by_number(1).index.record_key("Observation", "o2")
    damage(data, damaged)
    damage_content(data)
    async with running_house(data, ASSENT_BULK_SETTLE="0") as house:
        for caller in (house.client(), house.client("staff", scope="user/Observation.rs?status=final user/Binary.rs")):
            async with caller as client:
                found = await exported(client, "/$export", params={"_type": "Observation,Binary"})
            assert names(found.output) == {"Observation/o1", "Observation/o3", "Binary/small"}
            told = [json.loads(line.encode())["issue"][0]["details"] for line in found.error]
            assert {each["coding"][0]["code"] for each in told} == {"record-damaged"}
            assert [each["text"].split()[5] for each in told] == ["Binary", "Observation"]
        assert b"damaged record in an export" in b"".join(house.log)


async def test_a_cancelled_one_leaves_nothing(client: httpx.AsyncClient, house: House) -> None:
    found = await exported(client, "/$export", params={"_type": "Patient"})
    job = next(each for each in await house.services.store.jobs.listed(0, 99) if each.kind == "export")
    assert await house.services.store.jobs.parts(job.id, 0, 9) != []
    assert (await client.delete(found.address)).status_code == 202
    gone = await client.get(found.address)
    assert gone.status_code == 404
    assert gone.json()["resourceType"] == "OperationOutcome"
    assert (await client.get(found.manifest["output"][0]["url"])).status_code == 404
    assert await house.services.store.jobs.parts(job.id, -2, 9) == []


async def test_one_that_waits_can_be_cancelled(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_BULK_SETTLE="3600") as house, house.client() as client:
        address = await kicked_off(client, "/$export", params={"_type": "Patient"})
        waiting = await client.get(address)
        assert (waiting.status_code, "Retry-After" in waiting.headers) == (202, True)
        assert (await client.delete(address)).status_code == 202
        assert (await client.get(address)).status_code == 404
        assert [each for each in await house.services.store.jobs.listed(0, 9) if each.kind == "export"] == []


async def test_a_group_that_goes_away_is_a_failure_that_says_so(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_BULK_SETTLE="1") as house, house.client() as client:
        await put(client, patient("a"), GROUP)
        address = await kicked_off(client, "/Group/g/$export")
        assert (await client.delete("/Group/g")).status_code == 204
        answer = await finished(client, address)
        assert answer.status_code == 500
        assert "group is not there" in answer.text


async def test_it_is_declared(client: httpx.AsyncClient) -> None:
    rest = (await client.get("/metadata")).json()["rest"][0]
    named = {each["name"]: each["definition"] for each in rest["operation"]}
    assert named["export"] == "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
    of_type = {
        each["type"]: {one["name"]: one["definition"] for one in each.get("operation", [])} for each in rest["resource"]
    }
    assert of_type["Patient"]["export"].endswith("/patient-export")
    assert of_type["Group"]["export"].endswith("/group-export")
    assert (
        "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
        in (await client.get("/metadata")).json()["instantiates"]
    )


async def test_consents_hide_what_they_hide(house: House, client: httpx.AsyncClient) -> None:
    consent = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/a"},
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": {"type": "deny"},
    }
    assert (await client.post("/Consent", json=consent)).status_code == 201
    async with house.client("staff", scope="system/*.rs", subject="feed") as feed:
        found = await exported(feed, "/$export", params={"_type": "Patient,Observation"})
        assert names(found.output) == {"Patient/b", "Patient/c", "Observation/o3"}


async def test_downloads_are_those_of_the_export_only(client: httpx.AsyncClient) -> None:
    found = await downloaded(client, await kicked_off(client, "/$export", params={"_type": "Group"}))
    assert by_type(found.manifest) == {"Group": 1}
    for name in ("..", "%2e%2e", "Group.1.ndjson/x", "x" * 300):
        assert (await client.get(f"{found.address}/{name}")).status_code in {400, 404}


async def test_tenants_are_apart(house: House) -> None:
    async with house.client(tenant="north") as north, house.client() as own:
        north.base_url = httpx.URL(f"{house.root}/t/north/fhir")
        await put(north, patient("n"))
        theirs = await exported(north, "/$export", params={"_type": "Patient"})
        assert names(theirs.output) == {"Patient/n"}
        ours = await exported(own, "/$export", params={"_type": "Patient"})
        assert "Patient/n" not in names(ours.output)
        address = ours.address.replace("/fhir/", "/t/north/fhir/")
        file = ours.manifest["output"][0]["url"].replace("/fhir/", "/t/north/fhir/")
        assert [(await north.get(url)).status_code for url in (address, file)] == [404, 404]
        assert (await north.delete(address)).status_code == 404
        assert (await own.get(theirs.manifest["output"][0]["url"])).status_code == 401
        assert (await north.get("/Group/g/$export", headers=LATER)).status_code == 404


async def test_a_caller_has_so_many_at_once(tmp_path: Path) -> None:
    environment = {"ASSENT_BULK_SETTLE": "3600", "ASSENT_JOBS_PER_CALLER": "2"}
    async with running_house(tmp_path / "data", **environment) as house, house.client() as client:
        for _ in range(2):
            await kicked_off(client, "/$export")
        more = await client.get("/$export", headers=LATER)
        assert (more.status_code, "Retry-After" in more.headers) == (429, True)
