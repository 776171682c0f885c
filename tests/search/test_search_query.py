"""What a query may say, and how it is told what it may not: one issue for each fault, with the nearest thing that exists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.outcome import FhirError, Issue
from profiles.structure import resource_types
from server.search.parse import MAX_VALUES, MODIFIERS
from server.search.query import MAX_CRITERIA, parse_query
from server.search.registry import indexed_parameters
from server.search.results import MAX_COUNT
from server.search.values import split_escaped, unescape


def faults(type_: str, *pairs: tuple[str, str]) -> list[Issue]:
    with pytest.raises(FhirError) as seen:
        parse_query(type_, pairs)
    assert seen.value.status == 400
    return list(seen.value.issues)


@pytest.mark.parametrize(
    ("type_", "name", "offer"),
    [
        ("Patient", "nmae", "name"),
        ("Patient", "birthDate", "birthdate"),
        ("Patient", "Identifier", "identifier"),
        ("Claim", "patien", "patient"),
        ("Claim", "_lastupdated", "_lastUpdated"),
        ("Claim", "_Count", "_count"),
        ("ClaimResponse", "review_action", "review-action"),
        ("Patient", "id", "_id"),
    ],
)
def test_an_unknown_parameter_is_told_with_the_nearest_known_one(type_: str, name: str, offer: str) -> None:
    (issue,) = faults(type_, (name, "x"))
    assert issue.code == "unknown-parameter"
    assert issue.text.endswith(f"Did you mean {offer}?")
    assert issue.expression == f"http.{name}"


def test_with_nothing_near_all_that_there_is_is_listed() -> None:
    (issue,) = faults("Coverage", ("qqqqqq", "x"))
    for name in indexed_parameters("Coverage"):
        assert name in issue.text


def test_every_fault_is_told_at_once_and_lenient_callers_are_warned_of_the_unknown_only() -> None:
    pairs = [("nmae", "x"), ("gender:exact", "male"), ("birthdate", "")]
    assert [issue.code for issue in faults("Patient", *pairs)] == [
        "parameter-modifier", "parameter-value", "unknown-parameter",
    ]  # fmt: skip
    query = parse_query("Patient", [("nmae", "x"), ("gender", "male")], lenient=True)
    assert [(issue.code, issue.severity) for issue in query.ignored] == [("unknown-parameter", "warning")]
    assert query.text == (("gender", "male"),)
    with pytest.raises(FhirError):
        parse_query("Patient", pairs, lenient=True)


@pytest.mark.parametrize(
    ("name", "offer"),
    [
        ("family:not", ":exact"), ("gender:exact", ":not"), ("birthdate:not", ":missing"), ("general-practitioner:Patient", ":Organization"),
        ("general-practitioner:", ":identifier"), ("family:", ":exact"), ("gender:of-type", ":not"), ("identifier:off-type", ":of-type"),
        ("phonetic:exact", ":missing"), ("link:Group", ":Patient"),
    ],
)  # fmt: skip
def test_a_modifier_that_is_not_taken_is_told_with_those_that_are(name: str, offer: str) -> None:
    (issue,) = faults("Patient", (name, "x"))
    assert issue.code == "parameter-modifier"
    assert offer in issue.text


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("_count", "-1", "parameter-value"), ("_count", "ten", "parameter-value"), ("_count", "1e3", "parameter-value"),
        ("_count", "", "parameter-value"), ("_count", "٣", "parameter-value"), ("_count", "9" * 40, "parameter-value"),
        ("_sort", "nmae", "unknown-parameter"), ("_sort", "-", "unknown-parameter"), ("_sort", "near", "unknown-parameter"),
        ("_sort", "name,-name", "parameter-value"), ("_sort", "name,,birthdate", "unknown-parameter"), ("_sort", "_score", "not-supported"),
        ("_sort", "name,gender,birthdate,_id,_tag,_profile", "search-too-costly"),
        ("_include", "Claim", "parameter-value"), ("_include", "Claim:patient:Patient:x", "parameter-value"),
        ("_include", "Klaim:patient", "parameter-value"), ("_include", "Patient:nmae", "unknown-parameter"),
        ("_include", "Patient:gender", "parameter-value"), ("_include", "Patient:*:Pateint", "parameter-value"),
        ("_include:above", "Patient:organization", "parameter-modifier"), ("_include", "Patient:organization:Group", "parameter-value"),
        ("_revinclude", "Provenance", "parameter-value"), ("_revinclude:iterate", "Provenance:agnet", "unknown-parameter"),
        ("_summary", "yes", "parameter-value"), ("_summary", "", "parameter-value"), ("_total", "exact", "parameter-value"),
        ("_elements", "nmae", "parameter-value"), ("_elements", "", "parameter-value"), ("_elements", "name.family", "parameter-value"),
        ("_elements", "Pateint.name", "parameter-value"), ("_elements", "id," * 100 + "id", "parameter-value"),
        ("_contained", "true", "not-supported"), ("_contained", "maybe", "parameter-value"), ("_containedType", "container", "not-supported"),
        ("_offset", "20", "not-supported"), ("_page", "2", "not-supported"), ("_score", "x", "not-supported"),
        ("_maxresults", "0", "parameter-value"), ("_maxresults", "all", "parameter-value"), ("_explain", "1", "parameter-value"),
    ],
)  # fmt: skip
def test_result_parameters_of_the_wrong_form(name: str, value: str, code: str) -> None:
    assert faults("Patient", (name, value))[0].code == code


def test_a_result_parameter_is_given_once() -> None:
    assert faults("Patient", ("_count", "1"), ("_count", "2"))[0].code == "parameter-value"
    query = parse_query("Patient", [("_include", "Patient:organization"), ("_include", "Patient:general-practitioner")])
    assert len(query.results.includes) == 2
    for other in (("_elements", "id"), ("_summary", "true")):
        assert faults("Patient", ("_summary", "data"), other)[0].code == "parameter-value"
    assert faults("Patient", ("_summary", "text"), ("_include", "*"))[0].code == "parameter-value"


def test_counts_are_bounded() -> None:
    assert parse_query("Patient", [("_count", "7")]).results.count == 7
    assert parse_query("Patient", [("_count", "999999")]).results.count == MAX_COUNT
    assert parse_query("Patient", [("_count", "0")]).results.count_only
    assert parse_query("Patient", [("_summary", "count")]).results.count_only


def test_so_many_criteria_and_values_and_no_more() -> None:
    assert parse_query("Patient", [("name", "x")] * MAX_CRITERIA)
    assert faults("Patient", *[("name", "x")] * (MAX_CRITERIA + 1))[0].code == "search-too-costly"
    assert parse_query("Patient", [("name", ",".join(["x"] * MAX_VALUES))])
    assert faults("Patient", ("name", ",".join(["x"] * (MAX_VALUES + 1))))[0].code == "search-too-costly"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family:Ann Lee 1970", "x"), (f"family:{'secret' * 20}", "x"), ("Ann Lee 1970", "x"), ("secret" * 20, "x"),
        ("_count", "Ann Lee 1970"), ("_sort", "Ann Lee 1970"), ("_include", "Ann:Lee 1970"), ("_include", "Patient:Ann Lee 1970"),
        ("_summary", "Ann Lee 1970"), ("_total", "Ann Lee 1970"), ("_include:Ann Lee 1970", "x"),
    ],
)  # fmt: skip
def test_issues_repeat_no_value_and_no_name_that_is_not_a_plain_word(name: str, value: str) -> None:
    for issue in faults("Patient", (name, value)):
        for text in (issue.text, issue.expression or ""):
            assert "1970" not in text
            assert "secretsecretsecret" not in text


@given(st.lists(st.text(r"ab,|$\x", max_size=5), min_size=1, max_size=4))
def test_escaping_is_undone_exactly_once(parts: list[str]) -> None:
    def escape(text: str) -> str:
        return "".join(f"\\{c}" if c in ",|$\\" else c for c in text)

    for separator in ",|":
        joined = separator.join(map(escape, parts))
        assert [unescape(part) for part in split_escaped(joined, separator)] == parts


def test_a_backslash_at_the_end_or_before_anything_else_stays() -> None:
    assert split_escaped("a\\") == ["a\\"]
    assert unescape("a\\") == "a\\"
    assert unescape(r"\n\x") == r"\n\x"


@pytest.mark.parametrize("type_", sorted(resource_types()))
def test_every_type_is_searched_by_what_all_resources_have(type_: str) -> None:
    parameters = indexed_parameters(type_)
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security"} <= set(parameters)
    for name, parameter in parameters.items():
        assert parameter.type in {"string", "token", "reference", "date", "number", "quantity", "uri"}, name
        assert parameter.type in MODIFIERS, name
