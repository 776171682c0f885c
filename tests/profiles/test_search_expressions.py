"""Walks are made of FHIRPath, and find what FHIRPath finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from along_a_path import POINTS, TEXTS, Maker
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.fhirpath import FhirPathError, Node, Services, compile_expression
from profiles.json import Resource
from profiles.own_search_parameters import OWN_SEARCH_PARAMETERS
from profiles.references import parse_reference
from profiles.search_expressions import MAX_CONDITIONS, MAX_LENGTH, MAX_PATHS, MAX_STEPS, search_paths, walks
from profiles.search_steps import path_kinds
from profiles.structure import primitive_types, resource_types, type_definition
from profiles.tables import table

URL: Final = "http://x.example/e"


class ByAddress:
    """Resolves a reference to nothing more than the type that its address names."""

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        parsed = parse_reference(reference)
        return None if parsed is None or parsed.type is None else {"resourceType": parsed.type}


SERVICES: Final = Services(resolver=ByAddress())


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return Decimal(value).normalize() if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def by_walks(expression: str, type_: str, focus: Resource, resource: Resource | None = None) -> set[tuple[str, str]]:
    """What walks find from the focus, which is the resource itself or an element of it."""
    found: list[Any] = []
    made = walks(expression, type_)
    assert made is not None, expression
    for walk in made:
        walk(focus, found, focus if resource is None else resource)
    return {(kind, repr(plain(value))) for kind, value in found}


def by_fhirpath(expression: str, type_: str, focus: Resource, resource: Resource | None = None) -> set[tuple[str, str]]:
    compiled = compile_expression(expression, type=type_, as_filters=True)
    items = compiled.evaluate(focus, resource=resource, services=SERVICES)
    return {
        (item.type, repr(plain(item.value))) if isinstance(item, Node) else ("boolean", repr(item))
        for item in items
        if not (isinstance(item, Node) and item.value is None)
    }


# -- what is read --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "expression", "paths"),
    [
        ("Patient", "Patient.name.family", ["name.family"]),
        ("Patient", "name . family // no type name", ["name.family"]),
        ("Patient", "Resource.id | Patient.identifier | Practitioner.identifier", ["id", "identifier"]),
        ("Patient", "(Patient.name | Patient.name).given", ["name.given"]),
        ("Patient", "Practitioner.name", []),
        ("Patient", "(Patient.deceased as dateTime)", ["deceased.ofType(dateTime)"]),
        ("Patient", "deceased.as(FHIR.dateTime)", ["deceased.ofType(dateTime)"]),
        ("Patient", "Patient.name.ofType(HumanName)", ["name"]),
        ("Patient", "Patient.deceased.exists() and Patient.deceased != false", ["deceased.exists() and deceased != false"]),
        ("Patient", "Patient.birthDate.extension('http://b').value", ["birthDate.extension.where(url='http://b').value"]),
        ("Patient", "extension.where(url = 'it\\'s').value.as(string)", ["extension.where(url='it\\'s').value.ofType(string)"]),
        ("Patient", "telecom.where(system='phone' and use='home').value", ["telecom.where(system='phone').where(use='home').value"]),
        ("Observation", "Observation.subject.where(resolve() is FHIR.Patient)", ["subject.where(resolve() is Patient)"]),
        ("Observation", "Observation.value as Quantity | Observation.component.value.code", ["value.ofType(Quantity)", "component.value.code"]),
        ("Observation", "value.ofType(Quantity) | value", ["value.ofType(Quantity)", "value"]),
        ("Bundle", "Bundle.entry.first().resource", ["entry[0].resource"]),
        ("Observation", "Observation", ["$this"]),
        ("Observation.component", "%resource.code | code | $this", ["%resource.code", "code", "$this"]),
    ],
)  # fmt: skip
def test_expressions_and_the_paths_that_they_are(type_: str, expression: str, paths: list[str]) -> None:
    found = search_paths(expression, type_)
    assert found is not None
    assert [str(path) for path in found] == paths
    assert [search_paths(str(path), type_) for path in found] == [(path,) for path in found], (
        "as text they are FHIRPath again"
    )
    assert len(walks(expression, type_) or ()) == len(paths)


@pytest.mark.parametrize(
    ("type_", "expression"),
    [
        ("Patient", "Patient.nothing"),
        ("Patient", "Patient.name.ofType(Address)"),
        ("Patient", "Patient.name.ofType(Nothing)"),
        ("Patient", "Patient.deceased as Boolean"),
        ("Patient", "Patient.name.given.first()"),
        ("Patient", "Patient.name.given[0]"),
        ("Patient", "Patient.contact.telecom[0]"),
        ("Patient", "Patient.name.where(use='usual')[0]"),
        ("Patient", "Patient.name.where(given='Ann')"),
        ("Patient", "Patient.name.where(family='A' or family='B')"),
        ("Patient", "Patient.name.where(period.start='2020')"),
        ("Patient", "Patient.birthDate.where($this='2020')"),
        ("Patient", "Patient.where(active=true)"),
        ("Patient", "Patient.name.exists()"),
        ("Patient", "Patient.name.exists() and Patient.name != false"),
        ("Patient", "Patient.deceased.exists() and Patient.active != false"),
        ("Patient", "Patient.deceased.exists() or Patient.deceased != false"),
        ("Patient", "(Patient.deceased.exists() and Patient.deceased != false).extension"),
        ("Patient", "iif(active, name, contact.name)"),
        ("Patient", "name.family + name.text"),
        ("Patient", "%patient.name"),
        ("Patient", "'text'"),
        ("Patient", "{}"),
        ("Patient", "Patient.name.select(family | given)"),
        ("Patient", "Patient.name[active]"),
        ("Patient", "Patient.name[true]"),
        ("Patient", "Patient.name[-1]"),
        ("Patient", "Patient.name.ofType(1)"),
        ("Patient", "Patient.name.ofType(a.b.c)"),
        ("Bundle", "Bundle.entry.resource.ofType(Patient)"),
        ("Bundle", "Bundle.entry.resource.where(id='x')"),
        ("ActivityDefinition", "library.where(resolve() is Library)"),
        ("Observation", "subject.where(resolve() is Resource)"),
        ("Observation", "value.where(resolve() is Patient)"),
        ("Resource", "Patient.name"),
        ("Nothing", "name"),
        ("string", "$this"),
        ("HumanName", "%resource.id"),
    ],
)
def test_what_walks_leave_to_fhirpath(type_: str, expression: str) -> None:
    assert walks(expression, type_) is None


@pytest.mark.parametrize("expression", ["", "name[", "name..family", "a b", "'"])
def test_what_is_no_fhirpath_is_refused(expression: str) -> None:
    with pytest.raises(FhirPathError):
        walks(expression, "Patient")


@pytest.mark.parametrize(
    "expression",
    [
        " | ".join(["Patient.name"] * (MAX_LENGTH // 10)),
        " | ".join(f"extension('{n}')" for n in range(MAX_PATHS + 1)),
        "extension" + ".value.extension" * MAX_STEPS,
        "name" + ".where(use='home')" * (MAX_CONDITIONS + 1),
        "(" * 40 + "name" + ")" * 40 + " | name" * 1_000 + "x",
        "(name implies name or name and name in name = name < name | name + name * " * 49 + "name" + ")" * 49,
    ],
    ids=["length", "paths", "steps", "conditions", "brackets", "operators"],
)
def test_hostile_expressions_are_left_to_fhirpath(expression: str) -> None:
    assert walks(expression, "Patient") is None


def test_a_path_over_values_of_any_type_is_compiled_once_for_each_type() -> None:
    steps = ".value.extension" * ((MAX_STEPS - 1) // 2)
    assert len(walks(f"Patient.extension{steps}", "Patient") or ()) == 1
    deep: dict[str, Any] = {"url": URL}
    for name in ["valueString", "valuePeriod"] * ((MAX_STEPS - 1) // 2):
        deep = {
            "url": URL,
            **({"_valueString": {"extension": [deep]}} if name == "valueString" else {name: {"extension": [deep]}}),
        }
    patient = {"resourceType": "Patient", "extension": [deep]}
    assert by_walks(f"Patient.extension{steps}", "Patient", patient) == by_fhirpath(
        f"Patient.extension{steps}", "Patient", patient
    )


# -- what is found -------------------------------------------------------------------------------------------------------

_TYPES: Final = ("Patient", "Observation", "Claim", "ValueSet", "MolecularSequence", "MedicationRequest")


def _drawn_path(draw: Random, type_: str) -> tuple[str, list[str]]:
    """A path of R4, decorated, as an expression, and the names of its elements."""
    holder, text, one, of_one_type = type_, type_, True, True
    names: list[str] = []
    for _ in range(draw.randint(1, 4)):
        definition = type_definition("Element" if holder in primitive_types() else holder)
        assert definition is not None
        element = draw.choice([e for e in definition.elements.values() if e.types[0].code not in {"Resource", "xhtml"}])
        holder = draw.choice(element.types).code
        text, names = f"{text}.{element.name}", [*names, element.name]
        plain_item = one and of_one_type and not element.choice and holder not in primitive_types()
        one = one and element.max == 1
        if plain_item and draw.random() < 0.3:
            text, one = f"{text}[{draw.randint(0, 1)}]", True
        of_one_type = of_one_type and not element.choice
        if element.choice and draw.random() < 0.5:
            text = draw.choice([f"({text} as {holder})", f"{text}.ofType({holder})"])
        if holder == "Reference" and of_one_type and draw.random() < 0.5:
            text = f"{text}.where(resolve() is {draw.choice(['Patient', 'Group'])})"
        elif holder in {"Identifier", "ContactPoint", "HumanName", "Coding", "Extension"} and of_one_type:
            key = {"Extension": "url", "HumanName": "family", "Coding": "code"}.get(holder, "value")
            text = f"{text}.where({key}='{draw.choice(TEXTS)}')" if draw.random() < 0.5 else text
    return text, names


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(_TYPES))
def test_walks_find_what_fhirpath_finds(seed: int, type_: str) -> None:
    draw = Random(seed)
    expression, names = _drawn_path(draw, type_)
    other, _ = _drawn_path(draw, type_)
    union = f"{expression} | {other}"
    for _ in range(4):
        resource = Maker(draw).resource(type_, names)
        assert by_walks(expression, type_, resource) == by_fhirpath(expression, type_, resource), (expression, resource)
        found, wanted = by_walks(union, type_, resource), by_fhirpath(union, type_, resource)
        assert {value for _, value in found} == {value for _, value in wanted}, (
            "`|` has equal values once, whatever their types"
        )


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional={
    "deceasedBoolean": st.booleans() | st.text(max_size=1), "_deceasedBoolean": st.just({"id": "x"}) | st.just({}) | st.none(),
}))  # fmt: skip
def test_what_is_there_and_not_false(elements: dict[str, Any]) -> None:
    expression = "Patient.deceased.exists() and Patient.deceased != false"
    patient = {"resourceType": "Patient", **elements}
    assert by_walks(expression, "Patient", patient) == by_fhirpath(expression, "Patient", patient)


# -- R4's parameters and ours --------------------------------------------------------------------------------------------


def _built_in() -> Iterator[tuple[str, str]]:
    """(type, expression) of every parameter, and of every component from the places where it is looked at."""
    rows = table("search")["parameters"]
    for type_ in sorted(resource_types()):
        for kind, expression, rest in [*rows["Resource"].values(), *rows.get(type_, {}).values()]:
            yield type_, expression
            if kind == "composite":
                places = {kind for path in search_paths(expression, type_) or () for kind in path_kinds(path, type_)}
                yield from ((place, part) for place in sorted(places) for _, part in rest)
        yield from ((type_, expression) for _, expression in OWN_SEARCH_PARAMETERS.get(type_, {}).values())


def test_every_built_in_parameter_finds_what_its_expression_finds() -> None:
    """Over objects that have, more often than not, something for each."""
    compared, answered = 0, 0
    for type_, expression in dict.fromkeys(_built_in()):
        paths = search_paths(expression, type_)
        assert paths, expression
        texts = [*re.findall(r"'([^']+)'", expression), "2020-01-02"]
        points = [*(f"{name}/9" for name in re.findall(r"resolve\(\) is (\w+)", expression)), *POINTS]
        maker, found_any = Maker(Random(f"{type_} {expression}"), texts, points), False
        for path in paths * 2:
            names = [step.name for step in path.steps]
            resource = maker.resource(type_.partition(".")[0], names) if path.from_resource else None
            focus = maker.held(type_, names) if type_ not in resource_types() else maker.resource(type_, names)
            found, wanted = by_walks(expression, type_, focus, resource), by_fhirpath(expression, type_, focus, resource)
            if len(paths) > 1:
                found, wanted = {("", value) for _, value in found}, {("", value) for _, value in wanted}
            assert found == wanted, (type_, expression)
            compared, found_any = compared + 1, found_any or bool(found)
        answered += found_any
    assert compared > 3_000
    assert answered > 1_500
