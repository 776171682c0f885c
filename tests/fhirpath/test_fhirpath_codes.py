"""memberOf() and subsumes() by the terminology engine: known, unknown, partial, broken."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.fhirpath import Services, compile_expression
from profiles.fhirpath.catalogue_codes import CatalogueCodes
from terminology.catalogue import Layers, MemoryCatalogue
from terminology.content.builtin import builtin_content

CS = "urn:c"
CONTENT = [
    {"resourceType": "CodeSystem", "url": CS, "content": "complete", "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "z"}]},
    {"resourceType": "CodeSystem", "url": "urn:part", "content": "fragment", "concept": [{"code": "p"}]},
    {"resourceType": "ValueSet", "url": "urn:v", "compose": {"include": [{"system": CS, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]}]}},
    {"resourceType": "ValueSet", "url": "urn:p", "compose": {"include": [{"system": "urn:part"}]}},
    {"resourceType": "ValueSet", "url": "urn:away", "compose": {"include": [{"system": "urn:nowhere"}]}},
    {"resourceType": "ValueSet", "url": "urn:broken", "compose": {"include": [{"valueSet": ["urn:broken"]}]}},
]  # fmt: skip
SERVICES = Services(terminology=CatalogueCodes(Layers(MemoryCatalogue(CONTENT), builtin_content())))


def ask(expression: str, *codes: tuple[str, str]) -> Any:
    coding = [{"system": system, "code": code} for system, code in codes]
    condition = {"resourceType": "Condition", "code": {"coding": coding}}
    return compile_expression(expression, type="Condition").evaluate(condition, services=SERVICES)


@pytest.mark.parametrize(
    ("value_set", "system", "code", "wanted"),
    [
        ("urn:v", CS, "b", [True]), ("urn:v", CS, "z", [False]), ("urn:v", CS, "none", [False]), ("urn:v|9", CS, "b", []),
        ("urn:p", "urn:part", "p", [True]), ("urn:p", "urn:part", "q", []), ("urn:away", "urn:nowhere", "x", []),
        ("urn:none", CS, "b", []), ("urn:broken", CS, "b", []),
    ],
)  # fmt: skip
def test_members(value_set: str, system: str, code: str, wanted: list[bool]) -> None:
    assert ask(f"code.coding.first().memberOf('{value_set}')", (system, code)) == wanted
    assert ask(f"code.memberOf('{value_set}')", (system, code)) == wanted


def test_what_subsumes_what() -> None:
    above = "code.coding.where(code = 'a').subsumes(%context.code.coding.where(code = 'b'))"
    assert ask(above, (CS, "a"), (CS, "b")) == [True]
    assert ask(above.replace("subsumes", "subsumedBy"), (CS, "a"), (CS, "b")) == [False]
    assert ask(above.replace("'b'", "'none'"), (CS, "a"), (CS, "none")) == []


def test_a_bare_code_is_looked_for_in_each_system_of_the_set() -> None:
    patient = {"resourceType": "Patient", "gender": "b"}
    member = compile_expression("gender.memberOf('urn:v')", type="Patient")
    assert member.evaluate(patient, services=SERVICES) == [True]
    assert member.evaluate({**patient, "gender": "z"}, services=SERVICES) == [False]
