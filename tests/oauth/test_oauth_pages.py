"""The pages: headers against framing and scripts, cookies, one text for all failed sign-ins, sessions that end."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from in_process import House, running_house
from oauth_app import PASSWORD, App, Browser, Page, make_account, make_client, own, people, sent_to

from server.accounts import attempts, password
from server.accounts.account import Account, AccountError, NewAccount, add, find, find_by_name
from server.accounts.account import deactivated as deactivation
from server.accounts.demo import demo_accounts
from server.accounts.sign_in import REFUSED, SignInRefusedError, sign_in
from server.oauth.administration import change_password

AS_IT_IS = password._hasher


async def sign_in_page(house: House, browser: Browser | None = None) -> Page:
    app = App(house)
    return await (browser or Browser(house)).go(f"{app.issuer}/oauth/authorize", **app.request())


async def every_page(house: House) -> list[Page]:
    browser = Browser(house)
    app = App(house, scope="launch/patient launch/encounter patient/*.rs")
    first = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    wrong = await browser.sign_in(first, "dora", "wrong")
    choose = await browser.sign_in(first)
    form = choose.forms[0]
    found = await browser.post(form.action, {**form.fields, "do": "search", "name": "a"})
    visit = await browser.choose(choose, "p1")
    consent = await browser.post(visit.forms[0].action, {**visit.forms[0].fields, "do": "none"})
    problem = await browser.go(f"{house.root}/oauth/authorize")
    return [first, wrong, choose, found, visit, consent, problem]


async def test_no_page_can_be_framed_scripted_or_cached(town_house: House) -> None:
    for page in await every_page(town_house):
        headers = page.answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "<script" not in page.answer.text
        assert not re.search(r"\son\w+=|style=", page.answer.text)


async def test_every_page_can_be_used_by_keyboard_and_screen_reader(town_house: House) -> None:
    """A language, a title, one main heading, a label for every field, errors announced and tied to their field."""
    for page in await every_page(town_house):
        text = page.answer.text
        assert '<html lang="en">' in text
        assert "<title>" in text
        assert text.count("<h1>") == 1
        assert "<main>" in text
        assert 'name="viewport"' in text
        ids = re.findall(r'<input type="(?:text|password|date)" id="(\w+)"', text)
        assert len(re.findall(r'<input type="(?:text|password|date)"', text)) == len(ids)
        assert all(f'<label for="{id_}">' in text for id_ in ids)
        for box in re.finditer(r'<input type="checkbox"', text):
            assert text.rindex("<label", 0, box.start()) > text.rfind("</label>", 0, box.start())
        assert text.count("<fieldset>") == text.count("<legend>")
        if page.answer.status_code >= 400:
            assert 'role="alert"' in text
    style = await Browser(town_house).http.get(f"{town_house.root}/oauth/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "focus-visible" in style.text


async def test_a_consent_form_may_end_at_the_app_and_nowhere_else(town_house: House) -> None:
    *_, consent, _ = await every_page(town_house)
    assert "form-action 'self' https://app.example" in consent.answer.headers["content-security-policy"]


async def test_names_from_outside_are_escaped(town_house: House) -> None:
    evil = '"><script>alert(1)</script>'
    browser = Browser(town_house)
    page = await browser.sign_in(await sign_in_page(town_house, browser), evil, "x")
    assert "<script" not in page.answer.text
    assert evil in page.text


async def test_cookies_are_for_this_server_alone(tmp_path: Path) -> None:
    for base, prefix, secure in (("http://127.0.0.1:8080", "", False), ("https://ehr.example", "__Host-", True)):
        async with running_house(tmp_path / prefix / "data", ASSENT_BASE_URL=base) as house:
            house.root = base
            await make_account(house)
            await make_client(house)
            app, browser = App(house), Browser(house)
            answer = await browser.http.get(f"{base}/oauth/authorize", params=app.request())
            answer = await browser.http.get(answer.headers["location"])
            set_cookie = answer.headers["set-cookie"]
            assert set_cookie.startswith(f"{prefix}assent-browser-default=")
            signed = await browser.http.post(
                f"{base}/oauth/sign-in", data={**Page(answer).forms[0].fields, "name": "dora", "password": PASSWORD}
            )
            session = signed.headers["set-cookie"]
            assert session.startswith(f"{prefix}assent-session-default=")
            for header in (set_cookie, session):
                assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
                assert ("Secure" in header.split("; ")) is secure
                assert "Domain" not in header


async def test_unknown_names_and_wrong_passwords_are_told_alike(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text, status and size; and a password is hashed in each case, so that the work is the same."""
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            verified.append(str(hash)[:9])
            return super().verify(hash, password)

    cheap = Counting(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(password, "_hasher", lambda: cheap)
    deactivated = await make_account(town_house, "gone")
    found = await find(own(town_house), deactivated.id)
    assert found is not None
    await own(town_house).commit([deactivation(own(town_house), found)])
    texts = set()
    for name, word in (("dora", "wrong password"), ("nobody", "wrong password"), ("gone", PASSWORD), ("DORA ", "x")):
        browser = Browser(town_house)
        page = await browser.sign_in(await sign_in_page(town_house, browser), name, word)
        assert page.answer.status_code == 400
        texts.add(re.sub(r'value="[^"]*"', "", page.text))
    assert len(texts) == 1
    assert REFUSED in texts.pop()
    assert verified == ["$argon2id"] * 4


async def test_tries_are_slowed_down_alike_for_every_name(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dora", "nobody"):
        for _ in range(attempts.FREE):
            with pytest.raises(SignInRefusedError, match="not right"):
                await sign_in(own(town_house), name, "wrong")
        with pytest.raises(SignInRefusedError, match=r"too many tries.*Wait 1 minute,"):
            await sign_in(own(town_house), name, PASSWORD)
    ahead = 0
    services = town_house.services
    monkeypatch.setattr(type(services), "now", lambda self: int(self.clock().timestamp() * 1_000_000) + ahead)
    waits = []
    for _ in range(8):
        ahead += 3600 * 1_000_000
        with pytest.raises(SignInRefusedError, match="not right"):
            await sign_in(own(town_house), "nobody", "wrong")
        with pytest.raises(attempts.WaitError) as error:
            await attempts.count(own(town_house), "nobody")
        waits.append(error.value.seconds)
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900]
    assert isinstance(await sign_in(own(town_house), "dora", PASSWORD), Account)
    with pytest.raises(SignInRefusedError, match="not right"):
        await sign_in(own(town_house), "dora", "wrong")


async def test_tries_at_the_same_moment_count_each(town_house: House) -> None:
    outcomes = await asyncio.gather(*[sign_in(own(town_house), "dora", "wrong") for _ in range(20)], return_exceptions=True)
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, SignInRefusedError)]
    assert codes.count("sign-in-refused") == attempts.FREE
    assert codes.count("sign-in-slowed-down") == 20 - attempts.FREE


