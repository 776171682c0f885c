"""Parts of resources: what must be there stays, at every depth, so that a part of what is valid is valid."""

from __future__ import annotations

from typing import Any

from shared_data import needs_examples, paths

from profiles import json
from profiles.base_validation import validate_resource
from profiles.subsets import only_elements, only_text, summary, without_text

OFFICIAL = paths("conformance/r4-examples/*.json")


@needs_examples
def test_every_part_of_every_example_is_valid_and_no_more_than_the_whole() -> None:
    for path in OFFICIAL:
        resource: dict[str, Any] = json.loads(path.read_bytes())
        wrong = {issue.code for issue in validate_resource(resource)}
        for part in (
            summary(resource),
            only_elements(resource, ["identifier"]),
            only_text(resource),
            without_text(resource),
        ):
            left_out = {"reference-unresolved"}  # what is contained is in no summary, though what refers to it may be
            assert {issue.code for issue in validate_resource(part)} <= wrong | left_out, path.name
            assert is_part(part, resource), path.name
    assert len(OFFICIAL) > 10


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and is_part(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(is_part(one, other) for one, other in zip(part, whole, strict=True))
    return bool(part == whole)


def test_what_changes_the_meaning_of_the_rest_stays() -> None:
    patient = {"resourceType": "Patient", "id": "p", "implicitRules": "urn:x", "active": False, "deceasedBoolean": True,
               "modifierExtension": [{"url": "urn:x", "valueBoolean": True}], "photo": [{"title": "x"}]}  # fmt: skip
    assert set(only_elements(patient, ["birthDate"])) == set(patient) - {"photo"}
    assert set(summary(patient)) >= {"implicitRules", "active", "deceasedBoolean"}


def test_what_has_no_value_but_extensions_stays_with_its_element() -> None:
    patient = {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]},
        "_language": {"id": "x"},
    }
    assert set(only_elements(patient, ["birthDate"])) == {"resourceType", "_birthDate"}
    assert "_birthDate" in summary(patient)
