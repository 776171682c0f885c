"""Conditional create, update and delete (R4 http.html#ccreate, #cond-update, 3.1.0.7.1) for none, one and several matches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import BASE, House, running_house
from rest_help import bundle, entry, ids, observation, patient, refused, statuses

ONE = "identifier=urn:mrn|1"


def numbered(value: str = "1", id_: str | None = None, **more: Any) -> dict[str, Any]:
    return patient(id_, identifier=[{"system": "urn:mrn", "value": value}], **more)


def when(text: str) -> dict[str, str]:
    return {"If-None-Exist": text}


async def total(client: httpx.AsyncClient, query: str = "") -> int:
    found: int = (await client.get(f"/Patient?_summary=count{query}")).json()["total"]
    return found


# -- create ------------------------------------------------------------------------------------------------------------------


async def test_created_once_and_then_answered_with_what_is_there(client: httpx.AsyncClient) -> None:
    first = await client.post("/Patient", json=numbered(active=True), headers=when(ONE))
    again = await client.post("/Patient", json=numbered(active=False), headers=when(ONE))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    for name in ("location", "etag", "last-modified"):
        assert again.headers[name] == first.headers[name]
    assert await total(client) == 1
    minimal = await client.post("/Patient", json=numbered(), headers={**when(ONE), "Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (200, b"")


async def test_criteria_in_the_address_are_the_same(client: httpx.AsyncClient, app: House) -> None:
    first = await client.post(f"/Patient?{ONE}&_format=json", json=numbered(active=True))
    again = await client.post(f"/Patient?{ONE}", json=numbered(active=False))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    refused(await client.post("/Patient?nonsense=1", json=numbered()), 400, "unknown-parameter")
    refused(await client.post("/Patient?_count=1", json=numbered()), 400, "condition-criteria")
    refused(await client.post(f"/Patient?{ONE}", json=numbered(), headers=when(ONE)), 400, "condition-criteria")
    batch = bundle("batch", entry("POST", f"Patient?{ONE}", numbered()))
    assert statuses(await client.post("", json=batch)) == ["200"]
    refused(await client.post("", json={**batch, "type": "transaction"}), 400, "bundle-entry")
    async with app.client("staff", scope="user/Patient.c") as other:  # who may not search
        refused(await other.post(f"/Patient?{ONE}", json=numbered()), 403, "forbidden")
    raw = await client.post("/Binary?_id=x", content=b"x", headers={"Content-Type": "text/plain"})
    refused(raw, 400, "unknown-parameter")
    await client.post("/Patient", json=numbered())
    refused(await client.post(f"/Patient?{ONE}", json=numbered()), 412, "multiple-matches", "http.url")
    assert await total(client) == 2


async def test_several_matches_are_refused(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post("/Patient", json=numbered())
    refused(
        await client.post("/Patient", json=numbered(), headers=when(ONE)), 412, "multiple-matches", "http.If-None-Exist"
    )
    assert await total(client) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"?{ONE}", f"Patient?{ONE}", f"{BASE}/Patient?{ONE}", "identifier=urn%3Amrn%7C1", "identifier=urn:mrn%7c1", f"{ONE}&{ONE}",
        "identifier=urn:mrn|1,urn:mrn|1", f" {ONE} ",
    ],
)  # fmt: skip
async def test_ways_to_write_the_same_criteria(client: httpx.AsyncClient, text: str) -> None:
    assert (await client.post("/Patient", json=numbered(), headers=when(ONE))).status_code == 201
    assert (await client.post("/Patient", json=numbered(), headers=when(text))).status_code == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "condition-criteria"), ("?", "condition-criteria"), ("Patient?", "condition-criteria"), ("&&", "condition-criteria"),
        ("_count=1", "condition-criteria"), (f"{ONE}&_sort=_lastUpdated", "condition-criteria"), (f"{ONE}&_format=json", "condition-criteria"),
        (f"{ONE}&_include=Patient:link", "condition-criteria"), (f"{ONE}&_include:iterate=Patient:link", "condition-criteria"),
        ("_summary=count", "condition-criteria"), (f"Observation?{ONE}", "condition-criteria"), ("http://other.example/Patient?_id=1", "condition-criteria"),
        ("nmae=x", "unknown-parameter"), (f"{ONE}&nmae=x", "unknown-parameter"), (f"{ONE}&_revinclude=Claim:patient", "condition-criteria"),
        ("identifier", "parameter-value"), ("identifier=", "parameter-value"), ("identifier=a|b|c", "parameter-value"), ("birthdate=x", "parameter-value"),
        ("identifier:no=x", "parameter-modifier"), ("name=%ff", "parameter-value"),
        ("identifier=" + ",".join("abc"[n % 3] + str(n) for n in range(300)), "search-too-costly"),
    ],
)  # fmt: skip
async def test_what_is_no_condition_is_refused_and_nothing_stored(client: httpx.AsyncClient, text: str, code: str) -> None:
    for lenient in ({}, {"Prefer": "handling=lenient"}):
        answer = await client.post("/Patient", json=numbered(), headers={**when(text), **lenient})
        refused(answer, 400, code, "http.If-None-Exist")
    assert await total(client) == 0


async def test_criteria_in_utf_8(client: httpx.AsyncClient) -> None:
    body = patient(name=[{"family": "Müller"}])
    for text in ("family=Müller".encode(), b"family=M%C3%BCller", "family=MÜLLER".encode(), b"family=muller"):
        answer = await client.post("/Patient", json=body, headers=[(b"If-None-Exist", text)])
        assert answer.status_code in {200, 201}, answer.text
    assert await total(client) == 1
    latin = await client.post("/Patient", json=body, headers=[(b"If-None-Exist", b"family=M\xfcller")])
    refused(latin, 400, "condition-criteria", "http.If-None-Exist")


async def test_a_body_that_is_wrong_is_wrong_also_when_it_is_not_needed(client: httpx.AsyncClient) -> None:
    await client.post("/Patient", json=numbered(), headers=when(ONE))
    refused(await client.post("/Patient", json=numbered(nmae=1), headers=when(ONE)), 400, "unknown-element")


async def test_what_was_deleted_or_changed_no_longer_matches(client: httpx.AsyncClient) -> None:
    """The key of the criteria was given to a resource that is gone, and stands in nobody's way."""
    made = [await client.post("/Patient", json=numbered(), headers=when(ONE))]
    await client.delete(f"/Patient/{made[0].json()['id']}")
    made.append(await client.post("/Patient", json=numbered(), headers=when(ONE)))
    second = made[1].json()["id"]
    await client.put(f"/Patient/{second}", json=numbered("2", second))
    made.append(await client.post("/Patient", json=numbered(), headers=when(ONE)))
    assert [answer.status_code for answer in made] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in made}) == 3
    assert (await client.post("/Patient", json=numbered(), headers=when(ONE))).json()["id"] == made[2].json()["id"]


