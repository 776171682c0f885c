"""Searches of several types and of compartments: one list, in one order, of what the caller may see of each."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import BASE, House
from test_search_bundle import code_of, ids, link, store, walk
from test_search_sort import backwards

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def about(type_: str, id_: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": type_,
        "id": id_,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": patient},
        **more,
    }


def world() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"resourceType": "Patient", "id": id_} for id_ in ("p1", "p2")]
    made += [{"resourceType": "Practitioner", "id": "d1"}, {"resourceType": "Organization", "id": "org", "name": "x"}]
    for number in range(6):
        day = f"2026-02-{10 + number:02}"
        made.append(about("Observation", f"o{number}", f"Patient/p{1 + number % 2}", effectiveDateTime=day))
        made.append(about("DiagnosticReport", f"r{number}", "Patient/p1", effectiveDateTime=f"{day}T12:00:00Z"))
    made[-1]["performer"] = [{"reference": "Practitioner/d1"}]
    made.append(
        {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/p2"},
        }
    )
    made.append(about("Observation", "o9", "Patient/p1", encounter={"reference": "Encounter/e1"}))
    return made


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data", ASSENT_PROVENANCE="none") as made:
        async with made.client() as client:
            await store(client, *world())
        yield made


async def test_several_types_are_one_list_in_one_order(house: House) -> None:
    async with house.client() as client:
        query = {"_type": "Observation,DiagnosticReport", "_count": "4", "date": "ge2026-02-01"}
        for sort in ("date", "-date", "-_lastUpdated", "date,_id", "-_id"):
            pages = await walk(client, "/", _sort=sort, **query)
            found = [id_ for page in pages for id_ in page]
            assert [len(page) for page in pages] == [4, 4, 4], sort
            assert len(set(found)) == 12
            if sort.endswith("date"):
                interleaved = [f"{letter}{number}" for number in range(6) for letter in "or"]
                assert found == (interleaved if sort == "date" else interleaved[::-1])
            if sort == "-_id":
                assert found == sorted(found, reverse=True)
            assert [id_ for page in await backwards(client, "/", _sort=sort, **query) for id_ in page] == found
        bundle = (await client.get("/", params={**query, "_total": "accurate"})).json()
        assert bundle["total"] == 12
        assert (link(bundle, "self") or "").startswith(f"{BASE}?_type=Observation%2CDiagnosticReport&")
        posted = await client.post("/_search", content="_type=Patient&_type=Organization&_sort=_id", headers=FORM)
        assert ids(posted.json()) == ["org", "p1", "p2"]
        everything = await walk(client, "/", _count="9")
        assert sorted(id_ for page in everything for id_ in page) == sorted(one["id"] for one in world())


async def test_compartments_hold_what_refers_to_their_owner(house: House) -> None:
    async with house.client() as client:
        for path, expected in [
            ("Patient/p1/Observation", "o0 o2 o4 o9"),
            ("Patient/p2/Observation?date=2026-02-11", "o1"),
            ("Patient/p1/Patient", "p1"),
            ("Patient/p1/*?_type=DiagnosticReport,Patient", "p1 r0 r1 r2 r3 r4 r5"),
            ("Patient/p2/*", "e1 o1 o3 o5 p2"),
            ("Practitioner/d1/DiagnosticReport", "r5"),
            ("Practitioner/d1/*", "d1 r5"),
            ("Encounter/e1/*", "e1 o9"),
            ("Encounter/e1/Observation?subject=Patient/p2", ""),
            ("Device/x/*", ""),
            ("RelatedPerson/x/Observation", ""),
            ("Patient/unknown/Observation", ""),
        ]:
            answer = await client.get(f"/{path}")
            assert answer.status_code == 200, (path, answer.text)
            assert sorted(ids(answer.json())) == expected.split(), path
        posted = await client.post("/Patient/p1/Observation/_search", content="_sort=-_id&_count=3", headers=FORM)
        assert ids(posted.json()) == ["o9", "o4", "o2"]
        following = (await client.get(link(posted.json(), "next") or "")).json()
        assert ids(following) == ["o0"]
        assert (link(following, "self") or "").startswith(f"{BASE}/Patient/p1/Observation?")
        whole = await client.post("/Patient/p2/_search", content="_type=Encounter", headers=FORM)
        assert ids(whole.json()) == ["e1"]
        total = (await client.get("/Patient/p1/Observation?_summary=count")).json()["total"]
        assert total == 4


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("?_type=Pateint", 400, "parameter-value"), ("?_type=", 400, "parameter-value"), ("?name=x", 400, "unknown-parameter"),
        ("?_type=Patient,Observation&name=x", 400, "unknown-parameter"), ("?_type=Patient,Observation&_sort=name", 400, "unknown-parameter"),
        ("Patient/p1/Organization", 404, "unknown-address"), ("Patient/p1/Pateint", 404, "unknown-type"),
        ("Observation/o1/Patient", 404, "unknown-address"), ("Pateint/p1/Observation", 404, "unknown-type"),
        ("Patient/p_1/Observation", 400, "id-format"), ("Patient/p1/*?_type=Organization", 404, "unknown-address"),
        ("Patient/p1/Observation?cdoe=x", 400, "unknown-parameter"), ("Patient/p1/Observation/o1", 404, "unknown-address"),
        ("Patient/p1/AuditEvent/$x/y", 404, "unknown-address"),
    ],
)  # fmt: skip
async def test_what_is_no_search_is_refused(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    answer = await client.get(f"/{path}")
    assert (answer.status_code, code_of(answer)) == (status, code), answer.text


async def test_lenient_searches_drop_what_one_type_lacks_for_all(client: httpx.AsyncClient) -> None:
    await store(client, *world())
    answer = await client.get(
        "/?_type=Patient,Organization&active=true&_sort=_id&name=x", headers={"Prefer": "handling=lenient"}
    )
    assert ids(answer.json()) == []
    answer = await client.get("/?_type=Practitioner,Encounter&name=x", headers={"Prefer": "handling=lenient"})
    assert sorted(ids(answer.json())) == ["d1", "e1"]
    assert "name" not in (link(answer.json(), "self") or "")
    (issue,) = answer.json()["entry"][-1]["resource"]["issue"]
    assert (issue["severity"], issue["details"]["coding"][0]["code"]) == ("warning", "unknown-parameter")


async def test_each_type_needs_the_callers_right(app: House, client: httpx.AsyncClient) -> None:
    await store(client, *world())
    async with app.client("staff", scope="user/Observation.rs user/Patient.r") as narrow:
        assert sorted(ids((await narrow.get("/Patient/p1/*")).json())) == ["o0", "o2", "o4", "o9"]
        assert sorted(ids((await narrow.get("/?_count=100")).json())) == ["o0", "o1", "o2", "o3", "o4", "o5", "o9"]
        for path in ("?_type=Observation,Patient", "Patient/p1/Patient", "Patient/p1/*?_type=Patient"):
            assert (await narrow.get(f"/{path}")).status_code == 403, path
    async with app.client("staff", scope="patient/*.rs", patient="p2") as limited:
        assert ids((await limited.get("/Patient/p1/Observation")).json()) == []
        assert sorted(ids((await limited.get("/Encounter/e1/*")).json())) == ["e1"]
        assert sorted(ids((await limited.get("/?_type=Observation,Patient,Encounter")).json())) == [
            "e1",
            "o1",
            "o3",
            "o5",
            "p2",
        ]
    async with app.client("staff", scope="openid") as nobody:
        assert (await nobody.get("/?_id=p1")).status_code == 403
        assert (await nobody.get("/Patient/p1/*")).status_code == 403
    async with app.client(None) as stranger:
        assert (await stranger.get("/?_id=p1")).status_code == 401


async def test_cursors_belong_to_their_address_and_caller(app: House, client: httpx.AsyncClient) -> None:
    await store(client, *world())
    following = link((await client.get("/Patient/p1/Observation?_count=2")).json(), "next") or ""
    assert (await client.get(following)).status_code == 200
    for other in (
        following.replace("/Patient/p1/Observation", "/Patient/p2/Observation"),
        following.replace("/Patient/p1/Observation", "/Observation"),
        following.replace("Observation?", "*?_type=Observation&"),
    ):
        assert code_of(await client.get(other)) == "bad-cursor"
    async with app.client("doctor", subject="somebody") as stranger:
        assert code_of(await stranger.get(following)) == "bad-cursor"


async def test_searches_of_the_whole_go_into_a_batch(client: httpx.AsyncClient) -> None:
    await store(client, *world())
    urls = ["?_type=Patient&_id=p1", "Patient/p1/Observation?_count=1", "Patient/p2/*?_count=1"]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    for type_ in ("batch", "transaction"):
        answer = await client.post("/", json={"resourceType": "Bundle", "type": type_, "entry": entries})
        assert [item["response"]["status"] for item in answer.json()["entry"]] == ["200"] * 3, answer.text
        assert [len(item["resource"]["entry"]) for item in answer.json()["entry"]] == [1, 1, 1]
    nested = {"request": {"method": "POST", "url": "?x=y"}, "resource": {"resourceType": "Bundle", "type": "batch"}}
    answer = await client.post("/", json={"resourceType": "Bundle", "type": "batch", "entry": [nested]})
    assert answer.json()["entry"][0]["response"]["status"] == "404"
