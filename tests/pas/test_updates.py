"""Updates and cancellations of authorizations (operations/pas/updates.py; PAS 2.2.1, 3.4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import WHOLE_CANCEL, cancelled, claim_of, flagged, fresh, item, request, requests, update_of
from pas_harness import action_of, actions, extension, notes, number_of, of_type, response_of, submit, submit_raw

from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.payer.settings import PayerSettings


def numbers(bundle: dict[str, Any]) -> dict[int, str | None]:
    return {each["itemSequence"]: number_of(each) for each in response_of(bundle)["item"]}


def head(memory: Memory) -> dict[str, Any]:
    """The one ClaimResponse in force."""
    (found,) = [each for each in memory.all("ClaimResponse") if each["status"] == "active"]
    return found


async def test_an_added_item_is_decided_and_the_rest_keeps_its_number(memory: Memory) -> None:
    first = await submit(memory, request(item(1)), "approve")
    second = await submit(memory, update_of(request(item(1)), item(1), flagged(item(2), "added")), "deny")
    assert actions(second) == {1: "A1", 2: "A3"}
    assert numbers(second)[1] == numbers(first)[1]
    kept, before = response_of(second)["item"][0], response_of(first)["item"][0]
    assert {each["url"]: each for each in kept["extension"]} == {each["url"]: each for each in before["extension"]}
    superseded = next(each for each in memory.all("ClaimResponse") if each["status"] == "cancelled")
    assert extension(superseded, "superseded-by")["valueReference"]["reference"] == f"ClaimResponse/{head(memory)['id']}"
    assert extension(head(memory), "supersedes")["valueReference"]["reference"] == f"ClaimResponse/{superseded['id']}"


async def test_a_changed_item_is_decided_again(memory: Memory) -> None:
    first = await submit(memory, request(item(1), item(2)), "approve")
    changed = flagged(item(1, quantity={"value": 9, "unit": "visit"}), "changed")
    second = await submit(memory, update_of(request(item(1), item(2)), changed, item(2)), "modify")
    assert actions(second) == {1: "A6", 2: "A1"}
    assert numbers(second)[2] == numbers(first)[2]
    assert response_of(second)["addItem"][0]["quantity"]["value"] == 4


async def test_a_cancelled_item_is_still_answered(memory: Memory) -> None:
    first = await submit(memory, request(item(1), item(2)), "approve")
    second = await submit(memory, update_of(request(item(1), item(2)), item(1), cancelled(item(2))))
    assert actions(second) == {1: "A1", 2: "C"}
    gone = response_of(second)["item"][1]
    assert extension(gone, "extension-authorizationNumber")["valueString"] == numbers(first)[2]


async def test_the_review_action_of_a_cancellation_is_a_setting(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    bundle = update_of(request(), cancelled(item()))
    services = PasServices(PayerSettings(cancelled_action="NA"))
    assert actions(await submit(memory, bundle, services=services)) == {1: "NA"}


@pytest.mark.parametrize("scenario", ["approve", "pend-approve"])
@pytest.mark.parametrize("with_items", [True, False])
async def test_the_whole_is_cancelled_before_or_after_the_decision(scenario: str, with_items: bool, memory: Memory) -> None:
    await submit(memory, request(item(1), item(3)), scenario)
    bundle = update_of(request(item(1), item(3)), extension=WHOLE_CANCEL)
    if not with_items:
        del claim_of(bundle)["item"]
    answer = await submit(memory, bundle)
    assert actions(answer) == {1: "C", 3: "C"}
    assert response_of(answer)["outcome"] == "complete"
    assert action_of({"adjudication": response_of(answer)["adjudication"]}) == "C"
    versions = {key: len(history) for key, history in memory.versions.items()}
    await memory.run_jobs(pas_jobs(PasServices()), timedelta(days=30))
    assert {key: len(history) for key, history in memory.versions.items()} == versions, "the job finds it cancelled"


async def test_a_denied_or_cancelled_request_cannot_be_updated(memory: Memory) -> None:
    await submit(memory, request(), "deny")
    answer = await submit(memory, update_of(request(), flagged(item(), "changed")))
    response = response_of(answer)
    assert response["outcome"] == "error"
    assert "denied" in notes(answer)
    assert extension(response["error"][0], "errorFollowupAction")["valueCodeableConcept"]["coding"][0]["code"] == "N"
    assert len([each for each in memory.all("ClaimResponse") if each["status"] == "active"]) == 2, "the denial stands"
    await submit(memory, request(trace="T-2"), "approve")
    await submit(memory, update_of(request(trace="T-2"), extension=WHOLE_CANCEL))
    answer = await submit(memory, update_of(request(trace="T-2"), flagged(item(), "changed")))
    assert "cancelled" in notes(answer)
    assert response_of(answer)["outcome"] == "error"


async def test_an_update_of_an_unknown_request_is_a_new_one(memory: Memory) -> None:
    answer = await submit(memory, update_of(request(), item(1), cancelled(item(2))), "approve")
    assert actions(answer) == {1: "A1", 2: "C"}
    assert "not known here" in notes(answer)
    assert len(memory.all("Claim")) == 2, "the prior Claim is kept, since the request refers to it"
    unknown = update_of(request(trace="T-9"), extension=WHOLE_CANCEL)
    response = response_of(await submit(memory, unknown))
    assert response["error"][0]["code"]["coding"][0]["code"] == "AA"


async def test_a_forgotten_item_keeps_its_decision(memory: Memory) -> None:
    first = await submit(memory, request(item(1), item(2)), "approve")
    answer = await submit(memory, update_of(request(item(1), item(2)), item(1)))
    assert actions(answer) == {1: "A1"}
    kept = response_of(answer)["addItem"][0]
    assert kept["itemSequence"] == [2]
    assert number_of(kept) == numbers(first)[2]
    assert kept["productOrService"]["coding"][0]["code"] == "72148"
    assert "Not sent again" in notes(answer)


async def test_a_cancelled_item_that_is_left_out_stays_quiet(memory: Memory) -> None:
    await submit(memory, request(item(1), item(2)), "approve")
    await submit(memory, update_of(request(item(1), item(2)), item(1), cancelled(item(2)), trace="T-2"))
    answer = await submit(memory, update_of(request(item(1), item(2), trace="T-2"), item(1), trace="T-3"))
    gone = response_of(answer)["addItem"][0]
    assert (gone["itemSequence"], action_of(gone)) == ([2], "C")
    assert "stands" not in notes(answer)


@pytest.mark.parametrize("scenario", ["approve", "modify"])
async def test_nothing_cancelled_is_certified_by_its_number(scenario: str, memory: Memory) -> None:
    """Neither `preAuthRef` nor the review action's number: what is cancelled is only named."""
    first = await submit(memory, request(item(1), item(2)), scenario)
    before = [number_of(each) for each in response_of(first).get("addItem", response_of(first)["item"])]
    answer = response_of(await submit(memory, update_of(request(item(1), item(2)), item(1), extension=WHOLE_CANCEL)))
    assert "preAuthRef" not in answer
    elements = [*answer["item"], *answer["addItem"]]
    assert [action_of(each) for each in elements] == ["C", "C"]
    assert [number_of(each) for each in elements] == [None, None]
    assert [extension(each, "extension-authorizationNumber")["valueString"] for each in elements] == before
    assert answer["addItem"][0]["productOrService"]["coding"][0]["code"] == "72148"


