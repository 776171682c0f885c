"""The synthetic practice is valid R4, whole, the same every time for a day, and never holds a left-over placeholder."""

from __future__ import annotations

import json
import re
from datetime import date, datetime

import pytest
from fhir.resources.R4B import get_fhir_model_class

from profiles.base_validation import validate_resource
from profiles.json import Resource, dumps
from profiles.pas_request import read_request
from server.sample.practice import EHR_BASE, practice_requests, practice_resources, references, request_bundle

DAY = date(2026, 11, 22)
DAYS = [DAY, date(2028, 2, 29), date(2031, 1, 1)]
RESOURCES = practice_resources(DAY)
REQUESTS = practice_requests(DAY)
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
NPI = "http://hl7.org/fhir/sid/us-npi"
MEMBER = ("http://terminology.hl7.org/CodeSystem/v2-0203", "MB")


def address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def claim_of(bundle: Resource) -> Resource:
    claim: Resource = bundle["entry"][0]["resource"]
    return claim


def of_type(bundle: Resource, type: str) -> list[Resource]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == type]


def member_ids(resource: Resource) -> set[tuple[str, str]]:
    return {
        (identifier["system"], identifier["value"])
        for identifier in resource["identifier"]
        for coding in identifier.get("type", {}).get("coding", [])
        if (coding["system"], coding["code"]) == MEMBER
    }


def luhn_valid(npi: str) -> bool:
    """The NPI check: Luhn over the card issuer prefix 80840 and the ten digits."""
    digits = [int(character) for character in reversed("80840" + npi)]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 else digit for place, digit in enumerate(digits)]
    return len(npi) == 10 and sum(doubled) % 10 == 0


@pytest.mark.parametrize("resource", RESOURCES, ids=address)
def test_the_fhir_models_can_read_it(resource: Resource) -> None:
    get_fhir_model_class(resource["resourceType"]).model_validate(json.loads(dumps(resource)))


@pytest.mark.parametrize("resource", [*RESOURCES, *REQUESTS], ids=address)
def test_it_has_the_structure_of_r4(resource: Resource) -> None:
    assert list(validate_resource(resource)) == []


@pytest.mark.parametrize("bundle", REQUESTS, ids=address)
def test_pas_has_nothing_to_say_about_a_request(bundle: Resource) -> None:
    assert read_request(bundle).warnings == ()


def test_ids_are_unique_and_name_nobody() -> None:
    addresses = [address(resource) for resource in RESOURCES]
    assert len(set(addresses)) == len(addresses)
    names = {
        name["family"].lower() for patient in RESOURCES if patient["resourceType"] == "Patient" for name in patient["name"]
    }
    assert len(names) >= 12
    assert not [one for one in addresses for name in names if name in one.lower()]


def test_what_a_resource_refers_to_comes_before_it_or_in_the_same_kind() -> None:
    seen: set[str] = set()
    kinds = {address(resource): resource["resourceType"] for resource in RESOURCES}
    for resource in RESOURCES:
        seen.add(address(resource))
        for reference in references(resource):
            assert reference in seen or kinds[reference] == resource["resourceType"]


@pytest.mark.parametrize("day", DAYS)
def test_a_day_always_gives_the_same_practice_with_nothing_left_to_fill(day: date) -> None:
    once = [dumps(item) for item in [*practice_resources(day), *practice_requests(day)]]
    again = [dumps(item) for item in [*practice_resources(day), *practice_requests(day)]]
    assert once == again
    assert not [item for item in once if b"{{" in item]


def test_two_calls_share_nothing_that_a_caller_could_change() -> None:
    practice_resources(DAY)[0]["name"] = "changed"
    assert practice_resources(DAY)[0]["name"] != "changed"


def test_the_practice_does_not_age() -> None:
    def ages(day: date) -> list[int]:
        births = [
            date.fromisoformat(one["birthDate"]) for one in practice_resources(day) if one["resourceType"] == "Patient"
        ]
        return [day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day)) for birth in births]

    assert ages(DAY) == ages(date(2039, 5, 3))
    assert min(ages(DAY)) < 10
    assert max(ages(DAY)) > 75