async def test_created_without_condition_counts(client: httpx.AsyncClient) -> None:
    plain = await client.post("/Patient", json=numbered())
    assert (await client.post("/Patient", json=numbered(), headers=when(ONE))).json()["id"] == plain.json()["id"]


async def test_what_does_not_meet_its_own_condition_is_created_each_time(client: httpx.AsyncClient) -> None:
    codes = [(await client.post("/Patient", json=numbered("2"), headers=when(ONE))).status_code for _ in range(3)]
    assert codes == [201, 201, 201]


async def test_conditions_of_many_kinds(client: httpx.AsyncClient) -> None:
    body = observation(
        effectiveDateTime="2026-03-01", valueQuantity={"value": 5.4, "unit": "mg"}, category=[{"coding": [{"system": "urn:c", "code": "x"}]}]
    )  # fmt: skip
    texts = [
        "subject=Patient/p1&date=2026-03-01", "date=ge2026-02&patient=p1", f"subject={BASE}/Patient/p1&category=urn:c|x",
        "value-quantity=gt5&subject:Patient=p1", "category:not=y&patient=p1", "_lastUpdated=ge2020&status=final,amended",
    ]  # fmt: skip
    codes = [(await client.post("/Observation", json=body, headers=when(text))).status_code for text in texts]
    assert codes == [201, 200, 200, 200, 200, 200]


# -- update ------------------------------------------------------------------------------------------------------------------


