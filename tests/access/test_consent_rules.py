"""An active Consent is enforced as it stands, or refused with the places that cannot be; what is not active says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from access_help import actors, classes, consent, patient, purposes, put, refused
from in_process import House, running_house

from profiles.outcome import FhirError
from server.access.access import everything
from server.access.consent_rules import Rule, Rules, rules_of
from server.repository import Repository
from server.store.store import Commit

BASE = "https://here.example/fhir"
ROLE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
POLICY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]}


def places(resource: dict[str, Any]) -> list[str | None]:
    """Where a Consent is refused; nothing where it is taken."""
    try:
        rules_of(resource, BASE)
    except FhirError as error:
        return [issue.expression for issue in error.issues]
    return []


@pytest.mark.parametrize(
    ("provision", "place"),
    [
        ({"type": "deny", "actor": [{"role": {"text": "any"}, "reference": {"reference": "Practitioner/x"}}]}, "actor[0].role"),
        ({"type": "deny", "actor": [{"role": ROLE, "reference": {"reference": "Group/x"}}]}, "actor[0].reference"),
        ({"type": "deny", "actor": [{"role": ROLE, "reference": {"reference": "https://elsewhere.example/Practitioner/x"}}]}, "actor[0].reference"),
        ({"type": "deny", "actor": [{"role": ROLE, "reference": {"display": "somebody"}}]}, "actor[0].reference"),
        ({"type": "deny", "action": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "collect"}]}]}, "action[0]"),
        ({"type": "deny", "purpose": [{"system": "urn:x", "code": "TREAT"}]}, "purpose[0]"),
        ({"type": "deny", "purpose": purposes("FUN")}, "purpose[0]"),
        ({"type": "deny", "class_": [{"system": "urn:iso", "code": "application/hl7-cda+xml"}]}, "class[0]"),
        ({"type": "deny", "class_": classes("Organization")}, "class[0]"),
        ({"type": "deny", "class_": classes("AuditEvent")}, "class[0]"),
        ({"type": "deny", "class_": classes("Consent")}, "class[0]"),
        ({"type": "deny", "code": [{"text": "sensitive"}]}, "code[0]"),
        ({"type": "deny", "code": [{"coding": [{"code": "x"}]}]}, "code[0]"),
        ({"type": "deny", "securityLabel": [{"display": "secret"}]}, "securityLabel[0]"),
        ({"type": "deny", "data": [{"meaning": "related", "reference": {"reference": "Observation/x"}}]}, "data[0]"),
        ({"type": "deny", "data": [{"meaning": "instance", "reference": {"identifier": {"value": "x"}}}]}, "data[0]"),
        ({"type": "deny", "period": {"start": "soon"}}, "period"),
        ({"type": "deny", "period": {"start": "2026", "end": "whenever"}}, "period"),
        ({"type": "deny", "period": {}}, "period"),
        ({"type": "deny", "dataPeriod": "2026"}, "dataPeriod"),
        ({"type": "deny", "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "modifierExtension"),
        ({"type": "deny", "provision": [{"class": classes("Patient")}]}, "provision[0].type"),
        ({"actor": actors("Practitioner/x")}, "type"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_enforced_is_refused_where_it_stands(provision: dict[str, Any], place: str) -> None:
    assert places(consent("c", **dict(provision))) == [f"Consent.provision.{place}"]
    assert places({**consent("c", **dict(provision)), "status": "draft"}) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"patient": {"reference": "https://elsewhere.example/fhir/Patient/p1"}}, "Consent.patient"),
        ({"patient": {"display": "somebody"}}, "Consent.patient"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "Consent.modifierExtension"),
        ({"scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}}, "Consent.scope"),
        ({"scope": {"text": "patient-privacy"}}, "Consent.scope"),
    ],
    ids=str,
)  # fmt: skip
def test_what_it_is_about_must_be_certain(change: dict[str, Any], place: str) -> None:
    assert places({**consent("c", type="deny"), **change}) == [place]


def test_one_without_provisions_says_something_by_its_policy_or_is_refused() -> None:
    assert places(consent("c")) == ["Consent.provision"]
    assert rules_of({**consent("c"), "policyRule": POLICY}, BASE) == Rules("p1", Rule(False))
    advance = {
        **consent("c"),
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "adr"}]},
    }
    assert rules_of(advance, BASE) is None


def test_every_fault_is_told_and_too_many_provisions_are_none() -> None:
    both = consent("c", type="deny", purpose=purposes("FUN", "TREAT", "JOY"), period={"start": "x"})
    assert places(both) == ["Consent.provision.period", "Consent.provision.purpose[0]", "Consent.provision.purpose[2]"]
    deep: dict[str, Any] = {"type": "deny"}
    for _ in range(9):
        deep = {"type": "deny", "provision": [deep]}
    assert places(consent("c", **deep)) == [f"Consent.provision{'.provision[0]' * 8}"]
    assert places(consent("c", type="permit", provision=[{"type": "deny"}] * 250))[0] == "Consent.provision.provision[199]"


def test_our_own_absolute_references_are_ours() -> None:
    whose = {"patient": {"reference": f"{BASE}/Patient/p7/_history/3"}}
    found = rules_of({**consent("c", type="deny", actor=actors(f"{BASE}/Practitioner/d")), **whose}, BASE)
    assert found is not None
    assert (found.patient, found.root.actors) == ("p7", frozenset({"Practitioner/d"}))


async def test_nobody_stores_one_that_cannot_be_enforced(app: House) -> None:
    bad = consent("c", type="deny", class_=classes("Organization"))
    async with app.client() as client:
        await put(client, patient("p1"))
        refused(await client.put("/Consent/c", json=bad), 422, "consent-unsupported", "Consent.provision.class[0]")
        made = {name: value for name, value in bad.items() if name != "id"}
        assert (await client.post("/Consent", json=made)).status_code == 422
        whole = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": made, "request": {"method": "POST", "url": "Consent"}}],
        }
        assert (await client.post("", json=whole)).status_code == 422
        assert (await client.put("/Consent/c", json={**bad, "status": "proposed"})).status_code == 201
        patched = await client.patch(
            "/Consent/c",
            json=[{"op": "replace", "path": "/status", "value": "active"}],
            headers={"Content-Type": "application/json-patch+json"},
        )
        assert patched.status_code == 422


async def test_one_that_is_there_all_the_same_hides_the_whole_record(tmp_path: Path) -> None:
    """Stored at a time when nobody looked: what a patient has said is never followed in part."""
    async with running_house(tmp_path / "data") as house, house.client() as client:
        await put(client, patient("p1"), patient("p2"))
        services = house.services
        repository = Repository(services.store, services.keyring.by_number(1), house.base, services.clock)
        prepared = repository.prepare(consent("c", type="permit", class_=classes("Organization")), "c", None)
        await services.commit(Commit(1, [prepared.put]))
        assert (await client.get("/Patient/p1")).status_code == 404
        assert (await client.get("/Patient/p2")).status_code == 200
        assert await repository.read(everything("Patient"), "p1") is not None
