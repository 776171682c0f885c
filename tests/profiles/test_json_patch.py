"""JSON Patch (RFC 6902): each operation, exact numbers, pointers that point nowhere, and patches that want too much."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import DATA, needs_examples

from profiles import json
from profiles.json_patch import MAX_COPIED, MAX_DEPTH, MAX_OPERATIONS, apply_patch, read_patch
from profiles.outcome import FhirError


def patched(document: str, patch: str) -> str:
    return json.dumps(apply_patch(read_patch(json.loads(patch)), json.loads(document))).decode()


def refusal(document: str, patch: str) -> tuple[int, str, str | None]:
    with pytest.raises(FhirError) as caught:
        patched(document, patch)
    issue = caught.value.issues[0]
    return caught.value.status, issue.code, issue.expression


@pytest.mark.parametrize(
    ("document", "patch", "wanted"),
    [
        ('{"a":1}', '[{"op":"add","path":"/b","value":[1]},{"op":"add","path":"/b/0","value":{}}]', '{"a":1,"b":[{},1]}'),
        ('{"a":[1,3]}', '[{"op":"add","path":"/a/1","value":2},{"op":"add","path":"/a/-","value":4}]', '{"a":[1,2,3,4]}'),
        ('{"a":[1]}', '[{"op":"add","path":"/a/1","value":null}]', '{"a":[1,null]}'),
        ('{"a":1,"b":2}', '[{"op":"add","path":"/a","value":3}]', '{"a":3,"b":2}'),
        ('{"a":1,"b":2}', '[{"op":"replace","path":"/a","value":{"c":true}}]', '{"a":{"c":true},"b":2}'),
        ('{"a":1}', '[{"op":"replace","path":"","value":[0]}]', "[0]"),
        ('{"a":1}', '[{"op":"add","path":"","value":"x"}]', '"x"'),
        ('{"a":[1,2],"b":2}', '[{"op":"remove","path":"/a/0"},{"op":"remove","path":"/b"}]', '{"a":[2]}'),
        ('{"a":{"b":1},"c":[]}', '[{"op":"move","from":"/a/b","path":"/c/-"}]', '{"a":{},"c":[1]}'),
        ('{"a":[1,2,3]}', '[{"op":"move","from":"/a/0","path":"/a/2"}]', '{"a":[2,3,1]}'),
        ('{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'),
        ('{"a":{"b":[1]}}', '[{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b/0","value":0}]', '{"a":{"b":[1]},"c":{"b":[0,1]}}'),
        ('{"a":{}}', '[{"op":"copy","from":"","path":"/a/x"}]', '{"a":{"x":{"a":{}}}}'),
        ('{"a~b/c":1,"":2}', '[{"op":"replace","path":"/a~0b~1c","value":3},{"op":"replace","path":"/","value":4}]', '{"a~b/c":3,"":4}'),
        ('{"a":1.50}', '[{"op":"add","path":"/b","value":0.10000000000000000001},{"op":"test","path":"/a","value":15e-1}]',
         '{"a":1.50,"b":0.10000000000000000001}'),
        ('{"a":10}', '[{"op":"test","path":"/a","value":1.0E1}]', '{"a":10}'),
        ('{"a":{"b":1,"c":[true,null]}}', '[{"op":"test","path":"/a","value":{"c":[true,null],"b":1.0}}]', '{"a":{"b":1,"c":[true,null]}}'),
        ('{"a":1}', '[{"op":"test","path":"","value":{"a":1}},{"op":"add","path":"/b","value":2,"more":"ignored"}]', '{"a":1,"b":2}'),
        ('{"a":1}', "[]", '{"a":1}'),
        ('{"a":{"b":1}}', '[{"op":"move","from":"/a/b","path":"/a"}]', '{"a":1}'),
    ],
)  # fmt: skip
def test_operations(document: str, patch: str, wanted: str) -> None:
    assert patched(document, patch) == wanted


@pytest.mark.parametrize(
    ("patch", "status", "code"),
    [
        ('{"op":"add"}', 400, "patch-format"), ("[1]", 400, "patch-format"), ('[{"op":"merge","path":""}]', 400, "patch-format"),
        ('[{"op":["add"],"path":""}]', 400, "patch-format"), ('[{"op":"add","path":"/a"}]', 400, "patch-format"),
        ('[{"op":"remove"}]', 400, "patch-format"), ('[{"op":"remove","path":1}]', 400, "patch-format"),
        ('[{"op":"remove","path":"a"}]', 400, "patch-format"), ('[{"op":"remove","path":"/~2"}]', 400, "patch-format"),
        ('[{"op":"remove","path":"/a~"}]', 400, "patch-format"), ('[{"op":"move","path":"/a"}]', 400, "patch-format"),
        ('[{"op":"copy","path":"/a","from":null}]', 400, "patch-format"),
        ('[{"op":"remove","path":""}]', 422, "patch-target"), ('[{"op":"remove","path":"/x"}]', 422, "patch-target"),
        ('[{"op":"replace","path":"/x","value":1}]', 422, "patch-target"), ('[{"op":"add","path":"/x/y","value":1}]', 422, "patch-target"),
        ('[{"op":"add","path":"/l/3","value":1}]', 422, "patch-target"), ('[{"op":"remove","path":"/l/2"}]', 422, "patch-target"),
        ('[{"op":"remove","path":"/l/-"}]', 422, "patch-target"), ('[{"op":"remove","path":"/l/00"}]', 422, "patch-target"),
        ('[{"op":"remove","path":"/l/-1"}]', 422, "patch-target"), ('[{"op":"remove","path":"/l/1e0"}]', 422, "patch-target"),
        ('[{"op":"remove","path":"/l/١"}]', 422, "patch-target"), ('[{"op":"remove","path":"/l/99999999999999999999"}]', 422, "patch-target"),
        ('[{"op":"remove","path":"/l/"}]', 422, "patch-target"), ('[{"op":"add","path":"/s/0","value":1}]', 422, "patch-target"),
        ('[{"op":"add","path":"/s/x/y","value":1}]', 422, "patch-target"), ('[{"op":"test","path":"/x","value":null}]', 422, "patch-target"),
        ('[{"op":"move","from":"/o","path":"/o/in"}]', 422, "patch-target"), ('[{"op":"move","from":"/x","path":"/y"}]', 422, "patch-target"),
        ('[{"op":"test","path":"/s","value":"T"}]', 422, "patch-test"), ('[{"op":"test","path":"/n","value":"1"}]', 422, "patch-test"),
        ('[{"op":"test","path":"/n","value":true}]', 422, "patch-test"), ('[{"op":"test","path":"/l","value":[2,1]}]', 422, "patch-test"),
        ('[{"op":"test","path":"/o","value":{}}]', 422, "patch-test"), ('[{"op":"test","path":"/n","value":1e400}]', 422, "patch-test"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_where(patch: str, status: int, code: str) -> None:
    found = refusal('{"l":[1,2],"s":"t","n":1,"o":{"in":0}}', patch)
    assert found[:2] == (status, code)
    assert (found[2] or "").startswith("http.body")


def test_the_place_of_a_fault_is_that_of_its_operation() -> None:
    patch = '[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/nothing"}]'
    assert refusal("{}", patch) == (422, "patch-target", "http.body[1].path")


def test_the_patch_is_not_changed_by_being_applied() -> None:
    text = '[{"op":"add","path":"/a","value":{"b":[]}},{"op":"add","path":"/a/b/0","value":1}]'
    operations = read_patch(json.loads(text))
    for _ in range(2):
        assert apply_patch(operations, {}) == {"a": {"b": [1]}}
    assert operations == read_patch(json.loads(text))


def doubling(times: int) -> str:
    steps = ",".join(['{"op":"copy","from":"/a","path":"/a/-"}'] * times)
    return f"[{steps}]"


def test_what_would_grow_without_bounds_is_refused_before_it_does() -> None:
    started = time.monotonic()
    assert refusal('{"a":[1,1]}', doubling(200))[1] == "patch-too-costly"
    text = "x" * (MAX_COPIED // 4)
    assert (
        refusal(f'{{"t":"{text}"}}', "[" + ",".join(['{"op":"copy","from":"/t","path":"/u"}'] * 5) + "]")[1]
        == "patch-too-costly"
    )
    deep = '{"op":"copy","from":"","path":"/a"}'
    assert refusal('{"a":1}', f"[{','.join([deep] * 100)}]")[1] == "patch-too-costly"
    nested = "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)
    assert refusal("{}", f'[{{"op":"add","path":"/a","value":{nested}}}]')[1] == "patch-too-costly"
    assert refusal("{}", f'[{{"op":"test","path":"/a","value":{"[" * 700 + "]" * 700}}}]')[1] == "patch-too-costly"
    assert refusal("{}", f'[{{"op":"remove","path":"{"/a" * (MAX_DEPTH + 1)}"}}]')[1] == "patch-too-costly"
    assert refusal("{}", f'[{{"op":"remove","path":"/{"a" * 100_000}"}}]')[1] == "patch-too-costly"
    many = ",".join(['{"op":"test","path":"","value":{}}'] * (MAX_OPERATIONS + 1))
    assert refusal("{}", f"[{many}]")[1] == "patch-too-costly"
    assert time.monotonic() - started < 60


def test_values_that_are_moved_into_each_other_are_refused_and_never_break_anything() -> None:
    steps = ['{"op":"add","path":"/t0","value":{}}']
    for number in range(1, 900):
        steps += [
            f'{{"op":"add","path":"/t{number}","value":{{}}}}',
            f'{{"op":"move","from":"/t{number - 1}","path":"/t{number}/x"}}',
        ]
    assert refusal("{}", f"[{','.join(steps)}]")[1] == "patch-too-costly"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "~", "/"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "", "~1", "0"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_POINTERS = st.lists(st.sampled_from(["a", "b", "", "0", "1", "-", "~0", "~1"]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
_OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": _POINTERS,
        "from": _POINTERS,
        "value": _VALUES,
    }
)


@given(_VALUES, st.lists(_OPERATIONS, max_size=6))
def test_any_patch_gives_a_document_or_a_refusal(document: Any, patch: list[dict[str, Any]]) -> None:
    """Adding and then removing gives back what was there; a replaced value passes its own test."""
    text = json.dumps(document)
    try:
        result = apply_patch(read_patch(patch), json.loads(text))
    except FhirError:
        return
    assert json.loads(json.dumps(result)) == result
    whole = [{"op": "test", "path": "", "value": result}]
    assert apply_patch(read_patch(whole), result) == result


@needs_examples
def test_the_public_cases(capsys: pytest.CaptureFixture[str]) -> None:
    cases = json.loads((DATA / "conformance/patch/json-patch-tests.json").read_bytes())
    assert len(cases) >= 13
    for case in cases:
        document, patch = json.dumps(case["doc"]).decode(), json.dumps(case["patch"]).decode()
        if "error" in case:
            assert refusal(document, patch)[0] in {400, 422}, case["comment"]
        elif "expected" in case:
            assert json.loads(patched(document, patch)) == case["expected"], case["comment"]
        else:
            patched(document, patch)
    with capsys.disabled():
        print(f"\nJSON Patch: all of {len(cases)} public cases")
