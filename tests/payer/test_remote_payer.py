"""The connector to remote payers, and what is stored around it (operations/payer/remote.py, operations/pas/forwarding.py)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
from memory_context import Memory
from pas_examples import PAS, claim_of, concept, flagged, item, request, update_of
from pas_harness import actions, extension, notes, number_of, of_type, response_of, submit, submit_raw

from operations.pas.claim_inquire import claim_inquire
from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.payer.remote import RemotePayer
from operations.payer.settings import PayerSettings
from operations.ports import OperationInput
from profiles.json import dumps, loads
from profiles.outcome import FhirError

ADDRESS = "https://remote-payer.test/fhir"
SUBMIT = f"{ADDRESS}/Claim/$submit"
INQUIRE = f"{ADDRESS}/Claim/$inquire"


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def services() -> AsyncIterator[PasServices]:
    async with httpx.AsyncClient() as client:
        settings = PayerSettings(answer_within=timedelta(milliseconds=300), sleep=no_sleep)
        yield PasServices(settings, remote=RemotePayer(client))


@pytest.fixture
def memory() -> Memory:
    made = Memory()
    made.put(
        {
            "resourceType": "Organization",
            "id": "remote",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"}],
            "endpoint": [{"reference": "Endpoint/remote"}],
        }
    )
    made.put(
        {
            "resourceType": "Endpoint",
            "id": "remote",
            "status": "active",
            "connectionType": {
                "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
                "code": "hl7-fhir-rest",
            },
            "payloadType": [{"text": "PAS"}],
            "address": ADDRESS + "/",
        }
    )
    return made


async def remote_answer(body: bytes, scenario: str) -> dict[str, Any]:
    """What another Assent would say."""
    theirs = Memory(prefix="theirs")
    theirs.put(
        {
            "resourceType": "Organization",
            "id": "self",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "2001001017"}],
            "extension": [
                {"url": "https://assent.example/fhir/StructureDefinition/allows-scenarios", "valueBoolean": True}
            ],
        }
    )
    return await submit(theirs, loads(body), scenario, base_url=ADDRESS)


def answering(scenario: str) -> Any:
    async def answer(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=dumps(await remote_answer(sent.content, scenario)))

    return answer


@respx.mock
@pytest.mark.parametrize(("scenario", "action"), [("approve", "A1"), ("deny", "A3"), ("modify", "A6"), ("partial", "A2")])
async def test_the_payers_decision_is_ours_to_tell(
    memory: Memory, services: PasServices, scenario: str, action: str
) -> None:
    route = respx.post(SUBMIT).mock(side_effect=answering(scenario))
    body = request(item(1), item(4, quantity={"value": 8, "unit": "visit"}))
    answer = await submit(memory, body, services=services)
    assert actions(answer) == {1: action, 4: action}
    sent = loads(route.calls[0].request.content)
    assert {**sent, "id": body["id"]} == body, "the Bundle as it was received, under no id of ours"
    assert answer["entry"][0]["fullUrl"].startswith("https://payer.test/fhir/ClaimResponse/")
    stored = memory.all("ClaimResponse")[0]
    assert stored["meta"]["versionId"] == "2"
    again = await submit(memory, body, services=services)
    assert again == answer
    assert route.call_count == 1


@respx.mock
async def test_the_payers_numbers_and_questions_are_kept(memory: Memory, services: PasServices) -> None:
    respx.post(SUBMIT).mock(side_effect=answering("more-information"))
    answer = await submit(memory, request(), services=services)
    asked = of_type(answer, "CommunicationRequest")[0]
    stored = memory.all("CommunicationRequest")[0]
    assert asked["identifier"] == stored["identifier"]
    assert stored["subject"]["reference"].startswith("Patient/")
    assert of_type(answer, "Task")[0]["input"][0]["valueUrl"] == f"{ADDRESS}/$submit-attachment"
    reference = extension(response_of(answer)["item"][0], "administrationReferenceNumber")["valueString"]
    assert any(key[0] == "pas-number" and key[2] == reference for key in memory.keys)


@respx.mock
async def test_the_payers_own_refusal_is_passed_on_and_frees_the_identifier(memory: Memory, services: PasServices) -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "invalid", "details": {"text": "Not so."}, "expression": ["Bundle.entry[0]"]}
        ],
    }
    respx.post(SUBMIT).mock(return_value=httpx.Response(400, json=outcome))
    with pytest.raises(FhirError) as caught:
        await submit_raw(memory, request(), services=services)
    issue = caught.value.issues[0]
    assert (caught.value.status, issue.code, issue.expression) == (422, "pas-payer-refused", "Bundle.entry[0]")
    assert "Not so." in issue.text
    assert memory.all("ClaimResponse")[0]["outcome"] == "error"
    respx.post(SUBMIT).mock(side_effect=answering("approve"))
    assert actions(await submit(memory, request(item(1, "73721")), services=services)) == {1: "A1"}


@respx.mock
@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(503),
        httpx.Response(500, text="stack trace"),
        httpx.Response(401),
        httpx.Response(429),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json={"resourceType": "Patient"}),
        httpx.Response(200, json={"resourceType": "Bundle"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.test"}),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("gone"),
    ],
)
async def test_what_the_payer_cannot_answer_is_pended_and_asked_again(
    memory: Memory, services: PasServices, failure: Any
) -> None:
    mock = {"side_effect": failure} if isinstance(failure, Exception) else {"return_value": failure}
    route = respx.post(SUBMIT).mock(**mock)
    answer = await submit(memory, request(), services=services)
    assert actions(answer) == {1: "A4"}
    assert route.call_count == 1, "not sent twice where it may have arrived"
    route.mock(side_effect=answering("approve"))
    assert await memory.run_jobs(pas_jobs(services), timedelta(seconds=31)) == 1
    later = await submit(memory, request(), services=services)
    assert actions(later) == {1: "A1"}
    first, second = (call.request.content for call in route.calls)
    assert first == second


@respx.mock
async def test_a_connection_that_fails_is_tried_again_at_once(memory: Memory, services: PasServices) -> None:
    attempts = 0

    async def flaky(sent: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise httpx.ConnectError("no route")
        return await answering("approve")(sent)

    respx.post(SUBMIT).mock(side_effect=flaky)
    assert actions(await submit(memory, request(), services=services)) == {1: "A1"}
    assert attempts == 3


@respx.mock
async def test_a_failing_payer_is_left_alone_for_a_while(memory: Memory) -> None:
    now = 0.0
    async with httpx.AsyncClient() as client:
        services = PasServices(PayerSettings(sleep=no_sleep), remote=RemotePayer(client, lambda: now))
        route = respx.post(SUBMIT).mock(return_value=httpx.Response(500))
        for number in range(8):
            await submit(memory, request(trace=f"T-{number}"), services=services)
        assert route.call_count == 5
        now = 31.0
        route.mock(side_effect=answering("approve"))
        assert actions(await submit(memory, request(trace="T-9"), services=services)) == {1: "A1"}


@respx.mock
async def test_a_payer_that_takes_too_long(memory: Memory, services: PasServices) -> None:
    async def slow(sent: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(200)

    respx.post(SUBMIT).mock(side_effect=slow)
    assert actions(await submit(memory, request(), services=services)) == {1: "A4"}


@respx.mock
async def test_many_callers_at_once_send_once(memory: Memory, services: PasServices) -> None:
    route = respx.post(SUBMIT).mock(side_effect=answering("approve"))
    await asyncio.gather(*(submit_raw(memory, request(), services=services) for _ in range(32)))
    assert route.call_count == 1
    assert len(memory.all("ClaimResponse")) == 1
    assert actions(await submit(memory, request(), services=services)) == {1: "A1"}


@respx.mock
async def test_nothing_is_lost_when_we_stop_after_storing(memory: Memory, services: PasServices) -> None:
    """A crash between storing and sending: the job finds the request pended and sends it."""

    async def stops(sent: httpx.Request) -> httpx.Response:
        raise asyncio.CancelledError

    route = respx.post(SUBMIT).mock(side_effect=stops)
    with pytest.raises(asyncio.CancelledError):
        await submit_raw(memory, request(), services=services)
    assert memory.all("ClaimResponse")[0]["meta"]["versionId"] == "1"
    route.mock(side_effect=answering("approve"))
    await memory.run_jobs(pas_jobs(services), timedelta(seconds=31))
    assert actions(await submit(memory, request(), services=services)) == {1: "A1"}


@respx.mock
async def test_a_decision_pended_by_the_payer_is_asked_for(memory: Memory, services: PasServices) -> None:
    bundles: list[dict[str, Any]] = []

    async def pends(sent: httpx.Request) -> httpx.Response:
        bundles.append(await remote_answer(sent.content, "pend-approve"))
        return httpx.Response(200, content=dumps(bundles[0]))

    respx.post(SUBMIT).mock(side_effect=pends)
    first = await submit(memory, request(), services=services)
    assert actions(first) == {1: "A4"}
    reference = extension(response_of(first)["item"][0], "administrationReferenceNumber")
    assert reference == extension(response_of(bundles[0])["item"][0], "administrationReferenceNumber")
    same = {"resourceType": "Parameters", "parameter": [{"name": "return", "resource": bundles[0]}]}
    route = respx.post(INQUIRE).mock(return_value=httpx.Response(200, json=same))
    versions = memory.all("ClaimResponse")[0]["meta"]["versionId"]
    await memory.run_jobs(pas_jobs(services), timedelta(minutes=16))
    assert route.call_count == 1
    assert memory.all("ClaimResponse")[0]["meta"]["versionId"] == versions, "nothing new, no new version"
    asked = loads(route.calls[0].request.content)
    assert asked["entry"][0]["resource"]["item"][0]["extension"][0]["valueString"] == reference["valueString"]
    theirs = Memory()
    with pytest.raises(FhirError):
        await claim_inquire(PasServices()).run(OperationInput({**asked, "entry": []}), theirs.context())
    assert (await claim_inquire(PasServices()).run(OperationInput(asked), theirs.context())).body
    decided = await remote_answer(dumps(request()), "approve")
    route.mock(
        return_value=httpx.Response(
            200, json={"resourceType": "Parameters", "parameter": [{"name": "return", "resource": decided}]}
        )
    )
    await memory.run_jobs(pas_jobs(services), timedelta(hours=2))
    later = await submit(memory, request(), services=services)
    assert actions(later) == {1: "A1"}
    assert number_of(response_of(later)["item"][0]) == number_of(response_of(decided)["item"][0])


@respx.mock
async def test_we_do_not_try_for_ever(memory: Memory) -> None:
    async with httpx.AsyncClient() as client:
        ticks = itertools.count(step=60)
        services = PasServices(PayerSettings(sleep=no_sleep), remote=RemotePayer(client, lambda: float(next(ticks))))
        await _try_until_given_up(memory, services)


async def _try_until_given_up(memory: Memory, services: PasServices) -> None:
    route = respx.post(SUBMIT).mock(return_value=httpx.Response(503))
    await submit(memory, request(), services=services)
    for _ in range(40):
        await memory.run_jobs(pas_jobs(services), timedelta(days=2))
    assert route.call_count <= 25
    assert memory.jobs == []
    stored = memory.all("ClaimResponse")[0]
    assert stored["error"][0]["code"]["coding"][0]["code"] == "42"
    route.mock(side_effect=answering("approve"))
    assert actions(await submit(memory, request(), services=services)) == {1: "A1"}, "the same request may be tried again"


@respx.mock
async def test_answers_that_break_the_rules_do_not_get_out(memory: Memory, services: PasServices) -> None:
    async def wrong(sent: httpx.Request) -> httpx.Response:
        bundle = await remote_answer(sent.content, "approve")
        response = response_of(bundle)
        response["item"][0]["adjudication"][0]["extension"][0]["extension"] = [
            each for each in response["item"][0]["adjudication"][0]["extension"][0]["extension"] if each["url"] != "number"
        ]
        return httpx.Response(200, content=dumps(bundle))

    respx.post(SUBMIT).mock(side_effect=wrong)
    assert actions(await submit(memory, request(), services=services)) == {1: "A4"}


@respx.mock
async def test_items_that_the_payer_forgot_stay_pended(memory: Memory, services: PasServices) -> None:
    async def first_only(sent: httpx.Request) -> httpx.Response:
        bundle = await remote_answer(sent.content, "approve")
        del response_of(bundle)["item"][1]
        return httpx.Response(200, content=dumps(bundle))

    respx.post(SUBMIT).mock(side_effect=first_only)
    answer = await submit(memory, request(item(1), item(2)), services=services)
    assert actions(answer) == {1: "A1", 2: "A4"}
    assert response_of(answer)["outcome"] == "partial"


@respx.mock
async def test_business_errors_of_the_payer(memory: Memory, services: PasServices) -> None:
    async def fails(sent: httpx.Request) -> httpx.Response:
        bundle = await remote_answer(sent.content, "approve")
        response = response_of(bundle)
        del response["item"]
        response["outcome"] = "error"
        response["error"] = [
            {
                "extension": [
                    {
                        "url": f"{PAS}extension-errorFollowupAction",
                        "valueCodeableConcept": concept("https://codesystem.x12.org/005010/889", "N"),
                    }
                ],
                "code": concept("https://codesystem.x12.org/005010/901", "75"),
            }
        ]
        return httpx.Response(200, content=dumps(bundle))

    respx.post(SUBMIT).mock(side_effect=fails)
    response = response_of(await submit(memory, request(), services=services))
    assert response["error"][0]["code"]["coding"][0]["code"] == "75"
    assert memory.jobs == [] or await memory.run_jobs(pas_jobs(services), timedelta(days=1)) == 1


@respx.mock
async def test_updates_are_forwarded_and_replace_what_they_update(memory: Memory, services: PasServices) -> None:
    respx.post(SUBMIT).mock(side_effect=answering("approve"))
    await submit(memory, request(item(1)), services=services)
    answer = await submit(memory, update_of(request(item(1)), item(1), flagged(item(2), "added")), services=services)
    assert actions(answer) == {1: "A1", 2: "A1"}
    assert sorted(each["status"] for each in memory.all("ClaimResponse")) == ["active", "cancelled"]


async def test_without_a_connector_the_built_in_payer_answers(memory: Memory) -> None:
    assert actions(await submit(memory, request(), services=PasServices())) == {1: "A4"}


@respx.mock
async def test_an_endpoint_that_is_off_is_not_used(memory: Memory, services: PasServices) -> None:
    memory.put({**memory.all("Endpoint")[0], "status": "off"})
    answer = await submit(memory, request(), services=services)
    assert actions(answer) == {1: "A4"}
    assert "No policy" in notes(answer)
    assert claim_of(request())["item"]
