"""The answer of a search: pages and their cursors, order, included resources, totals, POST, lenient handling."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from in_process import BASE, House


async def store(client: httpx.AsyncClient, *resources: dict[str, Any]) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await client.post("", json=bundle)
    assert answer.status_code == 200, answer.text


def observation(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/p{number % 3}"},
        **more,
    }


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((item["url"] for item in bundle["link"] if item["relation"] == relation), None)


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["issue"][0]["details"]["coding"][0]["code"]
    return code


async def walk(client: httpx.AsyncClient, address: str, **query: str) -> list[list[str]]:
    """The ids of every page, following the next links."""
    pages = []
    answer = await client.get(address, params=query or None)
    while True:
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        pages.append(ids(bundle))
        following = link(bundle, "next")
        if following is None:
            return pages
        assert len(pages) < 100
        answer = await client.get(following)


# -- pages -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", ["", "date", "-date", "_lastUpdated", "-_lastUpdated"])
async def test_pages_hold_everything_once_in_order(client: httpx.AsyncClient, sort: str) -> None:
    dates = {n: f"2026-0{1 + n % 5}-0{1 + n % 7}" for n in range(24) if n % 4}
    await store(client, *[observation(n, **({"effectiveDateTime": dates[n]} if n in dates else {})) for n in range(24)])
    query = {"_sort": sort} if sort else {}
    pages = await walk(client, "/Observation", _count="5", **query)
    assert [len(page) for page in pages] == [5, 5, 5, 5, 4]
    found = [id_ for page in pages for id_ in page]
    assert sorted(found) == sorted(f"o{n}" for n in range(24))
    assert found == [id_ for page in await walk(client, "/Observation", _count="1000", **query) for id_ in page]
    dated = [dates[int(id_[1:])] for id_ in found if int(id_[1:]) in dates]
    if sort in {"date", "-date"}:
        assert dated == sorted(dated, reverse=sort == "-date")


async def test_sorting_by_a_column_puts_what_has_no_value_last(client: httpx.AsyncClient) -> None:
    days = {f"p{n}": f"2026-01-{n + 10}" for n in range(6)}
    period = [{"start": day} for day in days.values()]
    have = [{"resourceType": "EpisodeOfCare", "id": id_, "status": "active", "patient": {"reference": "Patient/1"}, "period": at}
            for id_, at in zip(days, period, strict=True)]  # fmt: skip
    lack = [
        {"resourceType": "EpisodeOfCare", "id": f"q{n}", "status": "active", "patient": {"reference": "Patient/1"}}
        for n in range(3)
    ]
    await store(client, *have, *lack)
    up = [id_ for page in await walk(client, "/EpisodeOfCare", _sort="date", _count="2") for id_ in page]
    down = [id_ for page in await walk(client, "/EpisodeOfCare", _sort="-date", _count="2") for id_ in page]
    assert up[:6] == [f"p{n}" for n in range(6)]
    assert down[:6] == [f"p{n}" for n in reversed(range(6))]
    assert sorted(up[6:]) == sorted(down[6:]) == ["q0", "q1", "q2"]


async def test_a_page_is_not_disturbed_by_what_is_stored_meanwhile(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(10)])
    first = (await client.get("/Observation?_count=4")).json()
    await store(client, *[observation(n) for n in range(20, 25)])
    await client.delete("/Observation/o0")
    rest = await client.get(link(first, "next") or "")
    assert not set(ids(first)) & set(ids(rest.json()))
    later = [id_ for page in await walk(client, link(rest.json(), "next") or "") for id_ in page]
    assert sorted(ids(first) + ids(rest.json()) + later) == sorted(f"o{n}" for n in range(1, 10))


async def test_prefix_searches_that_are_checked_page_completely_too(client: httpx.AsyncClient) -> None:
    patients = [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "Abcde" if n % 3 else "Abczz"}]} for n in range(30)
    ]
    await store(client, *patients)
    pages = await walk(client, "/Patient", family="abcd", _count="7")
    assert sorted(id_ for page in pages for id_ in page) == sorted(f"p{n}" for n in range(30) if n % 3)
    assert [len(page) for page in pages] == [7, 7, 6]
    total = await client.get("/Patient?family=abcd&_total=accurate&_count=2")
    assert total.json()["total"] == 20


async def test_links_lead_back_to_the_same_search(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(3)])
    bundle = (
        await client.get("/Observation", params={"status": "final", "_count": "2", "subject": "Patient/p0,Patient/p1"})
    ).json()
    assert link(bundle, "self") == f"{BASE}/Observation?status=final&_count=2&subject=Patient%2Fp0%2CPatient%2Fp1"
    again = await client.get(link(bundle, "self") or "")
    assert ids(again.json()) == ids(bundle)
    assert [entry["fullUrl"] for entry in bundle["entry"]] == [f"{BASE}/Observation/{id_}" for id_ in ids(bundle)]
    empty = (await client.get("/Observation?status=amended")).json()
    assert "entry" not in empty
    assert empty["type"] == "searchset"


# -- cursors ---------------------------------------------------------------------------------------------------------------


async def test_a_cursor_is_good_for_its_search_and_its_caller_only(app: House, client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(9)])
    bundle = (await client.get("/Observation?_count=2&status=final")).json()
    following = httpx.URL(link(bundle, "next") or "")
    cursor = following.params["_cursor"]
    assert (await client.get(following)).status_code == 200
    for other in (
        f"/Observation?_count=2&_cursor={cursor}",
        f"/Observation?_count=3&status=final&_cursor={cursor}",
        f"/Observation?_count=2&status=amended&_cursor={cursor}",
        f"/Observation?_count=2&status=final&_sort=date&_cursor={cursor}",
        f"/Patient?_count=2&_cursor={cursor}",
    ):
        answer = await client.get(other)
        assert (answer.status_code, code_of(answer)) == (400, "bad-cursor")
    async with app.client(subject="somebody-else") as other_client:
        assert code_of(await other_client.get(following)) == "bad-cursor"
    async with app.client(tenant="elsewhere") as other_tenant:
        elsewhere = str(following).replace("/fhir/", "/t/elsewhere/fhir/")
        assert code_of(await other_tenant.get(elsewhere)) == "bad-cursor"


async def test_an_altered_cursor_is_refused_whatever_was_altered(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(5)])
    bundle = (await client.get("/Observation?_count=2")).json()
    cursor = httpx.URL(link(bundle, "next") or "").params["_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    altered = [base64.urlsafe_b64encode(raw[:n] + bytes([raw[n] ^ 4]) + raw[n + 1 :]).decode() for n in range(len(raw))]
    for value in [*altered, "", "x", "AAAA", "*" * 20, "ü", cursor[:-4], cursor + cursor, "A" * 4000]:
        answer = await client.get("/Observation", params={"_count": "2", "_cursor": value})
        assert (answer.status_code, code_of(answer)) == (400, "bad-cursor"), value


# -- totals ----------------------------------------------------------------------------------------------------------------


async def test_totals_are_told_when_asked_for(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(7)])
    assert "total" not in (await client.get("/Observation?_count=2")).json()
    assert "total" not in (await client.get("/Observation?_count=2&_total=none")).json()
    for query in ("_total=accurate", "_total=estimate", "_totalMethod=count"):
        bundle = (await client.get(f"/Observation?_count=2&{query}")).json()
        assert (bundle["total"], len(bundle["entry"])) == (7, 2)
    for query in ("_summary=count", "_count=0", "_count=0&_totalMethod=count"):
        bundle = (await client.get(f"/Observation?{query}")).json()
        assert bundle["total"] == 7
        assert "entry" not in bundle
    assert (await client.get("/Observation?_totalMethod=guess")).status_code == 400
    assert "total" not in (await client.get("/Observation?_count=2&_totalMethod=count&_total=none")).json()
    assert (await client.get("/Observation?_summary=count&subject=Patient/p0")).json()["total"] == 3
    await client.delete("/Observation/o0")
    assert (await client.get("/Observation?_summary=count")).json()["total"] == 6


# -- includes --------------------------------------------------------------------------------------------------------------


def claim(id_: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim",
        "id": id_,
        "status": "active",
        "type": {"text": "x"},
        "use": "preauthorization",
        "patient": {"reference": patient},
        "created": "2026-01-01",
        "provider": {"reference": "Organization/org"},
        "priority": {"text": "x"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/none"}}],
        **more,
    }


async def test_included_resources_come_once_and_do_not_count(client: httpx.AsyncClient) -> None:
    await store(
        client,
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Organization", "id": "org", "name": "x"},
        claim("c1", "Patient/p1"),
        claim("c2", f"{BASE}/Patient/p1"),
        claim("c3", "Patient/p2/_history/1"),
        claim("c4", "Patient/missing"),
        claim("c5", "https://elsewhere.example/fhir/Patient/p2"),
    )
    bundle = (await client.get("/Claim?_include=Claim:patient&_include=Claim:provider:Organization&_total=accurate")).json()
    assert sorted(ids(bundle)) == ["c1", "c2", "c3", "c4", "c5"]
    assert sorted(ids(bundle, "include")) == ["org", "p1", "p2"]
    assert bundle["total"] == 5
    one = (await client.get("/Claim?_id=c1&_include=Claim:patient")).json()
    assert (ids(one), ids(one, "include")) == (["c1"], ["p1"])
    none = (await client.get("/Claim?_id=c1&_include=Claim:provider:Practitioner")).json()
    assert ids(none, "include") == []
    await client.delete("/Patient/p1")
    gone = (await client.get("/Claim?_id=c1&_include=Claim:patient")).json()
    assert ids(gone, "include") == []


async def test_what_the_caller_may_not_read_is_not_included(app: House, client: httpx.AsyncClient) -> None:
    await store(client, {"resourceType": "Patient", "id": "p1"}, claim("c1", "Patient/p1"))
    async with app.client("staff", scope="user/Claim.rs") as narrow:
        bundle = (await narrow.get("/Claim?_include=Claim:patient")).json()
        assert (ids(bundle), ids(bundle, "include")) == (["c1"], [])
    async with app.client("staff", scope="user/Claim.rs user/Patient.s") as searches_only:
        assert ids((await searches_only.get("/Claim?_include=Claim:patient")).json(), "include") == []
    async with app.client("staff", scope="user/Claim.rs user/Patient.r") as wide:
        assert ids((await wide.get("/Claim?_include=Claim:patient")).json(), "include") == ["p1"]


# -- POST, lenient -----------------------------------------------------------------------------------------------------------


async def test_a_search_may_be_posted_as_a_form(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(4)])
    posted = await client.post("/Observation/_search", data={"subject": "Patient/p0", "status": "final"})
    assert posted.status_code == 200
    assert sorted(ids(posted.json())) == ["o0", "o3"]
    both = await client.post("/Observation/_search?subject=Patient/p0", data={"_id": "o3"})
    assert ids(both.json()) == ["o3"]
    assert len(ids((await client.post("/Observation/_search")).json())) == 4
    refused = await client.post("/Observation/_search", json={"subject": "Patient/p0"})
    assert (refused.status_code, code_of(refused)) == (415, "content-type")
    broken = await client.post(
        "/Observation/_search", content=b"subject=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (broken.status_code, code_of(broken)) == (400, "parameter-value")


async def test_lenient_callers_are_told_what_was_ignored_inside_the_bundle(client: httpx.AsyncClient) -> None:
    await store(client, *[observation(n) for n in range(2)])
    answer = await client.get("/Observation?nmae=x&status=final", headers={"Prefer": "handling=lenient"})
    bundle = answer.json()
    assert len(ids(bundle)) == 2
    (outcome,) = [entry for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    (issue,) = outcome["resource"]["issue"]
    assert (issue["severity"], issue["details"]["coding"][0]["code"]) == ("warning", "unknown-parameter")
    assert "nmae" not in (link(bundle, "self") or "")
    strict = await client.get("/Observation?nmae=x&status=final", headers={"Prefer": "handling=strict"})
    assert (strict.status_code, code_of(strict)) == (400, "unknown-parameter")


@pytest.mark.parametrize(
    ("type_", "name", "values", "status"),
    [
        ("Observation", "date", [f"ge2026-01-01T00:00:00.{n:03}Z" for n in range(200)], 200),
        ("Observation", "date", [f"ne2026-{1 + n % 12:02}" for n in range(200)], 200),
        ("Patient", "birthdate", [f"gt{1900 + n % 100}-0{1 + n % 9}-1{n % 10}" for n in range(40)], 200),
        ("Task", "focus", [f"x{n}" for n in range(200)], 400),
    ],
)
async def test_many_values_are_answered_or_refused_as_too_many(
    client: httpx.AsyncClient, type_: str, name: str, values: list[str], status: int
) -> None:
    body = {name: ",".join(values)}
    answer = await client.post(f"/{type_}/_search", data=body)
    assert answer.status_code == status, answer.text
    assert status == 200 or code_of(answer) == "search-too-costly"
    often = await client.post(
        f"/{type_}/_search",
        content="&".join([f"{name}={','.join(values[:60])}"] * 49).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (often.status_code, code_of(often)) in {(400, "search-too-costly"), (414, "search-too-costly")}


async def test_changes_are_searchable_at_once_and_old_values_are_not(client: httpx.AsyncClient) -> None:
    await client.put(
        "/Patient/p", json={"resourceType": "Patient", "id": "p", "name": [{"family": "Before"}], "birthDate": "1950"}
    )
    await client.put(
        "/Patient/p", json={"resourceType": "Patient", "id": "p", "name": [{"family": "After"}], "birthDate": "1960"}
    )
    for query, wanted in [
        ("family=after", ["p"]),
        ("family=before", []),
        ("birthdate=1960", ["p"]),
        ("birthdate=1950", []),
    ]:
        assert ids((await client.get(f"/Patient?{query}")).json()) == wanted
    await client.delete("/Patient/p")
    assert ids((await client.get("/Patient?family=after")).json()) == []
    await client.put("/Patient/p", json={"resourceType": "Patient", "id": "p", "name": [{"family": "Again"}]})
    assert ids((await client.get("/Patient?family=again")).json()) == ["p"]
    assert ids((await client.get("/Patient?birthdate=1960")).json()) == []
