"""HL7's terminology test suite as data: its suites, the content each is run on, and how one test is asked of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tx_template import differences

from profiles.json import loads
from terminology.catalogue import Catalogue, MemoryCatalogue
from terminology.expand import expand
from terminology.issues import TerminologyError, outcome
from terminology.lookup import lookup
from terminology.question import read_question
from terminology.translate import translate
from terminology.validate_code import validate_in_code_system, validate_in_value_set, validate_many

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Vector:
    suite: str
    name: str
    operation: str
    request: Any
    profile: Any
    language: str | None
    templates: tuple[Any, ...]
    refused: bool
    """The test expects a status of 4xx."""


def read(folder: Path, name: str) -> Any:
    return loads((folder / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))


def suites(folder: Path) -> Iterator[tuple[str, Catalogue, list[Vector]]]:
    """Each suite with its content."""
    for suite in read(folder, "test-cases.json")["suites"]:
        resources = [read(folder, name) for name in suite.get("setup", [])]
        vectors = [_vector(folder, suite["name"], test) for test in suite["tests"] if "request" in test]
        yield suite["name"], MemoryCatalogue(resources), vectors


def _vector(folder: Path, suite: str, test: Any) -> Vector:
    templates = [read(folder, test[key]) for key in test if key.startswith("response")]
    return Vector(
        suite,
        test["name"],
        test["operation"],
        read(folder, test["request"]),
        read(folder, test["profile"]) if "profile" in test else None,
        test.get("Accept-Language"),
        tuple(templates),
        test.get("http-code", "").startswith("4"),
    )


def ask(catalogue: Catalogue, vector: Vector) -> tuple[Any, bool]:
    """The answer, and whether the engine refused."""
    try:
        if vector.operation == "batch-validate":
            return validate_many(catalogue, vector.request, vector.language), False
        question = read_question(vector.request, vector.language, vector.profile)
        match vector.operation:
            case "expand":
                return expand(catalogue, question, NOW), False
            case "validate-code":
                return validate_in_value_set(catalogue, question), False
            case "cs-validate-code":
                return validate_in_code_system(catalogue, question), False
            case "lookup":
                return lookup(catalogue, question), False
        return translate(catalogue, question), False
    except TerminologyError as error:
        return outcome(error.issues), True


_R5_PROPERTY = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion."


def as_r5(element: Any) -> Any:
    """An expansion with its properties in R5's form again (the server writes R4's)."""
    if isinstance(element, list):
        return [as_r5(item) for item in element]
    if not isinstance(element, dict):
        return element
    found = {name: as_r5(value) for name, value in element.items()}
    ours = [one for one in found.get("extension", []) if str(one.get("url")).startswith(_R5_PROPERTY)]
    if ours:
        found["property"] = [
            {
                (part["url"] if part["url"] != "value" else next(name for name in part if name != "url")): next(
                    value for name, value in part.items() if name != "url"
                )
                for part in one["extension"]
            }
            for one in ours
        ]
        found["extension"] = [one for one in found["extension"] if one not in ours]
        found = {name: value for name, value in found.items() if name != "extension" or value}
    return found


ADDRESSES = {
    "expand": "/ValueSet/$expand",
    "validate-code": "/ValueSet/$validate-code",
    "cs-validate-code": "/CodeSystem/$validate-code",
    "lookup": "/CodeSystem/$lookup",
    "translate": "/ConceptMap/$translate",
    "batch-validate": "/ValueSet/$batch-validate-code",
}


def body(folder: Path, suite: str, vector: Vector) -> Any:
    """The Parameters of a test, with the content of its suite as `tx-resource`."""
    (setup,) = [one.get("setup", []) for one in read(folder, "test-cases.json")["suites"] if one["name"] == suite]
    rows = [*vector.request["parameter"], *(vector.profile["parameter"] if vector.profile else [])]
    content = [{"name": "tx-resource", "resource": read(folder, name)} for name in setup]
    return {"resourceType": "Parameters", "parameter": [*rows, *content]}


def misses(catalogue: Catalogue, vector: Vector, *, verbatim: bool = False) -> list[str]:
    """How the answer differs from the nearest of the templates; empty where the test passes."""
    answer, refused = ask(catalogue, vector)
    if vector.refused and not refused:
        return ["the request was not refused"]
    return min((differences(one, answer, verbatim=verbatim) for one in vector.templates), key=len)
