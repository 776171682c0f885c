"""HEAD, OPTIONS, and what a caller holds already: If-None-Match and If-Modified-Since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest
from in_process import House
from live_server import LiveServer
from rest_help import bundle, code_of, entry, observation, patient

from server.rest.routes import ROUTES

ADDRESSES = [
    "/Patient/p", "/Patient/p/_history/1", "/Patient/p/_history", "/Patient/_history", "/_history", "/Patient?_id=p", "/?_type=Patient",
    "/Patient/p/Observation", "/Patient/p/*", "/Patient/none", "/Patient/p?_summary=true", "/Nothing/1", "/Patient?nmae=x",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
async def test_head_answers_as_get_does_without_the_body(client: httpx.AsyncClient, address: str) -> None:
    await client.put("/Patient/p", json=patient("p"))
    whole, head = await client.get(address), await client.head(address)
    assert head.content == b""
    changing = {"x-request-id", "date", "ratelimit", "etag" if "_search" in address else "x-request-id"}
    assert head.status_code == whole.status_code

    def told(answer: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name not in changing}

    assert told(head) == told(whole)


def filled(template: str) -> str:
    named = {"{type}": "Patient", "{id}": "p", "{version}": "1", "{member}": "Observation", "${operation}": ""}
    path = template
    for name, value in named.items():
        path = path.replace(name, value)
    return path


@pytest.mark.parametrize("template", sorted({route.template for route in ROUTES if "operation" not in route.template}))
async def test_options_tells_the_methods_of_every_address_to_anybody(app: House, template: str) -> None:
    expected = {route.method for route in ROUTES if route.template == template} | {"OPTIONS"}
    expected |= {"HEAD"} if "GET" in expected else set()
    async with app.client(None) as stranger:
        answer = await stranger.options(f"/{filled(template)}")
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert set(answer.headers["allow"].split(", ")) == expected
    assert ("accept-patch" in answer.headers) == ("PATCH" in expected)


async def test_options_of_types_operations_and_what_is_not_there(app: House) -> None:
    async with app.client(None) as stranger:
        for path, allowed in [
            ("AuditEvent", "GET, HEAD, OPTIONS"),
            ("AuditEvent/x", "GET, HEAD, OPTIONS"),
            ("metadata", "GET, HEAD, OPTIONS"),
            ("openapi.json", "GET, HEAD, OPTIONS"),
            (f"{app.root}/health", "GET, HEAD, OPTIONS"),
            (f"{app.root}/ready", "GET, HEAD, OPTIONS"),
            ("Claim/$submit", "OPTIONS, POST"),
            ("CodeSystem/$lookup", "GET, HEAD, OPTIONS, POST"),
        ]:
            answer = await stranger.options(path if "://" in path else f"/{path}")
            assert (answer.status_code, answer.headers.get("allow")) == (204, allowed), path
        for path, code in [
            ("Pateint", "unknown-type"), ("Claim/$sbumit", "unknown-operation"), ("Observation/o/Patient", "unknown-address"),
            ("Patient/p/Organization", "unknown-address"), ("Patient/p/x/y/z", "unknown-address"),
        ]:  # fmt: skip
            answer = await stranger.options(f"/{path}")
            assert (answer.status_code, code_of(answer)) == (404, code), path
    assert await app.services.store.audit_batches(0, 10) == []


async def test_a_wrong_method_is_told_with_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.post("/Patient/p")
    assert (answer.status_code, code_of(answer)) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


async def test_what_the_caller_holds_is_not_sent_again(client: httpx.AsyncClient) -> None:
    made = await client.put("/Patient/p", json=patient("p"))
    stored = parsedate_to_datetime(made.headers["last-modified"])
    before, after = format_datetime(stored - timedelta(seconds=1), usegmt=True), format_datetime(stored, usegmt=True)
    for address in ("/Patient/p", "/Patient/p/_history/1"):
        for headers, status in [
            ({"If-None-Match": 'W/"1"'}, 304), ({"If-None-Match": '"1"'}, 304), ({"If-None-Match": '"7", W/"1"'}, 304), ({"If-None-Match": "*"}, 304),
            ({"If-None-Match": 'W/"2"'}, 200), ({"If-Modified-Since": after}, 304), ({"If-Modified-Since": before}, 200),
            ({"If-Modified-Since": "yesterday"}, 200), ({"If-Modified-Since": ""}, 200),
            ({"If-None-Match": 'W/"2"', "If-Modified-Since": after}, 200), ({"If-None-Match": 'W/"1"', "If-Modified-Since": before}, 304),
            ({"If-Modified-Since": format_datetime(datetime(2200, 1, 1, tzinfo=UTC), usegmt=True)}, 304),
            ({"If-Modified-Since": "Mon, 01 Jan 0001 00:00:00 GMT"}, 200), ({"If-Modified-Since": "Mon, 99 Foo 99999999 99:99:99 +9999"}, 200),
        ]:  # fmt: skip
            answer = await client.get(address, headers=headers)
            assert answer.status_code == status, (address, headers)
            assert (answer.headers["etag"], "last-modified" in answer.headers) == ('W/"1"', True)
            assert (answer.content == b"") == (status == 304)


async def test_results_have_a_tag_that_changes_with_them(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    await client.put("/Observation/o", json=observation("o", subject="Patient/p"))
    query = "/Observation?status=final&_include=Observation:subject&_count=5"
    seen = set()
    for change in (
        None,
        client.put("/Patient/p", json=patient("p", gender="male")),
        client.put("/Observation/o2", json=observation("o2", subject="Patient/p")),
        client.delete("/Observation/o"),
    ):
        if change is not None:
            assert (await change).is_success
        first = await client.get(query)
        tag = first.headers["etag"]
        assert tag not in seen
        seen.add(tag)
        again = await client.get(query, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await client.post("/Observation/_search?status=final", headers={"If-None-Match": tag})).status_code == 200


async def test_entries_of_a_batch_take_both(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    asked = [
        {"ifNoneMatch": 'W/"1"'},
        {"ifModifiedSince": "2200-01-01T00:00:00Z"},
        {"ifModifiedSince": "2001-01-01T00:00:00Z"},
        {"ifModifiedSince": "x"},
    ]
    answer = await client.post("", json=bundle("batch", *[entry("GET", "Patient/p", None, **more) for more in asked]))
    assert [item["response"]["status"] for item in answer.json()["entry"]] == ["304", "304", "200", "400"]


def test_over_real_http_too(live_server: LiveServer) -> None:
    with live_server.client() as client:
        assert client.head("/Patient/p01").headers["content-length"] == str(len(client.get("/Patient/p01").content))
        assert client.options("/Patient").status_code == 204
        tag = client.get("/Patient?_count=2").headers["etag"]
        assert client.get("/Patient?_count=2", headers={"If-None-Match": tag}).status_code == 304
