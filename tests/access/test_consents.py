"""What a patient's consent denies is as if it were not there: for whom, why, of what and when the consent says (R4 consent.html)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from access_help import (
    actors,
    bundle,
    classes,
    consent,
    entry,
    ids,
    labelled,
    observation,
    patient,
    purposes,
    put,
    refused,
    statuses,
    total,
)
from in_process import House

from server.access import consents as consents_module
from server.access.consents import Consents
from server.repository import Repository
from server.seal.tenant_entries import consenting
from server.store.store import Commit, StoreUnavailableError

WHO = "Practitioner/doc"


def condition(id_: str, who: str, code: str) -> dict[str, Any]:
    coding = {"system": "http://snomed.info/sct", "code": code}
    return {
        "resourceType": "Condition",
        "id": id_,
        "subject": {"reference": f"Patient/{who}"},
        "code": {"coding": [coding]},
        "recordedDate": "2026-02-01",
    }


def document(id_: str, who: str) -> dict[str, Any]:
    content = [{"attachment": {"url": f"Binary/b-{id_}"}}]
    return {
        "resourceType": "DocumentReference",
        "id": id_,
        "status": "current",
        "subject": {"reference": f"Patient/{who}"},
        "content": content,
    }


def content_of(id_: str) -> dict[str, Any]:
    return {
        "resourceType": "Binary",
        "id": f"b-{id_}",
        "contentType": "text/plain",
        "data": "eA==",
        "securityContext": {"reference": f"DocumentReference/{id_}"},
    }


RECORD = [
    *[patient(who) for who in ("p1", "p2")],
    *[labelled(f"lab-{who}", "laboratory", who, effectiveDateTime="2026-01-01") for who in ("p1", "p2")],
    *[labelled(f"vital-{who}", "vital-signs", who, effectiveDateTime="2024-01-01") for who in ("p1", "p2")],
    *[condition(f"c-{who}", who, "13645005") for who in ("p1", "p2")],
    *[document(f"d-{who}", who) for who in ("p1", "p2")],
    *[content_of(f"d-{who}") for who in ("p1", "p2")],
    {"resourceType": "Organization", "id": "org", "name": "x"},
    {"resourceType": "Bundle", "id": "kept", "type": "collection"},
]
NAMES = {f"{one['resourceType']}/{one['id']}" for one in RECORD}


@pytest.fixture
async def filled(app: House) -> House:
    async with app.client() as client:
        await put(client, *RECORD)
    return app


@pytest.fixture
async def doctor(filled: House) -> AsyncIterator[httpx.AsyncClient]:
    async with filled.client("doctor", subject="doc") as client:
        yield client


async def reached(client: httpx.AsyncClient, **headers: str) -> set[str]:
    """What a caller can read; searches, counts and histories must say the same."""
    found = {name for name in sorted(NAMES) if (await client.get(f"/{name}", headers=headers)).status_code == 200}
    for type_ in sorted({name.partition("/")[0] for name in NAMES}):
        own = sorted(name.partition("/")[2] for name in found if name.startswith(f"{type_}/"))
        assert sorted(ids(await client.get(f"/{type_}", headers=headers))) == own, type_
        counted = (await client.get(f"/{type_}?_summary=count", headers=headers)).json()["total"]
        assert counted == len(own), type_
        listed = (await client.get(f"/{type_}/_history?_count=1000", headers=headers)).json().get("entry", [])
        assert sorted({item["resource"]["id"] for item in listed}) == own, type_
    return found


def of(who: str) -> set[str]:
    return {name for name in NAMES if name.endswith(who)}


LOOSE = {"Bundle/kept"}
"""What may hold anybody's data is hidden from everybody from whom anything is hidden."""


