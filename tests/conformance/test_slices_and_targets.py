"""Slices by type, profile and through references; targets by R4's rules for Bundles; contained resources; extensions' own rules."""

from __future__ import annotations

from typing import Any

import pytest
from profiles_made import BASE, codes, element, errors, profile, slicing

from profiles.json import Resource

PATIENT: Resource = {"resourceType": "Patient", "id": "p", "name": [{"family": "A"}]}
OBSERVATION: Resource = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "a"}}
PRACTITIONER: Resource = {"resourceType": "Practitioner", "id": "d"}


def _bundle(*resources: Resource, url: str = "https://example.org/fhir/{}/{}") -> Resource:
    entries = [{"fullUrl": url.format(each["resourceType"], each["id"]), "resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


# -- slices --------------------------------------------------------------------------------------------------------------


def test_slices_of_a_choice_by_its_type() -> None:
    made = profile(
        "a",
        "Observation",
        element("Observation.value[x]", **slicing("type", "$this", rules="closed")),
        element("Observation.value[x]:valueQuantity", min=1, type=[{"code": "Quantity"}]),
        element("Observation.value[x]:valueQuantity.unit", min=1),
    )
    assert codes({**OBSERVATION, "valueQuantity": {"value": 1, "unit": "kg"}}, made) == []
    found = errors({**OBSERVATION, "valueQuantity": {"value": 1}}, made)
    assert [(each.code, each.expression) for each in found] == [
        ("required-element", "Observation.value.ofType(Quantity).unit")
    ]
    assert set(codes({**OBSERVATION, "valueString": "a"}, made)) == {"slicing", "required-element"}


def _by_target(kind: str, **of: Any) -> Resource:
    return profile(
        "a",
        "Observation",
        element("Observation.performer", **slicing(kind, "resolve()")),
        element("Observation.performer:doctor", min=1, max="1", **of),
    )


def test_slices_by_the_type_of_a_target() -> None:
    made = _by_target("type", type=[{"code": "Reference", "targetProfile": [f"{TYPES}Practitioner"]}])
    both = _bundle({**OBSERVATION, "performer": [{"reference": "Practitioner/d"}]}, PRACTITIONER)
    two = _bundle(
        {**OBSERVATION, "performer": [{"reference": "Practitioner/d"}, {"reference": "Practitioner/d"}]}, PRACTITIONER
    )
    other = _bundle({**OBSERVATION, "performer": [{"reference": "Patient/p"}]}, PATIENT)
    for bundle, expected in ((both, []), (two, ["cardinality"]), (other, ["required-element"])):
        bundle["entry"][0]["resource"]["meta"] = {"profile": [made["url"]]}
        assert codes(bundle, profile("b", "Bundle"), made) == expected


TYPES = "http://hl7.org/fhir/StructureDefinition/"


def test_slices_by_the_profile_of_a_target() -> None:
    named = profile("named", "Practitioner", element("Practitioner.name", min=1))
    made = _by_target("profile", type=[{"code": "Reference", "targetProfile": [named["url"]]}])
    subject = {**OBSERVATION, "meta": {"profile": [made["url"]]}, "performer": [{"reference": "Practitioner/d"}]}
    assert codes(_bundle(subject, {**PRACTITIONER, "name": [{"family": "B"}]}), profile("b", "Bundle"), made, named) == []
    assert codes(_bundle(subject, PRACTITIONER), profile("b", "Bundle"), made, named) == ["required-element"]


def test_slices_of_a_bundle_by_the_type_of_its_resources() -> None:
    made = profile(
        "b",
        "Bundle",
        element("Bundle.entry", **slicing("type", "resource", rules="closed", ordered=True)),
        element("Bundle.entry:one", min=1, max="1"),
        element("Bundle.entry:one.resource", min=1, type=[{"code": "Observation"}]),
        element("Bundle.entry:many", max="*"),
        element("Bundle.entry:many.resource", min=1, type=[{"code": "Patient"}]),
    )
    assert codes(_bundle(OBSERVATION, PATIENT, {**PATIENT, "id": "q"}), made) == []
    assert codes(_bundle(PATIENT, OBSERVATION), made) == ["slicing"]
    assert codes(_bundle(OBSERVATION, PRACTITIONER), made) == ["slicing"]
    assert codes(_bundle(OBSERVATION, {**OBSERVATION, "id": "o2"}), made) == ["cardinality"]


def test_slices_of_slices_are_counted_in_their_slice() -> None:
    made = profile(
        "a",
        "Patient",
        element("Patient.telecom", **slicing("value", "system")),
        element("Patient.telecom:phone", **slicing("value", "use", rules="closed"), max="2"),
        element("Patient.telecom:phone.system", min=1, fixedCode="phone"),
        element("Patient.telecom:phone/home", max="1"),
        element("Patient.telecom:phone/home.use", min=1, fixedCode="home"),
        element("Patient.telecom:phone/work", max="1"),
        element("Patient.telecom:phone/work.use", min=1, fixedCode="work"),
    )
    phones = [{"system": "phone", "value": "1", "use": use} for use in ("home", "work", "mobile")]
    assert codes({**PATIENT, "telecom": phones[:2]}, made) == []
    assert set(codes({**PATIENT, "telecom": phones}, made)) == {"cardinality", "slicing"}
    assert codes({**PATIENT, "telecom": [phones[2]]}, made) == ["slicing"]
    assert codes({**PATIENT, "telecom": [{**phones[2], "system": "email"}]}, made) == []


# -- targets -------------------------------------------------------------------------------------------------------------


ADULT = profile("adult", "Patient", element("Patient.birthDate", min=1))
OF_ADULTS = profile(
    "a", "Observation", element("Observation.subject", min=1, type=[{"code": "Reference", "targetProfile": [ADULT["url"]]}])
)


@pytest.mark.parametrize(
    ("url", "literal", "found"),
    [
        ("https://example.org/fhir/{}/{}", "Patient/p", True),
        ("https://example.org/fhir/{}/{}", "https://example.org/fhir/Patient/p", True),
        ("https://example.org/fhir/{}/{}", "https://elsewhere.org/fhir/Patient/p", False),
        ("https://example.org/fhir/{}/{}", "Patient/p/_history/1", True),
        ("https://example.org/fhir/{}/{}", "Patient/p/_history/2", False),
        ("urn:x:{}-{}", "Patient/p", False),
        ("urn:x:{}-{}", "urn:x:Patient-p", True),
    ],
)
def test_targets_in_a_bundle_are_found_by_r4s_rules(url: str, literal: str, found: bool) -> None:
    """A child without a birth date is found to be none of the adults, if it is found at all."""
    child = {**PATIENT, "meta": {"versionId": "1"}}
    subject = {**OBSERVATION, "meta": {"profile": [OF_ADULTS["url"]]}, "subject": {"reference": literal}}
    bundle = {**_bundle(subject, child, url=url)}
    assert ("reference-target" in codes(bundle, profile("b", "Bundle"), OF_ADULTS, ADULT)) is found


@pytest.mark.parametrize(
    ("versioning", "literal", "right"),
    [
        ("specific", "Patient/p/_history/1", True),
        ("specific", "Patient/p", False),
        ("independent", "Patient/p", True),
        ("independent", "Patient/p/_history/1", False),
        ("either", "Patient/p/_history/1", True),
    ],
)
def test_references_with_and_without_a_version(versioning: str, literal: str, right: bool) -> None:
    types = [{"code": "Reference", "targetProfile": [f"{TYPES}Patient"], "versioning": versioning}]
    made = profile("a", "Observation", element("Observation.subject", type=types))
    assert (codes({**OBSERVATION, "subject": {"reference": literal}}, made) == []) is right


def test_canonicals_name_resources_of_the_right_kind() -> None:
    types = [{"code": "canonical", "targetProfile": [f"{TYPES}Questionnaire"]}]
    made = profile("a", "QuestionnaireResponse", element("QuestionnaireResponse.questionnaire", min=1, type=types))
    answers = {"resourceType": "QuestionnaireResponse", "status": "in-progress"}
    questionnaire = {"resourceType": "Questionnaire", "url": "urn:a:q", "status": "active"}
    value_set = {"resourceType": "ValueSet", "url": "urn:a:v", "status": "active"}
    profiled = profile("asked", "Questionnaire", element("Questionnaire.title", min=1))
    assert codes({**answers, "questionnaire": "urn:a:q"}, made, questionnaire, value_set) == []
    assert "reference-target" in codes({**answers, "questionnaire": "urn:a:v"}, made, questionnaire, value_set)
    types[0]["targetProfile"] = [profiled["url"]]
    assert codes({**answers, "questionnaire": "urn:a:q"}, made, questionnaire, profiled) == ["reference-target"]
    assert codes({**answers, "questionnaire": "urn:a:q"}, made, {**questionnaire, "title": "T"}, profiled) == []


# -- contained -----------------------------------------------------------------------------------------------------------


def _rule(text: str) -> dict[str, Any]:
    return {"constraint": [{"key": "a-1", "severity": "error", "human": "a", "expression": text}]}


def test_surroundings_of_a_contained_resource() -> None:
    inner = profile("inner", "Practitioner", element("Practitioner.name", **_rule("%resource is Practitioner")))
    around = profile("around", "Practitioner", element("Practitioner.name", **_rule("%rootResource is Patient")))
    wrong = profile("wrong", "Practitioner", element("Practitioner.name", **_rule("%resource is Patient")))
    for made, expected in ((inner, []), (around, []), (wrong, ["invariant"])):
        contained = {**PRACTITIONER, "name": [{"family": "B"}], "meta": {"profile": [made["url"]]}}
        patient = {**PATIENT, "contained": [contained], "generalPractitioner": [{"reference": "#d"}]}
        assert codes(patient, profile("p", "Patient"), made) == expected


def test_contained_targets_are_held_against_their_profiles() -> None:
    subject = {**OBSERVATION, "contained": [{"resourceType": "Patient", "id": "c"}], "subject": {"reference": "#c"}}
    assert codes(subject, OF_ADULTS, ADULT) == ["reference-target"]
    subject["contained"][0]["birthDate"] = "1990"
    assert codes(subject, OF_ADULTS, ADULT) == []


# -- extensions, quantities ----------------------------------------------------------------------------------------------


def _extension(**said: Any) -> Resource:
    made = profile("ext", "Extension", element("Extension.value[x]", min=1, type=[{"code": "code"}]))
    return {**made, "kind": "complex-type", "context": [{"type": "element", "expression": "Patient"}], **said}


def test_what_an_extension_asks_of_its_holder() -> None:
    given = {**PATIENT, "extension": [{"url": f"{BASE}/ext", "valueCode": "a"}]}
    asked = _extension(contextInvariant=["birthDate.exists()", "%extension.value = 'a'"])
    assert codes(given, profile("a", "Patient"), asked) == ["extension"]
    assert codes({**given, "birthDate": "1990"}, profile("a", "Patient"), asked) == []
    assert codes(given, profile("a", "Patient"), _extension(contextInvariant=["name.("])) == []


def test_an_extension_may_be_told_where_to_stand_by_fhirpath() -> None:
    given = {**PATIENT, "extension": [{"url": f"{BASE}/ext", "valueCode": "a"}]}
    for text, right in (("Patient", True), ("Patient.name", False), ("Patient.where(name.exists())", True)):
        made = _extension(context=[{"type": "fhirpath", "expression": text}])
        assert (codes(given, profile("a", "Patient"), made) == []) is right


@pytest.mark.parametrize(
    ("quantity", "right"),
    [
        ({"value": 900, "system": "http://unitsofmeasure.org", "code": "g"}, True),
        ({"value": 1100, "system": "http://unitsofmeasure.org", "code": "g"}, False),
        ({"value": 1, "system": "http://unitsofmeasure.org", "code": "kg"}, True),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "kg"}, False),
        ({"value": 2000, "system": "http://unitsofmeasure.org", "code": "m"}, True),  # no mass: it cannot be compared
    ],
)
def test_bounds_of_quantities_are_compared_by_ucum(quantity: Resource, right: bool) -> None:
    most = {"value": 1, "system": "http://unitsofmeasure.org", "code": "kg"}
    made = profile("a", "Observation", element("Observation.value[x]", type=[{"code": "Quantity"}], maxValueQuantity=most))
    assert (codes({**OBSERVATION, "valueQuantity": quantity}, made) == []) is right