async def test_updated_where_one_matches_and_created_where_none_does(client: httpx.AsyncClient) -> None:
    first = await client.put(f"/Patient?{ONE}", json=numbered(active=True))
    again = await client.put(f"/Patient?{ONE}", json=numbered(active=False))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["etag"] == 'W/"2"'
    assert again.headers["location"] == f"{BASE}/Patient/{first.json()['id']}/_history/2"
    with_id = await client.put(f"/Patient?{ONE}", json=numbered(id_=first.json()["id"]))
    assert (with_id.status_code, with_id.headers["etag"]) == (200, 'W/"3"')
    assert await total(client) == 1


async def test_an_update_by_condition_with_an_id(client: httpx.AsyncClient) -> None:
    made = await client.put(f"/Patient?{ONE}", json=numbered(id_="mine"))
    assert (made.status_code, made.json()["id"]) == (201, "mine")
    refused(await client.put(f"/Patient?{ONE}", json=numbered(id_="other")), 400, "id-mismatch", "Patient.id")
    other = await client.put("/Patient?identifier=urn:mrn|2", json=numbered("2", "mine"))
    refused(other, 409, "id-in-use", "Patient.id")
    assert (await client.get("/Patient/mine")).headers["etag"] == 'W/"1"'
    await client.delete("/Patient/mine")
    back = await client.put(f"/Patient?{ONE}", json=numbered(id_="mine"))
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')
    for id_ in ("a b", "", 7, None, ["x"]):
        answer = await client.put("/Patient?identifier=urn:mrn|3", json=numbered("3") | {"id": id_})
        assert answer.status_code == 400, answer.text


async def test_an_update_is_refused_where_several_match(client: httpx.AsyncClient) -> None:
    for id_ in ("a", "b"):
        await client.put(f"/Patient/{id_}", json=numbered(id_=id_))
    for body in (numbered(), numbered(id_="a")):
        refused(await client.put(f"/Patient?{ONE}", json=body), 412, "multiple-matches", "http.url")
    assert (await client.get("/Patient/a")).headers["etag"] == 'W/"1"'


async def test_other_conditions_beside_the_criteria(client: httpx.AsyncClient) -> None:
    refused(await client.put(f"/Patient?{ONE}", json=numbered(), headers={"If-Match": 'W/"1"'}), 412, "version-conflict")
    only_new = {"If-None-Match": "*"}
    assert (await client.put(f"/Patient?{ONE}", json=numbered(), headers=only_new)).status_code == 201
    refused(await client.put(f"/Patient?{ONE}", json=numbered(), headers=only_new), 412, "version-conflict")
    refused(await client.put(f"/Patient?{ONE}", json=numbered(), headers={"If-Match": 'W/"2"'}), 412, "version-conflict")
    assert (await client.put(f"/Patient?{ONE}", json=numbered(), headers={"If-Match": 'W/"1"'})).status_code == 200


async def test_an_address_may_say_how_the_answer_looks(client: httpx.AsyncClient) -> None:
    answer = await client.put(f"/Patient?{ONE}&_format=json&_pretty=true", json=numbered())
    assert answer.status_code == 201
    assert answer.text.startswith("{\n")
    for method in ("PUT", "DELETE"):
        body = numbered() if method == "PUT" else None
        for query in ("", "?_format=json", "?_count=1", f"?{ONE}&_count=1"):
            refused(await client.request(method, f"/Patient{query}", json=body), 400, "condition-criteria", "http.url")
        lenient = await client.request(method, "/Patient?nmae=x", json=body, headers={"Prefer": "handling=lenient"})
        refused(lenient, 400, "unknown-parameter", "http.url")
    assert await total(client) == 1


# -- delete ------------------------------------------------------------------------------------------------------------------


async def test_one_match_is_deleted_none_is_no_fault_and_several_are_refused(client: httpx.AsyncClient) -> None:
    for id_, value in (("a", "1"), ("b", "2"), ("c", "2")):
        await client.put(f"/Patient/{id_}", json=numbered(value, id_))
    gone = await client.delete(f"/Patient?{ONE}")
    assert (gone.status_code, gone.content, gone.headers["etag"]) == (204, b"", 'W/"2"')
    assert (await client.get("/Patient/a")).status_code == 410
    again = await client.delete(f"/Patient?{ONE}")
    assert (again.status_code, "etag" in again.headers) == (204, False)
    refused(await client.delete("/Patient?identifier=urn:mrn|2"), 412, "multiple-matches", "http.url")
    assert await total(client) == 2


