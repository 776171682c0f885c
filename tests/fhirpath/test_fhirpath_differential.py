"""Random expressions, answered in two ways: by fhirpathpy and by us; by bare JSON and by typed nodes."""

from __future__ import annotations

import contextlib
import copy
import json as plain_json
import re
import warnings
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from expressions import EXPRESSIONS
from hypothesis import HealthCheck, example, given, settings
from patient import PATIENT

from profiles.fhirpath import FhirPathError, Node, compile_expression, system_value
from profiles.fhirpath.functions.conversion import to_text

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def comparable(value: Any) -> Any:
    """A value in a form that both engines' answers can be brought into; numbers to eight digits."""
    value = system_value(value)
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal)):
        number = round(Decimal(str(value)), 8)
        return str(number.normalize() if number else 0)
    if isinstance(value, (dict, list)):
        return plain_json.dumps(value, sort_keys=True, default=str)
    return value if isinstance(value, str) else str(to_text(value))


def ours(expression: str, resource: Any = PATIENT) -> list[Any] | None:
    """The answer; None for an error."""
    try:
        return [comparable(item) for item in compile_expression(expression).evaluate(resource)]
    except FhirPathError:
        return None


# -- against fhirpathpy --------------------------------------------------------------------------------------------------

KNOWN_DIVERGENCES = {
    "units that are not commensurable are empty; fhirpathpy says false, or fails": r"\d '\w+' (?:!?[=~]|[<>]=?) [\d.]+ '",
    "the remainder has the sign of the dividend; in fhirpathpy that of the divisor": r"\bmod\b",
    "a union of equal elements and strings holds one of them; in fhirpathpy both": r"'[^']*'\)? ?\||\| \(*'|union\(|&|upper|lower|Chars|replace",
    "many items are no boolean, and one is true; fhirpathpy takes an empty one": r"\bname(?:\.first\(\))?(?![\w.(])",
    "where() keeps an empty string; fhirpathpy drops it": r"''|substring\(\d, 0\)",
    "13 months are one year, when taken from a year; in fhirpathpy two": r"@\d{4}(?:-\d\d)? -",
    "several items are not a single one; fhirpathpy takes the first": r"single\(\)",
    "arguments see the focus around; in fhirpathpy those of supersetOf() see the input": r"setOf\(",
    "%resource is always there; in fhirpathpy only if the caller gives it": r"%resource",
}
"""Where fhirpathpy differs and we hold ours to be right: the rule, and how an expression that touches it looks."""


@cache
def _model() -> Any:
    warnings.simplefilter("ignore")
    return pytest.importorskip("fhirpathpy.models").models["r4"]


def without_extensions(value: Any) -> Any:
    """fhirpathpy knows primitives with extensions only in part: they are left out here."""
    if isinstance(value, dict):
        return {key: without_extensions(item) for key, item in value.items() if key[0] != "_"}
    if isinstance(value, list):
        return [without_extensions(item) for item in value if item is not None]
    return value


SIMPLE = without_extensions(copy.deepcopy(PATIENT))
FLOATS = plain_json.loads(plain_json.dumps(SIMPLE, default=float))


def theirs(expression: str) -> list[Any] | None:
    fhirpathpy = pytest.importorskip("fhirpathpy")
    with contextlib.suppress(Exception):  # it raises nothing more special; whatever it fails with, it has no answer
        return [comparable(item) for item in fhirpathpy.evaluate(FLOATS, expression, {}, _model())]
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(EXPRESSIONS)
def test_fhirpathpy_gives_the_same_answer(expression: str) -> None:
    if any(re.search(pattern, expression) for pattern in KNOWN_DIVERGENCES.values()):
        return
    other = theirs(expression)
    if other is not None:
        assert ours(expression, SIMPLE) == other


@pytest.mark.parametrize(
    ("expression", "our_answer"),
    [
        ("1 'g' = 1 'm'", []),
        ("(1 - 3) mod 10", ["-2"]),
        ("(name.family | 'Moe')", ["Moe"]),
        ("name.family.select(substring(0, 0)).where($this.startsWith('')).count()", ["1"]),
        ("@1974 - 13 months", ["1973"]),
        ("telecom.single()", None),
        ("%resource.id", ["p1"]),
    ],
)
def test_the_known_divergences_are_still_there(expression: str, our_answer: list[Any] | None) -> None:
    """If fhirpathpy agrees one day, the list can be shortened."""
    assert ours(expression, SIMPLE) == our_answer
    assert theirs(expression) != our_answer


# -- bare JSON and typed nodes -------------------------------------------------------------------------------------------

BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}]}


@settings(max_examples=120, deadline=None, suppress_health_check=QUIET)
@given(EXPRESSIONS)
@example("name.given | name.family")
@example("birthDate < @1980-03-01")
@example("telecom.where(system = 'phone').value.select($this & 'x')")
@example("gender in ('male' | 'female')")
@example("name.given.select(hasValue())")
@example("children().count() > id.count()")
def test_known_and_unknown_types_give_the_same_answer(expression: str) -> None:
    """The entry of a Bundle has no type beforehand, so that everything is evaluated on nodes instead of bare JSON."""
    expression = re.sub(r"%resource", "%context", expression)
    typed = ours(expression)
    inner = expression.replace("%context", "%context.entry.resource")
    untyped = ours(f"entry.resource.select({inner})", BUNDLE)
    assert typed == untyped


@settings(max_examples=50, deadline=None, suppress_health_check=QUIET)
@given(EXPRESSIONS)
def test_truth_existence_and_number_agree_with_the_items(expression: str) -> None:
    """exists(), count() and the conditions of iif() have closures of their own."""
    items = ours(expression)
    if items is None:
        return
    assert ours(f"({expression}).exists()") == [bool(items)]
    assert ours(f"({expression}).empty()") == [not items]
    assert ours(f"({expression}).count()") == [str(len(items))]
    if len(items) == 1 and isinstance(items[0], bool):
        assert compile_expression(expression).test(PATIENT) is items[0]
        assert ours(f"iif({expression}, 1, 0)") == ["1" if items[0] else "0"]
        assert ours(f"({expression}) and true") == [items[0]]
        assert ours(f"({expression}).not()") == [not items[0]]