PROVISIONS: list[tuple[dict[str, Any], set[str]]] = [
    ({"type": "deny"}, of("p1") | LOOSE),
    ({"type": "permit"}, set()),
    ({"type": "deny", "actor": actors(WHO)}, of("p1") | LOOSE),
    ({"type": "deny", "actor": actors("Practitioner/other")}, set()),
    ({"type": "deny", "purpose": purposes("HPAYMT")}, of("p1") | LOOSE),
    ({"type": "deny", "purpose": purposes("TREAT")}, set()),
    ({"type": "deny", "class_": classes("Condition", "DocumentReference")}, {"Condition/c-p1", "DocumentReference/d-p1", "Binary/b-d-p1"} | LOOSE),
    ({"type": "deny", "class_": classes("Binary")}, {"Binary/b-d-p1"} | LOOSE),
    ({"type": "deny", "period": {"end": "2020-01-01"}}, set()),
    ({"type": "deny", "period": {"start": "2020-01-01", "end": "2090"}}, of("p1") | LOOSE),
    ({"type": "deny", "period": {"start": "2089"}}, set()),
    ({"type": "deny", "code": [{"coding": [{"system": "http://snomed.info/sct", "code": "13645005"}]}]}, {"Condition/c-p1"} | LOOSE),
    ({"type": "deny", "code": [{"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}]}, LOOSE),
    ({"type": "deny", "class_": classes("Observation"), "dataPeriod": {"end": "2025"}}, {"Observation/vital-p1"} | LOOSE),
    ({"type": "deny", "data": [{"meaning": "instance", "reference": {"reference": "Observation/lab-p1"}}]}, {"Observation/lab-p1"} | LOOSE),
    ({"type": "permit", "provision": [{"type": "deny", "class": classes("Condition")}]}, {"Condition/c-p1"} | LOOSE),
    ({"type": "deny", "provision": [{"type": "permit", "actor": actors(WHO)}]}, set()),
    ({"type": "deny", "provision": [{"type": "permit", "class": classes("Patient", "Observation"), "provision": [{"type": "deny", "data": [{"meaning": "instance", "reference": {"reference": "Observation/lab-p1"}}]}]}]},
     of("p1") - {"Patient/p1", "Observation/vital-p1"} | LOOSE),
    ({"provision": [{"type": "permit"}, {"type": "deny", "class": classes("Condition")}]}, {"Condition/c-p1"} | LOOSE),
    ({"type": "deny", "action": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "disclose"}]}]}, set()),
]  # fmt: skip


async def test_what_is_denied_is_not_there(filled: House, doctor: httpx.AsyncClient) -> None:
    async with filled.client() as everybody, filled.client("patient", patient="p1") as own:
        for provision, hidden in PROVISIONS:
            await put(everybody, consent("c", **dict(provision)))
            assert await reached(doctor) == NAMES - hidden, provision
            refused(await doctor.get("/Observation/missing"), 404, "not-found")
            assert (await own.get("/Observation/lab-p1")).status_code == 200
            assert (await own.get("/Patient/p1")).status_code == 200


async def test_consents_hold_from_the_moment_of_their_answer_until_they_are_changed(
    filled: House, doctor: httpx.AsyncClient
) -> None:
    async with filled.client() as everybody:
        for status, seen in (("active", 404), ("inactive", 200), ("active", 404)):
            await put(everybody, {**consent("c", type="deny"), "status": status})
            assert (await doctor.get("/Patient/p1")).status_code == seen
        assert (await everybody.delete("/Consent/c")).status_code == 204
        assert (await doctor.get("/Patient/p1")).status_code == 200


async def test_a_denial_by_one_consent_is_not_lifted_by_another(filled: House, doctor: httpx.AsyncClient) -> None:
    async with filled.client() as everybody:
        await put(
            everybody,
            consent("no", type="deny", class_=classes("Condition")),
            consent("yes", type="permit"),
            consent("p2", "p2", type="deny"),
        )
    assert await reached(doctor) == NAMES - of("p2") - {"Condition/c-p1"} - LOOSE


