"""The official and test-kit examples (outside this repository), chosen by what they are, and Bundles made here."""

from __future__ import annotations

import copy
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from profiles import json as exact_json

Bundle = dict[str, Any]


def folder() -> Path | None:
    """The shared data: the environment variable ASSENT_SHARED, or `../shared` beside the checkout."""
    named = os.environ.get("ASSENT_SHARED")
    root = Path(named) if named else Path(__file__).resolve().parents[3] / "shared"
    found = root / "data" / "pas-examples"
    return found if found.is_dir() else None


@cache
def _all() -> dict[str, Bundle]:
    root = folder()
    if root is None:
        return {}
    loaded = {str(path.relative_to(root)): exact_json.loads(path.read_bytes()) for path in sorted(root.rglob("*.json"))}
    return {name: each for name, each in loaded.items() if isinstance(each, dict) and each.get("resourceType") == "Bundle"}


def _first(bundle: Bundle) -> dict[str, Any]:
    entries = bundle.get("entry") or [{}]
    return entries[0].get("resource", {})


def _is_inquiry(bundle: Bundle, name: str) -> bool:
    profiles = [*bundle.get("meta", {}).get("profile", []), *_first(bundle).get("meta", {}).get("profile", [])]
    return any("inquiry" in each for each in profiles) or "inquiry" in name


def requests() -> list[Any]:
    """Every Bundle that starts with a Claim and is no inquiry."""
    found = [
        pytest.param(each, id=name)
        for name, each in _all().items()
        if _first(each).get("resourceType") == "Claim" and not _is_inquiry(each, name)
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="the shared PAS examples are not on this machine"))]


def inquiries() -> list[Any]:
    found = [
        pytest.param(each, id=name)
        for name, each in _all().items()
        if _first(each).get("resourceType") == "Claim" and _is_inquiry(each, name)
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="the shared PAS examples are not on this machine"))]


def others() -> list[Any]:
    """Bundles that are no PAS requests: responses, notifications, empty ones."""
    found = [pytest.param(each, id=name) for name, each in _all().items() if _first(each).get("resourceType") != "Claim"]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="the shared PAS examples are not on this machine"))]


def fresh(bundle: Bundle) -> Bundle:
    return copy.deepcopy(bundle)


PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
EHR = "https://ehr.example.org/fhir"


PAYER = {
    "resourceType": "Organization",
    "id": "aurora",
    "identifier": [
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"},
        {"system": "https://assent.example/fhir/payer-id", "value": "aurora"},
    ],
    "active": True,
    "name": "Aurora",
    "extension": [
        {"url": "https://assent.example/fhir/StructureDefinition/allows-scenarios", "valueBoolean": True},
        {
            "url": "https://assent.example/fhir/StructureDefinition/default-without-policy",
            "valueCode": "manual-review",
        },
    ],
}


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def item(sequence: int = 1, code: str = "72148", **more: Any) -> dict[str, Any]:
    made = {
        "extension": [
            {
                "url": PAS + "extension-itemTraceNumber",
                "valueIdentifier": {"system": "http://ehr.example.org/trace", "value": f"T{sequence}"},
            },
            {
                "url": PAS + "extension-serviceItemRequestType",
                "valueCodeableConcept": concept("https://codesystem.x12.org/005010/1525", "HS"),
            },
            {
                "url": PAS + "extension-certificationType",
                "valueCodeableConcept": concept("https://codesystem.x12.org/005010/1322", "I"),
            },
        ],
        "sequence": sequence,
        "category": concept("https://codesystem.x12.org/005010/1365", "4"),
        "productOrService": concept("http://www.ama-assn.org/go/cpt", code),
        "servicedDate": "2026-12-16",
        "locationCodeableConcept": concept(
            "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set", "22"
        ),
        "quantity": {"value": 4, "unit": "visit"},
    }
    return {**made, **more}


