"""The engine on small content of our own: what is in a value set, what the answers say, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from terminology import enumeration
from terminology.catalogue import Layers, MemoryCatalogue
from terminology.content.builtin import builtin_content
from terminology.expand import expand
from terminology.expansion_r4 import r4_expansion
from terminology.issues import TerminologyError
from terminology.lookup import lookup
from terminology.question import read_question
from terminology.subsumes import subsumes
from terminology.translate import translate
from terminology.validate_code import validate_in_code_system, validate_in_value_set

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CS = "urn:test:fruit"
FRUIT: dict[str, Any] = {
    "resourceType": "CodeSystem", "url": CS, "version": "1", "status": "active", "content": "complete", "language": "en",
    "caseSensitive": True, "hierarchyMeaning": "is-a",
    "property": [{"code": "colour", "type": "code"}],
    "concept": [
        {"code": "fruit", "display": "Fruit", "concept": [
            {"code": "citrus", "display": "Citrus fruit", "concept": [
                {"code": "lemon", "display": "Lemon", "property": [{"code": "colour", "valueCode": "yellow"}],
                 "designation": [{"language": "de", "value": "Zitrone"}]},
                {"code": "lime", "display": "Lime", "property": [{"code": "colour", "valueCode": "green"}]},
            ]},
            {"code": "apple", "display": "Apple", "property": [{"code": "colour", "valueCode": "green"}]},
        ]},
        {"code": "stone", "display": "Stone"},
    ],
}  # fmt: skip


def value_set(*include: Any, exclude: Any = (), **more: Any) -> dict[str, Any]:
    compose = {"include": list(include)} | ({"exclude": list(exclude)} if exclude else {})
    return {"resourceType": "ValueSet", "url": "urn:test:set", "status": "active", "compose": compose, **more}


def ask(operation: Any, *resources: Any, **values: Any) -> Any:
    rows = [{"name": name.replace("_", "-"), "valueString": value} for name, value in values.items()]
    rows += [{"name": "tx-resource", "resource": resource} for resource in resources]
    question = read_question({"parameter": rows})
    catalogue = Layers(MemoryCatalogue([FRUIT]), builtin_content())
    return operation(catalogue, question, NOW) if operation is expand else operation(catalogue, question)


def codes(filters: Any, **values: Any) -> set[str]:
    found = ask(expand, value_set({"system": CS, "filter": filters}), url="urn:test:set", excludeNested="true", **values)
    return {row["code"] for row in found["expansion"].get("contains", [])}


def output(parameters: Any, name: str) -> Any:
    row = next((row for row in parameters["parameter"] if row["name"] == name), {})
    return next((value for key, value in row.items() if key != "name"), None)


@pytest.mark.parametrize(
    ("property", "op", "value", "expected"),
    [
        ("concept", "is-a", "citrus", {"citrus", "lemon", "lime"}),
        ("concept", "descendent-of", "citrus", {"lemon", "lime"}),
        ("concept", "is-not-a", "fruit", {"stone"}),
        ("concept", "child-of", "fruit", {"citrus", "apple"}),
        ("concept", "descendent-leaf", "fruit", {"lemon", "lime", "apple"}),
        ("concept", "generalizes", "lemon", {"lemon", "citrus", "fruit"}),
        ("colour", "=", "green", {"lime", "apple"}),
        ("colour", "in", "yellow,green", {"lemon", "lime", "apple"}),
        ("colour", "not-in", "green", {"fruit", "citrus", "lemon", "stone"}),
        ("colour", "exists", "false", {"fruit", "citrus", "stone"}),
        ("code", "regex", "l.*", {"lemon", "lime"}),
        ("display", "regex", ".*fruit", {"citrus"}),
        ("parent", "=", "citrus", {"lemon", "lime"}),
        ("concept", "is-a", "nothing", set()),
    ],
)
def test_filters_list_and_check_alike(property: str, op: str, value: str, expected: set[str]) -> None:
    filters = [{"property": property, "op": op, "value": value}]
    assert codes(filters) == expected
    definition = value_set({"system": CS, "filter": filters})
    for code in ("fruit", "citrus", "lemon", "lime", "apple", "stone"):
        answer = ask(validate_in_value_set, definition, url="urn:test:set", system=CS, code=code)
        assert output(answer, "result") is (code in expected), code


def test_pages_languages_properties_and_r4_notation() -> None:
    page = ask(
        expand,
        value_set({"system": CS}),
        url="urn:test:set",
        offset="2",
        count="2",
        displayLanguage="de",
        property="colour",
    )
    expansion = page["expansion"]
    assert (expansion["total"], expansion["offset"]) == (6, 2)
    assert [row["display"] for row in expansion["contains"]] == ["Zitrone", "Lime"]
    as_r4 = r4_expansion(page)["expansion"]
    assert "property" not in as_r4
    assert "property" not in as_r4["contains"][0]
    assert as_r4["contains"][0]["extension"][0]["extension"] == [
        {"url": "code", "valueCode": "colour"},
        {"url": "value", "valueCode": "yellow"},
    ]


def test_lookup_subsumes_and_translate() -> None:
    found = ask(lookup, system=CS, code="citrus")
    assert output(found, "display") == "Citrus fruit"
    assert sum(row["name"] == "property" and row["part"][0]["valueCode"] == "child" for row in found["parameter"]) == 2
    assert output(ask(subsumes, system=CS, codeA="fruit", codeB="lime"), "outcome") == "subsumes"
    assert output(ask(subsumes, system=CS, codeA="lime", codeB="fruit"), "outcome") == "subsumed-by"
    assert output(ask(subsumes, system=CS, codeA="lime", codeB="apple"), "outcome") == "not-subsumed"
    target = {"code": "pomme", "equivalence": "equal"}
    element = {"code": "apple", "target": [target]}
    concept_map = {
        "resourceType": "ConceptMap", "url": "urn:m", "group": [{"source": CS, "target": "urn:fr", "element": [element]}]
    }  # fmt: skip
    catalogue = MemoryCatalogue([concept_map])
    question = read_question({"parameter": [{"name": "code", "valueCode": "apple"}, {"name": "system", "valueUri": CS}]})
    answer = translate(catalogue, question)
    assert output(answer, "result") is True
    assert {"system": "urn:fr", "code": "pomme"} in [part.get("valueCoding") for part in answer["parameter"][1]["part"]]


def test_unknown_content_is_said_to_be_unknown() -> None:
    answer = ask(validate_in_value_set, value_set({"system": "urn:x"}), url="urn:test:set", system="urn:x", code="1")
    assert output(answer, "result") is False
    assert output(answer, "x-caused-by-unknown-system") == "urn:x"
    (issue,) = output(answer, "issues")["issue"]
    assert issue["code"] == "not-found"
    with pytest.raises(TerminologyError) as refused:
        ask(expand, value_set({"system": "urn:x"}), url="urn:test:set")
    assert refused.value.issues[0].message_id == "UNKNOWN_CODESYSTEM_EXP"


def test_sets_that_import_each_other_are_refused() -> None:
    sets = [
        {"resourceType": "ValueSet", "url": f"urn:s{n}", "compose": {"include": [{"valueSet": [f"urn:s{(n + 1) % 3}"]}]}}
        for n in range(3)
    ]
    for operation, more in ((expand, {}), (validate_in_value_set, {"system": CS, "code": "lime"})):
        with pytest.raises(TerminologyError) as refused:
            ask(operation, *sets, url="urn:s0", **more)
        assert refused.value.issues[0].message_id == "VALUESET_CIRCULAR_REFERENCE"


def test_long_chains_and_huge_expansions_end_in_a_clear_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [
        {"resourceType": "ValueSet", "url": f"urn:c{n}", "compose": {"include": [{"valueSet": [f"urn:c{n + 1}"]}]}}
        for n in range(200)
    ]
    with pytest.raises(TerminologyError) as refused:
        ask(expand, *chain, value_set({"system": CS}, url="urn:c200"), url="urn:c0")
    assert refused.value.issues[0].type == "too-costly"
    big = {
        "resourceType": "CodeSystem",
        "url": "urn:big",
        "content": "complete",
        "concept": [{"code": str(n)} for n in range(30_000)],
    }
    with pytest.raises(TerminologyError) as refused:
        ask(expand, big, value_set({"system": "urn:big"}), url="urn:test:set")
    assert refused.value.issues[0].type == "too-costly"
    page = ask(expand, big, value_set({"system": "urn:big"}), url="urn:test:set", count="10")
    assert (page["expansion"]["total"], len(page["expansion"]["contains"])) == (30_000, 10)
    monkeypatch.setattr(enumeration, "MOST_ROWS", 60_000)
    same = {"system": "urn:big", "filter": [{"property": "code", "op": "regex", "value": ".*"}]}
    with pytest.raises(TerminologyError) as refused:
        ask(expand, big, value_set(same, same, same), url="urn:test:set", count="10")
    assert refused.value.issues[0].type == "too-costly"


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=x)", "(", "x{1000}{1000}", "a" * 3000])
def test_patterns_that_cannot_be_matched_in_linear_time_are_refused(pattern: str) -> None:
    with pytest.raises(TerminologyError) as refused:
        codes([{"property": "code", "op": "regex", "value": pattern}])
    assert refused.value.issues[0].kind == "vs-invalid"


@pytest.mark.parametrize(
    "broken",
    [
        {"compose": []}, {"compose": {"include": {"system": 1}}}, {"compose": {"include": [1, None, {"system": 5}]}},
        {"compose": {"include": [{"system": CS, "concept": [{"code": 1}, "x"]}]}}, {"expansion": {"contains": "x"}},
        {"compose": {"include": [{"system": CS}], "exclude": [{}]}}, {"contained": "x", "compose": {"include": [{"valueSet": 3}]}},
        {"extension": [{"url": 1}, 2], "compose": {"include": [{"system": CS, "extension": "x"}]}},
    ],
)  # fmt: skip
def test_definitions_of_any_shape_are_answered_or_refused(broken: dict[str, Any]) -> None:
    definition = {"resourceType": "ValueSet", "url": "urn:test:set", **broken}
    for operation in (expand, validate_in_value_set):
        with suppress(TerminologyError):
            ask(operation, definition, url="urn:test:set", system=CS, code="lime")


def test_deeply_nested_and_self_parented_concepts_are_read_without_recursion() -> None:
    concept: dict[str, Any] = {"code": "bottom"}
    for n in range(5000):
        concept = {"code": f"c{n}", "concept": [concept]}
    deep = {"resourceType": "CodeSystem", "url": "urn:deep", "content": "complete", "concept": [concept]}
    assert output(ask(subsumes, deep, system="urn:deep", codeA="c4999", codeB="bottom"), "outcome") == "subsumes"
    ring = [{"code": a, "property": [{"code": "parent", "valueCode": b}]} for a, b in (("a", "b"), ("b", "a"))]
    loop = {"resourceType": "CodeSystem", "url": "urn:loop", "content": "complete", "concept": ring}
    assert output(ask(subsumes, loop, system="urn:loop", codeA="a", codeB="b"), "outcome") == "subsumes"


def test_diagnoses_that_are_no_longer_billable_are_accepted_with_a_warning() -> None:
    def check(code: str, **more: str) -> Any:
        return ask(validate_in_code_system, url="http://hl7.org/fhir/sid/icd-10-cm", code=code, **more)

    for code, child in (("M54.5", "M54.50"), ("M51.36", "M51.360")):
        now, then = check(code, date="2026-01-05"), check(code, date="2021-01-05")
        assert output(now, "result") is True
        assert child in output(now, "message")
        assert output(then, "issues") is None
    assert output(check("M54.50"), "issues") is None
    assert output(check("Z99.999"), "result") is False


def test_what_is_built_in() -> None:
    catalogue = builtin_content()
    (specialties,) = catalogue.code_systems("https://assent.example/fhir/CodeSystem/specialty")
    assert len(specialties.take().codes) >= 90
    found = ask(expand, url="https://assent.example/fhir/ValueSet/procedure-kind", filter="knee", excludeNested="true")
    assert {"knee-replacement", "mri-of-the-knee"} <= {row["code"] for row in found["expansion"]["contains"]}


def test_a_search_in_a_small_part_of_a_large_system_finds_what_is_in_that_part() -> None:
    concept = [{"code": "part", "concept": [{"code": f"in-{n}", "display": f"pain of a long kind {n}"} for n in range(5)]}]
    concept += [{"code": f"out-{n}", "display": "pain"} for n in range(3000)]
    system = {"resourceType": "CodeSystem", "url": "urn:large", "content": "complete", "concept": concept}
    rule = {"system": "urn:large", "filter": [{"property": "concept", "op": "is-a", "value": "part"}]}
    value_set = {"resourceType": "ValueSet", "url": "urn:part", "compose": {"include": [rule]}}
    question = read_question(
        {"parameter": [{"name": "url", "valueUri": "urn:part"}, {"name": "filter", "valueString": "pian"}]}
    )
    found = expand(MemoryCatalogue([system, value_set]), question, NOW)
    assert {row["code"] for row in found["expansion"]["contains"]} == {f"in-{n}" for n in range(5)}