async def test_the_consent_itself_and_the_trail_are_never_hidden(filled: House, doctor: httpx.AsyncClient) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny"))
    assert (await doctor.get("/Consent/c")).status_code == 200
    assert ids(await doctor.get("/Consent?patient=p1")) == ["c"]
    await doctor.get("/Patient/p1")
    assert (await doctor.get("/AuditEvent?patient=p1&outcome=4")).json()["entry"]


async def test_the_purpose_decides_and_the_token_says_which_purposes_there_are(
    filled: House, doctor: httpx.AsyncClient
) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny", provision=[{"type": "permit", "purpose": purposes("TREAT")}]))
    assert (await doctor.get("/Patient/p1")).status_code == 404
    for purpose in ("TREAT", "ETREAT", "CAREMGT"):
        assert (await doctor.get("/Patient/p1", headers={"X-Purpose-Of-Use": purpose})).status_code == 200
    refused(await doctor.get("/Patient/p1", headers={"X-Purpose-Of-Use": "HMARKT"}), 403, "forbidden")
    async with filled.client("payer") as payer:
        refused(await payer.get("/Patient/p1", headers={"X-Purpose-Of-Use": "TREAT"}), 403, "forbidden")
        assert (await payer.get("/Patient/p1")).status_code == 404
    inside = await doctor.post("", json=bundle("batch", entry("GET", "Patient/p1")), headers={"X-Purpose-Of-Use": "TREAT"})
    assert statuses(inside) == ["200"]


async def test_a_token_is_good_for_the_purposes_that_it_names(filled: House) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny", provision=[{"type": "permit", "purpose": purposes("HRESCH")}]))
    async with filled.client("doctor", purpose=["HRESCH"]) as researcher:
        assert (await researcher.get("/Patient/p1")).status_code == 200
        refused(await researcher.get("/Patient/p1", headers={"X-Purpose-Of-Use": "TREAT"}), 403, "forbidden")
    async with filled.client("doctor", purpose=["TREAT", "HPAYMT"]) as other:
        refused(await other.get("/Patient/p1", headers={"X-Purpose-Of-Use": "HRESCH"}), 403, "forbidden")
        assert (await other.get("/Patient/p1")).status_code == 404


async def test_other_servers_heed_a_consent_within_a_second(filled: House) -> None:
    services = filled.services
    other = replace(services, consents=Consents(lambda tenant: False))
    repository = Repository(services.store, services.keyring.by_number(1), filled.base, services.clock)
    assert (await other.consents.held(repository)).is_silent
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny"))
    for _ in range(1200):
        if not (await other.consents.held(repository)).is_silent:
            break
        await asyncio.sleep(0.05)
    assert not (await other.consents.held(repository)).is_silent


async def test_callers_share_one_look_and_its_failure(filled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, callers before a database that does not answer would wait for as many timeouts."""
    services, looks = filled.services, 0
    repository = Repository(services.store, services.keyring.by_number(1), filled.base, services.clock)
    answers = asyncio.Event()

    async def silent(*_: Any) -> bytes:
        nonlocal looks
        looks += 1
        await answers.wait()
        raise StoreUnavailableError("busy")

    monkeypatch.setattr(type(services.store), "edition", silent)
    consents = Consents(lambda tenant: False)
    callers = [asyncio.create_task(consents.held(repository)) for _ in range(50)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0.01)
    answers.set()
    failures = await asyncio.gather(*callers, return_exceptions=True)
    assert looks == 1
    assert isinstance(failures[0], asyncio.CancelledError)
    assert all(isinstance(failure, StoreUnavailableError) for failure in failures[1:])


async def test_a_look_that_a_change_overtook_is_nobody_elses(filled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What began before a consent was stored does not answer for afterwards."""
    services = filled.services
    repository = Repository(services.store, services.keyring.by_number(1), filled.base, services.clock)
    begun, goes_on, real = asyncio.Event(), asyncio.Event(), consents_module._read

    async def slow(*arguments: Any) -> Any:
        found = await real(*arguments)
        begun.set()
        await goes_on.wait()
        return found

    monkeypatch.setattr(consents_module, "_read", slow)
    consents = Consents(lambda tenant: False)
    services = replace(services, consents=consents)
    early = asyncio.create_task(consents.held(repository))
    await begun.wait()
    await services.commit(Commit(1, [repository.prepare(consent("c", type="deny"), "c", None).put]))
    goes_on.set()
    assert (await early).is_silent
    assert not (await consents.held(repository)).is_silent


async def test_an_organization_is_denied_with_its_people(filled: House, doctor: httpx.AsyncClient) -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": WHO},
        "organization": {"reference": "Organization/org"},
    }
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny", actor=actors("Organization/org")))
        assert (await doctor.get("/Patient/p1")).status_code == 200
        await put(everybody, role)
        assert (await doctor.get("/Patient/p1")).status_code == 404
        async with filled.client("doctor", subject="x", fhir_user="PractitionerRole/r") as in_role:
            assert (await in_role.get("/Patient/p1")).status_code == 404
        await put(everybody, {**role, "active": False})
        assert (await doctor.get("/Patient/p1")).status_code == 200
        await put(everybody, consent("c", type="deny", actor=actors("PractitionerRole/r")), role)
        assert (await doctor.get("/Patient/p1")).status_code == 404


