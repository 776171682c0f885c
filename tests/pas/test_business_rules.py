"""Requests that no payer can approve are answered with an error and its X12 reason (operations/pas/business_rules.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import WHOLE_CANCEL, claim_of, concept, fresh, inquiries, item, request, requests, update_of
from pas_harness import actions, extension, inquire, response_of, submit

from profiles.json import ExactDecimal
from profiles.outcome import FhirError

Change = Callable[[dict[str, Any]], None]
MRN = {"system": "urn:hospital", "value": "MR-1", "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")}


def resource(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind)


def first_item(name: str, value: Any) -> Change:
    return lambda bundle: claim_of(bundle)["item"][0].update({name: value})


def of(kind: str, **values: Any) -> Change:
    return lambda bundle: resource(bundle, kind).update(values)


def other_payor(bundle: dict[str, Any]) -> None:
    other = fresh(bundle["entry"][3])
    other["fullUrl"] += "2"
    other["resource"]["id"] += "2"
    other["resource"]["identifier"] = [{"system": "urn:payer", "value": "another"}]
    bundle["entry"].append(other)
    resource(bundle, "Coverage")["payor"] = [{"reference": "Organization/payer2"}]


def no_member(bundle: dict[str, Any]) -> None:
    resource(bundle, "Patient")["identifier"] = [MRN]
    resource(bundle, "Coverage").pop("identifier")


CPT = "http://www.ama-assn.org/go/cpt"
TWO_CODES = {"coding": [{"system": CPT, "code": "72148"}, {"system": CPT, "code": "73721"}]}
IMPOSSIBLE: list[tuple[str, Change, str, str]] = [
    ("no units", first_item("quantity", {"value": 0, "unit": "visit"}), "33", "item[0].quantity"),
    ("fewer than none", first_item("quantity", {"value": ExactDecimal("-0.5"), "unit": "visit"}), "33", "item[0].quantity"),
    ("a unit alone", first_item("quantity", {"unit": "visit"}), "33", "item[0].quantity"),
    ("two codes", first_item("productOrService", TWO_CODES), "AG", "item[0].productOrService"),
    ("entered in error", of("Coverage", status="entered-in-error"), "95", "status"),
    ("cancelled", of("Coverage", status="cancelled"), "95", "status"),
    ("draft", of("Coverage", status="draft"), "95", "status"),
    ("ended", of("Coverage", period={"start": "2020-01-01", "end": "2026-12-15"}), "95", "item[0].serviced"),
    ("ended in a month", of("Coverage", period={"end": "2026-11"}), "95", "item[0].serviced"),
    ("not begun", of("Coverage", period={"start": "2027-01-01"}), "95", "item[0].serviced"),
    ("dead", of("Patient", deceasedDateTime="2026-12-15T23:00:00Z"), "61", "deceased"),
    ("dead for a year", of("Patient", deceasedDateTime="2025"), "61", "deceased"),
    ("dead, who knows when", of("Patient", deceasedBoolean=True), "61", "deceased"),
    ("not born", of("Patient", birthDate="2027-01-01"), "58", "birthDate"),
    ("another payor", other_payor, "79", "payor"),
    ("nobody insured", of("Coverage", payor=[{"reference": "Patient/p1"}]), "79", "payor"),
    ("a record number alone", no_member, "72", "identifier"),
]


@pytest.mark.parametrize(
    ("change", "code", "path"), [each[1:] for each in IMPOSSIBLE], ids=[each[0] for each in IMPOSSIBLE]
)
async def test_what_is_impossible_is_an_error(change: Change, code: str, path: str, memory: Memory) -> None:
    bundle = request()
    change(bundle)
    response = response_of(await submit(memory, bundle))
    assert response["outcome"] == "error"
    assert "item" not in response
    (error,) = response["error"]
    assert error["code"]["coding"][0] == {"system": "https://codesystem.x12.org/005010/901", "code": code}
    assert extension(error, "errorFollowupAction")["valueCodeableConcept"]["coding"][0]["code"] == "C"
    assert extension(error, "errorPath")["valueString"].endswith(path)


async def test_a_birth_after_a_past_service(memory: Memory) -> None:
    bundle = request(item(servicedDate="2026-01-01"))
    resource(bundle, "Patient")["birthDate"] = "2026-02-01"
    (error,) = response_of(await submit(memory, bundle))["error"]
    assert error["code"]["coding"][0]["code"] == "60"


POSSIBLE: list[tuple[str, Change]] = [
    ("a part of one", first_item("quantity", {"value": ExactDecimal("0.5"), "unit": "visit"})),
    ("no quantity", lambda bundle: claim_of(bundle)["item"][0].pop("quantity")),
    (
        "codes of two systems",
        first_item(
            "productOrService",
            {"coding": [{"system": CPT, "code": "72148"}, {"system": "http://hl7.org/fhir/sid/ndc", "code": "1"}]},
        ),
    ),
    ("the same code twice", first_item("productOrService", {"coding": [{"system": CPT, "code": "72148"}] * 2})),
    ("covered on the last day", of("Coverage", period={"start": "2026-12-16", "end": "2026-12-16"})),
    ("covered in that month", of("Coverage", period={"start": "2026-12", "end": "2026"})),
    ("died on the day", of("Patient", deceasedDateTime="2026-12-16")),
    ("alive", of("Patient", deceasedBoolean=False)),
    ("a payor by identifier", of("Coverage", payor=[{"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"}}])),
    ("a payor by name", of("Coverage", payor=[{"display": "A payer"}])),
    ("an untyped number of the patient", lambda bundle: resource(bundle, "Coverage").pop("identifier")),
    ("a subscriber id", lambda bundle: (no_member(bundle), resource(bundle, "Coverage").update(subscriberId="S-1"))),
]  # fmt: skip


@pytest.mark.parametrize("change", [each[1] for each in POSSIBLE], ids=[each[0] for each in POSSIBLE])
async def test_what_is_possible_is_decided(change: Change, memory: Memory) -> None:
    bundle = request()
    change(bundle)
    assert actions(await submit(memory, bundle, "approve")) == {1: "A1"}


async def test_a_service_in_the_past_may_precede_the_term_that_is_told(memory: Memory) -> None:
    bundle = request(item(servicedDate="2016-08-09"))
    resource(bundle, "Coverage")["period"] = {"start": "2020-01-01", "end": "2025-12-31"}
    assert actions(await submit(memory, bundle, "approve")) == {1: "A1"}


async def test_another_coverage_beside_the_focal_one_is_of_another_payer(memory: Memory) -> None:
    bundle = request()
    other_payor(bundle)
    second = fresh(bundle["entry"][2])
    second["fullUrl"] += "2"
    second["resource"].update(id="cov12", status="cancelled")
    bundle["entry"].append(second)
    resource(bundle, "Coverage")["payor"] = [{"reference": "Organization/payer"}]
    claim_of(bundle)["insurance"].append({"sequence": 2, "focal": False, "coverage": {"reference": "Coverage/cov12"}})
    assert actions(await submit(memory, bundle, "approve")) == {1: "A1"}


async def test_what_became_impossible_can_still_be_cancelled(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    cancel = update_of(request(), extension=WHOLE_CANCEL)
    resource(cancel, "Patient")["deceasedBoolean"] = True
    resource(cancel, "Coverage")["status"] = "cancelled"
    assert actions(await submit(memory, cancel)) == {1: "C"}


@pytest.mark.parametrize("bundle", requests())
async def test_official_requests_are_no_errors(bundle: Any) -> None:
    response = response_of(await submit(Memory(), bundle))
    assert response["outcome"] != "error"


@pytest.mark.parametrize("bundle", inquiries())
async def test_official_inquiries_name_a_member(bundle: Any) -> None:
    assert (await inquire(Memory(), bundle))["resourceType"] == "Parameters"


def asked_by(number: dict[str, Any]) -> dict[str, Any]:
    bundle = request()
    resource(bundle, "Patient")["identifier"] = [number]
    resource(bundle, "Coverage").pop("identifier")
    return bundle


async def test_a_record_number_finds_no_authorization(memory: Memory) -> None:
    """Neither said to be one, nor told without its type where the patient's record says what it is."""
    bundle = request()
    resource(bundle, "Patient")["identifier"].append(MRN)
    await submit(memory, bundle, "approve")
    with pytest.raises(FhirError) as caught:
        await inquire(memory, asked_by(MRN))
    assert caught.value.issues[0].code == "pas-patient-missing"
    untyped = {name: MRN[name] for name in ("system", "value")}
    assert "parameter" not in await inquire(memory, asked_by(untyped))
    found = await inquire(memory, asked_by({"system": "http://payer.example.org/member", "value": "M-77001"}))
    assert len(found["parameter"]) == 1


async def test_another_insurer_finds_nothing(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    bundle = request(insurer=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001099"}])
    assert "parameter" not in await inquire(memory, bundle)