async def test_a_delete_with_if_match(client: httpx.AsyncClient) -> None:
    refused(await client.delete(f"/Patient?{ONE}", headers={"If-Match": 'W/"1"'}), 412, "version-conflict")
    await client.post("/Patient", json=numbered())
    refused(await client.delete(f"/Patient?{ONE}", headers={"If-Match": 'W/"2"'}), 412, "version-conflict")
    assert (await client.delete(f"/Patient?{ONE}", headers={"If-Match": 'W/"1"'})).status_code == 204


async def test_several_are_deleted_where_the_operator_allows_it(tmp_path: Path) -> None:
    async with running_house(tmp_path, ASSENT_CONDITIONAL_DELETE="multiple") as house, house.client() as client:
        statement = (await client.get("/metadata")).json()["rest"][0]["resource"]
        told = {resource["type"]: resource["conditionalDelete"] for resource in statement}
        assert told.pop("AuditEvent") == "not-supported"
        assert set(told.values()) == {"multiple"}
        for value in ("1", "1", "1", "2"):
            await client.post("/Patient", json=numbered(value))
        assert (await client.delete(f"/Patient?{ONE}")).status_code == 204
        assert (await total(client), await total(client, f"&{ONE}")) == (1, 0)


# -- who may, and what is noted ----------------------------------------------------------------------------------------------


async def test_a_condition_needs_the_right_to_search(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=numbered(id_="p"))
    async with app.client(scope="user/Patient.cud user/Observation.cuds user/Observation.r") as blind:
        for answer in (
            await blind.post("/Patient", json=numbered(), headers=when(ONE)),
            await blind.put(f"/Patient?{ONE}", json=numbered()),
            await blind.delete(f"/Patient?{ONE}"),
            await blind.post("", json=bundle("transaction", entry("DELETE", f"Patient?{ONE}"))),
            await blind.post(
                "", json=bundle("transaction", entry("POST", "Observation", observation(None, f"Patient?{ONE}")))
            ),
        ):
            refused(answer, 403, "forbidden")
    async with app.client(scope="user/Patient.us") as editor:
        assert (await editor.put(f"/Patient?{ONE}", json=numbered())).status_code == 200
        refused(await editor.put("/Patient?identifier=urn:mrn|9", json=numbered("9")), 403, "forbidden")
        refused(await editor.delete(f"/Patient?{ONE}"), 403, "forbidden")