def test_somebody_came_through_the_emergency_door_in_the_last_six_months() -> None:
    arrivals = [
        (encounter["subject"]["reference"], DAY - date.fromisoformat(encounter["period"]["start"][:10]))
        for encounter in RESOURCES
        if encounter["resourceType"] == "Encounter" and encounter["class"]["code"] == "EMER"
    ]
    assert len({patient for patient, _ in arrivals}) >= 3
    assert all(0 < age.days < 180 for _, age in arrivals)


def test_every_npi_has_a_valid_check_digit() -> None:
    numbers = [
        identifier["value"]
        for resource in RESOURCES
        for identifier in resource.get("identifier", [])
        if identifier.get("system") == NPI
    ]
    assert len(set(numbers)) == len(numbers) == 9
    assert all(luhn_valid(number) for number in numbers)


@pytest.mark.parametrize("day", DAYS)
def test_every_request_is_a_bundle_that_pas_can_take(day: date) -> None:
    identifiers = set()
    for bundle in practice_requests(day):
        claim = claim_of(bundle)
        addresses = [entry["fullUrl"] for entry in bundle["entry"]]
        assert bundle["type"] == "collection"
        assert datetime.fromisoformat(bundle["timestamp"]).date() <= day
        assert len(set(addresses)) == len(addresses)
        assert all(entry["fullUrl"] == f"{EHR_BASE}/{address(entry['resource'])}" for entry in bundle["entry"])
        assert all(set(entry) == {"fullUrl", "resource"} for entry in bundle["entry"])
        assert claim["resourceType"] == "Claim"
        assert claim["use"] == "preauthorization"
        assert {f"{EHR_BASE}/{reference}" for reference in references(bundle)} <= set(addresses)
        identifiers.add((bundle["identifier"]["value"], claim["identifier"][0]["value"]))
    assert len(identifiers) == len(practice_requests(day))


@pytest.mark.parametrize("bundle", REQUESTS, ids=lambda bundle: str(bundle["id"]))
def test_every_claim_carries_what_pas_demands(bundle: Resource) -> None:
    claim = claim_of(bundle)
    patient = next(one for one in of_type(bundle, "Patient") if address(one) == claim["patient"]["reference"])
    (coverage,) = of_type(bundle, "Coverage")
    assert member_ids(coverage)
    assert member_ids(coverage) <= member_ids(patient)
    assert coverage["payor"] == [claim["insurer"]]
    assert coverage["beneficiary"] == claim["patient"]
    assert [insurance["focal"] for insurance in claim["insurance"]] == [True]
    sequences = [info["sequence"] for info in claim["supportingInfo"]]
    assert len(set(sequences)) == len(sequences)
    for info in claim["supportingInfo"]:
        assert [extension["url"] for extension in info["extension"]] == [f"{PAS}extension-documentInformation"]
    for item in claim["item"]:
        urls = [extension["url"] for extension in item["extension"]]
        assert urls.count(f"{PAS}extension-serviceItemRequestType") == 1
        assert urls.count(f"{PAS}extension-certificationType") == 1
        assert item["category"]["coding"][0]["system"] == "https://codesystem.x12.org/005010/1365"
        assert item["locationCodeableConcept"]["coding"]
        assert "value" in item["quantity"]
        assert "unit" in item["quantity"]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", item["servicedDate"])
    assert all(
        extension["valueBoolean"] in (True, False) for member in claim["careTeam"] for extension in member["extension"]
    )


def test_documents_travel_inside_the_request() -> None:
    for bundle in REQUESTS:
        documents = of_type(bundle, "DocumentReference")
        assert documents
        for document in documents:
            attachment = document["content"][0]["attachment"]
            assert attachment["data"]
            assert "url" not in attachment


def test_a_subscriber_is_named_wherever_the_patient_is_not_the_subscriber() -> None:
    dependants = [
        coverage
        for coverage in RESOURCES
        if coverage["resourceType"] == "Coverage" and coverage["subscriber"] != coverage["beneficiary"]
    ]
    assert [coverage["id"] for coverage in dependants] == ["c10"]


def test_a_request_that_leads_nowhere_is_an_error() -> None:
    claim = claim_of(practice_requests(DAY)[0])
    with pytest.raises(KeyError):
        request_bundle(claim, {})
