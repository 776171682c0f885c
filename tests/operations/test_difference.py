"""A difference is a patch: applied to the one resource it gives the other, whatever the two are."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.records.difference import MOST, difference
from profiles import fhirpath_patch, json
from profiles.outcome import FhirError

WORDS = st.sampled_from(["a", "b", "c", "d"])
EXTENSION = st.fixed_dictionaries({"url": st.just("urn:e"), "valueString": WORDS})
NAME = st.fixed_dictionaries(
    {},
    optional={
        "family": WORDS,
        "given": st.lists(WORDS, min_size=1, max_size=4),
        "use": st.sampled_from(["usual", "old"]),
        "extension": st.lists(EXTENSION, min_size=1, max_size=2),
    },
).filter(bool)
CONTACT = st.fixed_dictionaries({}, optional={"name": NAME, "gender": st.sampled_from(["male", "female"])}).filter(bool)
PATIENT = st.fixed_dictionaries({"resourceType": st.just("Patient")}, optional={
    "active": st.booleans(), "name": st.lists(NAME, min_size=1, max_size=4), "birthDate": st.sampled_from(["1980", "1981-02"]),
    "_birthDate": st.fixed_dictionaries({"extension": st.lists(EXTENSION, min_size=1, max_size=2)}),
    "deceasedBoolean": st.booleans(), "multipleBirthInteger": st.integers(1, 3), "contact": st.lists(CONTACT, min_size=1, max_size=3),
    "maritalStatus": st.fixed_dictionaries({"text": WORDS}), "contained": st.lists(st.fixed_dictionaries({"resourceType": st.just("Basic"), "id": WORDS}), min_size=1, max_size=2),
})  # fmt: skip


def patched(before: dict[str, Any], after: dict[str, Any], *, with_meta: bool = False) -> dict[str, Any]:
    operations = difference(before, after, with_meta=with_meta)
    patch = json.loads(json.dumps({"resourceType": "Parameters", "parameter": operations}))
    if not operations:
        return before
    return fhirpath_patch.apply_patch(fhirpath_patch.read_patch(patch), copy.deepcopy(before))


@settings(max_examples=150)
@given(PATIENT, PATIENT)
def test_it_leads_from_the_one_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert patched(before, after) == after


def test_what_is_alike_differs_in_nothing() -> None:
    one = {"resourceType": "Patient", "id": "a", "meta": {"versionId": "1"}, "name": [{"family": "x"}]}
    assert (
        difference(
            one,
            {"name": [{"family": "x"}], "resourceType": "Patient", "id": "b", "meta": {"versionId": "7"}},
            with_meta=True,
        )
        == []
    )


def test_another_type_of_a_choice_goes_before_it_comes() -> None:
    before = {"resourceType": "Observation", "valueString": "a", "component": [{"code": {"text": "x"}, "valueInteger": 1}]}
    after = {
        "resourceType": "Observation",
        "valueQuantity": {"value": 1},
        "component": [{"code": {"text": "x"}, "valueBoolean": True}],
    }
    assert patched(before, after) == after


def test_labels_count_where_that_is_asked() -> None:
    before = {"resourceType": "Patient", "meta": {"versionId": "1", "tag": [{"code": "a"}]}}
    after = {"resourceType": "Patient", "meta": {"versionId": "2", "tag": [{"code": "b"}], "profile": ["urn:p"]}}
    assert difference(before, after, with_meta=False) == []
    assert patched(before, after, with_meta=True)["meta"] == {
        "versionId": "1",
        "tag": [{"code": "b"}],
        "profile": ["urn:p"],
    }


def test_one_put_between_others_is_one_insertion() -> None:
    before = {"resourceType": "Patient", "name": [{"family": "a"}, {"family": "c"}]}
    (operation,) = difference(
        before, {**before, "name": [{"family": "a"}, {"family": "b"}, {"family": "c"}]}, with_meta=False
    )
    assert [part.get("valueCode", part.get("valueInteger")) for part in operation["part"]] == ["insert", None, 1, None]


def test_more_than_a_patch_may_have_is_refused() -> None:
    one, other = ({"resourceType": "Patient", "name": [{"family": f"{who}{n}"} for n in range(MOST + 1)]} for who in "ab")
    with pytest.raises(FhirError) as caught:
        difference(one, other, with_meta=False)
    assert caught.value.issues[0].code == "patch-too-costly"
