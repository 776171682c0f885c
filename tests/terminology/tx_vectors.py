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


def misses(catalogue: Catalogue, vector: Vector, *, verbatim: bool = False) -> list[str]:
    """How the answer differs from the nearest of the templates; empty where the test passes."""
    answer, refused = ask(catalogue, vector)
    if vector.refused and not refused:
        return ["the request was not refused"]
    return min((differences(one, answer, verbatim=verbatim) for one in vector.templates), key=len)
