"""A provider, or somebody between, that means ill: each lie is refused on a page that tells no reason, and is in the audit trail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from in_process import House, running_house
from joserfc import jwt
from oauth_app import App, make_account, make_client, own
from provider_help import EC, INNER, RSA, STRANGER, Idp, Traveller, encoded, set_up
from test_outside_sign_in import app_of, audited, link

from server.outside.sign_in import UNDER_WAY


def hs256(claims: dict[str, Any]) -> str:
    """With the public key, which everybody knows, as the secret."""
    said = f"{encoded({'alg': 'HS256', 'kid': 'r'})}.{encoded(claims)}"
    proof = hmac.new(RSA.as_pem(private=False), said.encode(), hashlib.sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'r'})}.{encoded(claims)}."


def by(key: Any, algorithm: str, **header: Any) -> Any:
    whole = {name: value for name, value in {"alg": algorithm, "kid": "r", **header}.items() if value is not None}
    return lambda claims: jwt.encode(whole, claims, key, algorithms=[algorithm])


def changed_afterwards(claims: dict[str, Any]) -> str:
    head, _, proof = by(RSA, "RS256")(claims).split(".")
    return f"{head}.{encoded({**claims, 'sub': 'u-1'})}.{proof}"


NOW = time.time
TOKENS: list[tuple[str, Any, str]] = [
    ("none", unsigned, "outside-algorithm"),
    ("hs256", hs256, "outside-algorithm"),
    ("not-pinned", by(RSA, "RS384"), "outside-algorithm"),
    ("no-kid", by(RSA, "RS256", kid=None), "outside-algorithm"),
    ("other-kid", by(RSA, "RS256", kid="x"), "outside-key"),
    ("key-of-another-kind", by(EC, "ES256", kid="r"), "outside-key"),
    ("stranger", by(STRANGER, "RS256"), "outside-signature"),
    ("changed", changed_afterwards, "outside-signature"),
    ("access-token", by(RSA, "RS256", typ="at+jwt"), "outside-signature"),
    ("not-a-token", lambda claims: "abc", "outside-signature"),
    ("large", lambda claims: "a" * 40_000, "outside-signature"),
    ("no-text", lambda claims: 7, "outside-token-endpoint"),
]
CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("iss", {"iss": "https://evil.example"}, "outside-issuer"),
    ("no-iss", {"iss": None}, "outside-issuer"),
    ("aud", {"aud": "another"}, "outside-audience"),
    ("aud-many", {"aud": ["assent", "another"]}, "outside-audience"),
    ("azp", {"azp": "another"}, "outside-audience"),
    ("no-aud", {"aud": None}, "outside-audience"),
    ("nonce", {"nonce": "another"}, "outside-nonce"),
    ("no-nonce", {"nonce": None}, "outside-nonce"),
    ("nonce-kind", {"nonce": 7}, "outside-nonce"),
    ("expired", {"exp": NOW() - 120}, "outside-time"),
    ("no-exp", {"exp": None}, "outside-time"),
    ("exp-text", {"exp": "tomorrow"}, "outside-time"),
    ("exp-without-end", {"exp": float("inf")}, "outside-time"),
    ("iat-no-number", {"iat": float("nan")}, "outside-time"),
    ("auth-time-no-number", {"auth_time": float("nan")}, "outside-time"),
    ("auth-time-before-all", {"auth_time": -1}, "outside-time"),
    ("old", {"iat": NOW() - 4000}, "outside-time"),
    ("from-the-future", {"iat": NOW() + 4000}, "outside-time"),
    ("not-yet", {"nbf": NOW() + 4000}, "outside-time"),
    ("no-sub", {"sub": None}, "outside-subject"),
    ("sub-kind", {"sub": ["u-1"]}, "outside-subject"),
    ("sub-long", {"sub": "u" * 256}, "outside-subject"),
    ("sub-control", {"sub": "u\n1"}, "outside-subject"),
]


together = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lied_to(
    _cheap_outside_passwords: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[House, Idp]]:
    """A house, and a provider that an account of it is linked with."""
    idp = Idp()
    idp.start()
    async with running_house(tmp_path_factory.mktemp("outside") / "data", **INNER) as house:
        await make_client(house)
        await make_account(house)
        await set_up(house, idp.issuer)
        await link(house, "dora", idp)
        yield house, idp
    idp.stop()


async def refused(house: House, idp: Idp, code: str, **changes: str | None) -> None:
    before = (await audited(house)).count(code)
    page = await Traveller(house).through(app_of(house), idp, **changes)
    assert page.answer.status_code == 400
    assert "could not be signed in" in page.text
    assert "session" not in page.answer.headers.get("set-cookie", "")
    assert (await audited(house)).count(code) > before


@pytest.mark.parametrize(("token", "code"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS])
@together
async def test_a_token_that_the_provider_did_not_sign(lied_to: tuple[House, Idp], token: Any, code: str) -> None:
    house, idp = lied_to
    idp.claims, idp.token = ({"sub": "x"} if token is changed_afterwards else {}), token
    await refused(house, idp, code)


@pytest.mark.parametrize(("claims", "code"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS])
@together
async def test_a_token_for_somebody_or_something_else(
    lied_to: tuple[House, Idp], claims: dict[str, Any], code: str
) -> None:
    house, idp = lied_to
    idp.claims, idp.token = claims, None
    await refused(house, idp, code)


@together
async def test_and_the_truth_lets_in(lied_to: tuple[House, Idp]) -> None:
    house, idp = lied_to
    idp.claims, idp.token = {}, None
    assert "Allow access" in (await Traveller(house).through(app_of(house), idp)).title


@pytest.mark.parametrize("iss", [None, "https://evil.example"])
async def test_an_answer_of_another_provider_is_not_redeemed(house: House, idp: Idp, iss: str | None) -> None:
    """RFC 9207: the code is not sent anywhere."""
    await set_up(house, idp.issuer)
    await link(house, "dora", idp)
    await refused(house, idp, "outside-mix-up", iss=iss)
    assert idp.asked == []


async def test_an_answer_at_another_providers_address_is_none(house: House, idp: Idp) -> None:
    """Mix-up (RFC 9700 4.4): what began with one provider ends at no other's address."""
    await set_up(house, idp.issuer)
    await set_up(house, idp.issuer, "other")
    await link(house, "dora", idp)
    browser = Traveller(house)
    asked = await browser.leave(app_of(house))
    page = await browser.back({**asked, "redirect_uri": f"{house.root}/oauth/outside/back/other"}, iss=idp.issuer)
    assert "no longer good" in page.text
    assert idp.asked == []


