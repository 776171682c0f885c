"""Bad input: expressions that loop, explode or are huge end with a clear error, in bounded time and memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patient import PATIENT

from profiles import json
from profiles.fhirpath import FhirPathError, Limits, Services, compile_expression
from profiles.fhirpath.expression import compile_expression as compile_again

GENEROUS = 20.0
"""Seconds of the processor: a guard against explosions, not a measurement."""
SMALL = Limits(steps=20_000, text=10_000)


def evaluate(expression: str, resource: Any = PATIENT, limits: Limits = SMALL) -> str:
    start = time.process_time()
    try:
        compile_expression(expression, limits=limits).evaluate(resource)
        code = "fine"
    except FhirPathError as error:
        code = error.code
    assert time.process_time() - start < GENEROUS
    return code


@pytest.mark.parametrize(
    "expression",
    [
        "a" * 2_000_000,
        "a.b" + ".c" * 500_000,
        "(" * 500_000 + "1" + ")" * 500_000,
        " or ".join(["true"] * 300_000),
        "'" + "x" * 1_000_000 + "'",
        "/*" + "x" * 1_000_000,
        "(" * 200 + "1" + ")" * 200,
        "a" + ".b" * 300,
        "a" + "[0]" * 300,
        "-" * 300 + "1",
        "iif(true, " * 200 + "1" + ")" * 200,
        "a.where(" * 100 + "true" + ")" * 100,
        "1.repeat($this + 1)",
        "1.repeatAll($this)",
        "'a'.repeat($this & 'a')",
        "'a'.repeatAll($this | 'b')",
        "name.repeatAll($this)",
        "'ab'.toChars().repeatAll(('a' | 'b').combine('c'))",
        "descendants().where(%resource.descendants().where(%resource.descendants().exists($this = 5)).exists())",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total.combine($total).combine($this))",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total & $total & 'aaaa', 'a')",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total.replace('a', 'aaaa'), 'a')",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total.encode('hex'), 'a')",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total.combine($total).join('xx'), 'a')",
        "(" + " | ".join(map(str, range(60))) + ").aggregate($total.replaceMatches('a', 'aaaa'), 'a')",
    ],
    ids=lambda expression: expression[:40],
)
def test_what_is_too_much_ends_with_a_limit(expression: str) -> None:
    assert evaluate(expression) == "fhirpath-limit"


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        (" or ".join(["false"] * 5_000), "fine"),
        (" | ".join(f"'{i}'" for i in range(5_000)), "fine"),
        (" & ".join(["'a'"] * 5_000), "fine"),
        ("name" + ".first()" * 90, "fine"),
        ("(" + " | ".join(map(str, range(60))) + ").aggregate($total * $total, 10.5)", "fine"),
        ("(" + " | ".join(map(str, range(60))) + ").aggregate($total * $total, 10)", "fine"),
        ("(" + " | ".join(map(str, range(60))) + ").aggregate($total * $total, 2 'cm')", "fine"),
        ("9.9.power(1000000000)", "fine"),
        ("1.0000001.power(999999999)", "fine"),
        ("999999999.exp()", "fine"),
        ("1.5.round(2000000000)", "fine"),
        ("@2020 + 9999999999 years", "fhirpath-evaluation"),
        ("@2020-01-01 + 99999999999999999999 days", "fhirpath-evaluation"),
        ("'" + "9" * 5_000 + "'.toInteger()", "fine"),
        ("'" + "9" * 5_000 + "'.toDecimal()", "fine"),
        ("1 'm99' * 1 'm99' * 1 'm99'", "fine"),
        ("1 '" + "(" * 500 + "m" + ")" * 500 + "' = 1 'm'", "fine"),
        ("1 '10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99.10*99' = 1 '1'", "fine"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_much_but_not_too_much(expression: str, code: str) -> None:
    assert evaluate(expression) == code


@pytest.mark.parametrize(
    "step",
    [
        ".sort()",
        ".as(Coding)",
        ".trace('t')",
        ".select($this)",
        ".defineVariable('v{}')",
        ".where($this = $this)",
        ".combine({{}})",
        ".iif(true, $this)",
        ".distinct().first().ofType(Coding)",
        ".tail().repeat($this)",
    ],
)
def test_long_paths_evaluate_each_step_once(step: str) -> None:
    path = "meta.tag" + "".join(step.format(number) for number in range(30))
    services = Services(trace=lambda name, items: None)
    start = time.process_time()
    compile_expression(path).evaluate(PATIENT, services=services)
    assert time.process_time() - start < GENEROUS


def test_long_conditions_count_for_more() -> None:
    wide = {"resourceType": "Patient", "name": [{"use": "usual"}] * 2_000}
    condition = " or ".join(["use = 'x'"] * 5_000)
    assert evaluate(f"name.where({condition}).count()", wide, Limits()) == "fhirpath-limit"


@pytest.mark.parametrize(
    "number", ["1E999999999", "1E-999999999", "1" * 3_000, "1." + "1" * 3_000, "1" * 3_000 + ".5", "-0E500"]
)
def test_numbers_of_absurd_size(number: str) -> None:
    resource = json.loads(f"""{{"resourceType": "Patient", "multipleBirthInteger": {number}, "extension":
        [{{"url": "a", "valueDecimal": {number}}}, {{"url": "b", "valueQuantity": {{"value": {number}, "unit": "mg",
        "system": "http://unitsofmeasure.org", "code": "mg"}}}}]}}""")
    for expression in (
        "multipleBirth.toString() & extension.value.first().toString()",
        "extension[0].value ~ 1.5 or extension[0].value = 1 or extension[0].value < 2",
        "extension[0].value.round(2) + extension[0].value.lowBoundary() * 2 / 3",
        "extension[1].value ~ 3 'g' or extension[1].value > 1 'kg' or (extension[1].value * 2 'm').toQuantity('kg') = 1",
        "extension[1].value.toQuantity('kg').toString() & extension.value.distinct().count().toString()",
        "extension[0].value.sqrt() + extension[0].value.exp() + extension[0].value.power(3) + extension[0].value.precision()",
    ):
        assert evaluate(expression, resource) in {"fine", "fhirpath-evaluation"}


def test_halves_of_surrogate_pairs() -> None:
    half = "\ud83d"
    for expression in (
        "%t.matches('a')",
        "'a'.matches(%t)",
        "%t.replaceMatches('a', %t)",
        "%t.encode('hex')",
        "%t.upper() & %t",
    ):
        compile_expression(expression).evaluate(None, constants={"t": half})
    assert compile_expression("'\\\\ud83d'.unescape('json')").evaluate(None) == ["\ufffd"]


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "([a-zA-Z]+)*$"],
)
def test_regular_expressions_do_not_explode(pattern: str) -> None:
    text = "a" * 9_000 + "!"
    for function in (f"matches('{pattern}')", f"matchesFull('{pattern}')", f"replaceMatches('{pattern}', 'z')"):
        assert evaluate(f"'{text}'.{function}", limits=Limits()) == "fine"


@pytest.mark.parametrize(
    "pattern", ["(a)\\\\1", "(?=a)b", "(?<!a)b", "a{1000}{1000}", "(((((a{100}){100}){100})))", "[", "(?P<x", "a" * 3_000]
)
def test_regular_expressions_that_cannot_be_safe_are_refused(pattern: str) -> None:
    assert evaluate(f"'a'.matches('{pattern}')") == "fhirpath-evaluation"


def test_deep_and_wide_resources() -> None:
    item: Any = {"linkId": "0"}
    for depth in range(2_000):
        item = {"linkId": str(depth), "item": [item]}
    deep = {"resourceType": "Questionnaire", "item": [item]}
    assert evaluate("repeat(item).count()", deep, Limits()) in {"fine", "fhirpath-limit"}
    assert evaluate("descendants().count()", deep, Limits()) in {"fine", "fhirpath-limit"}
    assert evaluate("item = item and (item | item).exists()", deep, Limits()) in {"fine", "fhirpath-limit"}
    wide = {"resourceType": "Patient", "name": [{"given": [f"n{i}"]} for i in range(8_000)]}
    assert evaluate("name.given.distinct().count()", wide, Limits()) == "fine"
    assert evaluate("name.where($this in %resource.name).count()", wide, Limits()) == "fhirpath-limit"
    assert evaluate("name.isDistinct()", wide, Limits()) == "fine"
    same = {"resourceType": "Patient", "name": [{"period": {"start": str(2000 + i % 9)}} for i in range(4_000)]}
    assert evaluate("name.distinct().count()", same, Limits()) == "fine"
    quantities = [{"url": "urn:q", "valueQuantity": {"value": i}} for i in range(2_000)]
    assert (
        evaluate("extension.isDistinct()", {"resourceType": "Patient", "extension": quantities}, Limits())
        == "fhirpath-limit"
    )


def test_memory_stays_bounded() -> None:
    tracemalloc.start()
    for expression in ("1.repeatAll($this | $this)", "'aaaaaaaa'.repeat($this & $this)", "1.repeat($this + 1)"):
        evaluate(expression, limits=Limits(steps=50_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 2**20


def test_the_cache_is_bounded() -> None:
    from profiles.fhirpath.expression import _cached

    for number in range(5_000):
        compile_again(f"{number} + 1")
    assert _cached.cache_info().currsize <= 4096


def test_many_threads_evaluate_one_expression() -> None:
    expression = compile_expression("name.select(given.first() & $index.toString()).defineVariable('v').where($this in %v)")

    def work(seed: int) -> list[Any]:
        copies = random.Random(seed).randint(1, 4)
        patient = {"resourceType": "Patient", "name": [{"given": [f"{seed}-{i}"]} for i in range(copies)]}
        return [expression.evaluate(patient) == [f"{seed}-{i}{i}" for i in range(copies)] for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(results) for results in pool.map(work, range(40)))


_WORDS = st.sampled_from(
    ["name", "given", "(", ")", "[", "]", ".", ",", "'", "`", "%", "$this", "1", "'a'", "@2020", "and", "is", "where", "|", "=",
     "+", "-", "{", "}", "{}", "/*", "//", "exists()", "select(", "Patient", "as", "Quantity", "1.5", "'mg'", "day", "@T1", "\\"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS, max_size=14).map(" ".join))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    assert evaluate(text) in {"fine", "fhirpath-syntax", "fhirpath-semantic", "fhirpath-evaluation", "fhirpath-limit"}


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "_name", "given", "_given", "extension", "url", "valueString", "_valueString",
                                         "contact", "birthDate", "_birthDate", "active", "contained", "resourceType", "value",
                                         "telecom", "rank", "deceasedBoolean", "multipleBirthInteger"]), inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["name", "_birthDate", "birthDate", "contact", "extension", "contained", "active"]), _JSON
    )
)
def test_any_json_is_navigated_without_a_crash(content: dict[str, Any]) -> None:
    resource = {**content, "resourceType": "Patient"}
    for expression in (
        "descendants().count()",
        "name.given | name.family | contact.name.given",
        "extension.value | birthDate.extension.value | contained.descendants()",
        "children().count() = children().select($this).count() and (name = name or true)",
        "birthDate < today() or active or name.given.first() = 'x' or extension('a').exists()",
        "children().isDistinct() or descendants().hasValue()",
    ):
        evaluate(expression, resource)
