"""An accounting of disclosures (45 CFR 164.528): what left the practice about a patient, to whom, when and why."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from audit_help import flat
from in_process import House
from tokens import bearer

from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create

BUNDLE = json.loads((Path(__file__).parents[2] / "examples/bodies/lumbar-mri.json").read_text())


async def submitted(house: House) -> str:
    """A request goes to an insurer; the id of its patient."""
    async with house.client("staff", subject="nurse") as staff:
        answer = await staff.post("/Claim/$submit", json=BUNDLE)
        assert answer.status_code == 200, answer.text
        claims = (await staff.get("/Claim?_sort=-_lastUpdated&_count=1")).json()
    reference: str = claims["entry"][0]["resource"]["patient"]["reference"]
    return reference.partition("/_history")[0].split("/")[-1]


async def report(client: httpx.AsyncClient, patient: str, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/Patient/{patient}/$disclosures", params=query)
    assert answer.status_code == 200, answer.text
    found = flat(answer).get("disclosure", []) if "parameter" in answer.json() else []
    return found if isinstance(found, list) else [found]


async def test_who_was_sent_and_shown_something(practice: House) -> None:
    patient = await submitted(practice)
    async with practice.client("payer", subject="reviewer") as payer:
        assert (await payer.get(f"/Patient/{patient}")).status_code == 200
    async with practice.client("doctor", subject="dr-who") as doctor:
        await doctor.get(f"/Patient/{patient}")
        await doctor.get(f"/Patient/{patient}", headers={"X-Purpose-Of-Use": "PUBHLTH"})
        found = await report(doctor, patient)
    kinds = {item["kind"]: item for item in found}
    assert set(kinds) == {"sent to an insurer", "looked at by an insurer"}  # a doctor's own look is a use
    sent = kinds["sent to an insurer"]
    assert sent["recipient-reference"]["reference"].startswith("Organization/")
    assert sent["recipient"]
    assert (sent["purpose"], sent["exempt"]) == ("HPAYMT", True)
    assert any(part["reference"].startswith("Claim/") for part in sent["what"])
    assert kinds["looked at by an insurer"]["recipient"] == "reviewer"
    async with practice.client("auditor") as auditor:
        event = (await auditor.get(f"/{sent['event']['reference']}")).json()
        assert event["recorded"] == sent["when"]
        assert event["agent"][0]["altId"] == "nurse"


async def test_only_what_the_rule_asks_for(practice: House) -> None:
    patient = await submitted(practice)
    async with practice.client("payer", subject="reviewer") as payer:
        await payer.get(f"/Patient/{patient}", headers={"X-Purpose-Of-Use": "HRESCH"})
    async with practice.client() as client:
        (found,) = await report(client, patient, required="true")
    assert (found["purpose"], found["exempt"], found["recipient"]) == ("HRESCH", False, "reviewer")


async def test_services_that_act_for_themselves_and_patients(practice: House) -> None:
    patient = await submitted(practice)
    grant = Grant("default", "registry-app", "registry-app", ["staff"], "user/*.cruds")
    service = issue_token(load_or_create(practice.data), grant, lifetime=3600)
    async with practice.client(None) as client:
        assert (await client.get(f"/Patient/{patient}", headers=bearer(service))).status_code == 200
    async with practice.client("patient", subject="the-patient", patient=patient) as own:
        await own.get(f"/Patient/{patient}")
        found = await report(own, patient)
    by_recipient = {item["recipient"]: item for item in found}
    assert by_recipient["registry-app"]["kind"] == "taken by an app or service"
    assert by_recipient["the-patient"]["purpose"] == "PATRQT"


async def test_as_a_table_and_for_a_period(practice: House) -> None:
    patient = await submitted(practice)
    async with practice.client() as client:
        answer = await client.get(f"/Patient/{patient}/$disclosures?format=csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
        assert row["kind"] == "sent to an insurer"
        assert row["exempt"] == "yes"
        assert await report(client, patient, to="2020-01-01") == []
        assert await report(client, patient, **{"from": row["when"]}) != []
        assert await report(client, patient, **{"from": "2099-01-01"}) == []


async def test_who_may_ask(practice: House) -> None:
    patient = await submitted(practice)
    own, named = f"/Patient/{patient}/$disclosures", f"/AuditEvent/$disclosures?patient={patient}"
    for role, statuses in {
        "administrator": (200, 200),
        "doctor": (200, 403),
        "staff": (200, 403),
        "auditor": (403, 200),
        "payer": (403, 403),
    }.items():
        async with practice.client(role) as client:
            assert ((await client.get(own)).status_code, (await client.get(named)).status_code) == statuses, role
    async with practice.client("patient", patient="somebody-else") as other:
        assert (await other.get(own)).status_code == 404
        assert (await other.get(named)).status_code == 403


@pytest.mark.parametrize("query", ["", "?patient=", "?patient=a/b", "?patient=x&format=pdf", "?patient=x&required=maybe"])
async def test_bad_questions(app: House, query: str) -> None:
    async with app.client("auditor") as client:
        assert (await client.get(f"/AuditEvent/$disclosures{query}")).status_code == 400


async def test_the_report_is_an_event_of_the_patient(practice: House) -> None:
    patient = await submitted(practice)
    async with practice.client("auditor") as auditor:
        await auditor.get(f"/AuditEvent/$disclosures?patient={patient}")
        events = (await auditor.get(f"/AuditEvent?patient={patient}&subtype=disclosures")).json()
    assert len(events["entry"]) == 1
