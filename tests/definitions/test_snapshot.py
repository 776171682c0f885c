"""Snapshots from differentials: our own small profiles, and every profile of the official packages when they are here."""

from __future__ import annotations

import tarfile
from functools import cache
from typing import Any

import pytest
from shared import shared_data

from profiles.definitions.snapshot import TYPES, SnapshotError, generate, snapshot_of
from profiles.json import Resource, loads


def sd(name: str, elements: list[Resource], *, base: str = "Thing", **more: Any) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": f"https://assent.example/fhir/StructureDefinition/{name}",
        "type": "Thing",
        "derivation": "constraint",
        "baseDefinition": f"{TYPES}{base}",
        "differential": {"element": elements},
        **more,
    }


def base_type(name: str, *rows: tuple[str, int, str, str]) -> Resource:
    elements = [
        {
            "id": path,
            "path": path,
            "min": low,
            "max": high,
            **(
                {"contentReference": types}
                if types.startswith("#")
                else {"type": [{"code": code} for code in types.split()]}
            ),
        }
        for path, low, high, types in rows
    ]
    return {"resourceType": "StructureDefinition", "url": f"{TYPES}{name}", "type": name, "snapshot": {"element": elements}}


BASES = {
    each["url"]: each
    for each in (
        base_type("string", ("string", 0, "*", "Element")),
        base_type("Element", ("Element", 0, "*", "Element"), ("Element.id", 0, "1", "string")),
        base_type("Pair", ("Pair", 0, "*", "Element"), ("Pair.id", 0, "1", "string"), ("Pair.left", 0, "1", "string")),
        base_type(
            "Thing",
            ("Thing", 0, "*", "Element"),
            ("Thing.name", 0, "*", "string"),
            ("Thing.pair", 0, "*", "Pair"),
            ("Thing.value[x]", 0, "1", "string Pair"),
            ("Thing.part", 0, "*", "BackboneElement"),
            ("Thing.part.code", 0, "1", "string"),
            ("Thing.part.part", 0, "*", "#Thing.part"),
        ),
    )
}


def made(*elements: Resource, **more: Any) -> dict[str, Resource]:
    definition = sd("mine", list(elements), **more)
    return {each["id"]: each for each in generate(definition, {**BASES, definition["url"]: definition}.get)}


def test_a_constraint_lays_itself_over_the_base() -> None:
    found = made({"path": "Thing.name", "min": 1, "max": "3"})
    assert (found["Thing.name"]["min"], found["Thing.name"]["max"]) == (1, "3")
    assert list(found)[:3] == ["Thing", "Thing.name", "Thing.pair"]
    assert BASES[f"{TYPES}Thing"]["snapshot"]["element"][1]["min"] == 0


def test_a_slice_begins_at_none_and_stands_behind_what_it_slices() -> None:
    found = made(
        {
            "path": "Thing.pair",
            "min": 1,
            "slicing": {"rules": "open", "discriminator": [{"type": "value", "path": "left"}]},
        },
        {"path": "Thing.pair", "sliceName": "a", "max": "1"},
        {"path": "Thing.pair.left", "min": 1, "fixedString": "x"},
        {"path": "Thing.pair", "sliceName": "b", "min": 1},
    )
    order = [each for each in found if each.startswith("Thing.pair")]
    assert order == ["Thing.pair", "Thing.pair:a", "Thing.pair:a.id", "Thing.pair:a.left", "Thing.pair:b"]
    assert (found["Thing.pair:a"]["min"], found["Thing.pair:a"]["max"]) == (0, "1")
    assert found["Thing.pair:a.left"]["fixedString"] == "x"
    assert "slicing" not in found["Thing.pair:a"]
    assert found["Thing.pair:b"]["min"] == 1


def test_a_slice_of_a_slice_takes_over_its_word() -> None:
    found = made(
        {"path": "Thing.pair", "sliceName": "a", "max": "2"},
        {"path": "Thing.pair.left", "min": 1},
        {"path": "Thing.pair", "sliceName": "a/b"},
        {"path": "Thing.pair.left", "patternString": "y"},
    )
    assert found["Thing.pair:a/b"]["max"] == "2"
    assert found["Thing.pair:a/b.left"] == {
        **found["Thing.pair:a.left"], "id": "Thing.pair:a/b.left", "patternString": "y"
    }  # fmt: skip


def test_a_choice_by_the_name_of_a_type_has_that_type_only() -> None:
    found = made({"path": "Thing.valuePair", "min": 1}, {"path": "Thing.valuePair.left", "min": 1})
    assert found["Thing.value[x]"]["type"] == [{"code": "Pair"}]
    assert found["Thing.value[x]"]["min"] == 1
    assert found["Thing.value[x]"]["slicing"]["rules"] == "closed"
    assert found["Thing.value[x]:valuePair.left"]["min"] == 1


