"""SMART scopes: what follows the grammar is understood, and what does not grants nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.scopes import LAUNCH_SCOPES, MAXIMUM_SCOPES, ResourceScope, parse_resource_scope, parse_scopes


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("patient/*.cruds", ResourceScope("patient", "*", "cruds")),
        ("user/Claim.rs", ResourceScope("user", "Claim", "rs")),
        ("system/AuditEvent.s", ResourceScope("system", "AuditEvent", "s")),
        ("user/Patient.read", ResourceScope("user", "Patient", "rs")),
        ("user/*.write", ResourceScope("user", "*", "cud")),
        ("patient/*.*", ResourceScope("patient", "*", "cruds")),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            ResourceScope(
                "patient",
                "Observation",
                "rs",
                (("category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),),
            ),
        ),
        (
            "user/Condition.rs?category=a%7Cb&clinical-status:not=inactive&_tag=1+1",
            ResourceScope(
                "user", "Condition", "rs", (("category", "a|b"), ("clinical-status:not", "inactive"), ("_tag", "1+1"))
            ),
        ),
    ],
)
def test_scopes_of_both_versions_are_understood(text: str, scope: ResourceScope) -> None:
    assert parse_resource_scope(text) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user/Claim",
        "user/Claim.",
        "user/Claim.sr",
        "user/Claim.rr",
        "user/Claim.rx",
        "user/Claim.RS",
        "user/claim.rs",
        "user/Cl*.rs",
        "user/**.rs",
        "users/Claim.rs",
        "User/Claim.rs",
        "user//Claim.rs",
        "user/Claim/1.rs",
        "Claim.rs",
        "/Claim.rs",
        "user/Claim.rs\n",
        "user/Claim.rs?",
        "user/Claim.rs?status",
        "user/Claim.rs?status=",
        "user/Claim.rs?=active",
        "user/Claim.rs?status=active&",
        "user/Claim.rs?status=active&&use=claim",
        "user/Claim.rs?status=%ff",
        "user/Claim.rs?status=%00",
        "user/Claim.rs?patient.name=x",
        "user/Claim.read?status=active",
        "user/Claim.*?status=active",
        "user/Claim.rs#status",
        "user/Cläim.rs",
        "user/Claim.readwrite",
        "user/Claim.rs.rs",
        "user/" + "A" * 500 + ".rs",
    ],
)
def test_what_does_not_follow_the_grammar_grants_nothing(text: str) -> None:
    assert parse_resource_scope(text) is None
    assert parse_scopes(text).resources == ()


def test_a_scope_claim_is_sorted_into_what_opens_resources_what_does_not_and_what_means_nothing() -> None:
    scopes = parse_scopes("openid fhirUser launch/patient user/Claim.rs user/Claim.rs user/Claim.zz offline_access root")
    assert scopes.resources == (ResourceScope("user", "Claim", "rs"),)
    assert scopes.others == {"openid", "fhirUser", "launch/patient", "offline_access"}
    assert scopes.unknown == ("user/Claim.zz", "root")


def test_a_flood_of_scopes_is_cut_off() -> None:
    scopes = parse_scopes(" ".join(f"user/T{'x' * (n % 60)}.rs?a={n}" for n in range(5000)))
    assert len(scopes.resources) == MAXIMUM_SCOPES


letters = st.sets(st.sampled_from("cruds"), min_size=1).map(lambda chosen: "".join(c for c in "cruds" if c in chosen))
types = st.one_of(st.just("*"), st.from_regex(r"[A-Z][A-Za-z]{0,20}", fullmatch=True))
reaches = st.sampled_from(["patient", "user", "system"])
names = st.from_regex(r"_?[A-Za-z][A-Za-z0-9-]{0,10}(:[a-z]{1,8})?", fullmatch=True)
values = st.from_regex(r"[A-Za-z0-9|:/._,-]{1,20}", fullmatch=True)


@given(reaches, types, letters, st.lists(st.tuples(names, values), max_size=3))
def test_every_scope_of_the_grammar_is_read_back_as_written(
    reach: str, resource_type: str, some: str, parameters: list[tuple[str, str]]
) -> None:
    query = "&".join(f"{name}={value}" for name, value in parameters)
    text = f"{reach}/{resource_type}.{some}" + (f"?{query}" if query else "")
    parsed = parse_resource_scope(text)
    assert parsed is not None
    assert (parsed.reach, parsed.resource_type, parsed.letters) == (reach, resource_type, some)
    assert parsed.filter == tuple(parameters)


@given(st.permutations("cruds"), st.integers(1, 5))
def test_letters_count_only_in_their_order(order: list[str], length: int) -> None:
    some = "".join(order[:length])
    assert (parse_resource_scope(f"user/Claim.{some}") is not None) == (list(some) == sorted(some, key="cruds".index))


@given(st.text(alphabet="patienusrym/*.CROUDcruds?=&%|Claim -", max_size=40) | st.text(max_size=40))
def test_whatever_is_granted_looks_like_a_scope(text: str) -> None:
    scopes = parse_scopes(text)
    for part in text.split(" "):
        if parse_resource_scope(part) is not None:
            assert re.fullmatch(r"(patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(c?r?u?d?s?|read|write|\*)(\?.+=.+)?", part)
    assert scopes.others <= LAUNCH_SCOPES
    assert all(scope.letters and set(scope.letters) <= set("cruds") for scope in scopes.resources)
