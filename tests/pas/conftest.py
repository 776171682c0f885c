from __future__ import annotations

import pytest
from memory_context import Memory

from operations.pas.services import PasServices
from operations.payer.settings import PayerSettings

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


@pytest.fixture
def memory() -> Memory:
    """A store in which one payer is registered, which allows scenarios and reviews what no policy covers."""
    made = Memory()
    made.put(PAYER)
    return made


@pytest.fixture
def services() -> PasServices:
    return PasServices(PayerSettings())
