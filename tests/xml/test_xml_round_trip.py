"""XML says what JSON says: nothing is lost on the way there and back."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import shared_data

from profiles.base_validation import validate_resource
from profiles.json import ExactDecimal, Resource, dumps, loads
from profiles.xml.events import XmlError
from profiles.xml.reading import from_xml
from profiles.xml.writing import to_xml
from server.sample.practice import practice_requests, practice_resources

PATIENT = """<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir">
  <!-- not kept -->
  <id value="p1"/>
  <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>A &lt; B &#8212; <b>c</b></p></div></text>
  <contained><Organization><id value="o"/><name value="Clinic &amp; Co"/></Organization></contained>
  <extension url="https://assent.example/x"><valueDecimal value="1.50"/></extension>
  <active value="true"/>
  <name id="n1">
    <family value="O&quot;Hara"><extension url="https://assent.example/own"><valueString value="van"/></extension></family>
    <given value="Ann"/>
    <given><extension url="https://assent.example/none"><valueCode value="unknown"/></extension></given>
  </name>
  <multipleBirthInteger value="2"/>
  <managingOrganization><reference value="#o"/></managingOrganization>
</Patient>"""

AS_JSON: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>A &lt; B &#8212; <b>c</b></p></div>',
    },
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic & Co"}],
    "extension": [{"url": "https://assent.example/x", "valueDecimal": ExactDecimal("1.50")}],
    "active": True,
    "name": [
        {
            "id": "n1",
            "family": 'O"Hara',
            "_family": {"extension": [{"url": "https://assent.example/own", "valueString": "van"}]},
            "given": ["Ann", None],
            "_given": [None, {"extension": [{"url": "https://assent.example/none", "valueCode": "unknown"}]}],
        }
    ],
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#o"},
}


def test_every_form_of_an_element_is_read() -> None:
    found = from_xml(PATIENT.encode())
    assert found == AS_JSON
    assert dumps(found["extension"]) == b'[{"url":"https://assent.example/x","valueDecimal":1.50}]'


@pytest.mark.parametrize("pretty", [False, True])
def test_what_was_written_is_read_again(pretty: bool) -> None:
    assert from_xml(to_xml(AS_JSON, pretty=pretty)) == AS_JSON


def test_elements_stand_in_the_order_of_the_table_whatever_the_order_of_the_keys() -> None:
    shuffled = {key: AS_JSON[key] for key in sorted(AS_JSON, reverse=True)}
    assert to_xml(shuffled) == to_xml(AS_JSON)


def test_the_synthetic_practice_survives() -> None:
    today = date(2026, 11, 22)
    practice = [*practice_resources(today), *practice_requests(today)]
    assert len(practice) > 100
    for resource in practice:
        assert from_xml(to_xml(resource)) == resource


def test_every_example_of_r4_survives() -> None:
    count = 0
    for file in sorted((shared_data() / "conformance" / "r4-examples").glob("*.json")):
        resource = loads(file.read_bytes())
        written = to_xml(resource)
        assert from_xml(written) == resource, file.name
        assert dumps(from_xml(to_xml(from_xml(written)))) == dumps(from_xml(written)), file.name
        count += 1
    assert count > 40


def test_the_xml_examples_say_what_the_json_examples_say() -> None:
    count = 0
    for file in sorted((shared_data() / "conformance" / "r4-examples").glob("*.xml")):
        found = from_xml(file.read_bytes())
        twin = file.with_suffix(".json")
        if twin.exists():
            assert found == loads(twin.read_bytes()), file.name
        assert from_xml(to_xml(found)) == found, file.name
        count += 1
    assert count > 3


_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"), min_size=1) | st.sampled_from(
    ["a\nb", "\t", "\r\n", "  two  ", "]]>", "<&>\"'", "&amp;", "é😀"]
)
_EXTENSION = st.builds(lambda value: {"url": "https://assent.example/e", **value}, st.one_of(
    st.builds(lambda text: {"valueString": text}, _TEXT),
    st.builds(lambda number: {"valueInteger": number}, st.integers(-(2**31), 2**31 - 1)),
    st.builds(lambda number: {"valueDecimal": ExactDecimal(number)}, st.from_regex(r"-?(0|[1-9][0-9]{0,6})\.[0-9]{1,8}", fullmatch=True)),
    st.builds(lambda flag: {"valueBoolean": flag}, st.booleans()),
))  # fmt: skip


@given(st.lists(_EXTENSION, min_size=1, max_size=4), st.lists(st.none() | _TEXT, min_size=1, max_size=4), _TEXT)
def test_any_text_and_number_survives(extensions: list[Any], given_names: list[str | None], family: str) -> None:
    beside = [
        None if name is not None else {"extension": [{"url": "https://assent.example/a", "valueCode": "x"}]}
        for name in given_names
    ]
    name: Resource = {"family": family}
    if any(each is not None for each in given_names):
        name["given"] = given_names
    if any(each is not None for each in beside):
        name["_given"] = beside
    resource = {"resourceType": "Patient", "extension": extensions, "name": [name]}
    found = from_xml(to_xml(resource))
    assert found == resource
    assert sorted(json.dumps(loads(dumps(found)), default=str)) == sorted(json.dumps(loads(dumps(resource)), default=str))


BAD = {
    "nothing": b"",
    "no xml": b"{}",
    "not closed": b'<Patient xmlns="http://hl7.org/fhir"><id value="1"/>',
    "no name space": b"<Patient/>",
    "other name space": b'<Patient xmlns="urn:hl7-org:v3"/>',
    "no resource": b'<HumanName xmlns="http://hl7.org/fhir"/>',
    "text between": b'<Patient xmlns="http://hl7.org/fhir">hello</Patient>',
    "foreign attribute": b'<Patient xmlns="http://hl7.org/fhir"><active value="true" class="x"/></Patient>',
    "attribute on the root": b'<Patient xmlns="http://hl7.org/fhir" id="1"/>',
    "url as an element": b'<Patient xmlns="http://hl7.org/fhir"><extension><url value="x"/></extension></Patient>',
    "two contained in one": b'<Patient xmlns="http://hl7.org/fhir"><contained><Patient/><Patient/></contained></Patient>',
    "div that is none": b'<Patient xmlns="http://hl7.org/fhir"><text><div value="x"/></text></Patient>',
    "prefixed div": b'<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div>x</h:div></text></Patient>',
    "not utf-8": '<Patient xmlns="http://hl7.org/fhir"><id value="é"/></Patient>'.encode("latin-1"),
    "another encoding": b'<?xml version="1.0" encoding="ISO-8859-1"?><Patient xmlns="http://hl7.org/fhir"/>',
    "html entity": b'<Patient xmlns="http://hl7.org/fhir"><id value="&nbsp;"/></Patient>',
    "document type": b'<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>',
    "growing entities": b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Patient xmlns="http://hl7.org/fhir"><id value="&b;"/></Patient>',
    "file entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><Patient xmlns="http://hl7.org/fhir"><id value="&a;"/></Patient>',
    "depth": b'<Patient xmlns="http://hl7.org/fhir">' + b"<contact>" * 5000 + b"</contact>" * 5000 + b"</Patient>",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_resource_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(XmlError) as caught:
        from_xml(BAD[name])
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("body", "expression"),
    [
        ('<active value="yes"/>', "Patient.active"),
        ('<birthDate value="tomorrow"/>', "Patient.birthDate"),
        ("<gender/>", "Patient.gender"),
        ('<nickname value="x"/>', "Patient.nickname"),
        ('<gender value="male"/><gender value="female"/>', "Patient.gender"),
        ('<multipleBirthInteger value="1.5"/>', "Patient.multipleBirth"),
    ],
)
def test_what_is_read_wrongly_typed_is_left_to_validation(body: str, expression: str) -> None:
    found = from_xml(f'<Patient xmlns="http://hl7.org/fhir">{body}</Patient>'.encode())
    issues = validate_resource(found)
    assert any(issue.severity == "error" and str(issue.expression).startswith(expression) for issue in issues), issues


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "name": [{"family": "a\x01b"}]},
        {"resourceType": "Patient", "nickname": "x"},
        {"resourceType": "Nothing"},
        {"resourceType": "Patient", "name": ["x"]},
        {"resourceType": "Patient", "active": {"a": 1}},
        {"resourceType": "Patient", "text": {"status": "generated", "div": "<div><p></div>"}},
    ],
)
def test_what_xml_cannot_say_is_refused(resource: Resource) -> None:
    with pytest.raises(XmlError):
        to_xml(resource)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reversed_keys(item) for name, item in reversed(value.items())}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def test_elements_stand_in_the_order_of_their_definition() -> None:
    """XML has an order where JSON has none: that of R4's definitions, whatever order the keys came in."""
    written = to_xml(reversed_keys(AS_JSON)).decode()
    names = ["id", "text", "contained", "extension", "active", "name id", "multipleBirthInteger", "managingOrganization"]
    places = [written.index(f"<{name}") for name in names]
    assert places == sorted(places)
    assert written == to_xml(AS_JSON).decode()
    outcome = {"code": "invalid", "severity": "error", "details": {"coding": [{"code": "c", "system": "urn:s"}]}}
    assert to_xml({"resourceType": "OperationOutcome", "issue": [outcome]}).decode().endswith(
        '<issue><severity value="error"/><code value="invalid"/><details><coding><system value="urn:s"/><code value="c"/></coding>'
        "</details></issue></OperationOutcome>"
    )  # fmt: skip
