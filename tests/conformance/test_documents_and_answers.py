"""Bundles by their type, and QuestionnaireResponses against their Questionnaire."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.conformance import Definitions, Validator
from profiles.json import Resource

URL = "https://example.org"


def _document(**reference: Any) -> Resource:
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "a"},
        "date": "2026-01-01",
        "author": [{"display": "a"}],
        "title": "a",
        "subject": {"reference": "Patient/p"},
        **reference,
    }
    patient = {"resourceType": "Patient", "id": "p"}
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:a:b", "value": "1"},
        "timestamp": "2026-01-01T00:00:00Z",
        "entry": [
            {"fullUrl": f"{URL}/Composition/c", "resource": composition},
            {"fullUrl": f"{URL}/Patient/p", "resource": patient},
        ],
    }


def _errors(resource: Resource, *definitions: Resource) -> list[str]:
    known = Definitions()
    for each in definitions:
        known.add(each)
    return [f"{each.code} {each.expression}" for each in Validator(known).validate(resource) if each.severity == "error"]


def test_a_document_is_whole() -> None:
    assert _errors(_document()) == []
    missing = _errors(_document(author=[{"reference": "Practitioner/x"}]))
    assert missing == ["bundle-rule Bundle.entry[0].resource.author[0]"]
    assert "bundle-rule Bundle.entry[1]" in _errors(_document(subject={"display": "somebody"}))


@pytest.mark.parametrize("url", ["Patient/p", f"{URL}/Patient/q", f"{URL}/Group/p"])
def test_full_urls_are_addresses_of_what_stands_under_them(url: str) -> None:
    entry = {"fullUrl": url, "resource": {"resourceType": "Patient", "id": "p"}}
    found = _errors({"resourceType": "Bundle", "type": "collection", "entry": [entry]})
    assert found == ["bundle-rule Bundle.entry[0].fullUrl"]


QUESTIONS: Resource = {
    "resourceType": "Questionnaire",
    "url": f"{URL}/Questionnaire/q",
    "status": "active",
    "item": [
        {"linkId": "1", "type": "boolean", "required": True},
        {
            "linkId": "2",
            "type": "string",
            "maxLength": 3,
            "required": True,
            "enableWhen": [{"question": "1", "operator": "=", "answerBoolean": True}],
        },
        {"linkId": "3", "type": "choice", "answerOption": [{"valueCoding": {"system": "urn:a:b", "code": "x"}}]},
    ],
}


def _answer(link: str, **value: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": [value]}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([_answer("1", valueBoolean=False)], []),
        ([_answer("1", valueBoolean=True), _answer("2", valueString="abc")], []),
        ([_answer("1", valueBoolean=True)], ["required-element"]),
        ([_answer("1", valueBoolean=False), _answer("2", valueString="abc")], ["answer-invalid"]),
        ([_answer("1", valueBoolean=True), _answer("2", valueString="abcd")], ["value-bounds"]),
        ([_answer("1", valueString="yes")], ["answer-invalid"]),
        ([_answer("1", valueBoolean=False), _answer("4", valueString="abc")], ["answer-invalid"]),
        (
            [_answer("3", valueCoding={"system": "urn:a:b", "code": "y"}), _answer("1", valueBoolean=False)],
            ["answer-invalid"] * 2,
        ),
    ],
)
def test_answers_fit_their_questions(items: list[Any], expected: list[str]) -> None:
    response = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": QUESTIONS["url"],
        "item": items,
    }
    assert [each.partition(" ")[0] for each in _errors(response, QUESTIONS)] == expected
    assert _errors(response) == []
