"""Records, consents and callers for the tests of access."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import httpx

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import bundle, code_of, entry, ids, observation, patient, refused, statuses  # the folder of another area

__all__ = ["bundle", "code_of", "entry", "ids", "observation", "patient", "refused", "statuses"]

CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
LOINC: Final = "http://loinc.org"
TYPES: Final = "http://hl7.org/fhir/resource-types"
REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def category(code: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": CATEGORIES, "code": code}]}]


def labelled(id_: str, code: str, who: str = "p1", **more: Any) -> dict[str, Any]:
    """An observation with a category."""
    return observation(id_, f"Patient/{who}", category=category(code), **more)


def consent(id_: str, who: str = "p1", **provision: Any) -> dict[str, Any]:
    """An active Consent about privacy; `class_` stands for `class`."""
    if "class_" in provision:
        provision["class"] = provision.pop("class_")
    return {
        "resourceType": "Consent",
        "id": id_,
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{who}"},
        "policy": [{"uri": "https://example.org/policy"}],
        **({"provision": provision} if provision else {}),
    }


def classes(*types: str) -> list[dict[str, str]]:
    return [{"system": TYPES, "code": type_} for type_ in types]


def purposes(*codes: str) -> list[dict[str, str]]:
    return [{"system": REASONS, "code": code} for code in codes]


def actors(*references: str) -> list[dict[str, Any]]:
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    return [{"role": role, "reference": {"reference": reference}} for reference in references]


async def put(client: httpx.AsyncClient, *resources: dict[str, Any]) -> None:
    for resource in resources:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.is_success, answer.text


async def total(client: httpx.AsyncClient, query: str) -> int:
    """By counting, and by the total beside a page: they must be the same."""
    sign = "&" if "?" in query else "?"
    counted = (await client.get(f"/{query}{sign}_summary=count")).json()["total"]
    listed = (await client.get(f"/{query}{sign}_total=accurate&_count=1")).json()["total"]
    assert counted == listed
    return int(counted)
