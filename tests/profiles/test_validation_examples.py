"""Real resources: official R4 examples, PAS examples and synthetic patients have no faults, or ones that are truly theirs;
and every way of breaking one of their elements is found, at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mutations import Place, changed, dropped, places, wrong_values
from shared_data import DATA, needs_examples, paths, read

from profiles.base_validation import validate_resource
from profiles.structure import type_definition

OFFICIAL = paths("conformance/r4-examples/*.json")
PAS = paths("pas-examples/*/*.json")
SYNTHEA = paths("synthea/*/*.json.gz", step=8)

TRUE_FAULTS = {
    # What these published examples do against R4's own definitions.
    "bundle-questionnaire.json": {"required-element"},  # its nested Questionnaire items have no linkId, which is 1..1
    "devicemetric-example.json": {"reference-target"},  # parent may point at a Device, and points at a DeviceDefinition
    "deviceusestatement-example.json": {"reference-target"},  # reasonReference does not allow a Procedure
    "kit-empty-bundle-request.json": {"cardinality"},  # made to be refused: its entry is an empty list
}


@needs_examples
@pytest.mark.parametrize("path", [*OFFICIAL, *PAS], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_published_examples(path: Path) -> None:
    found = {issue.code for issue in validate_resource(read(path))}
    assert found == TRUE_FAULTS.get(path.name, set())


@needs_examples
@pytest.mark.parametrize("path", SYNTHEA, ids=lambda p: p.name[:8])
def test_synthetic_patients(path: Path) -> None:
    assert validate_resource(read(path)) == []


def _vectors(errors: bool) -> Iterator[tuple[str, Any]]:
    """The JSON cases of the reference validator's suite in which it finds errors against base R4, or finds none."""
    folder = DATA / "conformance" / "validator"
    for case in read(folder / "manifest.json")["test-cases"]:
        count = case.get("_expected_errors_base")
        path = folder / case["file"]
        if count is not None and (count > 0) is errors and path.suffix == ".json" and case.get("module") != "cdshooks":
            yield case["file"], path


@needs_examples
def test_what_the_reference_validator_finds_without_error_has_no_fault() -> None:
    checked = 0
    for name, path in _vectors(errors=False):
        assert validate_resource(read(path)) == [], name
        checked += 1
    assert checked > 60


@needs_examples
def test_faults_of_structure_that_the_reference_validator_finds_are_found() -> None:
    # Its other errors are invariants, terminology, links and profiles, which are not this floor's matter.
    cases = dict(_vectors(errors=True))
    for name in ("ai4.json", "ai7.json", "json-comments.json", "synthea.json", "cs-meta-profile.json", "obs-vs-2.json",
                 "attachment-with-invalid-binary.json"):  # fmt: skip
        assert validate_resource(read(cases[name])), name


def _examples() -> list[Any]:
    wanted = {"patient-example.json", "observation-example.json", "auditevent-example.json", "careteam-example.json",
              "ig-referral-request.json", "ig-referral-approved.json", "questionnaire-example.json"}  # fmt: skip
    return [pytest.param(path, id=path.name) for path in [*OFFICIAL, *PAS] if path.name in wanted]


def _json_path(expression: str | None) -> str:
    """An issue's expression in JSON names: `value.ofType(dateTime)` is `valueDateTime`."""
    return re.sub(r"\.ofType\((\w)(\w*)\)", lambda m: m[1].upper() + m[2], expression or "")


def _expected_path(root: str, place: Place) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step.removeprefix('_')}" for step in place]
    return root + "".join(steps)


@needs_examples
@pytest.mark.parametrize("path", _examples())
def test_every_value_of_the_wrong_kind_is_found_at_its_place(path: Path) -> None:
    resource = read(path)
    tried = 0
    for place, value in places(resource):
        if place[-1] == "resourceType":
            continue
        for wrong in wrong_values(value):
            issues = validate_resource(changed(resource, place, wrong))
            assert issues, (place, wrong)
            expected = _expected_path(resource["resourceType"], place)
            assert any(_json_path(issue.expression).startswith(expected) for issue in issues), (expected, wrong, issues)
            tried += 1
        if tried > 1500:
            break
    assert tried > 50


@needs_examples
@pytest.mark.parametrize("path", _examples())
def test_an_element_that_does_not_exist_is_found_in_every_object(path: Path) -> None:
    resource = read(path)
    objects = [(place, value) for place, value in places(resource) if isinstance(value, dict)][:200]
    for place, value in objects:
        issues = validate_resource(changed(resource, place, {**value, "notAnElement": 1}))
        assert [issue.code for issue in issues] == ["unknown-element"], place


def _is_required(resource: Any, place: Place) -> bool:
    """Whether the element at a place is required there, by the tables (which are held to HL7's package elsewhere)."""
    value, type_name, required = resource, resource["resourceType"], False
    for step in place:
        value = value[step]
        if isinstance(step, str):
            definition = type_definition(type_name)
            found = definition.element(step) if definition is not None else None
            sibling = step.startswith("_")
            assert found is not None or sibling, place
            required, type_name = (False, "Element") if found is None else (found[0].min > 0, found[1].code)
        if type_name == "Resource" and isinstance(value, dict):
            type_name = value["resourceType"]
    return required


@needs_examples
@pytest.mark.parametrize("path", _examples())
def test_dropping_an_element_is_a_fault_exactly_where_it_is_required(path: Path) -> None:
    resource = read(path)
    for place, _ in [p for p in places(resource) if isinstance(p[0][-1], str)][:400]:
        if place[-1] == "resourceType":
            continue
        copied, holder = dropped(resource, place)
        issues = validate_resource(copied)
        missing = any(issue.code == "required-element" for issue in issues)
        beside = f"_{place[-1]}" in holder
        assert missing is (_is_required(resource, place) and not beside), (place, issues)
        # An object left with nothing is empty, an extension without its value is none, a concept may lose its code, and
        # what a fragment pointed at may be gone.
        assert {issue.code for issue in issues} <= {"required-element", "structure", "code-invalid", "reference-unresolved"}
