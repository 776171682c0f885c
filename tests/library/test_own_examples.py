"""Requests of our own conform to our profiles, and mutations of them are refused where they are wrong."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiles import json
from profiles.conformance import Finding, Validator
from profiles.json import Resource
from profiles.library import library

sys.path.append(str(Path(__file__).parents[1] / "pas"))

from pas_examples import item, request

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
BODIES = Path(__file__).parents[2] / "examples" / "bodies"
EXAMPLES = ("claim-pet-ct.json", "inquiry.json", "knee-replacement-urgent.json", "lumbar-mri-gaps.json")


def errors(resource: Resource, *profiles: str) -> list[Finding]:
    found = Validator(library()).validate(resource, profiles=profiles)
    return [each for each in found if each.severity == "error"]


def bundle() -> Resource:
    made: Resource = json.loads(json.dumps(request(item(1), item(2))))
    return made


def test_a_request_of_ours_conforms() -> None:
    assert errors(bundle()) == []
    assert errors(bundle(), f"{PAS}profile-pas-request-bundle|2.2.1") == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_that_we_publish_conform(name: str) -> None:
    assert errors(json.loads((BODIES / name).read_bytes())) == []


def claim(made: Any) -> Any:
    return made["entry"][0]["resource"]


def _of(made: Any, name: str) -> Any:
    return next(each["resource"] for each in made["entry"] if each["resource"]["resourceType"] == name)


MUTATIONS: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "no identifier of the Bundle": (lambda made: made.pop("identifier"), "required-element", "Bundle.identifier"),
    "no time": (lambda made: made.pop("timestamp"), "required-element", "Bundle.timestamp"),
    "another type of Bundle": (lambda made: made.update(type="batch"), "value-fixed", "Bundle.type"),
    "an entry without address": (lambda made: made["entry"][1].pop("fullUrl"), "required-element", "fullUrl"),
    "the Claim is not first": (lambda made: made["entry"].reverse(), "invariant", "Bundle"),
    "no insurer": (lambda made: claim(made).pop("insurer"), "required-element", "insurer"),
    "another use": (lambda made: claim(made).update(use="claim"), "value-fixed", "use"),
    "a related claim": (
        lambda made: claim(made).update(related=[{"claim": {"display": "a"}}]), "cardinality", "related",
    ),
    "no item": (lambda made: claim(made).pop("item"), "required-element", "item"),
    "no category": (lambda made: claim(made)["item"][0].pop("category"), "required-element", "item[0].category"),
    "no kind of request": (
        lambda made: claim(made)["item"][0]["extension"].pop(1), "required-element", "item[0].extension",
    ),
    "an extension twice": (
        lambda made: claim(made)["item"][0]["extension"].append(copy.deepcopy(claim(made)["item"][0]["extension"][1])),
        "cardinality",
        "item[0].extension[3]",
    ),
    "a trace number without system": (
        lambda made: claim(made)["item"][0]["extension"][0]["valueIdentifier"].pop("system"), "required-element", "system",
    ),
    "a part of a date": (lambda made: claim(made)["item"][0].update(servicedDate="2026-12"), "invariant", "serviced"),
    "a place by reference": (
        lambda made: (
            claim(made)["item"][0].pop("locationCodeableConcept"),
            claim(made)["item"][0].update(locationReference={"reference": "Organization/payer"}),
        ),
        "type-invalid",
        "location",
    ),
    "a diagnosis by reference": (
        lambda made: claim(made).update(diagnosis=[{"sequence": 1, "diagnosisReference": {"display": "a"}}]),
        "type-invalid",
        "diagnosis",
    ),
    "an unknown kind of claim": (
        lambda made: claim(made)["type"]["coding"][0].update(code="pharmacy"), "code-invalid", "type",
    ),
    "a care team without scope": (
        lambda made: claim(made)["careTeam"][0].pop("extension"), "required-element", "careTeam[0].extension",
    ),
    "a subscriber who is missing": (
        lambda made: _of(made, "Coverage")["relationship"]["coding"][0].update(code="01"), "reference-target", "coverage",
    ),
    "a coverage without member id": (
        lambda made: _of(made, "Coverage").pop("identifier"), "reference-target", "coverage",
    ),
    "an NPI of nine digits": (
        lambda made: _of(made, "Practitioner")["identifier"][0].update(value="123456789"), "reference-target", "provider",
    ),
    "a document by address": (
        lambda made: _of(made, "DocumentReference")["content"][0].update(attachment={"url": "https://example.org/a"}),
        "reference-target",
        "supportingInfo[0]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_refused_where_it_is(name: str) -> None:
    mutate, code, place = MUTATIONS[name]
    made = bundle()
    mutate(made)
    found = errors(made)
    assert any(each.code == code and place in str(each.expression) for each in found), [str(each) for each in found]


def test_an_extension_that_is_no_object_is_a_fault_and_no_failure() -> None:
    made = bundle()
    claim(made)["supportingInfo"][0]["extension"] = ["text"]
    assert errors(made)


def test_the_older_version_has_its_own_rules() -> None:
    """2.0.1 asks for no identifier of a response; 2.2.1 does."""
    answer: Resource = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": "2026-11-20T11:01:00-05:00",
        "entry": [],
    }
    wanted = {
        version: {each.expression for each in errors(answer, f"{PAS}profile-pas-response-bundle|{version}")}
        for version in ("2.2.1", "2.0.1")
    }
    assert "Bundle.identifier" in wanted["2.2.1"] - wanted["2.0.1"]


def test_a_target_that_does_not_conform_is_told_with_its_first_fault() -> None:
    made = bundle()
    _of(made, "Coverage")["relationship"]["coding"][0].update(code="01")
    text = next(each.text for each in errors(made) if each.code == "reference-target")
    assert text.endswith(" The first fault: Bundle.entry[2].resource, by self-beneficiary.")


def test_a_broken_constraint_is_told_in_words() -> None:
    made = bundle()
    claim(made)["item"][0]["servicedDate"] = "2026-12"
    found = next(each for each in errors(made) if each.rule == "FullDateRule")
    assert found.text.endswith("FullDateRule of its definition: The date has year, month and day (YYYY-MM-DD).")