async def test_an_update_is_found_by_the_numbers_that_it_quotes(memory: Memory) -> None:
    first = await submit(memory, request(), "approve")
    bundle = update_of(request(), cancelled(item()))
    prior = bundle["entry"][-1]["resource"]
    prior["identifier"] = [{"system": "urn:other", "value": "forgotten"}]
    number = number_of(response_of(first)["item"][0])
    claim_of(bundle)["item"][0]["extension"].append(
        {
            "url": "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-authorizationNumber",
            "valueString": number,
        }
    )
    answer = await submit(memory, bundle)
    assert actions(answer) == {1: "C"}
    assert "not known" not in notes(answer)
    stranger = update_of(request(npi="1111111111"), cancelled(item()), trace="T-77")
    stranger["entry"][-1]["resource"]["identifier"] = [{"system": "urn:other", "value": "x"}]
    claim_of(stranger)["item"][0]["extension"].append(claim_of(bundle)["item"][0]["extension"][-1])
    assert "not known" in notes(await submit(memory, stranger)), "a number alone opens no one else's authorization"


async def test_chains_with_the_same_and_with_new_identifiers(memory: Memory) -> None:
    first = await submit(memory, request(item(1)), "approve")
    second = await submit(memory, update_of(request(item(1)), item(1), flagged(item(2), "added")), "approve")
    third = await submit(
        memory,
        update_of(
            request(item(1), item(2)), item(1), flagged(item(2, quantity={"value": 2}), "changed"), trace="T-NEW", id="c3"
        ),
        "approve",
    )
    fourth = await submit(
        memory, update_of(request(item(1), item(2), trace="T-NEW"), item(1), cancelled(item(2)), trace="T-NEW2", id="c4")
    )
    assert numbers(first)[1] == numbers(second)[1] == numbers(third)[1] == numbers(fourth)[1]
    assert numbers(third)[2] not in (None, numbers(second)[2])
    assert actions(fourth) == {1: "A1", 2: "C"}
    assert len([each for each in memory.all("ClaimResponse") if each["status"] == "active"]) == 1