def request(
    *items: dict[str, Any],
    trace: str = "T-1001",
    insurer: list[dict[str, Any]] | None = None,
    member: list[dict[str, Any]] | None = None,
    base: str = EHR,
    npi: str = "8189991234",
    **claim: Any,
) -> Bundle:
    """A request of ours: patient, coverage, payer, requestor, a care team of one, one note."""
    payer = insurer if insurer is not None else [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"}]
    persons = [{"system": "http://payer.example.org/member", "value": "M-77001"}] if member is None else member

    def entry(resource: dict[str, Any]) -> dict[str, Any]:
        return {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": resource}

    first = {
        "resourceType": "Claim",
        "id": "c1",
        "meta": {"profile": [PAS + "profile-claim"]},
        "extension": [
            {
                "url": PAS + "extension-TransmissionIdentifiers",
                "extension": [
                    {"url": "applicationSenderCode", "valueString": "EHR01"},
                    {"url": "applicationReceiverCode", "valueString": "PAYER01"},
                ],
            }
        ],
        "identifier": [{"system": "urn:trnorg:9012345678", "value": trace}],
        "status": "active",
        "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "professional"),
        "use": "preauthorization",
        "patient": {"reference": "Patient/p1"},
        "created": "2026-11-20",
        "insurer": {"reference": "Organization/payer"},
        "provider": {"reference": "Organization/req"},
        "priority": concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        "careTeam": [
            {
                "extension": [{"url": PAS + "extension-careTeamClaimScope", "valueBoolean": True}],
                "sequence": 1,
                "provider": {"reference": "PractitionerRole/role1"},
            }
        ],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept("http://hl7.org/fhir/sid/icd-10-cm", "M51.26")}],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/cov1"}}],
        "supportingInfo": [
            {
                "extension": [
                    {
                        "url": PAS + "extension-documentInformation",
                        "extension": [
                            {
                                "url": "reportTypeCode",
                                "valueCodeableConcept": concept("https://codesystem.x12.org/005010/755", "PY"),
                            }
                        ],
                    }
                ],
                "sequence": 1,
                "category": concept("http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes", "additionalInformation"),
                "valueReference": {"reference": "DocumentReference/note1"},
            }
        ],
        "item": list(items) or [item()],
        **claim,
    }
    rest = [
        {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": persons,
            "name": [{"family": "Núñez 🜚", "given": ["Óscar"]}],
            "gender": "male",
            "birthDate": "1970-01-18",
            "address": [{"line": ["1 Any Street"], "postalCode": "21201-1234"}],
        },
        {
            "resourceType": "Coverage",
            "id": "cov1",
            "identifier": [
                {**each, "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MB")} for each in persons
            ],
            "status": "active",
            "relationship": concept("https://codesystem.x12.org/005010/1069", "18"),
            "beneficiary": {"reference": "Patient/p1"},
            "payor": [{"reference": "Organization/payer"}],
        },
        {
            "resourceType": "Organization",
            "id": "payer",
            "identifier": payer,
            "active": True,
            "type": [concept("https://codesystem.x12.org/005010/98", "PR")],
            "name": "A Payer",
        },
        {
            "resourceType": "Organization",
            "id": "req",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
            "active": True,
            "name": "A Practice",
        },
        {
            "resourceType": "PractitionerRole",
            "id": "role1",
            "practitioner": {"reference": "Practitioner/doc1"},
            "organization": {"reference": "Organization/req"},
            "telecom": [{"system": "phone", "value": "+1 555 0100"}],
        },
        {
            "resourceType": "Practitioner",
            "id": "doc1",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
            "name": [{"family": "Watson"}],
        },
        {
            "resourceType": "DocumentReference",
            "id": "note1",
            "status": "current",
            "type": concept("http://loinc.org", "34117-2"),
            "category": [
                concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
            ],
            "subject": {"reference": "Patient/p1"},
            "content": [{"attachment": {"contentType": "text/plain", "data": "QmFjayBwYWluIGZvciA4IHdlZWtzLg=="}}],
        },
    ]
    return {
        "resourceType": "Bundle",
        "id": "b1",
        "meta": {"profile": [PAS + "profile-pas-request-bundle"]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:5c2a6c04-8b7e-4d1f-9a52-0f9c5d0b7a10"},
        "type": "collection",
        "timestamp": "2026-11-20T11:01:00-05:00",
        "entry": [entry(each) for each in (first, *rest)],
    }


def claim_of(bundle: Bundle) -> dict[str, Any]:
    return bundle["entry"][0]["resource"]


def update_of(bundle: Bundle, *items: dict[str, Any], trace: str | None = None, id: str = "c2", **claim: Any) -> Bundle:
    """A Claim Update of a request: its Claim becomes the prior one."""
    made = fresh(bundle)
    prior = fresh(made["entry"][0])
    prior["resource"].pop("related", None)
    first = made["entry"][0]["resource"]
    first["id"] = id
    made["entry"][0]["fullUrl"] = f"{EHR}/Claim/{id}"
    if trace is not None:
        first["identifier"] = [{"system": "urn:trnorg:9012345678", "value": trace}]
    first["related"] = [
        {
            "claim": {"reference": prior["fullUrl"]},
            "relationship": concept("http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "prior"),
        }
    ]
    if items:
        first["item"] = list(items)
    first.update(claim)
    made["entry"] = [each for each in made["entry"] if each["fullUrl"] != prior["fullUrl"]]
    made["entry"].append(prior)
    return made


def flagged(element: dict[str, Any], change: str) -> dict[str, Any]:
    made = fresh(element)
    made["extension"].append({"url": PAS + "extension-infoChanged", "valueCode": change})
    return made


def cancelled(element: dict[str, Any]) -> dict[str, Any]:
    made = flagged(element, "changed")
    made["modifierExtension"] = [{"url": PAS + "modifierextension-infoCancelled", "valueBoolean": True}]
    for each in made["extension"]:
        if each["url"].endswith("certificationType"):
            each["valueCodeableConcept"]["coding"][0]["code"] = "3"
    return made


WHOLE_CANCEL = [
    {
        "url": PAS + "extension-certificationType",
        "valueCodeableConcept": concept("https://codesystem.x12.org/005010/1322", "3"),
    }
]
