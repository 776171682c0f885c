"""The words of the search language, read without a server: filters, expressions of words, sounds, units, and what is refused."""

from __future__ import annotations

import math
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_house import BASE, INDEX
from search_world import WORLD
from store_oracle import holds

from profiles import json
from profiles.outcome import FhirError
from server.reach import patients_of
from server.search.compile import compile_wanted
from server.search.filter_text import OPERATORS, Comparison, Joined, Step, read_filter
from server.search.index_entries import index_resource
from server.search.near import metres_between
from server.search.quantities import in_base_units, numbers
from server.search.query import MAX_LINKED, parse_query
from server.search.soundex import soundex
from server.search.words import plain, text_matcher


def refusal(type_: str, *pairs: tuple[str, str]) -> tuple[str, str]:
    with pytest.raises(FhirError) as seen:
        compile_wanted(type_, parse_query(type_, pairs).where, INDEX, BASE)
    assert seen.value.status == 400
    return seen.value.issues[0].code, seen.value.issues[0].text


def compare(path: str, operator: str, value: str) -> Comparison:
    return Comparison(tuple(Step(name) for name in path.split(".")), operator, value)


# -- _filter ---------------------------------------------------------------------------------------------------------------
def test_filters_are_read_from_left_to_right() -> None:
    one, two, three = compare("a", "eq", "1"), compare("b.c", "co", "x y"), compare("d", "pr", "true")
    assert read_filter('a eq 1 or b.c co "x y" and d pr true') == Joined("and", (Joined("or", (one, two)), three))
    assert read_filter('a eq 1 or (b.c co "x y" and d pr true)') == Joined("or", (one, Joined("and", (two, three))))
    assert read_filter(' not(a eq 1)and(( b.c co "x y" ))') == Joined("and", (Joined("not", (one,)), two))
    assert read_filter('a[b.c co "x y"].d eq http://x|1') == Comparison((Step("a", two), Step("d")), "eq", "http://x|1")
    assert read_filter(r'a eq "\"q\" A"') == compare("a", "eq", '"q" A')
    assert read_filter("not eq 1") == compare("not", "eq", "1")


@pytest.mark.parametrize(
    "text",
    ["", "a", "a eq", "a xx 1", "a eq 1 b eq 2", "(a eq 1", "a eq 1)", 'a eq "x', "not a eq 1", "a[b eq 1] eq 2", "a. eq 1", 'a eq ""', "a[b eq 1", "a eq 1 and", r'a eq "\x"'],
)  # fmt: skip
def test_what_is_no_filter_is_told_where(text: str) -> None:
    code, sentence = refusal("Patient", ("_filter", text or " "))
    assert code == "parameter-value"
    assert "_filter" in sentence


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("Patient", "gender gt male"), ("Patient", "name gt x"), ("Patient", "birthdate co 1970"), ("Patient", "birthdate eq 19"), ("Patient", "nmae eq x"),
        ("Patient", "name pr maybe"), ("Patient", "gender.name eq x"), ("Patient", "link.nmae eq x"), ("Observation", "code-value-quantity eq a"), ("Location", "near eq 1|1"),
    ],
)  # fmt: skip
def test_what_a_type_cannot_be_compared_by(type_: str, text: str) -> None:
    assert refusal(type_, ("_filter", text))[0] in {"parameter-value", "parameter-modifier", "unknown-parameter"}


def test_filters_are_bounded() -> None:
    for text in ("(" * 5000, "(" * 50 + "a eq 1", "a[" * 50, " or ".join(["_id eq x"] * 51), "not (" * 30):
        assert refusal("Patient", ("_filter", text))[0] == "search-too-costly"


names = st.sampled_from(["name", "gender", "birthdate", "general-practitioner", "_id", "nope", "not", "and"])
comparisons = st.builds(
    lambda name, operator, value: f"{name} {operator} {value}",
    names,
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(["x", '"x y"', "true", "1970", "general", '"', ")", ""]),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"{a} and {b}", inner, inner),
        st.builds(lambda a, b: f"({a}) or not ({b})", inner, inner),
        st.builds(lambda a, b: f"general-practitioner[{a}].{b}", inner, inner),
    ),
    max_leaves=6,
)


@given(filters | st.text('ab eq()[]."\\not', max_size=30))
def test_any_filter_is_read_or_refused(text: str) -> None:
    with suppress(FhirError):
        compile_wanted("Patient", parse_query("Patient", [("_filter", text)]).where, INDEX, BASE)


# -- links -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("type_", "name", "code", "words"),
    [
        ("Observation", "subject:Patient.nmae", "unknown-parameter", "Did you mean name?"), ("Observation", "subject.nmae", "unknown-parameter", "Did you mean subject.name?"),
        ("Observation", "subject:Practitioner.name", "parameter-modifier", "does not refer to Practitioner"), ("Observation", "code.name", "parameter-modifier", "no reference"),
        ("Provenance", "target.status", "search-too-costly", "target:"), ("Patient", "_has:Observation:patient", "parameter-value", "_has:Type:reference:parameter"),
        ("Patient", "_has:Nothing:patient:code", "parameter-value", "does not exist"), ("Patient", "_has:Observation:ptient:code", "unknown-parameter", "Did you mean patient?"),
        ("Patient", "_has:Observation:encounter:code", "parameter-value", "does not refer to Patient"), ("Patient", "_has:Observation:patient:cdoe", "unknown-parameter", "Did you mean code?"),
        ("Organization", "partof.partof.partof.partof.partof.name", "search-too-costly", "at most 4 links"), ("Patient", "_query", "not-supported", "named queries"),
        ("Patient", "link:below", "parameter-modifier", "hierarchy"), ("Observation", "patient:above", "parameter-modifier", "Encounter"), ("QuestionnaireResponse", "questionnaire:above", "parameter-modifier", "versions"), ("Patient", "_text:exact", "parameter-modifier", "modifier"), ("Patient", "_has", "unknown-parameter", "_has"),
    ],
)  # fmt: skip
def test_links_that_lead_nowhere_are_told(type_: str, name: str, code: str, words: str) -> None:
    found = refusal(type_, (name, "x"))
    assert found[0] == code
    assert words in found[1]


