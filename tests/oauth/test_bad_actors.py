"""Attacks on the whole flow (RFC 9700, RFC 6819), each tried as its attacker would; what a single parameter or claim may be is tried elsewhere:

redirect addresses and other parameters in test_oauth_bad_requests.py, assertions in test_oauth_clients.py, access tokens (unsigned, signed
with the wrong algorithm, expired, not yet valid, for another audience) in tests/auth/test_access_token.py, frames and forms of other sites in
test_oauth_pages.py.
"""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from in_process import House
from joserfc.jwk import ECKey
from key_client import JWKS, asking, assertion
from oauth_app import APP, VERIFIER, App, Browser, challenge, make_account, make_client, sent_to

from server.oauth.errors import Code

HERE = Path(__file__).parent


# -- codes


async def test_a_code_that_was_stolen_is_worth_nothing_to_the_thief_and_a_replay_ends_the_grant(town_house: House) -> None:
    app = App(town_house)
    code = await app.code()
    await make_client(town_house, "thief")
    assert (await app.with_(id="thief").redeem(code)).json()["error"] == "invalid_grant"
    assert (await app.redeem(code, code_verifier="t" * 43)).json()["error"] == "invalid_grant"
    tokens = (await app.redeem(code)).json()
    assert (await app.redeem(code, code_verifier="t" * 43)).json()["error"] == "invalid_grant"
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_code_put_into_another_browsers_flow_fails_for_its_challenge(town_house: House) -> None:
    """Code injection: the victim's app redeems the attacker's code with the verifier of its own request."""
    app = App(town_house)
    attackers = await app.code(code_challenge=challenge("a" * 43))
    assert (await app.redeem(attackers)).json()["error"] == "invalid_grant"
    assert (await app.redeem(attackers, code_verifier="a" * 43)).status_code == 200


async def test_the_challenge_cannot_be_left_out_weakened_or_given_back(town_house: House) -> None:
    """PKCE downgrade: none, plain, and the challenge itself as the verifier."""
    app, browser = App(town_house), Browser(town_house)
    for changes in ({"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}, {"code_challenge_method": None}):  # fmt: skip
        page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(**changes))
        assert sent_to(page)["error"] == "invalid_request"
    code = await app.code()
    for verifier in (challenge(), "", None):
        assert (await app.redeem(code, code_verifier=verifier)).json()["error"] in {"invalid_grant", "invalid_request"}
    assert (await app.redeem(code, code_verifier=VERIFIER)).status_code == 200


# -- mix-up


async def test_an_app_of_two_issuers_is_told_which_one_answers(town_house: House) -> None:
    """RFC 9207: the issuer of an answer, good or bad, is that of the discovery document; and codes are good nowhere else."""
    await town_house.services.keyring.make("north")
    await make_account(town_house, tenant="north")
    await make_client(town_house, tenant="north")
    south, north = App(town_house, scope="user/*.rs"), App(town_house, scope="user/*.rs", tenant="north")
    for app in (south, north):
        async with town_house.client(None) as client:
            found = (await client.get(f"{app.issuer}/.well-known/openid-configuration")).json()
        assert found["authorization_response_iss_parameter_supported"] is True
        refused = sent_to(await Browser(town_house).go(f"{app.issuer}/oauth/authorize", **app.request(scope=None)))
        assert (await app.answered())["iss"] == refused["iss"] == found["issuer"] == app.issuer
    code = await north.code()
    assert (await south.redeem(code)).json()["error"] == "invalid_grant"
    assert (await north.redeem(code)).status_code == 200  # whoever asked elsewhere burnt nothing


# -- tokens


async def test_a_stolen_refresh_token_ends_everybodys_tokens_whoever_is_first(town_house: House) -> None:
    app = App(town_house)
    tokens = await app.tokens()
    thiefs = (await app.refresh(tokens["refresh_token"])).json()
    assert (await app.get("/Patient/p1", thiefs["access_token"])).status_code == 200
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"  # the app, as it must
    for token in (tokens["access_token"], thiefs["access_token"]):
        assert (await app.get("/Patient/p1", token)).status_code == 401
    assert (await app.refresh(thiefs["refresh_token"])).json()["error"] == "invalid_grant"
    await make_client(town_house, "thief")
    others = (await app.tokens())["refresh_token"]
    assert (await app.with_(id="thief").refresh(others)).json()["error"] == "invalid_grant"
    assert (await app.refresh(others)).status_code == 200  # a stranger with it has not used it up


async def test_no_token_stands_for_one_of_another_kind(town_house: House) -> None:
    """The id_token, a refresh token, a code or an assertion is no access token; an access token is no assertion and no refresh token."""
    app = App(town_house)
    code, tokens = await app.code(), await app.tokens()
    proof = assertion()["client_assertion"]
    for wrong in (tokens["id_token"], tokens["refresh_token"], code, proof):
        answer = await app.get("/Patient/p1", wrong)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    await make_client(
        town_house, "backend", method="private_key_jwt", redirect_uris=(), grant_types=("client_credentials",), scope="system/*.rs",
        roles=("staff",), jwks=JWKS,
    )  # fmt: skip
    async with town_house.client(None) as client:
        for wrong in (tokens["access_token"], tokens["id_token"]):
            answer = await client.post(f"{town_house.root}/oauth/token", data=asking(wrong))
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await app.refresh(tokens["access_token"])).json()["error"] == "invalid_grant"


