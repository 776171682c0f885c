"""Profiles that are too large, too many-sided or lie, and rules that cost too much: told clearly, in bounded time."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from profiles_made import BASE, codes, element, profile, slicing

from profiles.conformance import Definitions, Validator
from profiles.json import Resource

PATIENT: Resource = {"resourceType": "Patient", "name": [{"family": "A"}]}
GUARD = 120.0
"""Seconds. What is quadratic in these sizes takes many minutes; what is linear takes a few seconds."""


def _codes_in_time(resource: Resource, *definitions: Resource) -> list[str]:
    start = perf_counter()
    found = codes(resource, *definitions)
    assert perf_counter() - start < GUARD
    return found


def _rule(text: str, key: str = "a-1") -> dict[str, Any]:
    return {"key": key, "severity": "error", "human": "a", "expression": text}


def _slices(count: int) -> list[dict[str, Any]]:
    rows = [element("Patient.identifier", **slicing("value", "system"))]
    for number in range(count):
        rows.append(element(f"Patient.identifier:s{number}", min=0, max="1"))
        rows.append(element(f"Patient.identifier:s{number}.system", min=1, max="1", fixedUri=f"urn:a:{number}"))
    return rows


def _identifiers(count: int) -> Resource:
    return {**PATIENT, "identifier": [{"system": "urn:b:b", "value": f"{number:040}"} for number in range(count)]}


@pytest.mark.slow
def test_a_snapshot_of_fifty_thousand_elements() -> None:
    rows = [element("Patient"), *(element(f"Patient.e{number}", type=[{"code": "string"}]) for number in range(50_000))]
    assert _codes_in_time(PATIENT, {**profile("a", "Patient"), "snapshot": {"element": rows}}) == []


@pytest.mark.slow
def test_a_snapshot_of_thousands_of_slices() -> None:
    made = {**profile("a", "Patient"), "snapshot": {"element": [element("Patient"), *_slices(10_000)]}}
    assert _codes_in_time(_identifiers(2), made) == []
    assert _codes_in_time(_identifiers(500), made) == ["validation-limit"]


def test_a_differential_that_grows_too_large() -> None:
    assert _codes_in_time(PATIENT, profile("a", "Patient", *_slices(12_000))) == ["profile-unusable"]


@pytest.mark.slow
def test_thousands_of_invariants_on_thousands_of_elements() -> None:
    rules = [
        _rule(f"family.exists() or given.where($this = '{number}').exists()", f"a-{number}") for number in range(1_500)
    ]
    many = {**PATIENT, "name": [{"family": "A"} for _ in range(2_000)]}
    assert _codes_in_time(many, profile("a", "Patient", element("Patient.name", constraint=rules))) == ["validation-limit"]


@pytest.mark.slow
def test_invariants_that_walk_everything_again_and_again() -> None:
    rules = [_rule(f"repeat(children()).where(toString() = '{number}').count() < 1", f"a-{number}") for number in range(60)]
    many = {**PATIENT, "name": [{"family": "A", "given": ["b", "c"]} for _ in range(4_000)]}
    assert _codes_in_time(many, profile("a", "Patient", element("Patient.name", constraint=rules))) == ["validation-limit"]


@pytest.mark.parametrize(
    "text",
    [
        "name.exists() or " * 60_000 + "true",
        "(" * 5_000 + "true" + ")" * 5_000,
        "true" + ".not()" * 5_000,
        "name.matches('(')",
    ],
    ids=["a megabyte", "brackets", "a long path", "no expression"],
)
def test_an_expression_that_cannot_be_used_is_told_and_refuses_nothing(text: str) -> None:
    known = Definitions()
    known.add(made := profile("a", "Patient", element("Patient", constraint=[_rule(text)])))
    found = Validator(known).validate(PATIENT, profiles=[made["url"]])
    assert [(each.code, each.severity) for each in found if each.rule == "a-1"] == [("invariant-unchecked", "warning")]


def test_an_expression_that_explodes_elsewhere_is_answered() -> None:
    made = profile("a", "Patient", element("Patient.name", constraint=[_rule("family.matches('^(a+)+$')")]))
    assert _codes_in_time({**PATIENT, "name": [{"family": "a" * 50_000 + "!"}]}, made) == ["invariant"]


@pytest.mark.slow
def test_ten_megabytes_against_two_thousand_slices() -> None:
    made = {**profile("a", "Patient"), "snapshot": {"element": [element("Patient"), *_slices(2_000)]}}
    assert _codes_in_time(_identifiers(100_000), made) == ["validation-limit"]


def test_megabytes_of_what_is_right_are_checked_as_a_whole() -> None:
    made = profile("a", "Patient", element("Patient.identifier.value", min=1, maxLength=50))
    large = _identifiers(20_000)
    assert _codes_in_time(large, made) == []
    large["identifier"][-1] = {"system": "urn:b:b"}
    assert _codes_in_time(large, made) == ["required-element"]


def _snapshot(*rows: Any) -> Resource:
    return {**profile("a", "Patient"), "snapshot": {"element": list(rows)}}


LIARS = {
    "no root": _snapshot(element("Patient.name", min=2)),
    "another type's root": _snapshot(element("Claim"), element("Claim.use", min=1)),
    "children before their parents": _snapshot(
        element("Patient"), element("Patient.name.given", min=1), element("Patient.name")
    ),
    "the same element twice": _snapshot(
        element("Patient"), element("Patient.name", min=1), element("Patient.name", max="0")
    ),
    "an unknown type": _snapshot(element("Patient"), element("Patient.name", type=[{"code": "Nothing"}])),
    "a type that is a number": _snapshot(element("Patient"), element("Patient.name", type=[{"code": 5}], min="x", max=7)),
    "a slice of nothing": _snapshot(
        element("Patient"), element("Patient.name:s", min=1), element("Patient.name:s.family", min=1)
    ),
    "a discriminator of nothing": _snapshot(
        element("Patient"),
        element("Patient.name", slicing={"discriminator": [{"type": "value", "path": ")("}], "rules": 7}),
        element("Patient.name:s", max="1"),
    ),
    "a binding to a number": _snapshot(
        element("Patient"), element("Patient.gender", binding={"strength": 1, "valueSet": 5})
    ),
    "a fixed value of another type": _snapshot(
        element("Patient"), element("Patient.name", fixedBoolean=True, patternString="x")
    ),
    "a reference into itself": _snapshot(element("Patient"), element("Patient.link", contentReference="#Patient.link")),
    "text for a list": {**profile("a", "Patient"), "snapshot": {"element": "Patient"}},
    "another differential": {**_snapshot(element("Patient")), "differential": {"element": [element("Patient.nothing")]}},
}


@pytest.mark.parametrize("name", LIARS)
def test_a_snapshot_that_lies_is_used_as_far_as_it_can_be(name: str) -> None:
    known = Definitions()
    known.add(LIARS[name])
    found = Validator(known).validate({**PATIENT, "gender": "female"}, profiles=[f"{BASE}/a"])
    assert all(each.text and each.code for each in found)
    assert not {each.code for each in found} & {"internal", "validation-limit"}


def test_more_than_is_allowed_and_less_than_is_asked() -> None:
    made = profile("a", "Patient", element("Patient.name", min=3, max="1"))
    assert codes(PATIENT, made) == ["required-element"]
    assert codes({**PATIENT, "name": [{"family": "A"}] * 2}, made) == ["required-element", "cardinality"]
    assert codes({**PATIENT, "name": [{"family": "A"}] * 3}, made) == ["cardinality"]


def test_profiles_that_each_bring_in_many_others_end() -> None:
    """Each profile's contacts may be any of all the others: without a memory, their number would multiply at each level."""
    names = [f"p{number}" for number in range(12)]
    targets = [f"{BASE}/{name}" for name in names]
    other = {"type": [{"code": "Reference", "targetProfile": targets}]}
    made = [
        profile(name, "Patient", element("Patient.link.other", **other), element("Patient.photo", min=1)) for name in names
    ]
    linked = [{"other": {"reference": f"#{number}"}, "type": "seealso"} for number in range(8)]
    inside = [{"resourceType": "Patient", "id": str(number), "link": linked} for number in range(8)]
    found = _codes_in_time({**PATIENT, "contained": inside, "link": linked}, *made)
    assert "required-element" in found
