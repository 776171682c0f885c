"""Whatever JSON comes: a refusal that says why, or an answer by the rules; and nothing stored by half."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_context import Memory
from pas_examples import fresh, request, requests, update_of
from pas_harness import inquire, submit

from operations.pas.claim_inquire import claim_inquire
from operations.pas.claim_submit import claim_submit
from operations.pas.services import PasServices
from operations.ports import OperationInput
from profiles.outcome import FhirError

HOSTILE = [
    None,
    True,
    False,
    0,
    -1,
    10**30,
    "",
    " ",
    "x",
    "../..",
    "#",
    "#x",
    "urn:uuid:x",
    [],
    {},
    [None],
    [[]],
    [{}],
    ["a"],
    {"reference": 5},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Claim", "Bundle", "Patient/p1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "entry", "resource", "fullUrl", "type", "item", "reference", "extension", "url", "coding"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def run(operation: Any, body: Any) -> None:
    memory = Memory()
    refused: FhirError | None = None
    try:
        asyncio.run(operation(memory, body))
    except FhirError as error:
        refused = error
    if refused is not None:
        assert 400 <= refused.status < 500, refused
        assert all(issue.code and issue.text for issue in refused.issues)
        assert memory.commits == 0
        assert memory.keys == {}


async def raw_submit(memory: Memory, body: Any) -> None:
    await claim_submit(PasServices()).run(OperationInput(body), memory.context())


async def raw_inquire(memory: Memory, body: Any) -> None:
    await claim_inquire(PasServices()).run(OperationInput(body), memory.context())


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_as_the_body(body: Any) -> None:
    if body is None:
        return
    run(raw_submit, body)
    run(raw_inquire, body)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_as_an_entry(entry: Any) -> None:
    bundle = request()
    bundle["entry"].append(entry)
    run(raw_submit, bundle)
    run(raw_inquire, bundle)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for name, each in value.items():
            found += places(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found += places(each, (*path, index))
    return found


def holder_of(bundle: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        bundle = bundle[step]
    return bundle


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_request_with_one_place_spoilt(data: st.DataObject) -> None:
    bundle = data.draw(st.sampled_from([request(), update_of(request())]))
    path = data.draw(st.sampled_from(places(bundle)))
    value = data.draw(st.sampled_from(HOSTILE) | JSON)
    holder_of(bundle, path)[path[-1]] = value
    run(submit_checked, bundle)
    run(raw_inquire, bundle)


async def submit_checked(memory: Memory, body: Any) -> None:
    await submit(memory, body)


async def test_a_reference_to_its_own_holder_stays_as_it_is(memory: Memory) -> None:
    bundle = request()
    bundle["entry"][5]["resource"]["practitioner"] = {"reference": "#"}
    await submit(memory, bundle)
    assert memory.all("PractitionerRole")[0]["practitioner"] == {"reference": "#"}


@pytest.mark.parametrize("bundle", requests())
@pytest.mark.parametrize("kind", ["drop", "duplicate", "spoil", "shuffle", "rename"])
def test_official_requests_spoilt_at_random(bundle: Any, kind: str) -> None:
    chance = random.Random(f"{kind}{len(str(bundle))}")
    for _ in range(8):
        made = fresh(bundle)
        paths = places(made)
        path = chance.choice(paths)
        holder = holder_of(made, path)
        if kind == "drop":
            del holder[path[-1]]
        elif kind == "duplicate":
            if isinstance(holder, list):
                holder.append(fresh(holder[path[-1]]))
            else:
                holder[str(path[-1]) + "x"] = fresh(holder[path[-1]])
        elif kind == "spoil":
            holder[path[-1]] = chance.choice(HOSTILE)
        elif kind == "shuffle":
            chance.shuffle(made["entry"])
        else:
            place = chance.randrange(len(made["entry"]))
            made["entry"][place]["fullUrl"] = "https://elsewhere.example.org/fhir/Patient/x"
        run(submit_checked, made)
        run(raw_inquire, made)


async def test_an_inquiry_of_a_spoilt_request_that_was_taken(memory: Memory) -> None:
    await submit(memory, request())
    body = request()
    for element in body["entry"][0]["resource"]["item"]:
        element["servicedDate"] = "9999-99-99"
    with pytest.raises(FhirError):
        await inquire(memory, body)