async def test_no_published_key_signs_anything_for_an_attacker(town_house: House) -> None:
    """Key confusion with what /oauth/jwks shows: as an HMAC secret, as PEM or JSON; and no signature at all."""
    app = App(town_house)
    tokens = await app.tokens()
    async with town_house.client(None) as client:
        keys = (await client.get(f"{town_house.root}/oauth/jwks")).json()["keys"]
    shown = next(key for key in keys if key["alg"] == "ES256")
    head, said, _ = (decoded(part) for part in tokens["access_token"].split("."))
    secrets = [ECKey.import_key(shown).as_pem(private=False), json.dumps(shown).encode(), shown["x"].encode()]
    forged = [f"{encoded({**head, 'alg': name})}.{encoded(said)}." for name in ("none", "None", "NONE", "")]
    for secret in secrets:
        signed = f"{encoded({**head, 'alg': 'HS256'})}.{encoded(said)}"
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
        forged.append(f"{signed}.{mac}")
    for token in forged:
        assert (await app.get("/Patient/p1", token)).status_code == 401
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200


def decoded(part: str) -> dict[str, Any]:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    return dict(json.loads(raw)) if raw.startswith(b"{") else {}


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_scope_that_is_missing_is_named_and_one_that_is_there_opens_no_more(town_house: House) -> None:
    app = App(town_house, scope="user/Patient.rs")
    tokens = await app.tokens()
    answer = await app.get("/Claim", tokens["access_token"])
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="user/Claim.s"' in answer.headers["www-authenticate"]


# -- redirects


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example;proto=https"}, {"X-Original-URL": "https://evil.example/"}],
    ids=["host", "x-forwarded-host", "forwarded", "x-original-url"],
)  # fmt: skip
async def test_no_header_leads_a_browser_or_an_app_elsewhere(town_house: House, headers: dict[str, str]) -> None:
    app = App(town_house)
    async with town_house.client(None) as client:
        answer = await client.get(f"{app.issuer}/oauth/authorize", params=app.request(), headers=headers)
        assert answer.headers["location"].startswith(f"{town_house.root}/oauth/authorize?flow=")
        page = await client.get(answer.headers["location"], headers=headers)
        found = await client.get(f"{town_house.base}/.well-known/smart-configuration", headers=headers)
    assert "evil" not in page.text + found.text


async def test_nothing_that_a_browser_is_sent_to_is_anybodys_choice(town_house: House) -> None:
    """Open redirect: every answer of the pages leads to the server itself, or to the address that is registered for the app."""
    app, browser = App(town_house), Browser(town_house)
    extra = dict.fromkeys(
        ("next", "return_to", "post_logout_redirect_uri", "continue", "target_link_uri"), "https://evil.example/"
    )
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(), **extra)
    for step in (browser.sign_in, lambda page: browser.choose(page, "p1")):
        page = await step(page)
    form = page.forms[1]  # signs out
    answer = await browser.http.post(form.action, data={**form.fields, **extra})
    assert answer.headers["location"].startswith(f"{town_house.root}/")
    refused = await browser.http.post(page.forms[0].action, data={**page.forms[0].fields, **extra, "do": "deny"})
    assert "location" not in refused.headers or refused.headers["location"].startswith((f"{town_house.root}/", APP))


# -- who and what there is


async def test_what_is_there_and_what_is_not_is_told_alike(town_house: House) -> None:
    """Enumeration: clients by their secrets, patients by launches and by choosing, other clients' tokens by introspection."""
    await make_client(town_house, "known", method="client_secret_basic")
    told = set()
    for name in ("known", "unknown"):
        answer = await App(town_house, name, secret="wrong").redeem("x")
        told.add((answer.status_code, answer.text, answer.headers["www-authenticate"]))
    assert len(told) == 1
    async with town_house.client("patient", patient="p2") as limited:
        answers = [await limited.post(f"{town_house.root}/oauth/launch", json={"patient": id_}) for id_ in ("p1", "none")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(403, answers[0].text)}
    await make_account(town_house, "pat", "patient", patient="p2", fhir_user="Patient/p2")
    tokens = await App(town_house).tokens()
    async with town_house.client("staff") as nosy:
        seen = [
            (await nosy.post(f"{town_house.root}/oauth/introspect", data={"token": token})).json()
            for token in (tokens["access_token"], tokens["refresh_token"], "unknown")
        ]
    assert seen == [{"active": False}] * 3


# -- the codes of the RFCs


@pytest.mark.parametrize("code", get_args(Code))
def test_each_error_of_the_rfcs_that_is_answered_has_a_test(code: str) -> None:
    text = "".join(path.read_text() for path in sorted(HERE.glob("test_*.py")))
    assert f'"{code}"' in text or f'error="{code}"' in text