async def test_labels_hide_what_bears_them(filled: House, doctor: httpx.AsyncClient) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}
    async with filled.client() as everybody:
        await put(
            everybody,
            labelled("v", "laboratory", meta={"security": [label]}),
            consent("c", type="deny", securityLabel=[label]),
        )
    assert (await doctor.get("/Observation/v")).status_code == 404
    assert (await doctor.get("/Observation/lab-p1")).status_code == 200
    assert await total(doctor, "Observation?patient=p1") == 2


async def test_what_is_hidden_is_neither_written_over_nor_told_by_a_condition(
    filled: House, doctor: httpx.AsyncClient
) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny", class_=classes("Observation")))
    for id_ in ("lab-p1", "missing"):
        refused(await doctor.put(f"/Observation/{id_}", json=labelled(id_, "laboratory")), 404, "not-found")
        refused(await doctor.delete(f"/Observation/{id_}"), 404, "not-found")
        assert (await doctor.delete(f"/Observation?_id={id_}")).status_code == 204
    made = await doctor.post("/Observation", json=observation(None, "Patient/p2"), headers={"If-None-Exist": "_id=lab-p1"})
    assert made.status_code == 201
    assert (await doctor.put("/Condition/new", json=condition("new", "p1", "1"))).status_code == 201
    async with filled.client("patient", patient="p1") as own:
        assert (await own.get("/Observation/lab-p1")).json()["meta"]["versionId"] == "1"


async def test_includes_and_operations_leave_out_what_is_denied(filled: House, doctor: httpx.AsyncClient) -> None:
    assert ids(await doctor.get("/Observation?_include=Observation:subject&_id=lab-p1"), "include") == ["p1"]
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny", class_=classes("Patient", "DocumentReference")))
    assert ids(await doctor.get("/Observation?_include=Observation:subject&_id=lab-p1"), "include") == []
    refused(await doctor.post("/Binary/b-d-p1/$signed-link", json={"resourceType": "Parameters"}), 404, "not-found")
    refused(await doctor.get("/Patient/p1/$preview-risk"), 404, "not-found")


async def test_a_link_made_before_opens_nothing_that_was_denied_since(filled: House, doctor: httpx.AsyncClient) -> None:
    made = await doctor.post("/Binary/b-d-p1/$signed-link", json={"resourceType": "Parameters"})
    url = made.json()["parameter"][0]["valueUrl"]
    async with filled.client(None) as anybody, filled.client() as everybody:
        assert (await anybody.get(url)).content == b"x"
        await put(everybody, consent("c", type="deny", actor=actors(WHO)))
        refused(await anybody.get(url), 403, "link")
        await put(everybody, consent("c", type="deny", actor=actors("Practitioner/other")))
        assert (await anybody.get(url)).content == b"x"


