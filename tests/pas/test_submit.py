"""`$submit`: answers, what is stored, and that the same request is one request (operations/pas/claim_submit.py)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from memory_context import BASE, Memory
from pas_examples import EHR, claim_of, concept, fresh, item, request, requests
from pas_harness import action_of, actions, extension, notes, number_of, of_type, refused, response_of, submit, submit_raw

from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.payer.settings import PayerSettings
from profiles.json import loads
from profiles.outcome import FhirError


@pytest.mark.parametrize("bundle", requests())
async def test_official_requests_are_answered_by_the_rules(bundle: Any) -> None:
    memory = Memory()
    first = await submit_raw(memory, bundle)
    assert await submit_raw(memory, bundle) == first
    assert memory.commits == 1
    old = await submit_raw(Memory(), bundle, pas_version="2.0.1", base_url=f"{BASE}/pas-2.0.1/fhir")
    assert loads(old)["entry"][0]["resource"]["outcome"] in ("queued", "partial")


async def test_approval(memory: Memory) -> None:
    bundle = await submit(memory, request(item(1), item(5, "73721"), item(9)), "approve")
    response = response_of(bundle)
    assert response["outcome"] == "complete"
    assert actions(bundle) == {1: "A1", 5: "A1", 9: "A1"}
    numbers = [number_of(each) for each in response["item"]]
    assert len(set(numbers)) == 3
    assert all(numbers)
    first = response["item"][0]
    assert extension(first, "itemTraceNumber")["valueIdentifier"]["value"] == "T1"
    assert extension(first, "itemPreAuthIssueDate")["valueDate"] == "2026-11-22"
    assert extension(first, "itemPreAuthPeriod")["valuePeriod"]["start"] == "2026-11-22"
    provider = extension(first, "itemAuthorizedProvider")["extension"][0]["valueReference"]["reference"]
    assert provider == f"{EHR}/Practitioner/doc1"
    assert response["preAuthPeriod"]["start"] == "2026-11-22"
    assert response["identifier"][0]["value"] == "T-1001"
    assert response["request"]["reference"] == f"{EHR}/Claim/c1"


async def test_an_authorization_repeats_the_stay_and_the_diagnosis(memory: Memory) -> None:
    temp = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
    bundle = request()
    claim_of(bundle)["supportingInfo"] += [
        {"sequence": 2, "category": concept(temp, "admissionDates"), "timingPeriod": {"start": "2026-12-16"}},
        {"sequence": 3, "category": concept(temp, "dischargeDates"), "timingDate": "2026-12-18"},
    ]
    certified = response_of(await submit(memory, bundle, "approve"))["item"][0]
    assert extension(certified, "admissionDates")["valuePeriod"] == {"start": "2026-12-16"}
    assert extension(certified, "dischargeDate")["valueDate"] == "2026-12-18"
    assert extension(certified, "communicatedDiagnosis")["valueCodeableConcept"]["coding"][0]["code"] == "M51.26"
    added = response_of(await submit(memory, bundle, "modify"))["addItem"][0]
    assert extension(added, "dischargeDate")


async def test_the_requests_addresses_are_kept_and_the_claim_left_out(memory: Memory) -> None:
    sent = request()
    bundle = await submit(memory, sent, "approve")
    known = {each["fullUrl"]: each["resource"] for each in sent["entry"]}
    echoed = {each["fullUrl"]: each["resource"] for each in bundle["entry"][1:]}
    assert {f"{EHR}/Patient/p1", f"{EHR}/Organization/payer", f"{EHR}/Organization/req"} <= set(echoed)
    assert all(known[url] == resource for url, resource in echoed.items())
    assert of_type(bundle, "Claim") == []
    old = await submit(Memory(), sent, pas_version="2.0.1")
    assert len(of_type(old, "Claim")) == 1


async def test_transmission_identifiers_come_back_swapped(memory: Memory) -> None:
    bundle = await submit(memory, request(), "approve")
    carried = extension(response_of(bundle), "extension-TransmissionIdentifiers")["extension"]
    assert {each["url"]: each["valueString"] for each in carried} == {
        "applicationSenderCode": "PAYER01",
        "applicationReceiverCode": "EHR01",
    }


async def test_denial(memory: Memory) -> None:
    bundle = await submit(memory, request(), "deny")
    denied = response_of(bundle)["item"][0]
    assert action_of(denied) == "A3"
    assert number_of(denied) is None
    inner = denied["adjudication"][0]["extension"][0]["extension"]
    reason = next(each for each in inner if each["url"] == "reasonCode")["valueCodeableConcept"]
    assert reason["text"]
    assert denied["noteNumber"] == [1]
    reviewer = extension(response_of(bundle), "claimResponseReviewer")
    assert reviewer["extension"] == [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]
    assert response_of(bundle)["outcome"] == "complete"


async def test_licensed_reason_codes_of_the_operator(memory: Memory) -> None:
    services = PasServices(PayerSettings(decision_reason_codes={"decided-by-scenario": "0Z"}))
    bundle = await submit(memory, request(), "deny", services)
    inner = response_of(bundle)["item"][0]["adjudication"][0]["extension"][0]["extension"]
    reason = next(each for each in inner if each["url"] == "reasonCode")["valueCodeableConcept"]
    assert reason["coding"][0] == {"system": "https://codesystem.x12.org/external/886", "code": "0Z"}


async def test_modification_comes_as_an_added_item(memory: Memory) -> None:
    bundle = await submit(memory, request(), "modify")
    response = response_of(bundle)
    assert actions(bundle) == {1: "A6"}
    added = response["addItem"][0]
    assert added["itemSequence"] == [1]
    assert action_of(added) == "A1"
    assert number_of(added)
    assert added["quantity"] == {"value": 2, "unit": "visit"}
    assert added["productOrService"]["coding"][0]["code"] == "72148"


async def test_partial_certification(memory: Memory) -> None:
    bundle = await submit(memory, request(), "partial")
    certified = response_of(bundle)["item"][0]
    assert action_of(certified) == "A2"
    detail = extension(certified, "itemAuthorizedDetail")["extension"]
    assert next(each for each in detail if each["url"] == "quantity")["valueQuantity"]["value"] == 2


async def test_more_information(memory: Memory) -> None:
    bundle = await submit(memory, request(), "more-information")
    response = response_of(bundle)
    assert actions(bundle) == {1: "A4"}
    assert extension(response["item"][0], "administrationReferenceNumber")["valueString"].startswith("PEND-")
    asked = of_type(bundle, "CommunicationRequest")[0]
    assert response["communicationRequest"] == [{"reference": f"{BASE}/CommunicationRequest/{asked['id']}"}]
    assert asked["payload"] == [{"contentString": "34117-2"}]
    task = of_type(bundle, "Task")[0]
    assert task["identifier"][0] == response["identifier"][0]
    assert task["requester"]["identifier"]["value"] == "2001001017"
    assert task["owner"]["identifier"]["value"] == "8189991234"
    assert task["restriction"]["period"]["end"] == "2026-12-06"
    stored = memory.all("CommunicationRequest")[0]
    assert stored["subject"]["reference"].startswith("Patient/")


async def test_pended_on_the_older_endpoint_is_queued(memory: Memory) -> None:
    bundle = await submit(memory, request(), "pend-approve", pas_version="2.0.1")
    assert response_of(bundle)["outcome"] == "queued"


async def test_the_pended_request_is_decided_later(memory: Memory, services: PasServices) -> None:
    first = await submit(memory, request(), "pend-approve")
    reference = extension(response_of(first)["item"][0], "administrationReferenceNumber")["valueString"]
    assert await memory.run_jobs(pas_jobs(services), timedelta(seconds=1)) == 0
    assert await memory.run_jobs(pas_jobs(services), timedelta(seconds=5)) == 1
    later = await submit(memory, request(), "pend-approve")
    assert actions(later) == {1: "A1"}
    decided = response_of(later)["item"][0]
    assert extension(decided, "administrationReferenceNumber")["valueString"] == reference
    assert later["entry"][0]["fullUrl"] == first["entry"][0]["fullUrl"]
    assert later["identifier"] != first["identifier"]
    stored = memory.all("ClaimResponse")[0]
    assert stored["meta"]["versionId"] == "2"
    assert len(memory.all("ClaimResponse")) == 1


async def test_a_job_run_twice_decides_once(memory: Memory, services: PasServices) -> None:
    await submit(memory, request(), "pend-approve")
    memory.now += timedelta(seconds=6)
    job = memory.due_jobs()[0]
    handlers = pas_jobs(services)
    await asyncio.gather(*(handlers[job.kind](dict(job.payload), memory.context()) for _ in range(4)))
    await handlers[job.kind](dict(job.payload), memory.context())
    assert memory.all("ClaimResponse")[0]["meta"]["versionId"] == "2"


async def test_missing_documents_are_denied_when_the_wait_is_over(memory: Memory, services: PasServices) -> None:
    await submit(memory, request(), "more-information")
    await memory.run_jobs(pas_jobs(services), timedelta(days=14))
    later = await submit(memory, request(), "more-information")
    assert actions(later) == {1: "A3"}
    assert "not received" in notes(later)
    assert of_type(later, "CommunicationRequest") == []
    assert memory.all("Task")[0]["status"] == "completed"


async def test_a_slow_payer_is_answered_for_in_time_and_decides_later(memory: Memory) -> None:
    slept = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.set()
        await asyncio.sleep(seconds)

    settings = PayerSettings(answer_within=timedelta(milliseconds=30), slow_seconds=60, sleep=sleep)
    services = PasServices(settings)
    first = await submit(memory, request(), "slow", services)
    assert slept.is_set()
    assert actions(first) == {1: "A4"}
    await memory.run_jobs(pas_jobs(services), timedelta(minutes=1))
    await memory.run_jobs(pas_jobs(services), timedelta(minutes=5))
    assert actions(await submit(memory, request(), "slow", services)) == {1: "A1"}


async def test_a_payer_out_of_service_stores_nothing(memory: Memory) -> None:
    before = set(memory.versions)
    error = await refused(memory, request(), "unavailable")
    assert (error.status, error.headers["Retry-After"]) == (503, "30")
    assert set(memory.versions) == before
    assert memory.keys == {}


async def test_scenarios_are_known_and_allowed(memory: Memory) -> None:
    error = await refused(memory, request(), "apprvoe")
    assert error.status == 400
    assert "more-information" in error.issues[0].text
    other = [{"system": "urn:x", "value": "1"}]
    assert (await refused(memory, request(insurer=other), "approve")).status == 403
    tagged = request()
    claim_of(tagged)["meta"]["tag"] = [{"system": "https://assent.example/fhir/CodeSystem/payer-scenario", "code": "deny"}]
    assert actions(await submit(memory, tagged)) == {1: "A3"}
    open_to_all = PasServices(PayerSettings(scenarios="on"))
    assert actions(await submit(memory, request(insurer=other), "approve", open_to_all)) == {1: "A1"}


async def test_scenarios_make_separate_requests(memory: Memory) -> None:
    assert actions(await submit(memory, request(), "approve")) == {1: "A1"}
    assert actions(await submit(memory, request(), "deny")) == {1: "A3"}
    assert actions(await submit(memory, request(), "approve")) == {1: "A1"}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (
            request(item(1, productOrService=concept("http://snomed.info/sct", "1"))),
            "AG",
            "Bundle.entry[0].resource.item[0].productOrService",
        ),
        (request(item(1, productOrService={"text": "MRI"})), "AG", None),
        (
            request(diagnosis=[{"sequence": 1, "diagnosisCodeableConcept": concept("http://snomed.info/sct", "2")}]),
            "AF",
            "Bundle.entry[0].resource.diagnosis[0].diagnosisCodeableConcept",
        ),
        (request(insurer=[]), "T4", "Bundle.entry[3].resource.identifier"),
        (request(insurer=[{"system": "https://assent.example/fhir/payer-id", "value": "nobody"}]), "79", None),
    ],
)
async def test_business_errors(memory: Memory, body: Any, code: str, path: str | None) -> None:
    if not body["entry"][3]["resource"]["identifier"]:
        del body["entry"][3]["resource"]["identifier"]
    bundle = await submit(memory, body)
    response = response_of(bundle)
    assert response["outcome"] == "error"
    assert "item" not in response
    assert response["error"][0]["code"]["coding"][0] == {"system": "https://codesystem.x12.org/005010/901", "code": code}
    assert extension(response["error"][0], "errorFollowupAction")
    if path is not None:
        assert extension(response["error"][0], "errorPath")["valueString"] == path
    assert memory.jobs == []


async def test_a_member_without_number(memory: Memory) -> None:
    body = request()
    del body["entry"][1]["resource"]["identifier"]
    del body["entry"][2]["resource"]["identifier"]
    response = response_of(await submit(memory, body))
    assert response["error"][0]["code"]["coding"][0]["code"] == "72"
    body["entry"][2]["resource"]["subscriberId"] = "M-77001"
    assert response_of(await submit(memory, body))["outcome"] == "complete"


async def test_any_service_goes_to_review(memory: Memory) -> None:
    any_service = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-applicable")
    assert actions(await submit(memory, request(item(1, productOrService=any_service)))) == {1: "A4"}


async def test_an_unknown_payer_is_reviewed_or_refused(memory: Memory, services: PasServices) -> None:
    unknown = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "7893120007"}]
    bundle = await submit(memory, request(insurer=unknown))
    assert actions(bundle) == {1: "A4"}
    assert "not registered" in notes(bundle)
    bundle = await submit(memory, request(insurer=unknown, trace="T-2"))
    assert "not registered" in notes(bundle), "having come along once does not register a payer"
    await memory.run_jobs(pas_jobs(services), timedelta(seconds=61))
    assert actions(await submit(memory, request(insurer=unknown))) == {1: "A1"}
    refusing = PasServices(PayerSettings(unknown_payer="refuse"))
    response = response_of(await submit(memory, request(insurer=unknown, trace="T-3"), services=refusing))
    assert response["error"][0]["code"]["coding"][0]["code"] == "79"
    assert extension(response["error"][0], "errorFollowupAction")["valueCodeableConcept"]["coding"][0]["code"] == "N"


async def test_a_member_covered_by_a_registered_payer_is_not_another_payers(memory: Memory) -> None:
    member = {"system": "http://payer.example.org/member", "value": "M-77001"}
    memory.put({"resourceType": "Patient", "id": "known", "identifier": [member], "birthDate": "1970-01-18"})
    memory.put(
        {
            "resourceType": "Coverage",
            "id": "k1",
            "status": "active",
            "beneficiary": {"reference": "Patient/known"},
            "payor": [{"reference": "Organization/aurora"}],
        }
    )
    response = response_of(await submit(memory, request(insurer=[{"system": "urn:x", "value": "9"}])))
    assert response["error"][0]["code"]["coding"][0]["code"] == "79"


async def test_no_authorization_required(memory: Memory) -> None:
    memory.put(
        {
            "resourceType": "Organization",
            "id": "harbor",
            "identifier": [{"system": "urn:payer", "value": "harbor"}],
            "extension": [
                {
                    "url": "https://assent.example/fhir/StructureDefinition/default-without-policy",
                    "valueCode": "no-authorization-required",
                }
            ],
        }
    )
    bundle = await submit(memory, request(insurer=[{"system": "urn:payer", "value": "harbor"}]))
    assert actions(bundle) == {1: "NA"}
    assert "requires no authorization" in notes(bundle)
    assert memory.jobs == []


async def test_no_body() -> None:
    from operations.pas.claim_submit import claim_submit
    from operations.ports import OperationInput

    with pytest.raises(FhirError) as caught:
        await claim_submit(PasServices()).run(OperationInput(), Memory().context())
    assert (caught.value.status, caught.value.issues[0].code) == (400, "body-missing")


async def test_the_same_input_is_decided_the_same() -> None:
    def decided(bundle: dict[str, Any]) -> Any:
        kept = fresh(response_of(bundle))
        return kept["item"], kept["processNote"], kept["outcome"]

    first, second = Memory(), Memory()
    body = request(item(1), item(2))
    assert decided(await submit(first, body)) == decided(await submit(second, body))


async def test_notes_of_several_items_name_their_items(memory: Memory) -> None:
    """And still do after a later decision, once each."""
    services = PasServices(PayerSettings())
    first = await submit(memory, request(item(1), item(4)), "approve")
    assert [each["text"] for each in response_of(first)["processNote"]] == [
        "Every item: Certified, as the scenario asked for."
    ]
    body = request(item(1, quantity={"value": 1, "unit": "visit"}), item(4, quantity={"value": 1, "unit": "visit"}))
    claim_of(body)["identifier"][0]["value"] = "T-2"
    partly = await submit(memory, body, "partial")
    said = [each["text"] for each in response_of(partly)["processNote"]]
    assert said == ["Item 1: Certified, as the scenario asked for.", "Item 4: Denied, as the scenario asked for."]
    claim_of(body)["identifier"][0]["value"] = "T-3"
    await submit(memory, body, "pend-approve")
    await memory.run_jobs(pas_jobs(services), timedelta(minutes=1))
    later = await submit(memory, body, "pend-approve")
    assert [each["text"] for each in response_of(later)["processNote"]] == [
        "Every item: Certified, as the scenario asked for."
    ]
    alone = await submit(memory, request(item(1), trace="T-4"), "approve")
    assert notes(alone) == "Certified, as the scenario asked for."
