"""The authorization code flow from the app's first request to FHIR reads: what is granted, who is in context, what is single use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from in_process import House
from oauth_app import APP, SCOPE, App, Browser, make_account, make_client, own, sent_to

from server.accounts.account import find_by_name
from server.oauth import administration
from server.oauth.administration import deactivate, remove_client
from server.oauth.client import find


async def test_an_app_gets_tokens_and_reads_with_them(town_house: House) -> None:
    app = App(town_house)
    tokens = await app.tokens()
    assert tokens["patient"] == "p1"
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    assert set(tokens["scope"].split()) == set(SCOPE.split())
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200
    assert (await app.get("/Patient/p2", tokens["access_token"])).status_code in {403, 404}
    assert (await app.get("/Practitioner/doctor", tokens["access_token"])).status_code == 200


async def test_the_response_says_who_answers_and_gives_the_state_back(town_house: House) -> None:
    answer = await App(town_house).answered(state="x y&z=1")
    assert answer["state"] == "x y&z=1"
    assert answer["iss"] == town_house.root


async def test_a_request_may_be_posted(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    page = await browser.post(f"{app.issuer}/oauth/authorize", app.request())
    assert "Sign in" in page.title
    page = await browser.allow(await browser.choose(await browser.sign_in(page), "p1"))
    assert (await app.redeem(sent_to(page)["code"])).status_code == 200


async def test_a_browser_that_is_signed_in_is_not_asked_again_and_prompt_login_asks(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    await app.code(browser=browser)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    assert "Choose a patient" in page.title
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(prompt="login"))
    assert "Sign in" in page.title
    page = await browser.sign_in(page)
    assert "Choose a patient" in page.title


@pytest.mark.parametrize(
    ("parameters", "error"),
    [({}, "login_required"), ({"scope": "user/Patient.rs"}, "login_required"), ({"max_age": "0"}, "login_required")],
    ids=["patient", "user", "max-age"],
)
async def test_without_a_page_nobody_can_sign_in(town_house: House, parameters: dict[str, str], error: str) -> None:
    app, browser = App(town_house), Browser(town_house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(prompt="none", **parameters))
    assert sent_to(page)["error"] == error


async def test_without_a_page_nobody_can_choose_or_consent(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    await app.code(browser=browser)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(prompt="none"))
    assert sent_to(page)["error"] == "interaction_required"
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(prompt="none", scope="user/Patient.rs"))
    assert sent_to(page)["error"] == "consent_required"


async def test_the_person_narrows_what_is_asked(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(scope="user/Patient.rs user/Claim.rs openid"))
    page = await browser.sign_in(page)
    assert "Choose a patient" not in page.title
    answer = sent_to(await browser.allow(page, only=["user/Patient.rs", "user/*.cruds", "system/*.cruds"]))
    tokens = (await app.redeem(answer["code"])).json()
    assert tokens["scope"] == "user/Patient.rs"
    assert "id_token" not in tokens
    assert "patient" not in tokens
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200
    assert (await app.get("/Claim", tokens["access_token"])).status_code == 403


async def test_nothing_ticked_is_asked_again_and_no_is_told_to_the_app(town_house: House) -> None:
    app, browser = App(town_house, scope="user/Patient.rs"), Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()))
    page = await browser.allow(page, only=[])
    assert page.answer.status_code == 400
    assert "Leave at least one" in page.text
    assert sent_to(await browser.allow(page, decision="deny")) == {
        "error": "access_denied", "error_description": "The person did not allow it.", "state": "the-state", "iss": town_house.root,
    }  # fmt: skip


async def test_no_more_than_the_roles_and_the_client_may_have(town_house: House) -> None:
    await make_account(town_house, "stan", "staff")
    await make_client(town_house, "small", scope="user/Patient.rs user/Observation.cruds openid")
    browser = Browser(town_house)
    app = App(
        town_house,
        "small",
        scope="openid fhirUser user/Patient.cruds user/Observation.cud user/Library.c system/*.rs user/Foo.r x",
    )
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    page = await browser.sign_in(page, "stan")
    tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
    assert tokens["scope"] == "openid user/Patient.rs user/Observation.cu"


async def test_a_scope_that_cannot_be_granted_at_all(town_house: House) -> None:
    app, browser = App(town_house, scope="system/*.rs nonsense"), Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()))
    assert sent_to(page)["error"] == "invalid_scope"


async def test_a_patient_is_in_context_of_their_own_record_without_choosing(town_house: House) -> None:
    await make_account(town_house, "pat", "patient", patient="p2", fhir_user="Patient/p2")
    app, browser = App(town_house), Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()), "pat")
    assert "Allow access" in page.title
    assert "Birch" in page.text
    tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
    assert tokens["patient"] == "p2"
    assert (await app.get("/Patient/p2", tokens["access_token"])).status_code == 200
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code in {403, 404}


async def test_a_visit_can_be_chosen(town_house: House) -> None:
    app, browser = App(town_house, scope="launch/patient launch/encounter patient/*.rs"), Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()))
    page = await browser.choose(page, "p1")
    assert "Choose a visit" in page.title
    form = page.forms[0]
    assert ("encounter", "e1") in form.buttons
    for wrong in ("e2", "none", "../e1"):  # e2 is of another patient
        assert (await browser.post(form.action, {**form.fields, "encounter": wrong})).answer.status_code == 400
    page = await browser.post(form.action, {**form.fields, "encounter": "e1"})
    tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
    assert (tokens["patient"], tokens["encounter"]) == ("p1", "e1")


async def test_patients_are_searched_by_name_and_birth_date(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()))
    form = page.forms[0]

    async def found(**fields: str) -> Any:
        return await browser.post(form.action, {**form.fields, "do": "search", **fields})

    assert [(await found(name="ald")).text.count(name) for name in ("Ann Alder", "Birch")] == [1, 0]
    assert (await found(birthdate="1980-01-31")).text.count('name="patient"') == 2
    assert (await found(name="alder", birthdate="1980-01-30")).text.count('name="patient"') == 0
    for bad in ({}, {"birthdate": "31.1.1980"}, {"birthdate": "1980-99-99"}):
        assert (await found(**bad)).answer.status_code == 400
    assert (await found(name="a\\$|,b")).answer.status_code == 200
    assert (await found(patient="../p1")).answer.status_code == 400
    cancelled = await found(do="cancel")
    assert sent_to(cancelled)["error"] == "access_denied"


async def test_a_code_is_good_once_and_its_second_use_ends_what_it_gave(town_house: House) -> None:
    app = App(town_house)
    code = await app.code()
    tokens = (await app.redeem(code)).json()
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200
    again = await app.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_64_at_once_one_redeems_a_code(town_house: House) -> None:
    app = App(town_house)
    code = await app.code()
    answers = await asyncio.gather(*[app.redeem(code) for _ in range(64)])
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    assert (await app.get("/Patient/p1", good[0].json()["access_token"])).status_code == 401  # the others were replays


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "guessed"},
        {"redirect_uri": f"{APP}/"},
        {"redirect_uri": "https://evil.example/callback"},
        {"code_verifier": "w" * 43},
        {"code_verifier": "short"},
        {"code_verifier": "ä" * 43},
        {"client_id": "other"},
    ],
    ids=lambda changes: "-".join(changes),
)
async def test_a_code_is_bound_to_all_that_it_was_asked_with(town_house: House, changes: dict[str, str]) -> None:
    await make_client(town_house, "other")
    app = App(town_house)
    code = await app.code()
    answer = await app.redeem(code, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await app.redeem(code)).status_code == 200


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "code_verifier", "grant_type"])
async def test_what_is_missing_is_named(town_house: House, missing: str) -> None:
    app = App(town_house)
    answer = await app.redeem(await app.code(), **{missing: None})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert missing in answer.json()["error_description"]


async def test_a_code_is_good_for_a_minute(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(town_house)
    code = await app.code()
    services = town_house.services
    monkeypatch.setattr(type(services), "now", lambda self: later + 61 * 1_000_000)
    later = services.clock().timestamp() * 1_000_000
    later = int(later)
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"


async def test_tokens_of_one_tenant_are_nothing_to_another(town_house: House) -> None:
    await town_house.services.keyring.make("north")
    await make_account(town_house, tenant="north")
    await make_client(town_house, tenant="north")
    async with town_house.client(tenant="north") as client:
        patient = {"resourceType": "Patient", "id": "p1"}
        await client.put(f"{town_house.root}/t/north/fhir/Patient/p1", json=patient)
    north, south = App(town_house, tenant="north"), App(town_house)
    tokens = await north.tokens()
    assert (await north.get("/Patient/p1", tokens["access_token"])).status_code == 200
    assert (await south.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await south.refresh(tokens["refresh_token"])).status_code == 400
    assert (await south.redeem(await north.code())).status_code == 400
    page = await Browser(town_house).go(f"{south.issuer}/oauth/authorize", **south.request(aud=north.fhir))
    assert sent_to(page)["error"] == "invalid_request"


async def test_a_deactivated_account_and_a_removed_client_end_at_once(town_house: House) -> None:
    app = App(town_house)
    tokens, code = await app.tokens(), await app.code()
    account = await find_by_name(own(town_house), "dora")
    assert account is not None
    await deactivate(own(town_house), account, [])
    await town_house.services.revoked.look()
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    await make_account(town_house, "dan")
    browser = Browser(town_house)
    page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request(scope="user/*.rs")), "dan")
    tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
    client = await find(own(town_house), "app")
    assert client is not None
    await remove_client(own(town_house), client, [])
    await town_house.services.revoked.look()
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    assert page.answer.status_code == 400


async def test_a_client_that_gets_the_id_of_a_removed_one_has_nothing_of_it(
    town_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed and registered anew is what is done about a client that was broken into: what was stolen there stays worthless."""
    monkeypatch.setattr(administration, "UNDER_WAY", 0)
    app, records = App(town_house), own(town_house)
    tokens, code = await app.tokens(), await app.code()
    secret = await make_client(town_house, "asker", method="client_secret_basic")
    asker = App(town_house, "asker", secret=secret)
    assert (await asker.post("/oauth/introspect", token=tokens["refresh_token"])).json()["active"]
    client = await find(records, "app")
    assert client is not None
    await remove_client(records, client, [])
    assert (await asker.post("/oauth/introspect", token=tokens["refresh_token"])).json() == {"active": False}
    await make_client(town_house, created=records.now())
    await town_house.services.revoked.look()
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    assert (await asker.post("/oauth/introspect", token=tokens["refresh_token"])).json() == {"active": False}
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.get("/Patient/p1", (await app.tokens())["access_token"])).status_code == 200
