"""Signed download links: good for a while without a token, for one version's content, and for nothing else."""

from __future__ import annotations

import base64
import random
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from rest_help import patient, refused

from server.documents.signed_link import Link, open_link, write_link
from server.seal.tenant_entries import retiring

PDF = b"%PDF-1.7\n" + random.Random(1).randbytes(500_000)
TYPE = {"Content-Type": "application/pdf", "X-Security-Context": "Patient/p1"}


@pytest.fixture
async def binary(client: httpx.AsyncClient) -> str:
    await client.put("/Patient/p1", json=patient("p1", name=[{"family": "Villanueva"}]))
    assert (await client.put("/Binary/scan", content=PDF, headers=TYPE)).status_code == 201
    return "scan"


async def link_to(client: httpx.AsyncClient, id_: str = "scan", **given: Any) -> tuple[str, str]:
    answer = await client.get(f"/Binary/{id_}/$signed-link", params=given)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].endswith("no-store")
    parts = {part["name"]: part for part in answer.json()["parameter"]}
    return parts["url"]["valueUrl"], parts["expires"]["valueInstant"]


def _later(house: House, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = house.services.now()
    monkeypatch.setattr(type(house.services), "now", lambda self: now + int(seconds * 1_000_000))


async def test_whoever_has_the_link_gets_the_content_without_a_token(
    app: House, client: httpx.AsyncClient, binary: str
) -> None:
    url, expires = await link_to(client)
    assert expires.endswith("Z")
    async with app.client(None) as nobody:
        for _ in range(2):
            answer = await nobody.get(url)
            assert (answer.status_code, answer.content) == (200, PDF)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "x-security-context" not in answer.headers
        assert answer.headers["content-disposition"] == 'attachment; filename="scan.pdf"'
        part = await nobody.get(url, headers={"Range": "bytes=5-9", "Accept": "application/fhir+json"})
        assert (part.status_code, part.content) == (206, PDF[5:10])
        assert (await nobody.head(url)).headers["content-length"] == str(len(PDF))
        refused(await nobody.post(url), 405, "method-not-allowed")
        refused(await nobody.get(f"/Binary/{binary}"), 401, "login")


async def test_a_link_is_to_the_version_that_it_was_made_of(app: House, client: httpx.AsyncClient, binary: str) -> None:
    url, _ = await link_to(client)
    await client.put("/Binary/scan", content=b"%PDF-new", headers=TYPE)
    async with app.client(None) as nobody:
        assert (await nobody.get(url)).content == PDF
        assert (await nobody.get((await link_to(client))[0])).content == b"%PDF-new"


async def test_a_link_tells_nothing(app: House, client: httpx.AsyncClient, binary: str) -> None:
    url, _ = await link_to(client)
    other, _ = await link_to(client)
    text = url.rpartition("/")[2]
    assert url.startswith(f"{app.root}/documents/")
    assert url != other
    packed = base64.urlsafe_b64decode(text + "==")
    for secret in (b"scan", b"p1", b"Binary", b"administrator", app.token().encode()[-20:]):
        assert secret not in packed
        assert secret.decode() not in text
    async with app.client(None) as nobody:
        await nobody.get(url)
    assert text.encode() not in b"".join(app.log)
    assert text[:20].encode() not in b"".join(app.log)


async def test_a_link_that_is_not_good_is_answered_alike_whatever_is_wrong(app: House, client: httpx.AsyncClient, binary: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    url, _ = await link_to(client, lifetime=600)
    text = url.rpartition("/")[2]
    tenant = app.services.keyring.all()[0]
    never = write_link(tenant, Link("no-such", 1, 9_999_999_999, "x"))
    wrong_version = write_link(tenant, Link("scan", 7, 9_999_999_999, "x"))
    changed = [
        text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
        for position in range(0, len(text), 9)
    ]
    bad = [*changed, never, wrong_version, text[:-4], text + "AAAA", text[:4], "x", "%C3%A4", "A" * 2000, ""]
    async with app.client(None) as nobody:
        answers = [await nobody.get(f"{app.root}/documents/{one}") for one in bad]
        assert (await nobody.get(url)).status_code == 200
        _later(app, 300, monkeypatch)
        assert (await nobody.get(url)).status_code == 200
        _later(app, 301, monkeypatch)
        answers.append(await nobody.get(url))
        monkeypatch.undo()
        assert (await nobody.get(url)).status_code == 200
        await client.delete("/Binary/scan")
        answers.append(await nobody.get(url))
    for answer in answers:
        refused(answer, 403, "link")
    assert len({(answer.text, answer.headers.get("content-length")) for answer in answers}) == 1


async def test_who_made_it_and_that_it_was_used_is_recorded(app: House, client: httpx.AsyncClient, binary: str) -> None:
    async with app.client("staff", subject="nurse-1") as nurse, app.client(None) as nobody:
        url, _ = await link_to(nurse)
        await nobody.get(url)
        await nobody.get(url[:-3])
    events = [item["resource"] for item in (await client.get("/AuditEvent?entity=Binary/scan&_sort=date")).json()["entry"]]
    made, used = events[-2:]
    assert made["subtype"][1]["code"] == "signed-link"
    assert [agent.get("altId") for agent in (made["agent"][0], used["agent"][0])] == ["nurse-1", "nurse-1"]
    assert used["agent"][1]["who"]["identifier"]["value"] == "signed-link"
    assert (used["subtype"][0]["code"], used["outcome"]) == ("vread", "0")
    assert {"reference": "Patient/p1"} in [part.get("what") for part in used["entity"]]
    refusals = (await client.get("/AuditEvent?outcome=4")).json()["entry"]
    assert refusals[0]["resource"]["outcomeDesc"] == "403 link"


async def test_only_whoever_may_read_it_makes_a_link(app: House, client: httpx.AsyncClient, binary: str) -> None:
    async with app.client("auditor") as auditor:
        refused(await auditor.get("/Binary/scan/$signed-link"), 403, "forbidden")
    async with app.client("patient", patient="p2") as other:
        refused(await other.get("/Binary/scan/$signed-link"), 404, "not-found")
    async with app.client("patient", patient="p1") as own, app.client(None) as nobody:
        assert (await nobody.get((await link_to(own))[0])).content == PDF
        refused(await nobody.get("/Binary/scan/$signed-link"), 401, "login")
    refused(await client.get("/Binary/none/$signed-link"), 404, "not-found")
    await client.delete("/Binary/scan")
    refused(await client.get("/Binary/scan/$signed-link"), 404, "not-found")


async def test_how_long_is_bounded_by_configuration(tmp_path: Any) -> None:
    async with running_house(tmp_path / "own", ASSENT_LINK_SECONDS="30") as house, house.client() as client:
        await client.put("/Binary/scan", content=PDF, headers={"Content-Type": "application/pdf"})
        assert await link_to(client)
        for value in ("31", "0", "-1", "x", "1.5", "", "9" * 30):
            refused(await client.get("/Binary/scan/$signed-link", params={"lifetime": value}), 400, "parameter-value")
        body = {"resourceType": "Parameters", "parameter": [{"name": "lifetime", "valuePositiveInt": 30}]}
        assert (await client.post("/Binary/scan/$signed-link", json=body)).status_code == 200


async def test_a_retired_tenant_s_links_end(app: House, client: httpx.AsyncClient, binary: str) -> None:
    keyring = app.services.keyring
    other = await keyring.make("north")
    text = write_link(other, Link("scan", 1, 9_999_999_999, "x"))
    assert await open_link(keyring, text) is not None
    await keyring.change(retiring("north"))
    assert await open_link(keyring, text) is None
    async with app.client(None) as nobody:
        refused(await nobody.get(f"{app.root}/documents/{text}"), 403, "link")
