"""The SMART App Launch 2.2 test kit (suite smart_stu2_2), mirrored: a test for each of its tests, under the kit's id.

Other groups of tests, of scopes, are in test_smart_kit_scopes.py; what the kit asks of TLS is in test_smart_kit_tls.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from in_process import House
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from key_client import JWKS, asking, assertion
from oauth_app import APP, App, Browser, make_account, make_client, sent_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

STANDALONE = "launch/patient openid fhirUser offline_access patient/*.rs"
EHR = "launch openid fhirUser offline_access patient/*.rs user/*.rs"


@dataclass
class Launched:
    """What one launch gave, for several tests to look at."""

    app: App
    answer: dict[str, str]
    response: httpx.Response
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> dict[str, Any]:
        return dict(self.response.json())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_house: House) -> AsyncIterator[House]:
    await make_client(
        shared_house, "backend", method="private_key_jwt", redirect_uris=(), grant_types=("client_credentials",),
        scope="system/*.rs", roles=("staff",), jwks=JWKS,
    )  # fmt: skip
    yield shared_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def configuration(house: House) -> dict[str, Any]:
    async with house.client(None) as client:
        return dict((await client.get("/.well-known/smart-configuration")).json())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standalone(house: House) -> Launched:
    app = App(house, scope=STANDALONE)
    answer = await app.answered()
    return Launched(app, answer, await app.redeem(answer["code"]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ehr(house: House) -> Launched:
    """A service of the EHR launches the app for whoever signs in there."""
    context = {
        "patient": "p1", "encounter": "e1", "intent": "reconcile", "fhirContext": [{"reference": "Practitioner/doctor", "role": "x"}],
    }  # fmt: skip
    made = await launch(house, context)
    app = App(house, scope=EHR)
    answer = await app.answered(launch=made["launch"])
    return Launched(app, answer, await app.redeem(answer["code"]), {**context, **made})


async def launch(house: House, context: dict[str, Any]) -> dict[str, Any]:
    tokens = (await as_backend(house)).json()
    async with house.client(None) as client:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = await client.post(f"{house.root}/oauth/launch", json=context, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def as_backend(house: House, **changes: Any) -> httpx.Response:
    async with house.client(None) as client:
        return await client.post(f"{house.root}/oauth/token", data=asking(**{"scope": "system/*.rs", **changes}))


def no_store(answer: httpx.Response) -> None:
    assert "no-store" in answer.headers["cache-control"]
    assert "no-cache" in answer.headers["pragma"]


# -- discovery


async def test_well_known_endpoint(house: House) -> None:
    async with house.client(None) as client:
        for base in (house.base, f"{house.root}/pas-2.0.1/fhir"):
            answer = await client.get(f"{base}/.well-known/smart-configuration", headers={"Accept": "application/json"})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("application/json")


async def test_well_known_capabilities_stu2(configuration: dict[str, Any]) -> None:
    for name in (
        "authorization_endpoint",
        "token_endpoint",
        "issuer",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
    ):
        assert configuration[name].startswith("http://127.0.0.1:8080")
    assert "authorization_code" in configuration["grant_types_supported"]
    assert configuration["code_challenge_methods_supported"] == ["S256"]
    assert configuration["response_types_supported"] == ["code"]
    assert {"RS384", "ES384"} <= set(configuration["token_endpoint_auth_signing_alg_values_supported"])
    assert {
        "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
        "client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient", "context-ehr-encounter",
        "context-standalone-patient", "permission-offline", "permission-online", "permission-patient", "permission-user",
        "permission-v1", "permission-v2",
    } <= set(configuration["capabilities"])  # fmt: skip
    assert "registration_endpoint" not in configuration


async def test_smart_cors_well_known_endpoint(house: House) -> None:
    async with house.client(None) as client:
        answer = await client.get("/.well-known/smart-configuration", headers={"Origin": "https://app.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_smart_cors_metadata_request(house: House) -> None:
    async with house.client(None) as client:
        answer = await client.get("/metadata", headers={"Origin": "https://app.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_scripts_may_ask_first_and_are_let_in_by_their_token_alone(house: House, standalone: Launched) -> None:
    async with house.client(None) as client:
        headers = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        asked = await client.options("/Patient/p1", headers=headers)
        assert asked.status_code == 204
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in asked.headers
    answer = await standalone.app.get("/Patient/p1", standalone.tokens["access_token"])
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_the_capability_statement_says_where_to_go(house: House, configuration: dict[str, Any]) -> None:
    async with house.client(None) as client:
        security = (await client.get("/metadata")).json()["rest"][0]["security"]
    uris = {item["url"]: item["valueUri"] for item in security["extension"][0]["extension"]}
    assert uris["authorize"] == configuration["authorization_endpoint"]
    assert uris["token"] == configuration["token_endpoint"]
    assert "SMART-on-FHIR" in {coding["code"] for service in security["service"] for coding in service["coding"]}


# -- launch


@pytest.fixture(params=["standalone", "ehr"])
def launched(request: pytest.FixtureRequest, standalone: Launched, ehr: Launched) -> Launched:
    return standalone if request.param == "standalone" else ehr


@pytest.mark.parametrize("method", ["get", "post"])
async def test_smart_app_redirect_stu2(house: House, method: str) -> None:
    """The request may come either way, and ends at the app's address with what the app said."""
    app, browser = App(house, scope=STANDALONE), Browser(house)
    address = f"{app.issuer}/oauth/authorize"
    page = await (browser.go(address, **app.request()) if method == "get" else browser.post(address, app.request()))
    page = await browser.allow(await browser.choose(await browser.sign_in(page), "p1"))
    assert sent_to(page, app.redirect_uri)["state"] == "the-state"


