"""Binary over REST (R4 binary.html): raw content in and out, in whole and in part, as a resource, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from rest_help import AS_RESOURCE, bundle, entry, ids, patient, refused, statuses

from server.documents.apart import INLINE_CONTENT
from server.seal.chunks import CHUNK

PDF = b"%PDF-1.7\n" + random.Random(1).randbytes(2 * CHUNK + 1000)
SMALL = b"%PDF-1.7\nsmall"
NOTE = "A note about Frau Müller.\n".encode()
TYPE = {"Content-Type": "application/pdf"}


async def stored(client: httpx.AsyncClient, content: bytes = PDF, **headers: str) -> str:
    answer = await client.post("/Binary", content=content, headers={**TYPE, **headers})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_content_comes_back_as_it_was_sent(client: httpx.AsyncClient) -> None:
    for size in (6, INLINE_CONTENT, INLINE_CONTENT + 1, CHUNK, CHUNK + 1, len(PDF)):
        await comes_back(client, PDF[:size])


async def comes_back(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/Binary", content=content, headers=TYPE)
    assert answer.status_code == 201
    assert answer.headers["etag"] == 'W/"1"'
    id_ = answer.json()["id"]
    assert answer.headers["location"].endswith(f"/Binary/{id_}/_history/1")
    assert ("data" in answer.json()) == (len(content) <= INLINE_CONTENT)
    for address in (f"/Binary/{id_}", f"/Binary/{id_}/_history/1"):
        read = await client.get(address)
        assert (read.status_code, read.headers["content-type"]) == (200, "application/pdf")
        assert read.content == content
        assert read.headers["content-length"] == str(len(content))
        assert (read.headers["etag"], read.headers["accept-ranges"]) == ('W/"1"', "bytes")
        assert "last-modified" in read.headers
        assert read.headers["vary"] == "Accept"
    head = await client.head(f"/Binary/{id_}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(content))
    assert head.headers["content-type"] == "application/pdf"
    again = await client.get(f"/Binary/{id_}", headers={"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.content) == (304, b"")


AS_JSON: list[dict[str, Any]] = [
    {"headers": AS_RESOURCE},
    {"headers": {"Accept": "application/fhir+json, */*"}},
    {"headers": {"Accept": "application/json"}},
    {"params": {"_format": "json"}},
    {"headers": {"Accept": "application/pdf;q=0.5, application/fhir+json;fhirVersion=4.0"}},
]


@pytest.mark.parametrize("content", [SMALL, PDF])
async def test_as_a_resource_it_is_complete_too(client: httpx.AsyncClient, content: bytes) -> None:
    id_ = await stored(client, content)
    for asked in AS_JSON:
        answer = await client.get(f"/Binary/{id_}", **asked)
        assert answer.headers["content-type"].startswith("application/fhir+json")
        assert answer.headers["content-length"] == str(len(answer.content))
        resource = answer.json()
        assert base64.b64decode(resource["data"]) == content
        assert (resource["contentType"], resource["meta"]["versionId"]) == ("application/pdf", "1")
        assert "tag" not in resource["meta"]


async def test_whoever_names_no_fhir_format_gets_the_content(client: httpx.AsyncClient) -> None:
    id_ = await stored(client, SMALL)
    browser = "text/html,application/xhtml+xml,*/*;q=0.8"
    for accept in (
        "*/*",
        "application/pdf",
        "application/*",
        "image/png, */*;q=0.1",
        browser,
        "application/json;q=0.1, */*",
    ):
        assert (await client.get(f"/Binary/{id_}", headers={"Accept": accept})).content == SMALL


async def test_whoever_takes_neither_is_told(client: httpx.AsyncClient) -> None:
    id_ = await stored(client, SMALL)
    for accept in ("image/png", "application/pdf;q=0", "text/*"):
        refused(await client.get(f"/Binary/{id_}", headers={"Accept": accept}), 406, "not-acceptable", "http.Accept")
    for format_ in ("ttl", "application/pdf", ""):
        answer = await client.get(f"/Binary/{id_}", params={"_format": format_})
        refused(answer, 406, "not-acceptable", "http._format")


@pytest.mark.parametrize("content", [SMALL, PDF])
async def test_a_range_is_answered_with_just_that(client: httpx.AsyncClient, content: bytes) -> None:
    id_ = await stored(client, content)
    size = len(content)
    chance = random.Random(7)
    ranges = [(0, 0), (0, size - 1), (size - 1, size - 1), (3, size + 999)]
    ranges += [sorted((chance.randrange(size), chance.randrange(size))) for _ in range(6)]  # type: ignore[misc]
    ranges += [(CHUNK - 1, CHUNK), (CHUNK, 2 * CHUNK - 1)] if size > 2 * CHUNK else []
    for first, last in ranges:
        answer = await client.get(f"/Binary/{id_}", headers={"Range": f"bytes={first}-{last}"})
        assert answer.status_code == 206
        assert answer.content == content[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{min(last, size - 1)}/{size}"
    for value, expected in (
        (f"bytes={size - 4}-", content[-4:]),
        ("bytes=-4", content[-4:]),
        (f"bytes=-{size * 9}", content),
        (f"bytes=1-{'9' * 40}", content[1:]),
    ):
        answer = await client.get(f"/Binary/{id_}", headers={"Range": value})
        assert (answer.status_code, answer.content) == (206, expected)


async def test_what_is_no_single_range_is_answered_whole(client: httpx.AsyncClient) -> None:
    id_ = await stored(client, SMALL)
    for value in ("bytes=0-1,3-4", "bytes=5-2", "bytes=", "bytes=-", "lines=0-1", "bytes=a-b", "bytes=0x1-2", "bytes=1-2-3", "bytes=1.5-2"):  # fmt: skip
        answer = await client.get(f"/Binary/{id_}", headers={"Range": value})
        assert (answer.status_code, answer.content) == (200, SMALL), value
    assert (await client.get(f"/Binary/{id_}", headers={"Range": "bytes=0-1", **AS_RESOURCE})).status_code == 200
    assert (await client.head(f"/Binary/{id_}", headers={"Range": "bytes=0-1"})).status_code == 200


async def test_a_range_outside_is_told_how_large_it_is(client: httpx.AsyncClient) -> None:
    id_ = await stored(client, SMALL)
    for value in (f"bytes={len(SMALL)}-", f"bytes={'9' * 40}-", "bytes=-0"):
        answer = await client.get(f"/Binary/{id_}", headers={"Range": value})
        refused(answer, 416, "range", "http.Range")
        assert answer.headers["content-range"] == f"bytes */{len(SMALL)}"


async def test_if_range_asks_for_the_part_of_that_version_only(client: httpx.AsyncClient) -> None:
    id_ = await stored(client, SMALL)
    for tag, status in (('W/"1"', 206), ('"1"', 206), ('W/"2"', 200), ('"x"', 200), ("Sun, 22 Nov 2026 10:00:00 GMT", 200)):
        answer = await client.get(f"/Binary/{id_}", headers={"Range": "bytes=0-3", "If-Range": tag})
        assert answer.status_code == status, tag


async def test_an_update_is_a_new_version_and_the_old_one_stays(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p1", json=patient("p1"))
    id_ = await stored(client, PDF, **{"X-Security-Context": "Patient/p1"})
    answer = await client.put(f"/Binary/{id_}", content=NOTE, headers={"Content-Type": "text/plain; charset=utf-8"})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    read = await client.get(f"/Binary/{id_}")
    assert (read.content, read.headers["content-type"]) == (NOTE, "text/plain; charset=utf-8")
    assert read.headers["x-security-context"] == "Patient/p1"
    assert (await client.get(f"/Binary/{id_}/_history/1")).content == PDF
    stale = await client.put(f"/Binary/{id_}", content=PDF, headers={**TYPE, "If-Match": 'W/"1"'})
    refused(stale, 412, "version-conflict")
    assert (await client.put(f"/Binary/{id_}", content=PDF, headers={**TYPE, "If-Match": 'W/"2"'})).status_code == 200
    created = await client.put("/Binary/of-my-own", content=SMALL, headers=TYPE)
    assert created.status_code == 201
    refused(
        await client.put("/Binary/of-my-own", content=SMALL, headers={**TYPE, "If-None-Match": "*"}),
        412,
        "version-conflict",
    )
    assert (await client.delete(f"/Binary/{id_}")).status_code == 204
    refused(await client.get(f"/Binary/{id_}"), 410, "gone")
    assert (await client.get(f"/Binary/{id_}/_history/1")).content == PDF
    assert (await client.put(f"/Binary/{id_}", content=SMALL, headers=TYPE)).status_code == 201


async def test_in_json_large_data_is_kept_apart_and_shown_where_it_is_asked_for(client: httpx.AsyncClient) -> None:
    body = {"resourceType": "Binary", "contentType": "application/pdf", "data": base64.b64encode(PDF).decode()}
    answer = await client.post("/Binary", json=body)
    assert answer.status_code == 201
    id_ = answer.json()["id"]
    assert (await client.get(f"/Binary/{id_}")).content == PDF
    assert (await client.get(f"/Binary/{id_}", headers=AS_RESOURCE)).json()["data"] == body["data"]
    listed = [
        (await client.get(f"/Binary?_id={id_}")).json()["entry"][0]["resource"],
        (await client.get(f"/Binary/{id_}/_history")).json()["entry"][0]["resource"],
        (await client.post("", json=bundle("batch", entry("GET", f"Binary/{id_}")))).json()["entry"][0]["resource"],
        answer.json(),
    ]
    for resource in listed:
        assert "data" not in resource
        assert resource["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert ids(await client.get("/Binary?_tag=SUBSETTED")) == []
    together = await client.post("", json=bundle("transaction", entry("POST", "Binary", body), entry("PUT", f"Binary/{id_}", {**body, "id": id_})))  # fmt: skip
    assert statuses(together) == ["201", "200"]
    for item in together.json()["entry"]:
        address = item["response"]["location"].partition("/fhir")[2]
        assert (await client.get(address)).content == PDF


async def test_a_very_large_body_of_any_type_is_kept_and_found(client: httpx.AsyncClient) -> None:
    scan = b"%PDF-1.7\n" + random.Random(3).randbytes(6 * 2**20)
    document = {
        "resourceType": "DocumentReference", "id": "large", "status": "current", "description": "A scan",
        "content": [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(scan).decode()}}],
    }  # fmt: skip
    for version in ("1", "2"):
        assert (await client.put("/DocumentReference/large", json=document)).headers["etag"] == f'W/"{version}"'
    for resource in (
        (await client.get("/DocumentReference/large")).json(),
        (await client.get("/DocumentReference/large/_history/1")).json(),
        (await client.get("/DocumentReference?description=a+scan")).json()["entry"][0]["resource"],
        (await client.get("/DocumentReference/large/_history")).json()["entry"][1]["resource"],
    ):
        assert resource["content"] == document["content"]


async def test_content_runs_nowhere(client: httpx.AsyncClient) -> None:
    page = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
    answer = await client.post("/Binary", content=page, headers={"Content-Type": "text/html"})
    read = await client.get(f"/Binary/{answer.json()['id']}")
    assert read.content == page
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["content-disposition"] == f'attachment; filename="{answer.json()["id"]}.html"'


DISGUISED = [
    ("application/pdf", b"MZ\x90\0" + bytes(100)),
    ("application/pdf", b"<html><body>hello</body></html>"),
    ("application/pdf", b"PK\x03\x04" + bytes(60)),
    ("application/pdf", b"no pdf at all"),
    ("image/png", b"PK\x03\x04" + bytes(60)),
    ("image/png", b"\xff\xd8\xff\xe0" + bytes(60)),
    ("image/jpeg", b"\x89PNG\r\n\x1a\n" + bytes(60)),
    ("image/tiff", b"GIF89a" + bytes(60)),
    ("application/dicom", b"DICM" + bytes(200)),
    ("text/plain", b"a note\0with a zero"),
    ("text/plain", b"a note " + bytes([7]) * 3),
    ("text/plain", b"plain for long " * 30_000 + b"\0"),
    ("text/plain", b"%PDF-1.4 ..."),
    ("text/plain", b"{\\rtf1 hello}"),
    ("text/plain", b"#!/bin/sh\nrm -rf /"),
    ("text/plain; charset=utf-16", b"\xff\xfea\0b\0c"),
    ("text/plain; charset=utf-16", b"\xff\xfea\0\x07\0"),
    ("text/plain", b"\xff\xfe" + "wide, then none ".encode("utf-16-le") * 30_000 + bytes(8)),
    ("text/csv", b"\x7fELF" + bytes(60)),
    ("text/xml", b"<html><script>alert(1)</script></html>"),
    ("text/xml", b"{}"),
    ("application/rtf", b"not rtf"),
    ("application/hl7-v2", b"PID|1"),
    ("application/msword", b"PK\x03\x04" + bytes(60)),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04" + bytes(26) + b"evil.exe" + bytes(60)),
]  # fmt: skip


async def test_a_disguise_is_refused_however_it_comes(app: House, client: httpx.AsyncClient) -> None:
    for type_, content in DISGUISED:
        headers = {"Content-Type": type_}
        raw = await client.post("/Binary", content=content, headers=headers)
        refused(raw, 415, "document-disguised", "http.body")
        raw = await client.put("/Binary/x", content=content, headers=headers)
        refused(raw, 415, "document-disguised", "http.body")
        data = {"contentType": type_, "data": base64.b64encode(content).decode()}
        binary = {"resourceType": "Binary", **data}
        refused(await client.post("/Binary", json=binary), 415, "document-disguised", "Binary.data")
        document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": data}]}
        place = "DocumentReference.content[0].attachment.data"
        refused(await client.post("/DocumentReference", json=document), 415, "document-disguised", place)
    both = bundle("transaction", entry("POST", "Patient", patient()), entry("POST", "Binary", binary))
    refused(await client.post("", json=both), 415, "document-disguised")
    assert ids(await client.get("/Binary")) == ids(await client.get("/Patient")) == []
    assert await app.services.store.blobs.listed(b"", 10) == []


async def test_an_attachment_that_leaves_its_type_out_passes_no_check(client: httpx.AsyncClient) -> None:
    attachment: dict[str, object] = {"title": "x", "data": base64.b64encode(b"MZ" + bytes(90)).decode()}
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": attachment}]}
    place = "DocumentReference.content[0].attachment.contentType"
    refused(await client.post("/DocumentReference", json=document), 415, "document-type", place)
    attachment["_contentType"] = {"extension": [{"url": "urn:x", "valueString": "y"}]}
    refused(await client.post("/DocumentReference", json=document), 415, "document-type", place)
    sampled = {"origin": {"value": 1}, "period": 1, "dimensions": 1, "data": "1 2 3"}
    waves = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueSampledData": sampled}
    assert (await client.post("/Observation", json=waves)).status_code == 201


GENUINE = [
    ("text/plain", NOTE),
    ("text/plain", "Größe".encode("latin-1")),
    ("text/plain", "wide".encode("utf-16")),
    ("text/plain", b"MZ is how this sentence begins"),
    ("text/html", b"<p>fragment</p>"),
    ("text/xml", b"\xef\xbb\xbf<?xml version='1.0'?>\n<ClinicalDocument xmlns='urn:hl7-org:v3'><title>x</title></ClinicalDocument>"),
    ("application/hl7-v2", b"\x0bMSH|^~\\&|A|B\rPID|1\r\x1c\r"),
    ("image/jpeg", b"\xff\xd8\xff\xe1" + bytes(90)),
    ("image/tiff", b"II*\0" + bytes(90)),
    ("application/dicom", bytes(128) + b"DICM" + bytes(90)),
    ("application/rtf", b"{\\rtf1 x}"),
    ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90)),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(60)),
]  # fmt: skip


async def test_what_is_what_it_says_is_taken(client: httpx.AsyncClient) -> None:
    for type_, content in GENUINE:
        answer = await client.post("/Binary", content=content, headers={"Content-Type": type_})
        assert answer.status_code == 201, (type_, answer.text)
        assert (await client.get(f"/Binary/{answer.json()['id']}")).content == content


async def test_what_was_listed_without_its_content_is_not_stored_like_that(client: httpx.AsyncClient) -> None:
    id_ = await stored(client)
    listed = (await client.get(f"/Binary?_id={id_}")).json()["entry"][0]["resource"]
    refused(await client.put(f"/Binary/{id_}", json=listed), 400, "structure", "Binary.meta.tag")
    assert (await client.get(f"/Binary/{id_}")).content == PDF


async def test_only_the_types_that_are_configured_are_taken(client: httpx.AsyncClient, tmp_path: Any) -> None:
    for type_ in ("application/zip", "application/octet-stream", "video/mp4", "image/svg+xml", "application/javascript"):
        refused(
            await client.post("/Binary", content=b"x", headers={"Content-Type": type_}),
            415,
            "document-type",
            "http.Content-Type",
        )
    body = {"resourceType": "Binary", "contentType": "application/zip", "data": "UEsDBA=="}
    refused(await client.post("/Binary", json=body), 415, "document-type", "Binary.contentType")
    for type_ in ("application/fhir+xml", "nonsense", "a/b/c", "multipart/form-data; boundary=x"):
        answer = await client.post("/Binary", content=b"x", headers={"Content-Type": type_})
        assert answer.status_code in {400, 415}, answer.text
    async with (
        running_house(tmp_path / "own", ASSENT_DOCUMENT_TYPES="image/png,+video/mp4") as house,
        house.client() as own,
    ):
        film = b"\0\0\0\x18ftypmp42" + bytes(90)
        assert (await own.post("/Binary", content=film, headers={"Content-Type": "video/mp4"})).status_code == 201
        refused(await own.post("/Binary", content=SMALL, headers=TYPE), 415, "document-type")


@pytest.fixture
async def strict(tmp_path: Any) -> AsyncIterator[House]:
    async with running_house(tmp_path / "strict", ASSENT_MAX_DOCUMENT="200000") as house:
        yield house


async def test_the_limit_is_the_limit(strict: House) -> None:
    async def chunked(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 9999):
            yield content[start : start + 9999]

    exact = b"%PDF-" + bytes(200_000 - 5)
    async with strict.client() as client:
        for content in (exact, chunked(exact)):
            answer = await client.post("/Binary", content=content, headers=TYPE)
            assert answer.status_code == 201
            assert (
                hashlib.sha256((await client.get(f"/Binary/{answer.json()['id']}")).content).digest()
                == hashlib.sha256(exact).digest()
            )
        for content in (exact + b"x", chunked(exact + b"x")):
            refused(await client.post("/Binary", content=content, headers=TYPE), 413, "body-too-large", "http.body")
        data = base64.b64encode(exact + b"x").decode()
        body = {"resourceType": "Binary", "contentType": "application/pdf", "data": data}
        refused(await client.post("/Binary", json=body), 413, "body-too-large", "Binary.data")
        for content in (b"", chunked(b"")):
            refused(await client.post("/Binary", content=content, headers=TYPE), 400, "body-missing")
        assert len(await strict.services.store.blobs.listed(b"", 10)) == 2


async def test_only_whoever_may_see_what_it_was_stored_for_sees_it(app: House, client: httpx.AsyncClient) -> None:
    for who in ("p1", "p2"):
        await client.put(f"/Patient/{who}", json=patient(who))
        document = {"resourceType": "DocumentReference", "id": f"d-{who}", "status": "current", "subject": {"reference": f"Patient/{who}"}, "content": [{"attachment": {"url": "Binary/x"}}]}  # fmt: skip
        await client.put(f"/DocumentReference/d-{who}", json=document)
    mine = [await stored(client, PDF, **{"X-Security-Context": context}) for context in ("Patient/p1", "DocumentReference/d-p1", f"{app.base}/Patient/p1")]  # fmt: skip
    others = [await stored(client, PDF, **{"X-Security-Context": context}) for context in ("Patient/p2", "DocumentReference/d-p2", "Patient/none")]  # fmt: skip
    others.append(await stored(client, PDF))
    async with app.client("patient", patient="p1") as limited:
        for id_ in mine:
            for address in (f"/Binary/{id_}", f"/Binary/{id_}/_history/1"):
                assert (await limited.get(address)).content == PDF
                assert (await limited.get(address, headers={"Range": "bytes=0-3"})).content == PDF[:4]
            assert (await limited.get(f"/Binary/{id_}/_history")).json()["total"] == 1
        for id_ in others:
            for address in (f"/Binary/{id_}", f"/Binary/{id_}/_history/1"):
                refused(await limited.get(address), 404, "not-found")
                refused(await limited.get(address, headers={"Range": "bytes=999999999-"}), 404, "not-found")
            refused(await limited.get(f"/Binary/{id_}/_history"), 404, "not-found")
    async with app.client("staff", tenant="other") as elsewhere:
        elsewhere.base_url = httpx.URL(f"{app.root}/t/other/fhir")
        for id_ in mine:
            refused(await elsewhere.get(f"/Binary/{id_}"), 404, "not-found")
    async with app.client("auditor") as auditor:
        refused(await auditor.get(f"/Binary/{mine[0]}"), 403, "forbidden")
        refused(await auditor.post("/Binary", content=PDF, headers=TYPE), 403, "forbidden")
    async with app.client(None) as nobody:
        refused(await nobody.get(f"/Binary/{mine[0]}"), 401, "login")
        refused(await nobody.post("/Binary", content=PDF, headers=TYPE), 401, "login")


async def test_a_caller_limited_to_one_patient_stores_what_belongs_to_that_patient(
    app: House, client: httpx.AsyncClient
) -> None:
    for who in ("p1", "p2"):
        await client.put(f"/Patient/{who}", json=patient(who))
        observation = {"resourceType": "Observation", "id": f"o-{who}", "status": "final", "code": {"text": "x"}, "subject": {"reference": f"Patient/{who}"}}  # fmt: skip
        await client.put(f"/Observation/o-{who}", json=observation)
    async with app.client("staff", patient="p1") as limited:
        for context in ("Patient/p1", "Observation/o-p1"):
            id_ = await stored(limited, SMALL, **{"X-Security-Context": context})
            assert (await limited.put(f"/Binary/{id_}", content=PDF, headers=TYPE)).status_code == 200
        theirs = await stored(client, SMALL, **{"X-Security-Context": "Observation/o-p2"})
        for hidden in (theirs, "no-such"):
            refused(await limited.put(f"/Binary/{hidden}", content=PDF, headers=TYPE), 404, "not-found")
        for headers in ({}, {"X-Security-Context": "Patient/p2"}, {"X-Security-Context": "Observation/o-p2"}, {"X-Security-Context": "Organization/x"}):  # fmt: skip
            refused(await limited.post("/Binary", content=PDF, headers={**TYPE, **headers}), 403, "forbidden")
    for context in ("nonsense", "Binary/x", "https://elsewhere.example/fhir/Patient/1", "Patient?name=x", "#x", ""):
        answer = await client.post("/Binary", content=PDF, headers={**TYPE, "X-Security-Context": context})
        refused(answer, 400, "reference-format", "http.X-Security-Context")
    assert all(not blob.upload for blob in await app.services.store.blobs.listed(b"", 10))


async def test_every_read_and_write_of_content_leaves_a_record(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p1", json=patient("p1"))
    id_ = await stored(client, PDF, **{"X-Security-Context": "Patient/p1"})
    await client.get(f"/Binary/{id_}")
    await client.get(f"/Binary/{id_}", headers={"Range": "bytes=0-1"})
    await client.get(f"/Binary/{id_}", headers={"Range": "bytes=999999999-"})
    events = [
        item["resource"] for item in (await client.get(f"/AuditEvent?entity=Binary/{id_}&_sort=date")).json()["entry"]
    ]
    assert [(event["action"], event["outcome"]) for event in events] == [("C", "0"), ("R", "0"), ("R", "0"), ("R", "4")]
    assert all({"reference": "Patient/p1"} in [part.get("what") for part in event["entity"]] for event in events)
