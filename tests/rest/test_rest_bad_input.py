"""What a caller can get wrong in plain REST: each a clear OperationOutcome with our code, and nothing stored."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import House, running_house
from live_server import LiveServer
from rest_help import FHIR, bundle, entry, patient, refused

from profiles import json


@pytest.fixture(scope="module")
def live(empty_server: LiveServer) -> httpx.Client:
    return empty_server.client()


def stored(client: httpx.Client) -> int:
    total: int = client.get("/Patient?_summary=count").json()["total"]
    return total


def nested(depth: int, kind: str = "extension") -> bytes:
    """A resource nested so deep."""
    if kind == "extension":
        opening, closing = b'{"url":"urn:x","extension":[', b"]}"
    elif kind == "list":
        opening, closing = b"[", b"]"
    else:
        opening, closing = b'{"resourceType":"Patient","contained":[', b"]}"
    return b'{"resourceType":"Patient","id":"p","extension":[' + opening * depth + closing * depth + b"]}"


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "body-missing"),
    (b" ", 400, "body-not-json"),
    (b"{", 400, "body-not-json"),
    (b'{"resourceType":"Patient",}', 400, "body-not-json"),
    (b'{"resourceType":"Patient"} {}', 400, "body-not-json"),
    (b"{'resourceType':'Patient'}", 400, "body-not-json"),
    (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', 400, "body-not-json"),
    (b'{"resourceType":"Patient","multipleBirthInteger":Infinity}', 400, "body-not-json"),
    (b'{"resourceType":"Patient","multipleBirthInteger":01}', 400, "body-not-json"),
    (b'{"resourceType":"Patient","multipleBirthInteger":0x10}', 400, "body-not-json"),
    (b'{"resourceType":"Patient","name":[{"text":"\xff\xfe"}]}', 400, "body-not-json"),
    (b'{"resourceType":"Patient","name":[{"text":"\xc3"}]}', 400, "body-not-json"),
    (b'\xef\xbb\xbf{"resourceType":"Patient"}', 400, "body-not-json"),
    ('{"resourceType":"Patient"}'.encode("utf-16"), 400, "body-not-json"),
    (b"\x00\x01\x02", 400, "body-not-json"),
    (b"<Patient xmlns='http://hl7.org/fhir'/>", 400, "body-not-json"),
    (b'{"resourceType":"Patient","name":[{"text":"a\nb"}]}', 400, "body-not-json"),
    (b"null", 400, "structure"),
    (b"[]", 400, "structure"),
    (b'"Patient"', 400, "structure"),
    (b"7", 400, "structure"),
    (b"{}", 400, "structure"),
    (b'{"resourceType":null}', 400, "structure"),
    (b'{"resourceType":["Patient"]}', 400, "structure"),
    (b'{"resourceType":"Observation"}', 400, "id-mismatch"),
    (b'{"resourceType":"patient"}', 400, "id-mismatch"),
    (b'{"resourceType":"Patient","nmae":[]}', 400, "unknown-element"),
    (b'{"resourceType":"Patient","id":"p","name":"x"}', 400, "cardinality"),
    (b'{"resourceType":"Patient","id":"p","active":"true"}', 400, "primitive-format"),
    (b'{"resourceType":"Patient","id":"p","gender":"x"}', 400, "code-invalid"),
    (b'{"resourceType":"Patient","id":"p","deceasedBoolean":true,"deceasedDateTime":"2020"}', 400, "choice"),
    (b'{"resourceType":"Patient","id":"p","multipleBirthInteger":' + b"9" * 5000 + b"}", 400, ""),
    (b'{"resourceType":"Patient","id":"p","multipleBirthInteger":1' + b"0" * 30 + b"}", 400, "primitive-format"),
    (b'{"resourceType":"Patient","id":"p","multipleBirthInteger":1e9999999999}', 400, ""),
    (b'{"resourceType":"Patient","id":"p","name":[{"text":"\\ud800"}]}', 400, ""),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES)
@pytest.mark.parametrize("way", ["PUT", "POST"])
def test_bodies_that_are_no_patient(live: httpx.Client, way: str, body: bytes, status: int, code: str) -> None:
    before = stored(live)
    address = "/Patient/p" if way == "PUT" else "/Patient"
    answer = live.request(way, address, content=body, headers=FHIR)
    assert answer.status_code == status, answer.text
    refused(answer, status, code or answer.json()["issue"][0]["details"]["coding"][0]["code"])
    assert stored(live) == before
    assert "traceback" not in answer.text.lower()


@pytest.mark.parametrize("kind", ["extension", "list", "contained"])
@pytest.mark.parametrize("depth", [10, 60, 100, 300, 500, 900, 1000, 1100, 5000, 100_000])
def test_nesting_is_stored_or_refused_and_never_fails(live: httpx.Client, kind: str, depth: int) -> None:
    for answer in (
        live.put("/Patient/p", content=nested(depth, kind), headers=FHIR),
        live.post("", content=b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Patient/p"},"resource":' + nested(depth, kind) + b"}]}", headers=FHIR),
    ):  # fmt: skip
        assert answer.status_code in {200, 201, 400}, answer.text
        if answer.status_code == 400:
            assert answer.json()["resourceType"] == "OperationOutcome"
    read = live.get("/Patient/p?_pretty=true")
    assert read.status_code in {200, 404}
    assert live.get("/Patient?_count=1").status_code == 200
    assert live.get("/Patient/p/_history").status_code in {200, 404}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 201), ("application/json", 201), ("application/fhir+json; charset=utf-8", 201),
        ("APPLICATION/FHIR+JSON;CHARSET=UTF-8", 201), ('application/json; charset="utf-8"', 201), ("text/json", 201),
        ("application/fhir+json; fhirVersion=4.0", 201), ("application/fhir+json; charset=latin-1", 415),
        ("application/json; charset=utf-16", 415), ("application/fhir+turtle", 415), ("text/plain", 415), ("", 415), ("x", 415),
        ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415), ("application/json-patch+json", 415),
    ],
)  # fmt: skip
def test_content_types(live: httpx.Client, content_type: str, status: int) -> None:
    answer = live.post("/Patient", content=b'{"resourceType":"Patient"}', headers={"Content-Type": content_type})
    assert answer.status_code == status
    if status == 415:
        refused(answer, 415, "content-type", "http.Content-Type")


async def test_codings_that_are_not_read(client: httpx.AsyncClient) -> None:
    for coding in ("br", "deflate", "nonsense", "gzip, gzip", "gzip, zstd"):
        answer = await client.post("/Patient", content=b"x", headers={**FHIR, "Content-Encoding": coding})
        refused(answer, 415, "content-type", "http.Content-Encoding")
        assert answer.headers["accept-encoding"] == "zstd, gzip"
    assert (await client.post("/Patient", json=patient(), headers={"Content-Encoding": "identity"})).status_code == 201


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/Nothing", 404, "unknown-type"), ("GET", "/Nothing/1", 404, "unknown-type"), ("GET", "/patient/1", 404, "unknown-type"),
        ("POST", "/Nothing", 404, "unknown-type"), ("PUT", "/Nothing/1", 404, "unknown-type"), ("DELETE", "/Nothing/1", 404, "unknown-type"),
        ("GET", "/Resource/1", 404, "unknown-type"), ("GET", "/DomainResource", 404, "unknown-type"), ("GET", "/Element/1", 404, "unknown-type"),
        ("GET", "/Patient/1/2", 404, "unknown-type"), ("GET", "/Patient/1/_history/1/2", 404, "unknown-address"),
        ("GET", "/_history/1", 404, "unknown-address"), ("GET", "/Patient/_history/1", 404, "unknown-address"), ("PUT", "", 405, "method-not-allowed"),
        ("GET", "/Patient/_search", 405, "method-not-allowed"), ("POST", "/Patient/1", 405, "method-not-allowed"), ("PUT", "/Patient", 400, "condition-criteria"),
        ("DELETE", "/Patient", 400, "condition-criteria"), ("PATCH", "/Patient/1", 400, "body-missing"), ("OPTIONS", "/Patient/1/2", 404, "unknown-address"),
        ("TRACE", "/Patient", 405, "method-not-allowed"),  ("DELETE", "/metadata", 404, "unknown-type"),
        ("GET", "/Patient/$nothing", 404, "unknown-operation"), ("POST", "/$nothing", 404, "unknown-operation"), ("POST", "/Patient/1/$nothing", 404, "unknown-operation"),
        ("POST", "/Nothing/$submit", 404, "unknown-type"), ("PUT", "/Patient/$nothing", 405, "method-not-allowed"),
        ("GET", "/Patient/..%2f..%2fmaster.key", 404, ""), ("GET", "/..%2f..%2fetc%2fpasswd", 404, ""), ("GET", "/Patient/%00", 404, "not-found"),
        ("GET", "/Patient/%ff%fe", 404, "not-found"), ("GET", "/Patient/" + "x" * 5000, 404, "not-found"), ("GET", "/" + "/x" * 300, 404, ""),
        ("PUT", "/Patient/" + "x" * 65, 400, "id-format"), ("PUT", "/Patient/a_b", 400, "id-format"), ("PUT", "/Patient/a%20b", 400, "id-format"),
        ("PUT", "/Patient/%C3%A4", 400, "id-format"),
    ],
)  # fmt: skip
def test_addresses_and_methods(live: httpx.Client, method: str, address: str, status: int, code: str) -> None:
    body = json.dumps(patient("1")) if method in {"POST", "PUT"} else None
    answer = live.request(method, str(live.base_url).rstrip("/") + address, content=body, headers=FHIR)
    assert answer.status_code == status, answer.text
    refused(answer, status, code or answer.json()["issue"][0]["details"]["coding"][0]["code"])
    if status == 405:
        assert answer.headers["allow"]
        assert method not in answer.headers["allow"].split(", ")


async def test_an_id_that_is_not_the_address_s(client: httpx.AsyncClient) -> None:
    refused(await client.put("/Patient/p", json=patient("q")), 400, "id-mismatch", "Patient.id")
    refused(await client.put("/Patient/p", json=patient()), 400, "id-mismatch", "Patient.id")
    refused(
        await client.put("/Patient/p", json={"resourceType": "Patient", "id": 7}), 400, "primitive-format", "Patient.id"
    )
    assert (await client.get("/Patient?_summary=count")).json()["total"] == 0


async def test_every_fault_of_a_resource_is_told_with_its_place(client: httpx.AsyncClient) -> None:
    wrong = {
        "resourceType": "Patient", "id": "p", "gender": "x", "name": [{"family": 7}, {"nmae": "x"}], "birthDate": "1970-13-01",
        "contact": [{"name": {"period": {"start": "yesterday"}}}],
    }  # fmt: skip
    answer = await client.put("/Patient/p", json=wrong)
    assert answer.status_code == 400
    places = {issue["expression"][0] for issue in answer.json()["issue"]}
    assert places == {
        "Patient.gender", "Patient.name[0].family", "Patient.name[1].nmae", "Patient.birthDate", "Patient.contact[0].name.period.start",
    }  # fmt: skip
    for value in ("1970-13-01", "yesterday", '"x"'):
        assert value not in answer.text


@pytest.mark.parametrize(
    ("header", "value"),
    [("Authorization", ""), ("Authorization", "Bearer"), ("Authorization", "Bearer "), ("Authorization", "Bearer a b"), ("Authorization", "bearer ü"),
     ("Authorization", "Basic eDp5"), ("Authorization", "Bearer " + "x" * 20_000), ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
)  # fmt: skip
async def test_tokens_that_are_none(app: House, header: str, value: str) -> None:
    async with app.client(None) as client:
        answer = await client.get("/Patient", headers={header: value.encode("latin-1")})
    refused(answer, 401, "login")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="assent"')


async def test_tokens_are_not_read_from_the_query_or_a_form(app: House) -> None:
    token = app.token()
    async with app.client(None) as client:
        refused(await client.get("/Patient", params={"access_token": token}), 401, "login")
        refused(await client.post("/Patient/_search", data={"access_token": token}), 401, "login")
    async with app.client() as client:
        refused(await client.get("/Patient", params={"access_token": token}), 400, "unknown-parameter")


async def test_a_body_that_is_larger_than_allowed(tmp_path: Any) -> None:
    async with running_house(tmp_path / "small", ASSENT_MAX_BODY="2000") as house, house.client() as client:
        assert (await client.put("/Patient/p", json=patient("p", name=[{"text": "x" * 1800}]))).status_code == 201
        refused(
            await client.put("/Patient/p", json=patient("p", name=[{"text": "x" * 2000}])),
            413,
            "body-too-large",
            "http.body",
        )

        async def chunks() -> Any:
            for _ in range(50):
                yield b" " * 100

        refused(await client.put("/Patient/p", content=chunks(), headers=FHIR), 413, "body-too-large")
        async with house.client(None) as nobody:
            refused(await nobody.put("/Patient/p", content=b" " * 3000, headers=FHIR), 401, "login")


# -- any JSON at all -----------------------------------------------------------------------------------------------------------

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.text(max_size=6)
    | st.sampled_from(["Patient", "Bundle", "Patient/1", "urn:uuid:1", "POST", "PUT", "batch", "transaction"])
)
words = st.sampled_from(
    [
        "resourceType",
        "id",
        "meta",
        "type",
        "entry",
        "request",
        "method",
        "url",
        "resource",
        "fullUrl",
        "name",
        "contained",
        "extension",
        "text",
        "reference",
        "_name",
    ]
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5), max_leaves=20
)


@given(content=anything, type_=st.sampled_from(["Patient", "Bundle", "Claim", "Binary", "Parameters"]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_json_is_stored_or_refused(live: httpx.Client, content: Any, type_: str) -> None:
    body = {**content, "resourceType": type_} if isinstance(content, dict) else content
    answer = live.post(f"/{type_}", json=body, headers=FHIR)
    assert answer.status_code in {201, 400}, answer.text


@given(content=anything, type_=st.sampled_from(["batch", "transaction"]))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_bundle_is_answered_or_refused(live: httpx.Client, content: Any, type_: str) -> None:
    body = {**content, "resourceType": "Bundle", "type": type_} if isinstance(content, dict) else content
    answer = live.post("", json=body, headers=FHIR)
    assert answer.status_code in {200, 400, 403, 404, 405, 409, 412}, answer.text
    for item in answer.json().get("entry", []):
        assert not item["response"]["status"].startswith("5"), answer.text


@given(
    entries=st.lists(
        st.fixed_dictionaries(
            {
                "request": anything
                | st.fixed_dictionaries(
                    {
                        "method": leaves,
                        "url": st.text(max_size=30)
                        | st.sampled_from(
                            ["Patient", "Patient/1", "Patient?x=y", "/", "//", "http://[", "Patient/$x", "?", "Bundle"]
                        ),
                    }
                )
            },
            optional={"resource": anything, "fullUrl": leaves},
        ),
        max_size=3,
    ),
    type_=st.sampled_from(["batch", "transaction"]),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_entry_is_answered_or_refused(live: httpx.Client, entries: list[Any], type_: str) -> None:
    answer = live.post("", json={"resourceType": "Bundle", "type": type_, "entry": entries}, headers=FHIR)
    assert answer.status_code in {200, 400, 403, 404, 405, 409, 412}, answer.text
    for item in answer.json().get("entry", []):
        assert not item["response"]["status"].startswith("5"), answer.text


async def test_entries_of_a_batch_with_bad_addresses(client: httpx.AsyncClient) -> None:
    urls = [
        "http://[",
        "//",
        "/",
        "?",
        "Patient?name=%ff",
        "Patient/%zz",
        "../Patient/1",
        "Patient/1?x",
        "\u0000",
        "Patient?" + "a=b&" * 600,
        "metadata",
        "$nothing",
        "Patient/1/2/3",
    ]
    answer = await client.post("", json=bundle("batch", *[entry("GET", url) for url in urls]))
    assert answer.status_code == 200
    for item in answer.json()["entry"]:
        assert item["response"]["status"] in {"400", "404", "405"}, item
        assert item["response"]["outcome"]["resourceType"] == "OperationOutcome"