# -- breaking the glass ------------------------------------------------------------------------------------------------------

REASON = "Unconscious in the emergency room"


async def test_the_glass_is_broken_with_a_reason_and_everybody_hears_it(filled: House, doctor: httpx.AsyncClient) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny"))
    assert await reached(doctor, **{"X-Assent-Break-Glass": REASON}) == NAMES
    assert (await doctor.get("/Patient/p1")).status_code == 404
    async with filled.client("auditor") as auditor:
        found = (await auditor.get("/AuditEvent?subtype=110127&patient=p1&_count=1000&subtype=read")).json()["entry"]
    event = found[0]["resource"]
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert REASON in [part.get("description") for part in event["entity"]]
    assert {entry["resource"]["agent"][0]["altId"] for entry in found} == {"doc"}
    lines = [line for line in filled.log if b"glass broken" in line]
    assert lines
    assert not any(REASON.encode() in line for line in filled.log)


@pytest.mark.parametrize("role", ["administrator", "staff", "payer", "auditor", "patient"])
async def test_who_may_not_break_it_is_refused(filled: House, role: str) -> None:
    async with filled.client(role, patient="p1" if role == "patient" else None) as client:
        refused(
            await client.get(
                "/AuditEvent" if role == "auditor" else "/Patient/p1", headers={"X-Assent-Break-Glass": REASON}
            ),
            403,
            "forbidden",
        )


async def test_a_reason_may_be_in_any_language(filled: House, doctor: httpx.AsyncClient) -> None:
    reason = "Bewußtlos in der Notaufnahme"
    assert (await doctor.get("/Patient/p1", headers={"X-Assent-Break-Glass": reason.encode()})).status_code == 200
    async with filled.client("auditor") as auditor:
        (event,) = [e["resource"] for e in (await auditor.get("/AuditEvent?subtype=110127")).json()["entry"]]
    assert reason in [part.get("description") for part in event["entity"]]


@pytest.mark.parametrize("reason", ["", "help", " " * 40, "x" * 501, "a reason\x01 with more"])
async def test_no_reason_is_none(doctor: httpx.AsyncClient, reason: str) -> None:
    answer = await doctor.get("/Patient/p1", headers={"X-Assent-Break-Glass": reason.encode()})
    refused(answer, 400, "break-glass-reason")


async def test_a_batch_and_a_later_answer_carry_the_reason(filled: House, doctor: httpx.AsyncClient) -> None:
    async with filled.client() as everybody:
        await put(everybody, consent("c", type="deny"))
    glass = {"X-Assent-Break-Glass": REASON}
    asked = bundle("batch", entry("GET", "Patient/p1"), entry("GET", "Observation?patient=p1&_summary=count"))
    answer = await doctor.post("", json=asked, headers=glass)
    assert statuses(answer) == ["200", "200"]
    assert answer.json()["entry"][1]["resource"]["total"] == 2
    assert statuses(await doctor.post("", json=asked)) == ["404", "200"]


# -- opt-in ------------------------------------------------------------------------------------------------------------------


async def test_where_patients_opt_in_nothing_is_seen_that_nobody_permitted(
    filled: House, doctor: httpx.AsyncClient
) -> None:
    await filled.services.keyring.change(consenting("default", "opt-in"))
    assert await reached(doctor) == {"Organization/org"}
    async with filled.client() as everybody:
        await put(
            everybody, consent("c", type="permit", class_=classes("Patient", "Observation", "DocumentReference", "Binary"))
        )
    assert await reached(doctor) == {
        "Organization/org",
        "Patient/p1",
        "Observation/lab-p1",
        "Observation/vital-p1",
        "DocumentReference/d-p1",
        "Binary/b-d-p1",
    }
    async with filled.client("patient", patient="p2") as own:
        assert (await own.get("/Observation/lab-p2")).status_code == 200
    await filled.services.keyring.change(consenting("default", None))
    assert await reached(doctor) == NAMES
