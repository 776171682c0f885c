"""What does not fit an operation's Definition is refused before the operation sees it, with the place and what would fit."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.definition import Definition, Parameter, needed
from operations.input_check import check_input
from profiles import json
from profiles.base_validation import validate_resource
from profiles.outcome import FhirError

DEFINITION = Definition(
    id="patient-try",
    code="try",
    title="Try",
    text="Nothing.",
    levels=("type", "instance"),
    on=("Patient",),
    takes=(
        needed("name", "string"),
        Parameter("day", "date"),
        Parameter("often", "positiveInt", most=2),
        Parameter("flag", "boolean"),
        Parameter("many", "uri", most=None),
        Parameter("who", "Reference", targets=("Patient",), also=("string",)),
        Parameter("resource", "Resource"),
        Parameter("patient", "Patient"),
        Parameter("any", "Element"),
        Parameter("group", parts=(needed("code", "code"), Parameter("meta", "Meta"))),
    ),
    gives=(needed("return", "Patient"),),
)
NAME = {"name": "name", "valueString": "a"}


def body(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(entries)}


def refusal(
    resource: Any, query: dict[str, list[str]] | None = None, definition: Definition = DEFINITION
) -> tuple[str, str | None]:
    with pytest.raises(FhirError) as caught:
        check_input(definition, resource, query or {})
    (issue,) = caught.value.issues
    assert caught.value.status == 400
    return issue.code, issue.expression


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "day", "valueDate": "2026-11"},
        {"name": "day", "valueString": "2026-11-22"},
        {"name": "often", "valueInteger": 3},
        {"name": "flag", "valueBoolean": False},
        {"name": "many", "valueCanonical": "urn:x"},
        {"name": "who", "valueReference": {"reference": "Patient/a"}},
        {"name": "who", "valueString": "Patient/a"},
        {"name": "resource", "resource": {"resourceType": "Claim"}},
        {"name": "patient", "resource": {"resourceType": "Patient"}},
        {"name": "any", "valueQuantity": {"value": 1}},
        {"name": "group", "part": [{"name": "code", "valueCode": "a"}, {"name": "meta", "valueMeta": {}}]},
    ],
    ids=str,
)
def test_what_fits_is_taken(entry: dict[str, Any]) -> None:
    check_input(DEFINITION, body(NAME, entry), {})


@pytest.mark.parametrize(
    ("entry", "code", "expression"),
    [
        ({"name": "dya", "valueDate": "2026"}, "unknown-parameter", "Parameters.parameter[1].name"),
        ({"valueDate": "2026"}, "required-element", "Parameters.parameter[1].name"),
        ({"name": "day", "valueDate": "2026-13"}, "parameter-value", "Parameters.parameter[1].valueDate"),
        ({"name": "day"}, "parameter-value", "Parameters.parameter[1]"),
        ({"name": "day", "valueDate": None}, "parameter-value", "Parameters.parameter[1]"),
        ({"name": "day", "valueDate": "2026", "valueString": "2026"}, "parameter-value", "Parameters.parameter[1]"),
        ({"name": "often", "valueInteger": 0}, "parameter-value", "Parameters.parameter[1].valueInteger"),
        ({"name": "often", "valueString": "1"}, "parameter-value", "Parameters.parameter[1].valueString"),
        ({"name": "flag", "valueBoolean": "true"}, "parameter-value", "Parameters.parameter[1].valueBoolean"),
        ({"name": "who", "valueReference": "Patient/a"}, "parameter-value", "Parameters.parameter[1].valueReference"),
        ({"name": "who", "resource": {"resourceType": "Patient"}}, "parameter-value", "Parameters.parameter[1].resource"),
        ({"name": "patient", "resource": {"resourceType": "Claim"}}, "parameter-value", "Parameters.parameter[1].resource"),
        ({"name": "group", "part": []}, "required-element", "Parameters.parameter[1].part"),
        ({"name": "group", "part": [{"name": "x"}]}, "unknown-parameter", "Parameters.parameter[1].part[0].name"),
        ({"name": "group", "part": {"name": "code"}}, "structure", "Parameters.parameter[1].part"),
        ("name", "structure", "Parameters.parameter"),
        (NAME, "parameter-value", "Parameters.parameter"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_with_its_place(entry: Any, code: str, expression: str) -> None:
    assert refusal(body(NAME, entry)) == (code, expression)


def test_what_is_missing_or_of_another_shape_is_refused() -> None:
    assert refusal(None) == ("required-element", "http.query")
    assert refusal(body()) == ("required-element", "Parameters.parameter")
    assert refusal({"resourceType": "Patient"}) == ("structure", "Parameters")
    assert refusal({"resourceType": "Parameters", "parameter": {}}) == ("structure", "Parameters.parameter")


def test_an_address_holds_simple_values_only() -> None:
    check_input(
        DEFINITION, None, {"name": ["a"], "often": ["1", "2"], "flag": ["true"], "who": ["Patient/a"], "_pretty": ["true"]}
    )
    for query, code in (
        ({"name": ["a", "b"]}, "parameter-value"),
        ({"name": [""]}, "parameter-value"),
        ({"often": ["0"]}, "parameter-value"),
        ({"often": ["٣"]}, "parameter-value"),
        ({"flag": ["yes"]}, "parameter-value"),
        ({"day": ["22.11.2026"]}, "parameter-value"),
        ({"patient": ["a"]}, "parameter-value"),
        ({"nam": ["a"]}, "unknown-parameter"),
    ):
        assert refusal(None, {"name": ["a"], **query} if "name" not in query else query)[0] == code, query
    assert refusal(body(NAME), {"name": ["a"]})[0] == "parameter-value"


def test_a_body_may_stand_for_one_parameter() -> None:
    open_ = Definition("x", "x", "X", "X.", ("type",), ("Patient",), (Parameter("resource", "Resource"),), body="resource")
    check_input(open_, {"resourceType": "Claim"}, {})
    check_input(open_, body({"name": "other", "valueString": "a Parameters resource is a resource too"}), {})
    assert refusal(body({"name": "resource", "valueString": "a"}), definition=open_)[0] == "parameter-value"


def test_a_definition_says_of_itself_when_it_can_be_got() -> None:
    assert DEFINITION.takes_get
    assert not Definition("x", "x", "X", "X.", ("type",), takes=(needed("patient", "Patient"),)).takes_get
    assert not Definition("x", "x", "X", "X.", ("type",), affects_state=True).takes_get
    assert [issue.text for issue in validate_resource(DEFINITION.resource()) if issue.severity == "error"] == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "part", "resource", "resourceType", "valueDate", "valueString", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_no_input_ends_in_anything_but_a_refusal(value: Any) -> None:
    for resource in (
        body(value),
        {"resourceType": "Parameters", "parameter": value},
        body(NAME, {"name": "group", "part": [value]}),
    ):
        with suppress(FhirError):
            check_input(DEFINITION, json.loads(json.dumps(resource)), {})
