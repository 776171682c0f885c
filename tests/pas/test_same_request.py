"""The same request is one request: twice, at once, in other words, after an error (operations/pas/idempotency.py)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import concept, item, request
from pas_harness import actions, number_of, refused, response_of, submit, submit_raw

from operations.pas.claim_submit import CLAIM_SUBMIT
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
        await CLAIM_SUBMIT.run(OperationInput(request()), made)
    assert (caught.value.status, caught.value.issues[0].code) == (503, "pas-busy")
