"""A small world for policy and risk tests: packets and facts by hand, and records that search the way policies need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from operations.evidence.evidence import Evidence
from operations.evidence.fact import Fact, Source
from operations.packet import Entry, Packet
from operations.policy.policy_document import read_policy
from operations.ports import Caller, Changes, Context, UniqueKey
from profiles.json import Json, Resource

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CPT = "http://www.ama-assn.org/go/cpt"
PAYER_ID = "https://assent.example/fhir/payer-id"
PAYER = {"system": PAYER_ID, "value": "test-payer"}
BASE = "https://ehr.example/fhir"


def policy_document(**changes: Any) -> Resource:
    """A complete document: one rule on weeks, one on a red flag or an image, two documents, a limit."""
    document: Resource = {
        "id": "test-policy",
        "version": "2026.1",
        "title": "A test policy",
        "payer": [PAYER],
        "codes": [{"system": CPT, "code": "72148"}],
        "effective_from": "2026-01-01",
        "effective_to": None,
        "source_id": "none",
        "source_version": "1",
        "state": "K",
        "criteria": [
            {"id": "weeks", "description": "Six weeks", "requirement": {"symptom_duration_weeks": {"min": 6}}},
            {
                "id": "need",
                "description": "A red flag or a film",
                "any": [
                    {"id": "flag", "requirement": {"red_flags": True}},
                    {"id": "film", "requirement": {"imaging.xray.done": True}},
                ],
            },
        ],
        "documents": [
            {
                "kind": "visit-note",
                "title": "Visit note",
                "loinc": "11506-3",
                "proves": ["weeks"],
                "when_missing": "pend",
                "required": "always",
            },
            {
                "kind": "imaging-report",
                "title": "Film report",
                "loinc": "18748-4",
                "proves": ["film"],
                "when_missing": "deny",
                "required": "until-proved",
            },
        ],
        "authorization": {"days_valid": 60, "max_quantity": 2, "unit": "unit"},
        "review": {"all_met": "approve", "not_met": "deny", "missing": "pend"},
        "risk": {"base_rate": 0.2, "weights": {}},
    }
    return document | changes


def policy(**changes: Any) -> Any:
    return read_policy(policy_document(**changes))


def fact(name: str, value: Json, confidence: float = 1.0, reference: str = "Observation/1", **more: Any) -> Fact:
    return Fact(name, value, Source(reference, "Observation.value"), more.pop("method", "coded"), confidence, **more)


def evidence(*facts: Fact) -> Evidence:
    return Evidence(facts)


def item(code: str = "72148", quantity: Json = 1, system: str = CPT, **more: Any) -> Resource:
    quantities = {} if quantity is None else {"quantity": {"value": quantity}}
    return {"sequence": 1, "productOrService": {"coding": [{"system": system, "code": code}]}, **quantities, **more}


def insurer(**more: Any) -> Resource:
    return {"resourceType": "Organization", "id": "payer", "identifier": [PAYER], "name": "Test payer", **more}


def packet(*items: Resource, others: Sequence[Resource] = (), **claim: Any) -> Packet:
    """A Claim about Patient/p to Organization/payer, with `others` beside it."""
    resource: Resource = {
        "resourceType": "Claim",
        "id": "c",
        "use": "preauthorization",
        "patient": {"reference": "Patient/p"},
        "insurer": {"reference": "Organization/payer"},
        "item": list(items) or [item()],
        **claim,
    }
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"}
    entries = [
        Entry(f"{BASE}/{each['resourceType']}/{each['id']}", each) for each in (resource, patient, insurer(), *others)
    ]
    by_name = {entry.reference.removeprefix(f"{BASE}/"): entry for entry in entries}
    return Packet(entries[0], tuple(entries), lambda reference, holder: by_name.get(reference), NOW)


class FakeRecords:
    """Resources in memory; searches match the few parameters that policies and previews use."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = list(resources)
        self.searches: list[tuple[str, dict[str, Any]]] = []

    async def read(self, type: str, id: str) -> Resource | None:
        return next((each for each in self.resources if (each["resourceType"], each["id"]) == (type, id)), None)

    async def read_version(self, type: str, id: str, version: int) -> Resource | None:
        return await self.read(type, id)

    async def holder(self, key: UniqueKey) -> str | None:
        return None

    async def search(self, type: str, query: Mapping[str, str | Sequence[str]], limit: int = 200) -> list[Resource]:
        self.searches.append((type, dict(query)))
        found = [each for each in self.resources if each["resourceType"] == type]
        for name, wanted in query.items():
            for value in [wanted] if isinstance(wanted, str) else wanted:
                found = [each for each in found if _matches(each, name, value)]
        return found


def _matches(resource: Resource, name: str, value: str) -> bool:
    if name == "patient":
        return value in (resource.get("patient", resource.get("subject", {})).get("reference"),)
    if name == "status":
        return bool(resource.get("status") == value)
    if name in ("created", "date"):
        stated = resource.get("created") or resource.get("period", {}).get("start", "")
        return str(stated)[:10] >= value.removeprefix("ge")
    if name == "identifier":
        tokens = {f"{each['system']}|{each['value']}" for each in resource.get("identifier", [])}
    else:
        codings = [each["valueCodeableConcept"]["coding"][0] for each in resource.get("useContext", [])]
        tokens = {f"{coding['system']}|{coding['code']}" for coding in codings}
    return not tokens.isdisjoint(value.split(","))


def context(*resources: Resource) -> Context:
    async def commit(changes: Changes) -> None:
        raise AssertionError("a preview must not store anything")

    return Context(
        tenant="test",
        base_url="http://test/fhir",
        caller=Caller("tester", frozenset({"staff"})),
        records=FakeRecords(*resources),
        commit=commit,
        now=lambda: NOW,
        new_id=lambda: "new",
    )


def day(text: str) -> date:
    return date.fromisoformat(text)
