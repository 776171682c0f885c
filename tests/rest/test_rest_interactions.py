"""create, read, vread, update, delete, history: status, headers and body of each (R4 http.html)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from in_process import BASE, House
from rest_help import FHIR, observation, patient, refused

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def is_version(answer: httpx.Response, id_: str, version: int) -> None:
    """Body and headers tell the same version."""
    body = answer.json()
    assert body["id"] == id_
    assert body["meta"]["versionId"] == str(version)
    assert INSTANT.fullmatch(body["meta"]["lastUpdated"])
    assert answer.headers["etag"] == f'W/"{version}"'
    stated = parsedate_to_datetime(answer.headers["last-modified"])
    assert stated == datetime.fromisoformat(body["meta"]["lastUpdated"]).replace(microsecond=0)
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_create_gives_an_id_of_the_server_s_own(client: httpx.AsyncClient) -> None:
    answer = await client.post("/Patient", json=patient("mine", active=True), headers=FHIR)
    assert answer.status_code == 201
    id_ = answer.json()["id"]
    assert id_ != "mine"
    is_version(answer, id_, 1)
    assert answer.headers["location"] == f"{BASE}/Patient/{id_}/_history/1"
    read = await client.get(answer.headers["location"])
    assert read.content == answer.content
    moment = datetime.fromisoformat(answer.json()["meta"]["lastUpdated"])
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert (await client.get("/Patient/mine")).status_code == 404


async def test_read_vread_and_update(client: httpx.AsyncClient) -> None:
    created = await client.put("/Patient/a.b-C1", json=patient("a.b-C1", active=True))
    assert created.status_code == 201
    assert created.headers["location"] == f"{BASE}/Patient/a.b-C1/_history/1"
    updated = await client.put("/Patient/a.b-C1", json=patient("a.b-C1", active=False))
    assert updated.status_code == 200
    is_version(updated, "a.b-C1", 2)
    read = await client.get("/Patient/a.b-C1")
    assert read.content == updated.content
    is_version(read, "a.b-C1", 2)
    first = await client.get("/Patient/a.b-C1/_history/1")
    assert first.content == created.content
    is_version(first, "a.b-C1", 1)
    assert (await client.get("/Patient/a.b-C1/_history/2")).content == read.content
    for number in ("3", "0", "-1", "x", "1.0", "9" * 30, "١"):
        refused(await client.get(f"/Patient/a.b-C1/_history/{number}"), 404, "not-found", "http.url")
    refused(await client.get("/Patient/none"), 404, "not-found", "http.url")
    refused(await client.get("/Patient/none/_history/1"), 404, "not-found")
    refused(await client.get("/Patient/none/_history"), 404, "not-found")
    refused(await client.get("/Observation/a.b-C1"), 404, "not-found")


async def test_what_the_client_says_of_version_and_time_does_not_count(client: httpx.AsyncClient) -> None:
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"code": "kept"}], "source": "urn:x"}
    answer = await client.put("/Patient/p", json=patient("p", meta=meta))
    is_version(answer, "p", 1)
    assert answer.json()["meta"]["tag"] == [{"code": "kept"}]
    assert answer.json()["meta"]["source"] == "urn:x"


async def test_delete_then_gone_then_back(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    deleted = await client.delete("/Patient/p")
    assert (deleted.status_code, deleted.content, deleted.headers["etag"]) == (204, b"", 'W/"2"')
    assert "content-type" not in deleted.headers
    for address in ("/Patient/p", "/Patient/p/_history/2"):
        gone = await client.get(address)
        refused(gone, 410, "gone", "http.url")
        assert gone.headers["etag"] == 'W/"2"'
    assert (await client.get("/Patient/p/_history/1")).status_code == 200
    again = await client.delete("/Patient/p")
    assert (again.status_code, again.headers["etag"]) == (204, 'W/"2"')
    back = await client.put("/Patient/p", json=patient("p", active=True))
    assert back.status_code == 201
    is_version(back, "p", 3)
    assert (await client.get("/Patient/p")).json()["active"] is True
    refused(await client.delete("/Patient/none"), 404, "not-found")


async def test_history_tells_everything_newest_first(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    await client.put("/Patient/p", json=patient("p", active=True))
    await client.delete("/Patient/p")
    await client.put("/Patient/p", json=patient("p", active=False))
    answer = await client.get("/Patient/p/_history")
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "history", 4)
    told = [
        (e["request"]["method"], e["request"]["url"], e["response"]["status"], e["response"]["etag"])
        for e in bundle["entry"]
    ]
    assert told == [
        ("PUT", "Patient/p", "201", 'W/"4"'),
        ("DELETE", "Patient/p", "204", 'W/"3"'),
        ("PUT", "Patient/p", "200", 'W/"2"'),
        ("POST", "Patient", "201", 'W/"1"'),
    ]
    assert "resource" not in bundle["entry"][1]
    assert {e["fullUrl"] for e in bundle["entry"]} == {f"{BASE}/Patient/p"}
    assert all(INSTANT.fullmatch(e["response"]["lastModified"]) for e in bundle["entry"])
    times = [e["response"]["lastModified"] for e in bundle["entry"]]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 4


async def test_history_comes_in_pages(client: httpx.AsyncClient) -> None:
    for _ in range(7):
        await client.put("/Patient/p", json=patient("p"))
    pages: list[list[str]] = []
    answer = await client.get("/Patient/p/_history?_count=3")
    while True:
        bundle = answer.json()
        pages.append([e["resource"]["meta"]["versionId"] for e in bundle["entry"]])
        following = [item["url"] for item in bundle["link"] if item["relation"] == "next"]
        if not following:
            break
        answer = await client.get(following[0])
    assert pages == [["7", "6", "5"], ["4", "3", "2"], ["1"]]
    refused(await client.get("/Patient/p/_history?_count=x"), 400, "parameter-value", "http._count")
    assert (await client.get("/Patient/p/_history?_count=1&_pretty=true&_format=json")).status_code == 200


async def test_times_never_run_backwards_for_a_resource(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.put("/Patient/p", json=patient("p"))
    moment = datetime(2001, 1, 1, tzinfo=UTC)
    object.__setattr__(app.services, "clock", lambda: moment)  # the machine's clock was set back
    for _ in range(3):
        assert (await client.put("/Patient/p", json=patient("p"))).status_code == 200
    versions = [e["resource"]["meta"] for e in (await client.get("/Patient/p/_history")).json()["entry"]]
    times = [meta["lastUpdated"] for meta in versions]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 4


# -- conditions --------------------------------------------------------------------------------------------------------------


async def test_if_match(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    ok = await client.put("/Patient/p", json=patient("p", active=True), headers={"If-Match": 'W/"1"'})
    assert ok.status_code == 200
    stale = await client.put("/Patient/p", json=patient("p"), headers={"If-Match": 'W/"1"'})
    refused(stale, 412, "version-conflict", "http.If-Match")
    assert stale.headers["etag"] == 'W/"2"'
    refused(await client.delete("/Patient/p", headers={"If-Match": 'W/"1"'}), 412, "version-conflict")
    refused(await client.put("/Patient/new", json=patient("new"), headers={"If-Match": 'W/"1"'}), 412, "version-conflict")
    for value in ("1", '"1"', "W/1", "*", 'W/"x"', 'W/"1", W/"2"', ""):
        refused(
            await client.put("/Patient/p", json=patient("p"), headers={"If-Match": value}),
            400,
            "if-match-format",
            "http.If-Match",
        )
    assert (await client.get("/Patient/p")).json()["meta"]["versionId"] == "2"
    assert (await client.delete("/Patient/p", headers={"If-Match": 'W/"2"'})).status_code == 204


async def test_if_none_match(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    for value in ('W/"1"', "*", 'W/"7", W/"1"'):
        known = await client.get("/Patient/p", headers={"If-None-Match": value})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", 'W/"1"')
    for value in ('W/"2"', "1", ""):
        assert (await client.get("/Patient/p", headers={"If-None-Match": value})).status_code == 200
    only_new = {"If-None-Match": "*"}
    refused(
        await client.put("/Patient/p", json=patient("p"), headers=only_new), 412, "version-conflict", "http.If-None-Match"
    )
    assert (await client.put("/Patient/q", json=patient("q"), headers=only_new)).status_code == 201
    refused(await client.put("/Patient/p", json=patient("p"), headers={"If-None-Match": 'W/"1"'}), 400, "not-supported")


async def test_of_64_updates_of_the_same_version_exactly_one_is_stored(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    for version in range(1, 4):
        match = {"If-Match": f'W/"{version}"'}
        updates = [client.put("/Patient/p", json=patient("p", name=[{"text": str(n)}]), headers=match) for n in range(64)]
        answers = await asyncio.gather(*updates)
        codes = [answer.status_code for answer in answers]
        assert codes.count(200) == 1
        assert set(codes) <= {200, 409, 412}
        winner = codes.index(200)
        read = await client.get("/Patient/p")
        assert (read.json()["name"][0]["text"], read.json()["meta"]["versionId"]) == (str(winner), str(version + 1))


async def test_creates_of_the_same_id_at_once_make_one_resource(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*[client.put("/Patient/p", json=patient("p")) for _ in range(32)])
    codes = [answer.status_code for answer in answers]
    assert codes.count(201) == 1
    stored = codes.count(200) + 1
    assert set(codes) <= {200, 201, 409}
    assert len((await client.get("/Patient/p/_history")).json()["entry"]) == stored
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, "edit-conflict")


# -- preferences, formats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "address", "status"), [("POST", "/Patient", 201), ("PUT", "/Patient/p", 200)])
async def test_prefer_return(client: httpx.AsyncClient, method: str, address: str, status: int) -> None:
    await client.put("/Patient/p", json=patient("p"))

    async def ask(value: str) -> httpx.Response:
        headers = {"Prefer": value} if value else {}
        answer = await client.request(method, address, json=patient("p"), headers=headers)
        assert answer.status_code == status
        assert answer.headers["etag"]
        assert answer.headers["location"].startswith(f"{BASE}/Patient/")
        return answer

    assert (await ask("return=minimal")).content == b""
    assert (await ask('respond-async, return="minimal"')).content == b""
    for value in ("return=representation", "", "return=nonsense", "handling=lenient"):
        assert (await ask(value)).json()["resourceType"] == "Patient"
    outcome = (await ask("return=OperationOutcome")).json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["severity"] == "information"


ACCEPTED = ["application/fhir+json", "application/json", "text/json", "*/*", "application/*", "application/fhir+json; fhirVersion=4.0",
            "application/fhir+xml;q=0.5, application/fhir+json;q=0.9", "text/html, */*;q=0.1", "APPLICATION/JSON"]  # fmt: skip
NOT_ACCEPTED = [
    "application/fhir+xml;q=0",
    "application/fhir+xml; fhirVersion=5.0",
    "text/html",
    "text/*",
    "application/json;q=0",
    "nonsense",
    "application/fhir+json;q=0.0, text/turtle",
]


async def test_accept_and_format(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    for value in ACCEPTED:
        assert (await client.get("/Patient/p", headers={"Accept": value})).json()["id"] == "p", value
    for value in NOT_ACCEPTED:
        refused(await client.get("/Patient/p", headers={"Accept": value}), 406, "not-acceptable", "http.Accept")
    for value in ("json", "application/json", "application/fhir+json", "text/json", "application/fhir%2Bjson"):
        assert (await client.get(f"/Patient/p?_format={value}", headers={"Accept": "text/xml"})).json()["id"] == "p", value
    for value in ("", "ttl", "json2", "xmls"):
        refused(await client.get(f"/Patient/p?_format={value}"), 406, "not-acceptable", "http._format")
    refused(await client.get("/metadata?_format=ttl"), 406, "not-acceptable")
    before = (await client.get("/Patient?_summary=count")).json()["total"]
    refused(await client.post("/Patient", json=patient(), headers={"Accept": "text/turtle"}), 406, "not-acceptable")
    assert (await client.get("/Patient?_summary=count")).json()["total"] == before


async def test_pretty_printing_changes_white_space_only(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p", name=[{"family": 'Müller \\ "x" {'}]))
    plain, pretty = await client.get("/Patient/p"), await client.get("/Patient/p?_pretty=true")
    assert pretty.json() == plain.json()
    assert pretty.text.startswith('{\n  "resourceType": "Patient",\n')
    assert int(pretty.headers["content-length"]) == len(pretty.content)
    assert pretty.headers["etag"] == plain.headers["etag"]
    assert (await client.get("/Patient/p?_pretty=false")).content == plain.content
    refusal = await client.get("/Patient/none?_pretty=true")
    assert refusal.text.startswith("{\n")


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    client.headers["Accept-Encoding"] = "identity"
    for address in (
        "/Patient/p",
        "/Patient/p/_history/1",
        "/Patient?_id=p",
        "/Patient/p/_history",
        "/metadata",
        "/Patient/none",
    ):
        got, head = await client.get(address), await client.head(address)
        assert head.content == b""
        assert head.status_code == got.status_code
        for name in ("etag", "last-modified", "content-type"):
            assert head.headers.get(name) == got.headers.get(name)
        assert address.startswith("/Patient?") or head.headers["content-length"] == str(len(got.content))


async def test_request_ids_are_passed_on_when_harmless(client: httpx.AsyncClient) -> None:
    assert (await client.get("/Patient", headers={"X-Request-Id": "abc-1.2_3"})).headers["x-request-id"] == "abc-1.2_3"
    for value in ("x" * 65, "a b", "ü", 'a"b', "{}", ""):
        answer = await client.get("/Patient", headers={"X-Request-Id": value.encode("latin-1")})
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_addresses_with_and_without_a_slash_at_the_end(client: httpx.AsyncClient, app: House) -> None:
    await client.put("/Patient/p", json=patient("p"))
    for address in ("/Patient/", "/Patient/p/", "/Patient/p/_history/", "/metadata/"):
        assert (await client.get(address)).status_code == 200, address
    assert (await client.post(f"{app.base}/", json={"resourceType": "Bundle", "type": "batch"})).status_code == 200


@pytest.mark.parametrize("address", ["/health", "/ready", "/"])
async def test_addresses_outside_fhir(app: House, address: str) -> None:
    async with app.client(None) as client:
        answer = await client.get(f"{app.root}{address}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert (await client.head(f"{app.root}{address}")).content == b""
        refused(await client.post(f"{app.root}{address}"), 405, "method-not-allowed")
        refused(await client.get(f"{app.root}{address}nothing/here"), 404, "unknown-address")


async def test_both_bases_hold_the_same_records(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Observation/o", json=observation("o", subject=f"{BASE}/Patient/p"))
    older = f"{app.root}/pas-2.0.1/fhir"
    read = await client.get(f"{older}/Observation/o")
    assert read.status_code == 200
    made: dict[str, Any] = (await client.post(f"{older}/Patient", json=patient())).json()
    assert (await client.get(f"/Patient/{made['id']}")).status_code == 200
