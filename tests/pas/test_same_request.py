"""The same request is one request: twice, at once, in other words, after an error (operations/pas/idempotency.py)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import WHOLE_CANCEL, concept, flagged, item, request, update_of
from pas_harness import actions, number_of, refused, response_of, submit, submit_raw

from operations.pas.claim_submit import claim_submit
from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.ports import KeyTakenError, OperationInput, VersionConflictError
from profiles.json import dumps, loads
from profiles.outcome import FhirError


async def test_one_authorization_for_many_callers_at_once(memory: Memory) -> None:
    answers = await asyncio.gather(*(submit_raw(memory, request(), "approve") for _ in range(64)))
    assert len(set(answers)) == 1
    assert memory.commits == 1
    assert len(memory.all("ClaimResponse")) == 1
    assert len(memory.all("Patient")) == 1


async def test_numbers_are_unique_under_load(memory: Memory) -> None:
    bodies = [request(item(1), item(2), trace=f"T-{number}") for number in range(60)]
    answers = await asyncio.gather(*(submit(memory, body, "approve") for body in bodies))
    numbers = [number_of(each) for answer in answers for each in response_of(answer)["item"]]
    assert len(set(numbers)) == 120
    assert len(memory.all("Patient")) == 1, "the same member is one patient"
    assert len(memory.all("Organization")) == 2


async def test_the_same_request_in_other_words_is_the_same(memory: Memory) -> None:
    first = await submit_raw(memory, request())
    again = request()
    again["identifier"]["value"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
    again["timestamp"] = "2026-11-21T00:00:00Z"
    again["id"] = "another"
    assert await submit_raw(memory, again) == first


async def test_fresh_guids_do_not_make_another_request(memory: Memory) -> None:
    def with_guids(digit: str) -> Any:
        made = request()
        for place, entry in enumerate(made["entry"]):
            entry["fullUrl"] = f"urn:uuid:{digit * 8}-0000-4000-8000-00000000000{place}"
            entry["resource"]["id"] = entry["fullUrl"][9:]
        text = dumps(made).decode()
        for place, entry in enumerate(request()["entry"]):
            address = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            text = text.replace(f'"reference":"{address}"', f'"reference":"{made["entry"][place]["fullUrl"]}"')
        return loads(text)

    assert await submit_raw(memory, with_guids("a")) == await submit_raw(memory, with_guids("b"))
    assert memory.commits == 1


async def test_other_content_under_the_same_identifier_is_refused(memory: Memory) -> None:
    await submit(memory, request())
    error = await refused(memory, request(item(1, "73721")))
    assert (error.status, error.issues[0].code) == (409, "pas-duplicate-request")
    assert "related" in error.issues[0].text
    assert memory.commits == 1


async def test_a_correction_after_an_error_is_accepted(memory: Memory) -> None:
    wrong = request(item(1, productOrService=concept("http://snomed.info/sct", "241648007")))
    first = await submit(memory, wrong)
    assert response_of(first)["outcome"] == "error"
    assert await submit(memory, wrong) == first
    corrected = await submit(memory, request())
    assert response_of(corrected)["outcome"] == "complete"
    assert (await refused(memory, wrong)).status == 409


@pytest.mark.parametrize("error", [KeyTakenError("x"), VersionConflictError("x")])
async def test_a_lost_race_is_run_again(memory: Memory, error: Exception) -> None:
    memory.fail_next_commit = error
    assert actions(await submit(memory, request(), "approve")) == {1: "A1"}
    assert len(memory.all("Claim")) == 1


async def test_a_race_that_is_always_lost_ends(memory: Memory) -> None:
    async def never(changes: Any) -> None:
        raise KeyTakenError("x")

    made = replace(memory.context(), commit=never)
    with pytest.raises(FhirError) as caught:
        await claim_submit(PasServices()).run(OperationInput(request()), made)
    assert (caught.value.status, caught.value.issues[0].code) == (503, "pas-busy")


def hide(memory: Memory, kind: str) -> None:
    """As if deleted, or not for the caller to see: reading finds nothing, the keys stay."""
    for address in [each for each in memory.versions if each[0] == kind]:
        del memory.versions[address]


@pytest.mark.parametrize("body", [request(), request(item(1, "73721"))])
async def test_an_answer_that_cannot_be_read_is_no_leave_to_decide_again(body: Any, memory: Memory) -> None:
    await submit(memory, request(), "approve")
    hide(memory, "Bundle")
    error = await refused(memory, body, "approve")
    assert (error.status, error.issues[0].code) == (409, "pas-duplicate-request")
    assert memory.commits == 1
    assert len(memory.all("ClaimResponse")) == 1


async def test_an_error_that_cannot_be_read_is_not_corrected(memory: Memory) -> None:
    await submit(memory, request(item(1, productOrService=concept("http://snomed.info/sct", "241648007"))))
    hide(memory, "Bundle")
    assert (await refused(memory, request())).status == 409


@pytest.mark.parametrize("kind", ["Bundle", "ClaimResponse"])
async def test_an_update_does_not_go_behind_what_cannot_be_read(kind: str, memory: Memory) -> None:
    await submit(memory, request(), "approve")
    hide(memory, kind)
    error = await refused(memory, update_of(request(), flagged(item(), "changed"), trace="T-2"), "approve")
    assert (error.status, error.issues[0].code) == (409, "pas-duplicate-request")
    assert memory.commits == 1


async def test_a_trace_number_is_not_taken_from_what_cannot_be_read(memory: Memory) -> None:
    await submit(memory, request(), "approve")
    hide(memory, "ClaimResponse")
    keys = dict(memory.keys)
    assert (await refused(memory, request(), "deny")).status == 409
    assert memory.keys == keys


async def test_a_deleted_pended_answer_is_not_given_again(memory: Memory) -> None:
    await submit(memory, request(), "pend-approve")
    hide(memory, "ClaimResponse")
    assert (await refused(memory, request(), "pend-approve")).status == 409


@pytest.mark.parametrize("scenario", ["approve", "pend-approve"])
async def test_what_was_cancelled_is_answered_as_cancelled(scenario: str, memory: Memory) -> None:
    first = await submit(memory, request(), scenario)
    cancel = update_of(request(), extension=WHOLE_CANCEL)
    cancelled = await submit_raw(memory, cancel)
    again = await submit_raw(memory, request(), scenario)
    assert again == cancelled
    assert actions(first) != actions(loads(again)) == {1: "C"}
    await memory.run_jobs(pas_jobs(PasServices()), timedelta(days=30))
    assert await submit_raw(memory, request(), scenario) == cancelled
    assert await submit_raw(memory, cancel) == cancelled


async def test_a_pended_answer_that_was_updated_leads_to_what_is_in_force(memory: Memory) -> None:
    await submit(memory, request(), "pend-approve")
    updated = await submit_raw(memory, update_of(request(), flagged(item(), "changed")), "approve")
    assert await submit_raw(memory, request(), "pend-approve") == updated


async def test_a_decided_answer_that_was_updated_stays_what_it_was(memory: Memory) -> None:
    first = await submit_raw(memory, request(), "approve")
    await submit(memory, update_of(request(), item(1), flagged(item(2), "added")), "approve")
    assert await submit_raw(memory, request(), "approve") == first
