"""Any text as a parameter's name or value, over a real connection: an answer or a refusal, never a failure of the server."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import LiveServer

from server.search.registry import COMMON, offered_parameters
from server.search.results import RESULT_PARAMETERS

TYPES = ["Patient", "Claim", "Observation", "Task", "AuditEvent", "RiskAssessment", "Library"]
NASTY = [
    "", "\0", "%", "%00", "\\", "\\,", ",", "|", "||", "$", ":", "'", '"', "';--", "a" * 3000, "\U0001f600", "\u202e", "1e999",
    "-1", "0", "9" * 400, "ge", "ge9999-12-31T23:59:60.999999999Z", "lt0001-01-01", "ne0001", "sa9999", "eb0001-01-01", "*",
    "Patient/", "/", "//", "?", "#", "urn:uuid:", "http://", "http://[", "Patient/x/_history/y", "Patient?name=x", "true", "null",
]  # fmt: skip

texts = st.text(max_size=20) | st.sampled_from(NASTY)
names = st.sampled_from(
    sorted({*RESULT_PARAMETERS, *COMMON, "_query", *(name for type_ in TYPES for name in offered_parameters(type_))})
)
modifiers = st.sampled_from([
    "", ":exact", ":not", ":identifier", ":Patient", ":missing", ":contains", ":", ":text", ":in", ":not-in", ":above", ":below", ":of-type",
    ".name", ":Patient.name:exact", "._id", "._has:Claim:patient:status", ":Patient.organization.name", ".", "..", ".:",
])  # fmt: skip
prefixes = st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
known = st.builds(lambda name, modifier, prefix, text: (name + modifier, prefix + text), names, modifiers, prefixes, texts)
pairs = st.lists(known | st.tuples(texts, texts), max_size=4)


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> httpx.Client:
    return live_server.client()


def check(answer: httpx.Response) -> None:
    assert answer.status_code in {200, 400, 404, 405, 406, 414}, (answer.status_code, answer.text)
    body = answer.json()
    assert body["resourceType"] == ("Bundle" if answer.status_code == 200 else "OperationOutcome")
    if answer.status_code != 200:
        for issue in body["issue"]:
            assert issue["details"]["coding"][0]["code"]
            assert issue["details"]["text"]


@given(type_=st.sampled_from(TYPES), asked=pairs)
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_query_is_answered_or_refused(client: httpx.Client, type_: str, asked: list[tuple[str, str]]) -> None:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in asked)
    check(client.get(f"/{type_}?{query}"))


@given(type_=st.sampled_from(TYPES), asked=pairs)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_form_is_answered_or_refused(client: httpx.Client, type_: str, asked: list[tuple[str, str]]) -> None:
    check(client.post(f"/{type_}/_search", data=dict(asked)))


@given(query=st.binary(max_size=40))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_bytes_as_a_form_are_answered_or_refused(client: httpx.Client, query: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    check(client.post("/Patient/_search", content=query, headers=headers))


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize(
    "name", ["birthdate", "family", "identifier", "general-practitioner", "_lastUpdated", "_id", "_sort", "_cursor"]
)
def test_nasty_values_one_by_one(client: httpx.Client, name: str, value: str) -> None:
    check(client.get(f"/Patient?{name}={quote(value, safe='')}"))


@pytest.mark.parametrize(
    "query",
    ["name=%", "name=%f", "name=%ff", "name=%C3%28", "%ff=x", "name=%ED%A0%80", "&".join(["name=x"] * 600), "&" * 1000, "=", "===", "a;b=c"],
)  # fmt: skip
def test_queries_that_are_not_even_percent_encoded(client: httpx.Client, query: str) -> None:
    check(client.get(f"/Patient?{query}"))


def test_the_server_is_well_after_all_that(client: httpx.Client, live_server: LiveServer) -> None:
    assert httpx.get(f"{live_server.root}/ready").status_code == 200
    assert client.get("/Patient?name=Villanueva").json()["entry"]
