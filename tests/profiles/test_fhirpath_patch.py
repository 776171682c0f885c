"""FHIRPath Patch (R4 fhirpatch.html) and merge patch (RFC 7396): HL7's cases, what each operation does, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import DATA, needs_examples

from profiles import json, json_patch, merge_patch
from profiles.fhirpath_patch import MAX_OPERATIONS, apply_patch, read_patch
from profiles.outcome import FhirError

_WRITTEN = {"index": "valueInteger", "source": "valueInteger", "destination": "valueInteger", "name": "valueString"}


def parameters(*operations: dict[str, Any]) -> dict[str, Any]:
    """Operations as {"type": ..., "path": ..., "index": ..., "value": a part without its name}."""
    listed = []
    for operation in operations:
        parts: list[dict[str, Any]] = [{"name": "type", "valueCode": operation["type"]}]
        parts.append({"name": "path", "valueString": operation["path"]})
        parts += [{"name": name, kind: operation[name]} for name, kind in _WRITTEN.items() if name in operation]
        parts += [{"name": "value", **operation["value"]}] if "value" in operation else []
        listed.append({"name": "operation", "part": parts})
    return {"resourceType": "Parameters", "parameter": listed}


def patched(resource: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    return apply_patch(read_patch(parameters(*operations)), json.loads(json.dumps(resource)))


def refusal(resource: dict[str, Any], *operations: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(FhirError) as caught:
        patched(resource, *operations)
    return caught.value.issues[0].code, caught.value.issues[0].expression


def person(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


@needs_examples
def test_the_published_cases(capsys: pytest.CaptureFixture[str]) -> None:
    cases = json.loads((DATA / "conformance" / "patch" / "fhir-patch-tests.json").read_bytes())["cases"]
    for case in cases:
        assert apply_patch(read_patch(case["diff"]), case["input"]) == case["output"], case["name"]
    with capsys.disabled():
        print(f"\nFHIRPath Patch: all of {len(cases)} published cases")


NAMES = [{"use": "usual", "given": ["A", "B"]}, {"use": "official", "given": ["C"], "_given": [{"id": "c"}]}]


@pytest.mark.parametrize(
    ("resource", "operation", "wanted"),
    [
        pytest.param(person(name=NAMES), {"type": "replace", "path": "name.where(use = 'official').given.first()", "value": {"valueString": "D"}},
                     person(name=[NAMES[0], {"use": "official", "given": ["D"]}]), id="a primitive found by a condition"),
        pytest.param(person(name=NAMES), {"type": "delete", "path": "Patient.name.given.where($this = 'B')"},
                     person(name=[{"use": "usual", "given": ["A"]}, NAMES[1]]), id="a primitive of a list"),
        pytest.param(person(name=NAMES), {"type": "delete", "path": "Patient.name.last().given[0]"},
                     person(name=[NAMES[0], {"use": "official"}]), id="the last of a list, and what stands beside it"),
        pytest.param(person(name=NAMES), {"type": "insert", "path": "Patient.name[1].given", "index": 1, "value": {"valueString": "X"}},
                     person(name=[NAMES[0], {"use": "official", "given": ["C", "X"], "_given": [{"id": "c"}, None]}]), id="insert at the end"),
        pytest.param(person(name=NAMES), {"type": "move", "path": "Patient.name[0].given", "source": 0, "destination": 1},
                     person(name=[{"use": "usual", "given": ["B", "A"]}, NAMES[1]]), id="move primitives"),
        pytest.param(person(), {"type": "insert", "path": "Patient.name", "index": 0, "value": {"valueHumanName": {"text": "x"}}},
                     person(name=[{"text": "x"}]), id="insert begins a list"),
        pytest.param(person(), {"type": "add", "path": "Patient", "name": "deceased", "value": {"valueBoolean": True}},
                     person(deceasedBoolean=True), id="a choice gets the name of its type"),
        pytest.param(person(deceasedBoolean=True), {"type": "replace", "path": "Patient.deceased", "value": {"valueDateTime": "2026"}},
                     person(deceasedDateTime="2026"), id="a choice changes its type"),
        pytest.param(person(birthDate="1970"), {"type": "add", "path": "Patient.birthDate", "name": "extension", "value": {"valueExtension": {"url": "urn:x", "valueCode": "y"}}},
                     person(birthDate="1970", _birthDate={"extension": [{"url": "urn:x", "valueCode": "y"}]}), id="an extension of a primitive"),
        pytest.param(person(_birthDate={"extension": [{"url": "urn:x", "valueCode": "y"}]}), {"type": "replace", "path": "Patient.birthDate.extension('urn:x').value", "value": {"valueString": "z"}},
                     person(_birthDate={"extension": [{"url": "urn:x", "valueString": "z"}]}), id="inside an extension of a primitive"),
        pytest.param(person(gender="male"), {"type": "delete", "path": "Patient.photo"}, person(gender="male"), id="what is not there is deleted"),
        pytest.param(person(), {"type": "add", "path": "Patient", "name": "contact", "value": {"part": [
            {"name": "relationship", "valueCodeableConcept": {"text": "a"}}, {"name": "relationship", "valueCodeableConcept": {"text": "b"}},
            {"name": "name", "part": [{"name": "family", "valueString": "F"}]}]}},
                     person(contact=[{"relationship": [{"text": "a"}, {"text": "b"}], "name": {"family": "F"}}]), id="a backbone by parts"),
        pytest.param(person(), {"type": "add", "path": "Patient", "name": "contained", "value": {"resource": {"resourceType": "Basic", "id": "b"}}},
                     person(contained=[{"resourceType": "Basic", "id": "b"}]), id="a contained resource"),
        pytest.param(person(contained=[{"resourceType": "Basic", "id": "b"}]), {"type": "add", "path": "Patient.contained.where(id = 'b')", "name": "code", "value": {"valueCodeableConcept": {"text": "c"}}},
                     person(contained=[{"resourceType": "Basic", "id": "b", "code": {"text": "c"}}]), id="inside a contained resource"),
    ],
)  # fmt: skip
def test_operations(resource: dict[str, Any], operation: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert patched(resource, operation) == wanted


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"type": "replace", "path": "Patient.photo", "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "replace", "path": "Patient", "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "replace", "path": "Patient.name.given", "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "replace", "path": "1 + 1", "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "replace", "path": "Patient.name[0]", "value": {"valueString": "x"}}, "patch-format"),
        ({"type": "replace", "path": "Patient.name[0]", "value": {}}, "patch-format"),
        ({"type": "replace", "path": "Patient.(", "value": {"valueString": "x"}}, "patch-format"),
        ({"type": "replace", "path": "Patient." + "a" * 3000, "value": {"valueString": "x"}}, "patch-too-costly"),
        ({"type": "delete", "path": "Patient.name"}, "patch-target"),
        ({"type": "delete", "path": "Patient"}, "patch-target"),
        ({"type": "add", "path": "Patient", "name": "gender", "value": {"valueCode": "male"}}, "patch-target"),
        ({"type": "add", "path": "Patient", "name": "nonsense", "value": {"valueCode": "male"}}, "patch-target"),
        ({"type": "add", "path": "Patient", "name": "contact", "value": {"part": [{"name": "nonsense", "valueCode": "x"}]}}, "patch-format"),
        ({"type": "add", "path": "Patient", "name": "deceased", "value": {"valueQuantity": {}}}, "patch-format"),
        ({"type": "add", "path": "Patient.name.given", "name": "id", "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "insert", "path": "Patient.name", "index": 3, "value": {"valueHumanName": {}}}, "patch-target"),
        ({"type": "insert", "path": "Patient.birthDate", "index": 0, "value": {"valueDate": "1970"}}, "patch-target"),
        ({"type": "insert", "path": "Patient.name.given", "index": 0, "value": {"valueString": "x"}}, "patch-target"),
        ({"type": "insert", "path": "Patient.name", "index": -1, "value": {"valueHumanName": {}}}, "patch-format"),
        ({"type": "move", "path": "Patient.name", "source": 0, "destination": 2}, "patch-target"),
        ({"type": "move", "path": "Patient.gender", "source": 0, "destination": 0}, "patch-target"),
        ({"type": "move", "path": "Patient.name", "source": 0}, "patch-format"),
        ({"type": "copy", "path": "Patient.name"}, "patch-format"),
        ({"type": "delete", "path": "Patient.name.repeat(name) | (1).combine(2).aggregate($total"}, "patch-format"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(operation: dict[str, Any], code: str) -> None:
    found, place = refusal(person(gender="male", name=NAMES), {"type": "delete", "path": "Patient.photo"}, operation)
    assert found == code
    assert (place or "").startswith("Parameters.parameter[1]")


@pytest.mark.parametrize(
    "content",
    [
        None, [], {"resourceType": "Patient"}, {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": [{"name": "other"}]}, {"resourceType": "Parameters", "parameter": [None]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [None]}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": "delete"}] * 2}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": 1}]}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "size", "valueCode": "x"}]}]},
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_patch(content: Any) -> None:
    with pytest.raises(FhirError) as caught:
        read_patch(content)
    assert caught.value.issues[0].code == "patch-format"


@pytest.mark.slow
def test_a_patch_that_wants_too_much() -> None:
    with pytest.raises(FhirError) as many:
        read_patch(parameters(*[{"type": "delete", "path": "Patient.photo"}] * (MAX_OPERATIONS + 1)))
    large = person(name=[{"given": ["x"] * 100}] * 100)
    with pytest.raises(FhirError) as costly:
        apply_patch(read_patch(parameters(*[{"type": "delete", "path": "Patient.photo"}] * MAX_OPERATIONS)), large)
    assert {many.value.issues[0].code, costly.value.issues[0].code} == {"patch-too-costly"}


words = st.sampled_from(["a", "b", "c"])
name_lists = st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3)


@given(name_lists, st.data())
def test_both_patches_say_the_same(names: list[list[str]], data: st.DataObject) -> None:
    """What JSON Patch does by pointers, FHIRPath Patch does by paths."""
    resource = person(name=[{"given": given} for given in names])
    outer = data.draw(st.integers(0, len(names) - 1))
    inner = data.draw(st.integers(0, len(names[outer]) - 1))
    pointer, path = f"/name/{outer}/given", f"Patient.name[{outer}].given"
    kind = data.draw(st.sampled_from(["replace", "insert", "add", "move"] + (["delete"] if len(names[outer]) > 1 else [])))
    value = {"valueString": "new"}
    ours, theirs = {
        "replace": ({"path": f"{path}[{inner}]", "value": value}, {"op": "replace", "path": f"{pointer}/{inner}", "value": "new"}),
        "insert": ({"path": path, "index": inner, "value": value}, {"op": "add", "path": f"{pointer}/{inner}", "value": "new"}),
        "add": ({"path": f"Patient.name[{outer}]", "name": "given", "value": value}, {"op": "add", "path": f"{pointer}/-", "value": "new"}),
        "move": ({"path": path, "source": 0, "destination": inner}, {"op": "move", "from": f"{pointer}/0", "path": f"{pointer}/{inner}"}),
        "delete": ({"path": f"{path}[{inner}]"}, {"op": "remove", "path": f"{pointer}/{inner}"}),
    }[kind]  # fmt: skip
    copy = json.loads(json.dumps(resource))
    assert patched(resource, {"type": kind, **ours}) == json_patch.apply_patch(json_patch.read_patch([theirs]), copy)


@pytest.mark.parametrize(
    ("document", "patch", "wanted"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}), ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}), ({"a": "b", "b": 1}, {"a": None}, {"b": 1}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}), ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}), ({"e": None}, {"a": 1}, {"e": None, "a": 1}), ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ([1], {"a": 1}, {"a": 1}), ({"a": 1}, [2], [2]),
    ],
    ids=range(10),
)  # fmt: skip
def test_merge_patch(document: Any, patch: Any, wanted: Any) -> None:
    before = json.dumps(document)
    assert merge_patch.apply_patch(patch, document) == wanted
    assert json.dumps(document) == before


def test_a_merge_patch_that_is_too_deep() -> None:
    patch: Any = 1
    for _ in range(200):
        patch = {"a": patch}
    with pytest.raises(FhirError):
        merge_patch.apply_patch(patch, {})
