"""What a Bundle must be by its type (bdl-1 to bdl-12, documents, messages), and QuestionnaireResponses in their finer points."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.conformance import Definitions, Validator
from profiles.json import Resource

URL = "https://example.org"
PATIENT: Resource = {"resourceType": "Patient", "id": "p"}
COMPOSITION: Resource = {
    "resourceType": "Composition",
    "id": "c",
    "status": "final",
    "type": {"text": "a"},
    "date": "2026-01-01",
    "author": [{"reference": "Patient/p"}],
    "title": "a",
}
HEADER: Resource = {
    "resourceType": "MessageHeader",
    "id": "h",
    "eventUri": "urn:a:b",
    "source": {"endpoint": "urn:a:c"},
    "focus": [{"reference": "Patient/p"}],
}
PUT = {"request": {"method": "PUT", "url": "Patient/p"}}
DONE = {"response": {"status": "200"}}
OF_DOCUMENT = {"identifier": {"system": "urn:a:b", "value": "1"}, "timestamp": "2026-01-01T00:00:00Z"}


def _entry(resource: Resource = PATIENT, **more: Any) -> dict[str, Any]:
    return {"fullUrl": f"{URL}/{resource['resourceType']}/{resource['id']}", "resource": resource, **more}


def _found(resource: Resource, *definitions: Resource) -> list[str]:
    known = Definitions()
    for each in definitions:
        known.add(each)
    return [each.rule or each.code for each in Validator(known).validate(resource) if each.severity == "error"]


def _bundle(kind: str, *entries: dict[str, Any], **more: Any) -> Resource:
    return {"resourceType": "Bundle", "type": kind, **more, **({"entry": list(entries)} if entries else {})}


RIGHT = {
    "collection": _bundle("collection", _entry()),
    "batch": _bundle("batch", _entry(**PUT)),
    "transaction": _bundle("transaction", _entry(**PUT), {"request": {"method": "DELETE", "url": "Patient/q"}}),
    "batch-response": _bundle("batch-response", _entry(**DONE)),
    "transaction-response": _bundle("transaction-response", DONE),
    "history": _bundle("history", _entry(**PUT, **DONE), total=1),
    "searchset": _bundle("searchset", _entry(search={"mode": "match"}), total=1),
    "document": _bundle("document", _entry(COMPOSITION), _entry(), **OF_DOCUMENT),
    "message": _bundle("message", _entry(HEADER), _entry()),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_a_bundle_that_is_right_by_its_type(kind: str) -> None:
    assert _found(RIGHT[kind]) == []


VERSIONED = {**PATIENT, "meta": {"versionId": "1"}}
WRONG = {
    "bdl-1": _bundle("collection", _entry(), total=1),
    "bdl-2": _bundle("collection", _entry(search={"mode": "match"})),
    "bdl-3": _bundle("transaction", _entry()),
    "bdl-4": _bundle("batch-response", _entry()),
    "bdl-5": _bundle("searchset", {"fullUrl": f"{URL}/Patient/p"}),
    "bdl-7": _bundle("collection", _entry(VERSIONED), _entry(VERSIONED)),
    "bdl-8": _bundle("collection", {**_entry(), "fullUrl": f"{URL}/Patient/p/_history/1"}),
    "bdl-9": _bundle("document", _entry(COMPOSITION), _entry(), timestamp=OF_DOCUMENT["timestamp"]),
    "bdl-10": _bundle("document", _entry(COMPOSITION), _entry(), identifier=OF_DOCUMENT["identifier"]),
    "bdl-11": _bundle("document", _entry(), _entry(COMPOSITION), **OF_DOCUMENT),
    "bdl-12": _bundle("message", _entry(), _entry(HEADER)),
}


@pytest.mark.parametrize("rule", WRONG)
def test_a_bundle_that_breaks_a_rule_of_its_type(rule: str) -> None:
    assert rule in _found(WRONG[rule])


def test_two_versions_of_one_address_may_stand_in_a_bundle() -> None:
    other = {**PATIENT, "meta": {"versionId": "2"}}
    assert _found(_bundle("collection", _entry(VERSIONED), _entry(other))) == []
    assert "bdl-7" not in _found(_bundle("history", _entry(VERSIONED, **PUT, **DONE), _entry(VERSIONED, **PUT, **DONE)))


# -- QuestionnaireResponses ----------------------------------------------------------------------------------------------

QUESTIONS: Resource = {
    "resourceType": "Questionnaire",
    "url": f"{URL}/Questionnaire/q",
    "status": "active",
    "item": [
        {
            "linkId": "group",
            "type": "group",
            "repeats": True,
            "item": [
                {"linkId": "count", "type": "integer", "required": True},
                {
                    "linkId": "why",
                    "type": "text",
                    "enableWhen": [{"question": "count", "operator": ">", "answerInteger": 3}],
                    "required": True,
                },
            ],
        },
        {"linkId": "note", "type": "display"},
        {
            "linkId": "both",
            "type": "boolean",
            "enableBehavior": "all",
            "enableWhen": [
                {"question": "any", "operator": "exists", "answerBoolean": True},
                {"question": "any", "operator": "!=", "answerString": "no"},
            ],
        },
        {"linkId": "any", "type": "open-choice", "answerOption": [{"valueString": "no"}, {"valueString": "maybe"}]},
        {"linkId": "many", "type": "date", "repeats": True},
    ],
}


def _answered(*items: dict[str, Any], status: str = "completed") -> list[str]:
    response = {
        "resourceType": "QuestionnaireResponse",
        "status": status,
        "questionnaire": QUESTIONS["url"],
        "item": list(items),
    }
    return _found(response, QUESTIONS)


def _answer(link: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {"linkId": link, "answer": list(values)}


@pytest.mark.parametrize(
    ("items", "status", "expected"),
    [
        ([{"linkId": "group", "item": [_answer("count", {"valueInteger": 2})]}], "completed", []),
        ([{"linkId": "group"}], "completed", ["required-element"]),
        ([{"linkId": "group"}], "in-progress", []),
        ([{"linkId": "group", "item": [_answer("count", {"valueInteger": 5})]}], "completed", ["required-element"]),
        (
            [
                {"linkId": "group", "item": [_answer("count", {"valueInteger": 5}), _answer("why", {"valueString": "x"})]},
                {"linkId": "group", "item": [_answer("count", {"valueInteger": 1})]},
            ],
            "completed",
            [],
        ),
        ([_answer("count", {"valueInteger": 1})], "completed", ["answer-invalid"]),
        ([_answer("note", {"valueString": "x"})], "completed", ["answer-invalid"]),
        ([_answer("both", {"valueBoolean": True}), _answer("any", {"valueString": "yes"})], "completed", []),
        ([_answer("both", {"valueBoolean": True}), _answer("any", {"valueString": "no"})], "completed", ["answer-invalid"]),
        ([_answer("both", {"valueBoolean": True})], "completed", ["answer-invalid"]),
        ([_answer("many", {"valueDate": "2020"}, {"valueDate": "2021"})], "completed", []),
        ([_answer("any", {"valueString": "a"}, {"valueString": "b"})], "completed", ["answer-invalid"]),
        ([_answer("many", {"valueDateTime": "2020"})], "completed", ["answer-invalid"]),
        ([_answer("many", {"valueDate": "2020"}), _answer("any", {"valueString": "a"})], "completed", ["answer-invalid"]),
    ],
    ids=[str(number) for number in range(14)],
)
def test_answers_in_their_groups_and_under_their_conditions(items: list[Any], status: str, expected: list[str]) -> None:
    assert _answered(*items, status=status) == expected
