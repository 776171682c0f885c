"""XML over REST (R4 xml.html): the same resources in and out, in every interaction, and XML that is none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, patient, refused
from shared_data import needs_examples, paths

from profiles import json
from profiles.xml.reading import from_xml
from profiles.xml.writing import to_xml

XML = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml", "Accept-Encoding": "identity"}
SPACE = 'xmlns="http://hl7.org/fhir"'
SMALL = f'<Patient {SPACE}><id value="p"/><active value="true"/></Patient>'


def xml(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    assert "content-encoding" in answer.headers or int(answer.headers["content-length"]) == len(answer.content)
    return from_xml(answer.content)


async def test_a_resource_lives_in_xml(client: httpx.AsyncClient) -> None:
    assert xml(await client.put("/Patient/p", content=SMALL, headers=XML), 201)["active"] is True
    assert (await client.get("/Patient/p")).json()["active"] is True
    assert xml(await client.get("/Patient/p?_format=xml"))["meta"]["versionId"] == "1"
    found = xml(await client.get("/Patient?_id=p", headers={"Accept": "text/xml"}))
    assert (found["type"], found["entry"][0]["resource"]["id"]) == ("searchset", "p")
    assert xml(await client.get("/Patient/p/_history", headers=XML))["type"] == "history"
    assert xml(await client.get("/metadata?_format=application/fhir%2Bxml"))["format"] == [
        "json", "application/fhir+json", "xml", "application/fhir+xml",
    ]  # fmt: skip
    patch = f"""<Parameters {SPACE}><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part>
        <part><name value="path"/><valueString value="Patient.active"/></part>
        <part><name value="value"/><valueBoolean value="false"/></part></parameter></Parameters>"""
    assert xml(await client.patch("/Patient/p", content=patch, headers=XML))["active"] is False
    transaction = to_xml(bundle("transaction", entry("GET", "Patient/p"), entry("POST", "Patient", patient(active=True))))
    answered = xml(await client.post("", content=transaction, headers=XML))
    assert [item["response"]["status"] for item in answered["entry"]] == ["200", "201"]
    assert (await client.head("/Patient/p", headers=XML)).headers["content-type"].startswith("application/fhir+xml")
    missing = await client.get("/Patient/none", headers=XML)
    assert xml(missing, 404)["issue"][0]["details"]["coding"][0]["code"] == "not-found"
    pretty = await client.get("/Patient/p?_format=xml&_pretty=true")
    assert "\n  <id" in pretty.text
    assert xml(pretty) == xml(await client.get("/Patient/p?_format=xml"))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/fhir+xml, application/fhir+json;q=0.9", "xml"), ("application/fhir+json;q=0.9, application/xml", "xml"),
        ("application/fhir+xml, application/fhir+json", "json"), ("application/fhir+xml;q=0.1, */*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"), ("application/fhir+xml; fhirVersion=4.0", "xml"),
    ],
)  # fmt: skip
async def test_who_gets_which(client: httpx.AsyncClient, accept: str, kind: str) -> None:
    await client.put("/Patient/p", json=patient("p"))
    answer = await client.get("/Patient/p", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(f"application/fhir+{kind}")


async def test_xml_that_is_none(client: httpx.AsyncClient, app: House) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + SMALL
    for body in (
        "", " ", "{}", "<Patient/>", SMALL[:-4], bomb, f"<Nothing {SPACE}/>", SMALL.replace("value=", "values="), f"<a>{SMALL}</a>",
        SMALL.replace('<active value="true"/>', "true"), "<a>" * 100_000, SMALL.replace("p", "\x00"),
    ):  # fmt: skip
        answer = await client.post("/Patient", content=body, headers=XML)
        assert answer.status_code == 400, body[:80]
        assert xml(answer, 400)["issue"][0]["details"]["coding"][0]["code"] in {"body-not-xml", "body-missing"}
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>' + SMALL.replace("true", "tr\xfce")
    assert (await client.post("/Patient", content=latin.encode("latin-1"), headers=XML)).status_code == 400
    wrong = await client.post("/Patient", content=SMALL.replace('"true"', '"perhaps"'), headers={**XML, "Accept": "*/*"})
    refused(wrong, 400, "primitive-format", "Patient.active")
    other = await client.post("/Patient", content=SMALL, headers={"Content-Type": "application/fhir+xml; fhirVersion=5.0"})
    refused(other, 415, "content-type", "http.Content-Type")
    large = f"<Patient {SPACE}><!--" + "x" * (8 * 2**20) + "--></Patient>"
    refused(await client.post("/Patient", content=large, headers={**XML, "Accept": "*/*"}), 413, "body-too-large")


async def test_numbers_keep_their_digits(client: httpx.AsyncClient) -> None:
    body = f"""<Observation {SPACE}><status value="final"/><code><text value="a &amp; b &lt;é&gt;"/></code>
        <valueQuantity><value value="1.5000000000000000000001"/></valueQuantity></Observation>"""
    stored = await client.post("/Observation", content=body.encode(), headers=XML)
    assert b'"1.5000000000000000000001"' in stored.content
    id_ = xml(stored, 201)["id"]
    answer = await client.get(f"/Observation/{id_}")
    assert b"1.5000000000000000000001" in answer.content
    assert answer.json()["code"]["text"] == "a & b <é>"


@needs_examples
async def test_every_r4_example_comes_back_as_it_was(client: httpx.AsyncClient) -> None:
    """Sent as XML, read as JSON and as XML: the same resource, but for what the server sets itself."""
    seen = 0
    for path in paths("conformance/r4-examples/**/*.json"):
        resource = json.loads(path.read_bytes())
        type_, id_ = resource.get("resourceType"), resource.get("id")
        if not id_ or type_ == "AuditEvent":
            continue
        answer = await client.put(f"/{type_}/{id_}", content=to_xml(resource), headers=XML)
        if answer.status_code == 400:  # what R4's own rules refuse of it in JSON as well
            assert (
                await client.put(
                    f"/{type_}/{id_}", content=path.read_bytes(), headers={"Content-Type": "application/fhir+json"}
                )
            ).status_code == 400
            continue
        assert answer.status_code == 201, (path.name, answer.text)
        as_json = json.loads((await client.get(f"/{type_}/{id_}", headers={"Accept": "application/fhir+json"})).content)
        as_xml = xml(await client.get(f"/{type_}/{id_}", headers=XML))
        for read in (as_json, as_xml):
            read["meta"] = {
                **resource.get("meta", {}),
                **{n: v for n, v in read["meta"].items() if n not in {"versionId", "lastUpdated"}},
            }
            assert {**read, "meta": None} == {**resource, "meta": None}, path.name
        seen += 1
    assert seen > 40
