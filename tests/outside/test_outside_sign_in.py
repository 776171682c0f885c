"""Signing in through an outside OpenID provider: the honest way, and whose account it leads to."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from in_process import House
from joserfc import jwt
from oauth_app import App, make_client, own
from provider_help import EC, Idp, Traveller, set_up

from server.accounts import totp
from server.accounts.account import Account, NewAccount, add, find_by_identity, find_by_name
from server.accounts.person import Identity
from server.accounts.second_factor import added
from server.oauth.administration import deactivate, rewrite
from server.oauth.code import challenge_of
from server.outside.provider import Provider, ProviderError, check
from server.outside.who import roles_told

APP_SCOPE = "openid offline_access user/*.rs"


def app_of(house: House) -> App:
    return App(house, scope=APP_SCOPE)


async def link(house: House, name: str, idp: Idp, subject: str = "u-1") -> Account:
    found = await find_by_name(own(house), name)
    assert found is not None
    value = msgspec.structs.replace(found.value, identities=(Identity(idp.issuer, subject),))
    await rewrite(own(house), found, value, [])
    return value


async def audited(house: House) -> str:
    await house.services.audit.catch_up()
    async with house.client() as client:
        return (await client.get("/AuditEvent?_count=1000")).text


async def test_there_and_back(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer)
    account = await link(house, "dora", idp)
    browser, app = Traveller(house), app_of(house)
    asked = await browser.leave(app)
    assert asked["address"] == f"{idp.issuer}/authorize"
    assert (
        asked.items()
        >= {
            "response_type": "code",
            "client_id": "assent",
            "redirect_uri": f"{house.root}/oauth/outside/back/hospital",
            "scope": "openid profile email",
            "code_challenge_method": "S256",
        }.items()
    )
    assert min(len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) >= 32
    idp.nonce = asked["nonce"]
    page = await browser.back(asked, iss=idp.issuer)
    assert "Allow access" in page.title
    ((form, headers),) = idp.asked
    assert (
        form.items() >= {"grant_type": "authorization_code", "code": "c-1", "redirect_uri": asked["redirect_uri"]}.items()
    )
    assert challenge_of(form["code_verifier"]) == asked["code_challenge"]
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"assent:s+e%3Ac"
    assert "client_secret" not in form
    allowed = await browser.allow(page)
    code = allowed.answer.headers["location"].split("code=")[1].split("&")[0]
    tokens = (await app.redeem(code)).json()
    async with house.client(None) as client:
        told = await client.get("/Patient", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert told.status_code == 200
    assert account.id in await audited(house)


async def test_without_a_link_or_a_role_nobody_signs_in(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer)
    idp.claims = {
        "email": "dora@example.org",
        "email_verified": True,
        "preferred_username": "dora",
        "roles": ["administrator"],
    }
    page = await Traveller(house).through(app_of(house), idp)
    assert page.answer.status_code == 400
    assert "could not be signed in through The Hospital" in page.text
    assert await find_by_identity(own(house), Identity(idp.issuer, "u-1")) is None
    assert "outside-nobody" in await audited(house)


ROLES = (("clinicians", "doctor"), ("desk", "staff"), ("it", "administrator"))


async def test_a_role_that_the_provider_tells_makes_an_account_and_goes_with_it(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer, role_claim="realm.groups", roles=ROLES)
    idp.claims = {
        "realm": {"groups": ["desk", "others"]},
        "preferred_username": "Dora",
        "name": "Dora D",
        "email": "d@x.example",
    }
    assert "Allow access" in (await Traveller(house).through(app_of(house), idp)).title
    found = await find_by_identity(own(house), Identity(idp.issuer, "u-1"))
    assert found is not None
    made = found.value
    assert (made.name, made.display, made.roles, made.password) == ("dora@hospital", "Dora D", ("staff",), "")
    assert (made.email, made.provider, made.fhir_user) == ("", "hospital", ""), "the address was not verified"
    idp.claims = {"realm": {"groups": "clinicians"}}
    browser = Traveller(house)
    assert "Allow access" in (await browser.through(app_of(house), idp)).title
    again = await find_by_identity(own(house), Identity(idp.issuer, "u-1"))
    assert again is not None
    assert (again.value.id, again.value.roles) == (made.id, ("doctor",))
    idp.claims = {}
    assert (await Traveller(house).through(app_of(house), idp)).answer.status_code == 400
    page = await browser.go(f"{house.root}/oauth/authorize", **app_of(house).request())
    assert "Sign in" in page.title, "whoever has no role any more is signed out everywhere"


async def test_a_name_that_is_taken_or_none_becomes_another(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer, role_claim="groups", roles=ROLES)
    await add(own(house), NewAccount("dora@hospital", ["staff"]))
    for number, name in enumerate(["dora", "a b", 7, "x" * 200]):
        idp.claims = {"groups": "desk", "sub": f"s-{number}", "preferred_username": name, "name": "x" * 300}
        assert "Allow access" in (await Traveller(house).through(app_of(house), idp)).title
        found = await find_by_identity(own(house), Identity(idp.issuer, f"s-{number}"))
        assert found is not None
        assert found.value.name.startswith("hospital-")


async def test_an_administrator_keeps_the_roles_that_were_given_here(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer, role_claim="groups", roles=ROLES)
    await link(house, "dora", idp)
    idp.claims = {"groups": "it"}
    assert "Allow access" in (await Traveller(house).through(app_of(house), idp)).title
    found = await find_by_name(own(house), "dora")
    assert found is not None
    assert found.value.roles == ("doctor",)


async def test_a_deactivated_account_stays_out(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer, role_claim="groups", roles=ROLES)
    await link(house, "dora", idp)
    found = await find_by_name(own(house), "dora")
    assert found is not None
    await deactivate(own(house), found, [])
    idp.claims = {"groups": "desk"}
    assert (await Traveller(house).through(app_of(house), idp)).answer.status_code == 400


VERIFIED = {"email": "DORA@example.org", "email_verified": True}


@pytest.mark.parametrize(
    ("by_email", "claims", "links"),
    [
        (True, VERIFIED, True),
        (False, VERIFIED, False),
        (True, {**VERIFIED, "email_verified": False}, False),
        (True, {**VERIFIED, "email_verified": "true"}, False),
        (True, {"email": "dora@example.org"}, False),
        (True, {"email": "other@example.org", "email_verified": True}, False),
        (True, {"email": ["dora@example.org"], "email_verified": True}, False),
    ],
    ids=range(7),
)
async def test_an_address_links_only_where_it_was_switched_on_and_verified(
    house: House, idp: Idp, by_email: bool, claims: dict[str, Any], links: bool
) -> None:
    await set_up(house, idp.issuer, by_email=by_email)
    ann = await add(own(house), NewAccount("ann", ["staff"], email="dora@example.org"))
    idp.claims = claims
    page = await Traveller(house).through(app_of(house), idp)
    assert ("Allow access" in page.title) is links
    found = await find_by_identity(own(house), Identity(idp.issuer, "u-1"))
    assert (found.value.id if found else None) == (ann.id if links else None)


async def test_an_address_that_is_not_plainly_one_persons_links_nobody(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer, by_email=True, role_claim="groups", roles=ROLES)
    idp.claims = {**VERIFIED, "groups": "desk"}
    await add(
        own(house), NewAccount("ann", ["staff"], email="dora@example.org", identities=(Identity(idp.issuer, "before"),))
    )
    assert (await Traveller(house).through(app_of(house), idp)).answer.status_code == 400, (
        "it was somebody else's there before"
    )
    await add(own(house), NewAccount("bea", ["staff"], email="two@example.org"))
    await add(own(house), NewAccount("cea", ["staff"], email="two@example.org"))
    idp.claims = {**idp.claims, "email": "two@example.org"}
    assert (await Traveller(house).through(app_of(house), idp)).answer.status_code == 400
    assert await find_by_identity(own(house), Identity(idp.issuer, "u-1")) is None


async def test_an_app_that_wants_a_fresh_proof_gets_one(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer)
    await link(house, "dora", idp)
    for claims, title in (({}, "Allow access"), ({"auth_time": 1}, "Sign in"), ({"auth_time": None}, "Sign in")):
        idp.claims = dict(claims)
        browser = Traveller(house)
        asked = await browser.leave(app_of(house), prompt="login")
        assert (asked["prompt"], asked["max_age"]) == ("login", "0")
        idp.nonce = asked["nonce"]
        assert title in (await browser.back(asked, iss=idp.issuer)).title
    idp.claims = {"auth_time": idp.honest()["iat"] - 5000}
    browser = Traveller(house)
    assert "Allow access" in (await browser.through(app_of(house), idp)).title
    page = await browser.go(f"{house.root}/oauth/authorize", **app_of(house).request(max_age="3600"))
    assert "Sign in" in page.title, "the proof is as old as the provider says"


async def test_whoever_has_a_second_factor_here_is_asked_for_it(house: House, idp: Idp) -> None:
    await set_up(house, idp.issuer)
    account, secret = await link(house, "dora", idp), totp.new_secret()
    code = totp.code_at(secret, own(house).now() // 1_000_000 // totp.STEP)
    made = added(own(house), account.id, secret, code)
    assert made is not None
    kept, (recovery, *_) = made
    await own(house).commit([kept])
    for given, title in (("000000", "Second factor"), (recovery, "Allow access")):
        browser = Traveller(house)
        page = await browser.through(app_of(house), idp)
        assert "Second factor" in page.title
        assert browser.http.cookies.get("assent-session-default") is None
        (form,) = page.forms
        assert title in (await browser.post(form.action, {**form.fields, "code": given})).title


async def test_parameters_methods_and_other_signatures(house: House, idp: Idp) -> None:
    provider = await set_up(
        house, idp.issuer, method="client_secret_post", algorithms=("ES256",), parameters=(("hd", "example.org"),)
    )
    await link(house, "dora", idp)
    idp.token = lambda claims: jwt.encode({"alg": "ES256", "kid": "e"}, claims, EC, algorithms=["ES256"])
    browser = Traveller(house)
    asked = await browser.leave(app_of(house))
    assert asked["hd"] == "example.org"
    idp.nonce = asked["nonce"]
    assert "Allow access" in (await browser.back(asked, iss=idp.issuer)).title
    ((form, headers),) = idp.asked
    assert (form["client_id"], form["client_secret"]) == ("assent", provider.client_secret)
    assert "Authorization" not in headers


async def test_each_tenant_has_providers_of_its_own(house: House, idp: Idp) -> None:
    await house.services.keyring.make("north")
    await set_up(house, idp.issuer)
    here = await Traveller(house).go(f"{house.root}/oauth/authorize", **app_of(house).request())
    assert "Or sign in through" in here.text
    await make_client(house, tenant="north")
    app = App(house, scope=APP_SCOPE, tenant="north")
    there = await Traveller(house).go(f"{app.issuer}/oauth/authorize", **app.request())
    assert "Sign in" in there.title
    assert "Or sign in through" not in there.text


BAD: list[dict[str, Any]] = [
    {"id": "A b"},
    {"title": ""},
    {"issuer": "idp.example"},
    {"issuer": "https://idp.example?x=1"},
    {"issuer": "https://u:p@idp.example"},
    {"client_id": ""},
    {"client_secret": ""},
    {"method": "none"},
    {"scope": "profile"},
    {"algorithms": ("HS256",)},
    {"algorithms": ("none",)},
    {"algorithms": ()},
    {"parameters": (("state", "x"),)},
    {"role_claim": "groups"},
    {"roles": (("a", "doctor"),)},
    {"role_claim": "groups", "roles": (("a", "boss"),)},
    {"role_claim": "groups", "roles": (("a", "patient"),)},
]


@pytest.mark.parametrize("fields", BAD, ids=range(len(BAD)))
def test_providers_that_cannot_be(fields: dict[str, Any]) -> None:
    good = {"id": "p", "title": "P", "issuer": "https://idp.example", "client_id": "c", "client_secret": "s"}
    check(Provider(**good))
    with pytest.raises(ProviderError):
        check(Provider(**{**good, **fields}))


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({}, ()),
        ({"a.b": "x"}, ("staff",)),
        ({"a": {"b": ["x", "y", "x"]}}, ("staff", "doctor")),
        ({"a": "x"}, ()),
        ({"a": {"b": {"x": 1}}}, ()),
        ({"a": {"b": [["x"], None, 7]}}, ()),
    ],
    ids=range(6),
)
def test_roles_are_read_from_any_claim(claims: dict[str, Any], roles: tuple[str, ...]) -> None:
    provider = Provider("p", "P", "https://i.example", "c", role_claim="a.b", roles=(("x", "staff"), ("y", "doctor")))
    assert roles_told(provider, claims) == roles
