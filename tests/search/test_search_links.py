"""Links between pages, both ways; `_maxresults`; totals; what an administrator is told of a search; budgets."""

from __future__ import annotations

import httpx
import pytest
from in_process import House
from test_search_bundle import code_of, ids, link, observation, store, walk
from test_search_sort import backwards

from server.search import hits, page, total


def relations(bundle: dict[str, object]) -> list[str]:
    found = bundle["link"]
    assert isinstance(found, list)
    return [item["relation"] for item in found]


def dated(number: int) -> dict[str, object]:
    return observation(number, effectiveDateTime=f"2026-01-{10 + number:02}")


@pytest.mark.parametrize("sort", ["", "_sort=date", "_sort=-_lastUpdated", "_sort=status,-date"])
async def test_pages_are_linked_both_ways(client: httpx.AsyncClient, sort: str) -> None:
    await store(client, *[dated(number) for number in range(10)])
    first = (await client.get(f"/Observation?_count=4&{sort}")).json()
    assert relations(first) == ["self", "first", "next", "last"]
    second = (await client.get(link(first, "next") or "")).json()
    assert relations(second) == ["self", "first", "previous", "next", "last"]
    third = (await client.get(link(second, "next") or "")).json()
    assert relations(third) == ["self", "first", "previous", "last"]
    assert [len(ids(page)) for page in (first, second, third)] == [4, 4, 2]
    assert ids((await client.get(link(third, "previous") or "")).json()) == ids(second)
    again = (await client.get(link(second, "previous") or "")).json()
    assert (ids(again), relations(again)) == (ids(first), ["self", "first", "next", "last"])
    assert ids((await client.get(link(again, "next") or "")).json()) == ids(second)
    assert ids((await client.get(link(third, "first") or "")).json()) == ids(first)
    last = (await client.get(link(first, "last") or "")).json()
    assert ids(last) == [*ids(second)[2:], *ids(third)]
    assert relations(last) == ["self", "first", "previous", "last"]
    assert relations((await client.get("/Observation?_count=10")).json()) == ["self"]


async def test_going_back_nothing_is_shown_twice_whatever_is_stored_meanwhile(client: httpx.AsyncClient) -> None:
    await store(client, *[dated(number) for number in range(10)])
    last = (await client.get("/Observation?_count=3&_cursor=last")).json()
    await store(client, *[dated(number) for number in range(10, 14)])
    await client.delete(f"/Observation/{ids(last)[0]}")
    seen = ids(last)
    page = last
    while (before := link(page, "previous")) is not None:
        page = (await client.get(before)).json()
        seen = ids(page) + seen
    assert len(set(seen)) == len(seen) == 14
    assert seen[:4] == ["o13", "o12", "o11", "o10"]


async def test_what_cannot_be_walked_backwards_is_not_told(client: httpx.AsyncClient) -> None:
    """A column of dates of which a record may have several, or none."""
    episodes = [
        {"resourceType": "EpisodeOfCare", "id": f"e{number}", "status": "active", "patient": {"reference": "Patient/1"},
         **({"period": {"start": f"2026-01-{10 + number}"}} if number % 3 else {})}
        for number in range(9)
    ]  # fmt: skip
    await store(client, *episodes)
    first = (await client.get("/EpisodeOfCare?_sort=date&_count=4")).json()
    assert relations(first) == ["self", "first", "next"]
    assert relations((await client.get(link(first, "next") or "")).json()) == ["self", "first", "next"]
    assert code_of(await client.get("/EpisodeOfCare?_sort=date&_cursor=last")) == "bad-cursor"
    found = [id_ for page in await walk(client, "/EpisodeOfCare", _sort="date,-_id", _count="2") for id_ in page]
    assert found == ["e1", "e2", "e4", "e5", "e7", "e8", "e6", "e3", "e0"]


async def test_no_more_than_maxresults_on_all_pages_together(client: httpx.AsyncClient) -> None:
    await store(client, *[dated(number) for number in range(9)])
    for most, count, expected in (("5", "2", [2, 2, 1]), ("4", "4", [4]), ("20", "5", [5, 4]), ("1", "50", [1])):
        for sort in ("date", "status,date"):
            pages = await walk(client, "/Observation", _maxresults=most, _count=count, _sort=sort)
            assert [len(page) for page in pages] == expected
    first = (await client.get("/Observation?_maxresults=5&_count=2")).json()
    assert relations(first) == ["self", "first", "next"]


