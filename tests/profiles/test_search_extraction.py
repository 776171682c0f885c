"""What each search parameter finds in a resource."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import needs_examples, paths, read, resources_of

from profiles.own_search_parameters import OWN_SEARCH_PARAMETERS
from profiles.search_parameters import Value, search_parameters
from profiles.structure import primitive_types, resource_types, type_definition
from profiles.tables import table

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-"


def found(resource: dict[str, Any], code: str) -> list[tuple[str, Any]]:
    return [(v.kind, v.value) for v in search_parameters(resource["resourceType"])[code].extract(resource)]


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {
        "lastUpdated": "2026-01-01T00:00:00Z", "profile": ["http://x"], "source": "http://s",
        "tag": [{"code": "t"}], "security": [{"code": "R"}],
    },
    "active": True,
    "name": [{"family": "Doe", "given": ["Ann", None, "B"], "_given": [None, {"id": "x"}, None]}, {"text": "D"}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@b"}, {"value": "2"}],
    "birthDate": "2000-01-02",
    "deceasedDateTime": "2026-01-01",
    "address": [{"city": "X", "line": ["1"]}],
    "generalPractitioner": [{"reference": "Practitioner/1"}, {"reference": "Organization/2"}],
    "link": [{"other": {"reference": "Patient/2"}, "type": "seealso"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("_id", [("id", "p")]),
        ("_lastUpdated", [("instant", "2026-01-01T00:00:00Z")]),
        ("_tag", [("Coding", {"code": "t"})]),
        ("_security", [("Coding", {"code": "R"})]),
        ("_profile", [("canonical", "http://x")]),
        ("_source", [("uri", "http://s")]),
        ("active", [("boolean", True)]),
        ("family", [("string", "Doe")]),
        ("given", [("string", "Ann"), ("string", "B")]),
        ("name", [("HumanName", name) for name in PATIENT["name"]]),
        ("email", [("ContactPoint", {"system": "email", "value": "a@b"})]),
        ("phone", [("ContactPoint", {"system": "phone", "value": "1"})]),
        ("birthdate", [("date", "2000-01-02")]),
        ("death-date", [("dateTime", "2026-01-01")]),
        ("deceased", [("boolean", True)]),
        ("address-city", [("string", "X")]),
        ("link", [("Reference", {"reference": "Patient/2"})]),
        ("gender", []),
    ],
)
def test_patient(code: str, values: list[Any]) -> None:
    assert found(PATIENT, code) == values


@pytest.mark.parametrize(
    ("elements", "value"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
        ({"_deceasedDateTime": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}}, True),
    ],
)
def test_deceased_is_always_answered(elements: dict[str, Any], value: bool) -> None:
    assert found({"resourceType": "Patient", **elements}, "deceased") == [("boolean", value)]


def test_choices_leave_with_the_type_they_have() -> None:
    observation = {"resourceType": "Observation", "effectivePeriod": {"start": "2026"}, "valueQuantity": {"value": 1}}
    assert found(observation, "date") == [("Period", {"start": "2026"})]
    assert found(observation, "value-quantity") == [("Quantity", {"value": 1})]
    assert found(observation, "value-date") == []
    concept = {"resourceType": "Observation", "valueCodeableConcept": {"text": "red"}}
    assert found(concept, "value-string") == [("string", "red")]
    assert found(concept, "value-concept") == [("CodeableConcept", {"text": "red"})]


@pytest.mark.parametrize(
    ("subject", "is_patient"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "http://x/fhir/Patient/1/_history/2"}, True),
        ({"reference": "Patient/1/_history/2"}, True),
        ({"reference": "Group/1"}, False),
        ({"reference": "#p"}, True),
        ({"reference": "#g"}, False),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, False),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": "Patient"}, True),
        ({"identifier": {"value": "1"}, "type": "Patient"}, True),
        ({"identifier": {"value": "1"}}, False),
        ({"reference": ["Patient/1"], "type": {}}, False),
    ],
)
def test_references_are_filtered_by_the_type_they_tell(subject: dict[str, Any], is_patient: bool) -> None:
    contained = [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group", "id": "g"}, None]
    observation = {"resourceType": "Observation", "subject": subject, "contained": contained}
    assert found(observation, "patient") == ([("Reference", subject)] if is_patient else [])
    assert found(observation, "subject") == [("Reference", subject)]


def test_composites_keep_together_what_stands_together() -> None:
    components = [
        {"code": {"text": "sys"}, "valueQuantity": {"value": 120}},
        {"code": {"text": "dia"}, "valueQuantity": {"value": 80}},
        {"code": {"text": "none"}},
    ]
    observation = {"resourceType": "Observation", "code": {"text": "bp"}, "component": components}
    parameter = search_parameters("Observation")["component-code-value-quantity"]
    assert [(c.code, c.type) for c in parameter.components] == [
        ("component-code", "token"),
        ("component-value-quantity", "quantity"),
    ]
    assert [v.value for v in parameter.extract(observation)] == [
        [[Value("CodeableConcept", {"text": t})], [Value("Quantity", {"value": n})]] for t, n in [("sys", 120), ("dia", 80)]
    ]
    assert len(found(observation, "combo-code-value-quantity")) == 2
    assert found(observation, "code-value-quantity") == []


def test_a_composite_may_look_at_the_whole_resource() -> None:
    variant = {"start": 1, "end": 5}
    sequence = {"resourceType": "MolecularSequence", "referenceSeq": {"chromosome": {"text": "1"}}, "variant": [variant]}
    [(_, parts)] = found(sequence, "chromosome-variant-coordinate")
    assert parts == [[("CodeableConcept", {"text": "1"})], [("integer", 1)], [("integer", 5)]]


def test_only_the_first_entry_of_a_document_counts() -> None:
    entries = [{"resource": {"resourceType": "Composition"}}, {"resource": {"resourceType": "Patient"}}]
    bundle = {"resourceType": "Bundle", "type": "document", "entry": entries}
    assert found(bundle, "composition") == [("Resource", {"resourceType": "Composition"})]
    assert found({**bundle, "entry": []}, "composition") == []


def test_related_artifacts_are_told_apart_by_kind() -> None:
    artifacts = [{"type": "depends-on", "resource": "http://a"}, {"type": "successor", "resource": "http://b"}]
    library = {"resourceType": "Library", "relatedArtifact": artifacts}
    assert found(library, "depends-on") == [("canonical", "http://a")]
    assert found(library, "successor") == [("canonical", "http://b")]


def test_our_parameters_read_the_pas_extensions() -> None:
    review = {
        "url": f"{PAS}reviewAction",
        "extension": [
            {"url": "number", "valueString": "AUTH1"},
            {"url": f"{PAS}reviewActionCode", "valueCodeableConcept": {"coding": [{"code": "A1"}]}},
        ],
    }
    trace = {"url": f"{PAS}itemTraceNumber", "valueIdentifier": {"value": "T1"}}
    pended = {"url": f"{PAS}administrationReferenceNumber", "valueString": "P1"}
    before = {"url": f"{PAS}authorizationNumber", "valueString": "AUTH0"}
    item = {"extension": [trace, pended, before], "itemSequence": 1, "adjudication": [{"extension": [review]}]}
    response = {"resourceType": "ClaimResponse", "preAuthRef": "REF1", "item": [item], "addItem": [item]}
    assert found(response, "authorization-number") == [
        ("string", text) for text in ("REF1", "AUTH1", "AUTH1", "AUTH0", "AUTH0")
    ]
    assert found(response, "administration-reference-number") == [("string", "P1")] * 2
    assert found(response, "item-trace-number") == [("Identifier", {"value": "T1"})] * 2
    assert found(response, "review-action") == [("CodeableConcept", {"coding": [{"code": "A1"}]})] * 2
    claim = {"resourceType": "Claim", "extension": [before], "item": [item | {"productOrService": {"text": "x"}}]}
    assert found(claim, "item-trace-number") == [("Identifier", {"value": "T1"})]
    assert found(claim, "authorization-number") == [("string", "AUTH0"), ("string", "AUTH0")]
    assert found(claim, "item-code") == [("CodeableConcept", {"text": "x"})]


def test_ours_do_not_hide_r4s() -> None:
    for type_name, rows in OWN_SEARCH_PARAMETERS.items():
        assert not set(rows) & set(table("search")["parameters"][type_name])
        assert set(rows) <= set(search_parameters(type_name))


def test_every_parameter_of_every_type_compiles() -> None:
    assert sum(len(search_parameters(name)) for name in resource_types()) > 2300
    assert "_id" in search_parameters("Resource")


@pytest.mark.parametrize("name", ["", "Nothing", "DomainResource", "patient"])
def test_other_names_have_no_parameters(name: str) -> None:
    assert dict(search_parameters(name)) == {}


@needs_examples
def test_values_from_real_resources_have_the_json_type_of_their_kind() -> None:
    seen = 0
    files = [*paths("pas-examples/*/*.json"), *paths("conformance/r4-examples/*.json"), *paths("synthea/*/*.json.gz", 20)]
    for path in files:
        for resource in resources_of(read(path)):
            for parameter in search_parameters(resource["resourceType"]).values():
                for value in parameter.extract(resource):
                    assert _fits(value), (path.name, parameter.code)
                    seen += 1
    assert seen > 5000


def _fits(value: Value) -> bool:
    if value.kind == "composite":
        return all(_fits(inner) for part in value.value for inner in part)
    if value.kind == "boolean":
        return isinstance(value.value, bool)
    if value.kind in {"integer", "positiveInt", "unsignedInt"}:
        return isinstance(value.value, int)
    if value.kind == "decimal":
        return isinstance(value.value, int | Decimal)
    if value.kind in primitive_types():
        return isinstance(value.value, str)
    return isinstance(value.value, dict) and (value.kind == "Resource" or type_definition(value.kind) is not None)


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
names = st.sampled_from(
    ["id", "meta", "tag", "extension", "url", "name", "family", "subject", "reference", "type", "code", "valueQuantity", "item",
     "component", "telecom", "system", "entry", "resource", "contained", "deceasedBoolean", "effectivePeriod", "patient", "link"]
)  # fmt: skip
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5))


@settings(max_examples=200, deadline=None)
@given(anything, st.sampled_from(["Patient", "Observation", "Bundle", "Claim", "ClaimResponse", "AuditEvent"]))
def test_no_json_makes_extraction_raise(value: Any, type_name: str) -> None:
    for parameter in search_parameters(type_name).values():
        assert all(_fits(found) for found in parameter.extract(value))
