"""Conditions inside a transaction: conditional entries, references by condition, and what may not meet (R4 http.html#trules)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, ids, observation, patient, refused, statuses

ONE = "identifier=urn:mrn|1"
URN = [f"urn:uuid:00000000-0000-4000-8000-{n:012}" for n in range(4)]


def numbered(value: str = "1", id_: str | None = None, **more: Any) -> dict[str, Any]:
    return patient(id_, identifier=[{"system": "urn:mrn", "value": value}], **more)


def doctor(value: str, id_: str | None = None) -> dict[str, Any]:
    own = {"id": id_} if id_ else {}
    return {"resourceType": "Practitioner", **own, "identifier": [{"system": "urn:npi", "value": value}]}


def seen_by(*references: str) -> dict[str, Any]:
    return observation(None, "Patient/p1", performer=[{"reference": reference} for reference in references])


async def send(client: httpx.AsyncClient, *entries: dict[str, Any], **headers: str) -> httpx.Response:
    return await client.post("", json=bundle("transaction", *entries), headers=headers)


async def nothing_is_stored(client: httpx.AsyncClient, type_: str = "Observation") -> None:
    assert (await client.get(f"/{type_}?_summary=count")).json()["total"] == 0


# -- conditional entries -----------------------------------------------------------------------------------------------------


async def test_a_conditional_create_stands_for_what_is_there(client: httpx.AsyncClient) -> None:
    both = (
        entry("POST", "Patient", numbered(), URN[0], ifNoneExist=ONE),
        entry("POST", "Observation", observation(subject=URN[0])),
    )
    first, second = await send(client, *both), await send(client, *both)
    assert (statuses(first), statuses(second)) == (["201", "201"], ["200", "201"])
    one, two = (answer.json()["entry"][0]["response"] for answer in (first, second))
    assert (two["location"], two["etag"]) == (one["location"], one["etag"])
    (who,) = ids(await client.get("/Patient"))
    assert len(ids(await client.get(f"/Observation?subject=Patient/{who}"))) == 2
    shown = await send(client, both[0], Prefer="return=representation")
    assert shown.json()["entry"][0]["resource"]["id"] == who


async def test_conditional_update_and_delete(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/gone", json=numbered("2", "gone"))
    entries = [
        entry("PUT", f"Patient?{ONE}", numbered(), URN[0]),
        entry("DELETE", "Patient?identifier=urn:mrn|2"),
        entry("DELETE", "Patient?identifier=urn:mrn|3"),
        entry("POST", "Observation", observation(subject=URN[0])),
        entry("PUT", "Patient?identifier=urn:mrn|4", numbered("4", "mine")),
    ]
    answer = await send(client, *entries)
    assert statuses(answer) == ["201", "204", "204", "201", "201"]
    assert (await client.get("/Patient/gone")).status_code == 410
    assert (await client.get("/Patient/mine")).status_code == 200
    again = await send(client, *entries)
    assert statuses(again) == ["200", "204", "204", "201", "200"]
    assert [e["response"].get("etag") for e in again.json()["entry"][:2]] == ['W/"2"', None]
    (who,) = ids(await client.get(f"/Patient?{ONE}"))
    assert len(ids(await client.get(f"/Observation?subject=Patient/{who}"))) == 2


@pytest.mark.parametrize(
    ("second", "status", "code", "expression"),
    [
        (entry("POST", "Patient", numbered("9"), ifNoneExist="identifier=urn:mrn|9"), 412, "multiple-matches", "Bundle.entry[1]"),
        (entry("PUT", "Patient?identifier=urn:mrn|9", numbered("9")), 412, "multiple-matches", "Bundle.entry[1]"),
        (entry("DELETE", "Patient?identifier=urn:mrn|9"), 412, "multiple-matches", "Bundle.entry[1]"),
        (entry("PUT", "Patient?identifier=urn:mrn|8", numbered("8", "other")), 400, "id-mismatch", "Bundle.entry[1].resource.id"),
        (entry("PUT", "Patient?identifier=urn:mrn|7", numbered("7", "eight")), 409, "id-in-use", "Bundle.entry[1].resource.id"),
        (entry("PUT", "Patient?identifier=urn:mrn|8", numbered("8"), ifMatch='W/"4"'), 412, "version-conflict", "Bundle.entry[1]"),
        (entry("PUT", "Patient?identifier=urn:mrn|7", numbered("7"), ifMatch='W/"1"'), 412, "version-conflict", "Bundle.entry[1]"),
        (entry("DELETE", "Patient?identifier=urn:mrn|7", ifMatch='W/"1"'), 412, "version-conflict", "Bundle.entry[1]"),
        (entry("PUT", "Patient?identifier=urn:mrn|8", numbered("8"), ifNoneMatch="*"), 412, "version-conflict", "Bundle.entry[1]"),
        (entry("POST", "Patient?identifier=urn:mrn|8", numbered("8"), ifNoneExist="_id=x"), 400, "bundle-entry", "Bundle.entry[1].request.url"),
        (entry("PUT", "Patient?_format=json", numbered("8")), 400, "condition-criteria", "Bundle.entry[1].request.url"),
        (entry("PUT", "Nothing?_id=1", {"resourceType": "Nothing"}), 404, "unknown-type", "http.url"),
        (entry("DELETE", "AuditEvent?outcome=0"), 400, "condition-criteria", "Bundle.entry[1].request.url"),
        (entry("PUT", "Patient?_id=x#y", numbered("8")), 400, "bundle-entry", "Bundle.entry[1].request.url"),
    ],
)  # fmt: skip
async def test_one_condition_that_fails_and_nothing_is_stored(
    client: httpx.AsyncClient, second: dict[str, Any], status: int, code: str, expression: str
) -> None:
    for resource in (numbered("9", "nine"), numbered("9", "neun"), numbered("8", "eight")):
        await client.put(f"/Patient/{resource['id']}", json=resource)
    refused(await send(client, entry("POST", "Observation", observation()), second), status, code, expression)
    await nothing_is_stored(client)
    assert (await client.get("/Patient/eight")).headers["etag"] == 'W/"1"'


# -- two entries on one target (hapi-fhir#8183) ------------------------------------------------------------------------------

POST_IF = entry("POST", "Patient", numbered(), ifNoneExist=ONE)
PUT_IF = entry("PUT", f"Patient?{ONE}", numbered())
DELETE_IF = entry("DELETE", f"Patient?{ONE}")
MEETINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (PUT_IF, PUT_IF), (POST_IF, POST_IF), (POST_IF, PUT_IF), (DELETE_IF, POST_IF), (DELETE_IF, PUT_IF),
    (PUT_IF, entry("PUT", "Patient?identifier=urn:mrn%7C1,urn:mrn|1", numbered())),
    (PUT_IF, entry("PUT", f"Patient?active=true&{ONE}", numbered(active=True))),
    (PUT_IF, entry("PUT", "Patient/x", numbered("1", "x"))), (POST_IF, entry("POST", "Patient", numbered())),
    (POST_IF, entry("POST", "Patient", numbered(), ifNoneExist="identifier=1")),
]  # fmt: skip


@pytest.mark.parametrize("there_before", [False, True])
@pytest.mark.parametrize(("one", "two"), MEETINGS)
async def test_two_entries_that_come_to_one_resource_are_refused_by_name(
    client: httpx.AsyncClient, one: dict[str, Any], two: dict[str, Any], there_before: bool
) -> None:
    if there_before:
        await client.put("/Patient/x", json=numbered("1", "x", active=True))
    for first, second in ((one, two), (two, one)):
        answer = await send(client, entry("POST", "Observation", observation()), first, second)
        refused(answer, 400, "bundle-duplicate")
        text = answer.json()["issue"][0]["details"]["text"]
        assert "Bundle.entry[1]" in text
        assert "Bundle.entry[2]" in text
    await nothing_is_stored(client)


async def test_what_is_deleted_by_condition_may_be_made_anew(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/old", json=numbered("1", "old"))
    answer = await send(client, entry("POST", "Patient", numbered()), DELETE_IF)
    assert statuses(answer) == ["201", "204"]
    (new,) = ids(await client.get(f"/Patient?{ONE}"))
    assert new != "old"


# -- references by condition -------------------------------------------------------------------------------------------------


async def test_a_reference_by_condition_becomes_the_one_that_matches(client: httpx.AsyncClient) -> None:
    await client.put("/Practitioner/dr", json=doctor("1", "dr"))
    texts = ["Practitioner?identifier=urn:npi|1", "Practitioner?identifier=urn:npi%7C1", "Practitioner?identifier=1&_id=dr"]
    contained = {
        "resourceType": "Observation",
        "id": "c",
        "status": "final",
        "code": {"text": "x"},
        "performer": [{"reference": texts[0]}],
    }
    answer = await send(
        client, entry("POST", "Observation", {**seen_by(*texts), "contained": [contained], "note": [{"text": texts[0]}]})
    )  # fmt: skip
    assert statuses(answer) == ["201"]
    (stored,) = (e["resource"] for e in (await client.get("/Observation?performer=Practitioner/dr")).json()["entry"])
    assert [one["reference"] for one in stored["performer"]] == ["Practitioner/dr"] * 3
    assert stored["contained"][0]["performer"][0]["reference"] == "Practitioner/dr"
    assert stored["note"][0]["text"] == texts[0]


async def test_a_reference_by_condition_finds_what_the_transaction_makes(client: httpx.AsyncClient) -> None:
    await client.put("/Practitioner/moved", json=doctor("3", "moved"))
    await client.put("/Practitioner/gone", json=doctor("4", "gone"))
    answer = await send(
        client,
        entry("POST", "Observation", seen_by(*(f"Practitioner?identifier=urn:npi|{n}" for n in (1, 2, 3, 4)))),
        entry("POST", "Practitioner", doctor("1")),
        entry("PUT", "Practitioner/moved", doctor("2", "moved")),
        entry("POST", "Practitioner", doctor("3"), ifNoneExist="identifier=urn:npi|33"),
        entry("DELETE", "Practitioner/gone"),
        entry("PUT", "Practitioner?identifier=urn:npi|5", {**doctor("4"), "active": True}),
    )
    assert statuses(answer) == ["201", "201", "200", "201", "204", "201"]
    made = [e["response"].get("location", "").split("/fhir/")[-1].partition("/_history")[0] for e in answer.json()["entry"]]
    stored = (await client.get(f"/{made[0]}")).json()
    assert [one["reference"] for one in stored["performer"]] == [made[1], "Practitioner/moved", made[3], made[5]]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("Practitioner?identifier=urn:npi|0", 412, "no-match"), ("Practitioner?identifier=urn:npi|9", 412, "multiple-matches"),
        ("Practitioner?identifier=urn:npi|8", 412, "multiple-matches"), ("Practitioner?identifier=urn:npi|7", 412, "no-match"),
        ("Practitioner?nmae=x", 400, "unknown-parameter"), ("Practitioner?_count=1", 400, "condition-criteria"),
        ("Practitioner?identifier=urn:npi|1&_sort=_lastUpdated", 400, "condition-criteria"), ("Practitioner?name=%ff", 400, "parameter-value"),
        ("Practitioner?&", 400, "condition-criteria"), ("Patient?_id=p1", 412, "no-match"), ("AuditEvent?outcome=0", 400, "reference-target"),
        ("Medication?code=1", 400, "reference-target"), ("Practitioner?", 400, "reference-format"),
    ],
)  # fmt: skip
async def test_a_reference_that_does_not_mean_exactly_one_is_refused_where_it_stands(
    client: httpx.AsyncClient, text: str, status: int, code: str
) -> None:
    """8: one stored and one of the transaction; 7: only one that the transaction deletes."""
    for resource in (doctor("9", "a"), doctor("9", "b"), doctor("8", "c"), doctor("7", "d")):
        await client.put(f"/Practitioner/{resource['id']}", json=resource)
    answer = await send(
        client,
        entry("POST", "Practitioner", doctor("8")),
        entry("DELETE", "Practitioner/d"),
        entry("POST", "Observation", seen_by("Practitioner/c", text)),
    )
    refused(answer, status, code, "Bundle.entry[2].resource.performer[1].reference")
    if status == 412:
        assert "Bundle.entry[2]" in answer.json()["issue"][0]["details"]["text"]
    await nothing_is_stored(client)
    assert (await client.get("/Practitioner/d")).status_code == 200


async def test_a_conditional_create_that_is_not_needed_needs_no_references(client: httpx.AsyncClient) -> None:
    await client.post("/Patient", json=numbered())
    refers = numbered(generalPractitioner=[{"reference": "Practitioner?identifier=urn:npi|0"}])
    assert statuses(await send(client, entry("POST", "Patient", refers, ifNoneExist=ONE))) == ["200"]


async def test_references_by_condition_stay_inside_what_the_caller_sees(app: House, client: httpx.AsyncClient) -> None:
    for who in ("p1", "p2"):
        await client.put(f"/Patient/{who}", json=patient(who))
        encounter = {
            "resourceType": "Encounter", "id": f"e-{who}", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{who}"}, "identifier": [{"system": "urn:e", "value": who}],
        }  # fmt: skip
        await client.put(f"/Encounter/e-{who}", json=encounter)
    await client.put("/Practitioner/dr", json=doctor("1", "dr"))
    async with app.client("administrator", patient="p1") as limited:
        for who, status in (("p1", 200), ("p2", 412), ("none", 412)):
            body = seen_by("Practitioner?identifier=urn:npi|1") | {
                "encounter": {"reference": f"Encounter?identifier=urn:e|{who}"}
            }
            assert (await send(limited, entry("POST", "Observation", body))).status_code == status


async def test_outside_a_transaction_a_reference_by_condition_stays_as_it_is(client: httpx.AsyncClient) -> None:
    text = "Practitioner?identifier=urn:npi|1"
    made = await client.post("/Observation", json=seen_by(text))
    assert made.json()["performer"] == [{"reference": text}]


async def test_the_trail_names_what_conditions_found(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p1", json=numbered("1", "p1"))
    await client.put("/Practitioner/dr", json=doctor("1", "dr"))
    await send(client, POST_IF, entry("POST", "Observation", seen_by("Practitioner?identifier=urn:npi|1")))
    for reference in ("Patient/p1", "Practitioner/dr"):
        found = (await client.get(f"/AuditEvent?entity={reference}&subtype=transaction")).json()
        assert len(found["entry"]) == 1, reference


async def test_many_conditions_in_one_transaction(client: httpx.AsyncClient) -> None:
    posts = [entry("POST", "Patient", numbered(str(n)), ifNoneExist=f"identifier=urn:mrn|{n}") for n in range(150)]
    puts = [entry("PUT", f"Practitioner?identifier=urn:npi|{n}", doctor(str(n))) for n in range(100)]
    notes = [
        entry("POST", "Observation", seen_by(f"Practitioner?identifier=urn:npi|{n}", f"Patient?identifier=urn:mrn|{n}"))
        for n in range(100)
    ]
    first, second = await send(client, *posts, *puts, *notes), await send(client, *posts, *puts, *notes)
    assert set(statuses(first)) == {"201"}
    assert statuses(second) == ["200"] * 250 + ["201"] * 100
    assert (await client.get("/Patient?_summary=count")).json()["total"] == 150
