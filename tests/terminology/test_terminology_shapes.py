"""Definitions of unkind shapes: deep, circular, wide, imported on countless ways. Each ends soon, with an answer or a clear refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from terminology import expansion_hierarchy
from terminology.catalogue import Layers, MemoryCatalogue
from terminology.closure import Table, closure, read, written
from terminology.content.builtin import builtin_content
from terminology.expand import expand
from terminology.issues import TerminologyError
from terminology.question import read_question
from terminology.subsumes import subsumes
from terminology.systems import ICD10_CM, UCUM
from terminology.validate_code import validate_in_code_system, validate_in_value_set

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CS = "urn:shape"


def system(*concept: dict[str, Any]) -> dict[str, Any]:
    properties = [{"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}]
    return {
        "resourceType": "CodeSystem",
        "url": CS,
        "content": "complete",
        "property": properties,
        "concept": list(concept),
    }


def below(code: str, *parents: str) -> dict[str, Any]:
    return {"code": code, "property": [{"code": "parent", "valueCode": parent} for parent in parents]}


def value_set(url: str, *include: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "url": url, "compose": {"include": list(include)}}


def asked(**values: Any) -> Any:
    return read_question({"parameter": [{"name": name, "valueString": str(value)} for name, value in values.items()]})


def codes(expansion: dict[str, Any]) -> list[str]:
    listed = list(expansion["expansion"].get("contains", []))
    for row in listed:
        listed.extend(row.get("contains", []))
    return [row["code"] for row in listed]


def result(answer: dict[str, Any]) -> bool:
    return bool(answer["parameter"][0]["valueBoolean"])


DEEP = MemoryCatalogue([system(*(below(f"n{n}", f"n{n + 1}") for n in range(30_000)))])


@pytest.mark.slow
def test_a_chain_of_thirty_thousand() -> None:
    url = f"{CS}?fhir_vs=isa/n29999"
    assert expand(DEEP, asked(url=url, count=2), NOW)["expansion"]["total"] == 30_000
    with pytest.raises(TerminologyError, match="30000 codes"):
        expand(DEEP, asked(url=url), NOW)
    for filters, total in ((["descendent-leaf"], 1), (["is-a", "is-a", "descendent-of"], 29_991), (["is-not-a"], 9)):
        rows = [{"property": "concept", "op": op, "value": f"n{29_990 + n}"} for n, op in enumerate(filters)]
        catalogue = Layers(MemoryCatalogue([value_set("urn:v", {"system": CS, "filter": rows})]), DEEP)
        assert expand(catalogue, asked(url="urn:v", count=1), NOW)["expansion"]["total"] == total
    assert subsumes(DEEP, asked(system=CS, codeA="n29999", codeB="n0"))["parameter"][0]["valueCode"] == "subsumes"
    table = Table(2, 1, {CS: {f"n{n}": 2 for n in range(0, 3000, 10)}})
    with pytest.raises(TerminologyError, match="too deep"):
        closure(DEEP, asked(name="t", version=1), table)
    assert read(written(table)) == table


def test_a_hierarchy_that_is_too_deep_to_be_shown_is_shown_flat() -> None:
    catalogue = MemoryCatalogue([system(*(below(f"n{n}", f"n{n + 1}") for n in range(500)))])
    with pytest.raises(TerminologyError, match="excludeNested"):
        expand(catalogue, asked(url=f"{CS}?fhir_vs"), NOW)
    assert len(codes(expand(catalogue, asked(url=f"{CS}?fhir_vs", excludeNested="true"), NOW))) == 500


def test_circles_lose_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [below(f"n{n}", f"n{(n + 1) % 50}", f"n{n * 7 % 50}") for n in range(50)]
    catalogue = MemoryCatalogue([system(*rows, below("self", "self"), below("leaf", "n3"))])
    found = codes(expand(catalogue, asked(url=f"{CS}?fhir_vs"), NOW))
    assert sorted(found) == sorted([f"n{n}" for n in range(50)] + ["self", "leaf"])
    part = value_set("urn:v", {"system": CS, "filter": [{"property": "code", "op": "in", "value": "leaf,self"}]})
    monkeypatch.setattr(expansion_hierarchy, "MOST_ROWS", 10)
    with pytest.raises(TerminologyError, match="too deep"):
        expand(Layers(MemoryCatalogue([part]), catalogue), asked(url="urn:v"), NOW)


@pytest.mark.parametrize("leaf", [{"system": CS, "concept": [{"code": "x"}]}, {"system": CS}], ids=["listed", "all"])
def test_sets_that_are_imported_on_countless_ways(leaf: dict[str, Any]) -> None:
    twice = [value_set(f"urn:{n}", {"valueSet": [f"urn:{n + 1}"]}, {"valueSet": [f"urn:{n + 1}"]}) for n in range(45)]
    catalogue = MemoryCatalogue([system({"code": "x"}, {"code": "y"}), *twice, value_set("urn:45", leaf)])
    assert expand(catalogue, asked(url="urn:0"), NOW)["expansion"]["total"] == (1 if "concept" in leaf else 2)
    assert result(validate_in_value_set(catalogue, asked(url="urn:0", system=CS, code="y"))) is ("concept" not in leaf)
    assert not result(validate_in_value_set(catalogue, asked(url="urn:0", system=CS, code="none")))
    assert not result(validate_in_value_set(catalogue, asked(url="urn:0", code="none", inferSystem="true")))


def test_a_hundred_thousand_listed_codes() -> None:
    listed = value_set("urn:v", {"system": CS, "concept": [{"code": f"Code-{n}"} for n in range(100_000)]})
    catalogue = MemoryCatalogue([{**system({"code": "code-5"}), "caseSensitive": False}, listed])
    question = asked(url="urn:v", system=CS, code="CODE-5")
    assert all(result(validate_in_value_set(catalogue, question)) for _ in range(200))
    assert codes(expand(catalogue, asked(url="urn:v"), NOW)) == ["code-5"]


def test_filters_without_number_are_refused() -> None:
    one = {"property": "concept", "op": "is-a", "value": "x"}
    with pytest.raises(TerminologyError, match="at most 20"):
        expand(MemoryCatalogue([value_set("urn:v", {"system": CS, "filter": [one] * 21})]), asked(url="urn:v"), NOW)


def test_counts_and_offsets_to_the_end_of_the_integers() -> None:
    catalogue = MemoryCatalogue([system({"code": "x"})])
    for count, offset, wanted in ((2_147_483_647, 0, ["x"]), (1, 2_147_483_647, []), (0, 0, [])):
        assert codes(expand(catalogue, asked(url=f"{CS}?fhir_vs", count=count, offset=offset), NOW)) == wanted
    for count in (2_147_483_648, 10**30, "-1", "1.0", "٣"):
        with pytest.raises(TerminologyError, match="whole number"):
            expand(catalogue, asked(url=f"{CS}?fhir_vs", count=count), NOW)


def test_a_page_of_all_diagnoses_costs_no_more_than_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminology.enumeration.MOST_ROWS", 10)
    found = expand(builtin_content(), asked(url=f"{ICD10_CM}?fhir_vs", count=3, offset=98_000), NOW)
    assert (len(codes(found)), found["expansion"]["total"]) == (3, 98_466)
    assert len(set(builtin_content().code_systems(ICD10_CM)[0].take().codes)) == 98_466


def test_units_are_checked_by_their_grammar() -> None:
    fragment = {"resourceType": "CodeSystem", "url": UCUM, "content": "fragment", "concept": [{"code": "mg"}]}
    some = value_set("urn:some", {"system": UCUM, "concept": [{"code": "mg"}]})
    catalogue = MemoryCatalogue([fragment, some, value_set("urn:all", {"system": UCUM})])
    for code, valid in (("mg", True), ("mg/dL", True), ("10*3/uL", True), ("mgs", False), ("mg/", False)):
        assert result(validate_in_code_system(catalogue, asked(url=UCUM, code=code))) is valid, code
        assert result(validate_in_value_set(catalogue, asked(url="urn:all", system=UCUM, code=code))) is valid, code
        in_some = result(validate_in_value_set(catalogue, asked(url="urn:some", system=UCUM, code=code)))
        assert in_some is (code == "mg"), code


def test_a_value_set_that_is_all_of_a_system_needs_the_system() -> None:
    with pytest.raises(TerminologyError, match="no value set"):
        expand(MemoryCatalogue(), asked(url="urn:none?fhir_vs"), NOW)
    with pytest.raises(TerminologyError, match="no value set"):
        expand(DEEP, asked(url=f"{CS}?fhir_vs=refset/n1"), NOW)
