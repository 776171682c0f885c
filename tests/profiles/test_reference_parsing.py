"""What a reference says, and where a resource holds some."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import needs_examples, paths, read

from profiles.references import Reference, iter_references, parse_reference

UUID = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", Reference("relative", "Patient/1", "Patient", "1")),
        ("Patient/1/_history/2", Reference("relative", "Patient/1", "Patient", "1", "2")),
        ("Patient/1#x", Reference("relative", "Patient/1", "Patient", "1", fragment="x")),
        ("http://h/fhir/Patient/1", Reference("absolute", "http://h/fhir/Patient/1", "Patient", "1", base="http://h/fhir")),
        (
            "https://h:8/t/a/fhir/Claim/a.b-C/_history/9",
            Reference("absolute", "https://h:8/t/a/fhir/Claim/a.b-C", "Claim", "a.b-C", "9", "https://h:8/t/a/fhir"),
        ),
        ("http://h/x", Reference("absolute", "http://h/x")),
        ("http://h/Nothing/1", Reference("absolute", "http://h/Nothing/1")),
        (UUID, Reference("uuid", UUID)),
        ("urn:oid:1.2.3", Reference("oid", "urn:oid:1.2.3")),
        ("#a", Reference("fragment", "", fragment="a")),
        ("#", Reference("fragment", "")),
        ("Patient?name=x", Reference("conditional", "Patient?name=x", "Patient")),
        ("http://x/y|1.0", Reference("canonical", "http://x/y", version="1.0")),
        ("http://x/y|1.0#z", Reference("canonical", "http://x/y", version="1.0", fragment="z")),
        ("urn:x:y", Reference("canonical", "urn:x:y")),
    ],
)
def test_forms(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1", "Patient", "Patient/", "Nothing/1", "Nothing?x=1", "patient/1", "Patient/a b", "# a", "Patient/1/2", " #a",
             "Patient/" + "x" * 65, "Patient/1/_history/", "http://", None, 1, [], {}]
)  # fmt: skip
def test_what_is_no_reference(text: Any) -> None:
    assert parse_reference(text) is None


@given(st.text("Patient/1_historyhttp:#?|urn. ", max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    found = parse_reference(text)
    assert found is None or found.kind


def test_places_are_fhirpath() -> None:
    claim = {
        "resourceType": "Claim",
        "patient": {"reference": "Patient/1", "identifier": {"assigner": {"reference": "Organization/2"}}},
        "contained": [{"resourceType": "Organization", "partOf": {"reference": "Organization/3"}}],
        "supportingInfo": [{"sequence": 1}, {"valueReference": {"reference": "DocumentReference/4"}}],
        "item": [{"encounter": [{"display": "x"}, {"reference": "Encounter/5"}]}],
        "mystery": {"deep": [{"reference": "Patient/6"}]},
        "insurer": {"reference": 7},
    }
    assert [(holder["reference"], key, path) for holder, key, path in iter_references(claim)] == [
        ("Patient/1", "reference", "Claim.patient.reference"),
        ("Organization/2", "reference", "Claim.patient.identifier.assigner.reference"),
        ("Organization/3", "reference", "Claim.contained[0].partOf.reference"),
        ("DocumentReference/4", "reference", "Claim.supportingInfo[1].value.ofType(Reference).reference"),
        ("Encounter/5", "reference", "Claim.item[0].encounter[1].reference"),
        ("Patient/6", "reference", "Claim.mystery.deep[0].reference"),
    ]


@needs_examples
def test_every_reference_of_real_bundles_is_found() -> None:
    for path in paths("pas-examples/requests/*.json"):
        assert len(list(iter_references(read(path)))) == path.read_text().count('"reference": "')


def test_depth_does_not_matter() -> None:
    value: Any = {"reference": "Patient/1"}
    for _ in range(3000):
        value = [{"extension": value}]
    assert len(list(iter_references({"resourceType": "Patient", "extension": value}))) == 1


leaves = st.none() | st.booleans() | st.text(max_size=4)
names = st.sampled_from(
    ["resourceType", "reference", "contained", "entry", "resource", "subject", "valueReference", "item"]
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, anything, max_size=5))
def test_no_json_makes_the_walk_raise(resource: dict[str, Any]) -> None:
    for holder, key, expression in iter_references(resource):
        assert isinstance(holder[key], str)
        assert expression.endswith(".reference")
