"""What is seen to hold on plain JSON, the FHIRPath engine does not call broken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import changed, dropped, places
from shared_data import needs_examples, paths, read

from profiles import fhirpath
from profiles.conformance.known_rules import KNOWN
from profiles.conformance.plain_rules import holds
from profiles.fhirpath.model import ancestors
from profiles.json import Json, Resource
from profiles.structure import resource_types, type_definition
from profiles.tables import table

ROWS = table("constraints")["invariants"]
OTHERS = (
    "extension.where(url = 'a:b' and value.code = 'x').exists() implies extension.where(url = 'a:c').exists()",
    "name.given.count() + identifier.count() > 1",
    "(name.family.exists() or telecom.exists()) xor gender.empty()",
    "gender in ('male' | 'female') and active = true",
    "identifier.where(system = 'urn:a:b').value.first().startsWith('a').not()",
    "birthDate.toString().length() = 10",
    "contact.all(name.exists() or telecom.where(system = 'phone').exists())",
    "multipleBirth.exists() implies multipleBirth = 2",
    "%resource.active.hasValue() or contained.first() is Patient",
    "link.other.reference.matches('^[A-Za-z]{3,9}$')",
    "meta.versionId != '1'",
)


def _elements(value: Json, type_name: str) -> Iterator[tuple[Json, str]]:
    """Every object below a value, with its R4 type."""
    if isinstance(value, dict):
        yield value, type_name
        definition = type_definition(type_name)
        for key, each in value.items():
            found = None if definition is None else definition.element(key)
            if found is None or found[1].code == "Resource":
                continue
            for one in each if isinstance(each, list) else [each]:
                yield from _elements(one, found[1].code)


def _compare(text: str, type_name: str, value: Json, resource: Resource) -> bool:
    """Whether the invariant is seen to hold; if so, the engine must not call it broken."""
    surely = holds(text, type_name)
    if surely is None or not surely(value, value if type_name in resource_types() else resource):
        return False
    expression = fhirpath.compile_expression(text, type=type_name, as_filters=True)
    assert expression.test(value, resource=resource) is True, text
    return True


def _all_of(resource: Resource) -> int:
    seen = 0
    for value, type_name in _elements(resource, resource["resourceType"]):
        for name in ancestors(type_name):
            seen += sum(_compare(row[2], type_name, value, resource) for row in ROWS.get(name, ()))
    return seen


@needs_examples
def test_what_is_seen_to_hold_holds_for_the_engine() -> None:
    chance = random.Random(11)
    seen = 0
    for path in paths("conformance/r4-examples/*.json"):
        resource = read(path)
        every = list(places(resource))
        if resource["resourceType"] not in resource_types() or len(every) > 1_500:
            continue
        seen += _all_of(resource)
        for place, _ in chance.sample(every, min(12, len(every))):
            odd = chance.choice(["x", "active", "", None, [], {}, 1, True, [{}], {"extension": [{}]}])
            mutants = [changed(resource, place, odd)]
            if isinstance(place[-1], str):
                mutants.append(dropped(resource, place)[0])
            for each in mutants:
                if each.get("resourceType") == resource["resourceType"]:
                    seen += _all_of(each)
    assert seen > 1_000


_texts = st.sampled_from(["a", "male", "phone", "urn:a:b", "1", "2020-01-01", "a:b", "x", "Patient/abc", "Patient"])
_value = st.recursive(
    _texts | st.booleans() | st.integers(0, 3),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["system", "value", "code", "url", "given", "family", "reference", "name", "extension", "valueCoding"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_MEMBERS = (
    "name identifier telecom gender active birthDate _birthDate contact extension link meta multipleBirthInteger contained"
)


@pytest.mark.parametrize("text", OTHERS, ids=[str(number) for number in range(len(OTHERS))])
@settings(max_examples=40)
@given(members=st.dictionaries(st.sampled_from(_MEMBERS.split()), _value, max_size=5))
def test_any_patient_is_answered_as_by_the_engine(text: str, members: dict[str, Any]) -> None:
    assert holds(text, "Patient") is not None
    resource = {"resourceType": "Patient", **members}
    surely = holds(text, "Patient")
    assert surely is not None
    if surely(resource, resource):
        assert fhirpath.compile_expression(text, type="Patient", as_filters=True).test(resource) is True


def test_most_of_r4s_own_are_plain() -> None:
    rows = {(row[2], name) for name, found in ROWS.items() for row in found if type_definition(name) is not None}
    plain = [text for text, name in rows if holds(text, name) is not None]
    assert len(plain) > 0.6 * len(rows)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def test_the_known_rule_of_bundles_is_r4s() -> None:
    text = next(row[2] for row in ROWS["Bundle"] if row[0] == "bdl-7")
    surely = KNOWN[_digest(text)]
    whole = fhirpath.compile_expression(text, type="Bundle")
    for urls in (["a"], ["a", "b"], ["a", "a"], ["a", None]):
        for version in (None, "1"):
            resource = {"resourceType": "Patient", **({"meta": {"versionId": version}} if version else {})}
            entries = [{**({"fullUrl": url} if url else {}), "resource": resource} for url in urls]
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
            assert not surely(bundle, bundle) or whole.test(bundle) is True
    assert surely({"resourceType": "Bundle", "entry": [{"fullUrl": "a"}, {"fullUrl": "b"}]}, {})


def _npi_rule() -> str:
    """US Core's us-core-17, put together from its parts."""
    double = "(select(value.substring({0},1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))"
    plain = "(value.substring({0},1).toInteger())"
    return f"(({'+'.join((plain if place % 2 else double).format(place) for place in range(10))} + 24)mod 10=0)".replace(
        "(((s", "(((s", 1
    )


def test_the_known_rule_of_npis_is_us_cores() -> None:
    text = _npi_rule()
    surely = KNOWN[_digest(text)]
    whole = fhirpath.compile_expression(text, type="Identifier")
    for number in [*range(1234567880, 1234567910), 9999999995, 2000000002, 1000000004]:
        identifier = {"value": str(number)}
        assert surely(identifier, {}) is whole.test(identifier)
    for odd in ("123456789", "12345678934", "123456789x", "١٢٣٤٥٦٧٨٩٣", ""):
        assert not surely({"value": odd}, {})
