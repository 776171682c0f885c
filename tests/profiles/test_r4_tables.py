"""The committed tables are what the builder makes of HL7's package, and agree with it element by element."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from shared_data import CORE_PACKAGE, needs_core

from profiles.search_parameters import search_parameters
from profiles.structure import primitive_types, resource_types, type_definition, value_set
from profiles.tables import table
from profiles.tables.build import Package, main, make_tables, read_package

BASE = "http://hl7.org/fhir/StructureDefinition/"


@cache
def package() -> Package:
    return read_package(CORE_PACKAGE)


def definitions() -> list[dict[str, Any]]:
    return [d for d in package()["StructureDefinition"] if d.get("derivation") != "constraint" and d["kind"] != "logical"]


@needs_core
def test_committed_tables_are_what_the_builder_makes() -> None:
    made = make_tables(package())
    assert made["structure"] == table("structure")
    assert made["search"] == table("search")


@needs_core
def test_the_builder_prints_a_table_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(CORE_PACKAGE), "--print", "search"]) == 0
    assert '"birthdate"' in capsys.readouterr().out


@needs_core
def test_every_element_of_the_package_is_in_the_table_and_no_other() -> None:
    compared = 0
    for definition in definitions():
        if definition["kind"] == "primitive-type":
            assert definition["type"] in primitive_types()
            continue
        seen: dict[str, set[str]] = {}
        for element in definition["snapshot"]["element"][1:]:
            holder, _, leaf = element["path"].rpartition(".")
            name = leaf.removesuffix("[x]")
            seen.setdefault(holder, set()).add(name)
            ours = type_definition(holder)
            assert ours is not None, holder
            _compare(element, ours.elements[name])
            compared += 1
        for holder, names in seen.items():
            ours = type_definition(holder)
            assert ours is not None
            assert set(ours.elements) == names, holder
    assert compared > 6900


def _compare(element: dict[str, Any], ours: Any) -> None:
    path = element["path"]
    assert (ours.min, ours.max) == (element["min"], None if element["max"] == "*" else int(element["max"])), path
    assert ours.choice == path.endswith("[x]"), path
    if "contentReference" in element:
        assert ours.content_reference, path
        assert [t.code for t in ours.types] == [element["contentReference"].removeprefix("#")], path
        return
    for theirs, type_ in zip(element["type"], ours.types, strict=True):
        code = theirs["code"]
        if code in {"BackboneElement", "Element"}:
            assert type_.code == path, path
        elif code.startswith("http://hl7.org/fhirpath/"):
            assert type_.code in {"string", "uri", "id", "xhtml"}, path
        else:
            assert type_.code == code, path
        assert type_.targets == {p.removeprefix(BASE) for p in theirs.get("targetProfile", [])}, path
    binding = element.get("binding", {})
    if binding.get("strength") == "required":
        assert ours.binding == binding["valueSet"].partition("|")[0].rpartition("/")[2], path
    else:
        assert ours.binding is None, path


@needs_core
def test_required_codes_equal_the_code_systems_of_the_package() -> None:
    systems = {c["url"]: c for c in package()["CodeSystem"]}
    for name, system in [
        ("administrative-gender", "http://hl7.org/fhir/administrative-gender"),
        ("fm-status", "http://hl7.org/fhir/fm-status"),
        ("condition-clinical", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
    ]:
        codes = value_set(name)
        assert codes is not None
        assert codes[system] == set(_codes(systems[system]["concept"]))


def _codes(concepts: list[dict[str, Any]]) -> list[str]:
    return [code for c in concepts for code in (c["code"], *_codes(c.get("concept", [])))]


def test_what_r4_cannot_enumerate_is_not_in_the_table() -> None:
    assert value_set("mimetypes") is None
    assert value_set("currencies") is None


@needs_core
def test_every_search_parameter_is_there_or_known_to_be_left_out() -> None:
    left_out = {"DomainResource/_text", "Resource/_content", "Resource/_query"}
    assert set(table("search")["leftOut"]) == left_out
    compared = 0
    for parameter in package()["SearchParameter"]:
        for base in parameter["base"]:
            if f"{base}/{parameter['code']}" in left_out:
                continue
            ours = search_parameters(base)[parameter["code"]]
            assert ours.type == parameter["type"]
            assert ours.targets == set(parameter.get("target", []))
            assert len(ours.components) == len(parameter.get("component", []))
            compared += 1
    assert compared > 1400


@needs_core
def test_compartments_equal_the_definitions() -> None:
    for definition in package()["CompartmentDefinition"]:
        theirs = {r["code"]: r["param"] for r in definition["resource"] if r.get("param")}
        assert table("search")["compartments"][definition["code"]] == theirs


def test_resource_types_are_the_concrete_ones() -> None:
    assert len(resource_types()) == 146
    assert {"Patient", "Claim", "Parameters", "Bundle", "Binary"} <= resource_types()
    assert not {"Resource", "DomainResource", "MetadataResource", "HumanName"} & resource_types()


def test_a_type_that_r4_does_not_have_has_no_definition() -> None:
    assert type_definition("Nothing") is None
    assert type_definition("Claim.nothing") is None


def test_elements_are_found_by_their_json_names() -> None:
    observation = type_definition("Observation")
    assert observation is not None
    found = observation.element("valueQuantity")
    assert found is not None
    assert (found[0].name, found[0].choice, found[1].code) == ("value", True, "Quantity")
    assert observation.element("value") is None
    assert observation.element("valueAddress") is None
