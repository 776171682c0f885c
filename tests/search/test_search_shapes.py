"""`_summary` and `_elements`, on searches, reads and histories: what stays, what goes, and that it is said."""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest
from in_process import House
from test_search_bundle import code_of, ids, link, store

SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
TEXT: Final = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}

OBSERVATION: Final[dict[str, Any]] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"tag": [{"code": "mine"}]},
    "text": TEXT,
    "extension": [{"url": "urn:e", "valueString": "x"}],
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "Patient/p"},
    "valueQuantity": {"value": 1.50, "unit": "mg"},
    "note": [{"text": "x"}],
    "component": [{"code": {"text": "y"}, "valueString": "z", "interpretation": [{"text": "high"}]}],
}
PATIENT: Final[dict[str, Any]] = {
    "resourceType": "Patient",
    "id": "p",
    "text": TEXT,
    "birthDate": "1950",
    "photo": [{"title": "x"}],
}


async def shown(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


CASES: Final = [
    ("_summary=true", {"status", "code", "subject", "valueQuantity", "component"}),
    ("_summary=text", {"status", "code", "text"}),
    ("_summary=data", set(OBSERVATION) - {"text", "resourceType", "id", "meta"}),
    ("_elements=note", {"status", "code", "note"}),
    ("_elements=value,id,resourceType", {"status", "code", "valueQuantity"}),
    ("_elements=valueQuantity,Observation.subject", {"status", "code", "valueQuantity", "subject"}),
]


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[query for query, _ in CASES])
async def test_a_part_is_the_same_wherever_it_is_asked_for(
    client: httpx.AsyncClient, query: str, expected: set[str]
) -> None:
    await store(client, OBSERVATION)
    alone = await shown(client, f"/Observation/o?{query}")
    assert set(alone) == expected | {"resourceType", "id", "meta"}
    assert alone["meta"]["tag"] == [{"code": "mine"}, SUBSETTED]
    assert alone["meta"]["versionId"] == "1"
    places = ["/Observation/o/_history/1", "/Observation", "/Observation/o/_history", "/Observation/_history"]
    for place in places:
        found = await shown(client, f"{place}?{query}")
        assert (found["entry"][0]["resource"] if "entry" in found else found) == alone, place
    if "=value" not in query and "note" not in query:
        everywhere = await shown(client, f"/_history?{query}")
        assert everywhere["entry"][0]["resource"] == alone
    whole = await client.get("/Observation/o?_summary=false")
    assert whole.content == (await client.get("/Observation/o")).content
    assert b"1.5" in whole.content


async def test_the_summary_goes_into_the_depth(client: httpx.AsyncClient) -> None:
    await store(client, OBSERVATION)
    found = await shown(client, "/Observation/o?_summary=true")
    assert found["component"] == [{"code": {"text": "y"}, "valueString": "z"}]


async def test_elements_are_those_of_the_results_and_a_summary_is_of_all(client: httpx.AsyncClient) -> None:
    await store(client, OBSERVATION, PATIENT)
    query = "/Observation?_include=Observation:subject"
    for more, photo, text in (
        ("_elements=note", True, True),
        ("_elements=note,Patient.birthDate", False, False),
        ("_summary=true", False, False),
    ):
        bundle = await shown(client, f"{query}&{more}")
        assert (ids(bundle), ids(bundle, "include")) == (["o"], ["p"])
        (patient,) = [item["resource"] for item in bundle["entry"] if item["search"]["mode"] == "include"]
        assert (("photo" in patient), ("text" in patient)) == (photo, text), more
        assert more.split("=")[0] in (link(bundle, "self") or "")


@pytest.mark.parametrize(
    "query",
    [
        "_summary=count",
        "_summary=",
        "_elements=nothing",
        "_summary=true&_elements=id",
        "_summary=true&_summary=text",
        "_elements=a.b.c",
    ],
)
async def test_what_a_read_does_not_take_is_refused(client: httpx.AsyncClient, query: str) -> None:
    await store(client, OBSERVATION)
    answer = await client.get(f"/Observation/o?{query}")
    assert (answer.status_code, code_of(answer)) == (400, "parameter-value")
    assert (await client.delete("/Observation/o?_summary=true")).status_code == 400


async def test_a_part_of_what_is_large_or_ours_is_shown_too(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Binary/b", content=b"x" * 500_000, headers={"Content-Type": "text/plain"})
    binary = await shown(client, "/Binary/b?_summary=true")
    assert (binary["contentType"], "data" in binary) == ("text/plain", False)
    bundle = await shown(client, "/AuditEvent?_elements=recorded&_count=1")
    event = bundle["entry"][0]["resource"]
    assert {"recorded", "agent", "source", "type"} <= set(event)
    assert "entity" not in event
    alone = await shown(client, f"/AuditEvent/{event['id']}?_elements=recorded")
    assert alone == event
