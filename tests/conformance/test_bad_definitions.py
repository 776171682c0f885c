"""Definitions and packages that mean harm: bounded time and memory, clear answers, never an exception of the wrong kind."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles_made import BASE, codes, element, profile, slicing

from profiles.conformance import CodeLists, Definitions, Options, PackageError, Validator
from profiles.json import Resource

PATIENT: Resource = {"resourceType": "Patient", "name": [{"family": "A"}]}


def test_a_profile_built_on_itself() -> None:
    one = profile("one", "Patient", base=f"{BASE}/two")
    two = profile("two", "Patient", base=f"{BASE}/one")
    assert codes(PATIENT, one, two) == ["profile-unusable"]


def test_profiles_that_ask_for_each_other_end() -> None:
    link = {"type": [{"code": "Reference", "targetProfile": [f"{BASE}/a"]}]}
    made = profile("a", "Patient", element("Patient.link.other", **link))
    circle = {
        "resourceType": "Patient",
        "contained": [{"resourceType": "Patient", "id": "x", "link": [{"other": {"reference": "#"}, "type": "seealso"}]}],
        "link": [{"other": {"reference": "#x"}, "type": "seealso"}],
    }
    assert codes(circle, made) == []


def test_snapshots_that_lie() -> None:
    liars: list[Any] = [
        {"element": [{"id": "Patient", "path": "Patient"}, {"id": "Patient.a.b", "path": "Patient.a.b"}]},
        {"element": [{"id": "Patient", "path": "Patient", "type": "text", "constraint": {"key": 1}}]},
        {"element": [{"id": 7}, None, {"path": "Patient.name", "min": "1", "max": 5}]},
        {"element": [{"path": f"Patient{'.name' * 60}"}]},
    ]
    for snapshot in liars:
        found = codes(PATIENT, {**profile("a", "Patient"), "snapshot": snapshot})
        assert set(found) <= {"profile-unusable"}


def test_contradictory_profiles_refuse_and_do_not_fail() -> None:
    made = profile("a", "Patient", element("Patient.name", min=2, max="1"))
    assert codes({**PATIENT, "name": [{"family": "A"}, {"family": "B"}]}, made) == ["cardinality"]


def test_an_expression_that_loops_is_stopped_and_told() -> None:
    rule = {"key": "a-1", "severity": "error", "human": "a", "expression": "repeatAll($this).count() > 0"}
    wrong = {"key": "a-2", "severity": "error", "human": "a", "expression": "name.("}
    made = profile("a", "Patient", element("Patient", constraint=[rule, wrong]))
    known = Definitions()
    known.add(made)
    found = Validator(known, options=Options(steps=10_000)).validate(PATIENT, profiles=[made["url"]])
    told = {each.rule for each in found if each.code == "invariant-unchecked"}
    assert "a-2" in told
    assert not any(each.severity == "error" for each in found)


def test_many_items_against_many_slices_are_bounded() -> None:
    slices = [element(f"Patient.identifier:s{n}", max="1") for n in range(400)]
    values = [element(f"Patient.identifier:s{n}.system", min=1, fixedUri=f"urn:a:{n}") for n in range(400)]
    rows = [each for pair in zip(slices, values, strict=True) for each in pair]
    made = profile("a", "Patient", element("Patient.identifier", **slicing("value", "system")), *rows)
    many = {**PATIENT, "identifier": [{"system": "urn:b:b", "value": str(n)} for n in range(2_000)]}
    assert codes(many, made) == ["validation-limit"]


def test_what_is_nested_too_deeply_is_told() -> None:
    deep: Any = {"url": "urn:a:b", "valueString": "x"}
    for _ in range(900):
        deep = {"url": "urn:a:b", "extension": [deep]}
    assert "structure" in codes({**PATIENT, "extension": [deep]}, profile("a", "Patient"))


def test_a_large_bundle_has_room() -> None:
    made = profile(
        "a", "Patient", element("Patient.name.given", min=1), element("Patient.identifier", **slicing("value", "system"))
    )
    entries = [
        {
            "fullUrl": f"https://example.org/Patient/{n}",
            "resource": {**PATIENT, "id": str(n), "meta": {"profile": [made["url"]]}},
        }
        for n in range(1_500)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    found = codes(bundle, profile("b", "Bundle"), made)
    assert "validation-limit" not in found
    assert "required-element" in found


def test_value_sets_that_import_each_other_end() -> None:
    known = Definitions()
    for one, other in (("a", "b"), ("b", "a")):
        include = {"valueSet": [f"https://example.org/ValueSet/{other}"]}
        known.add(
            {"resourceType": "ValueSet", "url": f"https://example.org/ValueSet/{one}", "compose": {"include": [include]}}
        )
    assert CodeLists(known).validate_code("https://example.org/ValueSet/a", "urn:a:b", "x").member is not True


def _package(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_only_the_files_directly_in_the_package_are_read() -> None:
    url = '{"resourceType": "ValueSet", "url": "urn:a:%d"}'
    files = [(name, (url % n).encode()) for n, name in enumerate(("package/a.json", "a.json", "package/other/b.json"))]
    known = Definitions()
    assert known.load_package(_package(*files)) == 1
    assert known.find("ValueSet", "urn:a:0") is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no package",
        gzip.compress(b"no tar"),
        _package(("package/a.json", b"{")),
        _package(("package/a.json", b"{}"))[:40],
    ],
    ids=["empty", "text", "no archive", "broken JSON", "cut off"],
)
def test_what_is_no_package_is_refused(data: bytes) -> None:
    with pytest.raises(PackageError):
        Definitions().load_package(data)


def test_a_package_that_unpacks_to_too_much_is_refused() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as packed:
        info = tarfile.TarInfo("package/a.json")
        info.size = 1 << 40
        packed.write(info.tobuf())
        packed.write(bytes(1 << 16))
    with pytest.raises(PackageError):
        Definitions().load_package(buffer.getvalue())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
_names = st.sampled_from(
    ["name", "identifier", "contact", "extension", "contained", "meta", "link", "text", "_gender", "gender"]
)


_ODD: Any = [{"a": 1}]
_QUESTION = {
    "linkId": "1",
    "type": "quantity",
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption", "valueCoding": {"code": "mg"}}
    ],
}


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Bundle", "type": _ODD, "entry": [{"resource": PATIENT}]},
        {
            "resourceType": "QuestionnaireResponse",
            "contained": [{"resourceType": "Questionnaire", "id": "q", "item": [_QUESTION]}],
            "questionnaire": "#q",
            "status": _ODD,
            "item": [{"linkId": "1", "answer": [{"valueQuantity": {"value": 1, "code": _ODD}}]}],
        },
        {
            "resourceType": "ValueSet",
            "compose": {
                "include": [
                    {
                        "system": "http://hl7.org/fhir/administrative-gender",
                        "filter": [{"property": _ODD, "op": "=", "value": "a"}],
                    }
                ]
            },
        },
        {"resourceType": "CodeSystem", "property": [{"code": _ODD}], "concept": [{"property": [{"code": _ODD}]}]},
    ],
    ids=["Bundle", "QuestionnaireResponse", "ValueSet", "CodeSystem"],
)
def test_a_list_or_an_object_where_a_code_belongs_is_a_fault_of_the_structure(resource: Resource) -> None:
    known = Definitions()
    assert not known.add({"resourceType": _ODD, "url": "urn:a"})
    assert any(each.code == "cardinality" for each in Validator(known).validate(resource))


@given(st.dictionaries(_names, _json, max_size=4))
def test_any_json_is_taken(members: dict[str, Any]) -> None:
    made = profile("a", "Patient", element("Patient.name.given", min=1), element("Patient.identifier", max="1"))
    known = Definitions()
    known.add(made)
    for each in Validator(known).validate({"resourceType": "Patient", **members}, profiles=[made["url"]]):
        assert each.text
