"""The request bodies of examples/: the good ones are clean by R4 and PAS, the bad ones are refused for the fault they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles.base_validation import validate_resource
from profiles.json import JsonError, Resource, loads
from profiles.outcome import FhirError
from profiles.pas_request import Purpose, read_request

BODIES = Path(__file__).parents[2] / "examples/bodies"
SUBMITTED = ["lumbar-mri.json", "lumbar-mri-gaps.json", "knee-replacement-urgent.json"]


def body(name: str) -> Resource:
    content: Resource = loads((BODIES / name).read_bytes())
    return content


@pytest.mark.parametrize(("name", "purpose"), [*((name, "submit") for name in SUBMITTED), ("inquiry.json", "inquire")])
def test_good_requests_leave_nothing_to_say(name: str, purpose: Purpose) -> None:
    assert list(validate_resource(body(name))) == []
    assert read_request(body(name), purpose).warnings == ()


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("dangling-reference.json", 400, "pas-reference-unresolved"),
        ("empty-bundle.json", 400, "pas-bundle-empty"),
        ("no-claim.json", 400, "pas-first-not-claim"),
        ("two-claims.json", 422, "pas-claims"),
    ],
)
def test_a_bad_request_shows_one_fault(name: str, status: int, code: str) -> None:
    with pytest.raises(FhirError) as refusal:
        read_request(body(f"bad/{name}"))
    assert refusal.value.status == status
    assert [issue.code for issue in refusal.value.issues] == [code]


def test_what_is_not_json_cannot_be_read() -> None:
    with pytest.raises(JsonError):
        loads((BODIES / "bad/not-json.txt").read_bytes())


def test_the_conflicting_request_differs_from_the_other_in_content_alone() -> None:
    first, second = body("lumbar-mri-gaps.json"), body("bad/same-identifier-other-content.json")
    assert first != second
    assert first["identifier"] == second["identifier"]
    claims = [bundle["entry"][0]["resource"] for bundle in (first, second)]
    assert claims[0]["identifier"] == claims[1]["identifier"]
    assert read_request(second).warnings == ()


def test_every_request_has_its_own_identifiers() -> None:
    claims = [body(name)["entry"][0]["resource"] for name in SUBMITTED]
    assert len({claim["identifier"][0]["value"] for claim in claims}) == len(SUBMITTED)
    assert len({body(name)["identifier"]["value"] for name in SUBMITTED}) == len(SUBMITTED)
