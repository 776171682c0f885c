"""A caller limited to one patient reaches that patient's record and nothing of another's, by whatever way (SMART patient/ scopes)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from in_process import House
from rest_help import FHIR, bundle, code_of, entry, ids, observation, patient, refused, statuses

from profiles import json
from server.sample.practice import practice_requests


def task(id_: str, who: str) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": id_,
        "status": "requested",
        "intent": "order",
        "for": {"reference": f"Patient/{who}"},
    }


def of(who: str) -> list[dict[str, Any]]:
    """A little of everything that can belong to a patient, types outside R4's compartment among them."""
    me = {"reference": f"Patient/{who}"}
    return [
        patient(who, name=[{"family": f"Family{who}"}], link=[{"other": {"reference": "Patient/p2" if who == "p1" else "Patient/p1"}, "type": "seealso"}]),
        observation(f"o-{who}", f"Patient/{who}", effectiveDateTime="2026-01-01"),
        {"resourceType": "Condition", "id": f"c-{who}", "subject": me},
        {"resourceType": "Coverage", "id": f"v-{who}", "status": "active", "beneficiary": me, "payor": [{"reference": "Organization/org"}]},
        {"resourceType": "DocumentReference", "id": f"d-{who}", "status": "current", "subject": me, "content": [{"attachment": {"url": f"Binary/b-{who}"}}]},
        {"resourceType": "Binary", "id": f"b-{who}", "contentType": "text/plain", "data": "eA==", "securityContext": me},
        task(f"t-{who}", who),
        {"resourceType": "Device", "id": f"g-{who}", "patient": me},
        {"resourceType": "RiskAssessment", "id": f"r-{who}", "status": "final", "subject": me},
    ]  # fmt: skip


OTHERS: list[dict[str, Any]] = [
    {"resourceType": "Organization", "id": "org", "name": "An insurer"},
    {"resourceType": "Practitioner", "id": "dr"},
    {"resourceType": "Binary", "id": "b-nobody", "contentType": "text/plain", "data": "eA=="},
    {"resourceType": "Bundle", "id": "stored", "type": "collection", "entry": [{"fullUrl": "urn:x", "resource": patient("p2")}]},
    {"resourceType": "Parameters", "id": "stored", "parameter": [{"name": "x", "valueString": "of somebody"}]},
    {"resourceType": "Subscription", "id": "s", "status": "off", "reason": "x", "criteria": "Claim?patient=p2", "channel": {"type": "rest-hook"}},
]  # fmt: skip
PERSONAL = sorted({resource["resourceType"] for resource in of("p1")} | {"Bundle", "Parameters", "Subscription"})


@pytest.fixture
async def filled(app: House, client: httpx.AsyncClient) -> House:
    for resource in [*of("p1"), *of("p2"), *OTHERS]:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code == 201, answer.text
    return app


@pytest.fixture(params=["administrator with --patient", "patient"])
async def limited(request: pytest.FixtureRequest, filled: House) -> AsyncIterator[httpx.AsyncClient]:
    role = "patient" if request.param == "patient" else "administrator"
    async with filled.client(role, patient="p1") as client:
        yield client


async def test_the_own_record_is_there_and_no_other(limited: httpx.AsyncClient) -> None:
    for mine, theirs in zip(of("p1"), of("p2"), strict=True):
        type_ = mine["resourceType"]
        assert (await limited.get(f"/{type_}/{mine['id']}")).status_code == 200, type_
        for address in (
            f"/{type_}/{theirs['id']}",
            f"/{type_}/{theirs['id']}/_history/1",
            f"/{type_}/{theirs['id']}/_history",
        ):
            refused(await limited.get(address), 404, "not-found")
        assert ids(await limited.get(f"/{type_}")) == [mine["id"]]
        assert ids(await limited.get(f"/{type_}?_id={theirs['id']}")) == []
        assert (await limited.get(f"/{type_}?_summary=count")).json()["total"] == 1
        assert (await limited.get(f"/{type_}?_total=accurate")).json()["total"] == 1


async def test_what_may_hold_anybody_s_data_and_does_not_say_whose_is_out_of_reach(limited: httpx.AsyncClient) -> None:
    for resource in OTHERS[2:]:
        refused(await limited.get(f"/{resource['resourceType']}/{resource['id']}"), 404, "not-found")
        assert resource["id"] not in ids(await limited.get(f"/{resource['resourceType']}"))


async def test_what_belongs_to_nobody_is_readable(limited: httpx.AsyncClient) -> None:
    for resource in OTHERS[:2]:
        assert (await limited.get(f"/{resource['resourceType']}/{resource['id']}")).status_code == 200


