"""Each rule of a PAS response can fail, and fails where it should (operations/pas/response_rules.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from memory_context import Memory
from pas_examples import PAS, PAYER, fresh, item, request
from pas_harness import response_of, submit

from operations.pas.response_rules import Expectation, response_faults

Bundle = dict[str, Any]


@cache
def _answer(scenario: str) -> Bundle:
    memory = Memory()
    memory.put(PAYER)
    return asyncio.run(submit(memory, request(item(1), item(2)), scenario))


def answer(scenario: str) -> Bundle:
    return fresh(_answer(scenario))


def rules(bundle: Any, **expected: Any) -> set[str]:
    return {each.rule for each in response_faults(bundle, Expectation(sequences=(1, 2), **expected))}


def review(bundle: Bundle, place: int = 0) -> list[Any]:
    return response_of(bundle)["item"][place]["adjudication"][0]["extension"][0]["extension"]


def without(name: str) -> Callable[[Bundle], None]:
    return lambda bundle: response_of(bundle).pop(name)


def setting(name: str, value: Any) -> Callable[[Bundle], None]:
    return lambda bundle: response_of(bundle).update({name: value})


def of_item(name: str, value: Any) -> Callable[[Bundle], None]:
    return lambda bundle: response_of(bundle)["item"][0].update({name: value})


def drop_review(url: str) -> Callable[[Bundle], None]:
    def change(bundle: Bundle) -> None:
        inner = review(bundle)
        inner[:] = [each for each in inner if not each["url"].endswith(url)]

    return change


def drop_item_extension(tail: str) -> Callable[[Bundle], None]:
    def change(bundle: Bundle) -> None:
        first = response_of(bundle)["item"][0]
        first["extension"] = [each for each in first["extension"] if not each["url"].endswith(tail)]

    return change


def of_bundle(name: str, value: Any) -> Callable[[Bundle], None]:
    return lambda bundle: bundle.update({name: value})


def of_kind(kind: str, name: str, value: Any) -> Callable[[Bundle], None]:
    def change(bundle: Bundle) -> None:
        first = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind)
        first[name] = value

    return change


CASES: list[tuple[str, Callable[[Bundle], Any], str]] = [
    ("approve", of_bundle("identifier", None), "the Bundle has an identifier with system and value"),
    ("approve", of_bundle("type", "searchset"), "the Bundle's type is collection"),
    ("approve", of_bundle("timestamp", None), "the Bundle has a timestamp"),
    ("approve", lambda b: b["entry"].append(b["entry"].pop(0)), "the first entry is the ClaimResponse (spec-30)"),
    (
        "approve",
        lambda b: b["entry"].append({**b["entry"][0], "fullUrl": "urn:uuid:1"}),
        "there is exactly one ClaimResponse",
    ),
    ("approve", lambda b: b["entry"].append(b["entry"][1]), "every resource is there once (spec-31)"),
    ("approve", lambda b: b["entry"][1].pop("fullUrl"), "every entry has a fullUrl"),
    ("approve", lambda b: b["entry"][1].update(search={}), "entries carry no search, request or response"),
    ("approve", lambda b: b["entry"].pop(1), "every reference resolves in the Bundle"),
    ("approve", setting("status", "cancelled"), "status is active"),
    ("approve", setting("use", "claim"), "use is preauthorization"),
    ("approve", without("type"), "type is there"),
    ("approve", without("created"), "created is there"),
    ("approve", without("patient"), "patient is referred to"),
    ("approve", without("requestor"), "requestor is referred to"),
    ("approve", without("request"), "request names the Claim, or says why it does not"),
    ("approve", without("identifier"), "identifiers have system and value"),
    ("approve", setting("outcome", "queued"), "outcome says how far the processing is"),
    ("approve", setting("outcome", "error"), "outcome is error exactly when there are errors"),
    ("approve", setting("error", [{"code": {"text": "x"}}]), "an error has an X12 reject reason"),
    ("approve", lambda b: response_of(b)["item"].pop(), "every submitted item is answered (spec-46)"),
    ("approve", of_item("itemSequence", 7), "only submitted items are answered as items (spec-34)"),
    ("approve", of_item("itemSequence", 2), "every item has an itemSequence of its own"),
    ("approve", of_item("adjudication", []), "an answer has adjudications of category submitted"),
    ("approve", drop_review("reviewActionCode"), "the decision of an item is a known review action"),
    ("approve", drop_review("number"), "what is certified has an authorization number"),
    ("approve", of_item("noteNumber", [99]), "a note number leads to a process note"),
    ("approve", setting("processNote", [{"number": 1}]), "a process note has a number of its own and a text"),
    ("deny", drop_review("reasonCode"), "a denial has a reason code and a note"),
    (
        "deny",
        lambda b: review(b).append({"url": "number", "valueString": "1"}),
        "what is not certified has no authorization number",
    ),
    ("deny", without("extension"), "a denial says whether a person reviewed it"),
    ("pend-approve", drop_item_extension("administrationReferenceNumber"), "what is pended has a reference number"),
    ("modify", without("addItem"), "a modified item has an addItem with its sequence (spec-36)"),
    ("modify", lambda b: response_of(b)["addItem"][0].pop("productOrService"), "an addItem names the service"),
    (
        "modify",
        lambda b: response_of(b)["addItem"][0].update(itemSequence=[1, 2]),
        "an addItem has exactly one itemSequence",
    ),
    (
        "modify",
        lambda b: response_of(b)["addItem"][0]["quantity"].update(code="{visit}"),
        "a quantity's code is of X12 (prof-3)",
    ),
    (
        "modify",
        lambda b: response_of(b)["addItem"][0].update(quantity={"value": 1}),
        "a quantity has a value, and a unit or code (prof-2)",
    ),
    (
        "modify",
        lambda b: response_of(b)["addItem"][0]["extension"].append({"url": PAS + "extension-itemAuthorizedDetail"}),
        "an addItem carries no authorized detail",
    ),
    ("more-information", of_kind("CommunicationRequest", "status", "draft"), "a CommunicationRequest is active"),
    (
        "more-information",
        of_kind("CommunicationRequest", "identifier", []),
        "a CommunicationRequest has one identifier, except by voice",
    ),
    ("more-information", of_kind("CommunicationRequest", "payload", [{}]), "the payload is the code of what is asked for"),
    (
        "more-information",
        of_kind("CommunicationRequest", "category", [{}, {}]),
        "a CommunicationRequest has at most one category",
    ),
    ("more-information", of_kind("Task", "intent", "plan"), "a Task's intent is order"),
    ("more-information", of_kind("Task", "identifier", []), "a Task has an identifier"),
    ("more-information", of_kind("Task", "requester", {}), "a Task's requester is named by identifier"),
    ("more-information", of_kind("Task", "reasonCode", {"text": "x"}), "a Task's reason is prior authorization"),
    ("more-information", of_kind("Task", "for", None), "a Task has for"),
    ("more-information", of_kind("Task", "input", []), "a Task has one payer URL"),
]


@pytest.mark.parametrize(("scenario", "change", "rule"), CASES, ids=[rule for _, _, rule in CASES])
def test_a_broken_rule_is_noticed(scenario: str, change: Callable[[Bundle], Any], rule: str) -> None:
    bundle = answer(scenario)
    assert rules(bundle) == set()
    change(bundle)
    assert rule in rules(bundle)


def test_what_came_in_the_request_must_come_back_unchanged() -> None:
    bundle = answer("approve")
    sent = {each["fullUrl"]: fresh(each["resource"]) for each in request()["entry"]}
    assert rules(bundle, sent=sent) == set()
    bundle["entry"][1]["resource"]["gender"] = "female"
    assert rules(bundle, sent=sent) == {"what came in the request is echoed unchanged (spec-33)"}


def test_queued_is_a_word_of_the_older_guide() -> None:
    bundle = answer("pend-approve")
    response_of(bundle)["outcome"] = "queued"
    assert rules(bundle, version="2.0.1") == set()
    assert rules(bundle) == {"outcome says how far the processing is"}


def test_inquiry_responses_have_no_communication_request() -> None:
    bundle = answer("more-information")
    assert "an inquiry response has no communicationRequest" in rules(bundle, kind="inquire")


@pytest.mark.parametrize(
    "body", [None, 5, [], {}, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": [None, {"resource": 5}]}]
)
def test_any_json_can_be_judged(body: Any) -> None:
    assert rules(body)