async def test_a_session_ends_without_use_and_at_its_end(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app, browser = App(town_house, scope="user/*.rs"), Browser(town_house)
    ahead = 0
    monkeypatch.setattr(type(town_house.services), "now", lambda self: int(self.clock().timestamp() * 1_000_000) + ahead)

    async def title() -> str:
        return (await browser.go(f"{app.issuer}/oauth/authorize", **app.request())).title

    await browser.sign_in(await sign_in_page(town_house, browser))
    ahead += 1700 * 1_000_000
    assert "Allow access" in await title()
    ahead += 1700 * 1_000_000
    assert "Allow access" in await title()  # it was used meanwhile
    ahead += 1801 * 1_000_000
    assert "Sign in" in await title()
    await browser.sign_in(await sign_in_page(town_house, browser))
    for _ in range(28):
        ahead += 1500 * 1_000_000
        assert "Allow access" in await title()
    ahead += 1500 * 1_000_000
    assert "Sign in" in await title()  # twelve hours are over


async def test_signing_in_begins_a_new_session_and_signing_out_ends_it(town_house: House) -> None:
    browser = Browser(town_house)
    browser.http.cookies.set("assent-session-default", "fixed-by-an-attacker")
    page = await browser.sign_in(await sign_in_page(town_house, browser))
    value = {cookie.name: cookie.value for cookie in browser.http.cookies.jar if cookie.domain != ""}[
        "assent-session-default"
    ]
    assert value != "fixed-by-an-attacker"
    thief = Browser(town_house)
    thief.http.cookies.set("assent-session-default", str(value))
    assert "Sign in" not in (await sign_in_page(town_house, thief)).title
    page = await browser.choose(page, "p1")
    await browser.post(page.forms[1].action, page.forms[1].fields)
    assert "Sign in" in (await sign_in_page(town_house, thief)).title


@pytest.mark.parametrize(
    ("word", "is_good"),
    [
        ("short", False),
        ("a" * 14, False),
        ("passwordpassword", False),
        ("P@ssw0rd1234567", False),
        ("qwertyuiopasdfgh", False),
        ("123456789012345678", False),
        ("abcabcabcabcabcabc", False),
        ("doradoradora2026", False),
        ("x" * 257, False),
        ("correct horse battery", True),
        ("ünïcödé is welcome hère", True),
        ("onlylowercaselettersthatarelong", True),
    ],
)
async def test_new_passwords_are_long_and_not_the_first_to_be_tried(town_house: House, word: str, is_good: bool) -> None:
    new = NewAccount("dora2", ["staff"], password=word)
    if is_good:
        account = await add(own(town_house), new)
        assert (await sign_in(own(town_house), "DORA2", word)).id == account.id
    else:
        with pytest.raises(AccountError) as error:
            await add(own(town_house), new)
        assert word not in str(error.value)


async def test_what_a_password_costs_and_how_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_hasher", AS_IT_IS)
    async with running_house(tmp_path / "data") as house:
        account = await make_account(house)
        assert account.password.startswith(f"$argon2id$v=19$m={password.MEMORY_KIB},t=1,p=1$")
        assert (await sign_in(own(house), "dora", PASSWORD)).id == account.id
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    for secret in (PASSWORD, "dora", "argon2id", "Practitioner/doctor"):
        assert secret.encode() not in stored


async def test_the_demo_accounts_exist_with_the_sample_only(practice: House, tmp_path: Path) -> None:
    assert practice.application.demo_accounts == []  # this house was started without
    accounts = {found.name: found.password for found in await demo_accounts(own(practice))}
    assert set(accounts) == {"administrator", "doctor", "staff"}
    assert len(set(accounts.values())) == 3
    assert (await sign_in(own(practice), "doctor", accounts["doctor"])).fhir_user == "Practitioner/doctor"
    async with running_house(tmp_path / "other") as other:
        with pytest.raises(SignInRefusedError):
            await sign_in(own(other), "doctor", accounts["doctor"])
        await people(other)


async def test_an_account_that_got_another_password_is_printed_no_more(practice: House) -> None:
    await demo_accounts(own(practice))
    found = await find_by_name(own(practice), "staff")
    assert found is not None
    await change_password(own(practice), found, PASSWORD, [])
    assert {account.name for account in await demo_accounts(own(practice))} == {"administrator", "doctor"}


async def test_the_redirect_carries_no_referrer(town_house: House) -> None:
    app, browser = App(town_house, scope="user/*.rs"), Browser(town_house)
    page = await browser.allow(await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request())))
    assert sent_to(page)["code"]
    assert page.answer.headers["referrer-policy"] == "no-referrer"
    assert page.answer.headers["cache-control"] == "no-store"
