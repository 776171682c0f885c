"""What profiles say: occurrence, values, types, slices, references, extensions, bindings, invariants."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from profiles_made import BASE, codes, element, errors, profile, slicing

from profiles import json_patch
from profiles.conformance import Definitions, Validator
from profiles.json import Resource

PATIENT: Resource = {"resourceType": "Patient", "name": [{"family": "A"}], "gender": "female"}
OBSERVATION: Resource = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}


def _mended(resource: Resource, fix: Any) -> Any:
    return json_patch.apply_patch(json_patch.read_patch(list(fix)), copy.deepcopy(resource))


def test_required_and_forbidden_elements() -> None:
    made = profile("a", "Patient", element("Patient.birthDate", min=1), element("Patient.gender", max="0"))
    found = errors(PATIENT, made)
    assert {(each.code, each.expression) for each in found} == {
        ("required-element", "Patient.birthDate"),
        ("cardinality", "Patient.gender"),
    }
    fixes = [each.fix for each in found if each.code == "cardinality"]
    assert _mended(PATIENT, fixes[0]) == {k: v for k, v in PATIENT.items() if k != "gender"}


def test_occurrence_below_a_data_type_is_counted_in_each_holder() -> None:
    made = profile("a", "Patient", element("Patient.name.given", min=1, max="1"))
    assert codes(PATIENT, made) == ["required-element"]
    assert codes({**PATIENT, "name": [{"given": ["a"]}, {"given": ["a", "b"]}]}, made) == ["cardinality"]
    assert codes({"resourceType": "Patient"}, made) == []


@pytest.mark.parametrize(
    ("said", "value", "right"),
    [
        ({"fixedCode": "female"}, {"gender": "female"}, True),
        ({"fixedCode": "female"}, {"gender": "male"}, False),
        ({"patternCode": "female"}, {"gender": "male"}, False),
    ],
)
def test_fixed_and_pattern_of_primitives(said: dict[str, Any], value: Resource, right: bool) -> None:
    made = profile("a", "Patient", element("Patient.gender", **said))
    found = errors({**PATIENT, **value}, made)
    assert (not found) is right
    if found:
        assert _mended({**PATIENT, **value}, found[0].fix)["gender"] == "female"


def test_a_pattern_may_be_exceeded_and_a_fixed_value_may_not() -> None:
    coding = {"system": "http://loinc.org", "code": "1-8"}
    for stem, right in (("pattern", True), ("fixed", False)):
        made = profile("a", "Observation", element("Observation.code", **{f"{stem}CodeableConcept": {"coding": [coding]}}))
        exceeding = {**OBSERVATION, "code": {"coding": [{**coding, "display": "x"}, {"code": "b"}], "text": "t"}}
        assert (codes(exceeding, made) == []) is right
        assert codes(OBSERVATION, made) == ["value-fixed"]


def test_types_of_a_choice() -> None:
    made = profile("a", "Observation", element("Observation.value[x]", type=[{"code": "Quantity"}]))
    assert codes({**OBSERVATION, "valueString": "a"}, made) == ["type-invalid"]
    assert codes({**OBSERVATION, "valueQuantity": {"value": 1}}, made) == []


def _identifiers(rules: str, **more: Any) -> Resource:
    return profile(
        "a",
        "Patient",
        element("Patient.identifier", **slicing("value", "system", rules=rules, **more)),
        element("Patient.identifier:one", min=1, max="1"),
        element("Patient.identifier:one.system", min=1, fixedUri="urn:one:a"),
        element("Patient.identifier:two", max="1"),
        element("Patient.identifier:two.system", min=1, fixedUri="urn:two:a"),
        element("Patient.identifier:two.value", min=1),
    )


def _patient(*systems: str) -> Resource:
    return {**PATIENT, "identifier": [{"system": f"urn:{each}:a", "value": "1"} for each in systems]}


@pytest.mark.parametrize(
    ("rules", "systems", "expected"),
    [
        ("open", ("one",), []),
        ("open", ("three", "one"), []),
        ("open", ("two",), ["required-element"]),
        ("open", ("one", "one"), ["cardinality"]),
        ("closed", ("one", "three"), ["slicing"]),
        ("openAtEnd", ("three", "one"), ["slicing"]),
        ("openAtEnd", ("one", "three"), []),
    ],
)
def test_slices_by_value(rules: str, systems: tuple[str, ...], expected: list[str]) -> None:
    assert codes(_patient(*systems), _identifiers(rules)) == expected


def test_slices_in_order_and_their_content() -> None:
    assert codes(_patient("two", "one"), _identifiers("open", ordered=True)) == ["slicing"]
    assert codes(_patient("one", "two"), _identifiers("open", ordered=True)) == []
    without = {**PATIENT, "identifier": [{"system": "urn:one:a"}, {"system": "urn:two:a"}]}
    found = errors(without, _identifiers("open"))
    assert [(each.code, each.expression) for each in found] == [("required-element", "Patient.identifier[1].value")]


def test_slices_of_slices() -> None:
    made = profile(
        "a",
        "Patient",
        element("Patient.telecom", **slicing("value", "system")),
        element("Patient.telecom:phone", **slicing("value", "use"), min=1),
        element("Patient.telecom:phone.system", min=1, fixedCode="phone"),
        element("Patient.telecom:phone/home", min=1, max="1"),
        element("Patient.telecom:phone/home.use", min=1, fixedCode="home"),
    )
    home = {"system": "phone", "use": "home", "value": "1"}
    assert codes({**PATIENT, "telecom": [home]}, made) == []
    assert codes({**PATIENT, "telecom": [{**home, "use": "work"}]}, made) == ["required-element"]
    assert codes({**PATIENT, "telecom": [home, {**home, "value": "2"}]}, made) == ["cardinality"]
    assert codes({**PATIENT, "telecom": [home, {**home, "system": "fax"}]}, made) == []


def test_slices_by_existence_and_by_type() -> None:
    made = profile(
        "a",
        "Patient",
        element("Patient.name", **slicing("exists", "period")),
        element("Patient.name:old", max="1"),
        element("Patient.name:old.period", min=1),
        element("Patient.name:new", min=1),
        element("Patient.name:new.period", max="0"),
    )
    old = {"family": "A", "period": {"start": "2000"}}
    assert codes({**PATIENT, "name": [old]}, made) == ["required-element"]
    assert codes({**PATIENT, "name": [old, old, {"family": "B"}]}, made) == ["cardinality"]


def _bundle(*resources: Resource, **urls: str) -> Resource:
    entries = [
        {"fullUrl": f"https://example.org/{each['resourceType']}/{each['id']}", "resource": each} for each in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_targets_in_the_bundle_are_held_against_their_profiles() -> None:
    adult = profile("adult", "Patient", element("Patient.birthDate", min=1))
    made = profile(
        "a",
        "Observation",
        element("Observation.subject", min=1, type=[{"code": "Reference", "targetProfile": [adult["url"]]}]),
    )
    subject = {**OBSERVATION, "id": "o", "meta": {"profile": [made["url"]]}, "subject": {"reference": "Patient/p"}}
    any_bundle = profile("any", "Bundle")
    assert codes(_bundle(subject, {**PATIENT, "id": "p"}), any_bundle, made, adult) == ["reference-target"]
    assert codes(_bundle(subject, {**PATIENT, "id": "p", "birthDate": "1990"}), any_bundle, made, adult) == []
    assert codes({**subject, "subject": {"reference": "Group/p"}}, made, adult) == ["reference-target"]


def _extension(context: str, kind: str = "element") -> Resource:
    made = profile(
        "ext",
        "Extension",
        element("Extension.value[x]", min=1, type=[{"code": "code"}]),
        element("Extension.extension", max="0"),
    )
    return {**made, "kind": "complex-type", "context": [{"type": kind, "expression": context}]}


@pytest.mark.parametrize(
    ("context", "right"), [("Patient", True), ("Patient.name", False), ("DomainResource", True), ("Observation", False)]
)
def test_extensions_stand_where_their_definition_lets_them(context: str, right: bool) -> None:
    given = {**PATIENT, "extension": [{"url": f"{BASE}/ext", "valueCode": "a"}]}
    assert (codes(given, profile("a", "Patient"), _extension(context)) == []) is right


def test_content_of_extensions_and_extensions_nobody_knows() -> None:
    made, known = profile("a", "Patient"), _extension("Patient")
    wrong = {**PATIENT, "extension": [{"url": f"{BASE}/ext", "valueString": "a"}]}
    assert codes(wrong, made, known) == ["type-invalid"]
    unknown = {**PATIENT, "extension": [{"url": f"{BASE}/other", "valueString": "a"}]}
    assert codes(unknown, made, known) == []
    assert codes({**PATIENT, "modifierExtension": [{"url": f"{BASE}/ext", "valueCode": "a"}]}, made, known) == ["extension"]


def _value_set(*listed: str, system: str = "urn:a:b") -> Resource:
    concepts = [{"code": each} for each in listed]
    include = {"system": system, "concept": concepts} if listed else {"system": system}
    return {"resourceType": "ValueSet", "url": "https://example.org/ValueSet/v", "compose": {"include": [include]}}


@pytest.mark.parametrize(
    ("strength", "system", "code", "severity"),
    [
        ("required", "urn:a:b", "x", None),
        ("required", "urn:a:b", "y", "error"),
        ("extensible", "urn:a:b", "y", "warning"),
        ("preferred", "urn:a:b", "y", None),
        ("required", "https://codesystem.x12.org/005010/1365", "y", "warning"),
        ("required", "https://www.nubc.org/CodeSystem/RevenueCodes", "y", "warning"),
    ],
)
def test_bindings_by_strength(strength: str, system: str, code: str, severity: str | None) -> None:
    bound = element("Observation.code", binding={"strength": strength, "valueSet": "https://example.org/ValueSet/v"})
    known = Definitions()
    made = profile("a", "Observation", bound)
    known.add(made)
    known.add(_value_set("x"))
    given = {**OBSERVATION, "code": {"coding": [{"system": system, "code": code}]}}
    found = [
        each.severity for each in Validator(known).validate(given, profiles=[made["url"]]) if each.code == "code-invalid"
    ]
    assert found == ([] if severity is None else [severity])


def test_a_value_set_that_is_not_at_hand_refuses_nothing() -> None:
    bound = element("Observation.code", binding={"strength": "required", "valueSet": "https://example.org/ValueSet/none"})
    given = {**OBSERVATION, "code": {"coding": [{"system": "urn:a:b", "code": "x"}]}}
    assert codes(given, profile("a", "Observation", bound)) == []


def test_invariants_of_profiles_and_of_r4() -> None:
    rule = {"key": "a-1", "severity": "error", "human": "a", "expression": "name.given.exists()"}
    found = errors(PATIENT, profile("a", "Patient", element("Patient", constraint=[rule])))
    assert [(each.code, each.rule) for each in found] == [("invariant", "a-1")]
    backwards = {**PATIENT, "name": [{"family": "A", "period": {"start": "2020", "end": "2019"}}]}
    assert [(each.rule, each.expression) for each in errors(backwards)] == [("per-1", "Patient.name[0].period")]


def test_profiles_that_the_resource_claims_are_applied_and_unknown_ones_told() -> None:
    made = profile("a", "Patient", element("Patient.birthDate", min=1))
    known = Definitions()
    known.add(made)
    claiming = {**PATIENT, "meta": {"profile": [made["url"], f"{BASE}/unknown"]}}
    found = [(each.code, each.severity) for each in Validator(known).validate(claiming) if each.code != "invariant"]
    assert ("required-element", "error") in found
    assert ("profile-unknown", "warning") in found


def test_bounds_by_unit_and_lengths() -> None:
    low = {"value": 1, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    made = profile("a", "Observation", element("Observation.value[x]", minValueQuantity=low, type=[{"code": "Quantity"}]))
    gram = {**low, "unit": "g", "code": "g"}
    assert codes({**OBSERVATION, "valueQuantity": {**gram, "value": 999}}, made) == ["value-bounds"]
    assert codes({**OBSERVATION, "valueQuantity": {**gram, "value": 1000}}, made) == []
    short = profile("b", "Patient", element("Patient.name.family", maxLength=2))
    assert codes({**PATIENT, "name": [{"family": "ABC"}]}, short) == ["value-bounds"]


def test_findings_as_fhir_carry_rule_and_patch() -> None:
    found = errors(PATIENT, profile("a", "Patient", element("Patient.gender", fixedCode="male")))
    issue = found[0].to_fhir()
    assert issue["expression"] == ["Patient.gender"]
    assert [each["url"].rpartition("/")[2] for each in issue["extension"]] == ["issue-rule", "issue-suggested-patch"]
    assert "female" not in str(issue)
