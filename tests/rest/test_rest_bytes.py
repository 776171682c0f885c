"""Bytes in are bytes out: every digit of a decimal, the order of keys, every character of a text (R4 2.24.0.1, 2.6.2)."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import LiveServer
from rest_help import FHIR

NUMBERS = [
    "1.00", "1E2", "1e2", "0.10000000000000000001", "-0.0", "0", "1.0E+2", "1e-7", "100000000000000000000", "0.1",
    "123456789012345678901234567890.123456789012345678901234567890", "9007199254740993", "1E400", "1E-400", "3.140", "-5", "5e0",
]  # fmt: skip


def with_number(literal: str) -> bytes:
    return (
        '{"resourceType":"Observation","id":"n","status":"final","code":{"text":"x"},"valueQuantity":{"value":'
        + literal
        + ',"unit":"mg"}}'
    ).encode()


@pytest.mark.parametrize("literal", NUMBERS)
async def test_a_decimal_keeps_every_digit_on_every_way(client: httpx.AsyncClient, literal: str) -> None:
    kept = f'"value":{literal},"unit"'.encode()
    answers = [
        await client.put("/Observation/n", content=with_number(literal), headers=FHIR),
        await client.get("/Observation/n"),
        await client.get("/Observation/n/_history/1"),
        await client.get("/Observation?_id=n"),
        await client.get("/Observation/n/_history"),
    ]
    for answer in answers:
        assert answer.status_code in {200, 201}, answer.text
        assert kept in answer.content, answer.text
    pretty = await client.get("/Observation/n?_pretty=true")
    assert f'"value": {literal},\n'.encode() in pretty.content
    inside = b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":%b,"request":{"method":"PUT","url":"Observation/n"}}]}'
    stored = await client.post(
        "", content=inside % with_number(literal), headers={**FHIR, "Prefer": "return=representation"}
    )
    assert kept in stored.content
    batch = await client.post("", content=(inside % with_number(literal)).replace(b"transaction", b"batch"), headers=FHIR)
    assert kept in batch.content
    assert kept in (await client.get("/Observation/n")).content


# "-0" is left out: read as the integer 0, it is the same number; exponents beyond 400 are refused as out of range.
decimals = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True).filter(
    lambda literal: literal != "-0"
)


@pytest.fixture(scope="module")
def live(empty_server: LiveServer) -> httpx.Client:
    return empty_server.client()


@given(literal=decimals)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_decimal_comes_back_as_it_went(live: httpx.Client, literal: str) -> None:
    answer = live.put("/Observation/n", content=with_number(literal), headers=FHIR)
    assert answer.status_code in {200, 201}, answer.text
    assert f'"value":{literal},'.encode() in live.get("/Observation/n").content


@given(text=st.text(min_size=1, max_size=40).filter(lambda text: text.strip() != "" and text.isprintable()))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_text_comes_back_as_it_went(live: httpx.Client, text: str) -> None:
    answer = live.put("/Patient/t", json={"resourceType": "Patient", "id": "t", "name": [{"text": text}]}, headers=FHIR)
    assert answer.status_code in {200, 201}, answer.text
    assert live.get("/Patient/t").json()["name"] == [{"text": text}]
    found = live.get("/Patient", params={"name:exact": "".join(f"\\{c}" if c in ",|$\\" else c for c in text)})
    assert [entry["resource"]["id"] for entry in found.json().get("entry", [])] == ["t"]


async def test_keys_keep_their_order_and_the_rest_its_bytes(client: httpx.AsyncClient) -> None:
    body = (
        '{"birthDate":"1970-01-01","resourceType":"Patient","gender":"male","name":[{"given":["B","A"],"family":"Ünïcødé 李 😀 \\u00e9 \\/"}],'
        '"active":true,"id":"k","_birthDate":{"extension":[{"url":"urn:x","valueDecimal":1.10}]},"contact":[{"name":{"text":"z"}}],'
        '"address":[{"line":["x"],"city":"y"}]}'
    )  # fmt: skip
    await client.put("/Patient/k", content=body.encode(), headers=FHIR)
    stored = (await client.get("/Patient/k")).text
    rest = stored.partition('},"birthDate"')[2]
    assert stored.startswith('{"resourceType":"Patient","id":"k","meta":{"versionId":"1","lastUpdated":"')
    assert rest == (
        ':"1970-01-01","gender":"male","name":[{"given":["B","A"],"family":"Ünïcødé 李 😀 é /"}],"active":true,'
        '"_birthDate":{"extension":[{"url":"urn:x","valueDecimal":1.10}]},"contact":[{"name":{"text":"z"}}],'
        '"address":[{"line":["x"],"city":"y"}]}'
    )


async def test_what_is_read_and_written_back_stays_the_same(client: httpx.AsyncClient) -> None:
    await client.put("/Observation/n", content=with_number("1.00"), headers=FHIR)
    first = await client.get("/Observation/n")
    await client.put("/Observation/n", content=first.content, headers=FHIR)
    second = await client.get("/Observation/n")
    cut = b'"status"'
    assert first.content.partition(cut)[2] == second.content.partition(cut)[2]


async def test_an_object_with_two_members_of_one_name_is_refused_wherever_it_stands(client: httpx.AsyncClient) -> None:
    """R4 json.html: a name may stand once. A parser that keeps one of them would lose what somebody recorded."""
    for body in (
        b'{"resourceType":"Patient","id":"d","gender":"female","gender":"male"}',
        b'{"resourceType":"Observation","resourceType":"Patient","id":"d"}',
        b'{"resourceType":"Patient","id":"d","name":[{"family":"A","family":"A"}]}',
        b'{"resourceType":"Patient","id":"d","gender":"male","\\u0067ender":"male"}',
    ):
        answer = await client.put("/Patient/d", content=body, headers=FHIR)
        assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (400, "structure")
    escaped = b'{"resourceType":"Patient","id":"d","name":[{"family":"\\u00c5"}],"gender":"male"}'
    assert (await client.put("/Patient/d", content=escaped, headers=FHIR)).status_code == 201
