"""Filters, order, pages and the choice of attributes (RFC 7644 sections 3.4.2, 3.4.3 and 3.9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from in_process import House
from scim_help import EXT, PASSWORD, Directory, refusal

from server.scim.errors import ScimError
from server.scim.filter import LONGEST, matches, parse_filter
from server.scim.query import MESSAGE
from server.scim.schema import CORE

BOB = {
    "schemas": [CORE],
    "id": "i-1",
    "externalId": "Ext",
    "userName": "bob",
    "name": {"givenName": "Bob", "familyName": "O'Hara"},
    "displayName": 'Bob "B" \\ Ö',
    "active": True,
    "emails": [{"value": "bob@work.example", "type": "work", "primary": True}, {"value": "b@home.example", "type": "home"}],
    "roles": [{"value": "doctor"}],
    "meta": {"lastModified": "2026-03-01T10:00:00.000Z"},
    EXT: {"fhirUser": "Practitioner/Bob", "identities": [{"issuer": "https://a.example", "subject": "S"}]},
}
TRUE = [
    'userName eq "BOB"',
    'USERNAME Eq "bob"',
    f'{CORE}:userName eq "bob"',
    f'{CORE.upper()}:name.familyname eq "o\'hara"',
    'externalId eq "Ext"',
    'externalId ne "ext"',
    'userName ne "ann"',
    'userName co "O" and userName sw "b" and userName ew "B"',
    'userName gt "ann" and userName ge "bob" and userName lt "bz" and userName le "bob"',
    'displayName eq "Bob \\"B\\" \\\\ \\u00d6"',
    "active eq true",
    "active ne false",
    "userType eq null",
    'userType ne "x"',
    "userName ne null",
    "name pr and emails pr and name.givenName pr",
    "not (userType pr)",
    'userName eq "x" or userName eq "bob" and active eq true',
    '(userName eq "bob" or userName eq "x") and not (active eq false)',
    'emails co "home"',
    'emails.type eq "home"',
    'emails[type eq "work" and value co "@work"]',
    'emails[type eq "work" and not (value co "@home")] and roles[value eq "doctor"]',
    'roles eq "doctor"',
    f'{EXT}:fhirUser eq "Practitioner/Bob"',
    f'{EXT}:identities[issuer eq "https://a.example" and subject eq "S"]',
    'meta.lastModified gt "2026-03-01T09:59:59Z"',
    'meta.lastModified eq "2026-03-01T11:00:00+01:00"',
    f'schemas eq "{CORE}"',
    "((((((active eq true))))))",
    ' userName  eq\t"bob" ',
]
FALSE = [
    'userName eq "bobby"',
    'externalId eq "ext"',
    f'{EXT}:fhirUser eq "practitioner/bob"',
    'emails[type eq "work" and value co "@home"]',
    "userName eq null",
    'userType eq "x"',
    'userType gt "a"',
    "userType pr",
    'userName eq "x" or userName eq "y" and active eq true',
    'not (userName eq "bob")',
    'meta.lastModified lt "2026-03-01T10:00:00Z"',
]
BAD = [
    "",
    "userName",
    'userName "bob"',
    "userName eq",
    "userName eq bob",
    "userName eq 'bob'",
    'userName eq "bob',
    'userName eq "bob" and',
    'userName eq "bob" "x"',
    'userName is "bob"',
    'nickName eq "bob"',
    'name.shoe eq "x"',
    'name eq "Bob"',
    'password eq "x"',
    "password pr",
    f'{CORE}:password sw "$"',
    'fhirUser eq "Practitioner/Bob"',
    'urn:other:userName eq "bob"',
    "active gt false",
    'active eq "true"',
    "userName eq 7",
    "userName gt null",
    'meta.lastModified eq "yesterday"',
    'meta.lastModified eq "2026-03-01T10:00:00"',
    'meta.lastModified co "2026"',
    '(userName eq "bob"',
    'userName eq "bob")',
    'emails[type eq "work"',
    "emails[]",
    'emails[userName eq "bob"]',
    'emails[type[value eq "x"]]',
    'userName[value eq "x"]',
    'not userName eq "bob"',
    'userName eq "\\x"',
    'userName eq "a\nb"',
    "userName eq \x00",
    "(" * 50 + "active eq true" + ")" * 50,
    " or ".join(["active eq true"] * 60),
    "not (" * 2000,
    'userName eq "' + "x" * LONGEST + '"',
]


@pytest.mark.parametrize("text", TRUE)
def test_filters_that_are_met(text: str) -> None:
    assert matches(parse_filter(text), BOB)


@pytest.mark.parametrize("text", FALSE)
def test_filters_that_are_not_met(text: str) -> None:
    assert not matches(parse_filter(text), BOB)


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_filters_that_are_none(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        parse_filter(text)
    assert refused.value.scim_type == "invalidFilter"


WORDS = [
    "userName",
    "emails",
    "active",
    "eq",
    "pr",
    "co",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    '"x"',
    "true",
    "null",
    " ",
    "\\",
    '"',
    "é",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        found = parse_filter(text)
    except ScimError:
        return
    assert matches(found, BOB) in {True, False}
    assert matches(found, {}) in {True, False}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def directory(shared_house: House) -> AsyncIterator[Directory]:
    """Five users."""
    made = Directory(shared_house)
    for number, (name, family, kind) in enumerate(
        [("eve", "Zimmer", "B"), ("dan", "adler", None), ("cid", "Berg", "a"), ("ben", "Öst", "B"), ("amy", "Cole", None)]
    ):
        emails = [
            {"value": f"{name}@example.org", "type": "work"},
            {"value": f"x{number}@home.example", "type": "home", "primary": True},
        ]
        await made.make(name, name={"familyName": family}, userType=kind, emails=emails, password=PASSWORD)
    yield made


module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_lists_are_filtered_sorted_and_paged(directory: Directory) -> None:
    assert await directory.names() == ["eve", "dan", "cid", "ben", "amy"], "as they were made"
    assert await directory.names(sortBy="userName") == ["amy", "ben", "cid", "dan", "eve"]
    assert await directory.names(sortBy="name.familyName") == ["dan", "cid", "amy", "eve", "ben"]
    assert await directory.names(sortBy="userType") == ["cid", "eve", "ben", "dan", "amy"], "nothing is last"
    assert (await directory.names(sortBy="userType", sortOrder="descending"))[:2] == ["amy", "dan"], "and then first"
    assert await directory.names(sortBy="emails", sortOrder="descending") == ["amy", "ben", "cid", "dan", "eve"], (
        "by the primary one"
    )
    assert await directory.names('emails.value co "example.org" and userName gt "c"', sortBy="userName") == [
        "cid",
        "dan",
        "eve",
    ]
    assert await directory.names('userName eq "EVE"') == ["eve"]
    assert await directory.names('userName eq "eve" and userType eq "x"') == []
    assert await directory.names('userName eq "eve" or userName eq "dan"', sortBy="userName") == ["dan", "eve"]
    page = (await directory.ask("GET", "/Users", sortBy="userName", startIndex="4", count="3")).json()
    assert [found["userName"] for found in page["Resources"]] == ["dan", "eve"]
    assert page.items() >= {"totalResults": 5, "startIndex": 4, "itemsPerPage": 2}.items()
    none = (await directory.ask("GET", "/Users", count="0", startIndex="-3")).json()
    assert none == {"schemas": none["schemas"], "totalResults": 5, "startIndex": 1, "itemsPerPage": 0}
    assert (await directory.ask("GET", "/Users", startIndex="99", count="-1")).json()["itemsPerPage"] == 0


@module_loop
async def test_a_search_may_be_posted(directory: Directory) -> None:
    body = {"schemas": [MESSAGE], "filter": 'userName sw "e"', "attributes": ["userName"], "count": 1, "startIndex": 1}
    for path in ("/Users/.search", "/.search"):
        answer = await directory.ask("POST", path, body)
        assert [found.keys() for found in answer.json()["Resources"]] == [{"schemas", "id", "userName"}]
    for bad in (
        {**body, "schemas": []},
        {**body, "filter": 1},
        {**body, "count": "x"},
        {**body, "count": True},
        {**body, "attributes": "userName"},
    ):
        assert (await directory.ask("POST", "/.search", bad)).status_code == 400, bad


@module_loop
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"filter": "nonsense"}, (400, "invalidFilter")),
        ({"sortBy": "password"}, (400, "invalidPath")),
        ({"sortBy": "name"}, (400, "invalidPath")),
        ({"sortBy": "nothing"}, (400, "invalidPath")),
        ({"sortBy": "userName", "sortOrder": "sideways"}, (400, "invalidValue")),
        ({"count": "many"}, (400, "invalidValue")),
        ({"count": "9" * 20}, (400, "invalidValue")),
        ({"startIndex": "1.5"}, (400, "invalidValue")),
        ({"attributes": "userName", "excludedAttributes": "emails"}, (400, "invalidValue")),
        ({"filter": "x" * 5000}, (400, "invalidSyntax")),
    ],
    ids=range(10),
)
async def test_questions_that_are_none(directory: Directory, query: dict[str, str], error: tuple[int, str]) -> None:
    assert refusal(await directory.ask("GET", "/Users", **query)) == error


@module_loop
async def test_attributes_are_chosen(directory: Directory) -> None:
    async def told(**query: str) -> dict[str, Any]:
        (found,) = (await directory.ask("GET", "/Users", filter='userName eq "eve"', **query)).json()["Resources"]
        return dict(found)

    assert (await told(attributes="userName,emails.value,password,nothing")).keys() == {
        "schemas",
        "id",
        "userName",
        "emails",
    }
    assert (await told(attributes="EMAILS.Value"))["emails"] == [{"value": "eve@example.org"}, {"value": "x0@home.example"}]
    assert (await told(attributes=f"{EXT}:specialty")).keys() == {"schemas", "id"}
    fewer = await told(excludedAttributes=f"id,schemas,emails.type,{CORE}:name,meta")
    assert fewer.keys() == {"schemas", "id", "userName", "displayName", "userType", "active", "emails", "roles"}
    assert "type" not in fewer["emails"][0]


@module_loop
async def test_the_server_tells_what_it_can_do(directory: Directory) -> None:
    config = (await directory.ask("GET", "/ServiceProviderConfig")).json()
    assert all(config[feature]["supported"] for feature in ("patch", "filter", "sort", "etag", "changePassword"))
    assert config["bulk"]["supported"] is False
    types = (await directory.ask("GET", "/ResourceTypes")).json()
    assert [found["schema"] for found in types["Resources"]] == [CORE]
    assert (await directory.ask("GET", "/ResourceTypes/User")).json() == types["Resources"][0]
    listed = (await directory.ask("GET", "/Schemas")).json()["Resources"]
    assert [found["id"] for found in listed] == [CORE, EXT]
    for schema in listed:
        assert (await directory.ask("GET", f"/Schemas/{schema['id']}")).json() == schema
    attributes = {found["name"]: found for found in listed[0]["attributes"]}
    assert attributes["password"].items() >= {"mutability": "writeOnly", "returned": "never"}.items()
    assert attributes["userName"].items() >= {"required": True, "uniqueness": "server", "caseExact": False}.items()
    user = (await directory.ask("GET", "/Users", count="1")).json()["Resources"][0]
    assert user.keys() - {"schemas", "id", "externalId", "meta", EXT} <= attributes.keys()
    for path, status in (
        ("/Schemas/urn:x", 404),
        ("/ResourceTypes/Group", 404),
        ("/Groups", 404),
        ("/", 404),
        ("/Me", 501),
    ):
        assert refusal(await directory.ask("GET", path)) == (status, "")
    assert refusal(await directory.ask("POST", "/Bulk", {})) == (501, "")
    answer = await directory.ask("PUT", "/Users", {})
    assert (refusal(answer), answer.headers["allow"]) == ((405, ""), "GET, POST")
