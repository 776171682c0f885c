"""The fast way through R4's structure says "fine" only where the checks that tell what is wrong find nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import changed, dropped, places, wrong_values
from shared_data import needs_examples, paths, read

from profiles.json import ExactDecimal
from profiles.validation.accept import accepts
from profiles.validation.objects import resource_check
from profiles.validation.run import EnoughIssuesError, Run
from profiles.xhtml import is_xhtml


def _has_fault(resource: Any) -> bool:
    run = Run()
    try:
        resource_check(resource, (None, "Resource", -1), run, 0)
    except EnoughIssuesError:
        return True
    return bool(run.issues)


def _mutants(resource: Any, chance: random.Random) -> list[Any]:
    odd: list[Any] = [
        "#a",
        "Patient/x",
        "urn:oid:1.",
        {"id": "x"},
        [{}],
        [None],
        {"extension": []},
        "a b",
        ExactDecimal("1e999"),
    ]
    found = [resource]
    every = list(places(resource))
    for place, value in chance.sample(every, min(12, len(every))):
        found += [changed(resource, place, wrong) for wrong in chance.sample([*wrong_values(value), *odd], 5)]
        if isinstance(place[-1], str):
            found.append(dropped(resource, place)[0])
            found.append(
                changed(resource, (*place[:-1], f"_{place[-1]}"), {"extension": [{"url": "a:b", "valueCode": "x"}]})
            )
    return found


@needs_examples
def test_what_it_lets_pass_has_no_fault() -> None:
    chance = random.Random(5)
    files = [*paths("conformance/r4-examples/*.json"), *paths("pas-examples/requests/*.json")]
    passed = 0
    for path in chance.sample(files, min(60, len(files))):
        resource = read(path)
        passed += accepts(resource)
        for each in _mutants(resource, chance) if path.stat().st_size < 40_000 else [resource]:
            assert not (accepts(each) and _has_fault(each)), path.name
    assert passed > 45  # most of what is right goes the fast way


_PATIENT = {"resourceType": "Patient", "id": "p"}


@pytest.mark.parametrize(
    ("resource", "fine"),
    [
        (_PATIENT, True),
        ({**_PATIENT, "id": "a b"}, False),
        ({"resourceType": "Patient", "extension": [{"url": "a:b", "valueCode": "x", "valueString": "x"}]}, False),
        ({"resourceType": "Patient", "extension": [{"url": "a:b"}]}, False),
        ({"resourceType": "Patient", "extension": [{"url": "a:b", "extension": [{"url": "c", "valueCode": "x"}]}]}, True),
        ({"resourceType": "Patient", "name": [{"id": "x"}]}, False),
        ({"resourceType": "Patient", "managingOrganization": {"reference": "#o"}}, False),
        ({"resourceType": "Patient", "managingOrganization": {"reference": "Patient/o"}}, False),
        ({"resourceType": "Patient", "managingOrganization": {"reference": "Organization/o"}}, True),
        ({"resourceType": "Patient", "managingOrganization": {"reference": "Organization/o", "type": "Patient"}}, False),
        (
            {
                "resourceType": "Patient",
                "contained": [{"resourceType": "Organization", "id": "o"}],
                "managingOrganization": {"reference": "#o"},
            },
            True,
        ),
        (
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "a"},
                "valueString": "a",
                "valueInteger": 1,
            },
            False,
        ),
        ({"resourceType": "Observation", "status": "final"}, False),
        ({"resourceType": "Observation", "status": "finished", "code": {"text": "a"}}, False),
        ({"resourceType": "Patient", "_gender": {"extension": [{"url": "a:b", "valueCode": "x"}]}}, True),
        ({"resourceType": "Patient", "_gender": {"id": "x"}}, False),
    ],
    ids=[str(number) for number in range(16)],
)
def test_it_is_sure_of(resource: Any, fine: bool) -> None:
    assert accepts(resource) is fine
    assert fine is not _has_fault(resource)


@pytest.mark.parametrize("levels", [10, 62, 63, 64, 65, 66, 2_000])
def test_depth_is_bounded_as_in_the_checks(levels: int) -> None:
    extension: Any = {"url": "a:b", "valueCodeableConcept": {"coding": [{"code": "x"}]}}
    for _ in range(levels):
        extension = {"url": "a:b", "extension": [extension]}
    resource = {"resourceType": "Patient", "extension": [extension]}
    assert accepts(resource) is not _has_fault(resource)


_ROOT = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    "text",
    [
        "<div title='xmlns=\"http://www.w3.org/1999/xhtml\"'>x</div>",
        f'{_ROOT}<p title="a>b" onclick="x()">x</p></div>',
        f"{_ROOT}<p onclick='x()'>x</p></div>",
        f"{_ROOT}<![CDATA[<p>]]><script>x</script></div>",
        f"{_ROOT}<!-- <p> --><script>x</script></div>",
        f"{_ROOT}<p\nonclick='x()'>x</p></div>",
    ],
    ids=["a root in a title", "an angle in a title", "single quotes", "character data", "a remark", "a line end"],
)
def test_tags_looked_at_one_by_one_hide_nothing(text: str) -> None:
    assert not is_xhtml(text)
    assert not is_xhtml(text)  # nor when it comes again


@given(st.text(alphabet="<>/ab=\"' pdivxmlns&;!-[]", max_size=40))
def test_any_narrative_is_answered_alike_twice(inner: str) -> None:
    text = f"{_ROOT}a{inner}</div>"
    assert is_xhtml(text) == is_xhtml(text)


def test_a_narrative_of_many_different_tags_ends() -> None:
    inner = "".join(f'<a href="http://example.org/{number}">x</a>' for number in range(20_000))
    assert is_xhtml(f"{_ROOT}{inner}</div>")
