"""PAS requests are held against the profiles of their guide as well: what is refused, what is let pass, each fault once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import inquiries, request, requests

from operations.pas.receiving import receive
from operations.pas.services import PasServices
from operations.validation.pas_profiles import PasProfiles
from profiles.library import PasVersion
from profiles.outcome import FhirError, Issue
from profiles.pas_request import PasRequest, Purpose

CLAIM = "Bundle.entry[0].resource"
VERSIONS: tuple[PasVersion, ...] = ("2.2.1", "2.0.1")


@pytest.fixture(scope="module")
def services() -> Iterator[PasServices]:
    profiles = PasProfiles()
    yield PasServices(profiles=profiles)
    asyncio.run(profiles.close())


async def received(
    services: PasServices, body: Any, purpose: Purpose = "submit", version: PasVersion = "2.2.1"
) -> PasRequest:
    return await receive(body, purpose, services, Memory().context(pas_version=version))


async def faults(services: PasServices, body: Any, version: PasVersion = "2.2.1") -> tuple[int, list[Issue]]:
    with pytest.raises(FhirError) as refused:
        await received(services, body, "submit", version)
    return refused.value.status, [each for each in refused.value.issues if each.severity == "error"]


def claim_of(body: Any) -> Any:
    return body["entry"][0]["resource"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bundle", requests())
async def test_every_official_request_is_taken(services: PasServices, bundle: Any, version: PasVersion) -> None:
    taken = await received(services, bundle, "submit", version)
    assert all(each.severity == "warning" for each in taken.warnings)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bundle", inquiries())
async def test_every_official_inquiry_is_taken(services: PasServices, bundle: Any, version: PasVersion) -> None:
    assert (await received(services, bundle, "inquire", version)).claim.resource["resourceType"] == "Claim"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_request_by_the_guide_has_no_faults_and_no_warnings(services: PasServices, version: PasVersion) -> None:
    body = request()
    assert (await received(services, body, "submit", version)).warnings == ()
    assert (
        await received(services, {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": body}]})
    ).warnings == ()


async def test_what_the_claim_itself_breaks_is_refused(services: PasServices) -> None:
    body = request()
    claim = claim_of(body)
    claim["identifier"] = [{"system": "urn:x", "value": str(number)} for number in range(3)]
    claim["diagnosis"][0]["type"] = [{"text": "a"}, {"text": "b"}]
    claim["billablePeriod"] = {"start": "2026-02-02", "end": "2026-01-01"}
    status, found = await faults(services, body)
    assert status == 422
    assert {(each.code, each.expression) for each in found} == {
        ("pas-profile", f"{CLAIM}.identifier[2]"),
        ("pas-profile", f"{CLAIM}.diagnosis[0].type[1]"),
        ("pas-profile", f"{CLAIM}.billablePeriod"),
    }
    assert all(each.text.endswith(".") for each in found)


async def test_what_can_be_gone_on_without_is_a_warning(services: PasServices) -> None:
    body = request()
    claim = claim_of(body)
    del claim["item"][0]["category"]
    claim["insurance"].append({**claim["insurance"][0], "sequence": 2, "focal": False})
    place, patient = next(
        (place, each["resource"])
        for place, each in enumerate(body["entry"])
        if each["resource"]["resourceType"] == "Patient"
    )
    patient["contact"] = [{"gender": "female"}]
    warnings = (await received(services, body)).warnings
    told = {each.expression for each in warnings}
    assert {each.code for each in warnings} == {"pas-profile"}
    assert f"Bundle.entry[{place}].resource.contact[0]" in told
    assert f"{CLAIM}.insurance[1].focal" in told
    about_the_item = [each for each in told if str(each).startswith(f"{CLAIM}.item[0]")]
    assert len(about_the_item) == 1, about_the_item


async def test_faults_of_both_kinds_are_told_together_and_each_once(services: PasServices) -> None:
    body = request()
    claim = claim_of(body)
    claim["status"] = "draft"
    claim["diagnosis"][0]["type"] = [{"text": "a"}, {"text": "b"}]
    del claim["insurer"]
    status, found = await faults(services, body)
    assert status == 422
    assert sorted((each.code, str(each.expression)) for each in found) == [
        ("pas-element-missing", f"{CLAIM}.insurer"),
        ("pas-profile", f"{CLAIM}.diagnosis[0].type[1]"),
        ("pas-status", f"{CLAIM}.status"),
    ]


async def test_what_is_malformed_is_told_without_the_profiles(services: PasServices) -> None:
    body = request()
    claim_of(body)["item"] = "x"
    status, found = await faults(services, body)
    assert status == 400
    assert all(each.code != "pas-profile" for each in found)


async def test_each_version_has_its_own_profiles(services: PasServices) -> None:
    body = request()
    claim_of(body)["supportingInfo"] = [
        {
            "sequence": 1,
            "category": {
                "coding": [
                    {"system": "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes", "code": "dischargeDates"}
                ]
            },
            "timingPeriod": {"start": "2026-01-01"},
        }
    ]
    newer = {each.expression for each in (await received(services, body, "submit", "2.2.1")).warnings}
    older = {each.expression for each in (await received(services, body, "submit", "2.0.1")).warnings}
    assert newer >= older


async def test_a_large_request_is_held_against_them_as_well(services: PasServices) -> None:
    body = request()
    claim = claim_of(body)
    claim["item"] = [{**claim["item"][0], "sequence": number} for number in range(1, 600)]
    claim["diagnosis"][0]["type"] = [{"text": "a"}, {"text": "b"}]
    _, found = await faults(services, body)
    assert [each.expression for each in found] == [f"{CLAIM}.diagnosis[0].type[1]"]
    for each in claim["item"]:
        each.pop("extension")
        each.pop("category")
    del claim["diagnosis"][0]["type"]
    assert (await received(services, body)).warnings[-1].expression == "Bundle"