async def test_smart_code_received(launched: Launched) -> None:
    assert launched.answer["code"]
    assert launched.answer["state"] == "the-state"


async def test_smart_token_exchange_stu2_2(launched: Launched) -> None:
    assert launched.response.status_code == 200


async def test_smart_token_response_body_stu2_2(launched: Launched) -> None:
    tokens = launched.tokens
    assert tokens["token_type"].lower() == "bearer"
    assert isinstance(tokens["expires_in"], int)
    assert set(tokens["scope"].split()) == set(launched.app.scope.split())
    assert tokens["patient"] == "p1"
    assert all(isinstance(tokens[name], str) for name in ("access_token", "id_token", "refresh_token"))


async def test_smart_token_response_headers(launched: Launched) -> None:
    no_store(launched.response)


async def test_smart_cors_token_exchange(house: House, launched: Launched) -> None:
    assert launched.response.headers["access-control-allow-origin"] == "*"
    async with house.client(None) as client:
        asked = await client.options(f"{house.root}/oauth/token", headers={"Access-Control-Request-Method": "POST"})
        assert asked.headers["access-control-allow-origin"] == "*"


async def test_smart_launch_received(ehr: Launched) -> None:
    """What the EHR opens the app with."""
    assert ehr.context["iss"] == ehr.app.fhir
    assert re.fullmatch(r"[A-Za-z0-9_-]{40,}", ehr.context["launch"])
    assert ehr.context["expires_in"] == 60


async def test_smart_app_launch(ehr: Launched) -> None:
    assert ehr.tokens["encounter"] == "e1"
    assert ehr.tokens["intent"] == "reconcile"
    assert ehr.tokens["fhirContext"] == ehr.context["fhirContext"]


async def test_a_launch_is_good_once(house: House) -> None:
    app, browser = App(house, scope=EHR), Browser(house)
    made = (await launch(house, {"patient": "p1"}))["launch"]
    results = await asyncio.gather(
        *[browser.http.get(f"{app.issuer}/oauth/authorize", params=app.request(launch=made)) for _ in range(8)]
    )
    assert [answer.status_code for answer in results] == [303] * 8
    assert sum("error=invalid_request" in answer.headers["location"] for answer in results) == 7


async def test_a_launch_ends_after_a_minute(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app, browser = App(house, scope=EHR), Browser(house)
    made = (await launch(house, {"patient": "p1"}))["launch"]
    monkeypatch.setattr(
        type(house.services), "now", lambda self: int(self.clock().timestamp() * 1_000_000) + 61 * 1_000_000
    )
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(launch=made))
    assert sent_to(page)["error"] == "invalid_request"


