"""How clients prove themselves: secrets, assertions and their hostile kinds, keys from an address, backend services."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from in_process import House
from joserfc.jwk import RSAKey
from key_client import EC, JWKS, RSA, STRANGER, asking, assertion, claims, signed
from oauth_app import App, make_client

from server.outgoing import Outgoing, OutgoingError, is_public

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACKEND: dict[str, Any] = {
    "method": "private_key_jwt", "redirect_uris": (), "grant_types": ("client_credentials",),
    "scope": "system/Patient.rs system/Claim.cruds", "roles": ("staff",), "jwks": JWKS,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_house: House) -> AsyncIterator[House]:
    await make_client(shared_house, "backend", **BACKEND)
    await make_client(shared_house, "keys", method="private_key_jwt", jwks=JWKS)
    yield shared_house


async def post(house: House, fields: dict[str, Any], **headers: str) -> httpx.Response:
    async with house.client(None) as client:
        return await client.post(f"{house.root}/oauth/token", data=fields, headers=headers)


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384")], ids=["ES384", "RS384"])
async def test_a_backend_service_gets_a_short_token_for_system_scopes(house: House, key: Any, algorithm: str) -> None:
    answer = await post(
        house,
        asking(signed(claims(), key, algorithm), scope="system/*.rs system/Patient.rs user/*.rs system/Claim.d openid"),
    )
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens["expires_in"] <= 300
    assert tokens["scope"] == "system/Patient.rs"  # staff deletes nothing, and system/* was not registered
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens
    assert (await App(house).get("/Patient/p1", tokens["access_token"])).status_code == 200
    assert (await App(house).get("/Observation", tokens["access_token"])).status_code == 403


def now(later: int = 0) -> int:
    return int(time.time()) + later


FAR = [
    ("no-iss", lambda: signed(claims(iss=None))),
    ("another-iss", lambda: signed(claims(iss="keys"))),
    ("another-sub", lambda: signed(claims(sub="keys"))),
    ("unknown-client", lambda: signed(claims("nobody"))),
    ("no-aud", lambda: signed(claims(aud=None))),
    ("another-aud", lambda: signed(claims(aud="https://evil.example/oauth/token"))),
    ("aud-of-another-tenant", lambda: signed(claims(aud="http://127.0.0.1:8080/t/north/oauth/token"))),
    ("expired", lambda: signed(claims(exp=now(-60)))),
    ("no-exp", lambda: signed(claims(exp=None))),
    ("far-exp", lambda: signed(claims(exp=now(4000)))),
    ("exp-text", lambda: signed(claims(exp="soon"))),
    ("exp-true", lambda: signed(claims(exp=True))),
    ("not-yet", lambda: signed(claims(nbf=now(400)))),
    ("from-the-future", lambda: signed(claims(iat=now(400)))),
    ("no-jti", lambda: signed(claims(jti=None))),
    ("long-jti", lambda: signed(claims(jti="j" * 256))),
    ("jti-number", lambda: signed(claims(jti=7))),
    ("another-key", lambda: signed(claims(), STRANGER)),
    ("unknown-kid", lambda: signed(claims(), kid="other")),
    ("no-kid", lambda: signed(claims(), kid=None)),
    ("typ", lambda: signed(claims(), typ="at+jwt")),
    ("jku", lambda: signed(claims(), jku="https://evil.example/keys")),
    ("weak-algorithm", lambda: signed(claims(), RSA, "RS256")),
    ("embedded-key", lambda: signed(claims(), STRANGER, jwk=STRANGER.as_dict(private=False), kid="other")),
    ("none", lambda: unsigned(claims(), "none")),
    ("None", lambda: unsigned(claims(), "NONE")),
    ("hmac-with-public-key", lambda: confused()),
    ("empty", lambda: "..."),
    ("no-jwt", lambda: "x"),
    ("not-ascii", lambda: "ä.b.c"),
    ("deep", lambda: deep()),
]  # fmt: skip


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(said: dict[str, Any], algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': 'ec'})}.{encoded(said)}."


def confused() -> str:
    """HMAC keyed with the client's public key, as PEM."""
    signed_part = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{encoded(claims())}"
    mac = hmac.digest(RSA.as_pem(private=False), signed_part.encode(), "sha256")
    return f"{signed_part}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def deep() -> str:
    payload = base64.urlsafe_b64encode(b"[" * 4000).rstrip(b"=").decode()
    return f"{encoded({'alg': 'ES384', 'kid': 'ec'})}.{payload}.AAAA"


