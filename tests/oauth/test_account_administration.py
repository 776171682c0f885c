"""Administrators' pages and one's own: who may see them, what each button does and ends, forged forms, the last administrator."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from account_help import SECOND, Time, account_of, alert, at, form, press, records
from in_process import House, running_house
from oauth_app import PASSWORD, App, Browser, Page, make_account, own, people

from server.account_pages.account_list import ON_A_PAGE
from server.accounts import attempts
from server.accounts.account import AccountError, NewAccount, add, find
from server.accounts.administrators import LAST, administers
from server.accounts.change import AccountChange
from server.accounts.sign_in import SignInRefusedError, sign_in
from server.oauth.administration import deactivate, modify
from server.store.store import StaleVersionError

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area

ONE = "/accounts/one"
OTHER_PASSWORD = "eleven tired otters nap"
PAGES = ("/accounts", "/accounts/invite", ONE)


async def one(house: House, browser: Browser, id_: str, tenant: str = "") -> Page:
    return await browser.go(f"{house.root}{tenant}{ONE}", account=id_)


async def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(town_house: House) -> None:
    browser = Browser(town_house)
    dora = await make_account(town_house)
    await make_account(town_house, "root", "administrator")
    for path in ("/account", "/account/second-factor", *PAGES):
        assert "Sign in" in (await browser.go(f"{town_house.root}{path}")).title
    page = await browser.sign_in(await one(town_house, browser, dora.id), "root")
    assert page.title == "dora - Assent"


@pytest.mark.parametrize(
    "path", ["/account/password", "/account/sessions", "/account/second-factor", "/accounts/invite", ONE]
)
async def test_who_posts_after_the_session_is_over_signs_in_and_nothing_is_done(town_house: House, path: str) -> None:
    browser, page = await at(town_house, "/account")
    sealed = form(page, "/account/sessions").fields
    await press(browser, page, "/account/sign-out")
    dora = await make_account(town_house)
    page = await browser.post(f"{town_house.root}{path}", {**sealed, "account": dora.id, "do": "deactivate"})
    assert "Sign in" in page.title
    page = await browser.sign_in(page, "root")
    assert (page.answer.status_code, page.title.partition(" - ")[0]) in {(200, "Your account"), (200, "Accounts")}
    assert await account_of(town_house, dora.id) == dora


async def test_pages_of_administrators_are_theirs_alone(town_house: House) -> None:
    dora = await make_account(town_house)
    for name in ("doctor", "staff", "auditor", "payer"):
        browser, page = await at(town_house, "/account", f"the-{name}", name)
        assert page.title == "Your account - Assent"
        assert "/accounts" not in page.text
        for path in PAGES:
            assert (await browser.go(f"{town_house.root}{path}", account=dora.id)).answer.status_code == 403
        for path, fields in (
            (ONE, {"account": dora.id, "do": "deactivate"}),
            ("/accounts/invite", {"name": "x", "role": "staff"}),
        ):
            mine = form(page, "/account/sessions").fields
            refused = await browser.post(f"{town_house.root}{path}", {**mine, **fields})
            assert (refused.answer.status_code, "for administrators" in refused.text) == (403, True)
    assert (await account_of(town_house, dora.id)).active
    refusals = [
        record.status for record in await records(town_house) if record.interaction in {"$user-modify", "$user-invite"}
    ]
    assert refusals == [403] * 8


async def test_forms_that_another_made_are_refused(town_house: House) -> None:
    dora = await make_account(town_house)
    root, page = await at(town_house, "/accounts")
    other, theirs = await at(town_house, "/account", "other", "administrator")
    fields = {"account": dora.id, "do": "deactivate"}
    for forged in (
        {},
        {"form": "x"},
        {"form": "AAAA"},
        form(theirs, "/account/sessions").fields,
        {"form": form(page, "sign-out").fields["form"][:-2]},
    ):
        refused = await root.post(f"{town_house.root}{ONE}", {**fields, **forged})
        assert (refused.answer.status_code, "no longer good" in refused.text) == (400, True)
    assert (await account_of(town_house, dora.id)).active
    done = await other.post(f"{town_house.root}{ONE}", {**fields, **form(theirs, "/account/sessions").fields})
    assert "is deactivated" in done.text


async def test_a_form_is_good_for_a_while(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(town_house, monkeypatch)
    browser, page = await at(town_house, "/account")
    for _ in range(2):
        time.ahead += 1000 * SECOND
        await browser.go(f"{town_house.root}/account")
    assert "no longer good" in (await press(browser, page, "/account/sessions")).text


@pytest.mark.parametrize(
    "body", [b"form=%ff", b"form=" + b"a" * 5000, b"account=1&account=2", b"=" * 400, b""], ids=range(5)
)
async def test_forms_that_cannot_be_read_are_refused(town_house: House, body: bytes) -> None:
    browser, page = await at(town_house, "/account")
    sealed = form(page, "/account/sessions").fields["form"].encode()
    for path in (ONE, "/accounts/invite", "/account/password", "/account/second-factor", "/invitation"):
        for content in (body, b"form=" + sealed + b"&" + body):
            answer = await browser.http.post(
                f"{town_house.root}{path}", content=content, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
            assert 400 <= answer.status_code < 500
            assert answer.headers["content-type"].startswith("text/html")


async def test_the_list_finds_people_in_pages(town_house: House) -> None:
    for number in range(ON_A_PAGE + 3):
        await add(
            own(town_house),
            NewAccount(f"nurse{number:02}", ["staff"], f"Nurse {number:02}", email=f"n{number}@ward.example"),
        )
    browser, page = await at(town_house, "/accounts")
    assert f"{ON_A_PAGE + 5} accounts" in page.text
    assert "Page 1 of 2" in page.text
    following = re.search(r'href="([^"]*)" rel="next"', page.text)
    assert following is not None
    second = await browser.go(following[1])
    names = [re.findall(r'class="row" href="[^"]*">([^<]*)<', p.text) for p in (page, second)]
    assert [len(found) for found in names] == [ON_A_PAGE, 5]
    shown = [name for found in names for name in found]
    assert shown == sorted(shown, key=str.casefold)
    for words, count in (("nurse 03", 1), ("WARD.example", ON_A_PAGE + 3), ("nobody here", 0), ("nurse", ON_A_PAGE + 3)):
        found = await browser.go(f"{town_house.root}/accounts", find=words)
        assert f"{count} account" in found.text
    for number in ("0", "99", "-1", "x", "१"):
        assert (await browser.go(f"{town_house.root}/accounts", page=number)).answer.status_code == 200


async def test_an_account_is_modified_by_the_rules(town_house: House) -> None:
    dora = await make_account(town_house)
    browser, _ = await at(town_house, "/account")
    page = await one(town_house, browser, dora.id)
    good = {
        "display": "Dr. Dora", "email": "dora@example.org", "role": ["doctor", "auditor"], "fhir_user": "Practitioner/staff",
        "patient": "", "specialty": "epilepsy",
    }  # fmt: skip
    for change, words in (
        ({"role": []}, "one or more of the roles"),
        ({"role": ["boss"]}, "one or more of the roles"),
        ({"fhir_user": "Practitioner/none"}, "that is there"),
        ({"fhir_user": "Patient/p1"}, "that is there"),
        ({"fhir_user": "../x"}, "that is there"),
        ({"specialty": "magic"}, "specialties that the server knows"),
        ({"email": "no address"}, "e-mail address"),
        ({"patient": "a b"}, "id of a Patient"),
        ({"role": ["patient"]}, "say whose"),
        ({"display": "x" * 201}, "200"),
    ):
        refused = await press(browser, page, ONE, "save", **{**good, **change})
        assert refused.answer.status_code == 400
        assert words in alert(refused)
        assert refused.text.count('aria-invalid="true"') == 1
    assert await account_of(town_house, dora.id) == dora
    page = await press(browser, page, ONE, "save", **good)
    assert "The changes are saved" in page.text
    assert page.title == "Dr. Dora - Assent"
    after = await account_of(town_house, dora.id)
    assert (after.display, after.email, after.roles, after.fhir_user, after.specialty) == (
        "Dr. Dora", "dora@example.org", ("doctor", "auditor"), "Practitioner/staff", "epilepsy",
    )  # fmt: skip
    assert (await one(town_house, browser, "00000000-0000-0000-0000-000000000000")).answer.status_code == 404


async def test_whose_record_a_patient_reads_is_changed_with_who_they_are(town_house: House) -> None:
    ann = await make_account(town_house, "ann", "patient", fhir_user="Patient/p1", patient="p1")
    browser, _ = await at(town_house, "/account")
    page = await one(town_house, browser, ann.id)
    given = {
        "display": "Ann",
        "role": ["patient"],
        "fhir_user": "Patient/p1",
        "patient": "p2",
        "specialty": "",
        "email": "",
    }
    assert "saved" in (await press(browser, page, ONE, "save", **given)).text
    after = await account_of(town_house, ann.id)
    assert (after.patient, after.fhir_user) == ("p2", "Patient/p2")


async def test_another_role_ends_tokens_that_say_the_old_one(town_house: House) -> None:
    dora = await make_account(town_house)
    app = App(town_house, scope="user/*.rs offline_access")
    tokens = await app.tokens(None)
    browser, _ = await at(town_house, "/account")
    page = await one(town_house, browser, dora.id)
    kept = {"display": "Dora", "role": ["doctor"], "fhir_user": dora.fhir_user, "patient": "", "specialty": "", "email": ""}
    page = await press(browser, page, ONE, "save", **kept)
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200  # only the name changed
    await press(browser, page, ONE, "save", **{**kept, "role": ["auditor"]})
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    following = (await app.refresh(tokens["refresh_token"])).json()
    assert (await app.get("/Patient/p1", following["access_token"])).status_code in {403, 404}
    assert "user/Patient" not in following["scope"]


@pytest.mark.parametrize("engine", ENGINES)
async def test_deactivation_ends_everything_at_once(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house_on(engine, tmp_path / "data") as house:
        await people(house)
        time = Time(house, monkeypatch)
        dora = await make_account(house)
        theirs, _ = await at(house, "/account", "dora", "doctor")
        app = App(house, scope="user/*.rs offline_access")
        tokens = await app.tokens(None)
        code = await app.code(None)
        browser, _ = await at(house, "/account")
        page = await press(browser, await one(house, browser, dora.id), ONE, "deactivate")
        assert "is deactivated" in page.text
        assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
        assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await app.redeem(code)).json()["error"] == "invalid_grant"
        assert "Sign in" in (await theirs.go(f"{house.root}/account")).title
        with pytest.raises(SignInRefusedError):
            await sign_in(own(house), "dora", PASSWORD)
        page = await press(browser, page, ONE, "reactivate")
        assert "active again" in page.text
        assert "Sign in" in (await theirs.go(f"{house.root}/account")).title  # what was ended stays ended
        assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        time.ahead += 61 * SECOND
        anew = await app.tokens(None)
        assert (await app.refresh(anew["refresh_token"])).status_code == 200


async def test_sessions_are_ended_and_names_unlocked(town_house: House) -> None:
    dora = await make_account(town_house)
    theirs, _ = await at(town_house, "/account", "dora", "doctor")
    app = App(town_house, scope="user/*.rs offline_access")
    tokens = await app.tokens(None)
    browser, _ = await at(town_house, "/account")
    page = await one(town_house, browser, dora.id)
    assert "<dt>Sessions</dt><dd>2</dd>" in page.text
    page = await press(browser, page, ONE, "sessions")
    assert "<dt>Sessions</dt><dd>0</dd>" in page.text
    assert "Sign in" in (await theirs.go(f"{town_house.root}/account")).title
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    for _ in range(attempts.FREE):
        with pytest.raises(SignInRefusedError):
            await sign_in(own(town_house), "dora", "wrong")
    with pytest.raises(SignInRefusedError, match="too many"):
        await sign_in(own(town_house), "dora", PASSWORD)
    page = await one(town_house, browser, dora.id)
    assert "has to wait" in page.text
    page = await press(browser, page, ONE, "unlock")
    assert "has to wait" not in page.text
    assert (await sign_in(own(town_house), "dora", PASSWORD)) is not None


async def test_after_a_hundred_tries_a_name_rests_for_a_day(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """NIST SP 800-63B-4 3.2.2."""
    time = Time(town_house, monkeypatch)
    await make_account(town_house)
    tries = 0
    while tries < attempts.MOST:
        tries = await attempts.count(own(town_house), "dora")
        time.ahead += attempts.LONGEST
    with pytest.raises(SignInRefusedError, match=r"Wait 14\d\d minutes"):
        await sign_in(own(town_house), "dora", PASSWORD)
    time.ahead += attempts.FORGOTTEN
    assert await sign_in(own(town_house), "dora", PASSWORD)


async def test_the_last_administrator_stays_one(town_house: House) -> None:
    root = await make_account(town_house, "root", "administrator")
    browser, _ = await at(town_house, "/account")
    page = await one(town_house, browser, root.id)
    kept = {"display": "Root", "role": ["staff"], "fhir_user": root.fhir_user, "patient": "", "specialty": "", "email": ""}
    assert alert(await press(browser, page, ONE, "deactivate")) == LAST
    assert alert(await press(browser, page, ONE, "save", **kept)) == LAST
    await press(
        browser,
        await browser.go(f"{town_house.root}/accounts/invite"),
        "/accounts/invite",
        name="new",
        role="administrator",
    )
    assert alert(await press(browser, page, ONE, "deactivate")) == LAST  # who was only invited does not count
    await make_account(town_house, "second", "administrator")
    assert "saved" in (await press(browser, page, ONE, "save", **{**kept, "role": ["administrator", "staff"]})).text
    page = await press(browser, page, ONE, "deactivate")
    assert "Sign in" in page.title  # it was their own


@pytest.mark.parametrize("engine", ENGINES)
async def test_of_two_administrators_who_end_each_other_one_stays(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house:
        accounts = [await make_account(house, name, "administrator") for name in ("one", "two")]
        one, two = [found for account in accounts if (found := await find(own(house), account.id)) is not None]
        ends = (deactivate(own(house), one, []), modify(own(house), two, AccountChange(roles=["staff"]), []))
        outcomes = await asyncio.gather(*ends, return_exceptions=True)
        assert sum(isinstance(outcome, StaleVersionError | AccountError) for outcome in outcomes) == 1
        left = [await account_of(house, account.id) for account in accounts]
        assert sum(administers(account) for account in left) == 1


async def test_ones_own_password_is_changed_with_the_old_one(town_house: House) -> None:
    browser, page = await at(town_house, "/account", "dora", "doctor")
    elsewhere, _ = await at(town_house, "/account", "dora", "doctor")
    app = App(town_house, scope="user/*.rs offline_access")
    tokens = await app.tokens(None)
    path = "/account/password"
    for fields, words in (
        ({"current": "wrong", "password": OTHER_PASSWORD, "again": OTHER_PASSWORD}, "password is not right"),
        ({"current": PASSWORD, "password": OTHER_PASSWORD, "again": "x"}, "not the same"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "15 characters"),
        ({"current": PASSWORD, "password": "doradoradoradora", "again": "doradoradoradora"}, "first that anybody"),
        ({"current": PASSWORD, "password": "", "again": ""}, "15 characters"),
    ):
        refused = await press(browser, page, path, **fields)
        assert words in alert(refused)
        assert refused.text.count('aria-invalid="true"') == 1
        assert OTHER_PASSWORD not in refused.text
    page = await press(browser, page, path, current=PASSWORD, password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert "Your password was changed" in page.text  # this browser stays
    assert "Sign in" in (await elsewhere.go(f"{town_house.root}/account")).title
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert await sign_in(own(town_house), "dora", OTHER_PASSWORD)
    for _ in range(attempts.FREE):
        await press(browser, page, path, current="wrong", password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    slowed = await press(browser, page, path, current=OTHER_PASSWORD, password=PASSWORD, again=PASSWORD)
    assert "too many tries" in alert(slowed)


async def test_ones_sessions_are_told_and_ended_together(town_house: House) -> None:
    phone = Browser(town_house)
    phone.http.headers["User-Agent"] = "A phone <b>" + "x" * 500
    await make_account(town_house)
    await phone.sign_in(await phone.go(f"{town_house.root}/account"))
    await at(town_house, "/account", "other", "doctor")
    browser, page = await at(town_house, "/account", "dora", "doctor")
    assert page.text.count("last used") == 2
    assert page.text.count("This browser.") == 1
    assert "A phone &lt;b&gt;xxx" in page.answer.text
    assert "x" * 201 not in page.text
    page = await press(browser, page, "/account/sessions")
    assert "Sign in" in page.title
    assert "Sign in" in (await phone.go(f"{town_house.root}/account")).title


async def test_signing_out_ends_this_session_alone(town_house: House) -> None:
    browser, page = await at(town_house, "/account", "dora", "doctor")
    other, _ = await at(town_house, "/account", "dora", "doctor")
    assert "Sign in" in (await press(browser, page, "/account/sign-out")).title
    assert "Your account" in (await other.go(f"{town_house.root}/account")).title


async def test_sessions_of_the_own_pages_end_without_use_and_at_their_end(
    town_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(town_house, monkeypatch)
    settings = town_house.services.settings
    browser, _ = await at(town_house, "/account", "dora", "doctor")
    time.ahead += (settings.session_idle - 5) * SECOND
    assert "Your account" in (await browser.go(f"{town_house.root}/account")).title
    time.ahead += (settings.session_idle + 1) * SECOND
    assert "Sign in" in (await browser.go(f"{town_house.root}/account")).title
    browser, _ = await at(town_house, "/account", "dora", "doctor")
    for _ in range(settings.session_lifetime // 1500):
        time.ahead += 1500 * SECOND
        page = await browser.go(f"{town_house.root}/account")
    assert "Your account" in page.title
    time.ahead += 1500 * SECOND
    assert "Sign in" in (await browser.go(f"{town_house.root}/account")).title


async def test_tenants_have_accounts_apart(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house:
        await people(house)
        await house.services.keyring.make("north")
        dora = await make_account(house)
        browser, page = await at(house, "/accounts", tenant="north")
        assert "1 account" in page.text
        assert "dora" not in page.text
        assert (await one(house, browser, dora.id, "/t/north")).answer.status_code == 404
        assert "Sign in" in (await browser.go(f"{house.root}/accounts")).title  # of the tenant `default`
        mine = form(page, "/account/sign-out").fields
        answer = await browser.http.post(
            f"{house.root}/t/north{ONE}", data={**mine, "account": dora.id, "do": "deactivate"}
        )
        assert answer.status_code == 404
        assert (await account_of(house, dora.id)).active


async def test_each_change_is_in_the_audit_trail_and_no_secret(town_house: House) -> None:
    dora = await make_account(town_house)
    browser, _ = await at(town_house, "/account")
    for button in ("sessions", "unlock", "link", "uninvite", "deactivate", "reactivate"):
        page = await one(town_house, browser, dora.id)
        mine = form(page, ONE, "save").fields
        answer = await browser.post(f"{town_house.root}{ONE}", {**mine, "do": button})
        assert answer.answer.status_code == 200
    root = (await make_account(town_house, "root")).id
    kept = [
        record for record in await records(town_house) if record.subject == root and record.interaction.startswith("$user-")
    ]
    assert [record.interaction for record in kept if record.interaction != "$user-read"] == [
        "$user-end-sessions", "$user-unlock", "$user-invite", "$user-uninvite", "$user-deactivate", "$user-reactivate",
    ]  # fmt: skip
    assert {record.query for record in kept} == {"name=dora"}
    assert {record.roles for record in kept} == {("administrator",)}
