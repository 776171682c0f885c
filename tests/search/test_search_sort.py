"""`_sort`: any number of keys of any kind, what has no value last, in pages that can be walked both ways, on both stores."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from in_process import House
from test_search_bundle import code_of, ids, link, store, walk

from server.search import hits, page

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area

Key = Callable[[dict[str, Any]], Any]
COUNT: Final = 37
FAMILIES: Final = ["Abel", "abel", "Ábel", "Zoë", "de la Cruz", "Öz", "Miller"]


def patients() -> list[dict[str, Any]]:
    """The same every time; every property is missing in some, and equal in others."""
    chance = random.Random(7)
    made = []
    for number in range(COUNT):
        one: dict[str, Any] = {"resourceType": "Patient", "id": f"p{chance.randrange(10**6):06}-{number}"}
        if chance.random() < 0.8:
            given = [chance.choice(["Ann", "Bo"])] if chance.random() < 0.7 else []
            name = {"family": chance.choice(FAMILIES), **({"given": given} if given else {})}
            one["name"] = [name]
        if chance.random() < 0.8:
            one["birthDate"] = chance.choice(["1960", "1960-02", "1960-02-03", "1871-01-01", "2001-12-31"])
        if chance.random() < 0.8:
            one["gender"] = chance.choice(["female", "male", "other"])
        if chance.random() < 0.5:
            one["identifier"] = [{"system": "urn:s", "value": f"{chance.randrange(5)}"} for _ in range(2)]
        made.append(one)
    return made


def family(one: dict[str, Any]) -> str | None:
    plain = {"Ábel": "abel", "Zoë": "zoe", "Öz": "oz"}
    return plain.get(one["name"][0]["family"], one["name"][0]["family"].lower()) if "name" in one else None


KEYS: Final[dict[str, Key]] = {
    "family": family,
    "birthdate": lambda one: (one["birthDate"] + "-01-01")[:10] if "birthDate" in one else None,
    "gender": lambda one: one.get("gender"),
    "_id": lambda one: one["id"],
    "identifier": lambda one: sorted(item["value"] for item in one["identifier"]) if "identifier" in one else None,
}
"""What each parameter sorts by; several values in order."""


def ordered(made: list[dict[str, Any]], sort: str) -> list[list[Any]]:
    """The oracle: what the keys of the results are, in their order."""
    specs = [(spec.lstrip("-"), spec.startswith("-")) for spec in sort.split(",")]
    result = list(made)
    for code, descending in reversed(specs):
        values = {one["id"]: KEYS[code](one) for one in made}
        best = {
            id_: (value[-1] if descending else value[0]) if isinstance(value, list) else value
            for id_, value in values.items()
        }
        have = [one for one in result if best[one["id"]] is not None]
        lack = [one for one in result if best[one["id"]] is None]
        result = sorted(have, key=lambda one: best[one["id"]], reverse=descending) + lack
    return [keys_of(one, specs) for one in result]


def keys_of(one: dict[str, Any], specs: list[tuple[str, bool]]) -> list[Any]:
    found = []
    for code, descending in specs:
        value = KEYS[code](one)
        found.append((value[-1] if descending else value[0]) if isinstance(value, list) else value)
    return found


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data") as made:
        yield made


async def backwards(client: httpx.AsyncClient, address: str, **query: str) -> list[list[str]]:
    """The ids of every page from the last one on, following the previous links."""
    first = (await client.get(address, params=query)).json()
    answer = await client.get(link(first, "last") or "")
    pages = []
    while True:
        assert answer.status_code == 200, answer.text
        pages.append(ids(answer.json()))
        assert len(pages) < 100
        before = link(answer.json(), "previous")
        if before is None:
            return pages[::-1]
        answer = await client.get(before)


async def test_pages_in_every_order_are_those_of_the_oracle_both_ways(house: House) -> None:
    made = patients()
    by_id = {one["id"]: one for one in made}
    async with house.client() as client:
        await store(client, *made)
        for sort in (
            "family",
            "-family",
            "birthdate",
            "-birthdate,family",
            "gender,-birthdate,_id",
            "-identifier,gender",
            "identifier",
            "-_id",
        ):
            specs = [(spec.lstrip("-"), spec.startswith("-")) for spec in sort.split(",")]
            pages = await walk(client, "/Patient", _sort=sort, _count="8")
            found = [id_ for page in pages for id_ in page]
            assert [len(page) for page in pages] == [8, 8, 8, 8, 5]
            assert sorted(found) == sorted(by_id)
            assert [keys_of(by_id[id_], specs) for id_ in found] == ordered(made, sort), sort
            assert [id_ for page in await backwards(client, "/Patient", _sort=sort, _count="8") for id_ in page] == found


async def test_behind_a_date_equals_are_sorted_and_the_set_may_be_large(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(3)
    days = [f"2026-01-{1 + number % 4:02}" for number in range(40)]
    made = [
        {"resourceType": "Observation", "id": f"o{number:02}", "code": {"text": "x"}, "status": chance.choice(["final", "amended"]),
         "effectiveDateTime": day, "valueQuantity": {"value": chance.choice([-2, 1.5, 10])}}
        for number, day in enumerate(days)
    ]  # fmt: skip
    by_id = {one["id"]: one for one in made}
    expected = sorted(made, key=lambda one: one["id"])
    expected.sort(key=lambda one: one["valueQuantity"]["value"], reverse=True)
    expected.sort(key=lambda one: one["effectiveDateTime"])
    async with house.client() as client:
        await store(client, *made)
        monkeypatch.setattr(page, "MAX_SORTED", 25)
        monkeypatch.setattr(hits, "FETCHED_AT_ONCE", 5)
        for sort in ("date,-value-quantity,_id", "-_lastUpdated,-value-quantity"):
            pages = await walk(client, "/Observation", _sort=sort, _count="7")
            found = [id_ for part in pages for id_ in part]
            assert sorted(found) == sorted(by_id)
            back = await backwards(client, "/Observation", _sort=sort, _count="7")
            assert [id_ for part in back for id_ in part] == found
            if sort.startswith("date"):
                assert found == [one["id"] for one in expected]


async def test_numbers_references_and_uris_sort_as_what_they_are(house: House) -> None:
    values = [(3, "Patient/b", "urn:2"), (-7, "Patient/a", "urn:10"), (20, "Patient/c", "urn:1")]
    made = [
        {"resourceType": "RiskAssessment", "id": f"r{number}", "status": "final", "subject": {"reference": who}, "meta": {"profile": [uri]},
         "prediction": [{"probabilityDecimal": chance}]}
        for number, (chance, who, uri) in enumerate(values)
    ]  # fmt: skip
    async with house.client() as client:
        await store(client, *made)
        for sort, expected in (
            ("probability", "r1 r0 r2"),
            ("-probability", "r2 r0 r1"),
            ("subject", "r1 r0 r2"),
            ("_profile", "r2 r1 r0"),
        ):
            assert ids((await client.get(f"/RiskAssessment?_sort={sort}")).json()) == expected.split(), sort


async def test_a_set_too_large_to_be_sorted_is_refused_with_what_to_do(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(client, *patients())
    monkeypatch.setattr(page, "MAX_SORTED", 20)
    monkeypatch.setattr(hits, "FETCHED_AT_ONCE", 10)
    answer = await client.get("/Patient?_sort=family")
    assert (answer.status_code, code_of(answer)) == (400, "search-too-costly")
    text = answer.json()["issue"][0]["details"]["text"]
    assert "Sorting by family" in text
    assert "identifier" in text
    few = await client.get("/Patient?_sort=family&gender=other")
    assert few.status_code == 200, few.text


async def test_pages_of_a_sorted_set_stay_whole_while_others_write(client: httpx.AsyncClient) -> None:
    made = patients()
    await store(client, *made)
    first = (await client.get("/Patient?_sort=-birthdate,family&_count=10")).json()
    seen = ids(first)
    gone = seen[-1]
    await client.delete(f"/Patient/{gone}")
    new = {"resourceType": "Patient", "id": "new", "birthDate": "2020-01-01", "name": [{"family": "New"}]}
    await store(client, new)
    rest = [id_ for page in await walk(client, link(first, "next") or "") for id_ in page]
    assert sorted(seen + rest) == sorted(one["id"] for one in made)


@pytest.mark.parametrize("sort", ["family", "-birthdate", "date"])
async def test_a_cursor_of_one_order_is_none_of_another(client: httpx.AsyncClient, sort: str) -> None:
    await store(client, *patients())
    following = link((await client.get("/Patient?_sort=gender&_count=5")).json(), "next") or ""
    other = following.replace("_sort=gender", f"_sort={sort}")
    assert (await client.get(other)).status_code == 400