def test_so_many_links_in_one_search_and_no_more() -> None:
    assert parse_query("Patient", [("organization.name", "x")] * MAX_LINKED).where.parts
    assert refusal("Patient", *[("organization.name", "x")] * (MAX_LINKED + 1))[0] == "search-too-costly"
    assert refusal("Patient", ("name:contains", ",".join(["abc"] * 150)))[0] == "search-too-costly"


# -- words, sounds, places -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["(a", "a)", "and", "a or", "or a", "not", "()", '""', "a and or b", "(" * 12 + "a" + ")" * 12, "not " * 12 + "a", "a " * 200, "-", "a" * 1001])  # fmt: skip
def test_what_is_no_expression_of_words(text: str) -> None:
    assert refusal("Patient", ("_text", text))[0] == "parameter-value"


def test_words_in_narratives_and_anywhere() -> None:
    resource = {
        "resourceType": "Basic",
        "text": {"div": "<div>Fran&ccedil;ois' bone-scan</div>"},
        "code": {"text": "Liver"},
    }
    for text, code, wanted in (
        ("francois", "_text", True), ("liver", "_text", False), ("liver", "_content", True), ("scan", "_text", False), ("bone-scan", "_text", True), ("bone OR lung", "_content", True),
        ("NOT lung AND liver", "_content", True), ("ver", "_content", False), ("basic", "_content", True),
    ):  # fmt: skip
        assert text_matcher((text,), code)(resource) == wanted, (text, code)


def test_markup_of_any_shape_takes_no_time() -> None:
    assert plain("<" * 1_000_000).strip() == ""


@pytest.mark.parametrize(
    ("name", "sound"),
    [("robert", "R163"), ("rupert", "R163"), ("ashcraft", "A261"), ("tymczak", "T522"), ("pfister", "P236"), ("honeyman", "H555"), ("lee", "L000"), ("jackson", "J250"), ("o'hara", "O600"), ("", ""), ("7up", "")],
)  # fmt: skip
def test_soundex_of_the_national_archives(name: str, sound: str) -> None:
    assert soundex(name) == sound


def test_distances_on_the_earth() -> None:
    paris, london = (48.85661, 2.35222), (51.50735, -0.12776)
    assert math.isclose(metres_between(paris, london), 343_500, rel_tol=0.005)
    assert metres_between(paris, paris) == 0
    assert math.isclose(metres_between((0, 180), (0, -180)), 0, abs_tol=1)


# -- quantities ------------------------------------------------------------------------------------------------------------
@given(
    st.decimals("0.001", 100000, places=3),
    st.sampled_from([("g", "mg", 1000), ("m", "cm", 100), ("L", "mL", 1000), ("h", "min", 60)]),
)
def test_a_quantity_is_found_in_every_unit_of_its_kind(value: Decimal, units: tuple[str, str, int]) -> None:
    large, small, factor = units
    one = dict(numbers({"value": value, "system": "http://unitsofmeasure.org", "code": large, "unit": large}))
    other = dict(numbers({"value": value * factor, "system": "http://unitsofmeasure.org", "code": small}))
    (base,) = set(one) & set(other) - {""}
    assert one[base] == other[base]
    assert in_base_units(large) == (base, Fraction(factor) * (in_base_units(small) or ("", Fraction(0)))[1])


def test_quantities_of_other_kinds_keep_their_code() -> None:
    assert dict(numbers({"value": 3, "unit": "tablet"})) == {"": 3.0, "tablet": 3.0}
    assert dict(numbers({"value": 3, "system": "http://unitsofmeasure.org", "code": "Cel", "unit": "C"})) == {
        "": 3.0,
        "Cel": 3.0,
        "C": 3.0,
    }
    assert dict(numbers({"value": 3, "currency": "USD"})) == {"": 3.0, "USD": 3.0}
    assert dict(numbers({"value": Decimal("1e999"), "system": "http://unitsofmeasure.org", "code": "kg"})).keys() >= {"kg"}
    assert list(numbers({"value": True})) == []


# -- what is asked of the store and of a hit -------------------------------------------------------------------------------
def test_the_clauses_and_the_test_of_a_resource_say_the_same() -> None:
    """What the store finds, less what its checks throw out, is what the test of a resource lets pass."""
    from test_search_rows import ROWS

    seen = 0
    for type_, query, _ in ROWS:
        single = query.startswith(("_filter", "_text", "_content"))
        pairs = [tuple(pair.split("=", 1)) for pair in ([query] if single else query.split("&"))]
        try:
            wanted = compile_wanted(type_, parse_query(type_, pairs).where, INDEX, BASE)
        except FhirError:  # it asks others
            continue
        for made in WORLD:
            if made["resourceType"] != type_:
                continue
            meta = {**made.get("meta", {}), "lastUpdated": "2026-05-01T00:00:00.000001Z"}
            resource = json.loads(json.dumps({**made, "meta": meta}))
            entries = index_resource(resource, patients_of(resource), INDEX, 0, BASE)
            found = all(holds(clause, entries) for clause in wanted.clauses)
            assert (found and all(check(resource) for check in wanted.checks)) == wanted.test(resource), (query, made["id"])
            seen += 1
    assert seen > 300