@pytest.mark.parametrize("make", [make for _, make in FAR], ids=[name for name, _ in FAR])
async def test_a_bad_assertion_is_an_invalid_client(house: House, make: Callable[[], str]) -> None:
    answer = await post(house, asking(make()))
    assert (answer.status_code, answer.json()["error"]) in {(401, "invalid_client"), (400, "invalid_request")}
    assert "access_token" not in answer.text


async def test_an_assertion_is_good_once(house: House) -> None:
    text = signed(claims())
    assert (await post(house, asking(text))).status_code == 200
    assert (await post(house, asking(text))).json()["error"] == "invalid_client"
    again = signed(claims(jti=json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))["jti"]))
    assert (await post(house, asking(again))).json()["error"] == "invalid_client"


async def test_of_64_at_once_with_one_assertion_one_is_answered(house: House) -> None:
    text = signed(claims())
    answers = await asyncio.gather(*[post(house, asking(text)) for _ in range(64)])
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 63


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unauthorized_client"),
        ({"client_assertion_type": "not_a_type"}, 400, "invalid_request"),
        ({"client_assertion_type": None}, 400, "invalid_request"),
        ({"client_assertion": None}, 400, "invalid_request"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": "user/*.rs"}, 400, "invalid_scope"),
        ({"scope": "system/Observation.rs"}, 400, "invalid_scope"),
        ({"client_id": "keys"}, 401, "invalid_client"),
        ({"client_secret": "x"}, 400, "invalid_request"),
    ],
    ids=range(12),
)
async def test_a_bad_request_has_the_code_of_the_rfc(
    house: House, changes: dict[str, Any], status: int, error: str
) -> None:
    answer = await post(house, asking(**changes))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


async def test_secrets_in_the_header_or_the_form(house: House) -> None:
    for id_, method in (("basic", "client_secret_basic"), ("post", "client_secret_post")):
        secret = await make_client(house, id_, method=method)
        assert secret is not None
        app = App(house, id_, secret=secret)
        code = await app.code()
        assert (await app.redeem(code)).status_code == 200
        plain = app.with_(secret=None)
        assert (await plain.redeem(await app.code(), client_secret=secret)).status_code == 200
        for bad in ("", secret[:-1], secret + "x", "ü"):
            answer = await plain.redeem(await app.code(), client_secret=bad or None)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert (await app.with_(secret="wrong").redeem(code)).status_code == 401
        assert (await app.redeem(await app.code(), client_secret=secret)).status_code == 400


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic YQ==", "Basic YTpi", "Bearer x", "Basic /////w==", "Digest x"]
)
async def test_a_bad_authorization_header(house: House, header: str) -> None:
    fields = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x", "code_verifier": "x"}
    answer = await post(house, fields, Authorization=header)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_public_client_has_no_secret_and_a_confidential_one_no_way_around_it(house: House) -> None:
    app = App(house, "keys")
    code = await app.code()
    assert (await app.redeem(code)).json()["error"] == "invalid_client"
    assert (await App(house).redeem(await App(house).code(), client_secret="x")).status_code == 401
    answer = await app.redeem(code, **assertion(signed(claims("keys"))))
    assert answer.status_code == 200


async def test_keys_are_fetched_from_the_registered_address_and_again_when_they_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    sets = [{"keys": [{**STRANGER.as_dict(private=False), "kid": "old"}]}, JWKS]

    async def fetch(self: Outgoing, url: str, largest: int, accept: str = "") -> bytes:
        served.append(url)
        return json.dumps(sets[min(len(served), len(sets)) - 1]).encode()

    monkeypatch.setattr(Outgoing, "fetch", fetch)
    address = "https://service.example/keys"
    await make_client(house, "far", **{**BACKEND, "jwks": None, "jwks_uri": address})

    async def asked(key: Any, **header: Any) -> int:
        return (await post(house, asking(signed(claims("far"), key, **header)))).status_code

    assert await asked(STRANGER, kid="old", jku=address) == 200
    assert await asked(STRANGER, kid="old") == 200
    assert served == [address]
    assert await asked(EC) == 401  # a key that is not there is not looked for again at once
    monkeypatch.setattr("server.oauth.client_keys.AGAIN_SECONDS", 0.0)
    assert await asked(EC) == 200
    assert served == [address] * 2
    assert await asked(STRANGER, kid="old") == 401


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/keys", "https://127.0.0.1/keys", "https://[::1]/keys", "https://[::ffff:127.0.0.1]/keys", "https://10.0.0.1/keys",
        "https://169.254.169.254/latest", "https://192.168.1.1/", "https://localhost/keys", "https://0.0.0.0/", "https://2130706433/",
        "https://0x7f.1/", "https://u@127.0.0.1/", "file:///etc/passwd", "https:///x", "https://[fe80::1%25eth0]/", "http://example.com/keys",
        "https://no-such-host.invalid/", "https://224.0.0.1/", "https://a.example:99999/",
    ],
)  # fmt: skip
async def test_no_address_of_the_house_is_fetched(url: str) -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(OutgoingError):
            await Outgoing(client).fetch(url, 1000)
    assert asked == []


async def test_what_is_fetched_is_bounded_and_never_redirected() -> None:
    answers = {
        "/large": httpx.Response(200, content=b"x" * 2000),
        "/moved": httpx.Response(302, headers={"Location": "http://127.0.0.1/"}),
    }
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers.get(request.url.path, httpx.Response(200, content=b"{}"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        inner = Outgoing(client, (ipaddress.ip_network("127.0.0.0/8"),))
        assert await inner.fetch("http://127.0.0.1:81/keys?a=b", 1000) == b"{}"
        assert asked[0].url == "http://127.0.0.1:81/keys?a=b"
        assert asked[0].headers["host"] == "127.0.0.1:81"
        for path in ("large", "moved"):
            with pytest.raises(OutgoingError):
                await inner.fetch(f"http://127.0.0.1/{path}", 1000)
    assert len(asked) == 3
    assert is_public(ipaddress.ip_address("93.184.216.34"))
    assert not is_public(ipaddress.ip_address("::ffff:10.0.0.1"))


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_small_keys_are_not_taken(house: House) -> None:
    small = RSAKey.generate_key(1024, {"kid": "small"}, auto_kid=False)
    both = {"keys": [*JWKS["keys"], {**small.as_dict(private=False), "kid": "small"}]}
    await make_client(house, "weak", **{**BACKEND, "jwks": both})
    answer = await post(house, asking(signed(claims("weak"), small, "RS384", kid="small")))
    assert answer.json()["error"] == "invalid_client"


async def test_a_public_client_may_refresh_without_its_name_and_no_other_client_may(house: House) -> None:
    """As SMART's JavaScript client does: RFC 6749 6 has no client_id among what is sent."""
    tokens = await App(house).tokens()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await post(house, form)
    assert answer.status_code == 200
    assert answer.json()["patient"] == tokens["patient"]
    assert (await post(house, form)).json()["error"] == "invalid_grant"  # it was good once
    keys = App(house, "keys")
    answer = await keys.redeem(await keys.code(), **assertion(signed(claims("keys"))))
    form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    answer = await post(house, form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await post(house, {**form, **assertion(signed(claims("keys")))})).status_code == 200
    for form in ({"grant_type": "refresh_token", "refresh_token": "x"}, {"grant_type": "refresh_token"}):
        assert (await post(house, form)).status_code == 400