async def test_searches_includes_and_batches_stay_inside(limited: httpx.AsyncClient) -> None:
    for query in (
        "?patient=p2",
        "?subject=Patient/p2",
        "?patient=p1,p2",
        "?date=ge2020",
        "?date=ge2020&_sort=date",
        "?_sort=-_lastUpdated",
    ):
        assert set(ids(await limited.get(f"/Observation{query}"))) <= {"o-p1"}
    assert ids(await limited.get("/Patient?family=family")) == ["p1"]
    answer = await limited.get("/Patient?_include=Patient:link")
    assert (ids(answer), ids(answer, "include")) == (["p1"], [])
    batch = await limited.post(
        "",
        json=bundle(
            "batch",
            entry("GET", "Patient/p1"),
            entry("GET", "Patient/p2"),
            entry("GET", "Observation"),
            entry("GET", "Task/t-p2"),
        ),
    )
    assert statuses(batch) == ["200", "404", "200", "404"]
    assert "p2" not in [e["resource"]["id"][-2:] for e in batch.json()["entry"][2]["resource"]["entry"]]


async def test_the_patient_s_own_role_writes_nothing(filled: House) -> None:
    async with filled.client("patient", patient="p1") as limited:
        for answer in (
            await limited.put("/Observation/o-p1", json=observation("o-p1")),
            await limited.post("/Observation", json=observation()),
            await limited.delete("/Observation/o-p1"),
            await limited.post("", json=bundle("transaction", entry("POST", "Observation", observation()))),
        ):
            refused(answer, 403, "forbidden")


