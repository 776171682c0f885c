"""PATCH of Users (RFC 7644 section 3.5.2), as directories send it and as they should not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim_help import EXT, patch_op

from server.scim.content import read_resource
from server.scim.errors import ScimError
from server.scim.patch import patched
from server.scim.schema import CORE
from server.scim.user import wanted

WORK = {"value": "a@work.example", "type": "work", "primary": True}
HOME = {"value": "a@home.example", "type": "home"}
ANN: dict[str, Any] = {
    "schemas": [CORE, EXT],
    "id": "i-1",
    "userName": "ann",
    "name": {"givenName": "Ann"},
    "active": True,
    "emails": [WORK, HOME],
    "roles": [{"value": "staff"}],
    EXT: {"fhirUser": "Practitioner/ann"},
    "meta": {"version": 'W/"1"'},
}


def done(*operations: dict[str, Any]) -> dict[str, Any]:
    """What is different afterwards, and can be kept."""
    after = patched(ANN, patch_op(*operations))
    wanted(read_resource(after))
    return {name: after.get(name) for name in ANN.keys() | after.keys() if after.get(name) != ANN.get(name)}


OTHER = {"value": "a@other.example", "type": "other"}
CASES: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
    ([{"op": "add", "path": "userType", "value": "x"}], {"userType": "x"}),
    ([{"op": "REPLACE", "path": "USERNAME", "value": "bea"}], {"userName": "bea"}),
    ([{"op": "replace", "path": f"{CORE}:userName", "value": "bea"}], {"userName": "bea"}),
    ([{"op": "add", "path": "name.familyName", "value": "Ash"}], {"name": {"givenName": "Ann", "familyName": "Ash"}}),
    ([{"op": "replace", "path": "name", "value": {"familyName": "Ash"}}], {"name": {"givenName": "Ann", "familyName": "Ash"}}),
    ([{"op": "add", "value": {"name": {"familyName": "Ash"}, "nickName": "A", "userType": "x"}}],
     {"name": {"givenName": "Ann", "familyName": "Ash"}, "userType": "x"}),
    ([{"op": "replace", "value": {"active": "False", EXT: {"specialty": "s"}}}],
     {"active": False, EXT: {"fhirUser": "Practitioner/ann", "specialty": "s"}}),
    ([{"op": "add", "path": "emails", "value": [OTHER]}], {"emails": [WORK, HOME, OTHER]}),
    ([{"op": "add", "path": "emails", "value": OTHER}], {"emails": [WORK, HOME, OTHER]}),
    ([{"op": "add", "path": "emails", "value": [HOME]}], {}),
    ([{"op": "add", "path": "emails", "value": [{**OTHER, "primary": True}]}],
     {"emails": [{"value": "a@work.example", "type": "work"}, HOME, {**OTHER, "primary": True}]}),
    ([{"op": "replace", "path": "emails", "value": [OTHER]}], {"emails": [OTHER]}),
    ([{"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@work.example"}], {"emails": [{**WORK, "value": "b@work.example"}, HOME]}),
    ([{"op": "replace", "path": 'emails[type eq "home"]', "value": OTHER}], {"emails": [WORK, OTHER]}),
    ([{"op": "add", "path": 'emails[type eq "other"].value', "value": "a@other.example"}], {"emails": [WORK, HOME, OTHER]}),
    ([{"op": "add", "path": 'emails[type eq "home"].primary', "value": True}],
     {"emails": [{"value": "a@work.example", "type": "work"}, {**HOME, "primary": True}]}),
    ([{"op": "replace", "path": "emails.type", "value": "old"}], {"emails": [{**WORK, "type": "old"}, {**HOME, "type": "old"}]}),
    ([{"op": "remove", "path": 'emails[type eq "work"]'}], {"emails": [HOME]}),
    ([{"op": "remove", "path": 'emails[value ew "home.example" or primary eq true]'}], {"emails": []}),
    ([{"op": "remove", "path": 'emails[type eq "work"].type'}], {"emails": [{"value": "a@work.example", "primary": True}, HOME]}),
    ([{"op": "remove", "path": "emails"}], {"emails": None}),
    ([{"op": "remove", "path": "name.givenName"}], {"name": {}}),
    ([{"op": "remove", "path": "externalId"}], {}),
    ([{"op": "remove", "path": f"{EXT}:fhirUser"}], {EXT: {}}),
    ([{"op": "add", "path": f"{EXT}:identities", "value": [{"issuer": "https://i.example", "subject": "1"}]}],
     {EXT: {"fhirUser": "Practitioner/ann", "identities": [{"issuer": "https://i.example", "subject": "1"}]}}),
    ([{"op": "add", "path": "roles", "value": ["doctor"]}, {"op": "remove", "path": 'roles[value eq "staff"]'}], {"roles": [{"value": "doctor"}]}),
    ([{"op": "add", "path": "password", "value": "secret"}], {"password": "secret"}),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "changes"), CASES, ids=range(len(CASES)))
def test_what_an_operation_does(operations: list[dict[str, Any]], changes: dict[str, Any]) -> None:
    assert done(*operations) == changes


def test_what_was_given_stays_as_it_was() -> None:
    before = str(ANN)
    done({"op": "remove", "path": "emails"}, {"op": "replace", "path": "name.givenName", "value": "B"})
    assert str(ANN) == before


BAD: list[tuple[dict[str, Any], str]] = [
    ({"op": "move", "path": "userName", "value": "x"}, "invalidSyntax"),
    ({"op": 7}, "invalidSyntax"),
    ({}, "invalidSyntax"),
    ({"op": "add", "path": 7, "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "nickName", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "name.shoe", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "name[givenName eq \"x\"]", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "emails[type eq \"work\"].shoe", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "emails[type eq \"work\"", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "emails[type is \"work\"].value", "value": "x"}, "invalidFilter"),
    ({"op": "add", "path": "emails[" + "(" * 500 + "].value", "value": "x"}, "invalidFilter"),
    ({"op": "add", "path": "emails[" + "x" * 5000 + "].value", "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "", "value": "x"}, "invalidValue"),
    ({"op": "add", "value": ["x"]}, "invalidValue"),
    ({"op": "add", "path": "userType"}, "invalidValue"),
    ({"op": "replace", "path": "userType", "value": 7}, "invalidValue"),
    ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
    ({"op": "replace", "path": "emails", "value": [7]}, "invalidValue"),
    ({"op": "replace", "path": "emails[type eq \"work\"]", "value": [WORK, HOME]}, "invalidValue"),
    ({"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"}, "noTarget"),
    ({"op": "add", "path": "emails[type co \"none\"].value", "value": "x"}, "noTarget"),
    ({"op": "remove", "path": "emails[type eq \"none\"]"}, "noTarget"),
    ({"op": "remove"}, "noTarget"),
    ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    ({"op": "replace", "value": {"ID": "x"}}, "mutability"),
    ({"op": "replace", "path": "meta.version", "value": "x"}, "mutability"),
    ({"op": "add", "path": f"{EXT}:provider", "value": "x"}, "mutability"),
    ({"op": "remove", "path": "schemas"}, "mutability"),
    ({"op": "remove", "path": "userName"}, "mutability"),
    ({"op": "remove", "path": "roles"}, "mutability"),
    ({"op": "remove", "path": "emails.value"}, "mutability"),
    ({"op": "remove", "path": "roles[value eq \"staff\"]"}, "invalidValue"),
    ({"op": "add", "path": "emails[type eq \"new\"].display", "value": "x"}, "invalidValue"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "scim_type"), BAD, ids=range(len(BAD)))
def test_operations_that_are_refused(operation: dict[str, Any], scim_type: str) -> None:
    with pytest.raises(ScimError) as refused:
        done({"op": "add", "path": "userType", "value": "x"}, operation)
    assert refused.value.scim_type == scim_type


@pytest.mark.parametrize(
    "body",
    [{}, {"schemas": ["urn:x"], "Operations": []}, patch_op(), {**patch_op(), "Operations": {}}, patch_op(*[{}] * 101)],
    ids=range(5),
)
def test_bodies_that_are_no_patch(body: dict[str, Any]) -> None:
    with pytest.raises(ScimError) as refused:
        patched(ANN, body)
    assert refused.value.scim_type == "invalidSyntax"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "type", "primary", "givenName", "issuer", "Value", "emails", "roles", EXT]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
PATHS = st.sampled_from(
    [None, "", "emails", "emails.value", 'emails[type eq "work"]', 'emails[primary eq true].value', "name", "name.givenName", "roles",
     'roles[value eq "x"].display', "active", "password", "schemas", "meta", "userName", f"{EXT}:identities", f"{EXT}:identities.issuer", f"{EXT}:fhirUser", EXT]
) | st.text(max_size=20)  # fmt: skip


@given(
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "replace", "remove", "Add"])}, optional={"path": PATHS, "value": JSON}
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_operation_is_done_or_refused(operations: list[dict[str, Any]]) -> None:
    try:
        want = wanted(read_resource(patched(ANN, patch_op(*operations))))
    except ScimError:
        return
    assert all(isinstance(role, str) for role in want.new.roles)
    assert isinstance(want.new.name, str)
    assert want.active in {True, False, None}


@given(JSON)
def test_any_body_is_a_user_or_refused(body: Any) -> None:
    try:
        want = wanted(
            read_resource(
                {
                    "schemas": [CORE],
                    "userName": "x",
                    "roles": ["staff"],
                    **(body if isinstance(body, dict) else {"name": body}),
                }
            )
        )
    except ScimError:
        return
    assert isinstance(want.new.display, str)
