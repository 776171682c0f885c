"""A page holds so many matches, and so many bytes: what is large comes in more pages, and nothing is lost between them."""

from __future__ import annotations

import httpx
import pytest
from in_process import House

from server.search import hits, page


async def pages(client: httpx.AsyncClient, address: str) -> list[list[str]]:
    found: list[list[str]] = []
    next_: str | None = address
    while next_ is not None:
        bundle = (await client.get(next_)).raise_for_status().json()
        found.append([entry["resource"]["id"] for entry in bundle.get("entry", [])])
        next_ = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found


@pytest.mark.parametrize(
    "query", ["_count=50", "_count=50&_sort=-_lastUpdated", "_count=50&_sort=-_id", "_count=50&_sort=code,-_lastUpdated"]
)
async def test_a_page_ends_where_it_grows_large(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    names = [f"b{number}" for number in range(12)]
    for name in names:
        body = {"resourceType": "Basic", "id": name, "code": {"text": "much " + "x" * 1000}}
        (await client.put(f"/Basic/{name}", json=body)).raise_for_status()
    monkeypatch.setattr(page, "PAGE_BYTES", 2500)
    found = await pages(client, f"/Basic?{query}")
    assert [len(page) for page in found] == [3, 3, 3, 3]
    assert sorted(name for page in found for name in page) == sorted(names)


async def test_more_than_is_fetched_at_once_is_one_page(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "FETCHED_AT_ONCE", 4)
    for number in range(11):
        body = {"resourceType": "Basic", "id": f"b{number}", "code": {"text": "x"}}
        (await client.put(f"/Basic/b{number}", json=body)).raise_for_status()
    assert [len(page) for page in await pages(client, "/Basic?_count=10")] == [10, 1]
    assert [len(page) for page in await pages(client, "/Basic?_count=11")] == [11]