async def test_writes_stay_inside(filled: House, client: httpx.AsyncClient) -> None:
    async with filled.client("administrator", patient="p1") as limited:
        assert (await limited.put("/Observation/o-p1", json=observation("o-p1", "Patient/p1"))).status_code == 200
        assert (await limited.post("/Observation", json=observation(None, "Patient/p1"))).status_code == 201
        assert (await limited.put("/Task/t-p1", json=task("t-p1", "p1"))).status_code == 200
        for answer in (
            await limited.put("/Observation/o-p1", json=observation("o-p1", "Patient/p2")),
            await limited.post("/Observation", json=observation(None, "Patient/p2")),
            await limited.post(
                "/Observation", json={"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
            ),
            await limited.post("/Patient", json=patient()),
            await limited.put("/Organization/org", json=OTHERS[0]),
            await limited.post("/Organization", json={"resourceType": "Organization", "name": "x"}),
            await limited.delete("/Organization/org"),
            await limited.put("/Task/t-p1", json=task("t-p1", "p2")),
            await limited.post("/Bundle", json={"resourceType": "Bundle", "type": "collection"}),
        ):
            refused(answer, 403, "forbidden")
        # An id that is another's and one that is nobody's are answered alike, so that neither can be told from the other.
        for type_, id_, body in (
            ("Observation", "o-p2", observation("o-p2", "Patient/p1")),
            ("Observation", "new", observation("new", "Patient/p1")),
            ("Patient", "p2", patient("p2")),
            ("Patient", "p9", patient("p9")),
            ("Binary", "b-nobody", {**OTHERS[2], "securityContext": {"reference": "Patient/p1"}}),
        ):
            refused(await limited.put(f"/{type_}/{id_}", json=body), 404, "not-found")
            one = bundle("transaction", entry("PUT", f"{type_}/{id_}", body))
            assert code_of(await limited.post("", json=one)) == "not-found"
        for address in ("/Observation/o-p2", "/Patient/p2", "/Task/t-p2", "/Binary/b-nobody"):
            refused(await limited.delete(address), 404, "not-found")
        for one in (
            entry("DELETE", "Organization/org"),
            entry("POST", "Observation", observation(None, "Patient/p2")),
        ):
            inside = entry("POST", "Observation", observation(None, "Patient/p1", note=[{"text": "never"}]))
            refused(await limited.post("", json=bundle("transaction", inside, one)), 403, "forbidden")
        answer = await limited.post("", json=bundle("transaction", entry("DELETE", "Observation/o-p2")))
        assert statuses(answer) == ["204"]  # as for one that is not there
    assert (await client.get("/Observation/o-p2")).json()["meta"]["versionId"] == "1"
    assert (await client.get("/Organization/org")).status_code == 200


async def test_a_record_that_changes_hands_is_seen_by_its_present_owner_in_its_present_state(
    filled: House, client: httpx.AsyncClient
) -> None:
    await client.put("/Observation/x", json=observation("x", "Patient/p2", note=[{"text": "of p2"}]))
    await client.put("/Observation/x", json=observation("x", "Patient/p1"))
    async with filled.client("patient", patient="p1") as limited:
        assert (await limited.get("/Observation/x")).status_code == 200
        refused(await limited.get("/Observation/x/_history/1"), 404, "not-found")
        history = (await limited.get("/Observation/x/_history")).json()
        assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["2"]
        assert "of p2" not in str(history)
    async with filled.client("patient", patient="p2") as limited:
        refused(await limited.get("/Observation/x"), 404, "not-found")
        refused(await limited.get("/Observation/x/_history/1"), 404, "not-found")
    await client.delete("/Observation/x")
    async with filled.client("patient", patient="p2") as limited:
        refused(await limited.get("/Observation/x"), 404, "not-found")
    async with filled.client("patient", patient="p1") as limited:
        refused(await limited.get("/Observation/x"), 410, "gone")


async def test_narrow_scopes_open_no_more_than_they_say(filled: House) -> None:
    async with filled.client("administrator", patient="p1", scope="patient/Observation.r") as narrow:
        assert (await narrow.get("/Observation/o-p1")).status_code == 200
        refused(await narrow.get("/Observation"), 403, "forbidden")
        refused(await narrow.get("/Condition/c-p1"), 403, "forbidden")
        refused(await narrow.get("/Organization/org"), 403, "forbidden")
    async with filled.client("administrator", patient="p1", scope="patient/*.rs user/Organization.r") as mixed:
        assert ids(await mixed.get("/Observation")) == ["o-p1"]


async def test_attempts_on_another_s_record_are_found_with_it(
    limited: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await limited.get("/Patient/p2")
    found = (await client.get("/AuditEvent?patient=p2&outcome=4")).json()["entry"]
    assert len(found) == 1


async def test_operations_store_nothing_in_another_s_record(practice: House) -> None:
    """A token for p01 sends each of the practice's requests anew: only p01's own is taken, with its documents."""
    async with practice.client("staff", patient="p01") as limited, practice.client() as everybody:
        before = (await everybody.get("/Claim?_summary=count")).json()["total"]
        taken = []
        for request in practice_requests(datetime.now(UTC).date()):
            request["entry"][0]["resource"]["identifier"][0]["value"] += "-again"
            request["identifier"]["value"] = str(uuid4())
            who = {e["resource"]["id"] for e in request["entry"] if e["resource"]["resourceType"] == "Patient"}
            answer = await limited.post("/Claim/$submit", content=json.dumps(request), headers=FHIR)
            if who == {"p01"}:
                assert answer.status_code == 200, answer.text
                taken.append(answer)
            else:
                refused(answer, 403, "forbidden")
        assert taken
        assert (await everybody.get("/Claim?_summary=count")).json()["total"] == before + len(taken)
        own = await limited.get("/Claim")
        assert {e["resource"]["patient"]["reference"].split("/_history")[0] for e in own.json()["entry"]} == {"Patient/p01"}


async def test_a_document_s_bytes_are_as_visible_as_the_document(practice: House) -> None:
    async with practice.client("staff", patient="p01") as limited, practice.client() as everybody:
        seen = hidden = 0
        for item in (await everybody.get("/Binary?_count=1000")).json()["entry"]:
            binary = item["resource"]
            document = await limited.get(f"/{binary['securityContext']['reference']}")
            answer = await limited.get(f"/Binary/{binary['id']}")
            assert answer.status_code == document.status_code
            seen += answer.status_code == 200
            hidden += answer.status_code == 404
        assert seen > 0
        assert hidden > 0


async def test_a_record_that_goes_over_to_another_patient_while_it_is_searched_for_is_not_shown(
    filled: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what the store finds and what it then fetches, others may write."""
    store = filled.services.store
    find = type(store).find

    async def found_and_changed(self: Any, plan: Any) -> Any:
        hits = await find(self, plan)
        monkeypatch.setattr(type(store), "find", find)
        moved = await client.put("/Observation/o-p1", json=observation("o-p1", "Patient/p2", note=[{"text": "of p2"}]))
        assert moved.status_code == 200, moved.text
        return hits

    async with filled.client("patient", patient="p1") as own:
        assert ids(await own.get("/Observation")) == ["o-p1"]
        monkeypatch.setattr(type(store), "find", found_and_changed)
        answer = await own.get("/Observation")
        assert (ids(answer), "of p2" in answer.text) == ([], False)
