"""The official examples conform to the profiles that they claim; mutations of them are refused, and none makes us fail."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import validator_vectors as vectors

from profiles.conformance import Definitions, Finding, Validator
from profiles.conformance.packages import read_package
from profiles.json import Json, Resource

PAS = "hl7.fhir.us.davinci-pas-2.2.1.tgz"
NEEDED = {
    PAS: (
        "hl7.fhir.us.core-6.1.0.tgz",
        "hl7.fhir.us.davinci-hrex-1.2.0.compiled.tgz",
        "hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled.tgz",
        "hl7.fhir.us.davinci-crd-2.2.1.compiled.tgz",
    ),
    "hl7.fhir.us.davinci-pas-2.0.1.tgz": (
        "hl7.fhir.us.core-3.1.1.tgz",
        "hl7.fhir.us.davinci-hrex-1.0.0.tgz",
        "hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled.tgz",
        "hl7.fhir.us.davinci-crd-2.0.1.tgz",
    ),
    "hl7.fhir.us.core-6.1.0.tgz": (),
}

needs_packages = pytest.mark.skipif(
    not all((vectors.PACKAGES / name).is_file() for name in NEEDED) or not vectors.CORE.is_file(),
    reason="the packages of R4, US Core and PAS are not beside this checkout",
)


@cache
def validator(package: str) -> Validator:
    definitions = Definitions(vectors.core())
    for name in (*NEEDED[package], package):
        definitions.load_package((vectors.PACKAGES / name).read_bytes())
    return Validator(definitions)


def examples(package: str) -> list[Resource]:
    return list(read_package((vectors.PACKAGES / package).read_bytes(), folders=("package/example", "package/examples")))


def errors(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.severity == "error"]


def told(findings: list[Finding]) -> set[tuple[str, str | None]]:
    return {(each.code, each.expression) for each in errors(findings)}


@needs_packages
@pytest.mark.slow
@pytest.mark.parametrize("package", ["hl7.fhir.us.davinci-pas-2.0.1.tgz", PAS])
def test_every_example_of_pas_conforms(package: str) -> None:
    found = examples(package)
    assert len(found) > 20
    assert [(each["id"], told(findings)) for each in found if errors(findings := validator(package).validate(each))] == []


@needs_packages
@pytest.mark.slow
def test_the_examples_of_us_core_conform_but_for_faults_of_their_own() -> None:
    package = "hl7.fhir.us.core-6.1.0.tgz"
    codes = [each.code for one in examples(package) for each in errors(validator(package).validate(one))]
    # Narratives with form fields, fullUrls of other resources, and one extension that its definition does not let stand.
    assert set(codes) <= {"primitive-format", "bundle-rule", "extension-unknown"}
    assert len(codes) <= 10


def _request() -> Resource:
    return next(each for each in examples(PAS) if each["id"] == "HomecareAuthorizationBundleExample")


def _claim(bundle: Resource) -> Resource:
    found: Resource = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Claim")
    return found


MUTATIONS = {
    "drop what is required": (lambda claim: claim.pop("created"), "required-element", "created"),
    "drop what the profile requires": (lambda claim: claim.pop("insurer"), "required-element", "insurer"),
    "retype": (lambda claim: claim.update(created=5), "primitive-format", "created"),
    "recode": (lambda claim: claim.update(use="claim"), "value-fixed", "use"),
    "recode a required binding": (lambda claim: claim.update(status="gone"), "code-invalid", "status"),
    "duplicate what may not repeat": (lambda claim: claim.update(use=["preauthorization"] * 2), "cardinality", "use"),
    "move": (lambda claim: claim.update(onset="2024-01-01"), "unknown-element", "onset"),
    "point elsewhere": (
        lambda claim: claim["insurer"].update(reference="Patient/SubscriberExample"),
        "reference-target",
        "insurer",
    ),
}


@needs_packages
@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_refused_where_they_are(name: str) -> None:
    mutate, code, place = MUTATIONS[name]
    bundle = copy.deepcopy(_request())
    mutate(_claim(bundle))
    found = errors(validator(PAS).validate(bundle))
    assert any(each.code == code and f".{place}" in str(each.expression) for each in found)


def _places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*path, key)
        yield from _places(each, (*path, key))


@needs_packages
@pytest.mark.slow
def test_no_mutation_makes_the_validator_fail() -> None:
    whole = _request()
    chance = random.Random(7)
    odd: list[Any] = [None, 5, "x", "", [], {}, [None], [[1]], {"": {}}, {"url": [1]}, [{"system": {}, "code": []}], True]
    for path in chance.sample(list(_places(whole)), 250):
        bundle = copy.deepcopy(whole)
        holder: Any = bundle
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = chance.choice(odd)
        for each in validator(PAS).validate(bundle):
            assert each.text
