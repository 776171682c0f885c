"""R4's own definitions, made from our tables: the same facts as in R4's core package."""

from __future__ import annotations

from typing import Any

import pytest
import validator_vectors as vectors
from profiles_made import errors, profile

from profiles.definitions.r4 import base_definition
from profiles.json import Resource

TYPES = "http://hl7.org/fhir/StructureDefinition/"


def _facts(element: Resource) -> dict[str, Any]:
    types = element.get("type", [])
    targets = {target for each in types for target in each.get("targetProfile", [])} - {f"{TYPES}Resource"}
    return {
        "occurrence": (element["min"], element["max"]),
        "types": {each["code"] for each in types if not each["code"].startswith("http")} - {"string", "id", "uri"},
        "targets": targets,
        "reference": element.get("contentReference"),
    }


@pytest.mark.skipif(not vectors.CORE.is_file(), reason="the R4 core package is not beside this checkout")
@pytest.mark.parametrize(
    "name", ["Patient", "Claim", "ClaimResponse", "Observation", "Questionnaire", "Timing", "Extension"]
)
def test_a_type_has_the_elements_of_the_package(name: str) -> None:
    made, official = base_definition(f"{TYPES}{name}"), vectors.core().find("StructureDefinition", f"{TYPES}{name}")
    assert made is not None
    assert official is not None
    ours = {each["path"]: each for each in made["snapshot"]["element"][1:]}
    theirs = {each["path"]: each for each in official["snapshot"]["element"][1:]}
    assert ours.keys() == theirs.keys()
    for path, element in theirs.items():
        told = _facts(element)
        said = _facts(ours[path])
        said["targets"] -= {f"{TYPES}Resource"}
        assert said == told, path


def test_other_canonicals_are_none_of_r4() -> None:
    assert base_definition(f"{TYPES}Claim.item") is None
    assert base_definition(f"{TYPES}NoSuchType") is None
    assert base_definition("https://example.org/Patient") is None


def test_the_validator_needs_no_package() -> None:
    wrong: Resource = {"resourceType": "Patient", "contact": [{"gender": "male"}], "telecom": [{"value": "1"}]}
    found = {(each.rule, each.expression) for each in errors(wrong, profile("a", "Patient"))}
    assert found == {("pat-1", "Patient.contact[0]"), ("cpt-2", "Patient.telecom[0]")}