def test_a_slice_of_a_choice_leaves_the_others_open() -> None:
    found = made({"id": "Thing.value[x]:valuePair", "path": "Thing.value[x]", "sliceName": "valuePair", "min": 0})
    assert len(found["Thing.value[x]"]["type"]) == 2
    assert found["Thing.value[x]:valuePair"]["type"] == [{"code": "Pair"}]


def test_a_content_reference_is_unfolded_as_the_type_has_it() -> None:
    found = made({"path": "Thing.part.code", "min": 1}, {"path": "Thing.part.part.code", "max": "0"})
    assert found["Thing.part.part.code"]["min"] == 0
    assert found["Thing.part.part.code"]["max"] == "0"


def test_constraints_are_added_and_fixed_values_replaced() -> None:
    first = sd("first", [{"path": "Thing.name", "constraint": [{"key": "a"}], "patternString": "x"}])
    second = sd(
        "second",
        [{"path": "Thing.name", "constraint": [{"key": "b"}, {"key": "a", "severity": "error"}], "fixedString": "y"}],
        baseDefinition=first["url"],
    )
    found = {each["id"]: each for each in snapshot_of(second, {**BASES, first["url"]: first}.get)}
    assert found["Thing.name"]["constraint"] == [{"key": "b"}, {"key": "a", "severity": "error"}]
    assert (found["Thing.name"]["patternString"], found["Thing.name"]["fixedString"]) == ("x", "y")


@pytest.mark.parametrize(
    ("elements", "more", "says"),
    [
        ([{"path": "Thing.colour"}], {}, "no element Thing.colour"),
        ([{"path": "Thing.name.colour"}], {}, "no element Thing.name.colour"),
        ([{"path": "Thing.value[x].left"}], {}, "no element Thing.value"),
        ([], {"baseDefinition": "https://assent.example/none"}, "not known"),
        ([], {"baseDefinition": "https://assent.example/fhir/StructureDefinition/mine"}, "built on itself"),
        ([], {"baseDefinition": 5}, "not known"),
        ([{"path": 7}, "x", None], {}, None),
        ([{"path": "Thing.part.part.part.part.part.code", "min": 1}], {}, None),
    ],
)
def test_definitions_that_lead_nowhere(elements: list[Any], more: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert made(*elements, **more)
        return
    with pytest.raises(SnapshotError, match=says):
        made(*elements, **more)


# -- the official packages, when they are here ----------------------------------------------------------------------------

PACKAGES = ("hl7.fhir.us.core-3.1.1", "hl7.fhir.us.davinci-hrex-1.0.0", "hl7.fhir.us.davinci-pas-2.0.1")


@cache
def definitions(package: str) -> tuple[Resource, ...]:
    found = []
    with tarfile.open(shared_data() / "ig" / f"{package}.tgz") as archive:
        for member in archive:
            if member.name.startswith("package/StructureDefinition-"):
                file = archive.extractfile(member)
                assert file is not None
                found.append(loads(file.read()))
    return tuple(found)


def facts(elements: list[Resource]) -> dict[str, dict[str, Any]]:
    """What a validator goes by, of each element."""
    found = {}
    for element in elements:
        kept = {name: element.get(name) for name in ("min", "max", "sliceName")}
        kept |= {name: value for name, value in element.items() if name.startswith(("fixed", "pattern"))}
        kept["types"] = sorted(str(each.get("code")) for each in element.get("type", []))
        kept["targets"] = sorted(target for each in element.get("type", []) for target in each.get("targetProfile", []))
        kept["constraints"] = sorted(each["key"] for each in element.get("constraint", []))
        kept["binding"] = {name: element.get("binding", {}).get(name) for name in ("strength", "valueSet")}
        found[element["id"]] = kept
    return found


@pytest.mark.slow
def test_snapshots_say_what_the_publishers_snapshots_say() -> None:
    """A publisher takes less of what is said of all into each slice, freezes other versions, and flattens some choices."""
    known = {each["url"]: each for package in ("hl7.fhir.r4.core-4.0.1", *PACKAGES) for each in definitions(package)}

    def resolve(url: str) -> Resource | None:
        name = url.partition("|")[0].replace("http://hl7.org/fhirpath/System.", TYPES)
        return known.get(name)

    same = elements = 0
    for package in PACKAGES:
        for definition in definitions(package):
            if definition.get("derivation") != "constraint":
                continue
            ours, theirs = facts(generate(definition, resolve)), facts(definition["snapshot"]["element"])
            elements += len(theirs)
            same += sum(ours.get(name) == kept for name, kept in theirs.items())
    print(f"\n{same} of {elements} elements of the publishers' snapshots are the same ({100 * same / elements:.2f} %)")
    assert same / elements > 0.98