async def test_a_launch_is_for_its_client_and_its_user(house: House) -> None:
    app, browser = App(house, scope=EHR), Browser(house)
    made = (await launch(house, {"patient": "p1", "client_id": "backend"}))["launch"]
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(launch=made))
    assert sent_to(page)["error"] == "invalid_request"
    other = await make_account(house, "mark", "staff")
    async with house.client("doctor", subject=other.id) as client:
        made = (await client.post(f"{house.root}/oauth/launch", json={"patient": "p1"})).json()["launch"]
    assert (await app.answered(launch=made))["error"] == "access_denied"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"patient": "p9"}, 403), ({"encounter": "none"}, 403), ({"patient": "p1", "encounter": "e2"}, 403), ({}, 400), ([], 400), ({"patient": 1}, 400), ({"patient": "a/b"}, 400),
        ({"patient": "p1", "x": 1}, 400), ({"fhirContext": [{}]}, 400), ({"fhirContext": {"reference": "x"}}, 400), ({"fhirContext": [{"reference": 1}]}, 400), ({"fhirContext": [{"identifier": {"value": 1.5}}]}, 400), ({"fhirContext": [{"identifier": {}, "x": 1}]}, 400),
        ({"patient": "p1", "intent": "a b"}, 400), ({"patient": "p1", "fhirContext": [{"reference": "A/1"}] * 21}, 400),
    ],
    ids=range(15),
)  # fmt: skip
async def test_a_launch_context_is_checked(house: House, body: Any, status: int) -> None:
    async with house.client("doctor") as client:
        assert (await client.post(f"{house.root}/oauth/launch", json=body)).status_code == status


async def test_a_large_context_fits_into_the_answer_and_no_token_grows_by_it(house: House) -> None:
    context = [{"reference": f"ServiceRequest/{number}-{'r' * 480}", "role": "r" * 100} for number in range(20)]
    made = await launch(house, {"patient": "p1", "intent": "order-sign", "fhirContext": context})
    app = App(house, scope=EHR)
    tokens = (await app.redeem(await app.code(launch=made["launch"]))).json()
    assert tokens["fhirContext"] == context
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200


