"""Strings, tokens, references, numbers and URIs, one resource and one query at a time (R4 search 3.1.1.4)."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_house import BASE, matches

from profiles.json import loads
from profiles.outcome import FhirError


def patient(**content: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **content}


# -- strings ---------------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Case, accents and white space aside: an evaluation of its own for the alphabet used here."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


names = st.lists(st.text("aeiéÉüÜñ bBcC'-zZ", min_size=1, max_size=12), min_size=1, max_size=3).map(" ".join)


@given(name=names, length=st.integers(1, 10), start=st.integers(0, 12), how=st.sampled_from(["as is", "upper", "plain"]))
@settings(max_examples=600, deadline=None)
def test_a_name_is_found_by_the_beginning_of_it_or_of_a_word_in_it(name: str, length: int, start: int, how: str) -> None:
    asked = name[start : start + length]
    asked = {"as is": asked, "upper": asked.upper(), "plain": plain(asked)}[how]
    if not plain(asked):
        return
    wanted = plain(name).startswith(plain(asked)) or any(w.startswith(plain(asked)) for w in plain(name).split())
    assert matches(patient(name=[{"family": name}]), ("family", asked)) == wanted


@given(name=st.text("abc", min_size=1, max_size=12), asked=st.text("abc", min_size=1, max_size=12))
@settings(max_examples=400, deadline=None)
def test_any_prefix_length_and_nothing_but_prefixes(name: str, asked: str) -> None:
    assert matches(patient(name=[{"given": [name]}]), ("given", asked)) == name.startswith(asked)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Villanueva", "villa"), ("de la Cruz", "cruz"), ("de la Cruz", "de la c"), ("Müller", "muller"), ("Muller", "MÜLLER"),
        ("Łukasz", "lukasz"), ("Søren", "soren"), ("O'Brien", "o’brien"), ("Straße", "STRASSE"), ("Al-Rashid", "al-r"),
        ("Nguyễn", "nguyen"), ("李小龙", "李"), ("Σίσυφος", "σισυφοσ"), ("İstanbul", "istanbul"), ("  spaced   out ", "spaced out"),
    ],
)  # fmt: skip
def test_names_as_people_type_them(name: str, asked: str) -> None:
    assert matches(patient(name=[{"family": name}]), ("family", asked))
    assert matches(patient(name=[{"text": name}]), ("name", asked))


def test_exact_is_exact() -> None:
    one = patient(name=[{"family": "Müller"}])
    assert matches(one, ("family:exact", "Müller"))
    for other in ("müller", "Muller", "Müll", "Müller "):
        assert not matches(one, ("family:exact", other))
    comma = patient(name=[{"family": "a,b|c\\d$e"}])
    assert matches(comma, ("family:exact", r"a\,b\|c\\d\$e"))
    assert not matches(comma, ("family:exact", r"a,b|c\\d$e"))


def test_commas_are_alternatives_and_repeated_parameters_must_all_hold() -> None:
    one = patient(name=[{"family": "Adams", "given": ["Joan", "Mary"]}])
    assert matches(one, ("family", "brown,adams"))
    assert not matches(one, ("family", "brown,clark"))
    assert matches(one, ("given", "joan"), ("given", "mary"))
    assert not matches(one, ("given", "joan"), ("given", "ann"))
    assert matches(one, ("given", "jo,zz"), ("family", "ad"))


def test_addresses_are_searched_part_by_part() -> None:
    one = patient(address=[{"line": ["5 Toll House Road"], "city": "Riverbend", "state": "OH", "postalCode": "43999-1156"}])
    for name, value in [("address", "toll"), ("address", "43999"), ("address-city", "river"), ("address-state", "oh")]:
        assert matches(one, (name, value))
    assert not matches(one, ("address-city", "toll"))


@pytest.mark.parametrize("value", ["", ",", "a,", " ", "\u0301", "\t\n"])
def test_a_string_without_anything_to_look_for_is_refused(value: str) -> None:
    with pytest.raises(FhirError) as seen:
        matches(patient(), ("family", value))
    assert seen.value.issues[0].code == "parameter-value"


# -- tokens ----------------------------------------------------------------------------------------------------------------

IDENTIFIED = patient(
    identifier=[{"system": "urn:mrn", "value": "1,2|3\\4"}, {"value": "bare"}, {"system": "urn:only"}],
    active=True,
    gender="female",
    telecom=[{"system": "phone", "value": "+1-555-0182"}],
)
CODED = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}, {"code": "own"}], "text": "HbA1c"},
}


@pytest.mark.parametrize(
    ("resource", "name", "value", "wanted"),
    [
        (IDENTIFIED, "identifier", r"1\,2\|3\\4", True),
        (IDENTIFIED, "identifier", r"urn:mrn|1\,2\|3\\4", True),
        (IDENTIFIED, "identifier", r"urn:other|1\,2\|3\\4", False),
        (IDENTIFIED, "identifier", r"|1\,2\|3\\4", False),
        (IDENTIFIED, "identifier", "|bare", True),
        (IDENTIFIED, "identifier", "bare", True),
        (IDENTIFIED, "identifier", "BARE", False),
        (IDENTIFIED, "identifier", "ba", False),
        (IDENTIFIED, "identifier", "zzz,bare", True),
        (IDENTIFIED, "active", "true", True),
        (IDENTIFIED, "active", "false", False),
        (IDENTIFIED, "gender", "female", True),
        (IDENTIFIED, "gender", "male", False),
        (IDENTIFIED, "gender:not", "male", True),
        (IDENTIFIED, "gender:not", "female", False),
        (IDENTIFIED, "gender:not", "male,female", False),
        (patient(), "gender:not", "male", True),
        (IDENTIFIED, "phone", "+1-555-0182", True),
        (IDENTIFIED, "email", "+1-555-0182", False),
        (patient(deceasedBoolean=False), "deceased", "false", True),
        (patient(deceasedDateTime="2020"), "deceased", "true", True),
        (patient(), "deceased", "false", True),
        (CODED, "code", "4548-4", True),
        (CODED, "code", "http://loinc.org|4548-4", True),
        (CODED, "code", "http://loinc.org|own", False),
        (CODED, "code", "|own", True),
        (CODED, "code", "|4548-4", False),
        (CODED, "code", "http://snomed.info/sct|4548-4,http://loinc.org|4548-4", True),
        (CODED, "status", "final", True),
        (CODED, "_id", "x", True),
        (CODED, "_id", "y,x", True),
        (CODED, "_id", "y", False),
    ],
)
def test_tokens(resource: dict[str, Any], name: str, value: str, wanted: bool) -> None:
    assert matches(resource, (name, value)) == wanted


@pytest.mark.parametrize("value", ["a|b|c", "|", ""])
def test_a_token_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(FhirError) as seen:
        matches(IDENTIFIED, ("identifier", value))
    assert seen.value.issues[0].code == "parameter-value"


# -- references ------------------------------------------------------------------------------------------------------------


def claim(reference: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Claim", "patient": reference}


@pytest.mark.parametrize(
    ("stored", "asked", "wanted"),
    [
        ("Patient/p1", "Patient/p1", True),
        ("Patient/p1", "p1", True),
        ("Patient/p1", f"{BASE}/Patient/p1", True),
        ("Patient/p1", "https://elsewhere.example/fhir/Patient/p1", False),
        ("Patient/p1", "Patient/p2", False),
        ("Patient/p1", "p", False),
        ("Patient/p1", "p2,p1", True),
        ("Patient/p1/_history/3", "Patient/p1", True),
        ("Patient/p1", "Patient/p1/_history/3", True),
        (f"{BASE}/Patient/p1", "Patient/p1", True),
        (f"{BASE}/Patient/p1", "p1", True),
        ("https://elsewhere.example/fhir/Patient/p1", "https://elsewhere.example/fhir/Patient/p1", True),
        ("https://elsewhere.example/fhir/Patient/p1", "p1", False),
        ("urn:uuid:5a1b3c0e-0000-4000-8000-000000000000", "urn:uuid:5a1b3c0e-0000-4000-8000-000000000000", True),
    ],
)
def test_references_by_type_id_and_address(stored: str, asked: str, wanted: bool) -> None:
    assert matches(claim({"reference": stored}), ("patient", asked)) == wanted
    if asked in {"p1", "p"}:
        assert matches(claim({"reference": stored}), ("patient:Patient", asked)) == wanted


def test_a_type_as_modifier_picks_among_the_targets() -> None:
    task = {"resourceType": "Observation", "subject": {"reference": "Group/7"}}
    assert matches(task, ("subject", "7"))
    assert matches(task, ("subject:Group", "7"))
    assert not matches(task, ("subject:Patient", "7"))
    assert not matches(task, ("patient", "7"))


def test_references_by_identifier() -> None:
    one = claim({"identifier": {"system": "urn:member", "value": "M|1"}})
    for value in (r"urn:member|M\|1", r"M\|1"):
        assert matches(one, ("patient:identifier", value))
    assert not matches(one, ("patient:identifier", r"urn:other|M\|1"))
    assert not matches(one, ("patient", "M1"))


@pytest.mark.parametrize("value", ["a b", "ä", "x" * 65, "p1?", ""])
def test_what_cannot_be_a_reference_is_refused(value: str) -> None:
    with pytest.raises(FhirError) as seen:
        matches(claim({"reference": "Patient/p1"}), ("patient", value))
    assert seen.value.issues[0].code == "parameter-value"


# -- numbers, quantities, URIs -----------------------------------------------------------------------------------------------


def measured(value: str, **unit: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "valueQuantity": {"value": loads(value), **unit}}


@pytest.mark.parametrize(
    ("stored", "asked", "wanted"),
    [
        ("100", "100", True), ("100.4", "100", True), ("100.5", "100", False), ("99.5", "100", True), ("99.4", "100", False),
        ("100.04", "100.0", True), ("100.05", "100.0", False), ("100.4", "eq100", True), ("100.4", "ne100", False),
        ("100.5", "ne100", True), ("100.4", "gt100", True), ("100", "gt100", False), ("100", "ge100", True), ("99", "lt100", True),
        ("100", "le100", True), ("100", "lt100", False), ("109", "ap100", True), ("111", "ap100", False), ("-5", "-5", True),
        ("1.0E2", "100", True), ("100", "1e2", True), ("149", "1e2", True), ("151", "1e2", False), ("0.0001", "0.0001", True),
    ],
)  # fmt: skip
def test_quantities_compare_with_their_precision(stored: str, asked: str, wanted: bool) -> None:
    assert matches(measured(stored), ("value-quantity", asked)) == wanted


def test_quantities_by_unit() -> None:
    one = measured("5.4", system="http://unitsofmeasure.org", code="mg", unit="milligram")
    for unit in ("", "|http://unitsofmeasure.org|mg", "||mg", "||milligram"):
        assert matches(one, ("value-quantity", f"5.4{unit}"))
    for unit in ("|http://unitsofmeasure.org|g", "||kg", "|urn:other|mg"):
        assert not matches(one, ("value-quantity", f"5.4{unit}"))


@pytest.mark.parametrize("value", ["x", "1,x", "5.4|mg", "NaN", "Infinity", "1e9999", "--1", "gt", "0x10", "1" * 40, "٣"])
def test_what_is_no_quantity_is_refused(value: str) -> None:
    with pytest.raises(FhirError) as seen:
        matches(measured("1"), ("value-quantity", value))
    assert seen.value.issues[0].code == "parameter-value"


def test_numbers_and_uris() -> None:
    risk = {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": loads("0.82")}]}
    assert matches(risk, ("probability", "gt0.8"))
    assert not matches(risk, ("probability", "gt0.9"))
    library = {"resourceType": "Library", "url": "https://assent.example/fhir/Library/a,b"}
    assert matches(library, ("url", r"https://assent.example/fhir/Library/a\,b"))
    assert not matches(library, ("url", "https://assent.example/fhir/Library"))
