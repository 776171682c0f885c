"""Base R4 validation: what is refused, with which code and where; and what is let through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles import json
from profiles.base_validation import validate_resource

XHTML = "http://www.w3.org/1999/xhtml"


def faults(resource: Any, **options: Any) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.expression) for issue in validate_resource(resource, **options)]


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **elements}


@pytest.mark.parametrize("value", [None, True, 1, "Patient", [], [{"resourceType": "Patient"}]])
def test_what_is_no_object_is_no_resource(value: Any) -> None:
    assert faults(value) == [("structure", None)]


@pytest.mark.parametrize("name", [None, 1, [], {}, "", "patient", "Resource", "DomainResource", "HumanName", "Nothing"])
def test_the_resource_type_must_be_one_of_r4(name: Any) -> None:
    assert faults({"resourceType": name}) == [("structure", "Resource")]
    assert faults({"resourceType": name}, expected_type="Patient") == [("structure", "Patient")]


def test_the_expected_type_is_held_to() -> None:
    assert faults(patient(), expected_type="Patient") == []
    assert faults(patient(), expected_type="Claim") == [("structure", "Patient")]


def test_unknown_elements_are_named_with_a_hint() -> None:
    [issue] = validate_resource(patient(birthdate="2000-01-01"))
    assert (issue.code, issue.expression) == ("unknown-element", "Patient.birthdate")
    assert "birthDate" in issue.text


def test_a_name_that_could_be_anything_is_not_repeated() -> None:
    [issue] = validate_resource(patient(**{"John Smith, 1 Main Street": 1}))
    assert issue.expression == "Patient"
    assert "Smith" not in issue.text


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"name": {"family": "x"}}, ("cardinality", "Patient.name")),
        ({"name": []}, ("cardinality", "Patient.name")),
        ({"name": "x"}, ("cardinality", "Patient.name")),
        ({"name": [None]}, ("structure", "Patient.name[0]")),
        ({"name": [{}]}, ("structure", "Patient.name[0]")),
        ({"name": [{"id": "a"}]}, ("structure", "Patient.name[0]")),
        ({"name": [{"given": "x"}]}, ("cardinality", "Patient.name[0].given")),
        ({"name": [{"family": ["x"]}]}, ("cardinality", "Patient.name[0].family")),
        ({"name": [{}, {"given": ["a", ""]}]}, ("structure", "Patient.name[0]")),
        ({"maritalStatus": [{"text": "x"}]}, ("cardinality", "Patient.maritalStatus")),
        ({"maritalStatus": "x"}, ("structure", "Patient.maritalStatus")),
        ({"maritalStatus": None}, ("structure", "Patient.maritalStatus")),
        ({"gender": None}, ("primitive-format", "Patient.gender")),
        ({"gender": "x"}, ("code-invalid", "Patient.gender")),
        ({"gender": " male"}, ("primitive-format", "Patient.gender")),
        ({"gender": {}}, ("primitive-format", "Patient.gender")),
        ({"active": "true"}, ("primitive-format", "Patient.active")),
        ({"active": 1}, ("primitive-format", "Patient.active")),
        ({"birthDate": "2023-02-29"}, ("primitive-format", "Patient.birthDate")),
        ({"birthDate": 2023}, ("primitive-format", "Patient.birthDate")),
        ({"multipleBirthInteger": "3"}, ("primitive-format", "Patient.multipleBirth.ofType(integer)")),
        ({"multipleBirthInteger": True}, ("primitive-format", "Patient.multipleBirth.ofType(integer)")),
        ({"multipleBirthInteger": 2**31}, ("primitive-format", "Patient.multipleBirth.ofType(integer)")),
        ({"deceasedBoolean": False, "deceasedDateTime": "2020"}, ("choice", "Patient.deceased")),
        ({"deceasedBoolean": False, "_deceasedDateTime": {"id": "a"}}, ("structure", "Patient.deceased.ofType(dateTime)")),
        ({"deceasedString": "x"}, ("unknown-element", "Patient.deceasedString")),
        ({"deceased": True}, ("unknown-element", "Patient.deceased")),
        ({"communication": [{"preferred": True}]}, ("required-element", "Patient.communication[0].language")),
        ({"link": [{"other": {"display": "x"}, "type": "x"}]}, ("code-invalid", "Patient.link[0].type")),
        ({"contact": [{"name": {"period": {"start": "x"}}}]}, ("primitive-format", "Patient.contact[0].name.period.start")),
        ({"photo": [{"data": "a"}]}, ("primitive-format", "Patient.photo[0].data")),
        ({"id": "a b"}, ("primitive-format", "Patient.id")),
        ({"meta": {"profile": ["a b"]}}, ("primitive-format", "Patient.meta.profile[0]")),
    ],
)  # fmt: skip
def test_a_fault_in_a_patient(elements: dict[str, Any], expected: tuple[str, str]) -> None:
    assert faults(patient(**elements))[0] == expected


@pytest.mark.parametrize(
    "elements",
    [
        {"birthDate": "2024-02-29", "_birthDate": {"extension": [{"url": "http://x/time", "valueDateTime": "2024-02-29"}]}},
        {"_birthDate": {"extension": [{"url": "http://x/why", "valueCode": "unknown"}]}},
        {"birthDate": "2024", "_birthDate": {"id": "a"}},
        {"name": [{"given": [None, "A"], "_given": [{"extension": [{"url": "http://x", "valueCode": "u"}]}, None]}]},
        {"name": [{"given": ["A", "B"], "_given": [None, {"id": "b"}]}]},
        {"name": [{"_given": [{"extension": [{"url": "http://x", "valueCode": "u"}]}]}]},
        {"extension": [{"url": "http://x", "extension": [{"url": "a", "valueString": "b"}]}]},
        {"text": {"status": "generated", "div": f'<div xmlns="{XHTML}">x</div>'}},
        {"contained": [{"resourceType": "Organization", "id": "o"}], "managingOrganization": {"reference": "#o"}},
        {"managingOrganization": {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}},
        {"managingOrganization": {"reference": "Organization?identifier=x|1"}},
        {"managingOrganization": {"reference": "https://x.example/fhir/Organization/1/_history/2"}},
        {"managingOrganization": {"identifier": {"value": "1"}, "type": "Organization"}},
    ],
)
def test_what_r4_allows_is_let_through(elements: dict[str, Any]) -> None:
    assert faults(patient(**elements)) == []


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"name": [{"given": [None]}]}, ("primitive-format", "Patient.name[0].given[0]")),
        ({"name": [{"given": ["A"], "_given": [None, None]}]}, ("structure", "Patient.name[0].given[1]")),
        ({"name": [{"given": ["A"], "_given": {"id": "a"}}]}, ("cardinality", "Patient.name[0].given")),
        ({"name": [{"given": ["A"], "_given": ["x"]}]}, ("structure", "Patient.name[0].given[0]")),
        ({"_birthDate": {"id": "a"}}, ("structure", "Patient.birthDate")),
        ({"_birthDate": {}}, ("structure", "Patient.birthDate")),
        ({"_birthDate": "x"}, ("structure", "Patient.birthDate")),
        ({"_birthDate": {"value": "x"}}, ("unknown-element", "Patient.birthDate.value")),
        ({"_name": [{"id": "x"}]}, ("unknown-element", "Patient._name")),
        ({"text": {"status": "empty", "div": f'<div xmlns="{XHTML}">x</div>', "_div": {"id": "a"}}},
         ("unknown-element", "Patient.text._div")),
    ],
)  # fmt: skip
def test_siblings_of_primitives_must_fit(elements: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in faults(patient(**elements))


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"valueString": "x"}, ("required-element", "Patient.extension[0].url")),
        ({"url": "http://x"}, ("structure", "Patient.extension[0]")),
        ({"url": "http://x", "valueString": "x", "valueCode": "x"}, ("choice", "Patient.extension[0].value")),
        ({"url": "http://x", "valueString": "x", "extension": [{"url": "a", "valueCode": "b"}]},
         ("structure", "Patient.extension[0]")),
        ({"url": "http://x", "valueQuantity": {"value": "1"}},
         ("primitive-format", "Patient.extension[0].value.ofType(Quantity).value")),
        ({"url": "http://x", "_url": {"id": "a"}, "valueCode": "a"}, ("unknown-element", "Patient.extension[0]._url")),
        ({"url": "http://x", "valueNothing": 1}, ("unknown-element", "Patient.extension[0].valueNothing")),
    ],
)  # fmt: skip
def test_extensions(extension: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in faults(patient(extension=[extension]))


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("Practitioner/1", "reference-target"),
        ("https://x.example/fhir/Practitioner/1", "reference-target"),
        ("Practitioner?identifier=1", "reference-target"),
        ("Nothing/1", "reference-format"),
        ("1", "reference-format"),
        ("Organization/a b", "reference-format"),
        ("Organization/" + "a" * 65, "reference-format"),
        ("#nobody", "reference-unresolved"),
        (7, "primitive-format"),
    ],
)
def test_references(reference: Any, code: str) -> None:
    found = faults(patient(managingOrganization={"reference": reference}))
    assert (code, "Patient.managingOrganization.reference") in found


def test_a_reference_with_a_contradicting_type() -> None:
    wrong = patient(managingOrganization={"reference": "Organization/1", "type": "Patient"})
    assert faults(wrong) == [("reference-target", "Patient.managingOrganization.type")]
    wrong = patient(managingOrganization={"display": "x", "type": "Patient"})
    assert faults(wrong) == [("reference-target", "Patient.managingOrganization.type")]


def test_contained_resources_do_not_contain_others() -> None:
    inner = {"resourceType": "Organization", "id": "o", "contained": [{"resourceType": "Patient"}]}
    assert ("structure", "Patient.contained[0].contained") in faults(patient(contained=[inner]))
    assert faults(patient(contained=[{"id": "x"}])) == [("structure", "Patient.contained[0]")]


def test_a_contained_resource_may_point_at_its_container_and_siblings() -> None:
    inner = [
        {"resourceType": "Practitioner", "id": "p"},
        {"resourceType": "Provenance", "id": "v", "recorded": "2026-01-01T00:00:00Z", "target": [{"reference": "#"}],
         "agent": [{"who": {"reference": "#p"}}]},
    ]  # fmt: skip
    assert faults(patient(contained=inner)) == []


def test_required_bindings_of_codeable_concepts() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
    good = {"coding": [{"system": "http://mine", "code": "x"}, {"system": system, "code": "active"}]}
    assert faults({**condition, "clinicalStatus": good}) == []
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    assert faults({**condition, "clinicalStatus": absent}) == []
    for bad in (
        {"text": "active"},
        {"coding": [{"system": system, "code": "Active"}]},
        {"coding": [{"code": "active"}]},
        {"coding": "active"},
        {"coding": [None]},
        {"coding": [{"system": [], "code": {}}]},
    ):
        assert ("code-invalid", "Condition.clinicalStatus") in faults({**condition, "clinicalStatus": bad})


def test_content_references_recur() -> None:
    item: dict[str, Any] = {"linkId": "1.1.1", "type": "group", "item": [{"linkId": "x"}]}
    questionnaire = {"resourceType": "Questionnaire", "status": "draft", "item": [{**item, "item": [item]}]}
    assert faults(questionnaire) == [("required-element", "Questionnaire.item[0].item[0].item[0].type")]


def test_entries_and_parameters_are_walked_with_their_own_places() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient(birthDate="x")}]}
    assert faults(bundle) == [("primitive-format", "Bundle.entry[0].resource.birthDate")]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": bundle}]}
    place = "Parameters.parameter[0].resource.entry[0].resource.birthDate"
    assert faults(parameters) == [("primitive-format", place)]


def test_fragments_are_looked_for_in_their_own_resource_only() -> None:
    holder = patient(contained=[{"resourceType": "Organization", "id": "o"}])
    entries = [{"resource": holder}, {"resource": patient(managingOrganization={"reference": "#o"})}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert faults(bundle) == [("reference-unresolved", "Bundle.entry[1].resource.managingOrganization.reference")]


def test_deep_nesting_is_refused_and_not_walked() -> None:
    extension: dict[str, Any] = {"url": "http://x", "valueCode": "x"}
    for _ in range(400):
        extension = {"url": "http://x", "extension": [extension]}
    found = validate_resource(patient(extension=[extension]))
    assert [issue.code for issue in found] == ["structure"]
    assert "nested" in found[0].text


def test_at_most_fifty_issues_are_reported() -> None:
    assert len(validate_resource(patient(name=[{}] * 1000))) == 50
    assert len(validate_resource(patient(**{f"x{i}": 1 for i in range(1000)}))) == 50


def test_required_choices() -> None:
    medication = {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
                  "subject": {"reference": "Patient/1"}}  # fmt: skip
    assert faults(medication) == [("required-element", "MedicationRequest.medication")]
    assert faults({**medication, "medicationCodeableConcept": {"text": "x"}}) == []
    assert faults({**medication, "_medicationReference": {"id": "x"}})[0][0] == "unknown-element"


def test_a_message_never_repeats_a_value() -> None:
    secret = "Ann Secret"
    resource = patient(
        gender=secret, birthDate=secret, active=secret, name=secret, managingOrganization={"reference": secret}
    )
    issues = validate_resource(resource)
    assert len(issues) >= 5
    assert not any("Secret" in issue.text or "Secret" in (issue.expression or "") for issue in issues)


def test_values_that_need_a_format_where_codes_cannot_be_listed() -> None:
    money = {"url": "http://x", "valueMoney": {"value": 1, "currency": "usd"}}
    assert faults(patient(extension=[money])) == [
        ("primitive-format", "Patient.extension[0].value.ofType(Money).currency"),
    ]
    assert faults(patient(photo=[{"contentType": "image"}])) == [("primitive-format", "Patient.photo[0].contentType")]
    assert faults(patient(photo=[{"contentType": "text/plain; charset=utf-8"}])) == []


def test_numbers_keep_to_their_ranges() -> None:
    for text, good in [("1", True), ("1.50", True), ("-1E2", True), ("1e999999", False), ('"1"', False), ("true", False)]:
        quantity = json.loads(f'{{"value": {text}}}')
        assert (faults(observation(valueQuantity=quantity)) == []) is good, text
    assert faults(observation(valueInteger=json.loads("1.0"))) == [
        ("primitive-format", "Observation.value.ofType(integer)")
    ]


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=True)
names = st.sampled_from(
    ["resourceType", "id", "meta", "extension", "url", "valueString", "_valueString", "name", "given", "_given", "contained",
     "identifier", "entry", "resource", "reference", "subject", "item", "valueReference", "text", "div", "coding", "code"]
) | st.text(max_size=5)  # fmt: skip
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5))


@settings(max_examples=300, deadline=None)
@given(anything, st.sampled_from(["Patient", "Bundle", "Observation", "Claim", "Parameters", "Questionnaire", None]))
def test_no_json_makes_it_raise(value: Any, type_name: str | None) -> None:
    if isinstance(value, dict) and type_name is not None:
        value["resourceType"] = type_name
    for issue in validate_resource(value):
        assert issue.severity == "error"
        assert issue.to_fhir()["code"]
