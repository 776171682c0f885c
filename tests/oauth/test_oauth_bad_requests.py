"""Bad authorization requests (RFC 6749 4.1.2.1, RFC 9700): what is told the app, what is shown the person, and what goes nowhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from in_process import House
from oauth_app import APP, App, Browser, Page, challenge, make_account, make_client, own, sent_to

from server.oauth import client as clients
from server.oauth.client import Client, ClientError
from server.store.store import StoreUnavailableError

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def authorize(house: House, **changes: str | None) -> Page:
    app = App(house)
    return await Browser(house).go(f"{app.issuer}/oauth/authorize", **app.request(**changes))


REDIRECTS = [
    "https://evil.example/callback",
    "https://app.example/callback/",
    "https://app.example/callback/../evil",
    "https://app.example/callback?x=1",
    "https://app.example/callback#x",
    "https://app.example:443/callback",
    "http://app.example/callback",
    "https://APP.example/callback",
    "https://app.example.evil.example/callback",
    "https://app.example@evil.example/callback",
    "https://app.example%2f@evil.example/callback",
    "https://app.example\\@evil.example/callback",
    "//evil.example/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.example/callback\r\nSet-Cookie: a=b",
    "",
]


@pytest.mark.parametrize("uri", REDIRECTS)
async def test_another_redirect_address_is_never_gone_to(shared_house: House, uri: str) -> None:
    page = await authorize(shared_house, redirect_uri=uri)
    assert page.answer.status_code == 400
    assert "location" not in page.answer.headers
    assert "evil" not in page.answer.text


@pytest.mark.parametrize(
    "client", ["", "unknown", "../app", "app\0", "a" * 5000, "<script>alert(1)</script>"], ids=range(6)
)
async def test_an_unknown_client_is_shown_a_page(shared_house: House, client: str) -> None:
    page = await authorize(shared_house, client_id=client)
    assert page.answer.status_code == 400
    assert page.answer.headers["content-type"].startswith("text/html")
    assert "location" not in page.answer.headers
    assert "<script" not in page.answer.text


CASES: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"scope": None}, "invalid_request"),
    ({"state": None}, "invalid_request"),
    ({"aud": None}, "invalid_request"),
    ({"aud": "https://evil.example/fhir"}, "invalid_request"),
    ({"aud": "http://127.0.0.1:8080/t/north/fhir"}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": challenge() + "="}, "invalid_request"),
    ({"request": "e30.e30."}, "request_not_supported"),
    ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "whatever"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "9" * 30}, "invalid_request"),
    ({"scope": "launch", "launch": "never-made"}, "invalid_request"),
    ({"scope": "openid", "launch": "never-made"}, "invalid_scope"),
    ({"nonce": "n" * 4097}, "invalid_request"),
]


@pytest.mark.parametrize(("changes", "error"), CASES, ids=[f"{'-'.join(c)}-{n}" for n, (c, _) in enumerate(CASES)])
async def test_the_app_is_told_what_is_wrong(shared_house: House, changes: dict[str, str | None], error: str) -> None:
    answer = sent_to(await authorize(shared_house, **changes))
    assert answer["error"] == error
    assert answer["iss"] == shared_house.root
    assert answer.get("state", "") == ("" if changes.get("state", "x") is None else "the-state")
    assert "code" not in answer
    assert "evil" not in answer["error_description"]


@pytest.mark.parametrize("name", ["response_type", "state", "scope", "aud", "code_challenge", "nonce"])
async def test_a_parameter_that_comes_twice_is_refused(shared_house: House, name: str) -> None:
    app = App(shared_house)
    pairs = [*app.request(nonce="n").items(), (name, "another")]
    page = await Browser(shared_house).go(f"{app.issuer}/oauth/authorize?{urlencode(pairs)}")
    assert sent_to(page)["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_an_app_or_address_that_comes_twice_is_shown_a_page(shared_house: House, name: str) -> None:
    app = App(shared_house)
    pairs = [*app.request().items(), (name, app.request()[name])]
    page = await Browser(shared_house).go(f"{app.issuer}/oauth/authorize?{urlencode(pairs)}")
    assert page.answer.status_code == 400
    assert "location" not in page.answer.headers


@pytest.mark.parametrize(
    "query",
    [b"client_id=%ff", b"client_id=%zz&%c3%28=1", b"a=1&" * 400, b"x=" + b"y" * 40_000],
    ids=["utf8", "percent", "many", "large"],
)
async def test_broken_and_oversize_requests_are_refused(shared_house: House, query: bytes) -> None:
    browser = Browser(shared_house)
    for answer in (
        await browser.http.get(f"{shared_house.root}/oauth/authorize?{query.decode()}"),
        await browser.http.post(
            f"{shared_house.root}/oauth/authorize",
            content=query,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        await browser.http.post(
            f"{shared_house.root}/oauth/token", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ),
    ):
        assert answer.status_code in {400, 401}
        assert "location" not in answer.headers


async def test_a_body_beyond_the_limit_and_other_types_are_refused(shared_house: House) -> None:
    async with shared_house.client(None) as client:
        large = await client.post(
            f"{shared_house.root}/oauth/token",
            content=b"a" * 200_000,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (large.status_code, large.json()["error"]) == (413, "invalid_request")
        json = await client.post(f"{shared_house.root}/oauth/token", json={"grant_type": "authorization_code"})
        assert (json.status_code, json.json()["error"]) == (400, "invalid_request")
        wrong = await client.get(f"{shared_house.root}/oauth/token")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert (await client.get(f"{shared_house.root}/oauth/nothing")).status_code == 404
        assert (await client.get(f"{shared_house.root}/t/nobody/oauth/jwks")).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"redirect_uris": ()},
        {"redirect_uris": ("https://a.example/x",) * 21},
        {"scope": "patient/Patient.sr"},
        {"method": "private_key_jwt"},
        {"method": "private_key_jwt", "jwks": {"keys": []}},
        {"method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AA", "kid": "1"}]}},
        {"method": "private_key_jwt", "jwks_uri": "ftp://a.example/keys"},
        {"grant_types": ("client_credentials",), "scope": "user/*.rs"},
        {"grant_types": ("client_credentials",), "scope": "system/*.rs", "roles": ("nobody",)},
        {
            "grant_types": ("client_credentials",),
            "scope": "system/*.rs",
            "roles": ("staff",),
            "method": "client_secret_basic",
        },
        {"name": ""},
        {"name": "a\nb"},
        {"launch_uri": "javascript:x"},
    ],
    ids=range(13),
)
async def test_clients_that_cannot_be_registered(shared_house: House, fields: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"name": "X", "method": "none", "redirect_uris": (APP,), **fields}
    with pytest.raises(ClientError):
        await clients.add(own(shared_house), Client("new", **whole))


async def test_a_client_id_is_given_once(shared_house: House) -> None:
    with pytest.raises(ClientError, match="already"):
        await make_client(shared_house, "app")


async def test_a_client_without_the_grant_type_asks_nobody(shared_house: House) -> None:
    await make_client(shared_house, "service", grant_types=("refresh_token",))
    page = await authorize(shared_house, client_id="service")
    assert sent_to(page)["error"] == "unauthorized_client"


async def test_forms_are_bound_to_the_browser_and_the_session(shared_house: House) -> None:
    """Login CSRF and consent by another site: a form is worth nothing without the cookies it was made with."""
    app, victim, attacker = App(shared_house), Browser(shared_house), Browser(shared_house)
    await make_account(shared_house, "mallory", "staff")
    page = await attacker.go(f"{app.issuer}/oauth/authorize", **app.request())
    planted = await victim.sign_in(page, "mallory")
    assert planted.answer.status_code == 400
    assert "assent-session" not in str(victim.http.cookies)
    page = await attacker.sign_in(page, "mallory")
    page = await attacker.choose(page, "p1")
    victims = await victim.sign_in(await victim.go(f"{app.issuer}/oauth/authorize", **app.request()))
    for form in page.forms:
        assert (
            await victim.post(form.action, {**form.fields, "do": "allow", "scope": form.boxes})
        ).answer.status_code == 400
    own_page = await victim.choose(victims, "p2")
    assert "Allow access" in own_page.title
    form = own_page.forms[0]
    await victim.post(own_page.forms[1].action, own_page.forms[1].fields)  # signs out
    stale = await victim.post(form.action, {**form.fields, "do": "allow", "scope": form.boxes})
    assert stale.answer.status_code == 400


@pytest.mark.parametrize("flow", ["", "x", "AAAA", "!" * 50, "A" * 20_000], ids=range(5))
async def test_a_flow_that_nobody_sealed_is_refused(shared_house: House, flow: str) -> None:
    browser = Browser(shared_house)
    for address in ("sign-in", "patient", "consent", "sign-out"):
        page = await browser.post(f"{shared_house.root}/oauth/{address}", {"flow": flow})
        assert page.answer.status_code == 400
    if flow:
        assert (await browser.go(f"{shared_house.root}/oauth/authorize", flow=flow)).answer.status_code == 400


async def test_addresses_of_fhir_stay_those_of_fhir(shared_house: House) -> None:
    async with shared_house.client() as client:
        for path in ("/Patient/oauth/token", "/oauth/token", "/Patient/.well-known/x", "/oauth"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.json()["resourceType"] == "OperationOutcome"
        assert (await client.get(f"{shared_house.root}/.well-known/nothing")).json() == {
            "error": "not_found", "error_description": "There is nothing at this address.",
        }  # fmt: skip


async def test_nothing_unforeseen_shows_its_words(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("words that nobody may see")

    monkeypatch.setattr("server.oauth.token_endpoint.authenticate", fail)
    monkeypatch.setattr("server.oauth.authorize_request.find", fail)
    answer = await App(shared_house).redeem("x")
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    page = await authorize(shared_house)
    assert page.answer.status_code == 500
    assert "words" not in answer.text + page.text + b"".join(shared_house.log).decode()


async def test_a_store_that_cannot_answer_is_told_and_waited_for(
    shared_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(shared_house.services.store.internals, "read", away)
    answer = await App(shared_house).redeem("x")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    assert (await authorize(shared_house)).answer.status_code == 503
