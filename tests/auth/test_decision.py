"""Who may do what: roles and scopes must both say yes, and what a token lacks gives nothing."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.decision import ANYTHING, Decision, Letter, Way, decide
from server.auth.principal import Principal
from server.auth.roles import ROLES, roles_table
from server.auth.scopes import parse_scopes

LETTERS: tuple[Letter, ...] = ("c", "r", "u", "d", "s")
TYPES = ("Patient", "Claim", "ClaimResponse", "Library", "Endpoint", "Subscription", "AuditEvent", "Provenance", "Binary")


def caller(roles: str, scope: str, patient: str | None = None) -> Principal:
    return Principal("default", "ada", "cli", frozenset(roles.split()), parse_scopes(scope), "1", 2**31, patient=patient)


def allowed(roles: str, resource_type: str, scope: str = "user/*.cruds", patient: str | None = None) -> str:
    principal = caller(roles, scope, patient)
    return "".join(letter for letter in LETTERS if decide(principal, letter, resource_type).granted)


@pytest.mark.parametrize(
    ("role", "resource_type", "letters"),
    [
        ("administrator", "Patient", "cruds"),
        ("administrator", "Library", "cruds"),
        ("administrator", "Endpoint", "cruds"),
        ("administrator", "AuditEvent", "rs"),
        ("doctor", "Condition", "cruds"),
        ("doctor", "Claim", "crus"),
        ("doctor", "ClaimResponse", "crus"),
        ("doctor", "Library", "rs"),
        ("doctor", "Endpoint", "rs"),
        ("staff", "Patient", "crus"),
        ("staff", "Claim", "crus"),
        ("staff", "DocumentReference", "crus"),
        ("staff", "Organization", "crus"),
        ("staff", "Library", "rs"),
        ("staff", "Endpoint", "rs"),
        ("staff", "Subscription", "cruds"),
        ("staff", "Provenance", "crs"),
        ("staff", "AuditEvent", "rs"),
        ("payer", "Claim", "rs"),
        ("payer", "ClaimResponse", "crus"),
        ("payer", "Library", "crus"),
        ("payer", "Consent", ""),
        ("payer", "AuditEvent", ""),
        ("auditor", "AuditEvent", "rs"),
        ("auditor", "Patient", ""),
        ("janitor", "Patient", ""),
        ("", "Patient", ""),
        ("Staff", "Patient", ""),
        ("staff auditor", "AuditEvent", "rs"),
        ("staff administrator", "Patient", "cruds"),
    ],
)
def test_what_a_role_may_do_with_every_scope(role: str, resource_type: str, letters: str) -> None:
    assert allowed(role, resource_type) == letters


def test_nobody_writes_the_audit_record() -> None:
    for role in ROLES:
        assert not set(allowed(role, "AuditEvent", "user/*.cruds system/*.cruds patient/*.cruds", "p1")) & set("cud")


@pytest.mark.parametrize(
    ("scope", "resource_type", "letters"),
    [
        ("", "Patient", ""),
        ("openid fhirUser", "Patient", ""),
        ("user/Patient.r", "Patient", "r"),
        ("user/Patient.r user/Patient.s", "Patient", "rs"),
        ("user/Patient.read", "Patient", "rs"),
        ("user/Patient.write", "Patient", "cud"),
        ("system/*.rs", "Claim", "rs"),
        ("user/Claim.cruds", "Patient", ""),
        ("user/Claim.sr", "Claim", ""),
        ("patient/*.cruds", "Patient", ""),  # no patient in the token
        ("user/Observation.rs?category=laboratory", "Observation", ""),
        ("user/Observation.rs?category=laboratory user/Observation.s", "Observation", "s"),
    ],
)
def test_what_a_scope_allows_an_administrator(scope: str, resource_type: str, letters: str) -> None:
    assert allowed("administrator", resource_type, scope) == letters


def test_a_patient_scope_reaches_one_compartment() -> None:
    principal = caller("staff", "patient/*.rs", "p1")
    assert decide(principal, "r", "Claim") == Decision(True, ways=(Way("p1"),))
    assert not decide(principal, "c", "Claim").granted


def test_a_wider_scope_lifts_the_limit_for_what_it_names_only() -> None:
    principal = caller("staff", "patient/*.rs user/Practitioner.r", "p1")
    assert decide(principal, "r", "Practitioner") == Decision(True, ways=(ANYTHING,))
    assert decide(principal, "s", "Practitioner").compartment == "p1"


def test_the_patient_role_stays_in_its_own_record_whatever_the_scopes_say() -> None:
    principal = caller("patient", "user/*.cruds system/*.cruds", "p1")
    assert decide(principal, "r", "Claim") == Decision(True, ways=(Way("p1"),))
    assert not decide(principal, "u", "Claim").granted
    assert not decide(caller("patient", "user/*.cruds"), "r", "Claim").granted
    assert decide(caller("patient doctor", "user/*.cruds", "p1"), "r", "Claim") == Decision(True, ways=(ANYTHING,))


def test_filters_are_handed_on_to_those_who_can_apply_them_and_are_a_no_to_others() -> None:
    principal = caller("staff", "user/Observation.rs?category=laboratory user/Observation.r?code=1&status=final")
    assert decide(principal, "r", "Observation", filters_enforced=True) == Decision(
        True, ways=(Way(None, (("category", "laboratory"),)), Way(None, (("code", "1"), ("status", "final"))))
    )
    refused = decide(principal, "r", "Observation")
    assert not refused.granted
    assert "search parameters" in refused.reason


def test_an_unfiltered_narrow_scope_is_used_when_a_wide_one_cannot_be_applied() -> None:
    principal = caller("staff", "user/Observation.rs?category=laboratory patient/Observation.rs", "p1")
    assert decide(principal, "r", "Observation") == Decision(True, ways=(Way("p1"),))
    both = decide(principal, "r", "Observation", filters_enforced=True)
    assert both.ways == (Way(None, (("category", "laboratory"),)), Way("p1"))
    assert both.compartment is None


def test_what_lies_within_another_way_is_no_way_of_its_own() -> None:
    lab = "patient/Observation.rs?category=laboratory"
    for wider, ways in (
        ("patient/Observation.rs", (Way("p1"),)),
        ("user/Observation.rs?category=laboratory", (Way(None, (("category", "laboratory"),)),)),
        ("user/*.rs", (ANYTHING,)),
    ):
        principal = caller("staff", f"{lab} {wider}", "p1")
        assert decide(principal, "r", "Observation", filters_enforced=True).ways == ways


def test_a_no_says_whether_role_or_scope_was_missing() -> None:
    assert "role" in decide(caller("staff", "user/*.cruds"), "d", "Patient").reason
    refused = decide(caller("staff", "user/Claim.rs"), "r", "Patient")
    assert ("scope" in refused.reason, refused.needed) == (True, "user/Patient.r")


scope_texts = st.lists(
    st.builds(
        "{}/{}.{}{}".format,
        st.sampled_from(["patient", "user", "system"]),
        st.sampled_from(["*", *TYPES]),
        st.sampled_from(["r", "rs", "cud", "cruds", "read", "*", "sr"]),
        st.sampled_from(["", "?status=active"]),
    ),
    max_size=4,
).map(" ".join)
role_texts = st.lists(st.sampled_from([*ROLES, "nobody"]), max_size=3).map(" ".join)
patients = st.sampled_from([None, "p1"])


@given(role_texts, scope_texts, patients, st.booleans())
def test_never_more_than_the_roles_and_never_more_than_the_scopes(
    roles: str, scope: str, patient: str | None, filters_enforced: bool
) -> None:
    principal = caller(roles, scope, patient)
    for letter, resource_type in product(LETTERS, TYPES):
        decision = decide(principal, letter, resource_type, filters_enforced=filters_enforced)
        by_role = [ROLES[role] for role in principal.roles if role in ROLES and ROLES[role].allows(letter, resource_type)]
        by_scope = [
            s for s in principal.scopes.resources if letter in s.letters and s.resource_type in {"*", resource_type}
        ]
        if not decision.granted:
            assert decision.reason
            continue
        assert by_role
        assert by_scope
        if all(role.own_record_only for role in by_role) or all(s.reach == "patient" for s in by_scope):
            assert decision.compartment == patient
            assert patient is not None
        if all(s.filter for s in by_scope):
            assert all(way.filter for way in decision.ways)
            assert filters_enforced
        assert decision.ways


@given(role_texts, scope_texts, scope_texts, patients)
def test_more_scopes_never_take_anything_away(roles: str, scope: str, more: str, patient: str | None) -> None:
    before, after = caller(roles, scope, patient), caller(roles, f"{scope} {more}", patient)
    for letter, resource_type in product(LETTERS, TYPES):
        if decide(before, letter, resource_type).granted:
            assert decide(after, letter, resource_type).granted


def test_the_documentation_shows_the_roles_as_they_are() -> None:
    assert roles_table() in (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
