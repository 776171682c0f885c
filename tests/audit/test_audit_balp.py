"""Events conform to IHE BALP 1.1 where they say so, are found by user, patient, date, action, outcome and purpose; and no route,
whatever is added to them, changes one.

The facts of BALP stand here once more, as its profiles give them: type, subtype, action, outcome, and of each slice how often it
occurs and what it needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from in_process import House

from profiles import json
from server.audit.event import to_audit_event
from server.audit.purposes import CODES
from server.audit.record import AuditRecord
from server.rest.routes import ROUTES

PREFIX = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
WHO = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CUSTODIAN = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")

# interaction: (profile, subtypes, action, client, server, user)
FACTS: dict[str, tuple[set[str], str, tuple[str, str], tuple[str, str], set[str]]] = {
    "Read": ({"read", "vread"}, "R", (DICOM, "110152"), (DICOM, "110153"), {"IRCP"}),
    "Query": ({"search", "search-type", "search-system"}, "E", (DICOM, "110153"), (DICOM, "110152"), {"IRCP"}),
    "Create": ({"create"}, "C", (DICOM, "110153"), (DICOM, "110152"), {"AUT", "INF", "CST"}),
    "Update": ({"update", "patch"}, "U", (DICOM, "110153"), (DICOM, "110152"), {"AUT", "INF", "CST"}),
    "Delete": ({"delete"}, "D", (DICOM, "110150"), CUSTODIAN, {"AUT", "INF", "CST"}),
}


def codings(agent: dict[str, Any]) -> set[tuple[str, str]]:
    return {(coding["system"], coding["code"]) for coding in agent["type"]["coding"]}


def entities(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [entity for entity in event["entity"] if (entity["type"]["system"], entity["type"]["code"]) == (TYPE, code)]


def check(event: dict[str, Any]) -> str:
    """The event conforms to what it says; the name of that."""
    (profile,) = event["meta"]["profile"]
    assert profile.startswith(PREFIX)
    name = profile.removeprefix(PREFIX)
    with_patient, kind = name.startswith("Patient"), name.removeprefix("Patient")
    subtypes, action, client_type, server_type, users = FACTS[kind]
    assert (event["type"]["code"], event["action"], event["outcome"]) == ("rest", action, "0")
    assert {item["code"] for item in event["subtype"] if item["system"].endswith("restful-interaction")} <= subtypes
    (client,) = [agent for agent in event["agent"] if client_type in codings(agent)]
    (server,) = [agent for agent in event["agent"] if server_type in codings(agent)]
    for agent in (client, server):
        assert agent["who"]
        assert agent["network"]["address"]
        assert "media" not in agent
    (user,) = [agent for agent in event["agent"] if agent not in (client, server)]
    assert {code for system, code in codings(user) if system == WHO} <= users
    assert user["requestor"] is True
    assert "network" not in user
    (transaction,) = [entity for entity in event["entity"] if entity["type"]["code"] == "XrequestId"]
    assert transaction["what"]["identifier"]["value"]
    (data,) = entities(event, "2")
    if kind == "Query":
        assert data["role"] == {"system": ROLE, "code": "24", "display": "Query"}
        assert data["query"]
        assert "what" not in data
    else:
        assert data["role"]["code"] in {"4", "3", "20"}
        assert data["what"]
    people = entities(event, "1")
    if with_patient:
        (person,) = people
        assert person["role"]["code"] == "1"
        assert person["what"]["reference"].startswith("Patient/")
    return name


def record(interaction: str, action: str, **more: Any) -> AuditRecord:
    fields: dict[str, Any] = {
        "recorded": 1, "interaction": interaction, "action": action, "status": 200, "request_id": "r", "subject": "s",
        "client": "c", "roles": ("staff",), "fhir_user": "Practitioner/1", "address": "10.0.0.1",
        "entities": ("Observation/1/_history/1",), "patients": ("p",), "query": "", "refusal": "", "purpose": "",
    }  # fmt: skip
    return AuditRecord(**(fields | more))


DONE = {
    "read": "R", "vread": "R", "search-type": "E", "search-system": "E", "create": "C", "update": "U", "patch": "U", "delete": "D",
}  # fmt: skip


@pytest.mark.parametrize("interaction", DONE)
def test_each_restful_interaction_says_its_profile_and_conforms(interaction: str) -> None:
    query = "name=x" if interaction.startswith("search-") else ""
    for patients, prefix in (((), ""), (("p",), "Patient"), (("p", "q"), "")):
        made = record(interaction, DONE[interaction], patients=patients, query=query, purpose="TREAT")
        event = to_audit_event(made, "x", "2026-01-01T00:00:00.000001Z", "https://x.example/fhir")
        assert check(event) == prefix + check(event).removeprefix("Patient")
        assert event["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"


@pytest.mark.parametrize(
    "more",
    [{"status": 403, "refusal": "forbidden"}, {"client": ""}, {"address": ""}, {"entities": ()}, {"interaction": "$submit"},
     {"interaction": "history-instance"}, {"status": 0}],
    ids=str,
)  # fmt: skip
def test_what_does_not_conform_does_not_say_that_it_does(more: dict[str, Any]) -> None:
    made = record(**({"interaction": "read", "action": "R"} | more))
    assert "profile" not in to_audit_event(made, "x", "2026-01-01T00:00:00.000001Z", "https://x.example/fhir")["meta"]


def test_signing_in_is_a_user_authentication() -> None:
    for name, code in (("$sign-in", "110122"), ("$sign-out", "110123")):
        event = to_audit_event(record(name, "E"), "x", "2026-01-01T00:00:00.000001Z", "https://x.example/fhir")
        assert event["type"] == {"system": DICOM, "code": "110114"}
        assert event["subtype"][0] == {"system": DICOM, "code": code}


@pytest.mark.parametrize("name", ["client-add", "provider-add", "token-issue", "user-modify", "tenant-create"])
def test_who_may_do_what_is_a_matter_of_security(name: str) -> None:
    event = to_audit_event(record(f"${name}", "E", status=0), "x", "2026-01-01T00:00:00.000001Z", "https://x.example/fhir")
    assert event["type"] == {"system": DICOM, "code": "110113"}


@pytest.fixture
async def auditor(app: House) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client("doctor", subject="dr-who", fhir_user="Practitioner/who") as doctor:
        await doctor.put("/Patient/p1", json={"resourceType": "Patient", "id": "p1"}, headers={"X-Purpose-Of-Use": "TREAT"})
        await doctor.get("/Patient/p1", headers={"X-Purpose-Of-Use": "PUBHLTH"})
        await doctor.get("/Patient/p1")
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/p1"}}]}
        await doctor.post("", json=bundle, headers={"X-Purpose-Of-Use": "HOPERAT"})
    async with app.client("auditor", subject="inspector") as client:
        yield client


async def test_found_by_everything_that_a_compliance_officer_asks_by(auditor: httpx.AsyncClient) -> None:
    everything = "altid=dr-who"
    for query, count in {
        "purpose=TREAT": 1,
        "purpose=http://terminology.hl7.org/CodeSystem/v3-ActReason|PUBHLTH": 1,
        "purpose=HOPERAT": 1,
        "purpose=HPAYMT": 1,
        "purpose=BTG": 0,
        "patient=Patient/p1&action=R": 3,
        "agent=Practitioner/who": 4,
        "outcome=0&date=ge2020": 4,
        "outcome=4": 0,
        "subtype=update": 1,
        "type=rest": 4,
    }.items():
        answer = await auditor.get(f"/AuditEvent?{everything}&{query}")
        assert len(answer.json().get("entry", [])) == count, (query, answer.text)


async def test_a_purpose_that_is_none_is_refused(app: House, client: httpx.AsyncClient) -> None:
    for wrong in ("", "treat", "TREAT,HPAYMT", "X", "=1"):
        assert (await client.get("/Patient/p1", headers={"X-Purpose-Of-Use": wrong})).status_code == 400, wrong
    assert "TREAT" in CODES


# -- append only, by whatever route there is --------------------------------------------------------------------------------


def addresses(id_: str) -> list[tuple[str, str]]:
    """Every route, with the event put in wherever a type and an id stand."""
    parts = {"{type}": "AuditEvent", "{id}": id_, "{version}": "1"}
    found = []
    for route in ROUTES:
        if route.template.startswith("{type}") and "${operation}" not in route.template:
            path = "/".join(parts.get(part, part) for part in route.template.split("/"))
            found.append((route.method, path))
    return found


async def test_no_route_and_no_operation_changes_or_deletes_an_event(app: House, client: httpx.AsyncClient) -> None:
    await client.get("/Patient/x")
    event = (await client.get("/AuditEvent?_count=1")).json()["entry"][0]["resource"]
    batches = await app.services.store.audit_batches(0, 1000)
    asked = [(method, path) for method, path in addresses(event["id"]) if method != "GET"]
    assert {"PUT", "DELETE", "PATCH", "POST"} <= {method for method, _ in asked}
    bodies: list[Any] = [event, {"resourceType": "Parameters"}, [{"op": "remove", "path": "/outcome"}], None]
    kinds = ("application/fhir+json", "application/json-patch+json", "application/merge-patch+json")
    for method, path in asked:
        for body in bodies:
            for kind in kinds:
                content = None if body is None else json.dumps(body)
                for query in ("", f"?_id={event['id']}", f"?identifier={event['id']}"):
                    await client.request(method, f"/{path}{query}", content=content, headers={"Content-Type": kind})
    for level, type_, code in app.services.operations:
        if code == "tail":
            continue
        where = {"system": "", "type": f"{type_}/", "instance": f"{type_}/{event['id']}/"}[level]
        for body in (event, {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": event}]}):
            await client.post(f"/{where}${code}", json=body)
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        for kind in ("batch", "transaction"):
            entry = {"request": {"method": method, "url": f"AuditEvent/{event['id']}"}, "resource": event}
            await client.post("", json={"resourceType": "Bundle", "type": kind, "entry": [entry]})
    assert (await client.get(f"/AuditEvent/{event['id']}")).json() == event
    assert (await app.services.store.audit_batches(0, 1000))[: len(batches)] == batches
    async with app.client("auditor") as auditor:
        assert (await auditor.get("/AuditEvent/$verify")).json()["parameter"][0]["valueBoolean"] is True