async def test_who_may_not_read_a_patient_may_not_launch_with_one(house: House) -> None:
    for role, more in (("auditor", {}), ("patient", {"patient": "p2"}), ("staff", {"scope": "user/Claim.rs"})):
        async with house.client(role, **more) as client:
            assert (await client.post(f"{house.root}/oauth/launch", json={"patient": "p1"})).status_code == 403
    async with house.client(None) as client:
        answer = await client.post(f"{house.root}/oauth/launch", json={"patient": "p1"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


# -- OpenID Connect


async def decoded(launched: Launched) -> tuple[dict[str, Any], dict[str, Any]]:
    async with launched.app.house.client(None) as client:
        configuration = (await client.get(f"{launched.app.issuer}/.well-known/openid-configuration")).json()
        jwks = (await client.get(configuration["jwks_uri"])).json()
    key = next(key for key in jwks["keys"] if key["kty"] == "RSA")
    token = jwt.decode(launched.tokens["id_token"], RSAKey.import_key(key), algorithms=["RS256"])
    assert token.header["kid"] == key["kid"]
    return dict(token.header), dict(token.claims)


async def test_smart_openid_decode_id_token(launched: Launched) -> None:
    header, claims = await decoded(launched)
    assert header["alg"] == "RS256"
    assert claims


async def test_smart_openid_retrieve_configuration(house: House) -> None:
    async with house.client(None) as client:
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
            answer = await client.get(f"{house.root}{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


async def test_smart_openid_required_configuration_fields(house: House) -> None:
    async with house.client(None) as client:
        found = (await client.get(f"{house.root}/.well-known/openid-configuration")).json()
    assert {
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported",
        "id_token_signing_alg_values_supported",
    } <= found.keys()  # fmt: skip
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert found["issuer"] == house.root
    assert found["authorization_response_iss_parameter_supported"] is True


async def test_smart_openid_retrieve_jwks(house: House) -> None:
    async with house.client(None) as client:
        answer = await client.get(f"{house.root}/oauth/jwks")
    keys = answer.json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert not any({"d", "p", "q"} & key.keys() for key in keys)


async def test_access_tokens_can_be_checked_with_the_published_key(house: House, standalone: Launched) -> None:
    async with house.client(None) as client:
        keys = (await client.get(f"{house.root}/oauth/jwks")).json()["keys"]
    key = ECKey.import_key(next(key for key in keys if key["alg"] == "ES256"))
    token = jwt.decode(standalone.tokens["access_token"], key, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["iss"] == house.root
    assert token.claims["aud"] == house.base


async def test_smart_openid_token_header(launched: Launched) -> None:
    """With a kid, since there is more than one key; and a key that is in the set under it, once."""
    header, _ = await decoded(launched)
    async with launched.app.house.client(None) as client:
        keys = (await client.get(f"{launched.app.issuer}/oauth/jwks")).json()["keys"]
    assert [(key["kty"], key["alg"]) for key in keys if key["kid"] == header["kid"]] == [("RSA", header["alg"])]


async def test_smart_openid_token_payload(launched: Launched) -> None:
    _, claims = await decoded(launched)
    assert claims["iss"] == launched.app.issuer
    assert claims["aud"] == launched.app.id
    assert claims["exp"] > claims["iat"] >= claims["auth_time"]
    assert 0 < len(claims["sub"]) <= 255


async def test_smart_openid_fhir_user_claim(launched: Launched) -> None:
    _, claims = await decoded(launched)
    assert re.fullmatch(r"http.*/(Patient|Practitioner|RelatedPerson|Person)/[A-Za-z0-9.-]+", claims["fhirUser"])
    path = claims["fhirUser"].removeprefix(launched.app.fhir)
    assert (await launched.app.get(path, launched.tokens["access_token"])).status_code == 200


async def test_smart_cors_openid_fhir_user_claim(house: House, launched: Launched) -> None:
    _, claims = await decoded(launched)
    headers = {"Origin": "https://app.example", "Authorization": f"Bearer {launched.tokens['access_token']}"}
    async with house.client(None) as client:
        answer = await client.get(claims["fhirUser"], headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_the_nonce_comes_back(house: House) -> None:
    app = App(house, scope="openid profile launch/patient patient/*.rs")
    _, claims = await decoded(Launched(app, {}, await app.redeem(await app.code(nonce="n-1"))))
    assert claims["nonce"] == "n-1"
    assert claims["preferred_username"] == "dora"


# -- refresh


@pytest.fixture(params=["standalone", "ehr"])
async def refreshing(request: pytest.FixtureRequest, house: House) -> tuple[App, dict[str, Any]]:
    """An app that launched in either way, and its tokens."""
    if request.param == "standalone":
        app = App(house, scope=STANDALONE)
        return app, await app.tokens()
    app = App(house, scope=EHR)
    made = (await launch(house, {"patient": "p1"}))["launch"]
    return app, dict((await app.redeem(await app.code(launch=made))).json())


@pytest.mark.parametrize("with_scopes", [False, True], ids=["without-scopes", "with-scopes"])
async def test_smart_token_refresh_stu2(refreshing: tuple[App, dict[str, Any]], with_scopes: bool) -> None:
    app, tokens = refreshing
    answer = await app.refresh(tokens["refresh_token"], scope=app.scope if with_scopes else None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    no_store(answer)


async def test_smart_token_refresh_body(refreshing: tuple[App, dict[str, Any]]) -> None:
    app, tokens = refreshing
    for scope in (None, app.scope, "patient/Patient.rs offline_access"):
        following = (await app.refresh(tokens["refresh_token"], scope=scope)).json()
        assert isinstance(following["expires_in"], int)
        assert following["token_type"].lower() == "bearer"
        assert following["access_token"] != tokens["access_token"]
        assert following["refresh_token"] != tokens["refresh_token"]
        assert following["patient"] == "p1"
        assert set(following["scope"].split()) == set((scope or app.scope).split())
        assert (await app.get("/Patient/p1", following["access_token"])).status_code == 200
        tokens = following
    wide = await app.refresh(tokens["refresh_token"], scope="patient/*.cruds")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


async def test_a_refresh_token_that_comes_again_ends_the_grant(house: House) -> None:
    app = App(house, scope=STANDALONE)
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    stolen = await app.refresh(first["refresh_token"])
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await app.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"
    for tokens in (first, second):
        assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401


async def test_of_64_at_once_one_refreshes(house: House) -> None:
    app = App(house, scope=STANDALONE)
    tokens = await app.tokens()
    answers = await asyncio.gather(*[app.refresh(tokens["refresh_token"]) for _ in range(64)])
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 63


@pytest.mark.parametrize("change", ["grant", "number", "proof", "client", "shape"])
async def test_a_refresh_token_cannot_be_made_up(house: House, change: str) -> None:
    app = App(house, scope=STANDALONE)
    token = (await app.tokens())["refresh_token"]
    grant, number, proof = token.split(".")
    other = (await app.tokens())["refresh_token"].split(".")[0]
    await make_client(house, f"stranger-{change}")
    asker = app.with_(id=f"stranger-{change}") if change == "client" else app
    made = {
        "grant": f"{other}.{number}.{proof}",
        "number": f"{grant}.2.{proof}",
        "proof": f"{grant}.{number}.{'0' * 32}",
        "shape": "x" * 500,
    }
    answer = await asker.refresh(made.get(change, token))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await app.refresh(token)).status_code == 200


async def test_online_access_ends_with_the_session(house: House) -> None:
    app, browser = App(house, scope="online_access user/*.rs"), Browser(house)
    tokens = (await app.redeem(await app.code(browser=browser))).json()
    refreshed = await app.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    await browser.post(page.forms[1].action, page.forms[1].fields)
    assert (await app.refresh(refreshed.json()["refresh_token"])).json()["error"] == "invalid_grant"
    assert "refresh_token" not in await App(house, scope="user/*.rs").tokens()


# -- backend services


async def test_smart_backend_services_invalid_grant_type(house: House) -> None:
    assert (await as_backend(house, grant_type="not_a_grant_type")).status_code == 400


async def test_smart_backend_services_invalid_client_assertion(house: House) -> None:
    assert (await as_backend(house, client_assertion_type="not_an_assertion_type")).status_code in {400, 401}


async def test_smart_backend_services_invalid_jwt(house: House) -> None:
    assert (await as_backend(house, client_assertion="not.a.jwt")).status_code in {400, 401}


async def test_smart_backend_services_auth_request_success(house: House) -> None:
    answer = await as_backend(house)
    assert answer.status_code == 200
    no_store(answer)


async def test_smart_backend_services_auth_response_body(house: House) -> None:
    tokens = (await as_backend(house)).json()
    assert {"access_token", "token_type", "expires_in", "scope"} <= tokens.keys()
    assert isinstance(tokens["expires_in"], int)
    assert 0 < tokens["expires_in"] <= 300
    assert tokens["scope"] == "system/*.rs"


# -- introspection and revocation


async def introspected(house: House, token: str, **more: Any) -> httpx.Response:
    async with house.client(None) as client:
        return await client.post(f"{house.root}/oauth/introspect", data={"token": token, **(more or assertion())})


async def test_smart_introspection_active(house: House, ehr: Launched) -> None:
    answer = await introspected(house, ehr.tokens["access_token"])
    assert answer.status_code == 200
    found = answer.json()
    assert found["active"] is True
    assert set(found["scope"].split()) == set(ehr.tokens["scope"].split())
    assert (found["client_id"], found["patient"], found["encounter"], found["intent"]) == ("app", "p1", "e1", "reconcile")
    assert (found["iss"], found["fhirUser"]) == (house.root, f"{house.base}/Practitioner/doctor")
    assert isinstance(found["exp"], int)
    _, claims = await decoded(ehr)
    assert found["sub"] == claims["sub"]
    assert (await introspected(house, ehr.tokens["refresh_token"])).json()["active"] is True


@pytest.mark.parametrize("token", ["invalid_token", "a.b.c", "é", "x" * 4000, "A" * 16 + ".1." + "0" * 32], ids=range(5))
async def test_smart_introspection_inactive(house: House, token: str) -> None:
    answer = await introspected(house, token)
    assert (answer.status_code, answer.json()) == (200, {"active": False})


async def test_introspection_wants_to_know_who_asks(house: House, standalone: Launched) -> None:
    token = standalone.tokens["access_token"]
    async with house.client(None) as client:
        for fields, status in (({}, 401), ({"client_id": "app"}, 401), ({"client_id": "nobody"}, 401)):
            answer = await client.post(f"{house.root}/oauth/introspect", data={"token": token, **fields})
            assert answer.status_code == status
        for bearer, active in ((house.token("administrator"), True), (house.token("staff"), False), (token, True)):
            headers = {"Authorization": f"Bearer {bearer}"}
            answer = await client.post(f"{house.root}/oauth/introspect", data={"token": token}, headers=headers)
            assert answer.json()["active"] is active


async def test_a_revoked_access_token_is_over_and_a_refresh_token_takes_its_grant(house: House) -> None:
    app = App(house, scope=STANDALONE)
    tokens = await app.tokens()
    other = (await app.refresh(tokens["refresh_token"])).json()
    assert (await app.post("/oauth/revoke", token=tokens["access_token"])).status_code == 200
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await introspected(house, tokens["access_token"])).json() == {"active": False}
    assert (await app.get("/Patient/p1", other["access_token"])).status_code == 200
    assert (
        await app.post("/oauth/revoke", token=other["refresh_token"], token_type_hint="access_token")
    ).status_code == 200
    assert (await app.get("/Patient/p1", other["access_token"])).status_code == 401
    assert (await app.refresh(other["refresh_token"])).status_code == 400
    for again in (other["refresh_token"], other["access_token"], "never.was.one", "é"):
        assert (await app.post("/oauth/revoke", token=again)).status_code == 200


async def test_an_assertion_is_used_up_by_any_endpoint(house: House, standalone: Launched) -> None:
    proof = assertion()
    for path, status in (("introspect", 200), ("introspect", 401), ("revoke", 401), ("token", 401)):
        async with house.client(None) as client:
            form = {"token": "x", "grant_type": "client_credentials", "scope": "system/*.rs", **proof}
            assert (await client.post(f"{house.root}/oauth/{path}", data=form)).status_code == status


async def test_nobody_revokes_the_tokens_of_another_client(house: House, standalone: Launched) -> None:
    await make_client(house, "nosy")
    nosy = standalone.app.with_(id="nosy")
    for name in ("access_token", "refresh_token"):
        answer = await nosy.post("/oauth/revoke", token=standalone.tokens[name])
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert (await standalone.app.get("/Patient/p1", standalone.tokens["access_token"])).status_code == 200
    assert standalone.app.redirect_uri == APP


# -- the kit's list

KIT = (
    "well_known_endpoint", "well_known_capabilities_stu2", "smart_cors_well_known_endpoint", "smart_cors_metadata_request",
    "smart_app_redirect_stu2", "smart_code_received", "smart_token_exchange_stu2_2", "smart_token_response_body_stu2_2",
    "smart_token_response_headers", "smart_cors_token_exchange", "smart_app_launch", "smart_launch_received",
    "smart_openid_decode_id_token", "smart_openid_retrieve_configuration", "smart_openid_required_configuration_fields",
    "smart_openid_retrieve_jwks", "smart_openid_token_header", "smart_openid_token_payload", "smart_openid_fhir_user_claim",
    "smart_cors_openid_fhir_user_claim", "smart_token_refresh_stu2", "smart_token_refresh_body",
    "smart_backend_services_invalid_grant_type", "smart_backend_services_invalid_client_assertion", "smart_backend_services_invalid_jwt",
    "smart_backend_services_auth_request_success", "smart_backend_services_auth_response_body",
    "smart_introspection_active", "smart_introspection_inactive",
)  # fmt: skip
"""All that the suite runs but for TLS. Its four tests of introspection, two requests and two answers, have no ids: they are two here."""


async def test_nothing_of_the_kit_is_missing() -> None:
    assert [name for name in KIT if not callable(globals().get(f"test_{name}"))] == []