async def test_what_the_caller_may_not_see_does_not_match(app: House, client: httpx.AsyncClient) -> None:
    """Neither a 200 nor a 412 tells of another patient's record, also when that was made under the same condition."""
    of = {"identifier": [{"system": "urn:o", "value": "1"}]}
    condition = when("identifier=urn:o|1")
    for who in ("p1", "p2"):
        await client.put(f"/Patient/{who}", json=patient(who))
    for _ in range(2):
        await client.post("/Observation", json=observation(None, "Patient/p2", **of))
    refused(
        await client.post("/Observation", json=observation(None, "Patient/p2", **of), headers=condition),
        412,
        "multiple-matches",
    )
    async with app.client("administrator", patient="p1") as limited:
        made = await limited.post("/Observation", json=observation(None, "Patient/p1", **of), headers=condition)
        again = await limited.post("/Observation", json=observation(None, "Patient/p1", **of), headers=condition)
        assert (made.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == made.json()["id"]
        changed = await limited.put("/Observation?identifier=urn:o|1", json=observation(None, "Patient/p1", **of))
        assert (changed.status_code, changed.json()["id"]) == (200, made.json()["id"])
        assert (await limited.delete("/Observation?identifier=urn:o|1")).status_code == 204
        assert (await limited.delete("/Observation?identifier=urn:o|1")).status_code == 204
        foreign = await limited.post("/Observation", json=observation(None, "Patient/p2", **of), headers=condition)
        refused(foreign, 403, "forbidden")
    assert len(ids(await client.get("/Observation?identifier=urn:o|1"))) == 2


async def test_other_tenants_do_not_match(app: House, client: httpx.AsyncClient) -> None:
    await client.post("/Patient", json=numbered(), headers=when(ONE))
    async with app.client(tenant="other") as other:
        other.base_url = httpx.URL(f"{app.root}/t/other/fhir")
        assert (await other.post("/Patient", json=numbered(), headers=when(ONE))).status_code == 201
        assert (await other.delete(f"/Patient?{ONE}")).status_code == 204
    assert await total(client) == 1


async def test_the_trail_says_what_was_found_and_done(client: httpx.AsyncClient) -> None:
    await client.post("/Patient", json=numbered(id_="p"), headers=when(ONE))
    who = (await client.get(f"/Patient?{ONE}")).json()["entry"][0]["resource"]["id"]
    await client.post("/Patient", json=numbered(), headers=when(ONE))
    events = [e["resource"] for e in (await client.get(f"/AuditEvent?entity=Patient/{who}&subtype=create")).json()["entry"]]
    assert sorted(event["action"] for event in events) == ["C", "R"]
    assert all(any("query" in item for item in event["entity"]) for event in events)


# -- batches -----------------------------------------------------------------------------------------------------------------


async def test_conditions_in_a_batch(client: httpx.AsyncClient) -> None:
    answer = await client.post("", json=bundle(
        "batch",
        entry("POST", "Patient", numbered(), ifNoneExist=ONE),
        entry("POST", "Patient", numbered(), ifNoneExist=ONE),
        entry("PUT", f"Patient?{ONE}", numbered(active=True)),
        entry("GET", f"Patient?{ONE}"),
        entry("DELETE", f"Patient?{ONE}"),
        entry("DELETE", "Patient"),
        entry("PUT", "Patient/new", patient("new"), ifNoneMatch="*"),
        entry("PUT", "Patient/new", patient("new"), ifNoneMatch="*"),
        entry("GET", "Patient/new", ifNoneMatch='W/"1"'),
        entry("POST", "Patient", patient(name=[{"family": "Łukasz"}]), ifNoneExist="family=Łukasz"),
        entry("POST", "Patient", patient(name=[{"family": "Łukasz"}]), ifNoneExist="family=%C5%81ukasz"),
        entry("DELETE", "Patient?family=Łukasz"),
        entry("DELETE", "Patient?family=a#b"),
    ))  # fmt: skip
    assert statuses(answer) == ["201", "200", "200", "200", "204", "400", "201", "412", "304", "201", "200", "204", "400"]
    assert ids(await client.get("/Patient")) == ["new"]


@pytest.mark.parametrize(
    ("method", "request_part", "code"),
    [
        ("PUT", {"ifNoneExist": ONE}, "bundle-entry"), ("DELETE", {"ifNoneMatch": "*"}, "bundle-entry"), ("POST", {"ifNoneMatch": "*"}, "bundle-entry"),
        ("POST", {"ifNoneExist": 7}, "bundle-entry"), ("POST", {"ifNoneExist": None}, "bundle-entry"), ("PUT", {"ifNoneMatch": {}}, "bundle-entry"),
        ("PUT", {"ifModifiedSince": "2026-01-01T00:00:00Z"}, "bundle-entry"), ("PUT", {"ifMatch": []}, "bundle-entry"),
    ],
)  # fmt: skip
async def test_conditions_that_do_not_fit_their_entry(
    client: httpx.AsyncClient, method: str, request_part: dict[str, Any], code: str
) -> None:
    url = "Patient" if method == "POST" else "Patient/p"
    body = patient("p") if method != "DELETE" else None
    (name,) = request_part
    for type_ in ("batch", "transaction"):
        answer = await client.post("", json=bundle(type_, entry(method, url, body, **request_part)))
        if type_ == "batch":
            issue = answer.json()["entry"][0]["response"]["outcome"]["issue"][0]
            assert (issue["details"]["coding"][0]["code"], issue["expression"]) == (
                code,
                [f"Bundle.entry[0].request.{name}"],
            )
        else:
            refused(answer, 400, code, f"Bundle.entry[0].request.{name}")