async def test_a_state_is_good_once_in_its_browser_and_for_ten_minutes(
    house: House, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(house, idp.issuer)
    await link(house, "dora", idp)
    browser, stranger = Traveller(house), Traveller(house)
    asked = await browser.leave(app_of(house))
    idp.nonce = asked["nonce"]
    await stranger.leave(app_of(house))
    page = await stranger.back(asked, iss=idp.issuer)
    assert "cookies" in page.text, "somebody else's sign-in is not put upon a browser"
    assert "Allow access" in (await browser.back(asked, iss=idp.issuer)).title
    again = await browser.back(asked, iss=idp.issuer)
    assert "no longer good" in again.text
    assert len(idp.asked) == 1
    for state in ("", "unknown", "x" * 5000):
        assert (await browser.back({**asked, "state": state}, iss=idp.issuer)).answer.status_code == 400
    late = await stranger.leave(app_of(house))
    found = await UNDER_WAY.read(own(house), late["state"])
    assert found is not None
    assert 590_000_000 < found.until - own(house).now() <= 600_000_000


@pytest.mark.parametrize(
    "changes",
    [{"error": "access_denied", "code": None}, {"code": None}, {"error": "x", "error_description": "<b>Zyzzyva</b>"}],
    ids=range(3),
)
async def test_a_refusal_of_the_provider_is_told_plainly(house: House, idp: Idp, changes: dict[str, str | None]) -> None:
    await set_up(house, idp.issuer)
    page = await Traveller(house).through(app_of(house), idp, **changes)
    assert "could not be signed in through The Hospital" in page.text
    assert "Zyzzyva" not in page.answer.text
    assert idp.asked == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": ["https://x.example"]},
        {"jwks_uri": "file:///etc/passwd"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
    ids=range(6),
)
async def test_a_provider_that_does_not_say_what_it_should_is_not_gone_to(
    house: House, idp: Idp, metadata: dict[str, Any]
) -> None:
    await set_up(house, idp.issuer)
    idp.metadata = metadata
    browser, app = Traveller(house), app_of(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    address = next(part for part in page.text.split('"') if "/oauth/outside?" in part)
    for _ in range(3):
        answer = await browser.http.get(address)
        assert answer.status_code == 400
        assert "location" not in answer.headers
    assert idp.looked == 1, "a failure is remembered for a while"


async def test_an_address_of_the_house_is_not_gone_to(tmp_path_factory: pytest.TempPathFactory, idp: Idp) -> None:
    async with running_house(tmp_path_factory.mktemp("guarded") / "data") as house:
        await make_client(house)
        await set_up(house, idp.issuer)
        app, browser = App(house, scope="openid"), Traveller(house)
        page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
        address = next(part for part in page.text.split('"') if "/oauth/outside?" in part)
        assert (await browser.http.get(address)).status_code == 400
        assert idp.looked == 0


async def test_the_way_out_is_taken_from_a_page_of_ours_only(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer)
    browser, app = Traveller(house), app_of(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    address = next(part for part in page.text.split('"') if "/oauth/outside?" in part)
    assert (await Traveller(house).http.get(address)).status_code == 400, "another browser"
    for bad in (
        address.replace("flow=", "flow=x"),
        address.replace("provider=hospital", "provider=nobody"),
        f"{house.root}/oauth/outside",
    ):
        assert (await browser.http.get(bad)).status_code == 400
