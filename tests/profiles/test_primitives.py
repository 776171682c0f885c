"""The forms of primitive values, against R4's own patterns and beyond them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import CORE_PACKAGE, needs_core

from profiles import json
from profiles.primitives import PRIMITIVE_CHECKS, PRIMITIVE_FORMS, primitive_check
from profiles.structure import primitive_types
from profiles.tables.build import read_package

GOOD: dict[str, list[Any]] = {
    "base64Binary": ["YQ==", "YWJj", "YWJj\nYWJj", "YW Jj"],
    "boolean": [True, False],
    "canonical": ["http://x/y|1.0", "#a", "urn:oid:1.2"],
    "code": ["a", "a b", "A1"],
    "date": ["2026", "2026-03", "2026-03-31", "2024-02-29", "0001-01-01", "9999-12-31"],
    "dateTime": ["2026", "2026-03-02T23:59:59Z", "2026-03-02T00:00:00.123456789+14:00", "2015-02-07T13:28:60-05:00"],
    "decimal": [0, -1, 10**30, json.loads("1.50"), json.loads("-1.0E+245"), json.loads("1E-22")],
    "id": ["a", "A-1.b", "x" * 64],
    "instant": ["2026-03-02T09:30:00Z", "2026-03-02T09:30:00.1-01:30"],
    "integer": [0, -(2**31), 2**31 - 1],
    "markdown": ["a\n\n* b\t", "\r\n"],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883.6.238"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["a", " ", "a\u00a0b", "😀", "x" * 2**20, "line\nline"],
    "time": ["00:00:00", "23:59:59.999"],
    "unsignedInt": [0],
    "uri": ["http://x", "urn:uuid:1", "a"],
    "url": ["mailto:a@b", "Patient?x=1"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
}
BAD: dict[str, list[Any]] = {
    "base64Binary": ["", "a", "YQ=", "YQ==YQ==", "Y*==", "é", "    ", "=", 1],
    "boolean": ["true", 0, 1],
    "canonical": ["", "a b", "a\u00a0b", "\x00"],
    "code": ["", " a", "a ", "a\x00", "a  b", 1],
    "date": ["", "0000", "26", "2026-13", "2026-00", "2026-02-30", "2026-02-31", "2026-1-1", "2026-01-01T00:00:00Z", "２０２６"],
    "dateTime": ["2026-03-02T09:30", "2026-03-02T09:30:00", "2026-03-02 09:30:00Z", "2026-03-02T24:00:00Z",
                 "2026-03-02T09:30:00+15:00", "2026-02-29T09:30:00Z", "2026-03T09:30:00Z", "2026-03-02T09:30:00z"],
    "decimal": ["1", True, 10**500, json.loads("1E999"), json.loads("1E-999")],
    "id": ["", "a_b", "x" * 65, "a/b", "é", "a\n"],
    "instant": ["2026", "2026-03-02", "2026-03-02T09:30:00"],
    "integer": [2**31, -(2**31) - 1, True, "1", json.loads("1.0")],
    "markdown": ["", "\x07"],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1"],
    "positiveInt": [0, -1, True],
    "string": ["", "\x00", "a\x0bb", "\ud800", "x" * (2**20 + 1), 1, None],
    "time": ["9:00:00", "24:00:00", "09:00", "09:00:00Z"],
    "unsignedInt": [-1, 2**31],
    "uri": ["", "a b", "a\tb"],
    "url": ["", " "],
    "uuid": ["urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:1"],
    "xhtml": ["", "x", 1],
}  # fmt: skip


def test_every_primitive_type_has_a_check_a_form_and_samples() -> None:
    assert set(PRIMITIVE_CHECKS) == set(PRIMITIVE_FORMS) == set(GOOD) == set(BAD) == primitive_types()


@pytest.mark.parametrize("type_code", GOOD)
def test_good_values(type_code: str) -> None:
    for value in GOOD[type_code]:
        assert primitive_check(type_code)(value), value


@pytest.mark.parametrize("type_code", BAD)
def test_bad_values(type_code: str) -> None:
    for value in [*BAD[type_code], None, [], {}, ["a"]]:
        assert not primitive_check(type_code)(value), value


@cache
def official_patterns() -> dict[str, str]:
    patterns = {}
    for definition in read_package(CORE_PACKAGE)["StructureDefinition"]:
        if definition["kind"] == "primitive-type":
            value = next(e for e in definition["snapshot"]["element"] if e["path"].endswith(".value"))
            for extension in value["type"][0].get("extension", []):
                if extension["url"].endswith("/regex"):
                    patterns[definition["type"]] = extension["valueString"]
    return patterns


@needs_core
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_check_is_looser_than_the_pattern_in_the_package(data: st.DataObject) -> None:
    type_code = data.draw(st.sampled_from(["code", "date", "dateTime", "id", "instant", "oid", "time", "uuid", "uri"]))
    near = st.sampled_from([v for values in (*GOOD.values(), *BAD.values()) for v in values if isinstance(v, str)])
    text = data.draw(
        near | st.from_regex(official_patterns()[type_code], fullmatch=True) | st.text("0123456789-:TZ+. ", max_size=12)
    )
    if len(text) < 1000 and primitive_check(type_code)(text):
        assert re.fullmatch(official_patterns()[type_code], text)


@needs_core
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_the_pattern_takes_is_taken_save_days_that_do_not_exist(data: st.DataObject) -> None:
    type_code = data.draw(st.sampled_from(["date", "dateTime", "instant", "id", "oid", "time", "uuid"]))
    text = data.draw(st.from_regex(re.compile(official_patterns()[type_code], re.ASCII), fullmatch=True))
    if not primitive_check(type_code)(text):
        assert text[8:10] in {"29", "30", "31"}
        assert type_code in {"date", "dateTime", "instant"}