async def test_totals_that_cost_nothing_are_told_and_estimates_follow_what_was_seen(client: httpx.AsyncClient) -> None:
    await store(client, *[dated(number) for number in range(6)])
    assert (await client.get("/Observation")).json()["total"] == 6
    assert (await client.get("/Observation?_id=none")).json()["total"] == 0
    assert "total" not in (await client.get("/Observation?_total=none")).json()
    assert "total" not in (await client.get("/Observation?_count=5")).json()
    names = [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "Abcde" if n % 2 else "Abczz"}]} for n in range(40)
    ]
    await store(client, *names)
    exact = (await client.get("/Patient?family=abcd&_count=5&_total=accurate")).json()["total"]
    estimated = (await client.get("/Patient?family=abcd&_count=5&_total=estimate")).json()["total"]
    assert exact == 20
    assert 5 <= estimated <= 40


async def test_an_administrator_is_told_how_a_search_was_done(app: House, client: httpx.AsyncClient) -> None:
    names = [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "Abcde" if n % 2 else "Abczz"}]} for n in range(10)
    ]
    await store(client, *names)
    answer = await client.get("/Patient?family=abcd&gender:not=male&_sort=family&_explain=true")
    assert len(ids_of_matches(answer)) == 5
    told = [issue["details"]["text"] for issue in answer.json()["entry"][-1]["resource"]["issue"]]
    text = " ".join(told)
    assert "family (string), 1 values" in text
    assert "gender:not (token), 1 values" in text
    assert "sorted by family" in text
    assert "10 resources were decrypted, 5 of them matched" in text
    assert "abcd" not in text.lower()
    assert any(line.startswith("Time, index:") for line in told)
    wide = await client.get("/?_type=Patient,Observation&_explain=true&_count=1")
    assert "2 types are searched" in wide.text
    inside = await client.get("/Patient/p1/Observation?_explain=true&_summary=count")
    assert "Patient compartment" in inside.text
    chained = await client.get(
        "/Observation?subject:Patient.family=abcd&_has:Provenance:target:recorded=ge2026&_explain=true"
    )
    assert chained.status_code == 200, chained.text
    for role in ("doctor", "staff", "auditor"):
        async with app.client(role) as other:
            refusal = await other.get("/Patient?_explain=true" if role != "auditor" else "/AuditEvent?_explain=true")
            assert (refusal.status_code, code_of(refusal)) == (403, "forbidden")


def ids_of_matches(answer: httpx.Response) -> list[str]:
    return [item["resource"]["id"] for item in answer.json()["entry"] if item["search"]["mode"] == "match"]


async def test_a_search_past_its_budget_is_refused_with_what_would_make_it_cheaper(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [{"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "Abczz"}]} for n in range(30)]
    await store(client, *names)
    monkeypatch.setattr(hits, "FETCHED_AT_ONCE", 10)
    monkeypatch.setattr(page, "MAX_EXAMINED", 10)
    monkeypatch.setattr(total, "MAX_EXAMINED", 10)
    answer = await client.get("/Patient?family=abcd")
    assert (answer.status_code, code_of(answer)) == (400, "search-too-costly")
    issue = answer.json()["issue"][0]
    assert "Add a criterion that narrows it, such as identifier" in issue["details"]["text"]
    counted = await client.get("/Patient?family=abcz&_total=accurate&_count=1")
    assert "_total=estimate" in counted.json()["issue"][0]["details"]["text"]


async def test_the_oracle_of_pages_back_is_the_way_forth(client: httpx.AsyncClient) -> None:
    await store(client, *[dated(number) for number in range(19)])
    for count in ("1", "2", "7", "18", "19"):
        forth = [id_ for page in await walk(client, "/Observation", _count=count) for id_ in page]
        if count != "19":
            assert [id_ for page in await backwards(client, "/Observation", _count=count) for id_ in page] == forth
        assert len(forth) == 19
