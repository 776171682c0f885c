"""Every interaction, allowed or refused, leaves one AuditEvent, durable before its answer leaves (IHE BALP, RESTful activity)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from in_process import BASE, House

from profiles import json
from profiles.base_validation import validate_resource
from server.audit.batches import audit_binding
from server.audit.event import to_audit_event
from server.audit.record import AuditRecord, decode_batch

PATIENT = {"resourceType": "Patient", "id": "p1"}
NEW = {"resourceType": "Patient"}


async def records(house: House) -> list[AuditRecord]:
    """All records of the first tenant, as they lie in the store."""
    tenant = house.services.keyring.by_number(1)
    found: list[AuditRecord] = []
    for batch in await house.services.store.audit_batches(0, 100_000):
        if batch.tenant == tenant.number:
            opened = decode_batch(tenant.cipher.open(batch.body, audit_binding(tenant.number, batch.seq)))
            assert len(opened) == batch.count
            found += opened
    return found


Call = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def send(method: str, address: str, body: Any = None, **headers: str) -> Call:
    async def call(client: httpx.AsyncClient) -> httpx.Response:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        sent = {
            "Content-Type": "application/fhir+json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await client.request(method, address, content=content, headers=sent)

    return call


def bundle(type_: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    made = []
    for method, url, resource in entries:
        entry: dict[str, Any] = {"request": {"method": method, "url": url}}
        if resource is not None:
            entry["resource"] = resource
        made.append(entry)
    return {"resourceType": "Bundle", "type": type_, **({"entry": made} if made else {})}


# (call, status, interaction, action, refusal, entities that must be named)
CASES: list[tuple[Call, int, str, str, str, set[str]]] = [
    (send("GET", "/Patient/p1"), 200, "read", "R", "", {"Patient/p1/_history/1"}),
    (send("HEAD", "/Patient/p1"), 200, "read", "R", "", {"Patient/p1/_history/1"}),
    (send("GET", "/Patient/p1", If_None_Match='W/"1"'), 304, "read", "R", "", {"Patient/p1/_history/1"}),
    (send("GET", "/Patient/none"), 404, "read", "R", "not-found", {"Patient/none"}),
    (send("GET", "/Patient/gone"), 410, "read", "R", "gone", {"Patient/gone/_history/2"}),
    (send("GET", "/Patient/p1/_history/1"), 200, "vread", "R", "", {"Patient/p1/_history/1"}),
    (send("GET", "/Patient/p1/_history/9"), 404, "vread", "R", "not-found", {"Patient/p1"}),
    (send("GET", "/Patient/p1/_history"), 200, "history-instance", "R", "", {"Patient/p1"}),
    (send("GET", "/Patient?_id=p1"), 200, "search-type", "E", "", {"Patient/p1"}),
    (send("GET", "/Patient?_id=none", If_None_Match='*'), 304, "search-type", "E", "", set()),
    (send("GET", "/?_type=Patient&_id=p1"), 200, "search-system", "E", "", {"Patient/p1"}),
    (send("GET", "/?_type=Pateint"), 400, "search-system", "E", "parameter-value", set()),
    (send("POST", "/_search", b"_type=Patient&_id=p1", Content_Type="application/x-www-form-urlencoded"), 200, "search-system", "E", "", {"Patient/p1"}),
    (send("GET", "/Patient/p1/Patient"), 200, "search-type", "E", "", {"Patient/p1"}),
    (send("GET", "/Patient/p1/*"), 200, "search-system", "E", "", {"Patient/p1"}),
    (send("GET", "/Patient/p1/Organization"), 404, "search-type", "E", "unknown-address", {"Patient/p1"}),
    (send("POST", "/Patient/p1/_search", b"", Content_Type="application/x-www-form-urlencoded"), 200, "search-system", "E", "", {"Patient/p1"}),
    (send("POST", "/Patient/p1/Patient/_search", b"", Content_Type="application/x-www-form-urlencoded"), 200, "search-type", "E", "", {"Patient/p1"}),
    (send("GET", "/Patient?nmae=x"), 400, "search-type", "E", "unknown-parameter", set()),
    (send("GET", "/Patient?name=%ff"), 400, "search-type", "E", "parameter-value", set()),
    (send("POST", "/Patient", NEW), 201, "create", "C", "", set()),
    (send("POST", "/Patient", b"{"), 400, "create", "C", "body-not-json", set()),
    (send("POST", "/Patient", b""), 400, "create", "C", "body-missing", set()),
    (send("POST", "/Patient", NEW, Content_Type="text/plain"), 415, "create", "C", "content-type", set()),
    (send("POST", "/Patient", {"resourceType": "Patient", "x": 1}), 400, "create", "C", "unknown-element", set()),
    (send("PUT", "/Patient/p1", PATIENT), 200, "update", "U", "", {"Patient/p1/_history/2"}),
    (send("PUT", "/Patient/p1", PATIENT, If_Match='W/"7"'), 412, "update", "U", "version-conflict", {"Patient/p1"}),
    (send("DELETE", "/Patient/p1"), 204, "delete", "D", "", {"Patient/p1/_history/2"}),
    (send("DELETE", "/Patient/none"), 404, "delete", "D", "not-found", {"Patient/none"}),
    (send("DELETE", "/Patient/gone"), 204, "delete", "D", "", set()),
    (send("GET", "/Patient", Accept="text/turtle"), 406, "search-type", "E", "not-acceptable", set()),
    (send("GET", "/Nothing/1"), 404, "read", "R", "unknown-type", set()),
    (send("GET", "/Patient/1/2/3/4"), 404, "unknown", "E", "unknown-address", set()),
    (send("PATCH", "/Patient/p1", {}, Content_Type="text/plain"), 415, "patch", "U", "content-type", {"Patient/p1"}),
    (send("PUT", "/AuditEvent/1", {"resourceType": "AuditEvent"}), 405, "update", "U", "read-only-type", {"AuditEvent/1"}),
    (send("POST", "/Claim/$no-such-thing", {}), 404, "operation", "E", "unknown-operation", set()),
    (send("POST", "", bundle("collection")), 400, "batch", "E", "bundle-type", set()),
    (send("POST", "", bundle("batch")), 200, "batch", "E", "", set()),
    (send("POST", "", bundle("transaction")), 200, "transaction", "E", "", set()),
    (send("POST", "", bundle("batch", ("READ", "x", None))), 200, "batch", "E", "", set()),
    (send("POST", "", bundle("transaction", ("POST", "Patient", NEW))), 200, "transaction", "E", "", set()),
    (send("POST", "", bundle("transaction", ("POST", "Patient", {"resourceType": "Patient", "x": 1}))), 400, "transaction", "E", "unknown-element", set()),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[2]} {case[1]} {case[4]}")
async def test_every_interaction_leaves_one_record_before_its_answer(
    app: House, client: httpx.AsyncClient, case: tuple[Call, int, str, str, str, set[str]]
) -> None:
    call, status, interaction, action, refusal, entities = case
    await client.put("/Patient/p1", json=PATIENT)
    await client.put("/Patient/gone", json={"resourceType": "Patient", "id": "gone"})
    await client.delete("/Patient/gone")
    before = len(await records(app))
    answer = await call(client)
    assert answer.status_code == status, answer.text
    (record,) = (await records(app))[before:]
    assert (record.interaction, record.action, record.status, record.refusal) == (interaction, action, status, refusal)
    assert record.request_id == answer.headers["x-request-id"]
    assert (record.subject, record.client, record.roles) == ("administrator", "assent-cli", ("administrator",))
    assert entities <= set(record.entities)
    if any(entity.startswith("Patient/p1") for entity in entities):
        assert "p1" in record.patients


@pytest.mark.parametrize(
    ("headers", "subject"),
    [({}, ""), ({"Authorization": "Bearer nonsense"}, ""), ({"Authorization": "Basic eDp5"}, "")],
)
async def test_callers_without_a_good_token_are_recorded_as_anonymous(
    app: House, headers: dict[str, str], subject: str
) -> None:
    async with app.client(None) as client:
        answer = await client.get("/Patient/p1", headers=headers)
    assert answer.status_code == 401
    (record,) = await records(app)
    assert (record.interaction, record.status, record.refusal, record.subject) == ("read", 401, "login", subject)


async def test_refusals_of_what_a_role_may_not_do_name_the_caller(app: House) -> None:
    async with app.client("staff", subject="nurse", fhir_user="Practitioner/n1") as nurse:
        assert (await nurse.delete("/Patient/p1")).status_code == 403
    (record,) = await records(app)
    assert (record.subject, record.fhir_user, record.status, record.refusal) == (
        "nurse",
        "Practitioner/n1",
        403,
        "forbidden",
    )


async def test_two_authorization_headers_are_recorded_and_believed_neither(app: House) -> None:
    async with app.client(None) as client:
        headers = [("Authorization", f"Bearer {app.token()}"), ("Authorization", f"Bearer {app.token('staff')}")]
        answer = await client.get("/Patient/p1", headers=headers)
    assert answer.status_code == 401
    (record,) = await records(app)
    assert (record.status, record.subject) == (401, "")


async def test_each_entry_of_a_batch_is_recorded_and_a_refused_one_brings_a_record_of_the_batch(
    app: House, client: httpx.AsyncClient
) -> None:
    await client.put("/Patient/p1", json=PATIENT)
    before = len(await records(app))
    good = bundle("batch", ("GET", "Patient/p1", None), ("GET", "Patient/none", None), ("POST", "Patient", NEW))
    await client.post("", json=good)
    made = (await records(app))[before:]
    assert [(r.interaction, r.status) for r in made] == [("read", 200), ("read", 404), ("create", 201)]
    assert len({record.request_id for record in made}) == 1
    before = len(await records(app))
    await client.post("", json=bundle("batch", ("GET", "Patient/p1", None), ("NONSENSE", "x", None)))
    assert [(r.interaction, r.status) for r in (await records(app))[before:]] == [("read", 200), ("batch", 200)]


async def test_a_transaction_is_one_record_that_names_everything_it_wrote(app: House, client: httpx.AsyncClient) -> None:
    writes = [("PUT", f"Patient/p{n}", {"resourceType": "Patient", "id": f"p{n}"}) for n in range(5)]
    await client.post("", json=bundle("transaction", *writes))
    (record,) = await records(app)
    assert record.entities == tuple(f"Patient/p{n}/_history/1" for n in range(5))
    assert record.patients == tuple(f"p{n}" for n in range(5))


async def test_a_thousand_concurrent_requests_leave_a_thousand_records(app: House, client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *[client.get(f"/Patient/n{n}") for n in range(500)], *[client.post("/Patient", json=NEW) for _ in range(500)]
    )
    made = await records(app)
    assert len(made) == 1000
    assert sorted(r.request_id for r in made) == sorted(answer.headers["x-request-id"] for answer in answers)
    batches = await app.services.store.audit_batches(0, 10_000)
    assert all(batch.count < 4096 for batch in batches)


async def test_the_search_as_asked_is_kept_and_shown(app: House, client: httpx.AsyncClient) -> None:
    await client.get("/Patient?name=Müller&_count=3")
    await client.post("/Patient/_search", data={"family": "de la Cruz"})
    assert [record.query for record in await records(app)] == ["name=Müller&_count=3", "family=de la Cruz"]


# -- the events ------------------------------------------------------------------------------------------------------------


async def all_events(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/AuditEvent?_count=1000")
    return [entry["resource"] for entry in answer.json()["entry"]]


async def test_every_event_is_a_valid_audit_event_also_for_others(app: House, client: httpx.AsyncClient) -> None:
    for call, *_ in CASES:
        await call(client)
    async with app.client(None) as nobody:
        await nobody.get("/Patient")
    async with app.client(
        ["doctor", "staff"], subject="Dr. Strange ☂", fhir_user="https://elsewhere.example/Practitioner/1"
    ) as doctor:
        await doctor.get("/Patient?name=☂")
    events = await all_events(client)
    assert len(events) == len(CASES) + 2
    for event in events:
        assert validate_resource(event) == []
        AuditEvent.model_validate(event)
        assert event["type"]["code"] == "rest"
        assert event["agent"][0]["requestor"] is True
        assert event["source"]["site"] == BASE


async def test_events_of_jobs_and_of_loading_are_valid_too(practice: House) -> None:
    async with practice.client() as client:
        events = await all_events(client)
    assert events
    for event in events:
        assert validate_resource(event) == []
        AuditEvent.model_validate(event)


def test_a_record_with_every_field_and_with_none_becomes_a_valid_event() -> None:
    full = AuditRecord(
        1,
        "$submit",
        "E",
        201,
        "r",
        "s",
        "c",
        ("a", "b"),
        "Practitioner/1",
        "::1",
        ("Claim/1/_history/1",),
        ("p",),
        "x=y",
        "internal",
        "TREAT",
    )
    bare = AuditRecord(1, "$decide", "E", 0, "r", "", "", (), "", "", (), (), "", "", "")
    for record in (full, bare):
        event = to_audit_event(record, "x", "2026-01-01T00:00:00.000001Z", "https://x.example/fhir")
        assert validate_resource(event) == []
        AuditEvent.model_validate(event)


# -- append only -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["administrator", "auditor", "doctor", "staff", "payer"])
async def test_nobody_writes_changes_or_deletes_an_event(app: House, client: httpx.AsyncClient, role: str) -> None:
    await client.get("/Patient/p1")
    event = (await all_events(client))[0]
    address = f"/AuditEvent/{event['id']}"
    own = {name: value for name, value in event.items() if name not in {"id", "meta"}}
    async with app.client(role) as caller:
        for answer in (
            await caller.post("/AuditEvent", json=own),
            await caller.put(address, json=event),
            await caller.delete(address),
            await caller.patch(address, json=[]),
            await caller.post("", json=bundle("transaction", ("POST", "AuditEvent", own))),
            await caller.post("", json=bundle("transaction", ("PUT", address[1:], event))),
            await caller.post("", json=bundle("transaction", ("DELETE", address[1:], None))),
        ):
            assert answer.status_code in {403, 405}, answer.text
        batch = await caller.post("", json=bundle("batch", ("POST", "AuditEvent", own), ("DELETE", address[1:], None)))
        assert {entry["response"]["status"] for entry in batch.json()["entry"]} <= {"403", "405"}
    assert (await client.get(address)).json() == event


async def test_the_chain_tells_a_changed_or_missing_batch(app: House, client: httpx.AsyncClient) -> None:
    for n in range(5):
        await client.get(f"/Patient/{n}")
    batches = await app.services.store.audit_batches(0, 100)
    assert len(batches) == 5

    def verifies(bodies: list[tuple[int, bytes, bytes]]) -> bool:
        last = b""
        for seq, body, chain in bodies:
            last = hashlib.blake2b(last + seq.to_bytes(8) + body, digest_size=32).digest()
            if last != chain:
                return False
        return True

    rows = [(batch.seq, batch.body, batch.chain) for batch in batches]
    assert verifies(rows)
    assert not verifies(rows[:2] + rows[3:])
    assert not verifies([*rows[:2], (3, rows[2][1][:-1] + b"x", rows[2][2]), *rows[3:]])
    assert not verifies([rows[1], rows[0], *rows[2:]])