async def test_the_same_update_twice_is_one_update(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    bundle = update_of(request(), item(1), flagged(item(2), "added"))
    answers = await asyncio.gather(*(submit_raw(memory, bundle, "approve") for _ in range(16)))
    assert len(set(answers)) == 1
    assert len(memory.all("ClaimResponse")) == 2


async def test_two_updates_at_once_build_on_each_other(memory: Memory) -> None:
    await submit(memory, request(item(1)), "approve")
    bodies = [
        update_of(request(item(1)), item(1), flagged(item(2), "added"), trace="T-A", id="ca"),
        update_of(request(item(1)), item(1), flagged(item(3), "added"), trace="T-B", id="cb"),
    ]
    await asyncio.gather(*(submit(memory, body, "approve") for body in bodies))
    in_force = head(memory)
    sequences = {each["itemSequence"] for each in in_force["item"]}
    sequences |= {each["itemSequence"][0] for each in in_force.get("addItem", [])}
    assert sequences == {1, 2, 3}


async def test_what_was_asked_for_is_asked_for_again(memory: Memory) -> None:
    first = await submit(memory, request(item(1)), "more-information")
    answer = await submit(memory, update_of(request(item(1)), item(1), flagged(item(2), "added")), "approve")
    assert actions(answer) == {1: "A4", 2: "A1"}
    assert response_of(answer)["outcome"] == "partial"
    asked = of_type(answer, "CommunicationRequest")
    assert [each["payload"] for each in asked] == [each["payload"] for each in of_type(first, "CommunicationRequest")]
    assert len(of_type(answer, "Task")) == 1
    reference = extension(response_of(first)["item"][0], "administrationReferenceNumber")
    assert extension(response_of(answer)["item"][0], "administrationReferenceNumber") == reference
    await memory.run_jobs(pas_jobs(PasServices()), timedelta(days=15))
    assert action_of(head(memory)["item"][0]) in ("A1", "A3")
    assert action_of(head(memory)["item"][1]) == "A1"


@pytest.mark.parametrize("bundle", requests())
async def test_official_updates_after_their_priors(bundle: Any) -> None:
    """Each request, then an update of it that cancels its first item: every item is answered."""
    memory = Memory()
    first = fresh(bundle)
    claim_of(first).pop("related", None)
    first["entry"] = [
        each for place, each in enumerate(first["entry"]) if not place or each["resource"]["resourceType"] != "Claim"
    ]
    await submit(memory, first)
    update = fresh(first)
    prior = fresh(update["entry"][0])
    prior["fullUrl"] = prior["fullUrl"][:-1] + ("0" if prior["fullUrl"][-1] != "0" else "1")
    prior["resource"]["id"] = prior["fullUrl"].rpartition("/")[2].rpartition(":")[2]
    claim = claim_of(update)
    claim["related"] = [
        {
            "claim": {"reference": prior["fullUrl"]},
            "relationship": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "code": "prior"}]
            },
        }
    ]
    claim["item"][0] = cancelled(claim["item"][0])
    update["entry"].append(prior)
    answer = await submit(memory, update)
    found = actions(answer)
    assert found[claim["item"][0]["sequence"]] == "C"
    assert set(found) == {each["sequence"] for each in claim["item"]}
    assert "not known here" not in notes(answer)
