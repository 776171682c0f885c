"""`$everything`, `$meta`, `$diff`, `$lastn` and `$match` over HTTP, on both stores: what they answer, to whom, and what they refuse."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import bundle, entry, ids, observation, patient, refused
from two_engines import ENGINES, house_on

PA = {"reference": "Patient/a"}
BORN = {"birthDate": "1980-02-03", "gender": "female"}
ANNA = patient(
    "a", name=[{"family": "Berger", "given": ["Anna"]}], identifier=[{"system": "urn:mrn", "value": "1"}], **BORN
)
RESOURCES: list[dict[str, Any]] = [
    ANNA,
    patient("b", name=[{"family": "Burger", "given": ["Anna"]}], **BORN),
    patient("c", name=[{"family": "Kowalski", "given": ["Jan"]}], birthDate="1944-01-01", gender="male"),
    {"resourceType": "Practitioner", "id": "doc", "name": [{"family": "Doc"}]},
    {"resourceType": "Binary", "id": "scan", "contentType": "text/plain", "data": "aGVsbG8="},
    {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "subject": PA,
     "period": {"start": "2026-03-01", "end": "2026-03-01"}, "participant": [{"individual": {"reference": "Practitioner/doc"}}]},
    *(observation(f"o{n}", "Patient/a", effectiveDateTime=f"2026-0{n}-01", code={"coding": [{"system": "urn:c", "code": f"k{n % 2}"}]})
      for n in range(1, 7)),
    observation("other", "Patient/b", effectiveDateTime="2026-01-01"),
    {**observation("o7", "Patient/a", effectiveDateTime="2026-07-01"), "encounter": {"reference": "Encounter/e1"},
     "code": {"coding": [{"system": "urn:c", "code": "k1"}, {"system": "urn:d", "code": "x"}]}},
    {"resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": PA,
     "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/scan"}}]},
    {"resourceType": "AllergyIntolerance", "id": "al", "patient": PA},
    {"resourceType": "Observation", "id": "kin", "status": "final", "code": {"text": "x"}, "subject": PA, "focus": [{"reference": "Patient/b"}]},
    {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
     "member": [{"entity": PA}, {"entity": {"reference": "Patient/c"}, "inactive": True}]},
]  # fmt: skip


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data") as house:
        async with house.client() as client:
            answer = await client.post(
                "", json=bundle("transaction", *(entry("PUT", f"{r['resourceType']}/{r['id']}", r) for r in RESOURCES))
            )
            assert answer.status_code == 200, answer.text
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client


def names(answer: httpx.Response, mode: str = "match") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [
        f"{e['resource']['resourceType']}/{e['resource']['id']}"
        for e in answer.json().get("entry", [])
        if e["search"]["mode"] == mode
    ]


WHOLE = {
    "Patient/a", "Encounter/e1", "DocumentReference/d1", "AllergyIntolerance/al", "Observation/kin", "Group/g",
    *(f"Observation/o{n}" for n in range(1, 8)),
}  # fmt: skip


async def test_everything_of_a_patient(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.get("/Patient/a/$everything")
    assert names(answer)[0] == "Patient/a"
    assert set(names(answer)) == WHOLE
    assert set(names(answer, "include")) == {"Practitioner/doc", "Binary/scan"}, "and nobody else's record"
    found: list[str] = []
    address = "/Patient/a/$everything?_count=3"
    for _ in range(9):
        page = await client.get(address)
        assert len(names(page)) <= 3
        found += names(page)
        following = [link["url"] for link in page.json()["link"] if link["relation"] == "next"]
        if not following:
            break
        address = following[0]
    assert (len(found), set(found)) == (len(WHOLE), WHOLE)
    march = names(await client.get("/Patient/a/$everything?start=2026-03-01&end=2026-03-31"))
    assert set(march) == {
        "Patient/a",
        "Encounter/e1",
        "AllergyIntolerance/al",
        "DocumentReference/d1",
        "Observation/o3",
        "Observation/kin",
        "Group/g",
    }
    assert names(await client.get("/Patient/a/$everything?_since=2999-01-01T00:00:00Z")) == []
    few = await client.get("/Patient/a/$everything?_type=Encounter,Practitioner")
    assert (names(few), names(few, "include")) == (["Encounter/e1"], ["Practitioner/doc"])
    posted = await client.post(
        "/Patient/a/$everything",
        json={"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Encounter"}]},
    )
    assert names(posted) == ["Encounter/e1"]


async def test_everything_of_an_encounter_of_a_group_and_of_all(house: House, client: httpx.AsyncClient) -> None:
    assert set(names(await client.get("/Encounter/e1/$everything"))) == {"Encounter/e1", "Observation/o7"}
    grouped = names(await client.get("/Group/g/$everything"))
    assert (len(grouped), set(grouped)) == (len(WHOLE), WHOLE), "and nothing twice"
    everybody = names(await client.get("/Patient/$everything?_count=1000"))
    assert {"Patient/a", "Patient/b", "Patient/c", "Observation/other"} <= set(everybody)
    assert "Practitioner/doc" not in everybody
    for name in ("Encounter/e1", "Group/g", "Patient/a"):
        assert (await client.delete(f"/{name}")).status_code == 204
        refused(await client.get(f"/{name}/$everything"), 410, "gone")


async def test_everything_is_what_the_caller_may_see(house: House, client: httpx.AsyncClient) -> None:
    async with (
        house.client("patient", patient="b") as other,
        house.client(scope="user/Patient.rs user/Encounter.rs") as narrow,
    ):
        refused(await other.get("/Patient/a/$everything"), 404, "not-found")
        assert set(names(await other.get("/Patient/b/$everything"))) == {"Patient/b", "Observation/other"}
        assert set(names(await other.get("/Patient/$everything"))) == {"Patient/b", "Observation/other"}
        assert set(names(await narrow.get("/Patient/a/$everything"))) == {"Patient/a", "Encounter/e1"}
        refused(await narrow.get("/Patient/a/$everything?_type=Observation"), 403, "forbidden")
        page = (await client.get("/Patient/a/$everything?_type=Observation&_count=2")).json()
        cursor = page["link"][1]["url"].partition("_cursor=")[2]
        for made_up in (
            cursor,
            "x",
            "0.x",
            "Observation-0.x",
            "Observation-0.%C3%A4",
            "Observation-0",
            "Observation-0.",
            "Observation-1.",
        ):
            refused(await other.get(f"/Patient/b/$everything?_type=Observation&_cursor={made_up}"), 400, "bad-cursor")
        refused(await client.get("/Patient/a/$everything?_cursor=9999."), 400, "bad-cursor")
        refused(await narrow.get("/Patient/a/$everything?_cursor=Observation-0."), 400, "bad-cursor")


@pytest.mark.parametrize(
    "query", ["_count=0", "_count=x", "start=1.1.2026", "_type=Nothing", "_since=2026", "_sort=x", "start=2026&start=2027"]
)
async def test_everything_refuses_what_it_does_not_know(app: House, query: str) -> None:
    async with app.client() as client:
        await client.put("/Patient/a", json=ANNA)
        answer = await client.get(f"/Patient/a/$everything?{query}")
        refused(answer, 400, "unknown-parameter" if query.startswith("_sort") else "parameter-value")


async def test_labels_are_read_added_and_taken_away(house: House, client: httpx.AsyncClient) -> None:
    label = {"system": "urn:t", "code": "x"}
    wanted = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [label], "profile": ["urn:p"]}}],
    }

    def meta(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["parameter"][0]["valueMeta"]
        return found

    added = meta(await client.post("/Patient/a/$meta-add", json=wanted))
    assert (added["tag"], added["profile"], added["versionId"]) == ([label], ["urn:p"], "2")
    again = {**wanted, "parameter": [{"name": "meta", "valueMeta": {"tag": [{**label, "display": "X"}]}}]}
    assert meta(await client.post("/Patient/a/$meta-add", json=again))["versionId"] == "2", (
        "what is there is not added again"
    )
    assert meta(await client.get("/Patient/a/$meta"))["tag"] == [label]
    for address in ("/Patient/$meta", "/$meta"):
        assert meta(await client.get(address)) == {"profile": ["urn:p"], "tag": [label]}
    assert (await client.get("/Encounter/$meta")).json() == {"resourceType": "Parameters"}
    assert (await client.get("/Patient/a")).status_code == 200
    assert "IHE.BasicAudit.PatientRead" in (await client.get("/AuditEvent/$meta")).text, (
        "what was recorded a moment ago, too"
    )
    taken = meta(await client.post("/Patient/a/$meta-delete", json=again))
    assert "tag" not in taken
    assert taken["profile"] == ["urn:p"]
    assert (await client.get("/Patient/a")).json()["birthDate"] == "1980-02-03"
    refused(await client.post("/Patient/nobody/$meta-add", json=wanted), 404, "not-found")
    refused(await client.post("/AuditEvent/x/$meta-add", json=wanted), 403, "forbidden")
    refused(await client.get("/Patient/a/$meta-add"), 405, "method-not-allowed")
    broken = {**wanted, "parameter": [{"name": "meta", "valueMeta": {"tag": "x"}}]}
    refused(await client.post("/Patient/a/$meta-add", json=broken), 400, "parameter-value")
    wrong = {**wanted, "parameter": [{"name": "meta", "valueMeta": {"tag": [{"cod": "x"}]}}]}
    refused(await client.post("/Patient/a/$meta-add", json=wrong), 400, "unknown-element")
    async with house.client("doctor", scope="user/Patient.r") as reader, house.client("patient", patient="b") as other:
        refused(await reader.post("/Patient/a/$meta-add", json=wanted), 403, "forbidden")
        assert (await other.post("/Patient/a/$meta-add", json=wanted)).status_code in (403, 404)
        assert (await other.get("/Patient/$meta")).json() == {"resourceType": "Parameters"}, (
            "what others' records carry is not told"
        )


async def test_differences_are_patches(house: House, client: httpx.AsyncClient) -> None:
    changed = {**ANNA, "gender": "other", "name": [{"family": "Berger", "given": ["Anna", "Maria"]}], "active": True}
    await client.put("/Patient/a", json=changed)
    patch = (await client.get("/Patient/a/$diff")).json()
    told = [(o["part"][0]["valueCode"], o["part"][1]["valueString"]) for o in patch["parameter"]]
    assert told == [("add", "Patient"), ("insert", "Patient.name[0].given"), ("replace", "Patient.gender")]
    await client.put("/Patient/a2", json={**ANNA, "id": "a2"})
    answer = await client.patch("/Patient/a2", json=patch)
    assert answer.status_code == 200, answer.text
    assert {**answer.json(), "meta": 0, "id": 0} == {**(await client.get("/Patient/a")).json(), "meta": 0, "id": 0}
    assert (await client.get("/Patient/a/$diff?fromVersion=2&toVersion=2")).json() == {"resourceType": "Parameters"}
    assert (await client.get("/$diff?from=Patient/a/_history/1&to=Patient/a")).json() == patch
    two = (await client.get("/$diff?from=Patient/a&to=Patient/b")).json()
    assert ("delete", "Patient.active") in [
        (o["part"][0]["valueCode"], o["part"][1]["valueString"]) for o in two["parameter"]
    ]
    refused(await client.get("/Patient/a/$diff?fromVersion=9"), 404, "not-found")
    refused(await client.get("/Patient/a/$diff?fromVersion=0"), 400, "parameter-value")
    refused(await client.get("/$diff?from=Patient/a&to=Encounter/e1"), 400, "parameter-value")
    refused(await client.get("/$diff?from=Patient/a"), 400, "required-element")
    refused(await client.get("/$diff?from=Patient/a&to=http://elsewhere.example/Patient/b"), 400, "reference-format")
    async with house.client("patient", patient="b") as other:
        refused(await other.get("/Patient/a/$diff"), 404, "not-found")
        refused(await other.get("/$diff?from=Patient/b&to=Patient/a"), 404, "not-found")


async def test_the_newest_observations_of_each_kind(house: House, client: httpx.AsyncClient) -> None:
    assert ids(await client.get("/Observation/$lastn?patient=Patient/a&date=gt2026-01-01")) == ["o7", "o6"], (
        "k1 and x are one kind"
    )
    assert ids(await client.get("/Observation/$lastn?patient=Patient/a&max=2&code=urn:c|k0")) == ["o6", "o4"]
    assert ids(await client.get("/Observation/$lastn?subject=Patient/c")) == []
    refused(await client.get("/Observation/$lastn?code=k0"), 400, "required-element")
    refused(await client.get("/Observation/$lastn?patient=Patient/a&max=0"), 400, "parameter-value")
    refused(await client.get("/Observation/$lastn?patient=Patient/a&codee=k0"), 400, "unknown-parameter")
    async with house.client("patient", patient="b") as other:
        assert ids(await other.get("/Observation/$lastn?patient=Patient/a")) == []


async def test_matches_are_scored_and_explained(house: House, client: httpx.AsyncClient) -> None:
    asked = patient(name=[{"family": "Berger", "given": ["Anna"]}], **BORN)
    answer = await client.post("/Patient/$match", json=asked)
    assert ids(answer) == ["a", "b"]
    searches = [e["search"] for e in answer.json()["entry"]]
    assert [s["extension"][0]["valueCode"] for s in searches] == ["certain", "probable"]
    assert searches[0]["score"] >= searches[1]["score"]
    features = {
        f["extension"][0]["valueCode"]: f["extension"][1]["valueCode"] for f in searches[1]["extension"][1]["extension"]
    }
    assert features == {"family": "near", "given": "same", "birthDate": "same", "gender": "same"}
    only = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": asked}, {"name": "onlyCertainMatches", "valueBoolean": True}],
    }
    assert ids(await client.post("/Patient/$match", json=only)) == [], "two who may both be it are no certain match"
    numbered = {**asked, "identifier": [{"system": "urn:mrn", "value": "2"}], "birthDate": "1944-01-01", "gender": "male"}
    grades = {
        e["resource"]["id"]: e["search"]["extension"][0]["valueCode"]
        for e in (await client.post("/Patient/$match", json=numbered)).json().get("entry", [])
    }
    assert "certain" not in grades.values()
    refused(await client.post("/Patient/$match", json=patient()), 400, "required-element")
    refused(await client.post("/Patient/$match", json={"resourceType": "Claim"}), 400, "structure")
    refused(await client.post("/Patient/$match", json=patient(gender="x", birthDate="1980")), 400, "code-invalid")
    refused(await client.get("/Patient/$match"), 405, "method-not-allowed")
    async with house.client("patient", patient="c") as other:
        assert ids(await other.post("/Patient/$match", json=asked)) == []
