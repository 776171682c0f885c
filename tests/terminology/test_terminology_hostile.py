"""Definitions and requests with anything put anywhere: an answer or a TerminologyError, never another exception."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from test_terminology_engine import CS, FRUIT, value_set

from profiles.json import dumps
from terminology.catalogue import MemoryCatalogue
from terminology.expand import expand
from terminology.expansion_r4 import r4_expansion
from terminology.issues import TerminologyError
from terminology.lookup import lookup
from terminology.question import read_question
from terminology.subsumes import subsumes
from terminology.translate import translate
from terminology.validate_code import validate_in_code_system, validate_in_value_set, validate_many

JUNK = [
    None,
    1,
    -1,
    True,
    "",
    [],
    {},
    "x",
    [None],
    [{}],
    [[]],
    {"value": 1},
    CS,
    "|",
    "#x",
    "1.x.x",
    10**30,
    "urn:test:set",
]
SET = value_set(
    {"system": CS, "filter": [{"property": "concept", "op": "is-a", "value": "citrus"}]},
    {"system": CS, "concept": [{"code": "apple", "designation": [{"language": "fr", "value": "pomme"}]}]},
    {"valueSet": ["#inner"]},
    exclude=[{"system": CS, "version": "1", "concept": [{"code": "lime"}]}],
    contained=[{"resourceType": "ValueSet", "id": "inner", "compose": {"include": [{"system": CS}]}}],
)
ELEMENT = {"code": "lime", "target": [{"code": "x", "relationship": "equivalent"}]}
MAP = {
    "resourceType": "ConceptMap", "url": "urn:m",
    "group": [{"source": CS, "target": "urn:x", "element": [ELEMENT], "unmapped": {"mode": "fixed", "code": "y"}}],
}  # fmt: skip
CODING = {"system": CS, "version": "1", "code": "lemon", "display": "Zitrone"}
REQUEST = {"parameter": [
    {"name": "url", "valueUri": "urn:test:set"}, {"name": "coding", "valueCoding": CODING}, {"name": "count", "valueInteger": 3},
    {"name": "displayLanguage", "valueCode": "de, *;q=0"}, {"name": "system", "valueUri": CS}, {"name": "code", "valueCode": "lime"},
    {"name": "codeA", "valueCode": "lime"}, {"name": "codeB", "valueCode": "citrus"}, {"name": "filter", "valueString": "li"},
    {"name": "force-system-version", "valueCanonical": f"{CS}|1.x"}, {"name": "property", "valueCode": "colour"},
    {"name": "validation", "resource": {"parameter": [{"name": "coding", "valueCoding": CODING}]}},
]}  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield value, key
        yield from places(inner)


@pytest.mark.parametrize("seed", range(300))
def test_anything_anywhere(seed: int) -> None:
    chance = random.Random(seed)
    parts = copy.deepcopy([FRUIT, SET, MAP, REQUEST])
    for _ in range(chance.randint(1, 4)):
        holder, key = chance.choice(list(places(chance.choice(parts))) or [({}, "x")])
        holder[key] = copy.deepcopy(chance.choice(JUNK))
    *content, request = parts
    catalogue = MemoryCatalogue(content)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for ask in (
        lambda: r4_expansion(expand(catalogue, read_question(request), now)),
        *(
            lambda operation=operation: operation(catalogue, read_question(request))
            for operation in (validate_in_value_set, validate_in_code_system, lookup, subsumes, translate)
        ),
        lambda: validate_many(catalogue, request),
    ):
        try:
            answer = ask()
        except TerminologyError as error:
            answer = [issue.to_fhir() for issue in error.issues]
        assert dumps(answer)
